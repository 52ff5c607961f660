/* The hashes of shared files and of their blocks, kept in the node's database (table `shared`) with what fstat(2) said when they were read: so that a restart, or a folder that
 * comes back, hashes nothing again. */
#ifndef RB_NODE_SHARE_KEPT_H
#define RB_NODE_SHARE_KEPT_H

#include "node/blocks.h"
#include "node/db.h"
#include "node/share_list.h"

/* The hash of a file that is still as it was. ERR_NOT_FOUND; ERR_IO, ERR_CORRUPT. */
enum err share_kept_hash(struct db_conn *c, const char *name, const struct share_stat *st, uint8_t sha256[HASH_SIZE]) MUST_CHECK;
/* The same with its blocks. */
enum err share_kept_blocks(struct db *db, const char *name, const struct share_stat *st, struct blocks *out) MUST_CHECK;
/* Writes it down within a transaction. ERR_IO, ERR_FULL. */
enum err share_kept_put(struct db_conn *c, const char *name, const struct share_stat *st, const struct blocks *b) MUST_CHECK;
/* Forgets the names that are not on the list any more, a page a transaction. */
enum err share_kept_prune(struct db *db, struct share_list *list) MUST_CHECK;

#endif
