/* A connection to Redis with time-outs, owned by one thread. The only home of hiredis is this folder. */
#ifndef RB_LIB_STORE_CONN_H
#define RB_LIB_STORE_CONN_H

#include "lib/base/buf.h"

#include <stddef.h>
#include <stdint.h>

struct store; /* one connection; not shared between threads */

struct store_config {
    const char *address;         /* "unix:/path/redis.sock" or "127.0.0.1:6379" (numeric or a name) */
    const char *user;            /* NULL = default */
    const char *password;        /* NULL = none */
    unsigned connect_timeout_ms; /* default 300 */
    unsigned timeout_ms;         /* of each command, default 1000 */
};

/* A handle that connects at first use and again after an error, at most once in 100 ms (between tries every call gives ERR_UNAVAILABLE at once).
 * The config is copied. NULL when out of memory. */
struct store *store_new(const struct store_config *config);
void store_free(struct store *s);

/* True while the last command got an answer. */
int store_is_up(const struct store *s);
/* The run_id of the Redis process behind this connection (INFO server, asked on each new connection); "" before the first. */
const char *store_run_id(const struct store *s);

/* Errors of everything in lib/store: ERR_UNAVAILABLE: no connection, nothing was sent. ERR_TIMEOUT: sent, no answer: not known whether it happened.
 * ERR_FULL: OOM or a read-only replica. ERR_INTERNAL: an answer of a shape that cannot be (logged). ERR_NOMEM. After a time-out the context is never reused. */

/* PING. */
enum err store_ping(struct store *s) MUST_CHECK;

#endif
