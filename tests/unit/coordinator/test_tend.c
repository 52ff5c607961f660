/* Rebuild, sweep and purge against a real Redis and made-up nodes that answer over HTTP. */
#include "coordinator/tend.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/num.h"
#include "lib/http/http.h"
#include "lib/store/index.h"
#include "tests/unit/coordinator/rings.h"
#include "tests/unit/keyring.h"
#include "tests/unit/lib/store/records.h"
#include "tests/unit/lib/store/redis_server.h"

#include <stdatomic.h>
#include <stdlib.h>

#define NODES 3u
#define COURSES 700u
#define DELETED 5u /* courses that the first owner would let go */

/* One made-up node; the test sets the upper part. */
struct node {
    atomic_int silent; /* answers 503 */
    atomic_int holds;  /* says yes to /settle/holds */
    atomic_int drop;   /* what it says to drops: 200 yes, 201 conflict, 409 a larger ballot, 503 nothing */
    atomic_int drops, asked_holds;
    char last_drop[512];
    struct sign_keys *keys;
    struct http_server *server;
    struct world *world;
    unsigned number;
};
struct world {
    struct redis_server redis;
    struct coordinator_settings settings;
    struct coordinator *c;
    struct tend tend;
    struct node nodes[NODES];
    char keys[COURSES][16];
};

static struct record version(unsigned course, uint64_t clock)
{
    char name[16];
    snprintf(name, sizeof name, "CSEN %03u", course);
    return make_version(name, clock, 1000 * course + clock, "Title", "Somebody", "");
}

static void reply(struct http_request *r, int status, struct json *j)
{
    struct buf text;
    buf_init(&text, 4u << 20);
    assert_ok(json_print(j, &text));
    json_free(j);
    http_reply_json(r, status, &text);
    buf_release(&text);
}

/* Every node has version 1 of every course; node 2 alone has version 2 of every tenth. */
static void handle_courses(struct http_request *r, void *ctx)
{
    struct node *n = ctx;
    const char *after = http_query(r, "after");
    uint64_t limit = 0;
    if (atomic_load(&n->silent)) {
        http_reply_problem(r, ERR_UNAVAILABLE, NULL);
        return;
    }
    assert_ok(num_parse_u64(http_query(r, "limit"), 1000, &limit));
    struct json *j = json_object(), *list = json_array();
    const char *next = NULL;
    unsigned c = 0;
    for (uint64_t given = 0; c < COURSES && given < limit; c++) {
        if (after && strcmp(n->world->keys[c], after) <= 0)
            continue;
        struct json *course = json_object(), *records = json_array();
        for (uint64_t v = 1; v <= (n->number == 2 && c % 10 == 0 ? 2 : 1); v++) {
            struct record record = version(c, v);
            json_append(records, record_to_json(&record));
            record_release(&record);
        }
        json_set_str(course, "key", n->world->keys[c]);
        json_set(course, "records", records);
        json_append(list, course);
        next = n->world->keys[c];
        given++;
    }
    json_set_u64(j, "ring", 1);
    json_set(j, "courses", list);
    json_set_str(j, "next", c < COURSES ? next : NULL);
    reply(r, 200, j);
}

static void handle_deleted(struct http_request *r, void *ctx)
{
    struct node *n = ctx;
    struct json *j = json_object(), *list = json_array();
    char digest[HASH_HEX_SIZE];
    hash_sha256_hex("set", 3, digest);
    for (unsigned i = 0; i < DELETED && n->number == 1; i++) {
        struct json *course = json_object();
        json_set_str(course, "key", n->world->keys[i]);
        json_set_stamp(course, "tombstone", (struct stamp){9, 7});
        json_set_str(course, "digest", digest);
        json_append(list, course);
    }
    json_set_u64(j, "ring", 1);
    json_set(j, "courses", list);
    json_set_null(j, "next");
    reply(r, 200, j);
}

static struct json *body_of(struct http_request *r)
{
    size_t len;
    const void *body = http_body(r, &len);
    struct json *j;
    assert_ok(json_parse(body, len, &j));
    return j;
}

