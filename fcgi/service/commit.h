/* The common end of uploads, deletes and restores: in its turn, to the owners, to the index, and what to tell. */
#ifndef RB_FCGI_SERVICE_COMMIT_H
#define RB_FCGI_SERVICE_COMMIT_H

#include "fcgi/service/change.h"
#include "fcgi/service/known.h"

/* The upload id of a request: drawn from (uploader, course key, idempotency key) when there is one, else random. Pure but for that. */
void commit_upload_id(const char *uploader, const char *key, const char *idempotency_key, char out[RECORD_UPLOAD_ID_SIZE]);

/* Waits for the course's turn in this process and starts the change's budget with the newest view: what was waited for others does not count.
 * ERR_UNAVAILABLE at once when there is no write quorum, or after too long. After ERR_OK: commit_leave() when all is done. */
enum err commit_enter(struct change *c) MUST_CHECK;
void commit_leave(const struct change *c);

/* Looks for an earlier request with the same upload id among what the owners show. ERR_OK with *again NULL: there is none; with *again set: it was tried, and is to be tried first again.
 * ERR_CONFLICT: it got through (change.done is set). ERR_INVALID: it had other content. */
enum err commit_find_again(struct change *c, const struct pulled *p, const struct record **again) MUST_CHECK;

/* Brings the change to the owners, unless change.done is set already, hands out hints, adds it to the index, and fills the result (also for errors). */
enum err commit(struct change *c, const struct record *again, struct upload_result *out) MUST_CHECK;

/* For changes that find what they would store stored already. */
enum err commit_unchanged(
    struct change *c, const struct record *current, const struct quorum_reply *replies, struct upload_result *out) MUST_CHECK;

/* Fills what a result says beside its error: how many can write, a sentence. detail already set stays. Returns e. */
enum err commit_explain(struct quorum *q, enum err e, struct upload_result *out);

#endif
