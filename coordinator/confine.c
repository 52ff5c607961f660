#include "coordinator/confine.h"

#include "lib/base/fs.h"
#include "lib/jail/jail.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum err confine_coordinator(const struct coordinator_settings *s, const char *words)
{
    const struct jail_place places[] = {
        {s->data, JAIL_OWN},
        {s->founding, JAIL_READ},
        {s->key, JAIL_READ},
        {s->tls.ca, JAIL_READ},
        {s->tls.cert, JAIL_READ},
        {s->tls.key, JAIL_READ},
        {s->redis_password_file, JAIL_READ},
    };
    const uint64_t ports[] = {s->index_port};
    const struct jail jail = {
        .words = words,
        .places = places,
        .n_places = COUNT(places),
        .listen = s->listen,
        .ports = ports,
        .n_ports = COUNT(ports),
    };
    /* A rule needs a folder that is there. When it cannot be made, whoever locks it says why. */
    enum err ignored = fs_mkdirs(s->data, COORDINATOR_DATA_MODE);
    (void)ignored;
    return jail_enter(&jail);
}
