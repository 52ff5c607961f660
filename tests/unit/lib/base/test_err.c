#include "tests/unit/unit.h"

#include "lib/base/err.h"

#include <ctype.h>
#include <string.h>

static void every_error_has_a_code_a_status_and_a_sentence(void **state)
{
    (void)state;
    for (int i = 0; i < ERR_COUNT; i++) {
        enum err e = (enum err)i;
        assert_non_null(err_code(e));
        assert_true(strlen(err_code(e)) > 0);
        assert_true(err_http_status(e) >= 200 && err_http_status(e) < 600);
        assert_true(isupper((unsigned char)err_text(e)[0]));
        assert_int_not_equal(err_text(e)[strlen(err_text(e)) - 1], '.');
    }
}

static void a_code_leads_back_to_its_error(void **state)
{
    (void)state;
    for (int i = 0; i < ERR_COUNT; i++)
        assert_int_equal(err_from_code(err_code((enum err)i)), i);
}

static void an_unknown_code_is_an_internal_error(void **state)
{
    (void)state;
    assert_int_equal(err_from_code("no such code"), ERR_INTERNAL);
    assert_int_equal(err_from_code(""), ERR_INTERNAL);
    assert_int_equal(err_from_code(NULL), ERR_INTERNAL);
}

static void a_number_that_is_no_error_reads_as_an_internal_one(void **state)
{
    (void)state;
    assert_string_equal(err_code(ERR_COUNT), "internal");
    assert_int_equal(err_http_status((enum err)9999), 500);
}

static void the_statuses_are_those_of_the_contract(void **state)
{
    (void)state;
    assert_int_equal(err_http_status(ERR_OK), 200);
    assert_int_equal(err_http_status(ERR_GONE), 410);
    assert_int_equal(err_http_status(ERR_PRECONDITION), 412);
    assert_int_equal(err_http_status(ERR_INVALID), 422);
    assert_int_equal(err_http_status(ERR_TIMEOUT), 503);
    assert_int_equal(err_http_status(ERR_FULL), 507);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_a_code_a_status_and_a_sentence),
        cmocka_unit_test(a_code_leads_back_to_its_error),
        cmocka_unit_test(an_unknown_code_is_an_internal_error),
        cmocka_unit_test(a_number_that_is_no_error_reads_as_an_internal_one),
        cmocka_unit_test(the_statuses_are_those_of_the_contract),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
