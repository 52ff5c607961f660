/* Names to numeric addresses within a time. getaddrinfo() has none of its own, and a name server that is away costs it many seconds. */
#ifndef RB_LIB_STORE_RESOLVE_H
#define RB_LIB_STORE_RESOLVE_H

#include "lib/base/err.h"

#include <stdint.h>

#define RESOLVE_TEXT_MAX 64  /* a numeric address, IPv6 with its scope included, and NUL */
#define RESOLVE_NAMES_MAX 16 /* names looked up at once */

struct resolve; /* belongs to one thread */

/* NULL when out of memory. Starts nothing. */
struct resolve *resolve_new(void);
/* Waits for nothing: what is still being looked up ends by itself. */
void resolve_free(struct resolve *r);

/* The numeric address of a host into out; a numeric one at once, as it is. IPv4 first, as hiredis has it. ERR_NOT_FOUND: there is no such name. ERR_TIMEOUT: not
 * known by deadline_ms (boot time): the look-up goes on, and the next call for that name takes its answer, however old it is then.
 * ERR_UNAVAILABLE: too many names are being looked up. ERR_NOMEM: no memory, or no thread. */
enum err resolve_host(struct resolve *r, const char *host, uint64_t deadline_ms, char out[RESOLVE_TEXT_MAX]) MUST_CHECK;

#endif
