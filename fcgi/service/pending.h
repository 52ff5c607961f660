/* Uploads that wait for a maintainer (moderation). Each is a key of its own, sys/pending/<id>:
 *
 *   first record    the upload itself, as any: its bytes, its fields, `course` the name it is meant for, `uploader` who sent it
 *   second record   the decision: a document (docs_pending) that was written on condition that the first one is current. So exactly one decision is taken.
 *
 * Accepting writes the decision, then uploads the bytes to the course under an upload id made of this id, then erases the bytes here: who finds an accepted one that
 * did not arrive does it again, and it is one version however often. Rejecting erases the bytes. Readers never see such a key: its name is reserved. */
#ifndef RB_FCGI_SERVICE_PENDING_H
#define RB_FCGI_SERVICE_PENDING_H

#include "fcgi/service/sysdoc.h"
#include "fcgi/service/upload.h"

#define PENDING_ID_SIZE 33 /* 32 lower-case hex digits and NUL */
#define PENDING_KEY_SIZE (sizeof(DOCS_PENDING_PREFIX) + PENDING_ID_SIZE - 1)
#define PENDING_KEPT_S (30u * 86400u) /* then it goes, decided or not */

/* Stores an upload that has to wait: `in` as for upload(), with the key of the course it is meant for, unconditional. *id is its own from then on. in->idempotency_key makes a repeat the same one. */
enum err pending_upload(struct worker *w, const struct upload_input *in, char id[PENDING_ID_SIZE], struct upload_result *out) MUST_CHECK;

struct pending {
    char id[PENDING_ID_SIZE];
    struct docs_pending doc; /* its record has the name and key of the course it is meant for; owned: pending_release */
    struct stamp decided_on; /* the newest record of the key */
    int has_bytes;           /* they are still kept here: it waits, or was accepted and did not arrive at its course yet */
};
void pending_release(struct pending *p);
/* One by its id. ERR_NOT_FOUND, ERR_UNAVAILABLE. Its bytes: read_bytes() with pending_key() and the record's id as version. */
enum err pending_read(struct worker *w, const char *id, struct pending *out) MUST_CHECK;
void pending_key(const char *id, char out[PENDING_KEY_SIZE]);

struct pending_page {
    struct pending *items; /* arena; each owned */
    size_t n;
    const char *next; /* id to go on after, or NULL; arena */
};
/* Those that wait (also for the bytes of an accepted one to arrive), or with `decided` all, by id. uploader: NULL, or only theirs. limit: 1 … 200. ERR_UNAVAILABLE, ERR_STALE_INDEX without the index. A page may hold fewer than limit and still have a next. */
enum err pending_list(
    struct worker *w, const char *after, unsigned limit, const char *uploader, int decided, struct pending_page *out) MUST_CHECK;
void pending_page_release(struct pending_page *p);

/* Accepts: the upload becomes a version of its course, with its uploader as its owner, who is known from now on. Accepted before: does what is left of it. *out as upload()'s, always initialised.
 * ERR_NOT_FOUND; ERR_CONFLICT: it was rejected; errors of upload(). */
enum err pending_accept(struct worker *w, const char *id, const char *by, struct upload_result *out) MUST_CHECK;
/* Rejects: reason for the uploader, "" fine. ERR_CONFLICT: it was accepted. Rejected before is fine. ERR_INVALID: a bad reason. */
enum err pending_reject(struct worker *w, const char *id, const char *by, const char *reason) MUST_CHECK;

#endif
