#include "tests/unit/lib/http/served.h"

static void paths_are_matched_raw_and_decoded_once(void **state)
{
    (void)state;
    assert_int_equal(ask(GET("/show")), 200);
    assert_string_equal(body_of(answer), "GET|/show|-|-");
    assert_int_equal(ask(GET("/show/a%2Fb%2520c/end?q=1%26+2&r")), 200);
    assert_string_equal(body_of(answer), "GET|/show/a%2Fb%2520c/end?q=1%26+2&r|a/b%20c|1&+2");
    assert_int_equal(ask(GET("/show/a/b/end")), 404);
    assert_int_equal(ask(GET("/%73how")), 404);
    assert_int_equal(ask(GET("/show/")), 404);
    assert_int_equal(ask(GET("/show//end")), 404);
    assert_int_equal(ask(GET("/")), 404);
    assert_problem("not-found", 404);
    assert_int_equal(ask(GET("/1/2/3/4/5/6/7/8/9")), 404);
}

static void bad_targets_are_refused(void **state)
{
    static const char *const bad[] = {"/show/../end", "/show/%2e%2E/end", "/show/./end", "/1/2/3/4/5/6/7/8/9/..", "/show/%zz/end",
        "/show/%2", "/show/%00/end", "show", "http://x/show", "/show#x", "/show?q=%zz", "/show?q=1&q=2", "/sh\xffow", "*"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", bad[i]);
        if (ask(text) != 400)
            fail_msg("%s was not refused: %.20s", bad[i], answer);
    }
    assert_int_equal(handled, 0);
}

