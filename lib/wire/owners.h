/* Who owns a course under a ring document, and which of them make a quorum. In a joint document the owners under the new ring and those under the ring before
 * are asked alike (protocol.md P4): a write needs W of both. Pure. */
#ifndef RB_LIB_WIRE_OWNERS_H
#define RB_LIB_WIRE_OWNERS_H

#include "lib/wire/ringdoc.h"

#define OWNERS_MAX (2 * RING_K_MAX)

struct owners_one {
    const struct ring_member *member; /* borrowed from the document */
    unsigned char now, before;        /* owner under the document's ring / under the ring before (joint documents only) */
};

struct owners {
    struct owners_one at[OWNERS_MAX]; /* the owners now in their order, the first is the host; then those of before only, in theirs */
    size_t n, n_now, n_before;        /* n_before: all owners before, 0 in a stable document */
    uint32_t w_now, w_before;         /* write quorums; w_before is 0 in a stable document */
};

/* The owners of a point. */
void owners_find(const struct ringdoc *d, uint64_t point, struct owners *out);
/* Those of a course key. */
void owners_of_key(const struct ringdoc *d, const char *key, struct owners *out);

/* How many more owners are wanted at least until those whose yes[i] is set are a write quorum: W of the owners now and, when joint, W of those before. 0 = they are. */
size_t owners_write_missing(const struct owners *o, const unsigned char yes[OWNERS_MAX]);
/* Whether what none of the answering owners has cannot have been acknowledged: at least k - W + 1 answered of those whose quorum had to take it: the owners before
 * in a joint document (the new ones may not be settled yet), the owners now in a stable one. */
int owners_prove_absence(const struct owners *o, const unsigned char answered[OWNERS_MAX]);
/* The place of a node among them, or -1. */
long owners_place(const struct owners *o, const char *id);
/* Whether the owners now and before differ, so that the course has to be settled. Never in a stable document. */
int owners_are_moving(const struct owners *o);
/* Who settles a course of a joint document: the first living owner now that was none before, else the first living owner now. lives says who counts as living.
 * -1 when no owner now lives. */
long owners_mover(const struct owners *o, int (*lives)(void *ctx, const char *id), void *ctx);

#endif
