/* Locks and leases in Redis: SET NX PX with a random token, compare-and-extend, compare-and-delete (redis.io, "Distributed locks").
 * They save work; nothing is safe only because of them (guarantees.md G3, G4). */
#ifndef RB_LIB_STORE_LOCK_H
#define RB_LIB_STORE_LOCK_H

#include "lib/store/conn.h"

#define LOCK_TOKEN_SIZE 33

/* Takes `name` for ttl_ms. ERR_CONFLICT: somebody else has it. token: 32 random hex digits drawn by the caller. */
enum err lock_take(struct store *s, const char *name, const char *token, unsigned ttl_ms) MUST_CHECK;
/* Deletes it if it still holds token. ERR_CONFLICT: it does not. */
enum err lock_release(struct store *s, const char *name, const char *token) MUST_CHECK;

/* The per-course lock against chasing: waits at most wait_ms (polling with random pauses of 2 to 10 ms). name is derived from the course key. */
enum err lock_course_take(struct store *s, const char *course_key, const char *token, unsigned ttl_ms, unsigned wait_ms) MUST_CHECK;
enum err lock_course_release(struct store *s, const char *course_key, const char *token) MUST_CHECK;

#define LEASE_KEY "rb:leader"
/* The leader's lease: one key whose value is a JSON text; the holder is told by its `token` inside. */
struct lease {
    char name[64];               /* the holder's name; "" when the lease is free */
    char token[LOCK_TOKEN_SIZE]; /* its start */
    uint64_t epoch;              /* 0 until its promise round is through */
    uint64_t since_ms;           /* unix ms */
};
/* Reads the lease's JSON text. ERR_SYNTAX, ERR_NOMEM; *out untouched on failure. Pure. */
enum err lease_parse(const char *text, size_t len, struct lease *out) MUST_CHECK;
/* What the key says now. A free lease gives ERR_OK and name "". */
enum err lease_read(struct store *s, struct lease *out) MUST_CHECK;
enum err lease_take(struct store *s, const struct lease *mine, unsigned ttl_ms) MUST_CHECK; /* ERR_CONFLICT: held */
enum err lease_renew(
    struct store *s, const struct lease *mine, unsigned ttl_ms) MUST_CHECK; /* also writes epoch and since; ERR_CONFLICT: lost */
enum err lease_release(struct store *s, const struct lease *mine) MUST_CHECK;

#endif
