/* Pages of a list, in order and not. */
#include "tests/unit/unit.h"

#include "lib/wire/page.h"

#include <string.h>

static int in_order(const char *list, const char *after, const char *next)
{
    struct json *j = NULL;
    assert_ok(json_parse(list, strlen(list), &j));
    int yes = page_is_in_order(j, after, next);
    json_free(j);
    return yes;
}

#define TWO "[{\"key\":\"b\"},{\"key\":\"d\"}]"

static void pages_that_lead_on_are_taken(void **state)
{
    (void)state;
    assert_true(in_order("[]", NULL, NULL));
    assert_true(in_order("[]", "a", NULL));
    assert_true(in_order("[]", NULL, "a"));
    assert_true(in_order("[]", "", "a"));
    assert_true(in_order("[]", "a", "b"));
    assert_true(in_order(TWO, NULL, NULL));
    assert_true(in_order(TWO, "a", "d"));
    assert_true(in_order(TWO, "a", "e"));
}

static void pages_that_lead_back_or_nowhere_are_not(void **state)
{
    (void)state;
    assert_false(in_order("[]", "a", "a"));
    assert_false(in_order("[]", "b", "a"));
    assert_false(in_order("[]", NULL, ""));
    assert_false(in_order(TWO, "b", NULL));
    assert_false(in_order(TWO, "c", NULL));
    assert_false(in_order(TWO, "a", "c"));
    assert_false(in_order("[{\"key\":\"d\"},{\"key\":\"b\"}]", NULL, NULL));
    assert_false(in_order("[{\"key\":\"b\"},{\"key\":\"b\"}]", NULL, NULL));
    assert_false(in_order("[{\"key\":\"\"}]", NULL, NULL));
}

static void what_is_no_page_is_not(void **state)
{
    (void)state;
    assert_false(in_order("{}", NULL, NULL));
    assert_false(in_order("null", NULL, NULL));
    assert_false(in_order("[5]", NULL, NULL));
    assert_false(in_order("[{}]", NULL, NULL));
    assert_false(in_order("[{\"key\":7}]", NULL, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_that_lead_on_are_taken),
        cmocka_unit_test(pages_that_lead_back_or_nowhere_are_not),
        cmocka_unit_test(what_is_no_page_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
