#include "node/share_dirty.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS 16384u

/* In one chain of a bucket, and in the queue of its way of waiting. All in a queue wait equally long, so the first is always the next. */
struct waiting {
    struct waiting *chain;
    struct waiting *before, *after;
    enum share_wait wait;
    uint64_t since_ms, due_ms;
    char name[];
};

struct share_dirty {
    struct waiting *buckets[BUCKETS];
    struct waiting *first[SHARE_WAITS], *last[SHARE_WAITS];
};

static const uint64_t delay_ms[SHARE_WAITS] = {
    [SHARE_SOON] = SHARE_SOON_MS, [SHARE_QUIET] = SHARE_QUIET_MS, [SHARE_LATER] = SHARE_LATER_MS};

/* FNV-1a. */
static unsigned bucket_of(const char *name)
{
    uint32_t h = 2166136261u;
    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * 16777619u;
    return h % BUCKETS;
}

static struct waiting *find(const struct share_dirty *d, const char *name)
{
    struct waiting *w = d->buckets[bucket_of(name)];
    while (w && strcmp(w->name, name) != 0)
        w = w->chain;
    return w;
}

static void append(struct share_dirty *d, struct waiting *w)
{
    w->before = d->last[w->wait];
    w->after = NULL;
    *(w->before ? &w->before->after : &d->first[w->wait]) = w;
    d->last[w->wait] = w;
}

static void detach(struct share_dirty *d, struct waiting *w)
{
    *(w->before ? &w->before->after : &d->first[w->wait]) = w->after;
    *(w->after ? &w->after->before : &d->last[w->wait]) = w->before;
}

static struct waiting *make(struct share_dirty *d, const char *name, uint64_t now_ms)
{
    size_t len = strlen(name) + 1;
    struct waiting *w = calloc(1, sizeof(*w) + len);
    if (!w)
        return NULL;
    unsigned b = bucket_of(name);
    memcpy(w->name, name, len);
    w->since_ms = now_ms;
    w->chain = d->buckets[b];
    d->buckets[b] = w;
    return w;
}

enum err share_dirty_add(struct share_dirty *d, const char *name, enum share_wait wait, uint64_t now_ms, uint64_t *since_ms)
{
    struct waiting *w = find(d, name);
    int put_off = w && w->wait == wait && wait == SHARE_SOON && now_ms - w->since_ms >= SHARE_QUIET_MS;
    if (w && !put_off)
        detach(d, w);
    else if (!w)
        w = make(d, name, now_ms);
    if (!w)
        return ERR_NOMEM;
    if (!put_off) {
        w->wait = wait;
        w->due_ms = now_ms + delay_ms[wait];
        append(d, w);
    }
    if (since_ms)
        *since_ms = w->since_ms;
    return ERR_OK;
}

int share_dirty_waits(const struct share_dirty *d, const char *name, enum share_wait wait)
{
    const struct waiting *w = find(d, name);
    return w && (wait == SHARE_WAITS || w->wait == wait);
}

static void drop(struct share_dirty *d, struct waiting *w)
{
    struct waiting **at = &d->buckets[bucket_of(w->name)];
    while (*at != w)
        at = &(*at)->chain;
    *at = w->chain;
    detach(d, w);
    free(w);
}

int share_dirty_take(struct share_dirty *d, uint64_t now_ms, char name[SHARED_NAME_MAX + 1])
{
    for (int wait = 0; wait < SHARE_WAITS; wait++) {
        struct waiting *w = d->first[wait];
        if (!w || w->due_ms > now_ms)
            continue;
        memcpy(name, w->name, strlen(w->name) + 1);
        drop(d, w);
        return 1;
    }
    return 0;
}

uint64_t share_dirty_next_ms(const struct share_dirty *d, uint64_t now_ms)
{
    uint64_t next = UINT64_MAX;
    for (int wait = 0; wait < SHARE_WAITS; wait++) {
        const struct waiting *w = d->first[wait];
        uint64_t left = !w ? UINT64_MAX : w->due_ms > now_ms ? w->due_ms - now_ms : 0;
        next = left < next ? left : next;
    }
    return next;
}

void share_dirty_clear(struct share_dirty *d)
{
    for (int wait = 0; wait < SHARE_WAITS; wait++) {
        for (struct waiting *w = d->first[wait], *next; w; w = next) {
            next = w->after;
            free(w);
        }
    }
    memset(d, 0, sizeof(*d));
}

struct share_dirty *share_dirty_new(void)
{
    return calloc(1, sizeof(struct share_dirty));
}

void share_dirty_free(struct share_dirty *d)
{
    if (!d)
        return;
    share_dirty_clear(d);
    free(d);
}