static void handle_holds(struct http_request *r, void *ctx)
{
    struct node *n = ctx;
    struct json *asked = body_of(r), *j = json_object(), *holds = json_array(), *promised = json_array();
    char stamp[STAMP_HEX_SIZE];
    stamp_hex((struct stamp){100 + n->number, 1}, stamp);
    for (size_t i = json_count(json_get(asked, "items")); i > 0; i--) {
        json_append(holds, json_boolean(atomic_load(&n->holds)));
        json_append(promised, json_string(stamp));
    }
    json_free(asked);
    json_set_u64(j, "ring", 1);
    json_set(j, "holds", holds);
    json_set(j, "promised", promised);
    atomic_fetch_add(&n->asked_holds, 1);
    reply(r, 200, j);
}

static void handle_command(struct http_request *r, void *ctx)
{
    struct node *n = ctx;
    struct json *order = body_of(r), *j = json_object();
    struct buf text;
    int say = atomic_load(&n->drop);
    buf_init(&text, sizeof n->last_drop - 1);
    assert_ok(json_print(order, &text));
    snprintf(n->last_drop, sizeof n->last_drop, "%s", buf_str(&text));
    buf_release(&text);
    json_free(order);
    atomic_fetch_add(&n->drops, 1);
    json_set_bool(j, "ok", say == 200);
    if (say == 409)
        json_set(j, "promised", ballot_to_json(&(struct ballot){.counter = 99, .coordinator = "other", .start = 1}));
    reply(r, say == 201 ? 200 : say, j);
}

static const struct http_route routes[] = {
    {.method = "GET", .pattern = "/courses", .auth = HTTP_AUTH_SIGNED, .from = SIGN_COORDINATOR, .handle = handle_courses},
    {.method = "GET", .pattern = "/deleted", .auth = HTTP_AUTH_SIGNED, .from = SIGN_COORDINATOR, .handle = handle_deleted},
    {.method = "POST",
        .pattern = "/settle/holds",
        .auth = HTTP_AUTH_SIGNED,
        .from = SIGN_COORDINATOR,
        .body_max = 1u << 20,
        .handle = handle_holds},
    {.method = "POST",
        .pattern = "/leader/command",
        .auth = HTTP_AUTH_SIGNED,
        .from = SIGN_COORDINATOR,
        .body_max = 65536,
        .handle = handle_command},
};

static void close_node(struct node *n)
{
    http_stop(n->server);
    sign_keys_free(n->keys);
}

static int open_node(struct world *w, unsigned i)
{
    struct node *n = &w->nodes[i];
    n->world = w;
    n->number = i + 1;
    char self[SIGN_SENDER_MAX];
    struct member m = make_member(i + 1);
    snprintf(self, sizeof self, "node:%s", m.id);
    n->keys = keyring_of(&w->c->key, self);
    struct http_config config = {
        .address = "127.0.0.1", .routes = routes, .n_routes = sizeof routes / sizeof *routes, .keys = n->keys, .ctx = n};
    if (http_start(&config, &n->server) != ERR_OK)
        return 0;
    struct effects fx = coordinator_effects(w->c);
    snprintf(m.url, sizeof m.url, "http://127.0.0.1:%u", http_port(n->server));
    return membership_hear(&w->c->membership, &fx, w->c->ring, &m, 0) == ERR_OK;
}

