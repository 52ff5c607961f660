/* The lease's state machine in a small made-up world: one key with a TTL, a clock that the test moves, answers that come late or never. */
#include "coordinator/lease.h"

#include "lib/base/id.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#define TICK_MS 100u

/* The key, and what goes wrong with it. */
struct redis {
    uint64_t now_ms;
    struct lease key; /* name "" = free */
    uint64_t expires_ms;
    int away;              /* every call: no connection */
    unsigned loss_percent; /* calls whose answer is lost, before or after they took effect */
    unsigned delay_max_ms; /* how long a call may take */
};

static struct lease *key_of(struct redis *r)
{
    if (r->now_ms >= r->expires_ms)
        r->key = (struct lease){0};
    return &r->key;
}

/* One way to Redis or back. */
static void travel(struct redis *r)
{
    if (r->delay_max_ms)
        r->now_ms += id_random_below(r->delay_max_ms / 2 + 1);
}

static int is_lost(const struct redis *r)
{
    return r->loss_percent && id_random_below(100) < r->loss_percent;
}

static uint64_t fx_ms(void *ctx)
{
    return ((struct redis *)ctx)->now_ms;
}

static enum err fx_read(void *ctx, struct lease *out)
{
    struct redis *r = ctx;
    if (r->away)
        return ERR_UNAVAILABLE;
    travel(r);
    struct lease seen = *key_of(r);
    travel(r);
    if (is_lost(r))
        return ERR_TIMEOUT;
    *out = seen;
    return ERR_OK;
}

enum verb { TAKE, RENEW, RELEASE };

static enum err change(struct redis *r, enum verb verb, const struct lease *mine, unsigned ttl_ms)
{
    if (r->away)
        return ERR_UNAVAILABLE;
    travel(r);
    if (is_lost(r))
        return ERR_TIMEOUT;
    struct lease *key = key_of(r);
    enum err e = ERR_CONFLICT;
    if (verb == TAKE ? key->name[0] == '\0' : strcmp(key->token, mine->token) == 0) {
        *key = verb == RELEASE ? (struct lease){0} : *mine;
        r->expires_ms = r->now_ms + ttl_ms;
        e = ERR_OK;
    }
    travel(r);
    return is_lost(r) ? ERR_TIMEOUT : e;
}

static enum err fx_take(void *ctx, const struct lease *mine, unsigned ttl_ms)
{
    return change(ctx, TAKE, mine, ttl_ms);
}

static enum err fx_renew(void *ctx, const struct lease *mine, unsigned ttl_ms)
{
    return change(ctx, RENEW, mine, ttl_ms);
}

static enum err fx_release(void *ctx, const struct lease *mine)
{
    return change(ctx, RELEASE, mine, 0);
}

static struct effects effects_of(struct redis *r)
{
    return (struct effects){.ctx = r,
        .boot_ms = fx_ms,
        .unix_ms = fx_ms,
        .lease_read = fx_read,
        .lease_take = fx_take,
        .lease_renew = fx_renew,
        .lease_release = fx_release};
}

#define COORDINATORS 3
static const char *const names[COORDINATORS] = {"coordinator-1", "coordinator-2", "coordinator-3"};

struct world {
    struct redis redis;
    struct effects fx;
    struct lease_state l[COORDINATORS];
};

static void start(struct world *w)
{
    *w = (struct world){.redis = {.now_ms = 1000000}};
    w->fx = effects_of(&w->redis);
    for (int i = 0; i < COORDINATORS; i++)
        lease_init(&w->l[i], names[i], (const char *[]){"t1", "t2", "t3"}[i]);
}

/* Ticks these, `living` among them as everyone believes. */
static void run(struct world *w, unsigned who, unsigned living, uint64_t ms)
{
    const char *list[COORDINATORS];
    size_t n = 0;
    for (unsigned i = 0; i < COORDINATORS; i++) {
        if (living & (1u << i))
            list[n++] = names[i];
    }
    for (uint64_t until = w->redis.now_ms + ms; w->redis.now_ms < until; w->redis.now_ms += TICK_MS) {
        for (int i = COORDINATORS - 1; i >= 0; i--) { /* the larger names get the first chance, and must not use it */
            if (who & (1u << i))
                lease_tick(&w->l[i], &w->fx, list, n);
        }
    }
}

static int holds(const struct world *w, int i)
{
    return lease_holds(&w->l[i], w->redis.now_ms);
}

static void test_smallest_name_takes_it_first(void **state)
{
    (void)state;
    struct world w;
    start(&w);
    run(&w, 7, 7, 1000);
    assert_true(holds(&w, 0));
    assert_false(holds(&w, 1));
    assert_string_equal(lease_leader(&w.l[2], w.redis.now_ms)->name, "coordinator-1");
}

static void test_those_who_wait_do_not_wait_for_ever(void **state)
{
    (void)state;
    struct world w;
    start(&w);
    run(&w, 4, 7, 2 * LEASE_HOLD_MS); /* the two others are believed to live, and do nothing */
    assert_false(holds(&w, 2));
    run(&w, 4, 7, TICK_MS);
    assert_true(holds(&w, 2));
}

static void test_living_leader_is_not_pre_empted(void **state)
{
    (void)state;
    struct world w;
    start(&w);
    run(&w, 4, 4, 500);
    assert_true(holds(&w, 2));
    run(&w, 7, 7, 10000);
    assert_true(holds(&w, 2));
    assert_int_equal(w.l[2].term, 1);
    assert_false(holds(&w, 0) || holds(&w, 1));
}

