/* Passwords, hashed by few threads of their own. They are nice: whoever makes them work, by guessing at passwords from everywhere, takes the processor from nobody else. The line before them is
 * short, so that most of the threads that serve requests never stand in it. */
#ifndef RB_FCGI_SERVICE_HASHER_H
#define RB_FCGI_SERVICE_HASHER_H

#include "lib/auth/password.h"

#define HASHER_THREADS 2u     /* at most (budget.c); 19 MiB and some 30 ms of a processor each */
#define HASHER_WAITING_MAX 8u /* requests in the line; more are turned away at once */
#define HASHER_WAIT_MS 5000u  /* none waits longer for its turn */

struct hasher; /* thread-safe */

/* Starts the threads; each takes PASSWORD_MEMORY_BYTES while it works, and nothing else does. NULL when out of memory. */
struct hasher *hasher_new(unsigned threads, unsigned waiting_max);
/* Waits for what is being hashed. Nobody may be in a call. NULL is fine. */
void hasher_free(struct hasher *h);

/* password_hash() and password_verify(). ERR_UNAVAILABLE: the line is full, or its turn did not come in time; their errors. */
enum err hasher_hash(struct hasher *h, const char *password, size_t len, char out[PASSWORD_HASH_SIZE]) MUST_CHECK;
enum err hasher_verify(struct hasher *h, const char *hash, const char *password, size_t len) MUST_CHECK;

/* Whether somebody who came now would be turned away: for who wants to know before other work. The next moment may be another. */
int hasher_is_full(struct hasher *h);

#endif
