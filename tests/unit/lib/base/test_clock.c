#include "tests/unit/unit.h"

#include "lib/base/clock.h"

#include <pthread.h>
#include <stdlib.h>

static void boot_time_goes_on_while_we_sleep(void **state)
{
    (void)state;
    uint64_t before = clock_boot_ms();
    clock_sleep_ms(20);
    uint64_t after = clock_boot_ms();
    assert_true(after - before >= 19);
}

static void wall_time_is_of_this_century(void **state)
{
    (void)state;
    uint64_t ms = clock_unix_ms();
    assert_true(ms > 1700000000000u);
    assert_true(clock_unix_us() / 1000 - ms < 1000);
}

static void stamps_only_grow(void **state)
{
    (void)state;
    struct hlc c;
    hlc_init(&c);
    struct stamp last = STAMP_ZERO;
    for (int i = 0; i < 20000; i++) {
        struct stamp s = hlc_next(&c);
        assert_true(stamp_cmp(last, s) < 0);
        last = s;
    }
    hlc_release(&c);
}

static void a_stamp_carries_the_time(void **state)
{
    (void)state;
    struct hlc c;
    hlc_init(&c);
    uint64_t before = clock_unix_ms();
    uint64_t ms = hlc_to_unix_ms(hlc_next(&c).clock);
    assert_true(ms >= before && ms <= clock_unix_ms() + 1);
    assert_true(hlc_to_unix_ms(hlc_from_unix_ms(1234567890123u)) == 1234567890123u);
    hlc_release(&c);
}

static void a_seen_stamp_is_passed(void **state)
{
    (void)state;
    struct hlc c;
    hlc_init(&c);
    struct stamp ahead = {hlc_from_unix_ms(clock_unix_ms() + 3600000), UINT64_MAX};
    hlc_see(&c, ahead);
    assert_true(stamp_cmp(ahead, hlc_next(&c)) < 0);
    hlc_see(&c, (struct stamp){1, 1});
    assert_true(stamp_cmp(ahead, hlc_next(&c)) < 0);
    hlc_release(&c);
}

static void a_stamp_at_the_end_of_all_numbers_does_not_wrap_the_clock(void **state)
{
    (void)state;
    struct hlc c;
    hlc_init(&c);
    struct stamp before = hlc_next(&c);
    hlc_see(&c, (struct stamp){UINT64_MAX, 0});
    assert_true(stamp_cmp(before, hlc_next(&c)) < 0);
    hlc_release(&c);
}

static void each_start_draws_another_process_id(void **state)
{
    (void)state;
    struct hlc a, b;
    hlc_init(&a);
    hlc_init(&b);
    assert_true(a.process != b.process);
    assert_true(hlc_next(&a).process == a.process);
    hlc_release(&a);
    hlc_release(&b);
}

#define THREADS 4
#define EACH 5000

struct drawer {
    struct hlc *clock;
    struct stamp *out;
};

static void *draw(void *arg)
{
    struct drawer *d = arg;
    for (int i = 0; i < EACH; i++)
        d->out[i] = hlc_next(d->clock);
    return NULL;
}

static int compare(const void *a, const void *b)
{
    return stamp_cmp(*(const struct stamp *)a, *(const struct stamp *)b);
}

static void no_two_threads_draw_one_stamp(void **state)
{
    (void)state;
    struct hlc c;
    hlc_init(&c);
    pthread_t threads[THREADS];
    struct drawer drawers[THREADS];
    struct stamp *all = calloc(THREADS * EACH, sizeof(*all));
    for (int i = 0; i < THREADS; i++) {
        drawers[i] = (struct drawer){&c, all + i * EACH};
        assert_int_equal(pthread_create(&threads[i], NULL, draw, &drawers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    qsort(all, THREADS * EACH, sizeof(*all), compare);
    for (int i = 1; i < THREADS * EACH; i++)
        assert_true(stamp_cmp(all[i - 1], all[i]) < 0);
    free(all);
    hlc_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boot_time_goes_on_while_we_sleep),
        cmocka_unit_test(wall_time_is_of_this_century),
        cmocka_unit_test(stamps_only_grow),
        cmocka_unit_test(a_stamp_carries_the_time),
        cmocka_unit_test(a_seen_stamp_is_passed),
        cmocka_unit_test(a_stamp_at_the_end_of_all_numbers_does_not_wrap_the_clock),
        cmocka_unit_test(each_start_draws_another_process_id),
        cmocka_unit_test(no_two_threads_draw_one_stamp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