static void test_killed_leader_is_followed_after_its_ttl(void **state)
{
    (void)state;
    struct world w;
    start(&w);
    run(&w, 7, 7, 1000);
    uint64_t killed_ms = w.redis.now_ms;
    while (!holds(&w, 1) && w.redis.now_ms < killed_ms + 10000)
        run(&w, 6, 7, TICK_MS); /* its alive key may still be there */
    assert_true(holds(&w, 1));
    assert_true(w.redis.now_ms - killed_ms <= LEASE_TTL_MS + 2 * TICK_MS);
}

static void test_released_lease_is_taken_at_the_next_tick(void **state)
{
    (void)state;
    struct world w;
    start(&w);
    run(&w, 7, 7, 1000);
    lease_stop(&w.l[0], &w.fx);
    assert_false(holds(&w, 0));
    run(&w, 6, 7, 2 * TICK_MS);
    assert_true(holds(&w, 1));
}

static void test_leader_without_redis_stops_in_time(void **state)
{
    (void)state;
    struct world w;
    start(&w);
    run(&w, 1, 1, 1000);
    assert_true(holds(&w, 0));
    w.redis.away = 1;
    run(&w, 1, 1, LEASE_TTL_MS + TICK_MS);
    assert_false(holds(&w, 0));
    assert_null(lease_leader(&w.l[0], w.redis.now_ms));
    w.redis.away = 0;
    run(&w, 1, 1, 300);
    assert_true(holds(&w, 0));
    assert_int_equal(w.l[0].term, 2);
    assert_int_equal(w.l[0].mine.epoch, 0); /* a new term needs a new promise round */
}

static void test_lost_lease_is_noticed_at_once(void **state)
{
    (void)state;
    struct world w;
    start(&w);
    run(&w, 1, 1, 1000);
    w.redis.key = (struct lease){.name = "coordinator-2", .token = "t2"}; /* after a wipe somebody else was quicker */
    w.redis.expires_ms = w.redis.now_ms + LEASE_TTL_MS;
    run(&w, 1, 1, LEASE_RENEW_MS + TICK_MS);
    assert_false(holds(&w, 0));
}

static void test_epoch_is_written_into_the_lease(void **state)
{
    (void)state;
    struct world w;
    start(&w);
    run(&w, 3, 3, 500);
    lease_set_epoch(&w.l[0], w.l[0].term + 1, 9); /* of another term */
    run(&w, 3, 3, TICK_MS);
    assert_int_equal(w.redis.key.epoch, 0);
    lease_set_epoch(&w.l[0], w.l[0].term, 7);
    run(&w, 3, 3, TICK_MS);
    assert_int_equal(w.redis.key.epoch, 7);
    run(&w, 3, 3, TICK_MS);
    assert_int_equal(lease_leader(&w.l[1], w.redis.now_ms)->epoch, 7);
    lease_set_epoch(&w.l[1], 0, 5); /* who does not lead has no epoch */
    assert_int_equal(w.l[1].mine.epoch, 0);
}

static void test_two_of_one_name_are_two(void **state)
{
    (void)state;
    struct world w;
    start(&w);
    run(&w, 1, 1, 500);
    lease_init(&w.l[1], "coordinator-1", "t9"); /* restarted while its old lease stands */
    run(&w, 2, 1, LEASE_TTL_MS - 600);
    assert_false(holds(&w, 1));
    run(&w, 2, 1, 1000);
    assert_true(holds(&w, 1));
}

/* Whatever is lost or late: never two holders at one moment, and in quiet times one. */
static void test_never_two_holders(void **state)
{
    (void)state;
    unsigned led = 0;
    for (int round = 0; round < 300; round++) {
        struct world w;
        start(&w);
        w.redis.loss_percent = (unsigned)id_random_below(40);
        w.redis.delay_max_ms = (unsigned)id_random_below(600);
        const char *all[] = {names[0], names[1], names[2]};
        for (int step = 0; step < 400; step++) {
            int i = (int)id_random_below(COORDINATORS);
            w.redis.away = id_random_below(50) == 0;
            if (id_random_below(200) == 0)
                w.redis.now_ms += id_random_below(5000); /* everybody sleeps */
            if (id_random_below(100) == 0)
                lease_stop(&w.l[i], &w.fx);
            else
                lease_tick(&w.l[i], &w.fx, all, COORDINATORS);
            int holders = holds(&w, 0) + holds(&w, 1) + holds(&w, 2);
            assert_true(holders <= 1);
            led += (unsigned)holders;
            w.redis.now_ms += id_random_below(60);
        }
        w.redis.away = 0;
        w.redis.loss_percent = 0;
        w.redis.delay_max_ms = 0;
        run(&w, 7, 7, 3000);
        assert_int_equal(holds(&w, 0) + holds(&w, 1) + holds(&w, 2), 1);
    }
    assert_true(led > 10000); /* or the test proves nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_smallest_name_takes_it_first),
        cmocka_unit_test(test_those_who_wait_do_not_wait_for_ever),
        cmocka_unit_test(test_living_leader_is_not_pre_empted),
        cmocka_unit_test(test_killed_leader_is_followed_after_its_ttl),
        cmocka_unit_test(test_released_lease_is_taken_at_the_next_tick),
        cmocka_unit_test(test_leader_without_redis_stops_in_time),
        cmocka_unit_test(test_lost_lease_is_noticed_at_once),
        cmocka_unit_test(test_epoch_is_written_into_the_lease),
        cmocka_unit_test(test_two_of_one_name_are_two),
        cmocka_unit_test(test_never_two_holders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
