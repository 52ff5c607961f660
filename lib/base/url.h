/* Addresses at which processes of a cluster find each other: which machine, which port, and whether by TLS. Pure: no name is ever looked up, so none can come to mean
 * another machine between two looks. */
#ifndef RB_LIB_BASE_URL_H
#define RB_LIB_BASE_URL_H

#include "lib/base/err.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define URL_HOST_SIZE 46 /* a numeric address, as text, with NUL */

union url_at {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct url {
    int is_tls;      /* https:// */
    union url_at at; /* with the port */
};

/* Reads http:// or https://, a numeric address (IPv6 in brackets), a colon, a port, and nothing else: no name, no user information, no path, no odd spelling such as
 * "0x7f.1". ERR_INVALID otherwise. */
enum err url_read(const char *text, struct url *out) MUST_CHECK;
/* Reads ADDR:PORT or [ADDR6]:PORT, as of --listen; port 0 is fine. ERR_INVALID otherwise. */
enum err url_read_listen(const char *text, union url_at *out) MUST_CHECK;
/* The address as text, without brackets and port; and the port. */
void url_host(const union url_at *at, char out[URL_HOST_SIZE]);
uint16_t url_port(const union url_at *at);

/* Whether an address can be one machine's own. It is not when it is unspecified, multicast, broadcast or reserved, link-local (169.254.169.254, where clouds keep
 * credentials, is among them), or IPv4 in IPv6 disguise (mapped, compatible, or what
 * NAT64, 6to4 and Teredo translate), or fd00:ec2::254. Of another family than IP: no. */
int url_is_machine(const struct sockaddr *at);
/* Whether it is this machine's own loopback. */
int url_is_loopback(const struct sockaddr *at);

/* The two together: whether text is an address that somebody may give as its own, for others to call (security-tests.md S21). */
int url_ok(const char *text);

#endif
