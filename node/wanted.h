/* Which blobs have to be here: the one answer for all who fetch, count, check or remove blobs.
 *
 * A blob is wanted when a version names it that is not deleted, or was deleted less than RB_PURGE_AFTER_H ago, or when a slot names it (pitfall 7). The blobs of
 * versions that were deleted before that are given up on purpose: their records stay, but their bytes count nowhere as missing and may be removed. So are those of
 * versions that were erased (record.h), at once: the next round of collect.h takes them once they are RB_NODE_COLLECT_S old. */
#ifndef RB_NODE_WANTED_H
#define RB_NODE_WANTED_H

#include "lib/wire/history.h"
#include "node/db.h"

/* Sets wanted[i] for each of h's entries whose bytes are to be kept: everything that names a blob and was not deleted before unix time deleted_before_ms. wanted has
 * room for h->n. Pure. */
void wanted_versions(const struct history *h, uint64_t deleted_before_ms, unsigned char *wanted);

/* How a blob is named. */
struct wanted {
    int named;  /* by any record or slot of this database */
    int wanted; /* by one that is to be kept */
};
/* Looks a blob up in R and in the slots, within a transaction of the caller. ERR_IO, ERR_CORRUPT, ERR_NOMEM. */
enum err wanted_blob(struct db_conn *c, const char *sha256, uint64_t deleted_before_ms, struct wanted *out) MUST_CHECK;

#endif
