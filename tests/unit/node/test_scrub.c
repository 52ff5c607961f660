/* The scrub of a whole node: by order, by the clock, and over restarts. */
#include "tests/unit/node/trio.h"

#include "node/scrub.h"

static void make_path(struct trio *t, int i, const char *sha256, char path[512])
{
    snprintf(path, 512, "%s/blobs/%.2s/%.2s/%s", t->data[i], sha256, sha256 + 2, sha256);
}

static void restart_with_period(struct trio *t, int i, uint64_t period_s)
{
    t->scrub_s = period_s;
    trio_stop(t, i);
    trio_start(t, i);
}

static struct scrub_state wait_for_end(struct trio *t, int i, uint64_t began_ms)
{
    struct scrub_state s;
    uint64_t end = clock_boot_ms() + TRIO_WAIT_MS;
    do {
        clock_sleep_ms(10);
        scrub_look(t->nodes[i].scrub, &s);
    } while ((s.running || s.began_ms < began_ms || s.ended_ms < s.began_ms) && clock_boot_ms() < end);
    assert_true(!s.running && s.began_ms >= began_ms && s.ended_ms >= s.began_ms);
    return s;
}

static void an_order_finds_what_is_bad_and_what_is_gone(void **state)
{
    struct trio *t = *state;
    struct record good, bad, gone;
    struct blobs_usage usage;
    char path[512];
    trio_store(t, 7, "good", &good);
    trio_store(t, 7, "bad", &bad);
    trio_store(t, 7, "gone", &gone);
    make_path(t, 1, bad.sha256, path);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("mad", f);
    fclose(f);
    make_path(t, 1, gone.sha256, path);
    assert_int_equal(unlink(path), 0);
    uint64_t now = clock_unix_ms();
    scrub_now(t->nodes[1].scrub);
    struct scrub_state s = wait_for_end(t, 1, now);
    assert_int_equal(s.bad, 1);
    assert_int_equal(s.missing, 1);
    trio_wait_until(t, 1, bad.id, "stored direct");
    trio_wait_until(t, 1, gone.id, "stored direct");
    scrub_now(t->nodes[1].scrub);
    s = wait_for_end(t, 1, s.ended_ms);
    assert_true(s.read == 3 && s.bad == 0 && s.missing == 0);
    assert_ok(blobs_usage(t->nodes[1].blobs, &usage));
    assert_true(usage.files == 3 && usage.quarantined == 1);
    record_release(&good);
    record_release(&bad);
    record_release(&gone);
}

static void a_round_is_spread_over_the_period(void **state)
{
    struct trio *t = *state;
    struct record r[8];
    for (int i = 0; i < 8; i++) {
        char text[24];
        snprintf(text, sizeof(text), "file %d", i);
        trio_store(t, 7, text, &r[i]);
    }
    restart_with_period(t, 0, 3);
    struct scrub_state s = wait_for_end(t, 0, 1);
    assert_true(s.read == 8 && s.bad == 0);
    assert_true(s.ended_ms - s.began_ms >= 1000 && s.ended_ms - s.began_ms <= 4000);
    for (int i = 0; i < 8; i++)
        record_release(&r[i]);
}

static void a_round_goes_on_after_a_restart(void **state)
{
    struct trio *t = *state;
    struct scrub_state before, after;
    struct record r;
    trio_store(t, 7, "hello", &r);
    restart_with_period(t, 0, 86400);
    uint64_t end = clock_boot_ms() + TRIO_WAIT_MS;
    do
        scrub_look(t->nodes[0].scrub, &before);
    while (before.began_ms == 0 && clock_boot_ms() < end);
    clock_sleep_ms(50);
    restart_with_period(t, 0, 86400);
    clock_sleep_ms(50);
    scrub_look(t->nodes[0].scrub, &after);
    assert_true(after.began_ms == before.began_ms && after.ended_ms < after.began_ms);
    /* An order does not wait for it. */
    uint64_t now = clock_unix_ms();
    scrub_now(t->nodes[0].scrub);
    assert_int_equal(wait_for_end(t, 0, now).read, 1);
    record_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, trio_setup, trio_teardown)
        T(an_order_finds_what_is_bad_and_what_is_gone),
        T(a_round_is_spread_over_the_period),
        T(a_round_goes_on_after_a_restart),
    };
    log_init("test", LOG_ERROR);
    if (peer_global_init() != ERR_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
