#include "tests/unit/unit.h"

#include "lib/base/stamp.h"

#include <string.h>

/* Ascending; the clock weighs more than the process, and both are unsigned. */
static const struct stamp ascending[] = {{0, 0}, {0, 1}, {0, UINT64_MAX}, {1, 0}, {1, 5}, {INT64_MAX, 0}, {(uint64_t)INT64_MAX + 1, 0},
    {UINT64_MAX, 0}, {UINT64_MAX, UINT64_MAX}};
#define N (sizeof(ascending) / sizeof(ascending[0]))

static int sign(int v)
{
    return (v > 0) - (v < 0);
}

static void stamps_text_and_bytes_sort_alike(void **state)
{
    (void)state;
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < N; j++) {
            int wanted = i < j ? -1 : i > j;
            char a[STAMP_HEX_SIZE], b[STAMP_HEX_SIZE];
            uint8_t x[STAMP_BYTES], y[STAMP_BYTES];
            stamp_hex(ascending[i], a);
            stamp_hex(ascending[j], b);
            stamp_bytes(ascending[i], x);
            stamp_bytes(ascending[j], y);
            assert_int_equal(sign(stamp_cmp(ascending[i], ascending[j])), wanted);
            assert_int_equal(sign(strcmp(a, b)), wanted);
            assert_int_equal(sign(memcmp(x, y, STAMP_BYTES)), wanted);
        }
    }
}

static void text_and_bytes_lead_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < N; i++) {
        char text[STAMP_HEX_SIZE];
        uint8_t bytes[STAMP_BYTES];
        struct stamp s;
        stamp_hex(ascending[i], text);
        assert_ok(stamp_parse(text, &s));
        assert_int_equal(stamp_cmp(s, ascending[i]), 0);
        stamp_bytes(ascending[i], bytes);
        assert_int_equal(stamp_cmp(stamp_from_bytes(bytes), ascending[i]), 0);
    }
}

static void the_text_is_clock_then_process(void **state)
{
    (void)state;
    char text[STAMP_HEX_SIZE];
    stamp_hex((struct stamp){0x1a, 0x2b}, text);
    assert_string_equal(text, "000000000000001a000000000000002b");
}

static void malformed_text_changes_nothing(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "1", "000000000000001A000000000000002b", "000000000000001a000000000000002",
        "000000000000001a000000000000002b0", "000000000000001a-00000000000002b", "0x0000000000001a000000000000002b"};
    struct stamp s = {7, 8};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_err(ERR_SYNTAX, stamp_parse(bad[i], &s));
    assert_err(ERR_SYNTAX, stamp_parse(NULL, &s));
    assert_int_equal(s.clock, 7);
    assert_int_equal(s.process, 8);
}

static void only_the_zero_stamp_is_zero(void **state)
{
    (void)state;
    assert_true(stamp_is_zero(STAMP_ZERO));
    for (size_t i = 1; i < N; i++)
        assert_false(stamp_is_zero(ascending[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stamps_text_and_bytes_sort_alike),
        cmocka_unit_test(text_and_bytes_lead_back),
        cmocka_unit_test(the_text_is_clock_then_process),
        cmocka_unit_test(malformed_text_changes_nothing),
        cmocka_unit_test(only_the_zero_stamp_is_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
