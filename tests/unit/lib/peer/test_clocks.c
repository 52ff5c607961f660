#include "tests/unit/lib/peer/fixture.h"

#include "lib/peer/internal.h"

static struct fixture node;
static struct peer *client;

static int setup(void **state)
{
    (void)state;
    fixture_start(&node);
    client = fixture_client();
    return client ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    peer_free(client);
    fixture_stop(&node);
    return 0;
}

static struct peer_call post(const char *url)
{
    return (struct peer_call){
        .base_url = url, .to = FIXTURE_ID, .method = "POST", .path = "/echo", .body = "x", .body_len = 1, .answer_max = 1000};
}

static void a_clock_that_is_off_is_learnt_and_kept(void **state)
{
    static const int64_t offsets_ms[] = {-31000, 31000, -86400000, 86400000};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct peer_call c = post(node.url);
        clocks_learn(client, node.url, offsets_ms[i]);
        assert_int_equal(peer_call(client, &c, 2000), ERR_OK);
        assert_int_equal(c.error, ERR_OK);
        assert_int_equal(c.status, 200);
        assert_string_equal(buf_str(&c.answer), "api:tester 0 x");
        assert_true(llabs(peer_clock_offset_ms(client, node.url)) < 1000);
        peer_calls_release(&c, 1);
    }
    assert_int_equal(node.seen.handled, 4);
}

/* A gate that opens for two. */
static int two_there(const unsigned char *there, size_t n, void *ctx)
{
    size_t found = 0;

    (void)ctx;
    for (size_t i = 0; i < n; i++)
        found += there[i];
    return found >= 2;
}

static void the_gate_counts_a_call_that_was_signed_again(void **state)
{
    struct peer_round round = {.timeout_ms = 3000, .connect_timeout_ms = 1000, .gate = two_there};
    struct fixture other;
    struct peer_call c[2];

    (void)state;
    fixture_start(&other);
    c[0] = post(node.url);
    c[1] = post(other.url);
    clocks_learn(client, node.url, -31000);
    assert_int_equal(peer_round(client, &round, c, 2), ERR_OK);
    assert_int_equal(c[0].status, 200);
    assert_int_equal(c[1].status, 200);
    peer_calls_release(c, 2);
    fixture_stop(&other);
}

/* A server that refuses everything for the clock, with a proof made under this master key. */
static void handle_late(struct http_request *r, void *ctx)
{
    const struct sign_key *master = ctx;
    struct sign_key own, key;
    struct sign_claim claim;
    struct buf b;

    assert_int_equal(sign_parse(http_header(r, "Authorization"), &claim), ERR_OK);
    sign_node_key(master, FIXTURE_ID, &own);
    sign_pair_key(&own, claim.sender, &key);
    buf_init(&b, SIGN_HEADER_MAX);
    assert_int_equal(sign_clock_make(&key, claim.nonce, clock_unix_ms() - 77000, &b), ERR_OK);
    http_add_header(r, "RB-Clock", buf_str(&b));
    http_reply(r, 401, NULL, "", 0);
    buf_release(&b);
}

static void assert_late(const struct sign_key *master, int64_t want_ms)
{
    static const struct http_route route = {"POST", "/echo", HTTP_AUTH_NONE, 0, 10, handle_late, NULL, NULL, NULL};
    struct http_config config = {.address = "127.0.0.1", .routes = &route, .n_routes = 1, .ctx = (void *)(uintptr_t)master};
    struct http_server *s;
    struct peer_call c;
    char url[64];

    assert_int_equal(http_start(&config, &s), ERR_OK);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", (unsigned)http_port(s));
    c = post(url);
    assert_int_equal(peer_call(client, &c, 2000), ERR_OK);
    assert_int_equal(c.error, ERR_OK);
    assert_int_equal(c.status, 401);
    assert_true(llabs(peer_clock_offset_ms(client, url) - want_ms) < 1000);
    peer_calls_release(&c, 1);
    http_stop(s);
}

static void a_forged_clock_is_not_believed(void **state)
{
    static const struct sign_key other = {{9}};

    (void)state;
    assert_late(&other, 0);
}

static void a_second_refusal_is_the_answer(void **state)
{
    (void)state;
    assert_late(&fixture_key, -77000);
}

static void the_list_of_clocks_is_bounded(void **state)
{
    char url[PEER_URL_MAX];

    (void)state;
    for (int i = 0; i < 3 * PEER_CLOCKS_MAX; i++) {
        snprintf(url, sizeof url, "http://127.0.0.1:%d", i + 1);
        clocks_learn(client, url, i + 1);
        assert_int_equal(peer_clock_offset_ms(client, url), i + 1);
    }
    assert_int_equal(peer_clock_offset_ms(client, "http://127.0.0.1:1"), 0);
    assert_int_equal(client->n_clocks, PEER_CLOCKS_MAX);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_clock_that_is_off_is_learnt_and_kept),
        TEST(the_gate_counts_a_call_that_was_signed_again),
        TEST(a_forged_clock_is_not_believed),
        TEST(a_second_refusal_is_the_answer),
        TEST(the_list_of_clocks_is_bounded),
    };

    assert_int_equal(peer_global_init(), ERR_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
