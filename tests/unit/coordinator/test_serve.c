/* What a coordinator answers over HTTP, asked by the client that nodes use. */
#include "coordinator/serve.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/num.h"
#include "lib/base/seal.h"
#include "tests/unit/coordinator/calls.h"
#include "tests/unit/coordinator/rings.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

struct world {
    struct coordinator_settings settings;
    struct coordinator *c;
    struct http_server *server;
    char url[64];
};

static int set_up(void **state)
{
    static struct world w;
    log_init("test", LOG_ERROR);
    signal(SIGPIPE, SIG_IGN);
    w.settings = (struct coordinator_settings){.name = "coordinator-1", .listen = "127.0.0.1:0", .url = "http://127.0.0.1:1"};
    w.c = calloc(1, sizeof *w.c);
    w.c->settings = &w.settings;
    memset(w.c->key.bytes, 7, sizeof w.c->key.bytes);
    w.c->keys = sign_keys_master(&w.c->key, "coordinator:coordinator-1");
    pthread_mutex_init(&w.c->lock, NULL);
    w.c->ring = make_doc(1, 1, 3, 0, "");
    membership_init(&w.c->membership, 1000, clock_boot_ms(), &w.c->wishes.now);
    membership_new_ring(&w.c->membership, w.c->ring);
    files_init(&w.c->files);
    if (peer_global_init() != ERR_OK || serve_start(w.c, &w.server) != ERR_OK)
        return -1;
    snprintf(w.url, sizeof w.url, "http://127.0.0.1:%u", http_port(w.server));
    *state = &w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    http_stop(w->server);
    membership_release(&w->c->membership);
    files_release(&w->c->files);
    ringdoc_free(w->c->ring);
    pthread_mutex_destroy(&w->c->lock);
    sign_keys_free(w->c->keys);
    free(w->c);
    return 0;
}

static long ask(struct world *w, const char *sender, const char *method, const char *path, const char *body, struct json **answer)
{
    return call_as(&w->c->key, w->url, sender, method, path, body, answer);
}

static long tell(struct world *w, const char *sender, const char *path, const struct member *m, uint64_t *ring, uint64_t *view)
{
    struct json *answer;
    long status = call_with_member(&w->c->key, w->url, sender, path, m, &answer);
    if (status == 200) {
        assert_ok(json_get_u64(answer, "ring", UINT64_MAX, ring));
        assert_ok(json_get_u64(answer, "view", UINT64_MAX, view));
        assert_int_equal(json_get_bool(answer, "leads", -1), 0);
        assert_null(json_get(answer, "listed"));
    }
    json_free(answer);
    return status;
}

static void test_join_heartbeat_ring_leave(void **state)
{
    struct world *w = *state;
    struct member one = make_member(1);
    uint64_t ring, joined, view;
    struct json *j;
    assert_int_equal(tell(w, one.id, "/join", &one, &ring, &joined), 200);
    assert_int_equal(ring, 1);
    assert_int_equal(tell(w, one.id, "/heartbeat", &one, &ring, &view), 200);
    assert_int_equal(view, joined);

    assert_int_equal(ask(w, "api-1", "GET", "/ring", NULL, &j), 200);
    assert_ok(json_get_u64(j, "view", UINT64_MAX, &view));
    assert_int_equal(view, joined);
    assert_int_equal(json_count(json_get(json_get(j, "ring"), "members")), 3);
    assert_true(json_is_null(json_get(j, "leader")));
    const struct json *node = json_first(json_get(j, "nodes"));
    assert_int_equal(json_count(json_get(j, "nodes")), 1);
    assert_string_equal(json_get_str(node, "id"), one.id);
    assert_string_equal(json_get_str(node, "name"), "node-1");
    assert_string_equal(json_get_str(node, "url"), one.url);
    assert_string_equal(json_get_str(node, "zone"), "");
    assert_string_equal(json_get_str(node, "state"), "up");
    json_free(j);

    assert_int_equal(ask(w, one.id, "POST", "/leave", "{\"id\":\"node-1.0000000000000001\"}", &j), 200);
    json_free(j);
    assert_int_equal(ask(w, "api-1", "GET", "/ring", NULL, &j), 200);
    assert_ok(json_get_u64(j, "view", UINT64_MAX, &view));
    assert_true(view > joined);
    assert_string_equal(json_get_str(json_first(json_get(j, "nodes")), "state"), "suspect");
    json_free(j);
}

