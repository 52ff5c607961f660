/* Anti-entropy: owners of the same courses compare what they have, and each pulls what it lacks (protocol.md P6.3: whole sets, by PULL only, from owners of the course
 * only). It is what makes owners equal again when no hint was kept, or its keeper died.
 *
 * Two threads. The looker asks each other member of the acting ring every ENTROPY_LOOK_MS for a digest of all the courses that both own; where they differ, for
 * the digests of their arcs, and then for the courses of the differing arcs. What it learns is also what the census counts. The mender pulls: from a neighbour that came
 * back, or moved, or has the ring at last at once; from any other every RB_NODE_ENTROPY_S, and then only what differed in two looks, since most differences
 * are uploads on their way. It also makes records firm that are chosen and that nobody was told of: those that W owners show in equal slots (protocol.md P5.3). A claim on
 * fewer owners is unfinished, and no difference.
 *
 * An owner that is behind does the pulling; one that is ahead waits for it, and pulls too only when the difference lasts, since neither can tell for sure. */
#ifndef RB_NODE_ENTROPY_H
#define RB_NODE_ENTROPY_H

#include "node/node.h"

struct entropy;

#define ENTROPY_LOOK_MS 1500u /* or half of the period, if that is shorter; and a little more for each member of a large ring */

/* Starts the threads; n outlives them. period_s: RB_NODE_ENTROPY_S; 0: nothing is compared. ERR_NOMEM. */
enum err entropy_start(struct node *n, uint64_t period_s, struct entropy **out) MUST_CHECK;
/* Asks them to stop; then ends them, which may take as long as a call under way. NULL is fine. */
void entropy_stop(struct entropy *e);
void entropy_free(struct entropy *e);

/* Somebody died, came back or moved, or there is a new ring: look now. */
void entropy_wake(struct entropy *e);

/* What this node counts of the courses of which it is the first living owner; known 0 until all was read and every living owner was looked at once. */
void entropy_census(struct entropy *e, struct member_census *out);

struct entropy_counts {
    uint64_t looks;     /* rounds of questions */
    uint64_t pulled;    /* courses that differed and were pulled */
    uint64_t learned;   /* chosen records that were made firm */
    uint64_t differing; /* courses that differed in the last looks */
};
void entropy_counts(struct entropy *e, struct entropy_counts *out);

#endif
