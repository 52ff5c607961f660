#include "node/pins.h"

#include "lib/base/clock.h"
#include "lib/base/num.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SETS 4096u /* times WAYS entries of 48 bytes: 768 KiB */
#define WAYS 4u

struct pin {
    uint8_t sha256[HASH_SIZE];
    uint64_t until_ms; /* boot clock */
    unsigned holders;
};

struct pins {
    pthread_mutex_t lock; /* guards all below */
    struct pin sets[SETS][WAYS];
    uint64_t after_ms;
    uint64_t all_until_ms; /* a pin found no place: all count as pinned until then */
};

struct pins *pins_new(uint64_t after_ms)
{
    struct pins *p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    pthread_mutex_init(&p->lock, NULL);
    p->after_ms = after_ms;
    return p;
}

void pins_free(struct pins *p)
{
    if (!p)
        return;
    pthread_mutex_destroy(&p->lock);
    free(p);
}

/* The place of a blob, NULL when it has none. */
static struct pin *find(struct pins *p, const uint8_t *sha256)
{
    struct pin *set = p->sets[num_load_be32(sha256) % SETS];
    for (unsigned i = 0; i < WAYS; i++)
        if (memcmp(set[i].sha256, sha256, HASH_SIZE) == 0)
            return &set[i];
    return NULL;
}

/* Its place, made where there is none. NULL: all places of its set are taken, and everything is pinned instead. */
static struct pin *find_or_make(struct pins *p, const uint8_t *sha256, uint64_t now_ms)
{
    struct pin *place = find(p, sha256), *set = p->sets[num_load_be32(sha256) % SETS];
    for (unsigned i = 0; i < WAYS && !place; i++)
        if (set[i].holders == 0 && set[i].until_ms <= now_ms)
            place = &set[i];
    if (place)
        memcpy(place->sha256, sha256, HASH_SIZE);
    else
        p->all_until_ms = now_ms + PINS_ALL_MS;
    return place;
}

void pins_hold(struct pins *p, const uint8_t sha256[HASH_SIZE])
{
    pthread_mutex_lock(&p->lock);
    struct pin *place = find_or_make(p, sha256, clock_boot_ms());
    if (place)
        place->holders++;
    pthread_mutex_unlock(&p->lock);
}

void pins_release(struct pins *p, const uint8_t sha256[HASH_SIZE])
{
    uint64_t until = clock_boot_ms() + p->after_ms;
    pthread_mutex_lock(&p->lock);
    struct pin *place = find(p, sha256);
    /* One that found no place when it was held has nothing to give back. */
    if (place && place->holders > 0)
        place->holders--;
    if (place && place->until_ms < until)
        place->until_ms = until;
    pthread_mutex_unlock(&p->lock);
}

void pins_note(struct pins *p, const uint8_t sha256[HASH_SIZE], uint64_t ms)
{
    uint64_t now = clock_boot_ms();
    pthread_mutex_lock(&p->lock);
    struct pin *place = find_or_make(p, sha256, now);
    if (place && place->until_ms < now + ms)
        place->until_ms = now + ms;
    pthread_mutex_unlock(&p->lock);
}

static int is_pinned(struct pins *p, const uint8_t *sha256)
{
    uint64_t now = clock_boot_ms();
    const struct pin *place = find(p, sha256);
    return p->all_until_ms > now || (place && (place->holders > 0 || place->until_ms > now));
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
