/* Who may try to lead: the lease in Redis as a state machine. Pure: the world is reached by struct effects only.
 *
 * Holding the lease is a permission to try, nothing more; what makes a leader's commands safe is its promise round (takeover.h, protocol.md P1). */
#ifndef RB_COORDINATOR_LEASE_H
#define RB_COORDINATOR_LEASE_H

#include "coordinator/effects.h"

#define LEASE_TTL_MS 1500u
#define LEASE_RENEW_MS 400u
#define LEASE_HOLD_MS 150u /* how long one waits for each living coordinator with a smaller name before taking a free lease */

struct lease_state {
    struct lease mine; /* name and token always; epoch and since while leading */
    int leading;
    uint64_t term;           /* counts the times the lease was taken: what belongs to an earlier one is void */
    uint64_t valid_until_ms; /* boot time; counted from before the request that took or extended the lease was sent */
    uint64_t renew_at_ms;
    struct lease seen;      /* what the key said last; name "" = free */
    uint64_t seen_at_ms;    /* boot time, 0 = never or not known any more */
    uint64_t free_since_ms; /* boot time, 0 = not seen free */
    char last_holder[64];   /* does not count among those to wait for: if it lived, it would still hold the lease */
};

/* name is this coordinator's, token the 32 hex digits of its start. */
void lease_init(struct lease_state *l, const char *name, const char *token);

/* One step, to be made every 50 ms or so: keeps, loses, watches or takes the lease. living: names of the coordinators that are alive, with or without our own. */
void lease_tick(struct lease_state *l, const struct effects *fx, const char *const *living, size_t n_living);

/* Whether we lead at boot time now_ms. Asked before everything a leader does, as the lease may have run out since the last tick. */
int lease_holds(const struct lease_state *l, uint64_t now_ms);

/* The promise round of `term` went through with this epoch: the next tick writes it into the lease. Ignored when the term is over. */
void lease_set_epoch(struct lease_state *l, uint64_t term, uint64_t epoch);

/* Who leads as far as we know at now_ms: ourselves, or whom the key named within one TTL. NULL: nobody. Borrowed. */
const struct lease *lease_leader(const struct lease_state *l, uint64_t now_ms);

/* Gives the lease back when we have it, or may have it, so that the next takes over at once. */
void lease_stop(struct lease_state *l, const struct effects *fx);

#endif
