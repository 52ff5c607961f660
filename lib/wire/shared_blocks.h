/* The hashes of a file's blocks, by which it is fetched from several holders at once: {"name"?, "size", "sha256", "block_bytes", "blocks": [64 hex digits]}. */
#ifndef RB_LIB_WIRE_SHARED_BLOCKS_H
#define RB_LIB_WIRE_SHARED_BLOCKS_H

#include "lib/wire/shared.h"

#define SHARED_BLOCKS_JSON_MAX (SHARED_BLOCKS_MAX * 67u + 2u * SHARED_NAME_MAX + 256u) /* bytes of its JSON */

struct shared_blocks {
    uint64_t size, block_bytes;   /* block_bytes is shared_block_bytes(size) */
    char sha256[HASH_HEX_SIZE];   /* of the whole */
    size_t n;                     /* shared_block_count(size) */
    uint8_t (*hashes)[HASH_SIZE]; /* SHA-256 of each block; NULL for an empty file */
};

/* Room for the blocks of a file of `size` bytes, all zero. ERR_NOMEM; ERR_INVALID: more than JSON_EXACT_MAX bytes. */
enum err shared_blocks_init(struct shared_blocks *b, uint64_t size) MUST_CHECK;
void shared_blocks_release(struct shared_blocks *b);
/* Whether both are blocks of the same content. */
int shared_blocks_equal(const struct shared_blocks *a, const struct shared_blocks *b);
/* The JSON, to be freed; NULL when out of memory. name: NULL or what the file is called. More members may be set. */
struct json *shared_blocks_to_json(const struct shared_blocks *b, const char *name);
/* Reads and checks it: the length and the number of blocks are those that follow from the size. *out uninitialised before, the caller's on success. ERR_SYNTAX, ERR_NOMEM. */
enum err shared_blocks_from_json(const struct json *j, struct shared_blocks *out) MUST_CHECK;
/* The same from text of at most SHARED_BLOCKS_JSON_MAX bytes. */
enum err shared_blocks_parse(const char *text, size_t len, struct shared_blocks *out) MUST_CHECK;

#endif
