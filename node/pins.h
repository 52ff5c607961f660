/* Pins: blobs that somebody looked for or wrote a moment ago, and may be about to name in a record, so that they must not be removed yet. In memory: with the process goes
 * whoever was about to. Bounded: while a pin finds no place, everything counts as pinned. Thread-safe. */
#ifndef RB_NODE_PINS_H
#define RB_NODE_PINS_H

#include "lib/base/hash.h"

struct pins;

/* Pins that last so long. NULL when out of memory. */
struct pins *pins_new(uint64_t last_ms);
void pins_free(struct pins *p); /* NULL is fine */
/* From now on they last so long. */
void pins_last(struct pins *p, uint64_t last_ms);
/* Pins a blob, anew when it is pinned. */
void pins_note(struct pins *p, const uint8_t sha256[HASH_SIZE]);
/* Calls remove(ctx, sha256) under the lock, unless the blob is pinned: ERR_CONFLICT then, else what remove said. So whoever pins comes before, and the blob stays, or after,
 * and finds it gone. ERR_SYNTAX: sha256 is no hash in hexadecimal. */
enum err pins_unless(struct pins *p, const char *sha256, enum err (*remove)(void *ctx, const char *sha256), void *ctx) MUST_CHECK;

#endif
