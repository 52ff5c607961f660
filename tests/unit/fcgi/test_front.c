/* Whole requests through the front, as far as no use case is needed: what every address does with bad targets, methods, parameters and headers. */
#include "tests/unit/fcgi/memory.h"

#include <stdio.h>

static void assert_problem(struct memory *m, const char *type, int status)
{
    assert_header(m, "Content-Type", "application/problem+json");
    assert_header(m, "Request-Id", "abc123");
    assert_header(m, "Cache-Control", "no-store");
    struct json *j = memory_json(m);
    uint64_t n;
    assert_string_equal(json_get_str(j, "type"), type);
    assert_ok(json_get_u64(j, "status", 599, &n));
    assert_int_equal(n, status);
    assert_true(strlen(json_get_str(j, "title")) > 0);
    assert_true(strlen(json_get_str(j, "detail")) > 0);
    assert_string_equal(json_get_str(j, "request_id"), "abc123");
    json_free(j);
}

/* Serves and expects this problem; `allow`: the Allow header, or NULL. */
static void expect_problem(const char *method, const char *uri, int status, const char *type, const char *allow)
{
    struct memory m;
    memory_init(&m, method, uri);
    memory_sign_in(&m, ROLE_ADMIN);
    int got = memory_serve(&m);
    if (got != status)
        fail_msg("%s %s → %d", method, uri, got);
    assert_problem(&m, type, status);
    if (allow)
        assert_header(&m, "Allow", allow);
    memory_release(&m);
}

#define SYNTAX "urn:ringbinder:error:syntax"
#define NOT_FOUND "urn:ringbinder:error:not-found"
#define METHOD "urn:ringbinder:error:method"

static void unknown_addresses_are_404(void **state)
{
    (void)state;
    static const char *const unknown[] = {"/", "/api", "/api/v1", "/api/v1/", "/api/v2/courses", "/api/v1/course", "/api/v1/courses/a/b",
        "/api/v1/courses/CRJU/POSC%20320/syllabus", "/api/v1/courses/x/syllabus/", "/api/v1/courses/a/syllabus/b/c/d/e/f/g/h",
        "/API/v1/courses", "/api/v1//courses", "/healthz/", "/_blob/x", "/api/v1/healthz"};
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
        expect_problem("GET", unknown[i], 404, NOT_FOUND, NULL);
}

static void bad_targets_are_400(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "api", "/api/v1/courses/%", "/api/v1/courses/%00/syllabus", "/api/v1/courses/../syllabus",
        "/api/v1/courses/%2e%2e%2f/syllabus", "/api/v1/courses/%ED%A0%80", "/api/v1/courses?q=%ff", "/nowhere?%"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        expect_problem("GET", bad[i], 400, SYNTAX, NULL);
    char uri[TARGET_BYTES_MAX + 2];
    memset(uri, 'a', sizeof(uri) - 1);
    uri[0] = '/';
    uri[sizeof(uri) - 1] = '\0';
    expect_problem("GET", uri, 414, "urn:ringbinder:error:uri-too-long", NULL);
}

static void other_methods_are_405_and_told_which_are_right(void **state)
{
    (void)state;
    static const char *const methods[] = {"OPTIONS", "TRACE", "PATCH", "CONNECT", "get", "", "FOO"};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        expect_problem(methods[i], "/api/v1/courses/x/syllabus", 405, METHOD, "PUT, POST, GET, HEAD, DELETE");
        expect_problem(methods[i], "/api/v1/courses", 405, METHOD, "GET, HEAD");
    }
    expect_problem("POST", "/api/v1/courses", 405, METHOD, "GET, HEAD");
    expect_problem("DELETE", "/api/v1/courses/x", 405, METHOD, "GET, HEAD");
    expect_problem("GET", "/api/v1/courses/x/restore", 405, METHOD, "POST");
    expect_problem("POST", "/healthz", 405, METHOD, "GET, HEAD");
}

static void a_method_override_is_ignored(void **state)
{
    (void)state;
    struct memory m;
    memory_init(&m, "POST", "/healthz");
    memory_set(&m, "HTTP_X_HTTP_METHOD_OVERRIDE", "GET");
    assert_int_equal(memory_serve(&m), 405);
    memory_release(&m);
}

