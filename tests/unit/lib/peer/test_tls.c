/* A client and a server that speak TLS: who gets through, and who does not. */
#include "lib/peer/client.h"
#include "tests/unit/lib/peer/fixture.h"
#include "tests/unit/lib/tls/certs.h"

#include <curl/curl.h>

static struct ca_pair ca, stranger_ca;
static struct tls *server_tls, *client_tls, *stranger_tls, *over_tls, *elsewhere_tls;
static struct fixture node;
static struct sign_keys *keys;

/* Read at the time when it was good. */
static struct tls *make_tls(const struct ca_pair *from, const char *address, int64_t at_s, uint64_t days)
{
    struct certs c;
    struct tls *t = NULL;
    char why[TLS_WHY_SIZE];

    certs_issue(&c, from, address, at_s, days);
    struct tls_files files = certs_files(&c);
    assert_ok(tls_read(&files, at_s, &t, why));
    certs_remove(&c);
    return t;
}

static void serve(const struct tls *t)
{
    struct http_config c = {.address = "127.0.0.1",
        .routes = fixture_routes,
        .n_routes = sizeof fixture_routes / sizeof fixture_routes[0],
        .self = FIXTURE_ID,
        .tls = t,
        .ctx = &node.seen};

    memset(&node, 0, sizeof node);
    node.keys = keyring_of(&fixture_key, "node:" FIXTURE_ID);
    c.keys = node.keys;
    assert_ok(http_start(&c, &node.server));
    snprintf(node.url, sizeof node.url, "https://127.0.0.1:%u", (unsigned)http_port(node.server));
}

static int setup(void **state)
{
    int64_t now_s = certs_now_s();
    (void)state;
    certs_new_ca(&ca);
    certs_new_ca(&stranger_ca);
    server_tls = make_tls(&ca, "127.0.0.1", now_s, 2);
    client_tls = make_tls(&ca, "127.0.0.2", now_s, 2);
    stranger_tls = make_tls(&stranger_ca, "127.0.0.1", now_s, 2);
    over_tls = make_tls(&ca, "127.0.0.1", now_s - 3 * CERTS_DAY_S, 2);
    elsewhere_tls = make_tls(&ca, "127.0.0.9", now_s, 2);
    keys = keyring_of(&fixture_key, "api:tester");
    return peer_global_init() != ERR_OK || !keys;
}

static int teardown(void **state)
{
    struct tls *const all[] = {server_tls, client_tls, stranger_tls, over_tls, elsewhere_tls};
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        tls_free(all[i]);
    ca_pair_release(&ca);
    ca_pair_release(&stranger_ca);
    sign_keys_free(keys);
    return 0;
}

static int start(void **state)
{
    (void)state;
    serve(server_tls);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fixture_stop(&node);
    return 0;
}

/* What a call from a client with these certificates comes to. */
static enum err call_as(const struct tls *t, const char *url, long *status)
{
    struct peer *p = peer_new(keys, t);
    struct peer_call c = {.base_url = url,
        .method = "POST",
        .path = "/echo",
        .to = FIXTURE_ID,
        .epoch = 7,
        .body = "hello",
        .body_len = 5,
        .answer_max = 4096};

    assert_non_null(p);
    assert_ok(peer_call(p, &c, 3000));
    enum err e = c.error;
    *status = c.status;
    if (!e && c.status == 200)
        assert_string_equal(buf_str(&c.answer), "api:tester 7 hello");
    peer_calls_release(&c, 1);
    peer_free(p);
    return e;
}

static void members_understand_each_other(void **state)
{
    long status;
    (void)state;
    assert_ok(call_as(client_tls, node.url, &status));
    assert_int_equal(status, 200);
    assert_int_equal(node.seen.handled, 1);
}

/* Whoever has not a certificate of this CA, good now, never gets as far as a handler. */
static void nobody_else_gets_through_the_handshake(void **state)
{
    const struct tls *const others[] = {stranger_tls, over_tls};
    long status;
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        enum err e = call_as(others[i], node.url, &status);
        assert_true(e == ERR_UNAVAILABLE || e == ERR_TIMEOUT);
    }
    assert_int_equal(node.seen.handled, 0);
}

/* It would take our server for whatever it is; the server wants to know who asks. */
static void a_client_without_a_certificate_is_let_go(void **state)
{
    char url[96];
    long status = 0;
    CURL *c = curl_easy_init();
    (void)state;
    assert_non_null(c);
    snprintf(url, sizeof url, "%s/echo", node.url);
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, 5000L);
    assert_int_not_equal(curl_easy_perform(c), CURLE_OK);
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    assert_int_equal(status, 0);
    assert_int_equal(node.seen.handled, 0);
    curl_easy_cleanup(c);
}

static void a_server_is_believed_for_its_own_address_alone(void **state)
{
    const struct tls *const others[] = {stranger_tls, over_tls, elsewhere_tls};
    long status;
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        fixture_stop(&node);
        serve(others[i]);
        assert_err(ERR_UNAVAILABLE, call_as(client_tls, node.url, &status));
        assert_int_equal(node.seen.handled, 0);
    }
}

