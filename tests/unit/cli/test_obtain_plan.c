/* The plan of a download by itself: who is given what, who is dropped for what, and that no block is lost or fetched more often than allowed. */
#include "tests/unit/unit.h"

#include "cli/obtain_plan.h"

#include <stdlib.h>
#include <string.h>

static struct obtain_plan *plan_of(size_t blocks, size_t sources)
{
    struct obtain_plan *p;

    assert_ok(obtain_plan_new(blocks, &p));
    for (size_t i = 0; i < sources; i++) {
        size_t source;
        assert_ok(obtain_plan_add(p, &source));
        assert_int_equal(source, i);
    }
    return p;
}

static void expect_next(struct obtain_plan *p, uint64_t now_ms, size_t source, size_t block)
{
    struct plan_job job;

    assert_true(obtain_plan_next(p, now_ms, &job));
    assert_int_equal(job.source, source);
    assert_int_equal(job.block, block);
}

static void expect_nothing(struct obtain_plan *p, uint64_t now_ms)
{
    struct plan_job job;

    assert_false(obtain_plan_next(p, now_ms, &job));
}

static void expect_cut(struct obtain_plan *p, uint64_t now_ms, size_t source, size_t block)
{
    struct plan_job job;

    assert_true(obtain_plan_cut(p, now_ms, &job));
    assert_int_equal(job.source, source);
    assert_int_equal(job.block, block);
}

static void expect_no_cut(struct obtain_plan *p, uint64_t now_ms)
{
    struct plan_job job;

    assert_false(obtain_plan_cut(p, now_ms, &job));
}

static struct plan_job job_of(size_t source, size_t block)
{
    return (struct plan_job){source, block};
}

static void test_few_blocks_are_spread_over_all_sources_first(void **state)
{
    struct obtain_plan *p = plan_of(5, 3);

    (void)state;
    expect_next(p, 0, 0, 0);
    expect_next(p, 0, 1, 1);
    expect_next(p, 0, 2, 2);
    expect_next(p, 0, 0, 3);
    expect_next(p, 0, 1, 4);
    expect_nothing(p, 0);
    obtain_plan_free(p);
}

static void test_a_source_has_only_so_many_blocks_under_way(void **state)
{
    struct obtain_plan *p = plan_of(9, 1);

    (void)state;
    for (size_t i = 0; i < PLAN_IN_FLIGHT; i++)
        expect_next(p, 0, 0, i);
    expect_nothing(p, 0);
    assert_true(obtain_plan_wake_ms(p, 0) == UINT64_MAX);
    obtain_plan_good(p, job_of(0, 1), 40);
    expect_next(p, 40, 0, PLAN_IN_FLIGHT);
    expect_nothing(p, 40);
    obtain_plan_free(p);
}

static void test_blocks_that_are_here_are_not_fetched(void **state)
{
    struct obtain_plan *p = plan_of(4, 1);

    (void)state;
    obtain_plan_have(p, 0);
    obtain_plan_have(p, 2);
    obtain_plan_have(p, 2);
    assert_int_equal(obtain_plan_left(p), 2);
    expect_next(p, 0, 0, 1);
    expect_next(p, 0, 0, 3);
    obtain_plan_good(p, job_of(0, 1), 10);
    obtain_plan_good(p, job_of(0, 3), 20);
    assert_int_equal(obtain_plan_left(p), 0);
    assert_false(obtain_plan_stuck(p));
    expect_nothing(p, 20);
    obtain_plan_free(p);
}

static void test_an_empty_file_needs_nobody(void **state)
{
    struct obtain_plan *p = plan_of(0, 0);

    (void)state;
    assert_int_equal(obtain_plan_left(p), 0);
    assert_false(obtain_plan_stuck(p));
    expect_nothing(p, 0);
    expect_no_cut(p, 0);
    obtain_plan_free(p);
}

static void test_limits_are_errors(void **state)
{
    struct obtain_plan *p = NULL;
    size_t source = 77;

    (void)state;
    assert_err(ERR_INVALID, obtain_plan_new(PLAN_BLOCKS_MAX + 1, &p));
    assert_null(p);
    p = plan_of(PLAN_BLOCKS_MAX, PLAN_SOURCES_MAX);
    assert_err(ERR_FULL, obtain_plan_add(p, &source));
    assert_int_equal(source, 77);
    obtain_plan_free(p);
    obtain_plan_free(NULL);
}

