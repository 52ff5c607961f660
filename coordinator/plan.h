/* What the ring is to become: from the newest committed document, who is there, what people wish, and the time, to the next joint document, or to nothing and
 * why. Pure: no I/O, no clock, no random number. The rules, in their order:
 *
 *   1. One change at a time: while the ring is joint, nothing.
 *   2. Wanted are: nodes that store, live, are not away and are not named yet (JOIN); a new id in the place of a silent member of its name (REPLACE); without members
 *      that were silent for out_after (OUT); without nodes that people drain or remove, which are away from then on; what people wish for k and undrain; zones
 *      and weights as the members tell them now. All of it goes into one document. A member that has a document on disk that was never committed refuses
 *      everything: then any change will do, for its document replaces that one.
 *   3. Joins alone wait PLAN_GATHER_MS for more of them.
 *   4. Somebody stays or comes: a change that would leave no member is refused.
 *   5. Every member that stays has the present document on disk, as its last heartbeat said: so a sleeping member skips at most one change.
 *   6. Every arc has a write quorum of its living owners, of those now and of those to come: else it could not be settled, nor written. */
#ifndef RB_COORDINATOR_PLAN_H
#define RB_COORDINATOR_PLAN_H

#include "coordinator/membership.h"

#define PLAN_HEARD_MS 1000u  /* a node is taken in once it was heard for so long without a break */
#define PLAN_GATHER_MS 1500u /* and then waits for others */
#define PLAN_WHY_MAX 256u

struct plan_input {
    const struct ringdoc *ring; /* the newest committed document */
    const struct membership *membership;
    const struct members_wishes *wishes; /* NULL: none */
    uint64_t now_ms;                     /* boot time */
    uint64_t out_after_ms;
};

enum plan_kind {
    PLAN_NOTHING, /* the ring is as it should be, or a change is under way */
    PLAN_WAIT,    /* a change is wanted, and why tells what it waits for */
    PLAN_CHANGE   /* next is the document to be installed */
};

struct plan {
    enum plan_kind kind;
    char why[PLAN_WHY_MAX]; /* for people: what is waited for, or what the change is; "" when there is nothing to say */
    struct ringdoc *next;   /* PLAN_CHANGE: the joint document; the caller's */
};

/* The next step, under ballot b. ERR_NOMEM, ERR_INVALID (the members make no ring; logged by the caller). *out is set only on ERR_OK. */
enum err plan_next(const struct plan_input *in, const struct ballot *b, struct plan *out) MUST_CHECK;
void plan_release(struct plan *p);

/* Whether a wish is fulfilled by this document, so that it need not be kept. */
int plan_wish_is_done(const struct ringdoc *ring, const struct members_wish *wish);

/* Why a node (by id) may not be taken from the ring, as a sentence, or NULL when it may: nobody would be left. Rules 5 and 6 only make it wait. */
const char *plan_refusal(const struct ringdoc *ring, const char *id);

/* The ring after some nodes were taken out of it (n ids; NULL, 0: none) and with k copies, as a joint document to look at: for the dry run. ERR_NOMEM, ERR_INVALID. */
enum err plan_sketch(const struct ringdoc *ring, const char *const *ids, size_t n, uint32_t k, struct ringdoc **out) MUST_CHECK;

#endif