static int set_up(void **state)
{
    static struct world w;
    log_init("test", LOG_ERROR);
    if (!redis_server_init(&w.redis) || peer_global_init() != ERR_OK)
        return -1;
    w.settings = (struct coordinator_settings){.name = "coordinator-1", .redis = w.redis.address, .sweep_s = 600, .purge_after_s = 1};
    w.c = calloc(1, sizeof *w.c);
    w.c->settings = &w.settings;
    w.c->start = 5;
    memset(w.c->key.bytes, 7, sizeof w.c->key.bytes);
    w.c->keys = sign_keys_master(&w.c->key, "coordinator:coordinator-1");
    pthread_mutex_init(&w.c->lock, NULL);
    pthread_cond_init(&w.c->changed, NULL);
    w.c->ring = make_doc(1, 1, NODES, 0, "");
    membership_init(&w.c->membership, 1000, clock_boot_ms(), &w.c->wishes.now);
    membership_new_ring(&w.c->membership, w.c->ring);
    for (unsigned c = 0; c < COURSES; c++)
        snprintf(w.keys[c], sizeof w.keys[0], "csen%03u", c);
    for (unsigned i = 0; i < NODES; i++) {
        if (!open_node(&w, i))
            return -1;
    }
    w.tend = (struct tend){.c = w.c, .store = coordinator_store(w.c, 5000), .peer = peer_new(w.c->keys, NULL)};
    *state = &w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < w->tend.n_drops; i++)
        free(w->tend.drops[i].key);
    store_free(w->tend.store);
    peer_free(w->tend.peer);
    for (unsigned i = 0; i < NODES; i++)
        close_node(&w->nodes[i]);
    membership_release(&w->c->membership);
    ringdoc_free(w->c->ring);
    pthread_cond_destroy(&w->c->changed);
    pthread_mutex_destroy(&w->c->lock);
    sign_keys_free(w->c->keys);
    free(w->c);
    redis_server_release(&w->redis);
    return 0;
}

/* A new term that nobody contests, with an index that is not believed. */
static void lead(struct world *w)
{
    struct coordinator *c = w->c;
    struct mark_hold hold;
    c->leading = 1;
    c->valid_until_ms = clock_boot_ms() + 600000;
    c->led_term = ++c->term;
    c->led_epoch = 10 + c->term;
    w->tend.term = c->term;
    w->tend.ballot = (struct ballot){.counter = c->led_epoch, .coordinator = "coordinator-1", .start = 5};
    w->tend.rebuilding = 0;
    w->tend.hold = (struct mark_hold){0};
    for (size_t i = 0; i < w->tend.n_drops; i++)
        free(w->tend.drops[i].key);
    w->tend.n_drops = 0;
    assert_ok(mark_begin(w->tend.store, &hold));
    assert_ok(index_clear(w->tend.store, &hold));
    for (unsigned i = 0; i < NODES; i++) {
        struct node *n = &w->nodes[i];
        atomic_store(&n->silent, 0);
        atomic_store(&n->holds, 1);
        atomic_store(&n->drop, 200);
        atomic_store(&n->drops, 0);
        atomic_store(&n->asked_holds, 0);
    }
}

static int is_ready(struct world *w)
{
    struct mark m;
    assert_ok(mark_read(w->tend.store, &m));
    return mark_is_ready(w->tend.store, &m);
}

static void check_index(struct world *w)
{
    uint64_t n, versions;
    struct record current;
    assert_ok(index_count(w->tend.store, &n));
    assert_int_equal(n, COURSES);
    for (unsigned c = 0; c < COURSES; c += 5) {
        assert_ok(index_current(w->tend.store, w->keys[c], &current, &versions));
        assert_int_equal(versions, c % 10 == 0 ? 2 : 1);
        assert_int_equal(current.id.clock, versions);
        record_release(&current);
    }
}

/* ---- rebuild and sweep */

static void test_a_rebuild_brings_what_any_node_has(void **state)
{
    struct world *w = *state;
    lead(w);
    assert_ok(rebuild_run(&w->tend));
    assert_true(is_ready(w));
    check_index(w);
}

static void test_a_rebuild_waits_for_nodes_and_keeps_what_came(void **state)
{
    struct world *w = *state;
    uint64_t added;
    lead(w);
    atomic_store(&w->nodes[0].silent, 1);
    atomic_store(&w->nodes[2].silent, 1);
    assert_err(ERR_UNAVAILABLE, rebuild_run(&w->tend));
    assert_false(is_ready(w));
    assert_err(ERR_STALE_INDEX, index_count(w->tend.store, &added));
    struct mark_hold begun = w->tend.hold;
    atomic_store(&w->nodes[0].silent, 0);
    assert_ok(rebuild_run(&w->tend)); /* two of three owners prove what is not there */
    assert_string_equal(w->tend.hold.token, begun.token);
    check_index(w);
}

