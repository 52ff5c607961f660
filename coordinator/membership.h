/* Which nodes are there, and in what state: heartbeats heard here and, through Redis, by the other coordinators. Pure: no I/O, no clock. A node lives when a heartbeat
 * came within one TTL, here or at another coordinator; its state follows from that, the newest document and the wishes: members_state().
 *
 * Silence counts only when we could have heard: not within one TTL of our start, nor after a pause of our own. Every node that the document names is in the table,
 * also one of which nobody knows an address (url "") yet: its silence counts too.
 *
 * A node that only shares a folder (stores 0) is a guest for as long as it stays: it lives, falls silent and is forgotten like any other outside the ring, but no
 * ring, wish or event is about it, and what it does moves no view. */
#ifndef RB_COORDINATOR_MEMBERSHIP_H
#define RB_COORDINATOR_MEMBERSHIP_H

#include "coordinator/effects.h"
#include "lib/store/members.h"

#define MEMBERSHIP_MAX (3u * RING_MEMBERS_MAX)
#define MEMBERSHIP_PEERS_MAX RING_MEMBERS_MAX /* of them only share, so that two rings have room beside them */
#define MEMBERSHIP_PAUSE_MS 750u              /* longer between two ticks: we were stopped, not the nodes */
#define MEMBERSHIP_READING_MS 1000u           /* what Redis said counts for so long */
#define MEMBERSHIP_FORGET_MS 15000u           /* a node outside the ring that is silent, and was not named, for so long is forgotten */

struct membership_node {
    struct member member;  /* as it told itself last; state is kept here */
    uint64_t heard_ms;     /* boot time of the last heartbeat heard here, 0 = none */
    uint64_t elsewhere_ms; /* boot time of the last reading of Redis that called it alive, 0 = none */
    uint64_t named_ms;     /* boot time when a document named it last, 0 = never */
    uint64_t since_ms;     /* boot time since which it lives without a break, 0 = it does not */
    uint64_t silent_ms;    /* for how long it has been silent while we could have heard it */
    int left;              /* it said goodbye and was not heard since */
    int to_write;          /* a heartbeat that Redis does not have yet */
};

struct membership_gone {
    char id[RING_ID_MAX];
    int forget;
};
#define MEMBERSHIP_GONE_MAX 64u

struct membership {
    struct membership_node *nodes;
    size_t n, cap;
    uint64_t view;          /* changes whenever the ring or the url or state of a node that stores does */
    uint64_t deaf_until_ms; /* until then silence means nothing */
    uint64_t tick_ms;
    int lacks_named;                     /* there was no room for somebody whom the document names: the next tick tries again */
    const struct members_wishes *wishes; /* borrowed; NULL: none */
    struct membership_gone
        gone[MEMBERSHIP_GONE_MAX]; /* goodbyes that Redis does not know yet; what does not fit runs out there by its TTL */
    size_t n_gone;
};

/* view_start: a random number below 2^40, so that a node that changes coordinators sees a change. wishes: what people wish, for the states; borrowed, or NULL. */
void membership_init(struct membership *m, uint64_t view_start, uint64_t now_ms, const struct members_wishes *wishes);
void membership_release(struct membership *m);
/* The same once more, to be looked at without the lock. ERR_NOMEM. */
enum err membership_copy(const struct membership *from, struct membership *out) MUST_CHECK;

/* A heartbeat, or with joining a node's first. ERR_CONFLICT: another node of that name lives, or may live, or has taken its place in the ring; ERR_FULL:
 * MEMBERSHIP_MAX or MEMBERSHIP_PEERS_MAX; ERR_DENIED: it only shares, but the document counts on it to store; ERR_NOMEM. A new incarnation of a silent member is
 * welcome. */
enum err membership_hear(
    struct membership *m, const struct effects *fx, const struct ringdoc *doc, const struct member *told, int joining) MUST_CHECK;
/* A node says goodbye. Unknown ones are fine. */
void membership_leave(struct membership *m, const struct effects *fx, const struct ringdoc *doc, const char *id);
/* What Redis knows, read when boot time was read_ms: nodes that only others hear, and those from before our start. */
enum err membership_read(
    struct membership *m, const struct ringdoc *doc, const struct member *nodes, size_t n, uint64_t read_ms) MUST_CHECK;
/* The document is another one. */
void membership_new_ring(struct membership *m, const struct ringdoc *doc);
/* One step, to be made every 50 ms or so: works the states out and tells what changed. */
void membership_tick(struct membership *m, const struct effects *fx, const struct ringdoc *doc);

/* Whether silence means something at this boot time. */
int membership_is_deaf(const struct membership *m, uint64_t now_ms);
/* The node with this id, or NULL. */
const struct membership_node *membership_find(const struct membership *m, const char *id);

/* Hands over at most max heartbeats / goodbyes that Redis does not have yet, and counts them as written. */
size_t membership_take_heartbeats(struct membership *m, struct member *out, size_t max);
size_t membership_take_gone(struct membership *m, struct membership_gone *out, size_t max);

#endif
