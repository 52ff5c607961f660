/* Blobs that should be here and are not (missing), or whose bytes went bad: rows that survive a restart, until repair fetched them. */
#ifndef RB_NODE_NEEDS_H
#define RB_NODE_NEEDS_H

#include "lib/base/hash.h"
#include "lib/wire/message.h"
#include "node/db.h"

struct need {
    char sha256[HASH_HEX_SIZE];
    uint64_t size;
    char *key; /* a course that names it: its owners are asked */
    int bad;   /* 1: there was a copy, now in quarantine */
};

/* Adds a row inside a transaction of the caller; a row that is there stays, but becomes bad if this one is. */
enum err needs_add(struct db_conn *c, const char *sha256, uint64_t size, const char *key, int bad) MUST_CHECK;
/* The same in a transaction of its own. */
enum err needs_write(struct db *db, const char *sha256, uint64_t size, const char *key) MUST_CHECK;
/* Adds a need for a blob by looking for a record (in R or in a slot) that names it, in a transaction of its own. ERR_NOT_FOUND: no record does of a version that is
 * wanted (wanted.h), and none is added; *is_named says whether any does. */
enum err needs_add_known(struct db *db, const char *sha256, int bad, uint64_t deleted_before_ms, int *is_named) MUST_CHECK;
/* Removes a row, when there is one. */
enum err needs_remove(struct db *db, const char *sha256) MUST_CHECK;
/* How many rows there are. */
enum err needs_count(struct db *db, uint64_t *out) MUST_CHECK;
/* Up to max rows whose sha256 is larger than `after` ("" = from the start); the caller frees each key. */
enum err needs_list(struct db *db, const char *after, struct need *out, size_t max, size_t *n) MUST_CHECK;
/* What the row says of a blob that is not here: BLOB_MISSING, or BLOB_BAD. */
enum blob_state needs_state(struct db *db, const char *sha256);

#endif
