/* The files of one process's log: the present one grows, the next one begins, the oldest go. For one thread; audit.c has it, with the queue in front. */
#ifndef RB_LIB_AUDIT_WRITER_H
#define RB_LIB_AUDIT_WRITER_H

#include "lib/audit/folder.h"
#include "lib/audit/head.h"

struct audit_limits {
    uint64_t file_max_bytes; /* then the next file begins */
    uint64_t keep_max_bytes; /* all files together; then the oldest goes */
    uint64_t keep_ms;        /* since a file's last line */
    uint64_t key_ms;         /* the life of a key */
};
#define AUDIT_FILE_BYTES (64ull << 20)
#define AUDIT_KEEP_BYTES (640ull << 20)
#define AUDIT_KEEP_MS (90ull * 24 * 3600 * 1000)
#define AUDIT_KEY_MS (3600ull * 1000)
#define AUDIT_TEND_MS (3600ull * 1000) /* how often it is looked for files that are too old */

struct audit_writer {
    const char *folder, *process; /* borrowed */
    const uint8_t *master;        /* borrowed; NULL: the process was given a seed */
    struct audit_limits limits;
    struct audit_chain chain;         /* with all lines that were added */
    struct audit_chain before;        /* with those alone that are in the file */
    struct buf batch;                 /* lines between the two */
    int fd;                           /* of the present file, -1: no chain is open */
    uint64_t started_ms;              /* in the names of the chain's files */
    uint64_t bytes;                   /* of the present file, as far as it is good */
    uint64_t key_since_ms, tended_ms; /* boot time */
    int unsynced;
};

/* Nothing is opened yet. */
void audit_writer_init(
    struct audit_writer *w, const char *folder, const char *process, const uint8_t *master, const struct audit_limits *limits);
/* Makes the folder and begins a chain in a new file, durably; does nothing when one is open. unix_ms and boot_ms: now. ERR_FULL, ERR_IO, ERR_DENIED,
 * ERR_NOT_FOUND (neither a seed nor a master key), ERR_NOMEM. */
enum err audit_writer_begin(struct audit_writer *w, uint64_t unix_ms, uint64_t boot_ms) MUST_CHECK;
/* Adds a line to the batch. ERR_NOMEM when it is full: flush first. ERR_UNAVAILABLE: no chain is open. */
enum err audit_writer_add(struct audit_writer *w, uint64_t at_ms, enum audit_kind kind, const char *members, size_t len) MUST_CHECK;
/* Writes the batch. On an error none of it is in the log, the batch is empty, and the chain stands where it stood; or it is closed, when that could not be had. */
enum err audit_writer_flush(struct audit_writer *w) MUST_CHECK;
/* Makes what was written durable. On an error the chain is closed: what reached the disk is not known. */
enum err audit_writer_sync(struct audit_writer *w) MUST_CHECK;
/* What is due by the clock or by size: the key, the next file, old files. The batch must be empty. Errors as those of flush and sync. */
enum err audit_writer_tend(struct audit_writer *w, uint64_t unix_ms, uint64_t boot_ms) MUST_CHECK;
/* The chain's last line, durably: after an orderly stop. The batch must be empty. Errors as those of flush and sync. */
enum err audit_writer_end(struct audit_writer *w, uint64_t unix_ms) MUST_CHECK;
/* Closes, and overwrites the key. */
void audit_writer_release(struct audit_writer *w);

/* The line that is in the file as the last one. */
void audit_writer_head(const struct audit_writer *w, uint64_t unix_ms, struct audit_head *out);

#endif