static void unknown_and_double_parameters_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *method, *uri, *word;
    } rows[] = {
        {"GET", "/api/v1/courses?colour=red", "“colour”"},
        {"GET", "/api/v1/courses?q=a&Q=b", "“Q”"},
        {"GET", "/api/v1/courses?q=a&q=b", "“q”"},
        {"GET", "/api/v1/courses?=", "“”"},
        {"PUT", "/api/v1/courses/x/syllabus?version=1", "“version”"},
        {"POST", "/api/v1/courses/x/syllabus?term=1", "“term”"},
        {"GET", "/api/v1/courses/x?from=a", "“from”"},
        {"GET", "/healthz?x", "“x”"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct memory m;
        memory_init(&m, rows[i].method, rows[i].uri);
        assert_int_equal(memory_serve(&m), 400);
        struct json *j = memory_json(&m);
        if (!strstr(json_get_str(j, "detail"), rows[i].word))
            fail_msg("%s: %s", rows[i].uri, json_get_str(j, "detail"));
        json_free(j);
        memory_release(&m);
    }
}

static void bad_course_names_are_400_before_anything_else(void **state)
{
    (void)state;
    static const char *const names[] = {"", "%20", "--", "-_.", "%0a", "a%00b", "a%01", "%7f", "%C2%80", ".."};
    static const struct {
        const char *method, *tail;
    } calls[] = {{"GET", ""}, {"GET", "/syllabus"}, {"PUT", "/syllabus"}, {"POST", "/syllabus"}, {"DELETE", "/syllabus"},
        {"POST", "/restore"}, {"GET", "/placement"}};
    char uri[1200], longest[400] = "";
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        for (size_t c = 0; c < sizeof(calls) / sizeof(calls[0]); c++) {
            snprintf(uri, sizeof(uri), "/api/v1/courses/%s%s", names[i], calls[c].tail);
            expect_problem(calls[c].method, uri, 400, SYNTAX, NULL);
        }
    }
    memset(longest, 'x', 129);
    snprintf(uri, sizeof(uri), "/api/v1/courses/%s", longest);
    expect_problem("GET", uri, 400, SYNTAX, NULL);
}

static int put(const char *name, const char *value, const char *length)
{
    struct memory m;
    memory_init(&m, "PUT", "/api/v1/courses/x/syllabus");
    if (length)
        memory_set(&m, "CONTENT_LENGTH", length);
    if (name)
        memory_set(&m, name, value);
    int status = memory_serve(&m);
    struct json *j = memory_json(&m);
    assert_non_null(json_get_str(j, "detail"));
    json_free(j);
    memory_release(&m);
    return status;
}

static void lengths_are_strict(void **state)
{
    (void)state;
    static const char *const bad[] = {"-1", "+5", "0x10", "1e9", "5, 5", "5 ", " 5", "5;", "abc", "٣"};
    assert_int_equal(put(NULL, NULL, NULL), 411);
    assert_int_equal(put(NULL, NULL, ""), 411);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(put(NULL, NULL, bad[i]), 400);
    assert_int_equal(put(NULL, NULL, "1001"), 413);
    assert_int_equal(put(NULL, NULL, "9223372036854775808"), 413);
    assert_int_equal(put(NULL, NULL, "18446744073709551616"), 413);
    assert_int_equal(put(NULL, NULL, "99999999999999999999999999"), 413);
    assert_int_equal(put(NULL, NULL, "0"), 422);
    assert_int_equal(put(NULL, NULL, "00"), 422);
}

static void bad_headers_of_an_upload_are_400(void **state)
{
    (void)state;
    assert_int_equal(put("HTTP_IF_MATCH", "W/\"0123456789abcdef0123456789abcdef\"", "5"), 400);
    assert_int_equal(put("HTTP_IF_NONE_MATCH", "\"x\"", "5"), 400);
    assert_int_equal(put("HTTP_IDEMPOTENCY_KEY", "a b", "5"), 400);
    assert_int_equal(put("HTTP_CONTENT_DIGEST", "sha-256=x", "5"), 400);
    assert_int_equal(put("CONTENT_TYPE", "pdf", "5"), 400);
    assert_int_equal(put("HTTP_IF_MATCH", "", "5"), 400);
}

static void head_has_the_length_and_no_body(void **state)
{
    (void)state;
    struct memory get, head;
    char length[32];
    memory_init(&get, "GET", "/healthz");
    memory_init(&head, "HEAD", "/healthz");
    assert_int_equal(memory_serve(&get), 200);
    assert_int_equal(memory_serve(&head), 200);
    assert_string_equal(memory_body(&get), "{\"name\":\"api-test\"}\n");
    assert_true(memory_header(&get, "Content-Length", length, sizeof(length)));
    assert_header(&head, "Content-Length", length);
    assert_string_equal(memory_body(&head), "");
    memory_release(&get);
    memory_release(&head);
}

