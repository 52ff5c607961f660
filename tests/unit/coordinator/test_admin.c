/* What people ask of the ring, over HTTP, with nodes that tell what they hold: one server plays them all, by the node that each question names. */
#include "coordinator/admin.h"
#include "coordinator/serve.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/peer/peer.h"
#include "lib/wire/owners.h"
#include "tests/unit/coordinator/calls.h"
#include "tests/unit/coordinator/rings.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define COURSES 7u

struct world {
    struct coordinator_settings settings;
    struct coordinator *c;
    struct http_server *server, *nodes;
    char url[64];
    unsigned whole; /* mask of nodes that have all bytes of what they own */
    int broken;     /* the nodes answer something else */
};

static unsigned number_of(const char *id)
{
    unsigned n = 0;
    assert_int_equal(sscanf(id, "node-%u.", &n), 1);
    return n;
}

static int owns(const struct world *w, const char *id, const char *key)
{
    struct owners o;
    owners_of_key(w->c->ring, key, &o);
    return owners_place(&o, id) >= 0;
}

/* GET /holdings, two courses a page: those that the asked node and `with` own both. */
static void handle_holdings(struct http_request *r, void *ctx)
{
    const struct world *w = ctx;
    const char *id = http_header(r, "RB-To"), *with = http_query(r, "with"), *after = http_query(r, "after");
    struct json *j = json_object(), *list = json_array();
    char key[32], last[32] = "";
    size_t n = 0;
    unsigned i = 0;
    for (; i < COURSES && n < 2; i++) {
        snprintf(key, sizeof key, "course%u", i);
        if ((after && strcmp(key, after) <= 0) || !owns(w, id, key) || (with && !owns(w, with, key)))
            continue;
        struct json *one = json_object();
        json_set_str(one, "key", key);
        json_set_str(one, "course", key);
        json_set_bool(one, "complete", (int)(w->whole >> number_of(id) & 1u));
        json_set_u64(one, "bytes", 1000);
        json_set_u64(one, "blobs", 1);
        json_append(list, one);
        memcpy(last, key, sizeof last);
        n++;
    }
    json_set_u64(j, "ring", 1);
    json_set(j, "courses", list);
    json_set_str(j, "next", i < COURSES ? last : NULL);
    struct buf text;
    buf_init(&text, 65536);
    assert_ok(json_print(j, &text));
    json_free(j);
    if (w->broken)
        http_reply(r, 200, "application/json", "{}", 2);
    else
        http_reply_json(r, 200, &text);
    buf_release(&text);
}

/* One server stands for all nodes, so it has the key of none. */
static const struct http_route routes[] = {{.method = "GET", .pattern = "/holdings", .auth = HTTP_AUTH_NONE, .handle = handle_holdings}};

static int start_nodes(struct world *w)
{
    struct http_config config = {.address = "127.0.0.1", .routes = routes, .n_routes = 1, .ctx = w, .connections_max = 16};
    return http_start(&config, &w->nodes) == ERR_OK;
}

static void live(struct world *w, unsigned i)
{
    struct member m = make_member(i);
    m.alive = 1;
    snprintf(m.url, sizeof m.url, "http://127.0.0.1:%u", http_port(w->nodes));
    assert_ok(membership_read(&w->c->membership, w->c->ring, &m, 1, clock_boot_ms()));
    ((struct membership_node *)(uintptr_t)membership_find(&w->c->membership, m.id))->member.alive = 1;
}

static void lead(struct world *w, int yes)
{
    w->c->leading = yes;
    w->c->term = w->c->led_term = 1;
    w->c->led_epoch = yes ? 5 : 0;
    w->c->valid_until_ms = clock_boot_ms() + 3600000;
}

