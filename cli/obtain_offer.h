/* What the api says about one content of the peers' folders: its blocks, and who has it. */
#ifndef RB_CLI_OBTAIN_OFFER_H
#define RB_CLI_OBTAIN_OFFER_H

#include "lib/base/hash.h"
#include "lib/wire/json.h"

#define OFFER_SOURCES_MAX 16              /* holders that are used at once; the api may name more */
#define OFFER_BLOCK_BYTES_MAX (16u << 20) /* larger blocks are not kept in memory: files beyond 64 GiB are not fetched */

struct offer_source {
    char *peer;       /* its id */
    char *name;       /* as people know it; "the ring: node-2" for a ring copy */
    char *url;        /* of the bytes, whole */
    char *capability; /* the value of Authorization */
    char *front_path; /* of the same bytes below the front's /api/v1: nginx carries them there */
    int is_ring;      /* a copy in the ring */
};

/* Init, parse and release; all zeroes is an empty one. */
struct offer {
    uint64_t size, block_bytes;
    size_t n_blocks;
    uint8_t (*blocks)[HASH_SIZE];
    struct offer_source *sources;
    size_t n_sources;
};

/* Reads the answer of GET /peers/files/{sha256}/sources; sources past OFFER_SOURCES_MAX are left out, so are those whose address is no HTTP. *out is uninitialised
 * before and the caller's after success. ERR_SYNTAX: not such an answer, or its block size and number do not fit its size. ERR_TOO_LARGE: OFFER_BLOCK_BYTES_MAX.
 * ERR_NOMEM. */
enum err offer_parse(const struct json *answer, const char *sha256, struct offer *out) MUST_CHECK;
void offer_release(struct offer *o);
/* Keeps only the sources of one peer, by id or name; a ring copy is the peer "ring". */
void offer_keep(struct offer *o, const char *peer);
/* Bytes of a block: the last one may be shorter. */
size_t offer_block_len(const struct offer *o, size_t block);

#endif
