#include "cli/share_place.h"

#include "lib/base/num.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum err place_data(const char *xdg_data_home, const char *home, char *out, size_t size)
{
    int n;

    if (xdg_data_home && xdg_data_home[0] == '/')
        n = snprintf(out, size, "%s/ringbinder/peer", xdg_data_home);
    else if (home && *home)
        n = snprintf(out, size, "%s/.local/share/ringbinder/peer", home);
    else
        return ERR_NOT_FOUND;
    return n < 0 || (size_t)n >= size ? ERR_TOO_LARGE : ERR_OK;
}

void place_name(const char *host, char out[PLACE_NAME_SIZE])
{
    static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", lower[] = "abcdefghijklmnopqrstuvwxyz";
    size_t n = 0;

    /* Only the machine's own label: the rest is its network's. */
    for (; *host && *host != '.' && n + 1 < PLACE_NAME_SIZE; host++) {
        const char *capital = strchr(upper, *host);
        char c = *host;
        if (capital)
            c = lower[capital - upper];
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c == '-' && n > 0))
            out[n++] = c;
    }
    while (n > 0 && out[n - 1] == '-')
        n--;
    out[n] = '\0';
    if (n == 0)
        memcpy(out, "peer", sizeof "peer");
}

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } at;
    socklen_t len;
};

static enum err parse_url(const char *url, struct address *a)
{
    const char *from = strncmp(url, "http://", 7) == 0 ? url + 7 : strncmp(url, "https://", 8) == 0 ? url + 8 : NULL;
    char host[INET6_ADDRSTRLEN], port_text[8];
    const char *end;
    uint64_t port;
    int bracket;
    size_t len;

    if (!from)
        return ERR_INVALID;
    bracket = *from == '[';
    from += bracket;
    end = strpbrk(from, bracket ? "]" : ":");
    if (!end || (size_t)(end - from) >= sizeof host)
        return ERR_INVALID;
    memcpy(host, from, (size_t)(end - from));
    host[end - from] = '\0';
    end += bracket;
    len = strcspn(end, ",/");
    if (*end != ':' || len < 2 || len > sizeof port_text)
        return ERR_INVALID;
    memcpy(port_text, end + 1, len - 1);
    port_text[len - 1] = '\0';
    if (num_parse_u64(port_text, UINT16_MAX, &port) || port == 0)
        return ERR_INVALID;
    *a = (struct address){0};
    if (bracket) {
        a->at.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
        a->len = sizeof a->at.v6;
        return inet_pton(AF_INET6, host, &a->at.v6.sin6_addr) == 1 ? ERR_OK : ERR_INVALID;
    }
    a->at.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    a->len = sizeof a->at.v4;
    return inet_pton(AF_INET, host, &a->at.v4.sin_addr) == 1 ? ERR_OK : ERR_INVALID;
}

/* The address that datagrams to `there` would come from; the kernel finds it without sending any. */
static enum err own_address(const struct address *there, struct address *own)
{
    int fd = socket(there->at.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int ok;

    own->len = sizeof own->at;
    ok = fd >= 0 && connect(fd, &there->at.any, there->len) == 0 && getsockname(fd, &own->at.any, &own->len) == 0;
    if (fd >= 0)
        close(fd);
    return ok ? ERR_OK : ERR_UNAVAILABLE;
}

static void set_port(struct address *a, in_port_t port)
{
    if (a->at.any.sa_family == AF_INET6)
        a->at.v6.sin6_port = port;
    else
        a->at.v4.sin_port = port;
}

/* Taken for a moment and given back; somebody else may be faster, and then the node says so and ends. */
static enum err find_port(struct address *a)
{
    int fd = socket(a->at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int ok;

    set_port(a, 0);
    ok = fd >= 0 && bind(fd, &a->at.any, a->len) == 0 && getsockname(fd, &a->at.any, &a->len) == 0;
    if (fd >= 0)
        close(fd);
    return ok ? ERR_OK : ERR_UNAVAILABLE;
}

enum err place_listen(const char *coordinators, char out[PLACE_LISTEN_SIZE])
{
    struct address there, own;
    char host[INET6_ADDRSTRLEN];
    int is_v6;
    enum err e = parse_url(coordinators, &there);

    if (!e)
        e = own_address(&there, &own);
    if (!e)
        e = find_port(&own);
    if (e)
        return e;
    is_v6 = own.at.any.sa_family == AF_INET6;
    inet_ntop(own.at.any.sa_family, is_v6 ? (void *)&own.at.v6.sin6_addr : (void *)&own.at.v4.sin_addr, host, sizeof host);
    snprintf(out, PLACE_LISTEN_SIZE, is_v6 ? "[%s]:%u" : "%s:%u", host, (unsigned)ntohs(is_v6 ? own.at.v6.sin6_port : own.at.v4.sin_port));
    return ERR_OK;
}
