#include "tests/unit/lib/http/raw.h"

#include "lib/wire/json.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

static struct http_server *server;
static uint16_t port;
static char answer[1u << 17];
static atomic_int handled, begun, dropped, refusal, fail_piece;
static atomic_ullong streamed;

static void handle_show(struct http_request *r, void *ctx)
{
    char text[512];
    const char *q = http_query(r, "q");
    const char *capture = http_capture(r, 0);

    (void)ctx;
    handled++;
    snprintf(text, sizeof text, "%s|%s|%s|%s", http_method(r), http_path(r), capture ? capture : "-", q ? q : "-");
    http_add_header(r, "X-Good", "yes");
    if (q && strcmp(q, "inject") == 0)
        http_add_header(r, "X-Bad", "a\r\nX-Injected: b");
    http_reply(r, 200, "text/plain", text, strlen(text));
}

static void handle_body(struct http_request *r, void *ctx)
{
    size_t len;
    const void *body = http_body(r, &len);

    (void)ctx;
    handled++;
    http_reply(r, 200, "text/plain", body, len);
}

static void handle_slow(struct http_request *r, void *ctx)
{
    (void)ctx;
    clock_sleep_ms(700);
    http_reply(r, 200, NULL, "", 0);
}

static void handle_silent(struct http_request *r, void *ctx)
{
    (void)r;
    (void)ctx;
}

static void handle_json(struct http_request *r, void *ctx)
{
    struct buf b;

    (void)ctx;
    buf_init(&b, 100);
    assert_int_equal(buf_add_str(&b, "{\"a\":1}"), ERR_OK);
    http_reply_json(r, 201, &b);
    buf_release(&b);
}

/* "0123456789", or the part named by ?at=&n=. */
static void handle_file(struct http_request *r, void *ctx)
{
    char name[] = "/tmp/rb-http-XXXXXX";
    int fd = mkstemp(name);

    (void)ctx;
    assert_true(fd >= 0);
    unlink(name);
    assert_int_equal(write(fd, "0123456789", 10), 10);
    if (http_query(r, "n"))
        http_reply_file(r, 206, "text/plain", fd, strtoul(http_query(r, "at"), NULL, 10), strtoul(http_query(r, "n"), NULL, 10));
    else
        http_reply_file(r, 200, "text/plain", fd, 0, 10);
}

/* For HTTP_AUTH_HANDLER. */
static void handle_checked(struct http_request *r, void *ctx)
{
    enum err e = http_check_signature(r);

    (void)ctx;
    assert_true(e || http_claim(r));
    if (e)
        http_reply_problem(r, e, NULL);
    else
        handle_body(r, ctx);
}

static enum err stream_begin(struct http_request *r, void *ctx, void **state)
{
    (void)r;
    (void)ctx;
    begun++;
    *state = &begun;
    return (enum err)refusal;
}

static enum err stream_piece(void *state, const void *data, size_t n)
{
    (void)data;
    assert_ptr_equal(state, &begun);
    streamed += n;
    return fail_piece ? ERR_FULL : ERR_OK;
}

static void stream_drop(void *state)
{
    assert_ptr_equal(state, &begun);
    dropped++;
}

static void handle_stream(struct http_request *r, void *ctx)
{
    (void)ctx;
    handled++;
    http_reply(r, 201, NULL, "", 0);
}

static uint64_t smallest_epoch(void *ctx)
{
    (void)ctx;
    return 5;
}

static const struct http_route routes[] = {
    {"GET", "/show", HTTP_AUTH_NONE, 0, handle_show, NULL, NULL, NULL},
    {"GET", "/show/{}/end", HTTP_AUTH_NONE, 0, handle_show, NULL, NULL, NULL},
    {"DELETE", "/show/{}/end", HTTP_AUTH_NONE, 0, handle_show, NULL, NULL, NULL},
    {"POST", "/open", HTTP_AUTH_NONE, 100, handle_body, NULL, NULL, NULL},
    {"POST", "/signed", HTTP_AUTH_SIGNED, 100, handle_body, NULL, NULL, NULL},
    {"GET", "/signed", HTTP_AUTH_SIGNED, 0, handle_body, NULL, NULL, NULL},
    {"POST", "/checked", HTTP_AUTH_HANDLER, 100, handle_checked, NULL, NULL, NULL},
    {"GET", "/slow", HTTP_AUTH_NONE, 0, handle_slow, NULL, NULL, NULL},
    {"GET", "/silent", HTTP_AUTH_NONE, 0, handle_silent, NULL, NULL, NULL},
    {"GET", "/json", HTTP_AUTH_NONE, 0, handle_json, NULL, NULL, NULL},
    {"GET", "/file", HTTP_AUTH_NONE, 0, handle_file, NULL, NULL, NULL},
    {"PUT", "/stream", HTTP_AUTH_SIGNED, 0, handle_stream, stream_begin, stream_piece, stream_drop},
};

