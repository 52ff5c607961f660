/* Everything that the pure cores (lease, membership) can do to the world. They read no clock, draw no random number and do no I/O of their own: a
 * program hands them the real thing (runtime.c), a test or a simulator its own. */
#ifndef RB_COORDINATOR_EFFECTS_H
#define RB_COORDINATOR_EFFECTS_H

#include "lib/store/lock.h"

#include <stdint.h>

struct effects {
    void *ctx;                      /* handed to every call */
    uint64_t (*boot_ms)(void *ctx); /* goes on through suspend and never back: leases and time-outs count by it */
    uint64_t (*unix_ms)(void *ctx); /* for people */
    /* The lease in Redis, as in lib/store/lock.h. Each call may take its time: boot_ms() before and after may differ. */
    enum err (*lease_read)(void *ctx, struct lease *out);
    enum err (*lease_take)(void *ctx, const struct lease *mine, unsigned ttl_ms);
    enum err (*lease_renew)(void *ctx, const struct lease *mine, unsigned ttl_ms);
    enum err (*lease_release)(void *ctx, const struct lease *mine);
    /* Something happened that people want to know: "join", "suspect", "up", "leave"; node is its name. */
    void (*event)(void *ctx, const char *kind, const char *node);
};

#endif
