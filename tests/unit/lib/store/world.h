/* What tests of lib/store have: a private Redis and a connection to it. */
#ifndef RB_TESTS_UNIT_LIB_STORE_WORLD_H
#define RB_TESTS_UNIT_LIB_STORE_WORLD_H

#include "lib/base/log.h"
#include "tests/unit/lib/store/redis_server.h"

struct world {
    struct redis_server redis;
    struct store *store;
};

/* For cmocka's set-up: starts Redis and connects; logs lines of this level (enum log_level) and above, LOG_ERROR + 1: none. One world a program. */
static inline int world_init(void **state, int least)
{
    static struct world w;
    log_init("test", (enum log_level)least);
    if (!redis_server_init(&w.redis))
        return -1;
    w.store = store_new(&(struct store_config){.address = w.redis.address, .timeout_ms = 5000});
    *state = &w;
    return w.store ? 0 : -1;
}

static inline int world_release(void **state)
{
    struct world *w = *state;
    store_free(w->store);
    redis_server_release(&w->redis);
    return 0;
}

#endif
