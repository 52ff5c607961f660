#include "lib/base/url.h"

#include "lib/base/num.h"

#include <arpa/inet.h>
#include <string.h>

/* An address, a colon and a port of at least port_min, to the end. */
static enum err read_at(const char *text, uint64_t port_min, union url_at *out)
{
    char host[URL_HOST_SIZE];
    uint64_t port;
    int is_v6 = *text == '[';
    const char *from = text + is_v6, *end = strchr(from, is_v6 ? ']' : ':');
    if (!end || (size_t)(end - from) >= sizeof host)
        return ERR_INVALID;
    memcpy(host, from, (size_t)(end - from));
    host[end - from] = '\0';
    end += is_v6;
    if (*end != ':' || num_parse_u64(end + 1, 65535, &port) || port < port_min)
        return ERR_INVALID;
    memset(out, 0, sizeof *out);
    if (is_v6) {
        out->v6.sin6_family = AF_INET6;
        out->v6.sin6_port = htons((uint16_t)port);
        return inet_pton(AF_INET6, host, &out->v6.sin6_addr) == 1 ? ERR_OK : ERR_INVALID;
    }
    out->v4.sin_family = AF_INET;
    out->v4.sin_port = htons((uint16_t)port);
    return inet_pton(AF_INET, host, &out->v4.sin_addr) == 1 ? ERR_OK : ERR_INVALID;
}

enum err url_read(const char *text, struct url *out)
{
    struct url url = {.is_tls = strncmp(text, "https://", 8) == 0};
    enum err e = url.is_tls || strncmp(text, "http://", 7) == 0 ? read_at(strchr(text, '/') + 2, 1, &url.at) : ERR_INVALID;
    if (!e)
        *out = url;
    return e;
}

enum err url_read_listen(const char *text, union url_at *out)
{
    union url_at at;
    enum err e = read_at(text, 0, &at);
    if (!e)
        *out = at;
    return e;
}

void url_host(const union url_at *at, char out[URL_HOST_SIZE])
{
    const void *from = at->any.sa_family == AF_INET6 ? (const void *)&at->v6.sin6_addr : (const void *)&at->v4.sin_addr;
    if (!inet_ntop(at->any.sa_family, from, out, URL_HOST_SIZE))
        out[0] = '\0';
}

uint16_t url_port(const union url_at *at)
{
    return ntohs(at->any.sa_family == AF_INET6 ? at->v6.sin6_port : at->v4.sin_port);
}

static int is_machine_v4(const struct in_addr *a)
{
    uint32_t n = ntohl(a->s_addr);
    int is_link_local = (n >> 16) == 0xA9FE; /* 169.254/16 */
    int is_nobody = (n >> 24) == 0;          /* 0/8 */
    int is_shared = (n >> 28) >= 0xE;        /* multicast, reserved, broadcast */
    return !is_link_local && !is_nobody && !is_shared;
}

/* IPv4 in other disguises: 64:ff9b::/96 (RFC 6052), 2002::/16 (RFC 3056), 2001::/32 (RFC 4380). A gateway would turn them back, into what is_machine_v4() refuses. */
static int is_translated(const struct in6_addr *a)
{
    static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b}, teredo[4] = {0x20, 0x01};
    return memcmp(a->s6_addr, nat64, sizeof nat64) == 0 || memcmp(a->s6_addr, teredo, sizeof teredo) == 0 ||
           (a->s6_addr[0] == 0x20 && a->s6_addr[1] == 0x02);
}

/* Where a cloud tells its machines their credentials, by IPv6. */
static int is_metadata(const struct in6_addr *a)
{
    static const uint8_t ec2[16] = {0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54};
    return memcmp(a->s6_addr, ec2, sizeof ec2) == 0;
}

static int is_machine_v6(const struct in6_addr *a)
{
    return !is_translated(a) && !is_metadata(a) && !IN6_IS_ADDR_UNSPECIFIED(a) && !IN6_IS_ADDR_MULTICAST(a) && !IN6_IS_ADDR_LINKLOCAL(a) &&
           !IN6_IS_ADDR_V4MAPPED(a) && !IN6_IS_ADDR_SITELOCAL(a) && (IN6_IS_ADDR_LOOPBACK(a) || !IN6_IS_ADDR_V4COMPAT(a));
}

/* Copied out: who hands over an address may have it in memory that is aligned for less. */
static union url_at copy(const struct sockaddr *at)
{
    union url_at a = {.any = {.sa_family = AF_UNSPEC}};
    if (at->sa_family == AF_INET)
        memcpy(&a.v4, at, sizeof a.v4);
    else if (at->sa_family == AF_INET6)
        memcpy(&a.v6, at, sizeof a.v6);
    return a;
}

int url_is_machine(const struct sockaddr *at)
{
    union url_at a = copy(at);
    switch (a.any.sa_family) {
    case AF_INET: return is_machine_v4(&a.v4.sin_addr);
    case AF_INET6: return is_machine_v6(&a.v6.sin6_addr);
    default: return 0;
    }
}

int url_is_loopback(const struct sockaddr *at)
{
    union url_at a = copy(at);
    switch (a.any.sa_family) {
    case AF_INET: return ntohl(a.v4.sin_addr.s_addr) >> 24 == 127;
    case AF_INET6: return IN6_IS_ADDR_LOOPBACK(&a.v6.sin6_addr);
    default: return 0;
    }
}

int url_ok(const char *text)
{
    struct url url;
    return url_read(text, &url) == ERR_OK && url_is_machine(&url.at.any);
}
