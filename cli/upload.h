/* One file on its way to a course. */
#ifndef RB_CLI_UPLOAD_H
#define RB_CLI_UPLOAD_H

#include "cli/cli.h"
#include "cli/progress.h"
#include "lib/wire/json.h"

/* What is shared. Texts are borrowed; NULL is the same as "". */
struct upload {
    const char *course, *term, *title, *instructor, *note;
    const char *if_match; /* a record id or a SHA-256 that must be current; NULL: whatever is */
    int only_new;         /* refuse when there is a current version */
    /* upload_open fills these in. */
    const char *filename; /* last part of the path; borrowed from it */
    int fd;
    uint64_t size;
    uint8_t sha256[HASH_SIZE];
};

/* Opens a regular file and hashes it. dir_fd: AT_FDCWD, or a folder below which it must lie (no "..", no absolute name, no symbolic link out of it). ERR_NOT_FOUND, ERR_DENIED,
 * ERR_INVALID (no regular file), ERR_IO: *why is a sentence about it. u->fd is -1 after an error; otherwise upload_close. */
enum err upload_open(struct upload *u, int dir_fd, const char *path, const char **why) MUST_CHECK;
void upload_close(struct upload *u);

/* What became of it. */
enum upload_end {
    UPLOAD_NEW,   /* a new version */
    UPLOAD_SAME,  /* nothing had to change */
    UPLOAD_WAITS, /* for a maintainer: nobody else sees it yet */
};

/* Sends it; tried again when that is safe. bar: shows the progress, NULL: nothing is shown. *answer is the caller's: the record, or of UPLOAD_WAITS what waits, with a record in it. When it fails, the
 * sentence for it stands in why; nothing is printed. */
enum err upload_send(struct cli *c, const struct upload *u, struct progress *bar, struct json **answer, enum upload_end *end, char *why,
    size_t why_size) MUST_CHECK;

#endif
