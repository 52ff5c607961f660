#include "tests/unit/lib/http/served.h"

static void a_signed_request_passes(void **state)
{
    (void)state;
    assert_int_equal(ask_signed("hello", "hello", 0, 5), 200);
    assert_string_equal(body_of(answer), "hello");
    assert_int_equal(ask_signed("", "", 0, 5), 200);
    assert_int_equal(ask_signed("hello", "hello", 29000, 5), 200);
}

static void an_unsigned_request_is_refused(void **state)
{
    (void)state;
    assert_int_equal(ask("POST /signed HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab"), 401);
    assert_problem("auth", 401);
    assert_non_null(strstr(answer, "\r\nWWW-Authenticate: RB1\r\n"));
    assert_int_equal(ask("POST /signed HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\nContent-Length: 2\r\n\r\nab"), 401);
    assert_int_equal(handled, 0);
}

static void a_swapped_body_is_refused_before_the_handler(void **state)
{
    (void)state;
    assert_int_equal(ask_signed("hello", "jello", 0, 5), 401);
    assert_problem("auth", 401);
    assert_int_equal(ask_signed("hello", "", 0, 5), 401);
    assert_int_equal(handled, 0);
}

static void a_buffered_route_takes_no_stream_signature(void **state)
{
    (void)state;
    assert_int_equal(ask_signed(NULL, "hello", 0, 5), 401);
    assert_int_equal(handled, 0);
}

static void a_signature_is_good_for_one_use_of_one_request(void **state)
{
    char line[768], text[2048];

    (void)state;
    raw_authorization("POST", "/signed", "x", 0, 5, line);
    snprintf(text, sizeof text, "POST /signed HTTP/1.1\r\nHost: x\r\n%sContent-Length: 1\r\n\r\nx", line);
    assert_int_equal(ask(text), 200);
    assert_int_equal(ask(text), 401);
    assert_int_equal(handled, 1);
    raw_authorization("POST", "/signed", "x", 0, 5, line);
    snprintf(text, sizeof text, "POST /signed?a=b HTTP/1.1\r\nHost: x\r\n%sContent-Length: 1\r\n\r\nx", line);
    assert_int_equal(ask(text), 401);
    raw_authorization("PUT", "/signed", "x", 0, 5, line);
    snprintf(text, sizeof text, "POST /signed HTTP/1.1\r\nHost: x\r\n%sContent-Length: 1\r\n\r\nx", line);
    assert_int_equal(ask(text), 401);
    assert_int_equal(handled, 1);
}

static void header_case_does_not_matter_but_the_value_does(void **state)
{
    char line[768], text[2048];

    (void)state;
    raw_authorization("POST", "/signed", "x", 0, 5, line);
    snprintf(text, sizeof text, "POST /signed HTTP/1.1\r\nHost: x\r\nauthORIZATION:%scontent-LENGTH: 1\r\n\r\nx",
        line + strlen("Authorization:"));
    assert_int_equal(ask(text), 200);
    raw_authorization("POST", "/signed", "x", 0, 5, line);
    memcpy(strstr(line, "RB1"), "rb1", 3);
    snprintf(text, sizeof text, "POST /signed HTTP/1.1\r\nHost: x\r\n%sContent-Length: 1\r\n\r\nx", line);
    assert_int_equal(ask(text), 401);
}

/* Too old, too new, or made before this server (which cannot know its nonce) started. */
static void a_time_outside_the_window_is_answered_with_ours(void **state)
{
    static const int64_t offsets_ms[] = {-31000, 31000, -5000};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        char *clock;
        assert_int_equal(ask_signed("x", "x", offsets_ms[i], 5), 401);
        assert_problem("clock", 401);
        clock = strstr(answer, "\r\nRB-Clock: time=");
        assert_non_null(clock);
        assert_true(llabs((long long)strtoull(clock + 17, NULL, 10) - (long long)clock_unix_ms()) < 2000);
    }
    assert_int_equal(handled, 0);
}

static void an_older_ring_is_refused(void **state)
{
    (void)state;
    assert_int_equal(ask_signed("x", "x", 0, 4), 409);
    assert_problem("stale-ring", 409);
    assert_int_equal(handled, 0);
}

static int ask_as(const char *sender, const char *key_of, const char *path)
{
    char line[768], text[2048];

    raw_authorization_as(sender, key_of, "POST", path, "x", 0, 5, line);
    snprintf(text, sizeof text, "POST %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: 1\r\n\r\nx", path, line);
    return ask(text);
}

static void nobody_speaks_as_another(void **state)
{
    (void)state;
    assert_int_equal(ask_as("node:raw.01", "node:raw.01", "/signed"), 200);
    assert_int_equal(ask_as("node:raw.02", "node:raw.01", "/signed"), 401);
    assert_int_equal(ask_as("api:raw.01", "node:raw.01", "/signed"), 401);
    assert_int_equal(ask_as("api:api-1", "api:api-1", "/signed"), 200);
    assert_int_equal(handled, 2);
}

static void a_role_that_a_route_does_not_name_is_refused(void **state)
{
    (void)state;
    assert_int_equal(ask_as("coordinator:coordinator-1", "coordinator:coordinator-1", "/signed"), 403);
    assert_problem("denied", 403);
    assert_int_equal(ask_as("tool:x", "tool:x", "/signed"), 403);
    assert_int_equal(ask_as("api:api-1", "api:api-1", "/checked"), 403);
    assert_int_equal(handled, 0);
}

static void a_handler_can_check_the_signature_itself(void **state)
{
    char line[768], text[2048];

    (void)state;
    raw_authorization("POST", "/checked", "x", 0, 5, line);
    snprintf(text, sizeof text, "POST /checked HTTP/1.1\r\nHost: x\r\n%sContent-Length: 1\r\n\r\nx", line);
    assert_int_equal(ask(text), 200);
    assert_int_equal(ask(text), 401);
    raw_authorization("POST", "/checked", "x", 0, 5, line);
    snprintf(text, sizeof text, "POST /checked HTTP/1.1\r\nHost: x\r\n%sContent-Length: 1\r\n\r\ny", line);
    assert_int_equal(ask(text), 401);
    raw_authorization("POST", "/checked", NULL, 0, 5, line);
    snprintf(text, sizeof text, "POST /checked HTTP/1.1\r\nHost: x\r\n%sContent-Length: 1\r\n\r\ny", line);
    assert_int_equal(ask(text), 401);
    raw_authorization("POST", "/checked", "x", -40000, 5, line);
    snprintf(text, sizeof text, "POST /checked HTTP/1.1\r\nHost: x\r\n%sContent-Length: 1\r\n\r\nx", line);
    assert_int_equal(ask(text), 401);
    assert_non_null(strstr(answer, "\r\nRB-Clock: time="));
    assert_int_equal(handled, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_signed_request_passes),
        TEST(an_unsigned_request_is_refused),
        TEST(a_swapped_body_is_refused_before_the_handler),
        TEST(a_buffered_route_takes_no_stream_signature),
        TEST(a_signature_is_good_for_one_use_of_one_request),
        TEST(header_case_does_not_matter_but_the_value_does),
        TEST(a_time_outside_the_window_is_answered_with_ours),
        TEST(an_older_ring_is_refused),
        TEST(nobody_speaks_as_another),
        TEST(a_role_that_a_route_does_not_name_is_refused),
        TEST(a_handler_can_check_the_signature_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
