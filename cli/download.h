/* The bytes of one version into a file, believed only when their SHA-256 is right. */
#ifndef RB_CLI_DOWNLOAD_H
#define RB_CLI_DOWNLOAD_H

#include "cli/cli.h"

/* What is fetched. All borrowed. */
struct download {
    const char *path;   /* of the API: GET with Range; always the same bytes */
    const char *sha256; /* 64 hex digits */
    uint64_t size;
    const char *label; /* beside the bar */
};

#define DOWNLOAD_NAME_MAX 240 /* bytes of a file name that leave room for ".part" */

/* Fetches into <out_path>.part and renames it when all is right. A part that an earlier try left is gone on with. Errors are said: ERR_CONFLICT: another process writes the same
 * part; ERR_CORRUPT: the bytes are not those that the hash names (the part is removed); others as api_do, the part stays. */
enum err download_file(struct cli *c, const struct download *d, const char *out_path) MUST_CHECK;
/* The same to a descriptor, from its current offset; what was written is not taken back after an error. */
enum err download_fd(struct cli *c, const struct download *d, int fd) MUST_CHECK;

/* True when path is a regular file with just these bytes. */
int download_is_there(const struct download *d, const char *path);
/* A harmless name in the current folder for a file name that came from elsewhere: its last part, no leading dot, no control characters, at most DOWNLOAD_NAME_MAX bytes; "file" when
 * nothing is left. ERR_NOMEM. */
enum err download_name(const char *filename, struct buf *out) MUST_CHECK;

#endif
