#include "tests/unit/unit.h"

#include "lib/base/buf.h"

#include <stdlib.h>
#include <string.h>

static void an_empty_buffer_is_an_empty_string(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10);
    assert_string_equal(buf_str(&b), "");
    assert_int_equal(b.len, 0);
    buf_release(&b);
}

static void appends_follow_each_other(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    assert_ok(buf_add(&b, "ab", 2));
    assert_ok(buf_add_str(&b, "cd"));
    assert_ok(buf_addf(&b, "-%d-%s", 42, "x"));
    assert_string_equal(buf_str(&b), "abcd-42-x");
    assert_int_equal(b.len, 9);
    buf_release(&b);
}

static void it_fills_up_to_the_maximum_and_no_further(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    for (int i = 0; i < 100; i++)
        assert_ok(buf_add(&b, "x", 1));
    assert_err(ERR_NOMEM, buf_add(&b, "y", 1));
    assert_int_equal(b.len, 100);
    assert_int_equal(strspn(buf_str(&b), "x"), 100);
    assert_ok(buf_add(&b, "", 0));
    buf_release(&b);
}

static void what_does_not_fit_leaves_it_unchanged(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 6);
    assert_ok(buf_add_str(&b, "abc"));
    assert_err(ERR_NOMEM, buf_addf(&b, "%s", "defg"));
    assert_err(ERR_NOMEM, buf_add_str(&b, "defg"));
    assert_err(ERR_NOMEM, buf_reserve(&b, SIZE_MAX));
    assert_string_equal(buf_str(&b), "abc");
    buf_release(&b);
}

static void a_reserved_space_can_be_filled_by_a_reader(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4096);
    assert_ok(buf_reserve(&b, 4096));
    memset(b.data, 'z', 4096);
    b.len += 4096;
    assert_err(ERR_NOMEM, buf_reserve(&b, 1));
    buf_release(&b);
}

static void taking_leaves_it_empty_and_usable(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10);
    assert_ok(buf_add_str(&b, "mine"));
    char *taken = buf_take(&b);
    assert_string_equal(taken, "mine");
    free(taken);
    assert_int_equal(b.len, 0);
    assert_ok(buf_add_str(&b, "again"));
    assert_string_equal(buf_str(&b), "again");
    buf_release(&b);
}

static void taking_nothing_gives_an_empty_string(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 0);
    char *taken = buf_take(&b);
    assert_non_null(taken);
    assert_string_equal(taken, "");
    free(taken);
}

static void cutting_back_keeps_the_front(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    buf_truncate(&b, 0);
    assert_ok(buf_add_str(&b, "front and back"));
    buf_truncate(&b, 5);
    assert_string_equal(buf_str(&b), "front");
    buf_reset(&b);
    assert_string_equal(buf_str(&b), "");
    buf_release(&b);
}

static void bytes_may_be_zero(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    assert_ok(buf_add(&b, "a\0b", 3));
    assert_int_equal(b.len, 3);
    assert_memory_equal(b.data, "a\0b", 4);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buffer_is_an_empty_string),
        cmocka_unit_test(appends_follow_each_other),
        cmocka_unit_test(it_fills_up_to_the_maximum_and_no_further),
        cmocka_unit_test(what_does_not_fit_leaves_it_unchanged),
        cmocka_unit_test(a_reserved_space_can_be_filled_by_a_reader),
        cmocka_unit_test(taking_leaves_it_empty_and_usable),
        cmocka_unit_test(taking_nothing_gives_an_empty_string),
        cmocka_unit_test(cutting_back_keeps_the_front),
        cmocka_unit_test(bytes_may_be_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
