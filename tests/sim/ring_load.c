#include "tests/sim/ring_sim.h"

#include <assert.h>
#include <stdlib.h>

/* The arc that ends at token i, as a share of the circle. All its points have the same owners. */
static double arc(const struct ring *r, size_t i)
{
    uint64_t before = r->tokens[i > 0 ? i - 1 : r->n_tokens - 1].point; /* before the first: round the end, as unsigned numbers go */
    return (double)(r->tokens[i].point - before) / 18446744073709551616.0;
}

static double largest(const double *values, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        if (values[i] > most)
            most = values[i];
    }
    return most;
}

static void weigh(const struct ring *r, struct load_row *out)
{
    double *copies = sim_memory(r->n_members, sizeof(*copies)), *hosted = sim_memory(r->n_members, sizeof(*hosted));
    for (size_t i = 0; i < r->n_tokens; i++) {
        uint32_t owners[RING_K_MAX];
        size_t n = ring_owners(r, r->tokens[i].point, owners);
        hosted[owners[0]] += arc(r, i);
        for (size_t o = 0; o < n; o++)
            copies[owners[o]] += arc(r, i);
    }
    double nodes = (double)r->n_members;
    out->copies_max = largest(copies, r->n_members) * nodes / (double)ring_k_effective(r);
    out->hosted_max = largest(hosted, r->n_members) * nodes;
    free(copies);
    free(hosted);
}

/* Copies of a course that a join moves: owners under the new ring that were none under the old. */
struct moves {
    double to_newcomer, between_staying; /* in copies a course, over the whole circle */
};

static int has(const uint32_t *owners, size_t n, uint32_t member)
{
    for (size_t i = 0; i < n; i++) {
        if (owners[i] == member)
            return 1;
    }
    return 0;
}

/* The new ring has all tokens of the old, so that owners under either ring are the same on the whole of an arc of the new. */
static struct moves compare(const struct ring *before, const struct ring *after, const char *newcomer)
{
    struct moves moves = {0};
    uint32_t *renamed = sim_memory(before->n_members, sizeof(*renamed)); /* index in the old ring → in the new */
    for (size_t i = 0; i < before->n_members; i++)
        renamed[i] = (uint32_t)ring_find(after, before->members[i].id);
    long joined = ring_find_name(after, newcomer);
    assert(joined >= 0);
    for (size_t i = 0; i < after->n_tokens; i++) {
        uint32_t old[RING_K_MAX], new[RING_K_MAX];
        size_t n_old = ring_owners(before, after->tokens[i].point, old), n_new = ring_owners(after, after->tokens[i].point, new);
        for (size_t o = 0; o < n_old; o++)
            old[o] = renamed[old[o]];
        for (size_t o = 0; o < n_new; o++) {
            if (has(old, n_old, new[o]))
                continue;
            if (new[o] == (uint32_t)joined)
                moves.to_newcomer += arc(after, i);
            else
                moves.between_staying += arc(after, i);
        }
    }
    free(renamed);
    return moves;
}

void load_measure(size_t n, unsigned zones, unsigned joins, struct load_row *out)
{
    *out = (struct load_row){.n = n, .joins = joins};
    struct ring *before = sim_ring(n, zones, NULL);
    weigh(before, out);
    for (unsigned i = 0; i < joins; i++) {
        char name[32];
        snprintf(name, sizeof(name), "newcomer-%u", i + 1);
        struct ring *after = sim_ring(n, zones, name);
        struct moves moves = compare(before, after, name);
        ring_free(after);
        double k = (double)ring_k_effective(before), moved = (moves.to_newcomer + moves.between_staying) * (double)(n + 1) / k;
        out->moved_mean += moved / (double)joins;
        if (moved > out->moved_max)
            out->moved_max = moved;
        if (moves.between_staying / k > out->staying_max)
            out->staying_max = moves.between_staying / k;
    }
    ring_free(before);
}
