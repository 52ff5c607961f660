/* The session's cookie (RFC 6265): found in a Cookie header, written as a Set-Cookie value. */
#ifndef RB_LIB_AUTH_COOKIE_H
#define RB_LIB_AUTH_COOKIE_H

#include "lib/base/buf.h"

#include <stdint.h>

#define COOKIE_HEADER_MAX 4096

/* The session cookie's name: "__Host-sid" over TLS, which browsers take from no other host, path or plain http; else "sid". */
const char *cookie_name(int tls);

/* Copies the value of the cookie `name` (case counts). ERR_NOT_FOUND: the header is NULL or has none. ERR_AUTH: more than COOKIE_HEADER_MAX bytes, control characters, two of that
 * name, an empty value, one of other characters than RFC 6265 allows or that does not fit: such a header is nobody's honest mistake. Other cookies may look as they
 * like: they are their owners'. *out is untouched on failure. */
enum err cookie_find(const char *header, const char *name, char *out, size_t size) MUST_CHECK;

/* Appends the value of a Set-Cookie header that lasts max_age_s; value "" and 0 take the cookie away. value has cookie characters only (asserted). ERR_NOMEM. */
enum err cookie_print(struct buf *out, int tls, const char *value, uint64_t max_age_s) MUST_CHECK;

#endif