static void the_contract_is_served(void **state)
{
    (void)state;
    struct memory m;
    memory_init(&m, "GET", "/api/v1/openapi.json");
    assert_int_equal(memory_serve(&m), 200);
    assert_header(&m, "Content-Type", "application/json");
    struct json *j = memory_json(&m);
    assert_string_equal(json_get_str(j, "openapi"), "3.1.0");
    json_free(j);
    memory_release(&m);
}

static void requests_without_a_sound_number_get_one(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "a b", "a\r\nX: 1", "\xc3\x85", "0123456789012345678901234567890123456789012345678901234567890123456789"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct memory m;
        char id[100];
        memory_init(&m, "GET", "/healthz");
        m.params[2].value = bad[i];
        memory_serve(&m);
        assert_true(memory_header(&m, "Request-Id", id, sizeof(id)));
        assert_true(num_is_hex(id, 32));
        memory_release(&m);
    }
}

static void headers_with_control_characters_do_not_leave(void **state)
{
    (void)state;
    struct memory m;
    struct request r;
    memory_init(&m, "GET", "/x");
    request_init(&r, &m.worker, &m.metrics, &m.transport);
    response_header(&r, "X-Good", "a\xc3\x85");
    response_header(&r, "X-Bad", "a\r\nX-Accel-Redirect: /etc/passwd");
    response_header(&r, "X-Bad\r\nY", "a");
    response_header(&r, "X Bad", "a");
    response_header(&r, "", "a");
    response_header(&r, "X-Tab", "a\tb");
    response_header(&r, "X-Del", "\x7f");
    response_empty(&r, 204);
    request_release(&r);
    assert_string_equal(buf_str(&m.answer), "Status: 204 No Content\r\nX-Good: a\xc3\x85\r\nRequest-Id: abc123\r\n\r\n");
    memory_release(&m);
}

