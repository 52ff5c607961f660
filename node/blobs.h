/* Blobs: bytes named by their SHA-256, one plain file each at DATA/blobs/ab/cd/<sha256>, never changed once they have that name.
 *
 * A new blob is a draft: an unnamed file (O_TMPFILE in DATA/tmp; a named one where the file system has no O_TMPFILE, swept at the next start) whose
 * space was reserved first. It gets its name by link(2) after its fsync, and is acknowledged after the fsync of its folder and of every folder that was made for it.
 * A failed fsync is final (guarantees.md G1): the draft is dropped and the store is suspect: it takes no more drafts.
 *
 * This file knows nothing of records and does not remember hash checks: see verify.h. Thread-safe. */
#ifndef RB_NODE_BLOBS_H
#define RB_NODE_BLOBS_H

#include "lib/base/hash.h"

#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct blobs;

struct blobs_config {
    const char *data;        /* the node's folder */
    uint64_t capacity_bytes; /* 0: what the file system has */
    uint64_t reserve_bytes;  /* kept free on the file system */
};

/* Makes the folders that are missing, sweeps DATA/tmp, makes what is there durable (one syncfs(2): a killed process may have left names that are only
 * in memory) and counts it. ERR_IO, ERR_FULL, ERR_NOMEM. */
enum err blobs_open(const struct blobs_config *config, struct blobs **out) MUST_CHECK;
/* The same for looking only: nothing is made, swept or counted. */
enum err blobs_open_read(const char *data, struct blobs **out) MUST_CHECK;
void blobs_close(struct blobs *b);

struct blobs_usage {
    uint64_t files, bytes;   /* blobs that have their names */
    uint64_t quarantined;    /* bad copies in DATA/quarantine */
    uint64_t drafts_bytes;   /* reserved for drafts */
    uint64_t capacity_bytes; /* as configured, or the file system's */
    uint64_t free_bytes;     /* what may still be stored */
};
enum err blobs_usage(struct blobs *b, struct blobs_usage *out) MUST_CHECK;

/* Counts what is there again, since names may have gone without our doing; changes nothing when a blob came or went meanwhile. ERR_IO. */
enum err blobs_recount(struct blobs *b) MUST_CHECK;

/* True once an fsync failed. */
int blobs_is_suspect(const struct blobs *b);

/* ---- reading */

/* Opens a blob; *fd is the caller's. ERR_NOT_FOUND, ERR_IO, ERR_CORRUPT: something that is no plain file has its name. sha256 is 64 hex digits everywhere here. */
enum err blobs_get(struct blobs *b, const char *sha256, int *fd, struct stat *st) MUST_CHECK;
/* What stat(2) says. Errors as above. */
enum err blobs_stat(struct blobs *b, const char *sha256, struct stat *st) MUST_CHECK;
/* Calls each for every blob, in the order of their names; stops when it returns an error and returns that. path is relative to DATA. */
enum err blobs_walk(
    struct blobs *b, enum err (*each)(void *ctx, const char *sha256, const char *path, const struct stat *st), void *ctx) MUST_CHECK;

/* The same for those whose name comes after `after` ("" = all). */
enum err blobs_walk_after(struct blobs *b, const char *after,
    enum err (*each)(void *ctx, const char *sha256, const char *path, const struct stat *st), void *ctx) MUST_CHECK;

/* Makes the name of a blob that another thread may just have linked durable. */
enum err blobs_sync(struct blobs *b, const char *sha256) MUST_CHECK;
/* Moves a bad copy to DATA/quarantine/<sha256>.<unix ms>: never deleted. ERR_NOT_FOUND: it is gone already. */
enum err blobs_quarantine(struct blobs *b, const char *sha256) MUST_CHECK;
/* Removes a blob's name; a power cut may bring it back. ERR_NOT_FOUND. */
enum err blobs_unlink(struct blobs *b, const char *sha256) MUST_CHECK;
/* The same, durably. */
enum err blobs_delete(struct blobs *b, const char *sha256) MUST_CHECK;

/* ---- drafts: one thread at a time */

struct draft;

/* Begins one of exactly `size` bytes and reserves its space. ERR_FULL: no space, or the capacity or the reserve would be passed. ERR_UNAVAILABLE: suspect. */
enum err draft_new(struct blobs *b, uint64_t size, struct draft **out) MUST_CHECK;
/* Drops it with its space. NULL is fine. */
void draft_free(struct draft *d);
/* Appends. ERR_TOO_LARGE past its size; ERR_FULL, ERR_IO. */
enum err draft_write(struct draft *d, const void *data, size_t n) MUST_CHECK;
/* Its descriptor and size, for who fills it otherwise; then draft_write() is not used. */
int draft_fd(const struct draft *d);
uint64_t draft_size(const struct draft *d);
/* Flushes it to the disk. ERR_INVALID: fewer bytes than said. ERR_IO: final. *sha256 is what was written by draft_write(). */
enum err draft_sync(struct draft *d, char sha256[HASH_HEX_SIZE]) MUST_CHECK;
/* Gives a synced draft its name, which blobs_sync() then makes durable; *st is the file as it then is. ERR_CONFLICT: the name is taken, nothing happened. The draft stays
 * the caller's to free. */
enum err draft_name(struct draft *d, const char *sha256, struct stat *st) MUST_CHECK;
/* Gives a synced draft its name, durably; *st is the file as it then is. ERR_CONFLICT: the name is taken, nothing happened. The draft stays the caller's to free. */
enum err draft_link(struct draft *d, const char *sha256, struct stat *st) MUST_CHECK;

#endif