static void test_bad_members(void **state)
{
    struct world *w = *state;
    struct member one = make_member(1), other = make_member(2);
    uint64_t ring, view;
    struct json *j;
    assert_int_equal(tell(w, other.id, "/heartbeat", &one, &ring, &view), 403);
    snprintf(one.url, sizeof one.url, "http://169.254.169.254:80");
    assert_int_equal(tell(w, one.id, "/join", &one, &ring, &view), 422);
    one = make_member(1);
    strcpy(one.zone, "upper floor");
    assert_int_equal(tell(w, one.id, "/join", &one, &ring, &view), 422);
    assert_int_equal(tell(w, other.id, "/join", &other, &ring, &view), 200);
    strcpy(other.id, "node-2.ffffffffffffffff");
    assert_int_equal(tell(w, other.id, "/join", &other, &ring, &view), 409); /* the other one lives */
    static const char *const bodies[] = {"", "{", "[]", "{}", "null", "{\"id\":1}", "{\"id\":\"x\"}"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        static const char *const paths[] = {"/join", "/heartbeat", "/leave"};
        for (size_t p = 0; p < 3; p++) {
            assert_int_equal(ask(w, "node-1.0000000000000001", "POST", paths[p], bodies[i], &j), 400);
            assert_non_null(json_get_str(j, "detail"));
            json_free(j);
        }
    }
    assert_int_equal(ask(w, "node-1.0000000000000001", "POST", "/leave", "{\"id\":\"node-2.0000000000000002\"}", &j), 403);
    json_free(j);
}

/* Those who follow the ring hear of nobody who only shares; and who is in the ring cannot stop storing. */
static void test_peers_are_not_among_the_nodes(void **state)
{
    struct world *w = *state;
    struct member peer = make_member(9), three = make_member(3);
    uint64_t ring, before, view;
    struct json *j;
    peer.stores = 0;
    peer.shares = 1;
    memset(peer.share_digest, 'a', sizeof peer.share_digest - 1);
    assert_int_equal(tell(w, three.id, "/join", &three, &ring, &before), 200);
    assert_int_equal(tell(w, peer.id, "/join", &peer, &ring, &view), 200);
    assert_int_equal(view, before);
    assert_int_equal(ask(w, "api-1", "GET", "/ring", NULL, &j), 200);
    for (const struct json *node = json_first(json_get(j, "nodes")); node; node = json_next(node))
        assert_string_not_equal(json_get_str(node, "id"), peer.id);
    json_free(j);
    three.stores = 0;
    assert_int_equal(tell(w, three.id, "/heartbeat", &three, &ring, &view), 403);
}

static void test_unsigned_and_unknown(void **state)
{
    struct world *w = *state;
    struct world stranger = *w;
    struct coordinator other = {0};
    struct json *j;
    memset(other.key.bytes, 8, sizeof other.key.bytes);
    stranger.c = &other;
    assert_int_equal(ask(&stranger, "api-1", "GET", "/ring", NULL, &j), 401);
    json_free(j);
    assert_int_equal(ask(&stranger, "api-1", "GET", "/healthz", NULL, &j), 200); /* needs no signature */
    assert_string_equal(json_get_str(j, "name"), "coordinator-1");
    assert_int_equal(json_get_bool(j, "leads", -1), 0);
    json_free(j);
    assert_int_equal(ask(w, "api-1", "GET", "/nothing", NULL, &j), 404);
    json_free(j);
    assert_int_equal(ask(w, "api-1", "POST", "/ring", "", &j), 405);
    json_free(j);
}

/* The leader is named only as long as the lease is known to be good. */
static void test_leader(void **state)
{
    struct world *w = *state;
    struct json *j;
    pthread_mutex_lock(&w->c->lock);
    w->c->leader_known = w->c->leading = 1;
    w->c->leader = (struct lease){.name = "coordinator-1", .epoch = 5};
    w->c->valid_until_ms = clock_boot_ms() + 60000;
    pthread_mutex_unlock(&w->c->lock);
    assert_int_equal(ask(w, "api-1", "GET", "/ring", NULL, &j), 200);
    uint64_t epoch = 0;
    assert_ok(json_get_u64(json_get(j, "leader"), "epoch", UINT64_MAX, &epoch));
    assert_int_equal(epoch, 5);
    json_free(j);
    assert_int_equal(ask(w, "api-1", "GET", "/healthz", NULL, &j), 200);
    assert_int_equal(json_get_bool(j, "leads", -1), 1);
    json_free(j);
    pthread_mutex_lock(&w->c->lock);
    w->c->valid_until_ms = clock_boot_ms() - 1; /* the main thread was stopped and has not noticed */
    pthread_mutex_unlock(&w->c->lock);
    assert_int_equal(ask(w, "api-1", "GET", "/ring", NULL, &j), 200);
    assert_true(json_is_null(json_get(j, "leader")));
    json_free(j);
    assert_int_equal(ask(w, "api-1", "GET", "/healthz", NULL, &j), 200);
    assert_int_equal(json_get_bool(j, "leads", -1), 0);
    json_free(j);
    pthread_mutex_lock(&w->c->lock);
    w->c->leader_known = w->c->leading = 0;
    pthread_mutex_unlock(&w->c->lock);
}

