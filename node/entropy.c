#include "node/entropy_inside.h"

#include "lib/base/clock.h"
#include "lib/base/id.h"
#include "lib/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEND_IDLE_MS 500u
#define PER_MEMBER_MS 20u /* a large ring is looked at less often */

/* ---- facts */

static int compare_facts(const void *a, const void *b)
{
    return strcmp(((const struct entropy_fact *)a)->key, ((const struct entropy_fact *)b)->key);
}

const struct entropy_fact *entropy_fact_find(const struct entropy_facts *f, const char *key)
{
    struct entropy_fact wanted = {.key = (char *)(uintptr_t)key};
    return f->n ? bsearch(&wanted, f->at, f->n, sizeof(f->at[0]), compare_facts) : NULL;
}

enum err entropy_fact_add(struct entropy_facts *f, const struct entropy_fact *fact)
{
    if (f->n == f->cap) {
        size_t cap = f->cap ? 2 * f->cap : 16;
        struct entropy_fact *at = reallocarray(f->at, cap, sizeof(at[0]));
        if (!at)
            return ERR_NOMEM;
        f->at = at;
        f->cap = cap;
    }
    f->at[f->n] = *fact;
    f->at[f->n].key = strdup(fact->key);
    return f->at[f->n].key ? (f->n++, ERR_OK) : ERR_NOMEM;
}

/* A course that differs and lacks a blob too is told of twice: the fact that differs stays. */
void entropy_facts_sort(struct entropy_facts *f)
{
    size_t kept = 0;
    if (f->n > 0)
        qsort(f->at, f->n, sizeof(f->at[0]), compare_facts);
    for (size_t i = 0; i < f->n; i++) {
        if (kept > 0 && strcmp(f->at[kept - 1].key, f->at[i].key) == 0) {
            f->at[kept - 1].differs |= f->at[i].differs;
            free(f->at[i].key);
        } else
            f->at[kept++] = f->at[i];
    }
    f->n = kept;
}

void entropy_facts_clear(struct entropy_facts *f)
{
    for (size_t i = 0; i < f->n; i++)
        free(f->at[i].key);
    free(f->at);
    *f = (struct entropy_facts){0};
}

/* ---- neighbours */

int entropy_owns(const struct catalog_course *course, long member)
{
    for (uint32_t i = 0; i < course->n_owners; i++)
        if (course->owners[i] == member)
            return 1;
    return 0;
}

static void clear_neighbours(struct entropy *e)
{
    for (size_t i = 0; i < e->n; i++)
        entropy_facts_clear(&e->neighbours[i].facts);
    free(e->neighbours);
    e->neighbours = NULL;
    e->n = 0;
}

/* What was known of a node under the ring before. Its facts are asked for anew. */
static void carry_over(const struct entropy *old, struct entropy_neighbour *to)
{
    for (size_t i = 0; i < old->n; i++) {
        if (strcmp(old->neighbours[i].id, to->id) != 0)
            continue;
        *to = old->neighbours[i];
        to->facts = (struct entropy_facts){0};
        to->known = to->answered = 0;
    }
}

/* The members of the acting ring. A place in the list is a place in the ring. */
static void make_neighbours(void *ctx, const struct catalog_ring *ring)
{
    struct entropy *e = ctx;
    if (ring->serial == e->serial || !ring->ring)
        return;
    size_t n = ring->ring->n_members;
    struct entropy_neighbour *next = calloc(n, sizeof(*next));
    if (!next)
        return;
    for (size_t i = 0; i < n; i++) {
        snprintf(next[i].id, RING_ID_MAX, "%s", ring->ring->members[i].id);
        next[i].mend_ms = clock_boot_ms() + id_random_below(e->period_ms + 1);
        carry_over(e, &next[i]);
        next[i].fresh_ms = clock_boot_ms() + ENTROPY_FRESH_MS;
    }
    clear_neighbours(e);
    e->neighbours = next;
    e->n = n;
    e->self = ring->self;
    e->epoch = ring->epoch;
    e->serial = ring->serial;
}

static void add_digest(void *ctx, const struct catalog_ring *ring, const struct catalog_course *course)
{
    struct entropy *e = ctx;
    if (ring->serial != e->serial || !entropy_owns(course, e->self))
        return;
    for (uint32_t i = 0; i < course->n_owners; i++) {
        struct entropy_neighbour *to = &e->neighbours[course->owners[i]];
        to->digest ^= course->digest;
        to->courses++;
    }
}