static void test_a_leader_that_lost_its_lease_does_nothing(void **state)
{
    struct world *w = *state;
    lead(w);
    w->c->valid_until_ms = 0;
    assert_err(ERR_FENCED, rebuild_run(&w->tend));
    assert_false(is_ready(w));
    w->c->valid_until_ms = clock_boot_ms() + 600000;
    w->c->led_epoch = 0; /* a node has refused it */
    assert_err(ERR_FENCED, rebuild_run(&w->tend));
    assert_false(is_ready(w));
}

static void test_a_rebuild_that_another_leader_overtakes_marks_nothing(void **state)
{
    struct world *w = *state;
    struct mark_hold other;
    lead(w);
    atomic_store(&w->nodes[0].silent, 1);
    atomic_store(&w->nodes[2].silent, 1);
    assert_err(ERR_UNAVAILABLE, rebuild_run(&w->tend));
    assert_ok(mark_begin(w->tend.store, &other));
    assert_err(ERR_STALE_INDEX, mark_finish(w->tend.store, &w->tend.hold, 1));
    atomic_store(&w->nodes[0].silent, 0);
    assert_ok(rebuild_run(&w->tend)); /* begins anew, and so overtakes the other */
    assert_err(ERR_STALE_INDEX, mark_finish(w->tend.store, &other, 1));
    check_index(w);
}

static void test_a_sweep_adds_what_is_missing_and_removes_nothing(void **state)
{
    struct world *w = *state;
    struct record more = make_version("Only Here 1", 77, 77, "", "", "");
    struct mark_hold hold;
    uint64_t n;
    lead(w);
    assert_ok(mark_begin(w->tend.store, &hold));
    assert_ok(mark_finish(w->tend.store, &hold, 0)); /* believed, and empty */
    assert_ok(index_add(w->tend.store, &more, 1, NULL));
    assert_ok(rebuild_sweep(&w->tend));
    assert_ok(index_count(w->tend.store, &n));
    assert_int_equal(n, COURSES + 1);
    assert_true(is_ready(w));
    record_release(&more);
}

static void test_a_sweep_of_an_index_that_is_not_believed_is_refused(void **state)
{
    struct world *w = *state;
    lead(w);
    assert_err(ERR_STALE_INDEX, rebuild_sweep(&w->tend));
}

/* ---- purge */

/* An index in which the courses that may go are deleted. */
static void lead_and_delete(struct world *w)
{
    lead(w);
    assert_ok(rebuild_run(&w->tend));
    for (unsigned i = 0; i < DELETED; i++) {
        char name[16];
        snprintf(name, sizeof name, "CSEN %03u", i);
        struct record t = make_tombstone(name, 9, 9000 + i, STAMP_ZERO);
        assert_ok(index_add(w->tend.store, &t, 1, NULL));
        record_release(&t);
    }
}

/* How many of them the index still has. */
static unsigned remembered(struct world *w)
{
    unsigned n = 0;
    for (unsigned i = 0; i < DELETED; i++) {
        struct history h = {0};
        enum err e = index_history(w->tend.store, w->keys[i], &h);
        assert_true(e == ERR_OK || e == ERR_NOT_FOUND);
        n += e == ERR_OK;
        history_release(&h);
    }
    return n;
}

static void test_what_all_owners_hold_is_dropped_by_all(void **state)
{
    struct world *w = *state;
    char floor[STAMP_HEX_SIZE];
    lead_and_delete(w);
    assert_int_equal(remembered(w), DELETED);
    assert_ok(purge_round(&w->tend));
    assert_int_equal(remembered(w), 0);
    stamp_hex((struct stamp){100 + NODES, 1}, floor);
    for (unsigned i = 0; i < NODES; i++) {
        assert_int_equal(atomic_load(&w->nodes[i].drops), DELETED);
        assert_non_null(strstr(w->nodes[i].last_drop, "\"order\":\"drop\""));
        assert_non_null(strstr(w->nodes[i].last_drop, floor)); /* the largest that any of them promised */
    }
    assert_int_equal(w->tend.n_drops, 0);
}

static void test_one_owner_that_lacks_it_stops_a_purge(void **state)
{
    struct world *w = *state;
    lead_and_delete(w);
    atomic_store(&w->nodes[2].holds, 0);
    assert_ok(purge_round(&w->tend));
    assert_int_equal(remembered(w), DELETED);
    for (unsigned i = 0; i < NODES; i++)
        assert_int_equal(atomic_load(&w->nodes[i].drops), 0);
}