/* To everybody else a loopback address would be themselves; and all speak TLS, or none does. */
static void test_addresses_that_others_could_not_call(void **state)
{
    struct world *w = *state;
    struct member one = make_member(1);
    uint64_t ring, view;
    snprintf(one.url, sizeof one.url, "https://127.0.0.1:4001");
    assert_int_equal(tell(w, one.id, "/heartbeat", &one, &ring, &view), 422);
    w->settings.url = "http://10.0.0.1:1";
    snprintf(one.url, sizeof one.url, "http://127.0.0.1:4001");
    assert_int_equal(tell(w, one.id, "/heartbeat", &one, &ring, &view), 422);
    snprintf(one.url, sizeof one.url, "http://[::1]:4001");
    assert_int_equal(tell(w, one.id, "/heartbeat", &one, &ring, &view), 422);
    snprintf(one.url, sizeof one.url, "http://10.0.0.2:4001");
    assert_int_equal(tell(w, one.id, "/heartbeat", &one, &ring, &view), 200);
    w->settings.url = "http://127.0.0.1:1";
}

/* GET /pairs as this node. */
static void get_pairs(struct world *w, const char *node, struct buf *out)
{
    char self[SIGN_SENDER_MAX];
    snprintf(self, sizeof self, "node:%s", node);
    struct sign_keys *keys = keyring_of(&w->c->key, self);
    struct peer *p = peer_new(keys, NULL);
    struct peer_call call = {.base_url = w->url, .method = "GET", .path = "/pairs", .answer_max = 1u << 20};
    assert_ok(peer_call(p, &call, CALL_TIMEOUT_MS));
    assert_ok(call.error);
    assert_int_equal(call.status, 200);
    assert_ok(buf_add(out, call.answer.data, call.answer.len));
    peer_calls_release(&call, 1);
    peer_free(p);
    sign_keys_free(keys);
}

static void test_pairs_are_for_one_node_alone(void **state)
{
    struct world *w = *state;
    struct member one = make_member(1), two = make_member(2);
    uint64_t ring, view;
    struct buf sealed, text;
    struct sign_key own, seal, other;
    struct json *j;
    assert_int_equal(tell(w, one.id, "/join", &one, &ring, &view), 200);
    assert_int_equal(tell(w, two.id, "/join", &two, &ring, &view), 200);
    buf_init(&sealed, 1u << 20);
    buf_init(&text, 1u << 20);
    get_pairs(w, one.id, &sealed);
    sign_node_key(&w->c->key, two.id, &own);
    sign_pairs_seal(&own, &other);
    assert_err(ERR_AUTH, seal_open(other.bytes, "pairs", sealed.data, sealed.len, &text));
    sign_node_key(&w->c->key, one.id, &own);
    sign_pairs_seal(&own, &seal);
    assert_ok(seal_open(seal.bytes, "pairs", sealed.data, sealed.len, &text));
    assert_ok(json_parse(buf_str(&text), text.len, &j));
    int found = 0;
    for (const struct json *pair = json_first(json_get(j, "pairs")); pair; pair = json_next(pair)) {
        if (strcmp(json_get_str(pair, "id"), two.id) != 0)
            continue;
        struct sign_pair expected = keyring_pair(&w->c->key, one.id, two.id);
        char hex[2 * SIGN_KEY_SIZE + 1];
        num_hex(expected.key.bytes, SIGN_KEY_SIZE, hex);
        assert_string_equal(json_get_str(pair, "key"), hex);
        found++;
    }
    assert_int_equal(found, 1);
    json_free(j);
    buf_release(&sealed);
    buf_release(&text);
}

static void test_bad_listen(void **state)
{
    struct world *w = *state;
    static const char *const bad[] = {"", "127.0.0.1", ":80", "127.0.0.1:x", "127.0.0.1:65536", "nohost:80"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct http_server *s = NULL;
        struct coordinator_settings settings = {.name = "c", .listen = bad[i]};
        struct coordinator c = {.settings = &settings, .key = w->c->key, .keys = w->c->keys};
        assert_int_not_equal(serve_start(&c, &s), ERR_OK);
        assert_null(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_join_heartbeat_ring_leave),
        cmocka_unit_test(test_bad_members),
        cmocka_unit_test(test_peers_are_not_among_the_nodes),
        cmocka_unit_test(test_unsigned_and_unknown),
        cmocka_unit_test(test_leader),
        cmocka_unit_test(test_bad_listen),
        cmocka_unit_test(test_addresses_that_others_could_not_call),
        cmocka_unit_test(test_pairs_are_for_one_node_alone),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
