#include "fcgi/confine.h"

#include "lib/base/fs.h"
#include "lib/jail/jail.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define DATA_MODE 0700

/* A unix socket is opened to nginx's group; threads that hash passwords give way. */
static const char *const calls[] = {"chmod", "fchmodat", "setpriority", NULL};

enum err confine_api(const struct confine_settings *s)
{
    const struct jail_place places[] = {
        {s->data, JAIL_OWN},
        {s->key, JAIL_READ},
        {s->tls.ca, JAIL_READ},
        {s->tls.cert, JAIL_READ},
        {s->tls.key, JAIL_READ},
        {s->redis_password_file, JAIL_READ},
        /* what libmagic knows files by */
        {"/etc/magic", JAIL_READ},
        {"/etc/magic.mgc", JAIL_READ},
        {"/usr/share/misc", JAIL_READ},
        {"/usr/share/file", JAIL_READ},
    };
    const struct jail jail = {.words = s->words, .places = places, .n_places = COUNT(places), .listen = s->listen, .calls = calls};
    /* A rule needs a folder that is there. When it cannot be made, whoever uses it says why. */
    enum err ignored = fs_mkdirs(s->data, DATA_MODE);
    (void)ignored;
    return jail_enter(&jail);
}
