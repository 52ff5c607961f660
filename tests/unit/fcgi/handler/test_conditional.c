#include "tests/unit/unit.h"

#include "fcgi/handler/conditional.h"

#define AT 784111777u /* Sun, 06 Nov 1994 08:49:37 GMT */
#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"
#define EARLIER "Sun, 06 Nov 1994 08:49:36 GMT"
#define LATER "Mon, 07 Nov 1994 08:49:37 GMT"

static enum conditional_result check(const char *match, const char *unmodified, const char *none, const char *modified)
{
    const struct conditional c = {match, unmodified, none, modified};
    return conditional_check(&c, "abc", AT);
}

static void without_conditions_it_is_sent(void **state)
{
    (void)state;
    assert_int_equal(check(NULL, NULL, NULL, NULL), CONDITIONAL_SEND);
}

static void if_none_match_compares_weakly(void **state)
{
    (void)state;
    static const char *const same[] = {
        "\"abc\"", "W/\"abc\"", "*", " * ", "\"x\", \"abc\"", "\"x\" ,W/\"y\",\"abc\"", ",\"abc\"", "\"a,b\", \"abc\""};
    static const char *const other[] = {
        "\"abcd\"", "\"ab\"", "abc", "\"ABC\"", "", "\"x\"", "\"abc", "w/\"abc\"", "x, \"abc\"", "**", "\"\"", "W/"};
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        if (check(NULL, NULL, same[i], NULL) != CONDITIONAL_NOT_MODIFIED)
            fail_msg("%s did not match", same[i]);
    }
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
        if (check(NULL, NULL, other[i], NULL) != CONDITIONAL_SEND)
            fail_msg("%s matched", other[i]);
    }
}

static void if_modified_since_counts_only_without_if_none_match(void **state)
{
    (void)state;
    assert_int_equal(check(NULL, NULL, NULL, DATE), CONDITIONAL_NOT_MODIFIED);
    assert_int_equal(check(NULL, NULL, NULL, LATER), CONDITIONAL_NOT_MODIFIED);
    assert_int_equal(check(NULL, NULL, NULL, EARLIER), CONDITIONAL_SEND);
    assert_int_equal(check(NULL, NULL, NULL, "yesterday"), CONDITIONAL_SEND);
    assert_int_equal(check(NULL, NULL, "\"x\"", DATE), CONDITIONAL_SEND);
    assert_int_equal(check(NULL, NULL, "\"abc\"", EARLIER), CONDITIONAL_NOT_MODIFIED);
}

static void if_match_compares_strongly_and_comes_first(void **state)
{
    (void)state;
    assert_int_equal(check("\"abc\"", NULL, NULL, NULL), CONDITIONAL_SEND);
    assert_int_equal(check("*", NULL, NULL, NULL), CONDITIONAL_SEND);
    assert_int_equal(check("W/\"abc\"", NULL, NULL, NULL), CONDITIONAL_FAILED);
    assert_int_equal(check("\"x\"", NULL, "\"abc\"", NULL), CONDITIONAL_FAILED);
    assert_int_equal(check("\"abc\"", EARLIER, "\"abc\"", NULL), CONDITIONAL_NOT_MODIFIED);
}

static void if_unmodified_since_counts_only_without_if_match(void **state)
{
    (void)state;
    assert_int_equal(check(NULL, EARLIER, NULL, NULL), CONDITIONAL_FAILED);
    assert_int_equal(check(NULL, DATE, NULL, NULL), CONDITIONAL_SEND);
    assert_int_equal(check(NULL, "nonsense", NULL, NULL), CONDITIONAL_SEND);
    assert_int_equal(check("\"abc\"", EARLIER, NULL, NULL), CONDITIONAL_SEND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_conditions_it_is_sent),
        cmocka_unit_test(if_none_match_compares_weakly),
        cmocka_unit_test(if_modified_since_counts_only_without_if_none_match),
        cmocka_unit_test(if_match_compares_strongly_and_comes_first),
        cmocka_unit_test(if_unmodified_since_counts_only_without_if_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
