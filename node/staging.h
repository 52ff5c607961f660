/* Staged bodies: large bodies that are here before the record that will name them (PUT /staging/{id}). They are drafts in a table in memory:
 * visible to nobody, gone with the process, dropped with their space when nobody named them for STAGING_KEEP_MS after their last byte.
 * Bounded: STAGING_MAX entries, and a tenth of the node's capacity in bytes (guarantees.md G10). Thread-safe. */
#ifndef RB_NODE_STAGING_H
#define RB_NODE_STAGING_H

#include "lib/wire/message.h"
#include "node/verify.h"

#define STAGING_MAX 256
#define STAGING_KEEP_MS 60000u
#define STAGING_SHARE 10 /* one part in so many of the capacity */

struct staging;

/* Both are borrowed and outlive it. Starts the thread that drops old entries. ERR_NOMEM. */
enum err staging_open(struct blobs *blobs, struct verify *verify, struct staging **out) MUST_CHECK;
void staging_close(struct staging *s);

/* A body on its way in; in one thread. */
struct staging_entry;
/* ERR_SYNTAX: id is not 32 hex digits. ERR_CONFLICT: that id is taken. ERR_FULL, ERR_UNAVAILABLE (too many, or the volume is suspect), ERR_NOMEM. */
enum err staging_begin(struct staging *s, const char *id, uint64_t size, struct staging_entry **out) MUST_CHECK;
enum err staging_piece(struct staging_entry *e, const void *data, size_t n) MUST_CHECK;
/* It is whole: flushed to the disk and kept under its id, with its hash. On an error it is dropped. Takes e either way. */
enum err staging_end(struct staging_entry *e, char sha256[HASH_HEX_SIZE]) MUST_CHECK;
/* Drops one that will not be whole. */
void staging_drop(struct staging_entry *e);

/* Makes a whole entry a durable blob; the id is free afterwards. ERR_NOT_FOUND: no such entry. ERR_INVALID: its hash is another one (it stays). Else as verify_put(): it stays. */
enum err staging_commit(struct staging *s, const char *id, const char *sha256) MUST_CHECK;

/* Drops whole entries whose last byte came before boot time `before_ms`. */
void staging_expire(struct staging *s, uint64_t before_ms);

#endif
