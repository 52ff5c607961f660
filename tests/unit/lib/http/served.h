/* A server with one route of each kind, for the tests that speak to it by raw.h. Each test starts it anew. */
#ifndef RB_TESTS_UNIT_LIB_HTTP_SERVED_H
#define RB_TESTS_UNIT_LIB_HTTP_SERVED_H

#include "tests/unit/lib/http/raw.h"

#include "lib/wire/json.h"

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
    clock_sleep_ms(1500);
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
    {"GET", "/show", HTTP_AUTH_NONE, 0, 0, handle_show, NULL, NULL, NULL},
    {"GET", "/show/{}/end", HTTP_AUTH_NONE, 0, 0, handle_show, NULL, NULL, NULL},
    {"DELETE", "/show/{}/end", HTTP_AUTH_NONE, 0, 0, handle_show, NULL, NULL, NULL},
    {"POST", "/open", HTTP_AUTH_NONE, 0, 100, handle_body, NULL, NULL, NULL},
    {"POST", "/signed", HTTP_AUTH_SIGNED, SIGN_NODE | SIGN_API, 100, handle_body, NULL, NULL, NULL},
    {"GET", "/signed", HTTP_AUTH_SIGNED, SIGN_NODE | SIGN_API, 0, handle_body, NULL, NULL, NULL},
    {"POST", "/checked", HTTP_AUTH_HANDLER, SIGN_NODE, 100, handle_checked, NULL, NULL, NULL},
    {"GET", "/slow", HTTP_AUTH_NONE, 0, 0, handle_slow, NULL, NULL, NULL},
    {"GET", "/silent", HTTP_AUTH_NONE, 0, 0, handle_silent, NULL, NULL, NULL},
    {"GET", "/json", HTTP_AUTH_NONE, 0, 0, handle_json, NULL, NULL, NULL},
    {"PUT", "/stream", HTTP_AUTH_SIGNED, SIGN_NODE | SIGN_API, 0, handle_stream, stream_begin, stream_piece, stream_drop},
};

static inline int start(const struct http_config *limits)
{
    struct http_config c = *limits;

    c.address = "127.0.0.1";
    c.routes = routes;
    c.n_routes = sizeof routes / sizeof routes[0];
    c.keys = raw_keys();
    c.epoch = smallest_epoch;
    handled = begun = dropped = refusal = fail_piece = 0;
    streamed = 0;
    assert_int_equal(http_start(&c, &server), ERR_OK);
    port = http_port(server);
    return 0;
}

static inline int setup(void **state)
{
    (void)state;
    return start(&(struct http_config){0});
}

static inline int setup_small(void **state)
{
    (void)state;
    return start(&(struct http_config){.connections_per_ip_max = 2, .timeout_s = 1});
}

static inline int teardown(void **state)
{
    (void)state;
    http_stop(server);
    return 0;
}

static inline int ask(const char *text)
{
    return raw_exchange(port, text, answer, sizeof answer);
}

/* A signed POST of body to /signed, signed at now + offset_ms. */
static inline int ask_signed(const char *signed_body, const char *body, int64_t offset_ms, uint64_t epoch)
{
    char line[768], text[2048];

    raw_authorization("POST", "/signed", signed_body, offset_ms, epoch, line);
    snprintf(text, sizeof text, "POST /signed HTTP/1.1\r\nHost: x\r\n%sContent-Length: %zu\r\n\r\n%s", line, strlen(body), body);
    return ask(text);
}

static inline const char *body_of(const char *text)
{
    return strstr(text, "\r\n\r\n") + 4;
}

/* The answer is a problem with this code and status. */
static inline void assert_problem(const char *code, uint64_t status)
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

#endif