static void plain_and_tls_never_mix(void **state)
{
    char plain[64];
    long status;
    (void)state;
    snprintf(plain, sizeof plain, "http://127.0.0.1:%u", (unsigned)http_port(node.server));
    assert_err(ERR_UNAVAILABLE, call_as(client_tls, plain, &status)); /* a scheme that it does not speak */
    assert_err(ERR_UNAVAILABLE, call_as(NULL, node.url, &status));
    enum err e = call_as(NULL, plain, &status); /* plain words at a TLS port */
    assert_true(e == ERR_UNAVAILABLE || e == ERR_TIMEOUT || (e == ERR_OK && status >= 400));
    assert_int_equal(node.seen.handled, 0);
    fixture_stop(&node);
    serve(NULL);
    assert_err(ERR_UNAVAILABLE, call_as(client_tls, node.url, &status)); /* TLS at a plain port */
    assert_int_equal(node.seen.handled, 0);
}

/* A refusal in the middle of a body goes past libmicrohttpd: under TLS as well it has to reach the client, and not in clear. */
static void a_refusal_in_a_body_reaches_its_client(void **state)
{
    static char piece[1u << 20];
    struct peer *p = peer_new(keys, client_tls);
    struct peer_stream_target t = {.base_url = node.url, .path = "/stream/1", .to = FIXTURE_ID};
    struct peer_stream *s;
    (void)state;
    node.seen.fail_at = 100000;
    assert_ok(peer_stream_open(p, &t, 1, 8 * sizeof piece, 1, 3000, &s));
    enum err pushed = ERR_OK;
    for (int i = 0; i < 8 && !pushed; i++)
        pushed = peer_stream_push(s, piece, sizeof piece, 1);
    enum err closed = peer_stream_close(s);
    assert_true(closed == ERR_OK || closed == ERR_INVALID);
    assert_ok(t.error);
    assert_int_equal(t.status, 507);
    peer_free(p);
}

static void a_whole_body_streams_through(void **state)
{
    static char piece[1u << 20];
    struct peer *p = peer_new(keys, client_tls);
    struct peer_stream_target t = {.base_url = node.url, .path = "/stream/1", .to = FIXTURE_ID};
    struct peer_stream *s;
    (void)state;
    assert_ok(peer_stream_open(p, &t, 1, 4 * sizeof piece, 1, 3000, &s));
    for (int i = 0; i < 4; i++)
        assert_ok(peer_stream_push(s, piece, sizeof piece, 1));
    assert_ok(peer_stream_close(s));
    assert_ok(t.error);
    assert_int_equal(t.status, 201);
    assert_int_equal(node.seen.bytes, 4 * sizeof piece);
    peer_free(p);
}

/* The plain client, when it asks a member. */
static enum err get(const struct client_request *more, const char *url, long *status)
{
    struct client *c = client_new();
    struct client_request q = *more;
    struct client_answer a;

    q.method = "GET";
    q.url = url;
    q.answer_max = 4096;
    q.stall_ms = 3000;
    enum err e = client_do(c, &q, &a);
    *status = a.status;
    client_answer_release(&a);
    client_free(c);
    return e;
}

static void the_plain_client_asks_members_the_same_way(void **state)
{
    char url[96], named[96];
    long status;
    (void)state;
    snprintf(url, sizeof url, "%s/echo", node.url);
    snprintf(named, sizeof named, "https://localhost:%u/echo", (unsigned)http_port(node.server));
    assert_ok(get(&(struct client_request){.to_member = 1, .tls = client_tls}, url, &status));
    assert_int_equal(status, 401); /* it has no signature */
    assert_err(ERR_UNAVAILABLE, get(&(struct client_request){.to_member = 1, .tls = client_tls}, named, &status));
    assert_int_not_equal(get(&(struct client_request){.to_member = 1}, url, &status), ERR_OK);
    assert_err(ERR_UNAVAILABLE, get(&(struct client_request){0}, url, &status)); /* the system's CAs do not know this one */
}

/* Looked at when the connection is made: a name that leads there does not help. */
static void addresses_that_are_nobodys_are_not_called(void **state)
{
    static const char *const bad[] = {"http://169.254.169.254:80/", "http://0.0.0.0:80/", "http://[fe80::1]:80/",
        "http://[::ffff:127.0.0.1]:80/", "http://224.0.0.1:80/", "http://255.255.255.255:80/", "http://0xa9fea9fe:80/",
        "http://2852039166:80/", "http://[::ffff:a9fe:a9fe]:80/"};
    long status;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (get(&(struct client_request){.to_member = 1}, bad[i], &status) != ERR_UNAVAILABLE)
            fail_msg("%s was called", bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(members_understand_each_other, start, stop),
        cmocka_unit_test_setup_teardown(nobody_else_gets_through_the_handshake, start, stop),
        cmocka_unit_test_setup_teardown(a_client_without_a_certificate_is_let_go, start, stop),
        cmocka_unit_test_setup_teardown(a_server_is_believed_for_its_own_address_alone, start, stop),
        cmocka_unit_test_setup_teardown(plain_and_tls_never_mix, start, stop),
        cmocka_unit_test_setup_teardown(a_refusal_in_a_body_reaches_its_client, start, stop),
        cmocka_unit_test_setup_teardown(a_whole_body_streams_through, start, stop),
        cmocka_unit_test_setup_teardown(the_plain_client_asks_members_the_same_way, start, stop),
        cmocka_unit_test(addresses_that_are_nobodys_are_not_called),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
