/* POST /join between whole requests and a fake of the service: nobody signs in for it, its body is read strictly, and refusals are the service's. */
#include "tests/unit/fcgi/memory.h"

#define ID "0123456789abcdef"
#define DIGITS ID ID ID ID
#define BODY "{\"id\":\"" ID "\",\"claim\":\"" DIGITS "\",\"proof\":\"" DIGITS "\"}"

static struct memory m;

static int post(const char *type, const char *body, enum err error)
{
    static char digits[24];
    memory_init(&m, "POST", "/api/v1/join");
    memory_set(&m, "REMOTE_ADDR", "192.0.2.7");
    memory_set(&m, "CONTENT_TYPE", type);
    people.error = error;
    m.body = body;
    m.body_len = strlen(body);
    snprintf(digits, sizeof(digits), "%zu", m.body_len);
    memory_set(&m, "CONTENT_LENGTH", digits);
    return memory_serve(&m);
}

static void a_joiner_gets_what_was_sealed_for_it(void **state)
{
    (void)state;
    assert_int_equal(post("application/json", BODY, ERR_OK), 200);
    assert_string_equal(people.asked, "joins_use|" ID "|" DIGITS);
    struct json *j = memory_json(&m);
    assert_string_equal(json_get_str(j, "sealed"), "01ff");
    assert_int_equal(json_count(j), 1);
    json_free(j);
    memory_release(&m);
}

static void refusals_are_the_services(void **state)
{
    static const struct {
        enum err error;
        int status;
    } rows[] = {{ERR_AUTH, 401}, {ERR_CONFLICT, 409}, {ERR_SYNTAX, 400}, {ERR_UNAVAILABLE, 503}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(post("application/json", BODY, rows[i].error), rows[i].status);
        assert_null(strstr(memory_body(&m), "sealed"));
        memory_release(&m);
    }
}

static void other_bodies_never_get_that_far(void **state)
{
    static const struct {
        const char *type, *body;
        int status;
    } rows[] = {
        {"text/plain", BODY, 415},
        {"application/json", "", 400},
        {"application/json", "[]", 400},
        {"application/json", "{}", 400},
        {"application/json", "{\"id\":\"" ID "\",\"claim\":\"" DIGITS "\"}", 400},
        {"application/json", "{\"id\":1,\"claim\":\"" DIGITS "\",\"proof\":\"" DIGITS "\"}", 400},
        {"application/json", "{\"id\":\"" ID ID "\",\"claim\":\"" DIGITS "\",\"proof\":\"" DIGITS "\"}", 422},
        {"application/json", "{\"id\":\"" ID "\",\"claim\":\"" DIGITS "0\",\"proof\":\"" DIGITS "\"}", 422},
        {"application/json", "{\"id\":\"" ID "\",\"claim\":\"" DIGITS "\",\"proof\":\"" DIGITS "\",\"name\":\"me\"}", 400},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int status = post(rows[i].type, rows[i].body, ERR_OK);
        if (status != rows[i].status || people.asked[0] != '\0')
            fail_msg("row %zu: %d %s", i, status, people.asked);
        memory_release(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_joiner_gets_what_was_sealed_for_it),
        cmocka_unit_test(refusals_are_the_services),
        cmocka_unit_test(other_bodies_never_get_that_far),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
