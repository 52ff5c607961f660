/* A ring change under way (protocol.md P4): who is told to settle, under which order, whose heartbeats count, when all is settled, and how far it is. Pure.
 *
 * A joint document is settled by its movers: the living members of its new ring, as the order lists them. Who they are changes when a member falls silent or comes
 * back: then there is a new order, with a larger number. Every order goes to every living node that the document names. All is settled when each mover has
 * acknowledged the last order and told, in a heartbeat, that everything under it is settled, and when no moving arc is without a mover. */
#ifndef RB_COORDINATOR_CHANGE_H
#define RB_COORDINATOR_CHANGE_H

#include "coordinator/membership.h"

#define CHANGE_RESEND_MS 500u   /* an order that was not acknowledged is sent again after so long */
#define CHANGE_DOUBT_MS 2000u   /* and one that was, after so long without a heartbeat that speaks of it: the node may have started anew */
#define CHANGE_RATE_MS 5000u    /* the rate is that of about so long */
#define CHANGE_ORDER_BITS 18u   /* orders of one term; the bits above tell terms apart */
#define CHANGE_COUNTER_BITS 23u /* together with CHANGE_ORDER_BITS and CHANGE_START_BITS: 53 */
#define CHANGE_START_BITS 12u

struct change_node {
    char id[RING_ID_MAX];
    int is_member;     /* of the new ring: one of the movers while it lives */
    int lives;         /* at the last tick */
    int follows;       /* its last heartbeat spoke of the last order */
    uint64_t acked;    /* the last order it acknowledged, 0 = none */
    uint64_t sent_ms;  /* boot time when the order was sent to it last */
    uint64_t sent_seq; /* and which one that was */
};

struct change {
    uint64_t epoch;      /* of the joint document; 0: no change is under way */
    uint64_t seq;        /* of the last order; 0 before the first tick */
    uint64_t base, last; /* what the numbers of this term begin with, and the largest that was given: it grows from change to change */
    struct change_node *nodes; /* everyone that the document names */
    size_t n_nodes;
    uint64_t rate_at_ms, rate_bytes; /* bytes done at that boot time */
    uint64_t bytes_per_s;            /* 0: not known */
};

/* No change. */
void change_init(struct change *c);
void change_release(struct change *c);

/* The change is over, or is not ours any more. What is remembered is the last number. */
void change_end(struct change *c);

/* Begins to see to a joint document that was installed under ballot b. Whatever was known of an earlier change is forgotten. ERR_NOMEM. */
enum err change_begin(struct change *c, const struct ringdoc *joint, const struct ballot *b, uint64_t now_ms) MUST_CHECK;

/* One step: sees who lives, and makes a new order when the movers are others than in the last one. */
void change_tick(struct change *c, const struct membership *m);

/* Whom to send the order now: fills ids (borrowed until the next begin or end) with at most max living nodes that have not acknowledged it, or seem to have
 * forgotten it, and were not asked of late; counts them as asked. */
size_t change_orders(struct change *c, uint64_t now_ms, const char **ids, size_t max);
/* One of them could not be told after all, as it lacks the document: it does not count as asked. */
void change_not_told(struct change *c, const char *id);
/* The ids that live, for the order's "movers": fills at most max (borrowed as above), returns how many there are. */
size_t change_movers(const struct change *c, const char **ids, size_t max);
/* A node acknowledged this order. Answers to older ones are ignored. */
void change_acked(struct change *c, uint64_t seq, const char *id);

/* Whether all is settled under the last order, by what the movers told in their heartbeats, so that the stable document may be proposed. joint: the document it
 * began with. why (may be NULL, else PLAN_WHY_MAX bytes): for people, what is waited for. */
int change_is_settled(const struct change *c, const struct ringdoc *joint, const struct membership *m, char *why);

/* How far it is, from the movers' heartbeats; unix_ms is for the expected end. *out is all zero without a change. */
void change_progress(struct change *c, const struct membership *m, uint64_t now_ms, uint64_t unix_ms, struct members_progress *out);

#endif
