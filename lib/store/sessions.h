/* Sessions of people who signed in. Only here, so they may be lost: then people sign in again.
 *
 * rb:ses:<digest>     hash   user, since, seen (unix ms by Redis' clock), idle, end (ms), endings    expires when idle for too long, or at the absolute end
 * rb:ses:u:<user>     zset   digests of that user's sessions, score: absolute end (unix ms)  what is past is swept at each sign-in
 *
 * The digest is the SHA-256 of the secret in the cookie: who reads Redis cannot sign in with it. */
#ifndef RB_LIB_STORE_SESSIONS_H
#define RB_LIB_STORE_SESSIONS_H

#include "lib/base/hash.h"
#include "lib/store/conn.h"

#define SESSIONS_USER_SIZE 65
#define SESSIONS_PER_USER_MAX 100u /* the oldest end when there are more */
#define SESSIONS_TOUCH_MS 10000u   /* activity is noted at most so often */

struct session {
    char digest[HASH_HEX_SIZE];
    char user[SESSIONS_USER_SIZE];
    uint64_t since_ms, seen_ms; /* unix time by Redis' clock */
    uint64_t ends_at_ms;        /* the absolute end */
    uint64_t endings;           /* of its account (docs.h) when it began, or was kept */
};

/* Errors everywhere: as in conn.h. */

/* Begins one. digest: 64 hex digits; idle_s at most end_s. */
enum err sessions_begin(struct store *s, const char *digest, const char *user, uint64_t endings, uint64_t idle_s, uint64_t end_s,
    struct session *out) MUST_CHECK;
/* Looks one up and notes that it was used. ERR_NOT_FOUND: there is none (any more). */
enum err sessions_look(struct store *s, const char *digest, struct session *out) MUST_CHECK;
/* Ends one; none is fine. */
enum err sessions_end(struct store *s, const char *digest) MUST_CHECK;
/* Ends all of a user but `keep` (a digest, or NULL), which gets the new count of endings. *ended (may be NULL): how many. */
enum err sessions_end_all(struct store *s, const char *user, const char *keep, uint64_t endings, uint64_t *ended) MUST_CHECK;
/* Those of a user, the last begun first, at most `max`. */
enum err sessions_list(struct store *s, const char *user, struct session *out, size_t max, size_t *n) MUST_CHECK;

#endif
