/* Rings are made once: the linker puts __wrap_ring_new() in the place of ring_new(), which costs a millisecond for its tokens, and the cores copy documents freely.
 * What is handed out is a ring as the real one makes it. */
#include "lib/ring/ring.h"

#include <stdlib.h>
#include <string.h>

#define CACHED 512u

/* The linker gives these names. NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
enum err __real_ring_new(const struct ring_member *members, size_t n, uint32_t k, uint64_t epoch, struct ring **out);
enum err __wrap_ring_new(const struct ring_member *members, size_t n, uint32_t k, uint64_t epoch, struct ring **out);

static struct cached {
    struct ring *ring;
    struct ring_member *asked; /* as it was asked for, in that order */
} cache[CACHED];
static size_t next_place;

static void *copy_of(const void *from, size_t bytes)
{
    void *to = malloc(bytes);
    if (!to)
        abort();
    return memcpy(to, from, bytes);
}

static struct ring *copy_ring(const struct ring *from, uint32_t k, uint64_t epoch)
{
    struct ring *r = copy_of(from, sizeof *from);
    r->k = k;
    r->epoch = epoch;
    r->members = copy_of(from->members, from->n_members * sizeof *from->members);
    r->zone_of = copy_of(from->zone_of, from->n_members * sizeof *from->zone_of);
    r->tokens = copy_of(from->tokens, from->n_tokens * sizeof *from->tokens);
    return r;
}

enum err __wrap_ring_new(const struct ring_member *members, size_t n, uint32_t k, uint64_t epoch, struct ring **out)
{
    struct ring *made;
    for (size_t i = 0; i < CACHED && k >= 1 && k <= RING_K_MAX; i++) {
        if (!cache[i].ring || cache[i].ring->n_members != n || memcmp(cache[i].asked, members, n * sizeof *members) != 0)
            continue;
        *out = copy_ring(cache[i].ring, k, epoch);
        return ERR_OK;
    }
    enum err e = __real_ring_new(members, n, k, epoch, &made);
    if (e != ERR_OK)
        return e;
    struct cached *c = &cache[next_place++ % CACHED];
    ring_free(c->ring);
    free(c->asked);
    c->ring = copy_ring(made, k, epoch);
    c->asked = copy_of(members, n * sizeof *members);
    *out = made;
    return ERR_OK;
}
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
