/* A download that is not whole yet, on the disk: FILE.part has the bytes in their places, FILE.part.map says which blocks are there.
 *
 * The map is text: "ringbinder-part 1", the SHA-256 of the whole, its size and the block size in decimal, a line each; then one character a block, '1' when it is
 * there and was right, '0' otherwise, and a newline. It is only a hint of what is worth reading: after a crash a '1' may stand for bytes that never reached the
 * disk, so each block is hashed again before it is believed. */
#ifndef RB_CLI_OBTAIN_PART_H
#define RB_CLI_OBTAIN_PART_H

#include "cli/obtain_offer.h"

struct part;

/* Opens or makes both files beside `path` and finds out what is there of this content, by the offer's block hashes (borrowed until part_free). A part of another content is
 * begun anew. ERR_CONFLICT: another process is fetching to the same file. ERR_FULL, ERR_IO, ERR_DENIED, ERR_NOMEM. *out is the caller's. */
enum err part_open(const char *path, const char *sha256, const struct offer *offer, struct part **out) MUST_CHECK;
/* Closes; the files stay. NULL is fine. */
void part_free(struct part *p);
/* Is there a part of this content beside `path`, left by an earlier download? */
int part_is_begun(const char *path, const char *sha256);

/* Is this block there? */
int part_has(const struct part *p, size_t block);
/* Bytes of blocks that are there. */
uint64_t part_bytes(const struct part *p);
/* Writes a block whose hash is right (or that nobody can check yet) and marks it. ERR_FULL, ERR_IO. */
enum err part_put(struct part *p, size_t block, const void *data) MUST_CHECK;
/* The offer has another list of blocks by now: finds out anew what is there, whatever the map says. ERR_FULL, ERR_IO. */
enum err part_recheck(struct part *p) MUST_CHECK;
/* With all blocks there: is the SHA-256 of the whole the one that was asked for? ERR_CORRUPT: no. ERR_IO. */
enum err part_check(struct part *p) MUST_CHECK;
/* Makes it the file: flushed, renamed over `path`, the map removed, the folder flushed. Only after part_check. ERR_IO, ERR_FULL, ERR_DENIED. */
enum err part_finish(struct part *p) MUST_CHECK;

#endif
