/* What conn.c, sentinel.c and call.c share: the connection's insides. */
#ifndef RB_LIB_STORE_INTERNAL_H
#define RB_LIB_STORE_INTERNAL_H

#include "lib/store/address.h"
#include "lib/store/call.h"

struct store {
    char *address, *user, *password;
    struct address where;
    int where_ok;                /* the address made sense */
    size_t sentinel;             /* which of them is asked first: the one that answered last */
    struct address_place master; /* that the sentinels led to last; port 0: never */
    struct resolve *names;
    char why[512]; /* what the last try to connect failed for */
    unsigned connect_timeout_ms, timeout_ms;
    redisContext *context;  /* NULL: not connected */
    int up;                 /* the last command got an answer */
    int said_down;          /* the log knows already */
    uint64_t refused_at_ms; /* boot time when the log was told of a refusal, 0 = never */
    uint64_t tried_at_ms;   /* boot time of the last try to connect, 0 = never */
    char run_id[64];
    char sha[SCRIPT_COUNT][41]; /* "" until Redis told it; depends on the text alone, so it outlives connections */
};

/* Connects when needed, at most once in 100 ms. ERR_UNAVAILABLE. */
enum err conn_ensure(struct store *s) MUST_CHECK;
/* Gives the context up. It is never used again after any error: a late answer would be taken for the next one's. */
void conn_drop(struct store *s);
/* Logs why Redis is away, once, however long that lasts. */
void conn_say_down(struct store *s, const char *why);
/* Logs that a Redis that answers does not serve, at most once in 10 s: it may take reads and refuse writes in turn for long. */
void conn_say_refused(struct store *s, const char *why);
/* Appends AUTH when there is a password. REDIS_OK or REDIS_ERR. */
int conn_append_auth(const struct store *s, redisContext *context);
/* What went wrong on this context just now, in words. */
const char *conn_error(const redisContext *context);
/* The next answer, waited for until deadline_ms (boot time); NULL without one. The caller frees it. */
redisReply *conn_reply(redisContext *context, uint64_t deadline_ms);

#endif