static int set_up(void **state)
{
    static struct world w;
    pthread_condattr_t attributes;
    log_init("test", LOG_ERROR);
    signal(SIGPIPE, SIG_IGN);
    w.settings = (struct coordinator_settings){
        .name = "coordinator-1", .listen = "127.0.0.1:0", .url = "http://127.0.0.1:1", .out_after_s = 300, .move_bytes_per_s = 1000};
    w.c = calloc(1, sizeof *w.c);
    w.c->settings = &w.settings;
    memset(w.c->key.bytes, 7, sizeof w.c->key.bytes);
    w.c->keys = sign_keys_master(&w.c->key, "coordinator:coordinator-1");
    pthread_mutex_init(&w.c->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&w.c->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    w.c->ring = make_doc(1, 1, 4, 0, "");
    membership_init(&w.c->membership, 1000, clock_boot_ms(), &w.c->wishes.now);
    membership_new_ring(&w.c->membership, w.c->ring);
    if (peer_global_init() != ERR_OK || serve_start(w.c, &w.server) != ERR_OK || !start_nodes(&w))
        return -1;
    snprintf(w.url, sizeof w.url, "http://127.0.0.1:%u", http_port(w.server));
    *state = &w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    http_stop(w->server);
    http_stop(w->nodes);
    membership_release(&w->c->membership);
    ringdoc_free(w->c->ring);
    pthread_cond_destroy(&w->c->changed);
    pthread_mutex_destroy(&w->c->lock);
    sign_keys_free(w->c->keys);
    free(w->c);
    return 0;
}

/* A fresh start for each test: all live and have everything, nothing is wished, we lead. */
static void begin(struct world *w)
{
    for (unsigned i = 1; i <= 4; i++)
        live(w, i);
    w->whole = ~0u;
    w->broken = 0;
    w->c->wishes = (struct wishes){.k_saved = 0};
    w->c->publish_now = 0;
    lead(w, 1);
}

static void fall_silent(struct world *w, unsigned i)
{
    ((struct membership_node *)(uintptr_t)membership_find(&w->c->membership, make_member(i).id))->member.alive = 0;
}

static long ask(struct world *w, const char *path, const char *body, struct json **answer)
{
    long status = call_as(&w->c->key, w->url, "api:api-1", "POST", path, body, answer);
    assert_non_null(*answer);
    return status;
}

static void expect(struct world *w, long status, const char *path, const char *body)
{
    struct json *j;
    assert_int_equal(ask(w, path, body, &j), status);
    json_free(j);
}

static uint64_t number(const struct json *j, const char *key)
{
    uint64_t n = 0;
    assert_ok(json_get_u64(j, key, UINT64_MAX, &n));
    return n;
}

static void test_only_the_leader_answers(void **state)
{
    struct world *w = *state;
    struct json *j;
    begin(w);
    lead(w, 0);
    assert_int_equal(ask(w, "/admin/drain", "{\"node\":\"node-1\"}", &j), 409);
    assert_true(json_is_null(json_get(j, "leader")));
    json_free(j);
    w->c->leader_known = 1;
    w->c->leader = (struct lease){.name = "coordinator-2", .epoch = 6};
    strcpy(w->c->living[0], "coordinator-2");
    strcpy(w->c->living_urls[0], "http://127.0.0.1:2");
    w->c->n_living = 1;
    assert_int_equal(ask(w, "/admin/replication", "{\"k\":2}", &j), 409);
    assert_string_equal(json_get_str(json_get(j, "leader"), "url"), "http://127.0.0.1:2");
    assert_int_equal(number(json_get(j, "leader"), "epoch"), 6);
    json_free(j);
    w->c->leading = 1; /* it holds the lease, but a node has refused its epoch */
    expect(w, 409, "/admin/undrain", "{\"node\":\"node-1\"}");
    assert_int_equal(w->c->wishes.now.n, 0);
}

static void test_bad_questions(void **state)
{
    struct world *w = *state;
    begin(w);
    expect(w, 404, "/admin/explode", "{\"node\":\"node-1\"}");
    expect(w, 404, "/admin/drain", "{\"node\":\"node-9\"}");
    expect(w, 400, "/admin/drain", "{");
    expect(w, 400, "/admin/drain", "{}");
    expect(w, 400, "/admin/drain", "{\"node\":1}");
    expect(w, 400, "/admin/replication", "{\"k\":0}");
    expect(w, 400, "/admin/replication", "{\"k\":17}");
    expect(w, 400, "/admin/replication", "{\"k\":\"many\"}");
    assert_int_equal(w->c->wishes.now.n, 0);
}

/* Nothing can be asked of the ring about one who only shares. */
static void test_peers_are_no_nodes(void **state)
{
    struct world *w = *state;
    struct effects fx = coordinator_effects(w->c);
    struct member peer = make_member(9);
    begin(w);
    peer.stores = 0;
    assert_ok(membership_hear(&w->c->membership, &fx, w->c->ring, &peer, 1));
    expect(w, 404, "/admin/drain", "{\"node\":\"node-9\"}");
    expect(w, 404, "/admin/remove", "{\"node\":\"node-9.0000000000000009\",\"force\":true}");
    expect(w, 404, "/admin/undrain", "{\"node\":\"node-9\"}");
    assert_int_equal(w->c->wishes.now.n, 0);
    membership_leave(&w->c->membership, &fx, w->c->ring, peer.id);
}

static void test_a_dry_run_changes_nothing(void **state)
{
    struct world *w = *state;
    struct json *j;
    begin(w);
    assert_int_equal(ask(w, "/admin/drain", "{\"node\":\"node-2\",\"dry_run\":true}", &j), 200);
    uint64_t owned = 0, to = 0;
    char key[32];
    for (unsigned i = 0; i < COURSES; i++) {
        snprintf(key, sizeof key, "course%u", i);
        owned += (uint64_t)owns(w, make_member(2).id, key);
    }
    assert_true(owned > 2); /* more than a page */
    assert_int_equal(number(j, "copies"), owned);
    assert_int_equal(number(j, "bytes"), owned * 1000);
    assert_int_equal(number(j, "at_risk_count"), 0);
    assert_true(number(j, "seconds") >= 1 && number(j, "seconds") <= owned);
    for (const struct json *one = json_first(json_get(j, "to")); one; one = json_next(one))
        to += number(one, "copies");
    assert_int_equal(to, owned);
    json_free(j);
    assert_int_equal(ask(w, "/admin/replication", "{\"k\":4,\"dry_run\":true}", &j), 200);
    assert_int_equal(number(j, "copies"), COURSES);
    json_free(j);
    assert_int_equal(w->c->wishes.now.n, 0);
    assert_int_equal(w->c->wishes.now.k, 0);
}

static void test_the_only_holder_stays(void **state)
{
    struct world *w = *state;
    struct json *j;
    begin(w);
    w->whole = 1u << 2;
    assert_int_equal(ask(w, "/admin/drain", "{\"node\":\"node-2\"}", &j), 409);
    assert_string_equal(json_get_str(j, "error"), "conflict");
    assert_true(number(j, "at_risk_count") > 0);
    assert_int_equal(json_count(json_get(j, "at_risk")), number(j, "at_risk_count"));
    json_free(j);
    assert_int_equal(w->c->wishes.now.n, 0);
    expect(w, 202, "/admin/drain", "{\"node\":\"node-2\",\"force\":true}");
    assert_int_equal(w->c->wishes.now.n, 1);
    w->whole = 1u << 3;
    begin(w);
    expect(w, 202, "/admin/remove", "{\"node\":\"node-2\"}"); /* another owner has each of its files */
}

/* Nobody can say what two dead nodes share with a third that is to go, but it can itself. */
static void test_what_nobody_can_tell(void **state)
{
    struct world *w = *state;
    begin(w);
    fall_silent(w, 1);
    fall_silent(w, 2);
    fall_silent(w, 3);
    expect(w, 409, "/admin/remove", "{\"node\":\"node-1\"}");
    expect(w, 202, "/admin/remove", "{\"node\":\"node-1\",\"force\":true}");
    begin(w);
    w->broken = 1;
    expect(w, 503, "/admin/drain", "{\"node\":\"node-1\"}");
    assert_int_equal(w->c->wishes.now.n, 0);
}

static void test_wishes_are_kept(void **state)
{
    struct world *w = *state;
    struct json *j;
    begin(w);
    assert_int_equal(ask(w, "/admin/drain", "{\"node\":\"node-1.0000000000000001\"}", &j), 202);
    assert_int_equal(number(j, "ring"), 1);
    json_free(j);
    assert_int_equal(w->c->wishes.now.at[0].kind, MEMBERS_WISH_DRAIN);
    assert_int_equal(w->c->publish_now, 1); /* Redis gets it without delay */
    expect(w, 202, "/admin/undrain", "{\"node\":\"node-1\"}");
    assert_int_equal(w->c->wishes.now.n, 1);
    assert_int_equal(w->c->wishes.now.at[0].kind, MEMBERS_WISH_UNDRAIN);
    expect(w, 202, "/admin/replication", "{\"k\":2}");
    assert_int_equal(w->c->wishes.now.k, 2);
    /* One after the other until nobody would be left. */
    for (unsigned i = 0; i < 4; i++) {
        char body[64];
        snprintf(body, sizeof body, "{\"node\":\"node-%u\",\"force\":true}", i + 1);
        expect(w, i < 3 ? 202 : 409, "/admin/drain", body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_the_leader_answers),
        cmocka_unit_test(test_bad_questions),
        cmocka_unit_test(test_peers_are_no_nodes),
        cmocka_unit_test(test_a_dry_run_changes_nothing),
        cmocka_unit_test(test_the_only_holder_stays),
        cmocka_unit_test(test_what_nobody_can_tell),
        cmocka_unit_test(test_wishes_are_kept),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
