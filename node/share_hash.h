/* Hashes the files of the list that wait for it, in a thread of its own, and writes the hashes down before it shows them: a file that is listed with a hash has its blocks on the disk.
 * A hash is taken only when fstat(2) says the same of the file before its first byte was read, after its last one, and in the list. */
#ifndef RB_NODE_SHARE_HASH_H
#define RB_NODE_SHARE_HASH_H

#include "node/db.h"
#include "node/share_folder.h"
#include "node/share_list.h"

struct share_hash;

/* All are borrowed and outlive it; `told` is called, in its thread, when hashes were added to the list. ERR_NOMEM. */
enum err share_hash_start(struct share_folder *folder, struct share_list *list, struct db *db, void (*told)(void *ctx), void *ctx,
    struct share_hash **out) MUST_CHECK;
/* There may be work. */
void share_hash_wake(struct share_hash *h);
/* Forgets, when it gets to it, what is remembered of files that are not on the list any more. */
void share_hash_prune(struct share_hash *h);
/* Ends the thread, within a moment. NULL is fine, as for free. */
void share_hash_stop(struct share_hash *h);
void share_hash_free(struct share_hash *h);

#endif
