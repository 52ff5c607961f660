#include "fcgi/listen.h"

#include "lib/base/log.h"
#include "lib/base/num.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 1024
#define UNIX_PREFIX "unix:"

union address {
    struct sockaddr any;
    struct sockaddr_un local;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static const char *unix_path(const char *address)
{
    return strncmp(address, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0 ? address + strlen(UNIX_PREFIX) : NULL;
}

static enum err parse_unix(const char *path, union address *out, socklen_t *len)
{
    if (!*path || strlen(path) >= sizeof(out->local.sun_path))
        return ERR_SYNTAX;
    out->local.sun_family = AF_UNIX;
    memcpy(out->local.sun_path, path, strlen(path) + 1);
    *len = sizeof(out->local);
    return ERR_OK;
}

/* "127.0.0.1:9000" or "[::1]:9000". */
static enum err parse_inet(const char *address, union address *out, socklen_t *len)
{
    char host[INET6_ADDRSTRLEN + 2];
    uint64_t port;
    const char *colon = strrchr(address, ':');
    size_t n = colon ? (size_t)(colon - address) : 0;
    if (n == 0 || n >= sizeof(host) || num_parse_u64(colon + 1, 65535, &port))
        return ERR_SYNTAX;
    memcpy(host, address, n);
    host[n] = '\0';
    if (host[0] == '[' && host[n - 1] == ']') {
        host[n - 1] = '\0';
        out->v6.sin6_family = AF_INET6;
        out->v6.sin6_port = htons((uint16_t)port);
        *len = sizeof(out->v6);
        return inet_pton(AF_INET6, host + 1, &out->v6.sin6_addr) == 1 ? ERR_OK : ERR_SYNTAX;
    }
    out->v4.sin_family = AF_INET;
    out->v4.sin_port = htons((uint16_t)port);
    *len = sizeof(out->v4);
    return inet_pton(AF_INET, host, &out->v4.sin_addr) == 1 ? ERR_OK : ERR_SYNTAX;
}

/* Removes a socket file whose listener died. Anything else that lies there is left alone. */
static enum err clear_path(const union address *a, socklen_t len)
{
    const char *path = a->local.sun_path;
    struct stat st;
    if (lstat(path, &st) != 0)
        return errno == ENOENT ? ERR_OK : ERR_IO;
    if (!S_ISSOCK(st.st_mode)) {
        log_write(LOG_ERROR, "listen", "%s is there and is no socket", path);
        return ERR_CONFLICT;
    }
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int taken = probe >= 0 && connect(probe, &a->any, len) == 0;
    if (probe >= 0)
        close(probe);
    if (taken) {
        log_write(LOG_ERROR, "listen", "somebody listens on %s", path);
        return ERR_CONFLICT;
    }
    return unlink(path) == 0 || errno == ENOENT ? ERR_OK : ERR_IO;
}

static enum err bind_and_listen(int fd, const union address *a, socklen_t len)
{
    int on = 1;
    if (a->any.sa_family != AF_UNIX && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0)
        return ERR_IO;
    if (bind(fd, &a->any, len) != 0)
        return errno == EADDRINUSE ? ERR_CONFLICT : ERR_IO;
    if (a->any.sa_family == AF_UNIX && chmod(a->local.sun_path, 0660) != 0)
        return ERR_IO;
    return listen(fd, BACKLOG) == 0 ? ERR_OK : ERR_IO;
}

enum err listen_open(const char *address, int *fd)
{
    union address a;
    socklen_t len = 0;
    memset(&a, 0, sizeof(a));
    const char *path = unix_path(address);
    enum err e = path ? parse_unix(path, &a, &len) : parse_inet(address, &a, &len);
    if (e) {
        log_write(LOG_ERROR, "listen", "%s is neither unix:PATH (1 to %zu bytes) nor ADDRESS:PORT with a numeric address", address,
            sizeof(a.local.sun_path) - 1);
        return e;
    }
    if (path && (e = clear_path(&a, len)) != ERR_OK)
        return e;
    int s = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    e = s < 0 ? ERR_IO : bind_and_listen(s, &a, len);
    if (e) {
        log_write(LOG_ERROR, "listen", "cannot listen on %s: %s", address, strerror(errno));
        if (s >= 0)
            close(s);
        return e;
    }
    *fd = s;
    return ERR_OK;
}

void listen_close(const char *address, int fd)
{
    const char *path = unix_path(address);
    close(fd);
    if (path)
        unlink(path);
}