static void test_a_liar_is_dropped_at_once_and_for_good(void **state)
{
    struct obtain_plan *p = plan_of(4, 2);

    (void)state;
    expect_next(p, 0, 0, 0);
    expect_next(p, 0, 1, 1);
    expect_next(p, 0, 0, 2);
    expect_next(p, 0, 1, 3);
    obtain_plan_lied(p, job_of(0, 0));
    assert_int_equal(obtain_plan_fate(p, 0), PLAN_LIED);
    expect_cut(p, 5, 0, 2);
    expect_no_cut(p, 5);
    obtain_plan_revive(p, 0);
    assert_int_equal(obtain_plan_fate(p, 0), PLAN_LIED);
    obtain_plan_good(p, job_of(1, 1), 10);
    expect_next(p, 10, 1, 0);
    obtain_plan_good(p, job_of(1, 3), 20);
    expect_next(p, 20, 1, 2);
    obtain_plan_good(p, job_of(1, 0), 30);
    obtain_plan_good(p, job_of(1, 2), 40);
    assert_int_equal(obtain_plan_left(p), 0);
    assert_int_equal(obtain_plan_given(p, 0), 0);
    assert_int_equal(obtain_plan_given(p, 1), 4);
    obtain_plan_free(p);
}

static void test_when_all_lied_the_plan_is_stuck(void **state)
{
    struct obtain_plan *p = plan_of(2, 2);

    (void)state;
    expect_next(p, 0, 0, 0);
    expect_next(p, 0, 1, 1);
    obtain_plan_lied(p, job_of(0, 0));
    assert_false(obtain_plan_stuck(p));
    obtain_plan_lied(p, job_of(1, 1));
    assert_true(obtain_plan_stuck(p));
    expect_nothing(p, 9);
    obtain_plan_free(p);
}

static void test_failures_are_tried_again_with_growing_pauses_and_then_it_is_away(void **state)
{
    struct obtain_plan *p = plan_of(3, 1);
    uint64_t now_ms = 1000;

    (void)state;
    expect_next(p, now_ms, 0, 0);
    expect_next(p, now_ms, 0, 1);
    obtain_plan_failed(p, job_of(0, 0), now_ms);
    obtain_plan_failed(p, job_of(0, 1), now_ms); /* together: one failure */
    expect_nothing(p, now_ms + PLAN_RETRY_MS - 1);
    assert_int_equal(obtain_plan_wake_ms(p, now_ms), now_ms + PLAN_RETRY_MS);
    now_ms += PLAN_RETRY_MS;
    expect_next(p, now_ms, 0, 0);
    expect_nothing(p, now_ms); /* on trial: one at a time */
    obtain_plan_failed(p, job_of(0, 0), now_ms);
    expect_nothing(p, now_ms + 2 * PLAN_RETRY_MS - 1);
    now_ms += 2 * PLAN_RETRY_MS;
    expect_next(p, now_ms, 0, 0);
    obtain_plan_failed(p, job_of(0, 0), now_ms);
    assert_int_equal(obtain_plan_fate(p, 0), PLAN_AWAY);
    assert_true(obtain_plan_stuck(p));
    expect_nothing(p, now_ms + 100000);
    obtain_plan_revive(p, 0);
    assert_false(obtain_plan_stuck(p));
    expect_next(p, now_ms, 0, 0);
    expect_next(p, now_ms, 0, 1);
    obtain_plan_free(p);
}

static void test_a_good_block_wipes_failures_out(void **state)
{
    struct obtain_plan *p = plan_of(40, 1);
    uint64_t now_ms = 0;

    (void)state;
    for (size_t i = 0; i < 10; i++) {
        struct plan_job job;
        assert_true(obtain_plan_next(p, now_ms, &job));
        obtain_plan_failed(p, job, now_ms);
        now_ms += PLAN_RETRY_MS;
        assert_true(obtain_plan_next(p, now_ms, &job));
        obtain_plan_good(p, job, ++now_ms);
    }
    assert_int_equal(obtain_plan_fate(p, 0), PLAN_WORKS);
    assert_int_equal(obtain_plan_given(p, 0), 10);
    obtain_plan_free(p);
}

static void test_who_refuses_is_not_asked_again_until_somebody_vouches_for_it(void **state)
{
    struct obtain_plan *p = plan_of(2, 1);

    (void)state;
    expect_next(p, 0, 0, 0);
    expect_next(p, 0, 0, 1);
    obtain_plan_refused(p, job_of(0, 1));
    assert_int_equal(obtain_plan_fate(p, 0), PLAN_REFUSES);
    expect_cut(p, 0, 0, 0);
    assert_true(obtain_plan_stuck(p));
    obtain_plan_revive(p, 0);
    expect_next(p, 0, 0, 0);
    obtain_plan_free(p);
}

static void test_a_job_ended_by_us_blames_nobody(void **state)
{
    struct obtain_plan *p = plan_of(1, 1);

    (void)state;
    for (int i = 0; i < 20; i++) {
        expect_next(p, 0, 0, 0);
        obtain_plan_undo(p, job_of(0, 0));
    }
    assert_int_equal(obtain_plan_fate(p, 0), PLAN_WORKS);
    assert_int_equal(obtain_plan_left(p), 1);
    obtain_plan_free(p);
}

