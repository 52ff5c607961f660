#include "lib/ring/fingers.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The way clockwise. A size of 0 is 2^64 in unsigned arithmetic, here and below. */
static uint64_t distance(uint64_t size, uint64_t from, uint64_t to)
{
    return to >= from ? to - from : size - (from - to);
}

/* The identifier `way` further clockwise; way < size. Written so that no sum passes 2^64 on its way. */
static uint64_t forward(uint64_t size, uint64_t id, uint64_t way)
{
    uint64_t to_the_end = size - id;
    return way < to_the_end ? id + way : way - to_the_end;
}

/* Index of the first node at or after the identifier, clockwise. */
static size_t successor(const struct fingers_circle *c, uint64_t id)
{
    size_t low = 0, high = c->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (c->seats[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < c->n ? low : 0;
}

void fingers_table(const struct fingers_circle *c, size_t seat, struct fingers_table *out)
{
    assert(seat < c->n);
    out->size = c->size;
    out->self = c->seats[seat];
    out->predecessor = c->seats[seat > 0 ? seat - 1 : c->n - 1];
    out->successor = c->seats[seat + 1 < c->n ? seat + 1 : 0];
    unsigned i = 0;
    for (; i < FINGERS_ROWS_MAX && (c->size == 0 || UINT64_C(1) << i < c->size); i++) {
        uint64_t way = UINT64_C(1) << i, start = forward(c->size, out->self.id, way);
        const struct fingers_seat *before = i > 0 ? &out->rows[i - 1].node : &out->self;
        out->rows[i].start = start;
        /* Nobody sits between the start before and its node; when that node is past this start too, it is the answer again. */
        out->rows[i].node = distance(c->size, out->self.id, before->id) >= way ? *before : c->seats[successor(c, start)];
    }
    out->n_rows = i;
}

const struct fingers_seat *fingers_next(const struct fingers_table *t, uint64_t target, unsigned skip)
{
    uint64_t way = distance(t->size, t->self.id, target);
    const struct fingers_seat *last = NULL;
    for (unsigned i = t->n_rows; i > 0; i--) {
        const struct fingers_seat *node = &t->rows[i - 1].node;
        /* Rows that lead past the target, round to ourselves, or where the row above led. */
        if (node->id == t->self.id || distance(t->size, t->self.id, node->id) > way || (last && node->id == last->id))
            continue;
        last = node;
        if (skip-- == 0)
            return node;
    }
    return NULL;
}

size_t fingers_route(const struct fingers_circle *c, size_t from, size_t to, struct fingers_seat hops[FINGERS_HOPS_MAX])
{
    assert(from < c->n && to < c->n);
    size_t n = 0;
    for (size_t at = from; at != to; n++) {
        struct fingers_table table;
        fingers_table(c, at, &table);
        const struct fingers_seat *next = fingers_next(&table, c->seats[to].id, 0);
        assert(next && n < FINGERS_HOPS_MAX);
        hops[n] = *next;
        at = successor(c, next->id);
    }
    return n;
}

struct place {
    const struct ring_member *member;
    uint32_t index;
};

static int compare_places(const void *a, const void *b)
{
    const struct ring_member *x = ((const struct place *)a)->member, *y = ((const struct place *)b)->member;
    int zones = strcmp(x->zone, y->zone);
    return zones ? zones : strcmp(x->name, y->name);
}

enum err fingers_new(const struct ring *r, struct fingers **out)
{
    size_t n = r->n_members;
    struct place *places = malloc(n * sizeof(places[0]));
    struct fingers_seat *seats = malloc(n * sizeof(seats[0]));
    uint32_t *seat_of = malloc(n * sizeof(seat_of[0]));
    struct fingers *f = malloc(sizeof(*f));
    if (!places || !seats || !seat_of || !f) {
        free(places);
        free(seats);
        free(seat_of);
        free(f);
        return ERR_NOMEM;
    }
    for (uint32_t m = 0; m < n; m++)
        places[m] = (struct place){.member = &r->members[m], .index = m};
    qsort(places, n, sizeof(places[0]), compare_places);
    for (uint32_t s = 0; s < n; s++) {
        seats[s] = (struct fingers_seat){.id = s, .member = places[s].index};
        seat_of[places[s].index] = s;
    }
    free(places);
    *f = (struct fingers){.circle = {.size = n, .n = n, .seats = seats}, .seat_of = seat_of};
    *out = f;
    return ERR_OK;
}

void fingers_free(struct fingers *f)
{
    if (!f)
        return;
    free((void *)f->circle.seats);
    free(f->seat_of);
    free(f);
}