/* Our own side of each comparison, anew when anything changed. */
static void count_own(struct entropy *e)
{
    uint64_t generation = catalog_generation(e->catalog);
    pthread_mutex_lock(&e->looker.lock);
    if (generation != e->generation) {
        catalog_with_ring(e->catalog, make_neighbours, e);
        for (size_t i = 0; i < e->n; i++)
            e->neighbours[i].digest = e->neighbours[i].courses = 0;
        catalog_each(e->catalog, CATALOG_BUCKETS, add_digest, e);
        e->generation = generation;
    }
    pthread_mutex_unlock(&e->looker.lock);
}

/* ---- the threads */

static void *look_now_and_then(void *ctx)
{
    struct entropy *e = ctx;
    struct peer *peer = peers_take(e->node->peers);
    uint64_t wait_ms = 0;
    while (peer && bell_wait(&e->looker, wait_ms, NULL)) {
        enum err failed = catalog_refresh(e->catalog);
        if (failed && failed != ERR_UNAVAILABLE)
            log_write(LOG_WARN, "entropy", "the courses here cannot be read: %s", err_text(failed));
        if (!failed) {
            count_own(e);
            entropy_look(e, peer);
            pthread_mutex_lock(&e->looker.lock);
            census_count(e);
            pthread_mutex_unlock(&e->looker.lock);
            bell_ring(&e->mender);
        }
        wait_ms = e->look_ms + PER_MEMBER_MS * e->n + id_random_below(e->look_ms / 4);
    }
    peers_give(e->node->peers, peer);
    return NULL;
}

static void *mend_when_due(void *ctx)
{
    struct entropy *e = ctx;
    struct peer *peer = peers_take(e->node->peers);
    uint64_t slots_ms = clock_boot_ms() + ENTROPY_SLOT_LOOKS * e->look_ms;
    while (peer && bell_wait(&e->mender, MEND_IDLE_MS, NULL)) {
        if (node_is_suspect(e->node))
            continue;
        while (entropy_mend(e, peer))
            ;
        if (clock_boot_ms() < slots_ms)
            continue;
        entropy_close_slots(e, peer);
        slots_ms = clock_boot_ms() + ENTROPY_SLOT_LOOKS * e->look_ms;
    }
    peers_give(e->node->peers, peer);
    return NULL;
}

enum err entropy_start(struct node *n, uint64_t period_s, struct entropy **out)
{
    static void *(*const runs[])(void *) = {look_now_and_then, mend_when_due};
    struct entropy *e = calloc(1, sizeof(*e));
    if (!e)
        return ERR_NOMEM;
    e->node = n;
    e->catalog = n->catalog;
    e->period_ms = period_s * 1000u;
    e->look_ms = e->period_ms / 2 < ENTROPY_LOOK_MS ? e->period_ms / 2 : ENTROPY_LOOK_MS;
    e->self = -1;
    bell_init(&e->looker);
    bell_init(&e->mender);
    /* Only tests look by themselves. */
    while (period_s > 0 && e->n_threads < 2 && pthread_create(&e->threads[e->n_threads], NULL, runs[e->n_threads], e) == 0)
        e->n_threads++;
    if (period_s > 0 && e->n_threads < 2) {
        entropy_free(e);
        return ERR_NOMEM;
    }
    *out = e;
    return ERR_OK;
}

void entropy_stop(struct entropy *e)
{
    if (!e)
        return;
    bell_stop(&e->looker);
    bell_stop(&e->mender);
}

void entropy_free(struct entropy *e)
{
    if (!e)
        return;
    entropy_stop(e);
    for (size_t i = 0; i < e->n_threads; i++)
        pthread_join(e->threads[i], NULL);
    clear_neighbours(e);
    bell_release(&e->looker);
    bell_release(&e->mender);
    free(e);
}

void entropy_wake(struct entropy *e)
{
    bell_ring(&e->looker);
}

void entropy_census(struct entropy *e, struct member_census *out)
{
    pthread_mutex_lock(&e->looker.lock);
    *out = e->census;
    pthread_mutex_unlock(&e->looker.lock);
}

void entropy_counts(struct entropy *e, struct entropy_counts *out)
{
    pthread_mutex_lock(&e->looker.lock);
    *out = e->counts;
    out->differing = 0;
    for (size_t i = 0; i < e->n; i++)
        for (size_t f = 0; f < e->neighbours[i].facts.n; f++)
            out->differing += (uint64_t)(e->neighbours[i].facts.at[f].differs != 0);
    pthread_mutex_unlock(&e->looker.lock);
}
