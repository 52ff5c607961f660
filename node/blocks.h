/* The hashes of a file's blocks (lib/wire/shared.h tells how long those are), read in one go with the hash of the whole: so that who fetches a file from several holders can check
 * each block by itself. */
#ifndef RB_NODE_BLOCKS_H
#define RB_NODE_BLOCKS_H

#include "lib/wire/shared.h"

struct blocks {
    uint64_t size;
    uint8_t sha256[HASH_SIZE]; /* of the whole */
    size_t n;
    uint8_t (*hashes)[HASH_SIZE];
};

/* Reads `size` bytes of fd from its beginning. go_on (may be NULL) is asked now and then. ERR_CONFLICT: it does not have just that many bytes. ERR_UNAVAILABLE: not to go on. ERR_IO, ERR_NOMEM. */
enum err blocks_read(int fd, uint64_t size, int (*go_on)(void *ctx), void *ctx, struct blocks *out) MUST_CHECK;
/* Fine on all zeroes. */
void blocks_release(struct blocks *b);
/* {"name" when not NULL, "size", "sha256", "block_bytes", "blocks": [hex]}; to be freed. */
struct json *blocks_to_json(const struct blocks *b, const char *name);

/* The block hashes of files that do not change and were asked for lately, so that a second asker waits for no reading. Thread-safe. */
struct blocks_cache;
#define BLOCKS_CACHE_ENTRIES 32
struct blocks_cache *blocks_cache_new(void);
void blocks_cache_free(struct blocks_cache *c);
/* The blocks of the open file that has this hash: remembered, or read now, one file at a time. Takes nothing; *out is the caller's. ERR_CORRUPT: it has another hash. Else as blocks_read(). */
enum err blocks_cache_get(struct blocks_cache *c, const char *sha256, int fd, uint64_t size, struct blocks *out) MUST_CHECK;

#endif
