/* That a request with a cookie was made by our own pages: a token bound to the session, and what the browser says of the request's origin. */
#ifndef RB_LIB_AUTH_CSRF_H
#define RB_LIB_AUTH_CSRF_H

#include "lib/base/hash.h"

#define CSRF_SIZE HASH_HEX_SIZE /* 64 digits and NUL */

/* The token of a session: HMAC-SHA256 under SHA-256 of its secret. It tells nothing about the secret. */
void csrf_make(const char *session_secret, char out[CSRF_SIZE]);
/* True when `given` (NULL: no header) is that session's token. Constant time for texts of the right length. */
int csrf_check(const char *session_secret, const char *given);

enum csrf_origin {
    CSRF_SAME,    /* one of our pages, or the person's own doing */
    CSRF_FOREIGN, /* refuse: 403 */
    CSRF_UNKNOWN  /* no browser says such a thing: fine with a token of a program, never with a cookie */
};
/* Where a request that changes something comes from, by its headers Sec-Fetch-Site, Origin and Host (NULL or "": not sent) and whether it came over TLS.
 * Sec-Fetch-Site has to be same-origin or none; Origin has to be our own scheme and host. What is sent has to agree; one of them is enough. */
enum csrf_origin csrf_origin(const char *sec_fetch_site, const char *origin, const char *host, int tls);

#endif
