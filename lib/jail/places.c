#include "lib/jail/internal.h"

#include "lib/base/num.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ABI_MIN 2 /* ABI 1 forbids every rename from folder to folder, and with that what a node does with each file */
#define UNIX_PREFIX "unix:"

/* What libc and the libraries read now and then: modules of the name service and what they are set up by, time zones, the number of processors, a heap's room. All of it is public. */
static const char *const common[] = {
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/etc/ld.so.cache",
    "/etc/nsswitch.conf",
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/protocols",
    "/etc/localtime",
    "/etc/timezone",
    "/usr/share/zoneinfo",
    "/etc/ssl/openssl.cnf",
    "/dev/urandom",
    "/dev/random",
    "/proc/sys/vm/overcommit_memory",
    "/sys/devices/system/cpu",
};

/* A rule set that is being filled. */
struct set {
    int fd, abi;
    unsigned n_places, n_ports;
    const char *failed; /* the place whose rule the kernel refused */
    int error;
};

/* What is not there, or not ours to reach, needs no rule. */
static int allow(struct set *s, const char *path, enum jail_use use)
{
    if (!path || landlock_allow_path(s->fd, s->abi, path, use) == 0) {
        s->n_places += path != NULL;
        return 1;
    }
    if (errno == ENOENT || errno == ENOTDIR || errno == EACCES)
        return 1;
    s->failed = path;
    s->error = errno;
    return 0;
}

/* The folder of a path: "." when it names none. Cut to what fits, which then is not there. */
static void folder_of(const char *path, char out[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        snprintf(out, PATH_MAX, ".");
    else
        snprintf(out, PATH_MAX, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

/* Where /etc/resolv.conf is a link, its target is replaced while we run: then the folder that it is in is needed. */
static int allow_resolver(struct set *s)
{
    char target[PATH_MAX], folder[PATH_MAX];
    if (!realpath("/etc/resolv.conf", target))
        return 1;
    folder_of(target, folder);
    return strncmp(folder, "/etc", 4) == 0 || strcmp(folder, "/") == 0 || allow(s, folder, JAIL_READ);
}

/* A rule holds for an inode, and /proc makes a new one for us when it has forgotten the old: the descriptor that stays open keeps it. */
static int allow_proc_self(struct set *s)
{
    (void)open("/proc/self", O_PATH | O_CLOEXEC);
    return allow(s, "/proc/self", JAIL_READ) && (!JAIL_SANITIZED || allow(s, "/proc/self/exe", JAIL_READ));
}

static int allow_port(struct set *s, uint64_t port)
{
    if (landlock_allow_port(s->fd, s->abi, port) == 0) {
        s->n_ports++;
        return 1;
    }
    s->failed = "a port";
    s->error = errno;
    return 0;
}

/* An address that makes no sense gives nothing: who wants to listen there says so better. */
static int allow_listen(struct set *s, const char *listen)
{
    char folder[PATH_MAX];
    uint64_t port;
    if (strncmp(listen, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0) {
        folder_of(listen + strlen(UNIX_PREFIX), folder);
        return allow(s, folder, JAIL_SOCKET);
    }
    const char *colon = strrchr(listen, ':');
    return !colon || num_parse_u64(colon + 1, UINT16_MAX, &port) || allow_port(s, port);
}

static int allow_all(struct set *s, const struct jail *j)
{
    int ok = 1;
    for (size_t i = 0; ok && i < sizeof(common) / sizeof(common[0]); i++)
        ok = allow(s, common[i], JAIL_READ);
    ok = ok && allow(s, "/dev/null", JAIL_OWN) && allow_resolver(s) && allow_proc_self(s);
    for (size_t i = 0; ok && i < j->n_places; i++)
        ok = allow(s, j->places[i].path, j->places[i].use);
    for (size_t i = 0; ok && i < j->n_ports; i++)
        ok = j->ports[i] == 0 || allow_port(s, j->ports[i]);
    return ok && (!j->listen || allow_listen(s, j->listen));
}

static int enforce(struct set *s)
{
    if (landlock_enforce(s->fd) == 0)
        return 1;
    s->failed = "to be enforced";
    s->error = errno;
    return 0;
}

enum err places_close(const struct jail *j, char report[JAIL_REPORT_MAX])
{
    struct set s = {.abi = landlock_abi()};
    if (s.abi < ABI_MIN) {
        snprintf(report, JAIL_REPORT_MAX, s.abi ? "landlock is too old (ABI %d)" : "landlock is not there", s.abi);
        return ERR_UNAVAILABLE;
    }
    s.fd = landlock_new(s.abi);
    if (s.fd < 0) {
        snprintf(report, JAIL_REPORT_MAX, "landlock (ABI %d) gives no rules: %s", s.abi, strerror(errno));
        return ERR_UNAVAILABLE;
    }
    int ok = allow_all(&s, j) && enforce(&s);
    close(s.fd);
    if (ok)
        snprintf(report, JAIL_REPORT_MAX, "landlock (ABI %d): %u places, TCP ports: %u%s", s.abi, s.n_places, s.n_ports,
            s.abi < 4 ? " (it cannot limit ports)" : "");
    else
        snprintf(report, JAIL_REPORT_MAX, "landlock (ABI %d) refused %.60s: %s", s.abi, s.failed, strerror(s.error));
    return ok ? ERR_OK : ERR_UNAVAILABLE;
}