static void test_an_owner_that_is_not_there_stops_a_purge(void **state)
{
    struct world *w = *state;
    struct effects fx = coordinator_effects(w->c);
    struct member back = membership_find(&w->c->membership, make_member(3).id)->member;
    lead_and_delete(w);
    membership_leave(&w->c->membership, &fx, w->c->ring, back.id);
    assert_ok(purge_round(&w->tend));
    assert_int_equal(atomic_load(&w->nodes[2].asked_holds), 0);
    assert_int_equal(atomic_load(&w->nodes[0].drops), 0);
    assert_int_equal(remembered(w), DELETED);
    assert_ok(membership_hear(&w->c->membership, &fx, w->c->ring, &back, 0));
}

static void test_a_drop_that_did_not_reach_everybody_is_repeated(void **state)
{
    struct world *w = *state;
    lead_and_delete(w);
    atomic_store(&w->nodes[1].drop, 503);
    assert_ok(purge_round(&w->tend));
    assert_int_equal(remembered(w), DELETED); /* not before all have dropped it */
    assert_int_equal(w->tend.n_drops, DELETED);
    atomic_store(&w->nodes[1].drop, 200);
    for (unsigned i = 0; i < NODES; i++)
        atomic_store(&w->nodes[i].holds, 0); /* those that dropped it hold nothing any more */
    assert_ok(purge_round(&w->tend));
    assert_int_equal(remembered(w), 0);
    assert_int_equal(w->tend.n_drops, 0);
}

static void test_something_newer_ends_a_drop(void **state)
{
    struct world *w = *state;
    lead_and_delete(w);
    atomic_store(&w->nodes[1].drop, 201);
    assert_ok(purge_round(&w->tend));
    assert_int_equal(remembered(w), DELETED);
    assert_int_equal(w->tend.n_drops, 0);
}

static void test_a_larger_ballot_ends_the_leadership(void **state)
{
    struct world *w = *state;
    lead_and_delete(w);
    atomic_store(&w->nodes[1].drop, 409);
    assert_err(ERR_FENCED, purge_round(&w->tend));
    assert_int_equal(remembered(w), DELETED);
    assert_int_equal(w->c->led_epoch, 0);
    assert_int_equal(atomic_load(&w->nodes[0].drops), 1); /* nothing more was ordered */
}

static void test_nothing_is_purged_while_the_ring_changes(void **state)
{
    struct world *w = *state;
    struct ringdoc *stable = w->c->ring;
    struct ringdoc_change change = {.members = stable->ring->members, .n = 2, .k = 3};
    lead_and_delete(w);
    assert_ok(ringdoc_joint(stable, &change, &stable->ballot, &w->c->ring));
    assert_ok(purge_round(&w->tend));
    for (unsigned i = 0; i < NODES; i++)
        assert_int_equal(atomic_load(&w->nodes[i].asked_holds), 0);
    ringdoc_free(w->c->ring);
    w->c->ring = stable;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_rebuild_brings_what_any_node_has),
        cmocka_unit_test(test_a_rebuild_waits_for_nodes_and_keeps_what_came),
        cmocka_unit_test(test_a_leader_that_lost_its_lease_does_nothing),
        cmocka_unit_test(test_a_rebuild_that_another_leader_overtakes_marks_nothing),
        cmocka_unit_test(test_a_sweep_adds_what_is_missing_and_removes_nothing),
        cmocka_unit_test(test_a_sweep_of_an_index_that_is_not_believed_is_refused),
        cmocka_unit_test(test_what_all_owners_hold_is_dropped_by_all),
        cmocka_unit_test(test_one_owner_that_lacks_it_stops_a_purge),
        cmocka_unit_test(test_an_owner_that_is_not_there_stops_a_purge),
        cmocka_unit_test(test_a_drop_that_did_not_reach_everybody_is_repeated),
        cmocka_unit_test(test_something_newer_ends_a_drop),
        cmocka_unit_test(test_a_larger_ballot_ends_the_leadership),
        cmocka_unit_test(test_nothing_is_purged_while_the_ring_changes),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
