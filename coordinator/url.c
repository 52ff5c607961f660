#include "coordinator/url.h"

#include "lib/base/num.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static int v4_ok(const struct in_addr *a)
{
    uint32_t n = ntohl(a->s_addr);
    int is_link_local = (n >> 16) == 0xA9FE; /* 169.254/16 */
    int is_nobody = (n >> 24) == 0;          /* 0/8 */
    int is_shared = (n >> 28) >= 0xE;        /* multicast, reserved, broadcast */
    return !is_link_local && !is_nobody && !is_shared;
}

static int v6_ok(const struct in6_addr *a)
{
    return !IN6_IS_ADDR_UNSPECIFIED(a) && !IN6_IS_ADDR_MULTICAST(a) && !IN6_IS_ADDR_LINKLOCAL(a) && !IN6_IS_ADDR_V4MAPPED(a) &&
           !IN6_IS_ADDR_SITELOCAL(a) && (IN6_IS_ADDR_LOOPBACK(a) || !IN6_IS_ADDR_V4COMPAT(a));
}

int url_ok(const char *url)
{
    char host[INET6_ADDRSTRLEN];
    struct in_addr v4;
    struct in6_addr v6;
    uint64_t port;
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        return 0;
    const char *p = strchr(url, '/') + 2;
    int is_v6 = *p == '[';
    p += is_v6;
    const char *end = strchr(p, is_v6 ? ']' : ':');
    if (!end || (size_t)(end - p) >= sizeof host)
        return 0;
    memcpy(host, p, (size_t)(end - p));
    host[end - p] = '\0';
    end += is_v6;
    if (*end != ':' || num_parse_u64(end + 1, 65535, &port) != ERR_OK || port == 0)
        return 0;
    if (is_v6)
        return inet_pton(AF_INET6, host, &v6) == 1 && v6_ok(&v6);
    return inet_pton(AF_INET, host, &v4) == 1 && v4_ok(&v4);
}
