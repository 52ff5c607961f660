/* Rates: the rule by itself, the table of a process, and the same in a real Redis. */
#include "lib/store/rate.h"

#include "tests/unit/lib/store/world.h"
#include "tests/unit/unit.h"

#include <hiredis/hiredis.h>
#include <pthread.h>

static const struct rate_rule rule = {.name = "test", .free = 3, .per_ms = 1000, .wait_ms = 500, .wait_max_ms = 4000};
static const struct rate_rule quick = {.name = "quick", .free = 2, .per_ms = 300, .wait_ms = 200, .wait_max_ms = 400};

static enum err try_one(struct store *s, struct rate_table *t, const struct rate_rule *r, const char *subject, unsigned *wait_ms)
{
    return rate_try(s, t, &(struct rate_claim){.rule = r, .subject = subject}, 1, wait_ms);
}

static void forgive_one(struct store *s, struct rate_table *t, const struct rate_rule *r, const char *subject, int all)
{
    rate_forgive(s, t, &(struct rate_claim){.rule = r, .subject = subject, .all = all}, 1);
}

static int set_up(void **state)
{
    return world_init(state, LOG_ERROR);
}

static void waits_double_up_to_the_longest(void **state)
{
    struct rate_state s = {0};
    unsigned wait = 0;
    uint64_t now = 1000000;
    static const unsigned waits[] = {500, 1000, 2000, 4000, 4000, 4000};
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_true(rate_decide(&rule, &s, now, &wait));
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        assert_true(rate_decide(&rule, &s, now, &wait));
        assert_false(rate_decide(&rule, &s, now, &wait));
        assert_int_equal(wait, waits[i]);
        assert_false(rate_decide(&rule, &s, now + waits[i] - 1, &wait));
        assert_int_equal(wait, 1);
        now += waits[i];
    }
    for (int i = 0; i < 100; i++) { /* no overflow however long it goes on */
        assert_true(rate_decide(&rule, &s, now, &wait));
        now += 4000;
    }
}

static void tries_are_forgiven_after_a_while(void **state)
{
    struct rate_state s = {0};
    unsigned wait = 0;
    uint64_t now = 1000000;
    (void)state;
    for (int i = 0; i < 100; i++, now += 1000) /* one a second is never too much */
        assert_true(rate_decide(&rule, &s, now, &wait));
    assert_int_equal(s.until_ms, 0);
    for (int i = 0; i < 4; i++) /* the last of the hundred is forgiven by now, and three are free */
        assert_true(rate_decide(&rule, &s, now, &wait));
    assert_true(s.until_ms > now);
    now += 500 + 10000;
    for (int i = 0; i < 3; i++)
        assert_true(rate_decide(&rule, &s, now, &wait));
    assert_true(s.until_ms < now);
}

static void a_clock_that_is_set_back_locks_nobody_out_for_ever(void **state)
{
    struct rate_state s = {0};
    unsigned wait = 0;
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_true(rate_decide(&rule, &s, 5000000, &wait));
    assert_true(rate_decide(&rule, &s, 1000, &wait)); /* counted, and nothing forgiven */
    assert_int_equal(s.n, 4);
}

/* The same steps by the table and by Redis. */
static void check_steps(struct store *s, struct rate_table *t, const char *subject)
{
    unsigned wait = 0;
    assert_ok(try_one(s, t, &quick, subject, &wait));
    assert_ok(try_one(s, t, &quick, subject, &wait));
    assert_ok(try_one(s, t, &quick, subject, &wait));
    assert_err(ERR_RATE, try_one(s, t, &quick, subject, &wait));
    assert_in_range(wait, 1, 200);
    assert_ok(try_one(s, t, &quick, "somebody else", &wait));
    clock_sleep_ms(wait + 5);
    assert_ok(try_one(s, t, &quick, subject, &wait));
    assert_err(ERR_RATE, try_one(s, t, &quick, subject, &wait));
    assert_in_range(wait, 201, 400);
    forgive_one(s, t, &quick, subject, 0); /* one is not enough */
    assert_err(ERR_RATE, try_one(s, t, &quick, subject, &wait));
    forgive_one(s, t, &quick, subject, 0);
    assert_ok(try_one(s, t, &quick, subject, &wait));
    forgive_one(s, t, &quick, subject, 1);
    assert_ok(try_one(s, t, &quick, subject, &wait));
    assert_ok(try_one(s, t, &quick, subject, &wait));
    forgive_one(s, t, &quick, subject, 1);
    forgive_one(s, t, &quick, "somebody else", 1);
    forgive_one(s, t, &quick, "never seen", 0);
}

/* A try that one count refuses is not counted by the other. */
static void check_pair(struct store *s, struct rate_table *t)
{
    const struct rate_claim both[] = {{.rule = &rule, .subject = "pair", .all = 1}, {.rule = &quick, .subject = "pair"}};
    unsigned wait = 0;
    for (int i = 0; i < 3; i++)
        assert_ok(rate_try(s, t, both, 2, &wait)); /* `quick` is closed now, `rule` has no try left that is free */
    for (int i = 0; i < 10; i++) {
        assert_err(ERR_RATE, rate_try(s, t, both, 2, &wait));
        assert_in_range(wait, 1, 200);
    }
    assert_ok(try_one(s, t, &rule, "pair", &wait));
    assert_err(ERR_RATE, try_one(s, t, &rule, "pair", &wait));
    assert_err(ERR_RATE, rate_try(s, t, both, 2, &wait));
    assert_in_range(wait, 201, 500); /* until both may */
    rate_forgive(s, t, both, 2);
    assert_ok(try_one(s, t, &quick, "pair", &wait));
    assert_err(ERR_RATE, try_one(s, t, &quick, "pair", &wait));
    for (int i = 0; i < 3; i++)
        assert_ok(try_one(s, t, &rule, "pair", &wait));
}