static int start(const struct http_config *limits)
{
    struct http_config c = *limits;

    c.address = "127.0.0.1";
    c.routes = routes;
    c.n_routes = sizeof routes / sizeof routes[0];
    c.key = &raw_key;
    c.epoch = smallest_epoch;
    handled = begun = dropped = refusal = fail_piece = 0;
    streamed = 0;
    assert_int_equal(http_start(&c, &server), ERR_OK);
    port = http_port(server);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    return start(&(struct http_config){0});
}

static int setup_small(void **state)
{
    (void)state;
    return start(&(struct http_config){.connections_per_ip_max = 2, .timeout_s = 1});
}

static int teardown(void **state)
{
    (void)state;
    http_stop(server);
    return 0;
}

static int ask(const char *text)
{
    return raw_exchange(port, text, answer, sizeof answer);
}

/* A signed POST of body to /signed, signed at now + offset_ms. */
static int ask_signed(const char *signed_body, const char *body, int64_t offset_ms, uint64_t epoch)
{
    char line[768], text[2048];

    raw_authorization("POST", "/signed", signed_body, offset_ms, epoch, line);
    snprintf(text, sizeof text, "POST /signed HTTP/1.1\r\nHost: x\r\n%sContent-Length: %zu\r\n\r\n%s", line, strlen(body), body);
    return ask(text);
}

static const char *body_of(const char *text)
{
    return strstr(text, "\r\n\r\n") + 4;
}

