/* Which nodes are there, and in what state: heartbeats heard here and, through Redis, by the other coordinators. Pure: no I/O, no clock.
 *
 *   joining   not in the ring (it stays so until issue B moves courses to it)
 *   up        in the ring, and a heartbeat came within one TTL, here or at another coordinator
 *   suspect   in the ring and silent, or it said goodbye
 *
 * Silence counts only when we could have heard: not within one TTL of our start, nor after a pause of our own. */
#ifndef RB_COORDINATOR_MEMBERSHIP_H
#define RB_COORDINATOR_MEMBERSHIP_H

#include "coordinator/effects.h"
#include "lib/store/members.h"

#define MEMBERSHIP_MAX (2u * RING_MEMBERS_MAX)
#define MEMBERSHIP_PAUSE_MS 750u    /* longer between two ticks: we were stopped, not the nodes */
#define MEMBERSHIP_READING_MS 1000u /* what Redis said counts for so long */
#define MEMBERSHIP_FORGET_MS 15000u /* a node outside the ring that is silent for so long is forgotten */

struct membership_node {
    struct member member;  /* as it told itself last; state is kept here */
    uint64_t heard_ms;     /* boot time of the last heartbeat heard here, 0 = none */
    uint64_t elsewhere_ms; /* boot time of the last reading of Redis that called it alive, 0 = none */
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
    uint64_t view;          /* changes whenever the ring or a node's url or state does */
    uint64_t deaf_until_ms; /* until then silence means nothing */
    uint64_t tick_ms;
    struct membership_gone
        gone[MEMBERSHIP_GONE_MAX]; /* goodbyes that Redis does not know yet; what does not fit runs out there by its TTL */
    size_t n_gone;
};

/* view_start: a random number below 2^40, so that a node that changes coordinators sees a change. */
void membership_init(struct membership *m, uint64_t view_start, uint64_t now_ms);
void membership_release(struct membership *m);

/* A heartbeat, or with joining a node's first. ERR_CONFLICT: another node of that name is in the ring, or alive; ERR_FULL: MEMBERSHIP_MAX; ERR_NOMEM. */
enum err membership_hear(
    struct membership *m, const struct effects *fx, const struct ring *ring, const struct member *told, int joining) MUST_CHECK;
/* A node says goodbye. Unknown ones are fine. */
void membership_leave(struct membership *m, const struct effects *fx, const struct ring *ring, const char *id);
/* What Redis knows, read when boot time was read_ms: nodes that only others hear, and those from before our start. */
enum err membership_read(struct membership *m, const struct ring *ring, const struct member *nodes, size_t n, uint64_t read_ms) MUST_CHECK;
/* The ring is another one. */
void membership_new_ring(struct membership *m, const struct ring *ring);
/* One step, to be made every 100 ms: works the states out and tells what changed. */
void membership_tick(struct membership *m, const struct effects *fx, const struct ring *ring);

/* The node with this id, or NULL. */
const struct membership_node *membership_find(const struct membership *m, const char *id);

/* Hands over at most max heartbeats / goodbyes that Redis does not have yet, and counts them as written. */
size_t membership_take_heartbeats(struct membership *m, struct member *out, size_t max);
size_t membership_take_gone(struct membership *m, struct membership_gone *out, size_t max);

#endif