static void redis_counts_for_all_apis(void **state)
{
    struct world *w = *state;
    struct rate_table *one = rate_table_new(), *other = rate_table_new();
    unsigned wait = 0;
    assert_non_null(one);
    assert_non_null(other);
    check_steps(w->store, one, "10.0.0.1");
    check_pair(w->store, one);
    for (int i = 0; i < 3; i++)
        assert_ok(try_one(w->store, i % 2 ? one : other, &quick, "shared", &wait));
    assert_err(ERR_RATE, try_one(w->store, one, &quick, "shared", &wait));
    assert_err(ERR_RATE, try_one(w->store, other, &quick, "shared", &wait));
    rate_table_free(one);
    rate_table_free(other);
}

static void counters_leave_redis_by_themselves(void **state)
{
    struct world *w = *state;
    struct rate_table *t = rate_table_new();
    unsigned wait = 0;
    redisContext *c = redisConnectUnix(w->redis.address + 5);
    assert_non_null(c);
    freeReplyObject(redisCommand(c, "FLUSHALL"));
    assert_ok(try_one(w->store, t, &quick, "once", &wait));
    redisReply *r = redisCommand(c, "PTTL rb:rate:quick:once");
    assert_in_range(r->integer, 1, 300);
    freeReplyObject(r);
    long long left = 1;
    for (uint64_t until = clock_boot_ms() + 5000; left && clock_boot_ms() < until;
         clock_sleep_ms(50)) { /* Redis looks for what has expired now and then */
        r = redisCommand(c, "DBSIZE");
        left = r->integer;
        freeReplyObject(r);
    }
    assert_int_equal(left, 0);
    redisFree(c);
    rate_table_free(t);
}

static void without_redis_the_table_counts(void **state)
{
    struct rate_table *t = rate_table_new();
    struct store *away = store_new(&(struct store_config){.address = "unix:/nowhere/at/all"});
    (void)state;
    check_steps(NULL, t, "10.0.0.1");
    check_steps(away, t, "10.0.0.2");
    check_pair(NULL, t);
    store_free(away);
    rate_table_free(t);
}

static void a_full_table_forgets_who_was_seen_the_longest_ago(void **state)
{
    struct rate_table *t = rate_table_new();
    char subject[32];
    unsigned wait = 0;
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_ok(try_one(NULL, t, &rule, "first", &wait));
    for (unsigned i = 0; i < RATE_TABLE_MAX - 1; i++) {
        snprintf(subject, sizeof subject, "s%u", i);
        assert_ok(try_one(NULL, t, &rule, subject, &wait));
    }
    assert_ok(try_one(NULL, t, &rule, "first", &wait)); /* still known: this one makes it wait */
    assert_err(ERR_RATE, try_one(NULL, t, &rule, "first", &wait));
    assert_ok(try_one(NULL, t, &rule, "one more", &wait)); /* s0 gives way */
    assert_err(ERR_RATE, try_one(NULL, t, &rule, "first", &wait));
    for (unsigned i = 0; i < 3 * RATE_TABLE_MAX; i++) {
        snprintf(subject, sizeof subject, "t%u", i);
        assert_ok(try_one(NULL, t, &rule, subject, &wait));
    }
    assert_ok(try_one(NULL, t, &rule, "first", &wait)); /* forgotten */
    rate_table_free(t);
}

/* ---- threads */

#define THREADS 4
#define TRIES 500

struct crowd {
    struct rate_table *t;
    unsigned may;
};

static void *try_often(void *arg)
{
    struct crowd *c = arg;
    unsigned wait;
    char own[32];
    snprintf(own, sizeof own, "%p", (void *)&wait);
    for (int i = 0; i < TRIES; i++) {
        if (try_one(NULL, c->t, &rule, "all", &wait) == ERR_OK)
            __atomic_fetch_add(&c->may, 1, __ATOMIC_RELAXED);
        forgive_one(NULL, c->t, &rule, own, i % 2);
        if (try_one(NULL, c->t, &rule, own, &wait) != ERR_OK)
            continue;
    }
    return NULL;
}

static void threads_share_a_count(void **state)
{
    struct crowd c = {.t = rate_table_new()};
    pthread_t threads[THREADS];
    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, try_often, &c), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_in_range(c.may, 4, 8); /* four at once, more only when this took seconds */
    rate_table_free(c.t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_double_up_to_the_longest),
        cmocka_unit_test(tries_are_forgiven_after_a_while),
        cmocka_unit_test(a_clock_that_is_set_back_locks_nobody_out_for_ever),
        cmocka_unit_test(redis_counts_for_all_apis),
        cmocka_unit_test(counters_leave_redis_by_themselves),
        cmocka_unit_test(without_redis_the_table_counts),
        cmocka_unit_test(a_full_table_forgets_who_was_seen_the_longest_ago),
        cmocka_unit_test(threads_share_a_count),
    };
    return cmocka_run_group_tests(tests, set_up, world_release);
}
