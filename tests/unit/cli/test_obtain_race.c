/* The plan of a download played against sources of different speeds, liars, and sources that fall silent: a small simulation in milliseconds.
 * A source moves its rate, shared by the blocks under way from it. */
#include "tests/unit/unit.h"

#include "cli/obtain_plan.h"

#include <stdlib.h>
#include <string.h>

#define MIB 1048576u
#define RACERS_MAX 8
#define LIMIT_MS 3600000u

struct racer {
    uint64_t bytes_per_s;
    size_t lies_at;      /* its n-th block has wrong bytes; 0: never */
    uint64_t dies_ms;    /* gives no byte from then on; 0: never */
    uint64_t breaks_ms;  /* whatever is under way then breaks off, and so does all that is begun later; 0: never */
    uint64_t returns_ms; /* and works again from then on */
    size_t finished;
    struct {
        int busy;
        size_t block;
        double left;
    } jobs[PLAN_IN_FLIGHT];
};

struct race {
    struct obtain_plan *plan;
    struct racer racers[RACERS_MAX];
    size_t n_racers, n_blocks;
    uint64_t now_ms;
    uint64_t fetched;      /* blocks that came whole, also those twice */
    unsigned char *come;   /* how often each block came with right bytes */
    unsigned char *flying; /* how many fetch it now */
};

static void race_init(struct race *r, size_t n_blocks, size_t n_racers)
{
    memset(r, 0, sizeof *r);
    assert_ok(obtain_plan_new(n_blocks, &r->plan));
    r->n_blocks = n_blocks;
    r->n_racers = n_racers;
    r->come = calloc(n_blocks, 1);
    r->flying = calloc(n_blocks, 1);
    assert_non_null(r->come);
    assert_non_null(r->flying);
    for (size_t i = 0; i < n_racers; i++) {
        size_t source;
        assert_ok(obtain_plan_add(r->plan, &source));
    }
}

static void race_release(struct race *r)
{
    obtain_plan_free(r->plan);
    free(r->come);
    free(r->flying);
}

static void stop_job(struct race *r, struct plan_job job)
{
    for (size_t i = 0; i < PLAN_IN_FLIGHT; i++) {
        if (!r->racers[job.source].jobs[i].busy || r->racers[job.source].jobs[i].block != job.block)
            continue;
        r->racers[job.source].jobs[i].busy = 0;
        r->flying[job.block]--;
        return;
    }
    fail_msg("a job was cut that is not under way");
}

static void start_job(struct race *r, struct plan_job job)
{
    struct racer *s = &r->racers[job.source];

    assert_int_equal(r->come[job.block], 0);
    assert_true(++r->flying[job.block] <= 2);
    for (size_t i = 0; i < PLAN_IN_FLIGHT; i++) {
        if (s->jobs[i].busy) {
            assert_int_not_equal(s->jobs[i].block, job.block);
            continue;
        }
        s->jobs[i].busy = 1;
        s->jobs[i].block = job.block;
        s->jobs[i].left = MIB;
        return;
    }
    fail_msg("more blocks under way than allowed");
}

static void end_job(struct race *r, size_t i)
{
    struct racer *s = &r->racers[i];

    for (size_t j = 0; j < PLAN_IN_FLIGHT; j++) {
        struct plan_job job = {i, s->jobs[j].block};
        int broken = s->breaks_ms && r->now_ms >= s->breaks_ms && !(s->returns_ms && r->now_ms >= s->returns_ms);
        if (!s->jobs[j].busy || (s->jobs[j].left > 0 && !broken))
            continue;
        s->jobs[j].busy = 0;
        r->flying[job.block]--;
        if (broken) {
            obtain_plan_failed(r->plan, job, r->now_ms);
        } else if (++s->finished == s->lies_at) {
            obtain_plan_lied(r->plan, job);
        } else {
            r->fetched++;
            r->come[job.block]++;
            obtain_plan_good(r->plan, job, r->now_ms);
        }
    }
}

