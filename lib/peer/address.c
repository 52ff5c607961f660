#include "lib/peer/internal.h"

#include "lib/base/num.h"

#include <arpa/inet.h>
#include <string.h>

/* Only numbers: a name would have to be looked up, which blocks, and could come to mean another machine. So user information, paths
 * and odd spellings of addresses ("0x7f.1") have no way in either. */
enum err address_check(const char *url)
{
    char host[INET6_ADDRSTRLEN + 1];
    unsigned char address[sizeof(struct in6_addr)];
    const char *p, *end;
    uint64_t port;
    int family = AF_INET;

    if (strnlen(url, PEER_URL_MAX) == PEER_URL_MAX)
        return ERR_INVALID;
    if (strncmp(url, "http://", 7) == 0)
        p = url + 7;
    else if (strncmp(url, "https://", 8) == 0)
        p = url + 8;
    else
        return ERR_INVALID;
    if (*p == '[') {
        family = AF_INET6;
        p++;
    }
    end = family == AF_INET6 ? strchr(p, ']') : strchr(p, ':');
    if (!end || (size_t)(end - p) >= sizeof host)
        return ERR_INVALID;
    memcpy(host, p, (size_t)(end - p));
    host[end - p] = '\0';
    if (family == AF_INET6)
        end++;
    if (inet_pton(family, host, address) != 1 || *end != ':' || num_parse_u64(end + 1, 65535, &port) || port == 0)
        return ERR_INVALID;
    return ERR_OK;
}
