#include "tests/sim/ring_sim.h"

#include <assert.h>
#include <stdlib.h>

void *sim_memory(size_t n, size_t size)
{
    void *memory = calloc(n, size);
    if (!memory) {
        fprintf(stderr, "ring: out of memory\n");
        exit(1);
    }
    return memory;
}

uint64_t sim_chance(uint64_t *state, uint64_t n)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % n;
}

static struct ring_member member(const char *name, size_t number, unsigned zones)
{
    struct ring_member m = {.weight = 1};
    snprintf(m.name, sizeof(m.name), "%s", name);
    snprintf(m.id, sizeof(m.id), "%s.0123456789abcdef", name);
    if (zones)
        snprintf(m.zone, sizeof(m.zone), "zone-%zu", number % zones);
    return m;
}

struct ring *sim_ring(size_t n, unsigned zones, const char *newcomer)
{
    assert(n < RING_MEMBERS_MAX);
    struct ring_member *members = sim_memory(n + 1, sizeof(*members));
    for (size_t i = 0; i < n; i++) {
        char name[32];
        snprintf(name, sizeof(name), "node-%zu", i + 1);
        members[i] = member(name, i, zones);
    }
    if (newcomer)
        members[n] = member(newcomer, n, zones);
    struct ring *r = NULL;
    enum err e = ring_new(members, newcomer ? n + 1 : n, SIM_K, 1, &r);
    free(members);
    if (e) {
        fprintf(stderr, "ring: no ring of %zu nodes: %s\n", n, err_text(e));
        exit(1);
    }
    return r;
}
