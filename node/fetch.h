/* Copying from other owners: whole sets of records (protocol.md P6.3) and the blobs they name. */
#ifndef RB_NODE_FETCH_H
#define RB_NODE_FETCH_H

#include "node/node.h"

/* Fetches a blob from the course's other owners, now and before, `first` (the id of any node, or NULL) before the rest, and stores it durably. ERR_NOT_FOUND: all were asked
 * and none has good bytes. ERR_UNAVAILABLE: not all could be asked that may live. ERR_FULL, ERR_IO, ERR_NOMEM. */
enum err fetch_blob(struct node *n, struct peer *peer, const char *key, const char *sha256, uint64_t size, const char *first) MUST_CHECK;

/* The bytes alone, checked by their hash: *out is the caller's to sync, to name and to free. Errors as above. */
enum err fetch_draft(struct node *n, struct peer *peer, const char *key, const char *sha256, uint64_t size, const char *first,
    struct draft **out) MUST_CHECK;

/* Makes sure that a blob is here, from wherever. Errors as above. */
enum err fetch_if_missing(
    struct node *n, struct peer *peer, const char *key, const char *sha256, uint64_t size, const char *first) MUST_CHECK;

/* Asks the owner `from` (its id: nobody else at its address answers for it) for the whole set of a course, with its slot, under ring `ring`; *answer is the caller's, initialised before. Merges nothing. ERR_OK also for a
 * refusal (answer->ok = 0). ERR_UNAVAILABLE: nobody told us where it is, or it does not answer. */
enum err fetch_set(
    struct node *n, struct peer *peer, const char *from, uint64_t ring, const char *key, struct message_answer *answer) MUST_CHECK;

/* Pulls the whole set of a course from owner `from`, with its blobs, and merges it in one transaction. A blob that no owner has becomes a need, so that
 * one lost blob does not keep the rest away. ERR_UNAVAILABLE, ERR_STALE_RING, ERR_CONFLICT (not ours), ERR_FULL, …: nothing was merged. */
enum err fetch_course(struct node *n, struct peer *peer, const char *key, const char *from) MUST_CHECK;

#endif
