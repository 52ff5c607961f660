/* What blobs.c and draft.c share. */
#ifndef RB_NODE_BLOBS_INSIDE_H
#define RB_NODE_BLOBS_INSIDE_H

#include "node/blobs.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>

#define BLOBS_FANOUT 256

struct blobs {
    char data[PATH_MAX / 2];
    int data_fd, blobs_fd, tmp_fd, quarantine_fd;
    uint64_t capacity_bytes, reserve_bytes;
    atomic_int suspect;
    pthread_mutex_t space_lock; /* guards the counters */
    uint64_t files, bytes, drafts_bytes, quarantined;
    uint64_t changes;                                 /* of files and bytes */
    atomic_uchar durable[BLOBS_FANOUT][BLOBS_FANOUT]; /* second-level folders whose names are known to survive a power cut */
};

#define BLOBS_PATH_SIZE 80 /* "blobs/ab/cd/" and 64 digits */

/* "ab/cd/<sha256>" below blobs_fd. */
void blobs_path(const char *sha256, char out[BLOBS_PATH_SIZE]);
/* Opens the folder of a blob, made when it is missing: not yet durably. */
enum err blobs_open_dir(struct blobs *b, const char *sha256, int *fd) MUST_CHECK;
/* Flushes that folder, and those above it until they are known to be durable. After the names in it were made, so that one commit of the file system's
 * journal serves all. */
enum err blobs_sync_dir(struct blobs *b, const char *sha256, int fd) MUST_CHECK;
/* fsync; a failure is logged and makes the store suspect. */
enum err blobs_fsync(struct blobs *b, int fd, const char *what) MUST_CHECK;
/* ERR_FULL for ENOSPC, EDQUOT, EFBIG; ERR_NOT_FOUND for ENOENT; else ERR_IO, logged. */
enum err blobs_errno(const char *what, int number);

/* Reserves space for a draft, and gives it back; or turns it into a stored blob's. */
enum err blobs_reserve(struct blobs *b, uint64_t size) MUST_CHECK;
void blobs_unreserve(struct blobs *b, uint64_t size);
void blobs_count(struct blobs *b, uint64_t size, int sign);

#endif