/* Source 0 takes its first blocks and gives none; source 1 gives one each 100 ms. */
static uint64_t until_slow(struct obtain_plan *p)
{
    uint64_t now_ms = 0;
    struct plan_job job;

    while (obtain_plan_fate(p, 0) == PLAN_WORKS && now_ms < 60000) {
        while (obtain_plan_cut(p, now_ms, &job))
            assert_int_equal(job.source, 0);
        while (obtain_plan_next(p, now_ms, &job)) {
        }
        now_ms += 100;
        obtain_plan_good(p, job_of(1, job.block), now_ms);
    }
    return now_ms;
}

static void test_who_gives_nothing_while_others_do_is_slow(void **state)
{
    struct obtain_plan *p = plan_of(1000, 2);
    struct plan_job job;
    size_t block;
    uint64_t now_ms = 0;

    (void)state;
    expect_next(p, 0, 0, 0);
    expect_next(p, 0, 1, 1);
    expect_next(p, 0, 0, 2);
    for (block = 1; now_ms < PLAN_SLOW_MS - 100; block = job.block) {
        now_ms += 100;
        obtain_plan_good(p, job_of(1, block), now_ms);
        expect_no_cut(p, now_ms);
        assert_true(obtain_plan_next(p, now_ms, &job));
        assert_int_equal(job.source, 1);
        if (now_ms == 100) { /* one at a time is enough here */
            obtain_plan_undo(p, job);
            assert_true(obtain_plan_next(p, now_ms, &job));
        }
    }
    expect_cut(p, PLAN_SLOW_MS, 0, 0);
    expect_cut(p, PLAN_SLOW_MS, 0, 2);
    expect_no_cut(p, PLAN_SLOW_MS);
    assert_int_equal(obtain_plan_fate(p, 0), PLAN_SLOW);
    /* What it had goes to the other one now. */
    expect_next(p, PLAN_SLOW_MS, 1, 0);
    obtain_plan_free(p);
}

static void test_nobody_is_slow_alone_or_beside_others_that_give_little(void **state)
{
    struct obtain_plan *p = plan_of(100, 1);

    (void)state;
    expect_next(p, 0, 0, 0);
    expect_no_cut(p, 1000000);
    obtain_plan_free(p);

    p = plan_of(100, 2);
    expect_next(p, 0, 0, 0);
    expect_next(p, 0, 1, 1);
    expect_next(p, 0, 0, 2);
    expect_next(p, 0, 1, 3);
    obtain_plan_good(p, job_of(1, 1), 3000);
    obtain_plan_good(p, job_of(1, 3), 4000);
    expect_no_cut(p, PLAN_SLOW_MS);
    assert_int_equal(obtain_plan_fate(p, 0), PLAN_WORKS);
    obtain_plan_free(p);
}

static void test_the_slow_come_back_when_nobody_else_works(void **state)
{
    struct obtain_plan *p = plan_of(4000, 2);
    struct plan_job job;
    uint64_t now_ms;

    (void)state;
    now_ms = until_slow(p);
    assert_true(now_ms >= PLAN_SLOW_MS && now_ms <= PLAN_SLOW_MS + 200);
    while (obtain_plan_cut(p, now_ms, &job)) {
    }
    assert_true(obtain_plan_next(p, now_ms, &job));
    assert_int_equal(job.source, 1);
    obtain_plan_lied(p, job);
    while (obtain_plan_cut(p, now_ms, &job)) {
    }
    assert_false(obtain_plan_stuck(p));
    assert_true(obtain_plan_next(p, now_ms, &job));
    assert_int_equal(job.source, 0);
    assert_int_equal(obtain_plan_fate(p, 0), PLAN_WORKS);
    obtain_plan_free(p);
}

static void test_a_faster_source_helps_with_the_last_block_once(void **state)
{
    struct obtain_plan *p = plan_of(4, 3);

    (void)state;
    expect_next(p, 0, 0, 0);
    expect_next(p, 0, 1, 1);
    expect_next(p, 0, 2, 2);
    expect_next(p, 0, 0, 3);
    obtain_plan_good(p, job_of(0, 0), 50);
    obtain_plan_good(p, job_of(0, 3), 100);
    obtain_plan_good(p, job_of(2, 2), 110);
    /* Source 1 has no measure yet and is not late yet. */
    expect_nothing(p, 110);
    assert_true(obtain_plan_wake_ms(p, 110) < 1000);
    expect_next(p, 1100, 0, 1);
    /* The third source finds it fetched by two. */
    expect_nothing(p, 1100);
    obtain_plan_good(p, job_of(0, 1), 1150);
    assert_int_equal(obtain_plan_left(p), 0);
    expect_cut(p, 1150, 1, 1);
    expect_no_cut(p, 1150);
    assert_int_equal(obtain_plan_given(p, 0), 3);
    assert_int_equal(obtain_plan_given(p, 1), 0);
    assert_int_equal(obtain_plan_fate(p, 1), PLAN_WORKS);
    obtain_plan_free(p);
}

