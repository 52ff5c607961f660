#include "node/pins.h"

#include "lib/base/clock.h"
#include "lib/base/num.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SETS 4096u /* times WAYS entries of 40 bytes: 640 KiB */
#define WAYS 4u

struct pin {
    uint8_t sha256[HASH_SIZE];
    uint64_t until_ms; /* boot clock */
};

struct pins {
    pthread_mutex_t lock; /* guards all below */
    struct pin sets[SETS][WAYS];
    uint64_t last_ms;
    uint64_t all_until_ms; /* a pin found no place: all count as pinned until then */
};

struct pins *pins_new(uint64_t last_ms)
{
    struct pins *p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    pthread_mutex_init(&p->lock, NULL);
    p->last_ms = last_ms;
    return p;
}

void pins_free(struct pins *p)
{
    if (!p)
        return;
    pthread_mutex_destroy(&p->lock);
    free(p);
}

void pins_last(struct pins *p, uint64_t last_ms)
{
    pthread_mutex_lock(&p->lock);
    p->last_ms = last_ms;
    pthread_mutex_unlock(&p->lock);
}

/* The place of a blob: its own, else a free one, else NULL. */
static struct pin *find_place(struct pins *p, const uint8_t *sha256, uint64_t now_ms)
{
    struct pin *set = p->sets[num_load_be32(sha256) % SETS], *place = NULL;
    for (unsigned i = 0; i < WAYS; i++) {
        if (memcmp(set[i].sha256, sha256, HASH_SIZE) == 0)
            return &set[i];
        if (set[i].until_ms <= now_ms)
            place = &set[i];
    }
    return place;
}

void pins_note(struct pins *p, const uint8_t sha256[HASH_SIZE])
{
    uint64_t now = clock_boot_ms();
    pthread_mutex_lock(&p->lock);
    struct pin *place = find_place(p, sha256, now);
    if (place) {
        memcpy(place->sha256, sha256, HASH_SIZE);
        place->until_ms = now + p->last_ms;
    } else
        p->all_until_ms = now + p->last_ms;
    pthread_mutex_unlock(&p->lock);
}

static int is_pinned(struct pins *p, const uint8_t *sha256)
{
    uint64_t now = clock_boot_ms();
    const struct pin *place = find_place(p, sha256, now);
    return p->all_until_ms > now || (place && place->until_ms > now && memcmp(place->sha256, sha256, HASH_SIZE) == 0);
}

enum err pins_unless(struct pins *p, const char *sha256, enum err (*remove)(void *ctx, const char *sha256), void *ctx)
{
    uint8_t raw[HASH_SIZE];
    enum err e = num_unhex(sha256, raw, HASH_SIZE);
    if (e)
        return e;
    pthread_mutex_lock(&p->lock);
    e = is_pinned(p, raw) ? ERR_CONFLICT : remove(ctx, sha256);
    pthread_mutex_unlock(&p->lock);
    return e;
}
