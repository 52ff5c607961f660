/* The Chord view of a ring: predecessor, successor and finger table of each node, and lookups that go by them. Pure. After Stoica et al. (2001), §4.
 * The functions work on any circle of identifiers; fingers_new() makes the one of a ring, where each node's identifier is its seat (README.md says why). */
#ifndef RB_LIB_RING_FINGERS_H
#define RB_LIB_RING_FINGERS_H

#include "lib/base/err.h"
#include "lib/ring/ring.h"

#include <stddef.h>
#include <stdint.h>

#define FINGERS_ROWS_MAX 64
#define FINGERS_HOPS_MAX 64 /* on any circle: a hop leaves less than half of the way. Over seats floor(log2 n) */

/* A node on the circle. */
struct fingers_seat {
    uint64_t id;
    uint32_t member; /* the caller's name for it; in a ring the index into members */
};

/* Identifiers 0 … size-1, then 0 again. */
struct fingers_circle {
    uint64_t size;                    /* 0 = 2^64 */
    size_t n;                         /* at least 1 */
    const struct fingers_seat *seats; /* sorted by id, no id twice, each below size */
};

/* Row i: the first node at or after id + 2^i. */
struct fingers_row {
    uint64_t start;
    struct fingers_seat node;
};

/* All that one node knows of the others. */
struct fingers_table {
    uint64_t size;                                    /* of the circle */
    struct fingers_seat self, predecessor, successor; /* all the same for a node that is alone */
    unsigned n_rows;                                  /* ceil(log2 size) */
    struct fingers_row rows[FINGERS_ROWS_MAX];
};

/* Fills the table of the node that sits at c->seats[seat]. */
void fingers_table(const struct fingers_circle *c, size_t seat, struct fingers_table *out);

/* Where a lookup of the node with identifier `target` goes next from the node with this table, by nothing but this table: to the finger
 * that is nearest to the target and not past it. skip = 0; 1, 2 … give the next best, for when the better ones are dead. NULL when there
 * are no more, and when the target is this node itself. Points into t. */
const struct fingers_seat *fingers_next(const struct fingers_table *t, uint64_t target, unsigned skip);

/* The hops of a lookup from c->seats[from] for c->seats[to]: each node reached, the last is `to`. Each is what fingers_next() says at the
 * node where the lookup then is. Returns how many; 0 when from == to. */
size_t fingers_route(const struct fingers_circle *c, size_t from, size_t to, struct fingers_seat hops[FINGERS_HOPS_MAX]);

/* The nodes of a ring as seats on a circle of just so many, in the order of (zone, name): circle.size == circle.n, circle.seats[s].id == s.
 * A course whose owners are ring_owners() is looked up by fingers_route(&f->circle, f->seat_of[from], f->seat_of[owners[0]], hops). */
struct fingers {
    struct fingers_circle circle;
    uint32_t *seat_of; /* member → seat */
};

/* Seats the members of a ring, which need not live on. ERR_NOMEM. */
enum err fingers_new(const struct ring *r, struct fingers **out) MUST_CHECK;
void fingers_free(struct fingers *f);

#endif
