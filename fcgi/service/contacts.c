#include "fcgi/service/contacts.h"

#include "lib/base/clock.h"
#include "lib/ring/ring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    char id[RING_ID_MAX];
    uint64_t used_ms; /* boot time, as all here; 0 = free */
    uint64_t heard_ms;
    uint64_t suspect_until_ms, slow_until_ms;
    int clock_known;
    int64_t ahead_ms;
};

struct contacts {
    pthread_mutex_t lock;
    struct entry at[CONTACTS_MAX];
    uint64_t hedges;
};

struct contacts *contacts_new(void)
{
    struct contacts *c = calloc(1, sizeof(*c));
    if (c != NULL)
        pthread_mutex_init(&c->lock, NULL);
    return c;
}

void contacts_free(struct contacts *c)
{
    if (c == NULL)
        return;
    pthread_mutex_destroy(&c->lock);
    free(c);
}

/* With the lock held. NULL: not known. */
static struct entry *find(struct contacts *c, const char *id)
{
    for (size_t i = 0; i < CONTACTS_MAX && c->at[i].used_ms != 0; i++)
        if (strcmp(c->at[i].id, id) == 0)
            return &c->at[i];
    return NULL;
}

/* With the lock held. Entries fill up from the front and are never given back, only given over. */
static struct entry *take(struct contacts *c, const char *id, uint64_t now_ms)
{
    struct entry *e = find(c, id);
    if (e == NULL) {
        e = &c->at[0];
        for (size_t i = 1; i < CONTACTS_MAX && e->used_ms != 0; i++)
            if (c->at[i].used_ms < e->used_ms)
                e = &c->at[i];
        *e = (struct entry){.used_ms = now_ms};
        snprintf(e->id, sizeof(e->id), "%s", id);
    }
    e->used_ms = now_ms;
    return e;
}

void contacts_report(struct contacts *c, const char *id, int answered)
{
    uint64_t now_ms = clock_boot_ms();
    pthread_mutex_lock(&c->lock);
    struct entry *e = take(c, id, now_ms);
    if (answered)
        e->heard_ms = now_ms;
    e->suspect_until_ms = answered ? 0 : now_ms + CONTACTS_SUSPECT_MS;
    pthread_mutex_unlock(&c->lock);
}

void contacts_was_slow(struct contacts *c, const char *id)
{
    uint64_t now_ms = clock_boot_ms();
    pthread_mutex_lock(&c->lock);
    take(c, id, now_ms)->slow_until_ms = now_ms + CONTACTS_SLOW_MS;
    pthread_mutex_unlock(&c->lock);
}

void contacts_clock(struct contacts *c, const char *id, int64_t ahead_ms)
{
    pthread_mutex_lock(&c->lock);
    struct entry *e = take(c, id, clock_boot_ms());
    e->ahead_ms = ahead_ms;
    e->clock_known = 1;
    pthread_mutex_unlock(&c->lock);
}

struct contact contacts_get(struct contacts *c, const char *id)
{
    uint64_t now_ms = clock_boot_ms();
    struct contact out = {.silent_ms = UINT64_MAX};
    pthread_mutex_lock(&c->lock);
    const struct entry *e = find(c, id);
    if (e != NULL) {
        out.suspect = e->suspect_until_ms > now_ms;
        out.slow = e->slow_until_ms > now_ms;
        out.ahead_ms = e->ahead_ms;
        out.clock_known = e->clock_known;
        if (e->heard_ms != 0)
            out.silent_ms = now_ms - e->heard_ms;
    }
    pthread_mutex_unlock(&c->lock);
    return out;
}

void contacts_hedged(struct contacts *c)
{
    pthread_mutex_lock(&c->lock);
    c->hedges++;
    pthread_mutex_unlock(&c->lock);
}

uint64_t contacts_hedges(struct contacts *c)
{
    pthread_mutex_lock(&c->lock);
    uint64_t n = c->hedges;
    pthread_mutex_unlock(&c->lock);
    return n;
}