static void move(struct race *r)
{
    for (size_t i = 0; i < r->n_racers; i++) {
        struct racer *s = &r->racers[i];
        size_t busy = 0;
        for (size_t j = 0; j < PLAN_IN_FLIGHT; j++)
            busy += s->jobs[j].busy != 0;
        if (busy == 0 || (s->dies_ms && r->now_ms >= s->dies_ms))
            continue;
        for (size_t j = 0; j < PLAN_IN_FLIGHT; j++)
            s->jobs[j].left -= (double)s->bytes_per_s / 1000 / (double)busy;
    }
}

/* Plays it until all is here or nobody is left. Returns whether all is here. */
static int race_run(struct race *r)
{
    struct plan_job job;

    while (obtain_plan_left(r->plan) > 0 && r->now_ms < LIMIT_MS) {
        while (obtain_plan_cut(r->plan, r->now_ms, &job))
            stop_job(r, job);
        if (obtain_plan_stuck(r->plan))
            return 0;
        while (obtain_plan_next(r->plan, r->now_ms, &job))
            start_job(r, job);
        r->now_ms++;
        move(r);
        for (size_t i = 0; i < r->n_racers; i++)
            end_job(r, i);
    }
    for (size_t i = 0; i < r->n_blocks && obtain_plan_left(r->plan) == 0; i++)
        assert_true(r->come[i] > 0);
    return obtain_plan_left(r->plan) == 0;
}

static void test_four_equal_sources_are_four_times_as_fast_as_one(void **state)
{
    struct race r;

    (void)state;
    race_init(&r, 256, 4);
    for (size_t i = 0; i < 4; i++)
        r.racers[i].bytes_per_s = 20000000;
    assert_true(race_run(&r));
    /* 256 MiB at 80 MB/s is 3,355 ms; the last blocks do not end together. */
    assert_in_range(r.now_ms, 3355, 3600);
    assert_int_equal(r.fetched, 256);
    race_release(&r);
}

static void test_sources_of_different_speeds_give_in_proportion(void **state)
{
    static const uint64_t speeds[] = {40000000, 20000000, 10000000, 5000000};
    struct race r;

    (void)state;
    race_init(&r, 512, 4);
    for (size_t i = 0; i < 4; i++)
        r.racers[i].bytes_per_s = speeds[i];
    assert_true(race_run(&r));
    assert_in_range(r.now_ms, 512ull * MIB / 75000, 512ull * MIB / 75000 + 400);
    assert_in_range(obtain_plan_given(r.plan, 0), 260, 285);
    assert_in_range(obtain_plan_given(r.plan, 3), 30, 38);
    /* Help at the end costs a few blocks at most. */
    assert_in_range(r.fetched, 512, 520);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(obtain_plan_fate(r.plan, i), PLAN_WORKS);
    race_release(&r);
}

static void test_a_liar_among_four_is_named_and_costs_little(void **state)
{
    struct race r;

    (void)state;
    race_init(&r, 256, 4);
    for (size_t i = 0; i < 4; i++)
        r.racers[i].bytes_per_s = 20000000;
    r.racers[2].lies_at = 5;
    assert_true(race_run(&r));
    assert_int_equal(obtain_plan_fate(r.plan, 2), PLAN_LIED);
    assert_in_range(obtain_plan_given(r.plan, 2), 4, 5); /* one more may have ended in the same turn */
    assert_in_range(r.now_ms, 4300, 4700);               /* three give the rest */
    race_release(&r);
}

static void test_a_source_that_falls_silent_holds_nothing_up(void **state)
{
    struct race r;

    (void)state;
    race_init(&r, 1024, 4);
    for (size_t i = 0; i < 4; i++)
        r.racers[i].bytes_per_s = 20000000;
    r.racers[1].dies_ms = 2000;
    assert_true(race_run(&r));
    assert_int_equal(obtain_plan_fate(r.plan, 1), PLAN_SLOW);
    assert_in_range(r.now_ms, 17000, 18500);
    race_release(&r);
}

static void test_a_source_that_falls_silent_with_the_last_block_is_helped(void **state)
{
    struct race r;

    (void)state;
    race_init(&r, 256, 4);
    for (size_t i = 0; i < 4; i++)
        r.racers[i].bytes_per_s = 20000000;
    r.racers[1].dies_ms = 3300;
    assert_true(race_run(&r));
    assert_in_range(r.now_ms, 3355, 3800);
    race_release(&r);
}

