/* Hash checks and their memory (guarantees.md G6): a blob whose stat(2) differs from what it was at its last check is read and hashed before a byte
 * of it is served; one that fails is moved to quarantine and becomes a need.
 *
 * What was checked is remembered in memory (bounded; a forgotten check is only made again) and, a second later, in the database, so that a restart
 * does not read everything again. Size, mtime, ctime and inode are compared: any write or replacement changes ctime.
 * Of several threads that want one unchecked blob, one reads and the others wait. Thread-safe. */
#ifndef RB_NODE_VERIFY_H
#define RB_NODE_VERIFY_H

#include "lib/wire/message.h"
#include "node/blobs.h"
#include "node/db.h"

struct verify;

/* Both are borrowed and outlive it. Starts the thread that writes checks down. ERR_NOMEM. */
enum err verify_open(struct db *db, struct blobs *blobs, struct verify **out) MUST_CHECK;
/* Called with a blob's hash after its copy here was found bad (it is in quarantine) or missing though a record names it. Set once, before threads. */
void verify_on_loss(struct verify *v, void (*lost)(void *ctx, const char *sha256, int bad), void *ctx);
void verify_close(struct verify *v);

/* Opens a blob for serving; its bytes are what they should be as far as stat(2) can tell. ERR_NOT_FOUND; ERR_CORRUPT: it was bad and is in quarantine now; ERR_IO. */
enum err verify_get(struct verify *v, const char *sha256, int *fd, struct stat *st) MUST_CHECK;
/* The same without keeping it open. */
enum err verify_check(struct verify *v, const char *sha256) MUST_CHECK;

/* Reads and hashes a blob whatever was remembered of it, from the disk and not from the kernel's memory where that can be had. Errors as verify_get(); *size (may be NULL)
 * is what was read. */
enum err verify_again(struct verify *v, const char *sha256, uint64_t *size) MUST_CHECK;

/* Gives a synced draft its name; where a good copy is there already that one counts and is made durable, and a bad one goes to quarantine first.
 * The draft stays the caller's to free. */
enum err verify_put(struct verify *v, struct draft *d, const char *sha256) MUST_CHECK;
/* The same for many drafts that are not synced yet, in steps that are taken for all of them together, so that the file system can put its work into few flushes: sync, name,
 * flush of the folders. errors[i] says how each went. */
void verify_put_all(struct verify *v, struct draft **drafts, const char (*sha256)[HASH_HEX_SIZE], size_t n, enum err *errors);
/* Writes bytes as a blob, durably. ERR_INVALID: they do not have that hash. */
enum err verify_put_bytes(struct verify *v, const char *sha256, const void *data, size_t n) MUST_CHECK;

/* Keeps a blob from being removed: whoever is about to name it in a record holds it before it looks whether it is here, and releases it once the record is written or
 * refused (pins.h). "" is fine. */
void verify_hold(struct verify *v, const char *sha256);
void verify_release(struct verify *v, const char *sha256);
/* The same for a time, for who cannot tell when the record comes. */
void verify_pin(struct verify *v, const char *sha256, uint64_t ms);
/* Removes a blob that nobody wants, and what was remembered of it. ERR_CONFLICT: somebody may be about to name it, and it stays. ERR_NOT_FOUND, ERR_IO. */
enum err verify_remove(struct verify *v, const char *sha256) MUST_CHECK;

/* How the blob is here, without reading it: BLOB_STORED (checked as it is), BLOB_UNKNOWN (here, but changed or not checked), BLOB_MISSING, BLOB_BAD.
 * *at_ms is when it was last checked, unix ms; 0 = never. */
enum blob_state verify_state(struct verify *v, const char *sha256, uint64_t *at_ms);

/* Writes down what is only in memory; for an orderly stop. */
void verify_flush(struct verify *v);

#endif