/* The answer is a problem with this code and status. */
static void assert_problem(const char *code, uint64_t status)
{
    const char *text = body_of(answer);
    struct json *j;
    char type[64];
    uint64_t got;

    assert_non_null(strcasestr(answer, "\r\nContent-Type: application/problem+json\r\n"));
    assert_int_equal(json_parse(text, strlen(text), &j), ERR_OK);
    snprintf(type, sizeof type, "urn:ringbinder:error:%s", code);
    assert_string_equal(json_get_str(j, "type"), type);
    assert_int_equal(json_get_u64(j, "status", 999, &got), ERR_OK);
    assert_int_equal(got, status);
    assert_non_null(json_get_str(j, "title"));
    json_free(j);
}

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
    static const char *const bad[] = {"/show/../end", "/show/%2e%2E/end", "/show/./end", "/1/2/3/4/5/6/7/8/9/..", "/show/%zz/end", "/show/%2", "/show/%00/end",
        "show", "http://x/show", "/show#x", "/show?q=%zz", "/show?q=1&q=2", "/sh\xffow", "*"};

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
    assert_int_equal(ask("HEAD /file HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
    assert_non_null(strstr(answer, "\r\nContent-Length: 10\r\n"));
    assert_string_equal(body_of(answer), "");
}

static void files_are_sent_whole_and_in_part(void **state)
{
    (void)state;
    assert_int_equal(ask(GET("/file")), 200);
    assert_string_equal(body_of(answer), "0123456789");
    assert_int_equal(ask(GET("/file?at=3&n=4")), 206);
    assert_string_equal(body_of(answer), "3456");
    assert_int_equal(ask(GET("/file?at=10&n=0")), 206);
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
    static const struct { const char *headers; int status, or_status; } cases[] = {
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
    snprintf(text, sizeof text, "POST /signed HTTP/1.1\r\nHost: x\r\nauthORIZATION:%scontent-LENGTH: 1\r\n\r\nx", line + strlen("Authorization:"));
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

/* Sends the header of a streamed PUT of total bytes. */
static int open_stream(const char *signed_body, size_t total)
{
    char line[768], text[2048];
    int fd = raw_connect(port);

    raw_authorization("PUT", "/stream", signed_body, 0, 5, line);
    snprintf(text, sizeof text, "PUT /stream HTTP/1.1\r\nHost: x\r\n%sContent-Length: %zu\r\n\r\n", line, total);
    raw_send(fd, text);
    return fd;
}

static void a_streamed_body_needs_no_hash_but_a_given_one_must_fit(void **state)
{
    int fd = open_stream(NULL, 3);

    (void)state;
    raw_send(fd, "abc");
    assert_int_equal(raw_answer(fd, answer, sizeof answer, 1, 2000), 201);
    close(fd);
    fd = open_stream("abc", 3);
    raw_send(fd, "abc");
    assert_int_equal(raw_answer(fd, answer, sizeof answer, 1, 2000), 201);
    close(fd);
    assert_int_equal(handled, 2);
    assert_int_equal(dropped, 0);
    fd = open_stream("abc", 3);
    raw_send(fd, "abd");
    assert_int_equal(raw_answer(fd, answer, sizeof answer, 1, 2000), 401);
    close(fd);
    fd = open_stream("abc", 0);
    assert_int_equal(raw_answer(fd, answer, sizeof answer, 1, 2000), 401);
    close(fd);
    clock_sleep_ms(50);
    assert_int_equal(handled, 2);
    assert_int_equal(dropped, 2);
}

/* Sends zeroes until the peer takes no more; returns how many it took. */
static size_t pour(int fd, size_t total)
{
    static const char zeroes[65536];
    size_t sent = 0;

    while (sent < total) {
        size_t some = total - sent < sizeof zeroes ? total - sent : sizeof zeroes;
        ssize_t n = send(fd, zeroes, some, MSG_NOSIGNAL);
        if (n <= 0)
            break;
        sent += (size_t)n;
    }
    return sent;
}

static void a_refusal_reaches_a_client_that_is_still_sending(void **state)
{
    int fd;

    (void)state;
    refusal = ERR_FULL;
    for (int i = 0; i < 10; i++) {
        fd = open_stream(NULL, 8u << 20);
        pour(fd, 8u << 20);
        assert_int_equal(raw_answer(fd, answer, sizeof answer, 1, 2000), 507);
        assert_problem("full", 507);
        close(fd);
    }
    assert_int_equal(streamed, 0);
    assert_int_equal(handled, 0);
    clock_sleep_ms(50);
    assert_int_equal(dropped, 10);
}

static void a_refusal_in_the_middle_of_a_body_is_answered_at_once(void **state)
{
    int fd;

    (void)state;
    fail_piece = 1;
    for (int i = 0; i < 10; i++) {
        fd = open_stream(NULL, 8u << 20);
        pour(fd, 4u << 20);
        assert_int_equal(raw_answer(fd, answer, sizeof answer, 1, 2000), 507);
        assert_problem("full", 507);
        close(fd);
    }
    assert_int_equal(handled, 0);
    assert_int_equal(dropped, 10);
}

static void a_client_that_goes_away_is_dropped(void **state)
{
    int fd = open_stream(NULL, 1000);

    (void)state;
    raw_send(fd, "abc");
    clock_sleep_ms(50);
    assert_int_equal(begun, 1);
    close(fd);
    for (int i = 0; i < 100 && !dropped; i++)
        clock_sleep_ms(10);
    assert_int_equal(dropped, 1);
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
    assert_true(clock_boot_ms() - started_ms < 600);
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
    struct http_server *other;
    struct http_config c = {.address = "::1", .routes = routes, .n_routes = sizeof routes / sizeof routes[0], .key = &raw_key};
    struct http_config taken = {.address = "127.0.0.1", .port = port, .routes = routes, .n_routes = 1};
    int idle = raw_connect(port), busy = raw_connect(port);

    (void)state;
    assert_int_equal(http_start(&taken, &other), ERR_IO);
    taken.address = "localhost";
    assert_int_equal(http_start(&taken, &other), ERR_INVALID);
    c.key = NULL;
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
        TEST(files_are_sent_whole_and_in_part),
        TEST(json_keeps_its_type),
        TEST(a_handler_without_answer_is_an_internal_error),
        TEST(a_connection_is_kept_through_answers_and_refusals),
        TEST(doubtful_framing_is_refused),
        TEST(a_body_on_get_is_refused),
        TEST(a_short_body_reaches_no_handler),
        TEST(a_signed_request_passes),
        TEST(an_unsigned_request_is_refused),
        TEST(a_swapped_body_is_refused_before_the_handler),
        TEST(a_buffered_route_takes_no_stream_signature),
        TEST(a_signature_is_good_for_one_use_of_one_request),
        TEST(header_case_does_not_matter_but_the_value_does),
        TEST(a_time_outside_the_window_is_answered_with_ours),
        TEST(an_older_ring_is_refused),
        TEST(a_handler_can_check_the_signature_itself),
        TEST(a_streamed_body_needs_no_hash_but_a_given_one_must_fit),
        TEST(a_refusal_reaches_a_client_that_is_still_sending),
        TEST(a_refusal_in_the_middle_of_a_body_is_answered_at_once),
        TEST(a_client_that_goes_away_is_dropped),
        TEST(a_slow_handler_holds_nobody_up),
        TEST_SMALL(silent_clients_are_closed),
        TEST_SMALL(a_body_that_drips_is_cut),
        TEST_SMALL(one_address_gets_only_its_share_of_connections),
        TEST(stopping_waits_for_handlers_and_closes_the_rest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
