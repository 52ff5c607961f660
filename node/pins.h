/* Pins: blobs that somebody is about to name in a record, so that they must not be removed meanwhile. Held while a message is seen to and a little longer; or for a while, by
 * who cannot tell when the record comes. In memory: with the process goes whoever was about to. Bounded: while a pin finds no place, everything counts as pinned.
 * Thread-safe. */
#ifndef RB_NODE_PINS_H
#define RB_NODE_PINS_H

#include "lib/base/hash.h"

#define PINS_AFTER_MS 10000u /* what was held stays pinned for so long: an answer may be on its way to who names it next */
#define PINS_MAX \
    262144u /* so many at once always find a place, and half as many more while the table (24 MiB then) has room; see STAGING_KEEP_MS */
#define PINS_ALL_MS 180000u /* how long nothing may be removed after a pin found no place; longer than any message takes */

struct pins;

/* NULL when out of memory. after_ms, max: PINS_AFTER_MS and PINS_MAX but in tests. */
struct pins *pins_new(uint64_t after_ms, size_t max);
void pins_free(struct pins *p); /* NULL is fine */
/* Pins a blob until it was released as often as held, and for a while after. */
void pins_hold(struct pins *p, const uint8_t sha256[HASH_SIZE]);
void pins_release(struct pins *p, const uint8_t sha256[HASH_SIZE]);
/* Pins it for so long. */
void pins_note(struct pins *p, const uint8_t sha256[HASH_SIZE], uint64_t ms);
/* Calls remove(ctx, sha256) under the lock, unless the blob is pinned: ERR_CONFLICT then, else what remove said. So whoever pins comes before, and the blob stays, or after,
 * and finds it gone. ERR_SYNTAX: sha256 is no hash in hexadecimal. */
enum err pins_unless(struct pins *p, const char *sha256, enum err (*remove)(void *ctx, const char *sha256), void *ctx) MUST_CHECK;

#endif
