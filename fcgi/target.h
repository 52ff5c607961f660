/* A request target (RFC 9112 §3.2.1) as sent: raw path and query, cut into segments and parameters first and decoded once afterwards, so that an encoded
 * slash never makes a segment. A parser of outside bytes: fuzzed. */
#ifndef RB_FCGI_TARGET_H
#define RB_FCGI_TARGET_H

#include "lib/base/arena.h"
#include "lib/base/err.h"

#include <stddef.h>

#define TARGET_BYTES_MAX 16384
#define TARGET_SEGMENTS_MAX 8
#define TARGET_PARAMS_MAX 32

/* Decoded, NUL-terminated. */
struct target_text {
    const char *text;
    size_t len;
};

struct target_param {
    struct target_text name, value;
};

struct target {
    struct target_text segments[TARGET_SEGMENTS_MAX];
    size_t n_segments; /* may be larger than TARGET_SEGMENTS_MAX: then no route is that deep, and the rest was checked and dropped */
    struct target_param params[TARGET_PARAMS_MAX];
    size_t n_params;
    const char *detail; /* after an error: a sentence for people, static or in the arena */
};

/* Parses "/a/b%20c?x=1&y". All strings go to the arena. Of the path ERR_SYNTAX: no leading slash, a bad escape, %00, invalid UTF-8, or a segment that holds
 * "." or ".." as a path component in any encoding ("%2e%2e", "..%2f", "..%5c"). Of the query ERR_SYNTAX: bad escapes, %00, invalid UTF-8, more than
 * TARGET_PARAMS_MAX, one name twice. ERR_URI_TOO_LONG above TARGET_BYTES_MAX; ERR_NOMEM. */
enum err target_parse(const char *raw, struct arena *a, struct target *out) MUST_CHECK;

/* The value of a parameter, or NULL. */
const char *target_param(const struct target *t, const char *name);

#endif