static void too_many_headers_are_dropped_not_cut(void **state)
{
    (void)state;
    struct memory m;
    struct request r;
    char value[1000];
    memset(value, 'v', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    memory_init(&m, "GET", "/x");
    request_init(&r, &m.worker, &m.metrics, &m.transport);
    for (int i = 0; i < 40; i++)
        response_header(&r, "X-Long", value);
    assert_true(r.headers.len <= FRONT_HEADERS_MAX);
    assert_int_equal(r.headers.len % (sizeof("X-Long: \r\n") - 1 + sizeof(value) - 1), 0);
    request_release(&r);
    memory_release(&m);
}

static void a_503_says_when_to_come_again(void **state)
{
    (void)state;
    for (int own = 0; own < 2; own++) {
        struct memory m;
        struct request r;
        uint64_t n;
        memory_init(&m, "PUT", "/x");
        request_init(&r, &m.worker, &m.metrics, &m.transport);
        if (own)
            response_header(&r, "Retry-After", "7");
        struct json *problem = response_problem_begin(&r, ERR_UNAVAILABLE, "Only 1 of 3 machines can write.");
        json_set_u64(problem, "can_write", 1);
        response_problem_end(&r, ERR_UNAVAILABLE, problem);
        request_release(&r);
        assert_problem(&m, "urn:ringbinder:error:unavailable", 503);
        assert_header(&m, "Retry-After", own ? "7" : "2");
        struct json *j = memory_json(&m);
        assert_ok(json_get_u64(j, "can_write", 9, &n));
        assert_int_equal(n, 1);
        json_free(j);
        memory_release(&m);
    }
}

static void an_answer_that_lost_memory_is_a_500(void **state)
{
    (void)state;
    struct memory m;
    struct request r;
    memory_init(&m, "GET", "/x");
    request_init(&r, &m.worker, &m.metrics, &m.transport);
    response_json(&r, 200, NULL);
    request_release(&r);
    assert_problem(&m, "urn:ringbinder:error:no-memory", 500);
    memory_release(&m);
}

static void a_body_is_read_to_its_length_and_no_further(void **state)
{
    (void)state;
    struct memory m;
    struct request r;
    char into[16];
    memory_init(&m, "PUT", "/x");
    memory_set(&m, "CONTENT_LENGTH", "5");
    m.body = "12345678";
    m.body_len = 8;
    m.piece = 3;
    request_init(&r, &m.worker, &m.metrics, &m.transport);
    assert_int_equal(request_read(&r, into, sizeof(into)), 3);
    assert_int_equal(request_read(&r, into, sizeof(into)), 2);
    assert_memory_equal(into, "45", 2);
    assert_int_equal(request_read(&r, into, sizeof(into)), 0);
    request_release(&r);
    m.body_at = 0;
    m.body_len = 4;
    request_init(&r, &m.worker, &m.metrics, &m.transport);
    assert_int_equal(request_read(&r, into, sizeof(into)), 3);
    assert_int_equal(request_read(&r, into, sizeof(into)), 1);
    assert_int_equal(request_read(&r, into, sizeof(into)), -1);
    request_release(&r);
    memory_release(&m);
}

/* nginx's question before it takes in a large body. */
static int ask_whether(const char *method, const char *uri, enum role role)
{
    struct memory m;
    memory_init(&m, method, uri);
    memory_set(&m, "RB_ONLY_MAY", "1");
    people.settings.rules.public_upload = 0;
    if (role != ROLE_NOBODY)
        memory_sign_in(&m, role);
    int got = memory_serve(&m);
    memory_release(&m);
    return got;
}

static void who_may_upload_is_told_before_the_body(void **state)
{
    (void)state;
    assert_int_equal(ask_whether("PUT", "/api/v1/courses/A/syllabus?filename=a.pdf", ROLE_NOBODY), 401);
    assert_int_equal(ask_whether("POST", "/api/v1/courses/A/syllabus", ROLE_NOBODY), 401);
    assert_int_equal(ask_whether("PUT", "/api/v1/courses/A/syllabus?filename=a.pdf", ROLE_READER), 403);
    assert_int_equal(ask_whether("PUT", "/api/v1/courses/A/syllabus?filename=a.pdf", ROLE_CONTRIBUTOR), 204);
    /* Whatever else is wrong is told when the request comes. */
    assert_int_equal(ask_whether("PUT", "/api/v1/courses/--/syllabus?no=such", ROLE_ADMIN), 204);
    assert_int_equal(ask_whether("PUT", "/api/v1/nothing", ROLE_NOBODY), 204);
    assert_int_equal(ask_whether("PATCH", "/api/v1/courses/A/syllabus", ROLE_NOBODY), 204);
}

static void requests_are_counted_by_route_and_status(void **state)
{
    (void)state;
    struct memory m;
    memory_init(&m, "GET", "/healthz");
    memory_serve(&m);
    m.answer.len = 0;
    m.params[1].value = "/nowhere";
    memory_serve(&m);
    struct buf text;
    const struct metrics_gauges now = {.view_age_s = 1.5, .index_retries = 3};
    buf_init(&text, 1u << 20);
    assert_ok(metrics_print(&m.metrics, &now, &text));
    assert_non_null(strstr(text.data, "ringbinder_api_requests_total{method=\"GET\",route=\"/healthz\",status=\"200\"} 1\n"));
    assert_non_null(strstr(text.data, "ringbinder_api_requests_total{method=\"\",route=\"none\",status=\"404\"} 1\n"));
    assert_non_null(strstr(text.data, "ringbinder_api_request_seconds_count{method=\"GET\",route=\"/healthz\"} 1\n"));
    assert_non_null(strstr(text.data, "ringbinder_api_request_seconds_bucket{method=\"GET\",route=\"/healthz\",le=\"+Inf\"} 1\n"));
    assert_non_null(strstr(text.data, "\nringbinder_api_requests_in_flight 0\n"));
    assert_non_null(strstr(text.data, "\nringbinder_api_view_age_seconds 1.5\n"));
    assert_non_null(strstr(text.data, "\nringbinder_api_index_retries 3\n"));
    buf_release(&text);
    memory_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_addresses_are_404),
        cmocka_unit_test(bad_targets_are_400),
        cmocka_unit_test(other_methods_are_405_and_told_which_are_right),
        cmocka_unit_test(a_method_override_is_ignored),
        cmocka_unit_test(unknown_and_double_parameters_are_named),
        cmocka_unit_test(bad_course_names_are_400_before_anything_else),
        cmocka_unit_test(lengths_are_strict),
        cmocka_unit_test(bad_headers_of_an_upload_are_400),
        cmocka_unit_test(head_has_the_length_and_no_body),
        cmocka_unit_test(the_contract_is_served),
        cmocka_unit_test(requests_without_a_sound_number_get_one),
        cmocka_unit_test(headers_with_control_characters_do_not_leave),
        cmocka_unit_test(too_many_headers_are_dropped_not_cut),
        cmocka_unit_test(a_503_says_when_to_come_again),
        cmocka_unit_test(an_answer_that_lost_memory_is_a_500),
        cmocka_unit_test(a_body_is_read_to_its_length_and_no_further),
        cmocka_unit_test(who_may_upload_is_told_before_the_body),
        cmocka_unit_test(requests_are_counted_by_route_and_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
