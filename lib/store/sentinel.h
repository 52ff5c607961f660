/* Internal to lib/store: what one Sentinel is asked. conn.c goes from one to the next. */
#ifndef RB_LIB_STORE_SENTINEL_H
#define RB_LIB_STORE_SENTINEL_H

#include "lib/store/internal.h"

/* Asks over a connection just opened, by deadline_ms (boot time), who the master is (redis.io, "Sentinel client spec", steps 1 and 2). When the store has a
 * password it is said first; a sentinel that wants none answers all the same. ERR_NOT_FOUND: no master of that name is known there. ERR_DENIED: the password is
 * refused. ERR_UNAVAILABLE: no answer. ERR_INTERNAL: an answer of a shape that cannot be. */
enum err sentinel_ask(const struct store *s, redisContext *context, uint64_t deadline_ms, struct address_place *out) MUST_CHECK;

#endif
