#include "node/confine.h"

#include "lib/jail/jail.h"

#include <stdlib.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Blobs are linked into place, flushed by range and by file system; shared folders are watched, opened beneath themselves and read under a lease; SQLite keeps the owner of its files;
 * background threads give way. */
static const char *const calls[] = {
    "linkat",
    "sync_file_range",
    "syncfs",
    "openat2",
    "inotify_init1",
    "inotify_add_watch",
    "inotify_rm_watch",
    "fchown",
    "setpriority",
    NULL,
};

enum err confine_node(const struct node_settings *s, const char *words)
{
    const struct jail_place places[] = {
        {s->data, JAIL_OWN},
        {s->share, JAIL_READ},
        {s->tls.ca, JAIL_READ},
        {s->tls.cert, JAIL_READ},
        {s->tls.key, JAIL_READ},
        {"/etc/machine-id", JAIL_READ}, /* which machine it stands on (place.c) */
        {"/proc/sys/kernel/random/boot_id", JAIL_READ},
    };
    const uint64_t ports[] = {s->obtain_port};
    const struct jail jail = {
        .words = words,
        .places = places,
        .n_places = COUNT(places),
        .listen = s->listen,
        .ports = ports,
        .n_ports = COUNT(ports),
        .calls = calls,
    };
    /* SQLite sorts what does not fit into memory in files of its own, and looks for a place in folders that are shut. */
    if (setenv("SQLITE_TMPDIR", s->data, 1) != 0)
        return ERR_NOMEM;
    return jail_enter(&jail);
}
