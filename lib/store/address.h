/* Where Redis is said to be: the setting --redis, cut into its parts. */
#ifndef RB_LIB_STORE_ADDRESS_H
#define RB_LIB_STORE_ADDRESS_H

#include "lib/base/err.h"

#include <stddef.h>
#include <stdint.h>

#define ADDRESS_HOST_MAX 254 /* a name of 253 bytes (RFC 1035 section 2.3.4) and NUL */
#define ADDRESS_PATH_MAX 108 /* sockaddr_un.sun_path */
#define ADDRESS_MASTER_MAX 64
#define ADDRESS_SENTINELS_MAX 9

/* One listening program: a numeric address or a name, and its port. */
struct address_place {
    char host[ADDRESS_HOST_MAX];
    uint16_t port;
};

struct address {
    enum { ADDRESS_UNIX, ADDRESS_TCP, ADDRESS_SENTINEL } kind;
    char path[ADDRESS_PATH_MAX];                        /* ADDRESS_UNIX */
    char master[ADDRESS_MASTER_MAX];                    /* ADDRESS_SENTINEL: what the sentinels call it */
    struct address_place places[ADDRESS_SENTINELS_MAX]; /* the sentinels, or Redis itself */
    size_t n_places;
};

/* "unix:PATH", "HOST:PORT" or "sentinel:HOST:PORT[,HOST:PORT…]/MASTER"; an IPv6 address stands in brackets. ERR_SYNTAX; *out untouched then. */
enum err address_parse(const char *text, struct address *out) MUST_CHECK;

/* True when both are the same words; two names of one machine are not. */
int address_place_equal(const struct address_place *a, const struct address_place *b);

#endif