static void test_a_crawling_source_is_slow_beside_fast_ones_and_enough_alone(void **state)
{
    struct race r;

    (void)state;
    race_init(&r, 4096, 3);
    r.racers[0].bytes_per_s = 50000000;
    r.racers[1].bytes_per_s = 50000000;
    r.racers[2].bytes_per_s = 20000;
    assert_true(race_run(&r));
    assert_int_equal(obtain_plan_fate(r.plan, 2), PLAN_SLOW);
    assert_in_range(r.now_ms, 4096ull * MIB / 100000, 4096ull * MIB / 100000 + 500);
    race_release(&r);

    race_init(&r, 4, 1);
    r.racers[0].bytes_per_s = 20000;
    assert_true(race_run(&r));
    assert_int_equal(r.fetched, 4);
    race_release(&r);
}

static void test_a_source_that_breaks_off_and_returns_goes_on_giving(void **state)
{
    struct race r;

    (void)state;
    race_init(&r, 256, 2);
    r.racers[0].bytes_per_s = r.racers[1].bytes_per_s = 20000000;
    r.racers[1].breaks_ms = 1000;
    r.racers[1].returns_ms = 1200;
    assert_true(race_run(&r));
    assert_int_equal(obtain_plan_fate(r.plan, 1), PLAN_WORKS);
    assert_in_range(obtain_plan_given(r.plan, 1), 115, 127);
    race_release(&r);
}

static void test_when_all_break_off_the_race_ends(void **state)
{
    struct race r;

    (void)state;
    race_init(&r, 256, 3);
    for (size_t i = 0; i < 3; i++) {
        r.racers[i].bytes_per_s = 20000000;
        r.racers[i].breaks_ms = 500 + i;
    }
    assert_false(race_run(&r));
    assert_in_range(r.now_ms, 1200, 1400);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(obtain_plan_fate(r.plan, i), PLAN_AWAY);
    race_release(&r);
}

/* Any mixture in which one honest source stays ends with all blocks, none of them fetched by more than two at a time (start_job checks that). */
static void test_any_mixture_with_one_honest_source_ends_well(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 400; seed++) {
        struct race r;
        unsigned draw = seed;
        size_t n = 1 + (size_t)rand_r(&draw) % RACERS_MAX, honest = (size_t)rand_r(&draw) % n;

        race_init(&r, 1 + (size_t)rand_r(&draw) % 200, n);
        for (size_t i = 0; i < n; i++) {
            struct racer *s = &r.racers[i];
            s->bytes_per_s = 500000u + (uint64_t)rand_r(&draw) % 50000000u;
            if (i == honest)
                continue;
            s->lies_at = rand_r(&draw) % 3 == 0 ? 1 + (size_t)rand_r(&draw) % 20 : 0;
            s->dies_ms = rand_r(&draw) % 3 == 0 ? 1 + (uint64_t)rand_r(&draw) % 3000 : 0;
            s->breaks_ms = rand_r(&draw) % 3 == 0 ? 1 + (uint64_t)rand_r(&draw) % 3000 : 0;
            s->returns_ms = s->breaks_ms + (uint64_t)rand_r(&draw) % 2000;
        }
        if (!race_run(&r))
            fail_msg("seed %u: %zu blocks left", seed, obtain_plan_left(r.plan));
        assert_int_not_equal(obtain_plan_fate(r.plan, honest), PLAN_LIED);
        race_release(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_four_equal_sources_are_four_times_as_fast_as_one),
        cmocka_unit_test(test_sources_of_different_speeds_give_in_proportion),
        cmocka_unit_test(test_a_liar_among_four_is_named_and_costs_little),
        cmocka_unit_test(test_a_source_that_falls_silent_holds_nothing_up),
        cmocka_unit_test(test_a_source_that_falls_silent_with_the_last_block_is_helped),
        cmocka_unit_test(test_a_crawling_source_is_slow_beside_fast_ones_and_enough_alone),
        cmocka_unit_test(test_a_source_that_breaks_off_and_returns_goes_on_giving),
        cmocka_unit_test(test_when_all_break_off_the_race_ends),
        cmocka_unit_test(test_any_mixture_with_one_honest_source_ends_well),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
