#include "tests/unit/unit.h"

#include "fcgi/service/stamps.h"

static void stamps_only_grow_and_pass_what_was_seen(void **state)
{
    (void)state;
    struct stamps *s = stamps_new();
    struct stamp last = STAMP_ZERO;
    for (int i = 0; i < 1000; i++) {
        struct stamp next = stamps_next(s);
        assert_true(stamp_cmp(next, last) > 0);
        last = next;
    }
    struct stamp seen = {last.clock + hlc_from_unix_ms(5000), 42};
    stamps_see(s, seen);
    assert_true(stamp_cmp(stamps_next(s), seen) > 0);
    stamps_free(s);
}

static void a_clock_that_is_ahead_counts_on_from_the_owners(void **state)
{
    (void)state;
    struct stamps *s = stamps_new();
    struct stamp before = stamps_next(s);
    struct stamp owners = {hlc_from_unix_ms(clock_unix_ms() - 3600000), 9};
    int now;
    stamps_too_far(s, owners);
    struct stamp a = stamps_next(s), b = stamps_next(s);
    assert_true(stamp_cmp(a, owners) > 0);
    assert_true(a.clock < owners.clock + hlc_from_unix_ms(1000));
    assert_true(stamp_cmp(b, a) > 0);
    assert_int_not_equal(a.process, before.process); /* or it might repeat a stamp from before */
    assert_int_equal(a.process, b.process);
    assert_int_equal(stamps_rebases(s, &now), 1);
    assert_int_equal(now, 1);

    struct stamp seen = {b.clock + 1000000, 3};
    stamps_see(s, seen);
    assert_true(stamp_cmp(stamps_next(s), seen) > 0);
    stamps_free(s);
}

static void a_clock_that_is_right_again_is_believed_again(void **state)
{
    (void)state;
    struct stamps *s = stamps_new();
    struct stamp wall = stamps_next(s);
    int now;
    stamps_too_far(s, (struct stamp){hlc_from_unix_ms(clock_unix_ms() - 5000), 9});
    struct stamp next = stamps_next(s);
    assert_true(stamp_cmp(next, wall) > 0);
    assert_int_equal(next.process, wall.process);
    assert_int_equal(stamps_rebases(s, &now), 1);
    assert_int_equal(now, 0);
    stamps_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stamps_only_grow_and_pass_what_was_seen),
        cmocka_unit_test(a_clock_that_is_ahead_counts_on_from_the_owners),
        cmocka_unit_test(a_clock_that_is_right_again_is_believed_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