static void too_long_a_target_is_414(void **state)
{
    char *text = malloc(16384);

    (void)state;
    assert_non_null(text);
    strcpy(text, "GET /show?q=");
    memset(text + 12, 'x', HTTP_PATH_MAX);
    strcpy(text + 12 + HTTP_PATH_MAX, " HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(ask(text), 414);
    free(text);
}

static void a_wrong_method_is_405_with_allow(void **state)
{
    (void)state;
    assert_int_equal(ask("POST /show/a/end HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"), 405);
    assert_non_null(strstr(answer, "\r\nAllow: GET, HEAD, DELETE\r\n"));
    assert_problem("method", 405);
    assert_int_equal(ask("OPTIONS /show HTTP/1.1\r\nHost: x\r\n\r\n"), 405);
    assert_int_equal(ask("DELETE /show/a/end HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
}

static void added_headers_cannot_inject_others(void **state)
{
    (void)state;
    assert_int_equal(ask(GET("/show?q=inject")), 200);
    assert_non_null(strstr(answer, "\r\nX-Good: yes\r\n"));
    assert_null(strstr(answer, "Injected"));
}

static void head_sends_the_header_of_get(void **state)
{
    (void)state;
    assert_int_equal(ask("HEAD /show HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
    assert_non_null(strstr(answer, "\r\nContent-Length: 14\r\n"));
    assert_string_equal(body_of(answer), "");
}

static void json_keeps_its_type(void **state)
{
    (void)state;
    assert_int_equal(ask(GET("/json")), 201);
    assert_non_null(strstr(answer, "\r\nContent-Type: application/json\r\n"));
    assert_string_equal(body_of(answer), "{\"a\":1}");
}

static void a_handler_without_answer_is_an_internal_error(void **state)
{
    (void)state;
    assert_int_equal(ask(GET("/silent")), 500);
    assert_problem("internal", 500);
}

static void a_connection_is_kept_through_answers_and_refusals(void **state)
{
    int fd = raw_connect(port);

    (void)state;
    for (int i = 0; i < 3; i++) {
        raw_send(fd, GET("/show"));
        assert_int_equal(raw_answer(fd, answer, sizeof answer, 1, 2000), 200);
        raw_send(fd, GET("/none"));
        assert_int_equal(raw_answer(fd, answer, sizeof answer, 1, 2000), 404);
        raw_send(fd, GET("/signed"));
        assert_int_equal(raw_answer(fd, answer, sizeof answer, 1, 2000), 401);
        raw_send(fd, "POST /open HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
        assert_int_equal(raw_answer(fd, answer, sizeof answer, 1, 2000), 200);
        assert_string_equal(body_of(answer), "abc");
    }
    close(fd);
}

static void doubtful_framing_is_refused(void **state)
{
    static const struct {
        const char *headers;
        int status, or_status;
    } cases[] = {
        {"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 400, 400},
        {"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc", 400, 400},
        {"Content-Length: 3\r\nTransfer-Encoding: identity\r\n\r\nabc", 400, 400},
        {"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400, 400},
        {"Transfer-Encoding : chunked\r\nContent-Length: 3\r\n\r\nabc", 400, 400},
        {"Transfer-Encoding\t: chunked\r\nContent-Length: 3\r\n\r\nabc", 400, 400},
        {"Content-Length : 3\r\n\r\nabc", 400, 400},
        {"X: y\r\n Transfer-Encoding: chunked\r\n\r\n", 411, 400},
        {"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400, 400},
        {"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400, 400},
        {"Content-Length: 3, 3\r\n\r\nabc", 400, 400},
        {"Content-Length: -1\r\n\r\n", 400, 400},
        {"Content-Length: +3\r\n\r\nabc", 400, 400},
        {"Content-Length: 0x3\r\n\r\nabc", 400, 400},
        {"Content-Length: 1e1\r\n\r\nabc", 400, 400},
        {"Content-Length: 9223372036854775808\r\n\r\nabc", 400, 413},
        {"Content-Length: 18446744073709551616\r\n\r\nabc", 413, 413},
        {"Content-Length:\r\n\r\nabc", 400, 400},
        {"\r\n", 411, 411},
        {"Content-Length: 101\r\n\r\nabc", 413, 413},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[512];
        int status;
        snprintf(text, sizeof text, "POST /open HTTP/1.1\r\nHost: x\r\n%s", cases[i].headers);
        status = ask(text);
        if (status != cases[i].status && status != cases[i].or_status)
            fail_msg("%s gives %d", cases[i].headers, status);
    }
    assert_int_equal(handled, 0);
}

static void a_body_on_get_is_refused(void **state)
{
    (void)state;
    assert_int_equal(ask("GET /show HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"), 413);
    assert_int_equal(handled, 0);
}

static void a_short_body_reaches_no_handler(void **state)
{
    int fd = raw_connect(port);

    (void)state;
    raw_send(fd, "POST /open HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
    shutdown(fd, SHUT_WR);
    assert_int_equal(raw_answer(fd, answer, sizeof answer, 1, 1000), 0);
    close(fd);
    clock_sleep_ms(50);
    assert_int_equal(handled, 0);
}

static void a_slow_handler_holds_nobody_up(void **state)
{
    int fd = raw_connect(port);
    uint64_t started_ms = clock_boot_ms();

    (void)state;
    raw_send(fd, GET("/slow"));
    for (int i = 0; i < 20; i++)
        assert_int_equal(ask(GET("/show")), 200);
    assert_true(clock_boot_ms() - started_ms < 1300);
    assert_int_equal(raw_answer(fd, answer, sizeof answer, 1, 2000), 200);
    close(fd);
}

static void silent_clients_are_closed(void **state)
{
    int fd = raw_connect(port);

    (void)state;
    raw_send(fd, "GET /show HT");
    assert_true(raw_is_closed(fd, 4000));
    close(fd);
}

static void a_body_that_drips_is_cut(void **state)
{
    int fd = raw_connect(port);
    int status = 0;

    (void)state;
    raw_send(fd, "POST /open HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n");
    for (int i = 0; i < 30 && !status; i++) {
        send(fd, "x", 1, MSG_NOSIGNAL);
        status = raw_answer(fd, answer, sizeof answer, 1, 100);
    }
    assert_int_equal(status, 503);
    assert_int_equal(handled, 0);
    close(fd);
}

static void one_address_gets_only_its_share_of_connections(void **state)
{
    int fds[2] = {raw_connect(port), raw_connect(port)};
    int third;

    (void)state;
    clock_sleep_ms(50);
    third = raw_connect(port);
    assert_true(raw_is_closed(third, 1000));
    close(third);
    close(fds[0]);
    close(fds[1]);
    clock_sleep_ms(100);
    assert_int_equal(ask(GET("/show")), 200);
}

static void stopping_waits_for_handlers_and_closes_the_rest(void **state)
{
    static const struct http_route nobodys = {"GET", "/signed", HTTP_AUTH_SIGNED, 0, 0, handle_body, NULL, NULL, NULL};
    struct http_server *other;
    struct http_config c = {.address = "::1", .routes = routes, .n_routes = sizeof routes / sizeof routes[0], .keys = raw_keys()};
    struct http_config taken = {.address = "127.0.0.1", .port = port, .routes = routes, .n_routes = 1};
    int idle = raw_connect(port), busy = raw_connect(port);

    (void)state;
    assert_int_equal(http_start(&taken, &other), ERR_IO);
    taken.address = "localhost";
    assert_int_equal(http_start(&taken, &other), ERR_INVALID);
    c.keys = NULL;
    assert_int_equal(http_start(&c, &other), ERR_INVALID);
    c = (struct http_config){.address = "127.0.0.1", .routes = &nobodys, .n_routes = 1, .keys = raw_keys()};
    assert_int_equal(http_start(&c, &other), ERR_INVALID);
    raw_send(busy, GET("/slow"));
    clock_sleep_ms(50);
    http_stop(server);
    assert_true(raw_is_closed(idle, 1000));
    close(idle);
    close(busy);
    start(&(struct http_config){0});
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_SMALL(name) cmocka_unit_test_setup_teardown(name, setup_small, teardown)
    const struct CMUnitTest tests[] = {
        TEST(paths_are_matched_raw_and_decoded_once),
        TEST(bad_targets_are_refused),
        TEST(too_long_a_target_is_414),
        TEST(a_wrong_method_is_405_with_allow),
        TEST(added_headers_cannot_inject_others),
        TEST(head_sends_the_header_of_get),
        TEST(json_keeps_its_type),
        TEST(a_handler_without_answer_is_an_internal_error),
        TEST(a_connection_is_kept_through_answers_and_refusals),
        TEST(doubtful_framing_is_refused),
        TEST(a_body_on_get_is_refused),
        TEST(a_short_body_reaches_no_handler),
        TEST(a_slow_handler_holds_nobody_up),
        TEST_SMALL(silent_clients_are_closed),
        TEST_SMALL(a_body_that_drips_is_cut),
        TEST_SMALL(one_address_gets_only_its_share_of_connections),
        TEST(stopping_waits_for_handlers_and_closes_the_rest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