static void test_equal_sources_do_not_help_each_other(void **state)
{
    struct obtain_plan *p = plan_of(6, 2);

    (void)state;
    expect_next(p, 0, 0, 0);
    expect_next(p, 0, 1, 1);
    expect_next(p, 0, 0, 2);
    expect_next(p, 0, 1, 3);
    obtain_plan_good(p, job_of(0, 0), 50);
    obtain_plan_good(p, job_of(1, 1), 50);
    expect_next(p, 50, 0, 4);
    expect_next(p, 50, 1, 5);
    obtain_plan_good(p, job_of(0, 2), 100);
    obtain_plan_good(p, job_of(1, 3), 100);
    expect_nothing(p, 100);
    obtain_plan_good(p, job_of(0, 4), 150);
    expect_nothing(p, 150);
    obtain_plan_good(p, job_of(1, 5), 152);
    assert_int_equal(obtain_plan_left(p), 0);
    expect_no_cut(p, 152);
    obtain_plan_free(p);
}

static void test_both_fetchers_may_end_in_the_same_turn(void **state)
{
    struct obtain_plan *p = plan_of(2, 2);

    (void)state;
    expect_next(p, 0, 0, 0);
    expect_next(p, 0, 1, 1);
    obtain_plan_good(p, job_of(0, 0), 50);
    expect_next(p, 2000, 0, 1);
    obtain_plan_good(p, job_of(0, 1), 2050);
    obtain_plan_good(p, job_of(1, 1), 2050); /* had ended before it could be cut */
    expect_no_cut(p, 2050);
    assert_int_equal(obtain_plan_given(p, 1), 0);
    assert_int_equal(obtain_plan_left(p), 0);
    obtain_plan_free(p);
}

static void test_a_liar_is_found_even_when_its_block_is_here_already(void **state)
{
    struct obtain_plan *p = plan_of(2, 2);

    (void)state;
    expect_next(p, 0, 0, 0);
    expect_next(p, 0, 1, 1);
    obtain_plan_good(p, job_of(0, 0), 50);
    expect_next(p, 2000, 0, 1);
    obtain_plan_good(p, job_of(0, 1), 2050);
    obtain_plan_lied(p, job_of(1, 1));
    assert_int_equal(obtain_plan_fate(p, 1), PLAN_LIED);
    expect_no_cut(p, 2050);
    obtain_plan_free(p);
}

static void test_speed_follows_what_was_measured(void **state)
{
    struct obtain_plan *p = plan_of(100, 1);

    (void)state;
    assert_int_equal(obtain_plan_speed(p, 0), 0);
    for (uint64_t i = 1; i <= 20; i++) {
        struct plan_job job;
        assert_true(obtain_plan_next(p, (i - 1) * 50, &job));
        obtain_plan_good(p, job, i * 50);
    }
    assert_int_equal(obtain_plan_speed(p, 0), 20000); /* one each 50 ms */
    obtain_plan_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_few_blocks_are_spread_over_all_sources_first),
        cmocka_unit_test(test_a_source_has_only_so_many_blocks_under_way),
        cmocka_unit_test(test_blocks_that_are_here_are_not_fetched),
        cmocka_unit_test(test_an_empty_file_needs_nobody),
        cmocka_unit_test(test_limits_are_errors),
        cmocka_unit_test(test_a_liar_is_dropped_at_once_and_for_good),
        cmocka_unit_test(test_when_all_lied_the_plan_is_stuck),
        cmocka_unit_test(test_failures_are_tried_again_with_growing_pauses_and_then_it_is_away),
        cmocka_unit_test(test_a_good_block_wipes_failures_out),
        cmocka_unit_test(test_who_refuses_is_not_asked_again_until_somebody_vouches_for_it),
        cmocka_unit_test(test_a_job_ended_by_us_blames_nobody),
        cmocka_unit_test(test_who_gives_nothing_while_others_do_is_slow),
        cmocka_unit_test(test_nobody_is_slow_alone_or_beside_others_that_give_little),
        cmocka_unit_test(test_the_slow_come_back_when_nobody_else_works),
        cmocka_unit_test(test_a_faster_source_helps_with_the_last_block_once),
        cmocka_unit_test(test_equal_sources_do_not_help_each_other),
        cmocka_unit_test(test_both_fetchers_may_end_in_the_same_turn),
        cmocka_unit_test(test_a_liar_is_found_even_when_its_block_is_here_already),
        cmocka_unit_test(test_speed_follows_what_was_measured),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
