#include "node/pins.h"

#include "lib/base/clock.h"
#include "lib/base/num.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define FULL_MS 1000u
#define ROOM_MIN 1024u /* places of an empty table: 48 KiB; a power of two, as all rooms are */

struct pin {
    uint8_t sha256[HASH_SIZE];
    uint64_t until_ms; /* boot clock */
    unsigned holders;
};

/* Open addressing with linear probing. No place is ever emptied: what is over is left out when the table is made anew. */
struct pins {
    pthread_mutex_t lock; /* guards all below */
    struct pin *at;       /* `room` of them; one with no holder and until_ms 0 is free */
    size_t room, n, max;
    uint64_t after_ms;
    uint64_t full_until_ms; /* no room is looked for again before */
    uint64_t all_until_ms;  /* a pin found no place: all count as pinned until then */
};

struct pins *pins_new(uint64_t after_ms, size_t max)
{
    struct pins *p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    p->at = calloc(ROOM_MIN, sizeof(*p->at));
    if (!p->at) {
        free(p);
        return NULL;
    }
    pthread_mutex_init(&p->lock, NULL);
    p->room = ROOM_MIN;
    p->max = max;
    p->after_ms = after_ms;
    return p;
}

void pins_free(struct pins *p)
{
    if (!p)
        return;
    pthread_mutex_destroy(&p->lock);
    free(p->at);
    free(p);
}

static int is_free(const struct pin *pin)
{
    return pin->holders == 0 && pin->until_ms == 0;
}

/* The place of a blob, or the free one where it would be. */
static struct pin *place_of(struct pin *at, size_t room, const uint8_t *sha256)
{
    size_t i = num_load_be32(sha256) & (room - 1);
    while (!is_free(&at[i]) && memcmp(at[i].sha256, sha256, HASH_SIZE) != 0)
        i = (i + 1) & (room - 1);
    return &at[i];
}

/* The place of a blob, NULL when it has none. */
static struct pin *find(struct pins *p, const uint8_t *sha256)
{
    struct pin *place = place_of(p->at, p->room, sha256);
    return is_free(place) ? NULL : place;
}

static int is_over(const struct pin *pin, uint64_t now_ms)
{
    return pin->holders == 0 && pin->until_ms <= now_ms;
}

/* Makes the table anew with what is not over, at most half full. Returns whether there is room for one more. */
static int make_room(struct pins *p, uint64_t now_ms)
{
    size_t n = 0, room = ROOM_MIN;
    for (size_t i = 0; i < p->room; i++)
        n += !is_over(&p->at[i], now_ms);
    while (room < 2 * (n + 1))
        room *= 2;
    struct pin *at = n < p->max ? calloc(room, sizeof(*at)) : NULL;
    if (!at) {
        p->full_until_ms = now_ms + FULL_MS;
        return 0;
    }
    for (size_t i = 0; i < p->room; i++)
        if (!is_over(&p->at[i], now_ms))
            *place_of(at, room, p->at[i].sha256) = p->at[i];
    free(p->at);
    p->at = at;
    p->room = room;
    p->n = n;
    return 1;
}

/* Its place, made where there is none: the caller gives it a holder or a time. NULL: there is no room, and everything is pinned instead. */
static struct pin *find_or_make(struct pins *p, const uint8_t *sha256, uint64_t now_ms)
{
    struct pin *place = find(p, sha256);
    if (place)
        return place;
    int is_tight = 4 * (p->n + 1) > 3 * p->room;
    if (is_tight && (now_ms < p->full_until_ms || !make_room(p, now_ms))) {
        p->all_until_ms = now_ms + PINS_ALL_MS;
        return NULL;
    }
    place = place_of(p->at, p->room, sha256);
    memcpy(place->sha256, sha256, HASH_SIZE);
    p->n++;
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
