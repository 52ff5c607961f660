#include "lib/ring/fingers.h"
#include "tests/sim/ring_sim.h"

#include <stdlib.h>

#define COURSES 20000
#define PAIRS_FACTOR 4 /* all pairs are worth so many times the lookups: they leave nothing to chance */

struct tally {
    uint64_t by_hops[FINGERS_HOPS_MAX + 1];
    uint64_t lookups;
};

static void look_up(const struct fingers_circle *c, size_t from, size_t to, struct tally *t)
{
    struct fingers_seat hops[FINGERS_HOPS_MAX];
    t->by_hops[fingers_route(c, from, to, hops)]++;
    t->lookups++;
}

/* From each of `starts` nodes, evenly apart, to each other node. */
static void look_up_all(const struct fingers_circle *c, size_t starts, struct tally *t)
{
    for (size_t i = 0; i < starts; i++) {
        size_t from = i * c->n / starts;
        for (size_t way = 1; way < c->n; way++)
            look_up(c, from, (from + way) % c->n, t);
    }
}

static void look_up_by_chance(const struct fingers_circle *c, uint64_t lookups, struct tally *t)
{
    uint64_t state = c->n;
    for (uint64_t i = 0; i < lookups; i++) {
        size_t from = (size_t)sim_chance(&state, c->n);
        look_up(c, from, (from + 1 + (size_t)sim_chance(&state, c->n - 1)) % c->n, t);
    }
}

static unsigned most(const struct tally *t)
{
    unsigned hops = FINGERS_HOPS_MAX;
    while (hops > 0 && t->by_hops[hops] == 0)
        hops--;
    return hops;
}

/* The smallest number of hops that is enough for this share of the lookups. */
static unsigned quantile(const struct tally *t, double share)
{
    uint64_t sum = 0;
    unsigned hops = 0;
    while ((double)(sum += t->by_hops[hops]) < share * (double)t->lookups)
        hops++;
    return hops;
}

static double mean(const struct tally *t)
{
    double sum = 0;
    for (unsigned hops = 0; hops <= FINGERS_HOPS_MAX; hops++)
        sum += (double)hops * (double)t->by_hops[hops];
    return sum / (double)t->lookups;
}

/* All pairs, or half of the lookups from some nodes to every other (when they are enough for one), and half by chance. Returns whether it was all pairs. */
static int look_up_enough(const struct fingers_circle *c, uint64_t lookups, struct tally *t)
{
    uint64_t pairs = (uint64_t)c->n * (c->n - 1);
    if (pairs <= PAIRS_FACTOR * lookups) {
        look_up_all(c, c->n, t);
        return 1;
    }
    look_up_all(c, (size_t)(lookups / 2 / c->n), t);
    look_up_by_chance(c, lookups / 2, t);
    return 0;
}

static int compare_seats(const void *a, const void *b)
{
    const struct fingers_seat *x = a, *y = b;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* A node's identifier is its seat (hashed = 0), or the hash of its name on a circle of 2^64, as the paper has it. The caller frees the seats. */
static struct fingers_seat *seats_new(size_t n, int hashed)
{
    struct fingers_seat *seats = sim_memory(n, sizeof(*seats));
    for (uint32_t i = 0; i < n; i++) {
        char name[32];
        snprintf(name, sizeof(name), "node-%u", (unsigned)i + 1);
        seats[i] = (struct fingers_seat){.id = hashed ? ring_key_point(name) : i, .member = i};
    }
    qsort(seats, n, sizeof(*seats), compare_seats);
    return seats;
}

/* Courses of a real ring, from chance nodes, the host itself among them. */
static void look_up_courses(struct hops_row *out)
{
    struct ring *r = sim_ring(out->n, 3, NULL); /* with zones seats and members are in different orders */
    struct fingers *f = NULL;
    if (fingers_new(r, &f))
        exit(1);
    uint64_t state = 1;
    for (; out->courses < COURSES; out->courses++) {
        char key[32];
        snprintf(key, sizeof(key), "course%u", (unsigned)out->courses);
        uint32_t owners[RING_K_MAX], from = (uint32_t)sim_chance(&state, out->n);
        ring_owners(r, ring_key_point(key), owners);
        struct fingers_seat hops[FINGERS_HOPS_MAX];
        size_t n = fingers_route(&f->circle, f->seat_of[from], f->seat_of[owners[0]], hops);
        uint32_t end = n > 0 ? hops[n - 1].member : from;
        out->strays += end != owners[0];
        if (n > out->courses_max)
            out->courses_max = (unsigned)n;
    }
    fingers_free(f);
    ring_free(r);
}

void hops_measure(size_t n, uint64_t lookups, struct hops_row *out)
{
    *out = (struct hops_row){.n = n};
    struct fingers_seat *seats = seats_new(n, 0);
    struct tally even = {0}, hashed = {0};
    out->all_pairs = look_up_enough(&(struct fingers_circle){.size = n, .n = n, .seats = seats}, lookups, &even);
    free(seats);
    out->lookups = even.lookups;
    out->max = most(&even);
    out->p99 = quantile(&even, 0.99);
    out->mean = mean(&even);
    seats = seats_new(n, 1);
    look_up_enough(&(struct fingers_circle){.size = 0, .n = n, .seats = seats}, lookups, &hashed);
    free(seats);
    out->hashed_max = most(&hashed);
    out->hashed_mean = mean(&hashed);
    if (n < RING_MEMBERS_MAX)
        look_up_courses(out);
}
