/* A connection to Redis with time-outs, owned by one thread. The only home of hiredis is this folder. */
#ifndef RB_LIB_STORE_CONN_H
#define RB_LIB_STORE_CONN_H

#include "lib/base/buf.h"

#include <stddef.h>
#include <stdint.h>

struct store; /* one connection; not shared between threads */

struct store_config {
    const char *address;  /* as store_address_check() wants it */
    const char *user;     /* NULL = default */
    const char *password; /* NULL = none; said to the sentinels too */
    unsigned
        connect_timeout_ms; /* of a new connection, names, password and run_id included; default 300; with sentinels twice that in all */
    unsigned timeout_ms;    /* of each command, default 1000 */
};

/* "unix:/path/redis.sock", "127.0.0.1:6379", or "sentinel:HOST:PORT,HOST:PORT/MASTER" with up to 9 sentinels; numbers or names, IPv6 in brackets.
 * ERR_SYNTAX: none of these. */
enum err store_address_check(const char *address) MUST_CHECK;
/* The three forms in one line, for the help of a setting. */
#define STORE_ADDRESS_HELP "Redis: unix:PATH, HOST:PORT or sentinel:HOST:PORT,HOST:PORT/MASTER"

/* A handle that connects at first use and again after an error, at most once in 100 ms (between tries every call gives ERR_UNAVAILABLE at once).
 * Each new connection asks the sentinels anew, if there are any, and is given up unless the Redis at its end calls itself a master.
 * The config is copied. NULL when out of memory. An address that makes no sense leads nowhere: ERR_UNAVAILABLE for ever. */
struct store *store_new(const struct store_config *config);
void store_free(struct store *s);
/* Closes the connection; the next call opens another. */
void store_rest(struct store *s);

/* True while the last command got an answer. */
int store_is_up(const struct store *s);
/* The run_id of the Redis process behind this connection (INFO server, asked on each new connection); "" before the first. */
const char *store_run_id(const struct store *s);

/* Errors of everything in lib/store: ERR_UNAVAILABLE: no connection, or Redis does not take the command now (it became a replica, or is loading): nothing was
 * done. ERR_TIMEOUT: sent, no answer: not known whether it happened. ERR_FULL: no memory or no disk there. ERR_INTERNAL: an answer of a shape that cannot be (logged). ERR_NOMEM. After a time-out the context is never reused. */

/* PING. */
enum err store_ping(struct store *s) MUST_CHECK;

#endif
