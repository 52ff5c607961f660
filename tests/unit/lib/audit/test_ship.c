/* Heads on their way: to as many nodes as are to keep them, past those that do not answer, without holding anybody up. */
#include "tests/unit/keyring.h"
#include "tests/unit/unit.h"

#include "lib/audit/ship.h"
#include "lib/base/clock.h"
#include "lib/http/http.h"
#include "lib/peer/peer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODES 3
#define WAIT_MS 20000u

struct node {
    struct http_server *server;
    struct sign_keys *keys;
    char url[64], id[16];
    atomic_int status;       /* what it answers */
    _Atomic uint64_t newest; /* the largest n it was told */
    atomic_int heads;
};

struct fixture {
    struct sign_key key; /* the master */
    struct sign_keys *keys;
    struct node nodes[NODES];
    size_t need;
    struct audit_ship *ship;
};

static void take(struct http_request *r, void *ctx)
{
    struct node *n = ctx;
    struct audit_head head;
    struct json *j;
    size_t len;
    const void *body = http_body(r, &len);
    int status = atomic_load(&n->status);
    if (json_parse(body, len, &j) != ERR_OK || audit_head_from_json(j, &head) != ERR_OK)
        status = 400;
    else if (status == 200 && head.n > atomic_load(&n->newest))
        atomic_store(&n->newest, head.n);
    json_free(j);
    atomic_fetch_add(&n->heads, 1);
    http_reply(r, status, "application/json", "{}", 2);
}

static const struct http_route routes[] = {
    {.method = "POST", .pattern = "/audit/head", .auth = HTTP_AUTH_SIGNED, .from = SIGN_API, .body_max = 4096, .handle = take}};

static size_t targets(void *ctx, struct audit_target *out, size_t max, size_t *need)
{
    struct fixture *f = ctx;
    assert_true(max >= NODES);
    for (size_t i = 0; i < NODES; i++) {
        snprintf(out[i].url, sizeof out[i].url, "%s", f->nodes[i].url);
        snprintf(out[i].id, sizeof out[i].id, "%s", f->nodes[i].id);
    }
    *need = f->need;
    return NODES;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    memcpy(f->key.bytes, "the cluster's key of these tests", sizeof f->key.bytes);
    f->keys = keyring_of(&f->key, "api:api-1");
    f->need = 2;
    for (size_t i = 0; i < NODES; i++) {
        struct node *n = &f->nodes[i];
        snprintf(n->id, sizeof n->id, "node-%d.a", (int)i);
        atomic_store(&n->status, 200);
        char self[SIGN_SENDER_MAX];
        snprintf(self, sizeof self, "node:%s", n->id);
        n->keys = keyring_of(&f->key, self);
        struct http_config config = {.address = "127.0.0.1", .routes = routes, .n_routes = 1, .keys = n->keys, .ctx = n, .self = n->id};
        assert_ok(http_start(&config, &n->server));
        snprintf(n->url, sizeof n->url, "http://127.0.0.1:%u", http_port(n->server));
    }
    struct audit_ship_settings s = {.keys = f->keys, .targets = targets, .ctx = f};
    assert_ok(audit_ship_open(&s, &f->ship));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    audit_ship_close(f->ship);
    for (size_t i = 0; i < NODES; i++)
        http_stop(f->nodes[i].server);
    for (size_t i = 0; i < NODES; i++)
        sign_keys_free(f->nodes[i].keys);
    sign_keys_free(f->keys);
    free(f);
    return 0;
}

static void tell(struct fixture *f, uint64_t n)
{
    struct audit_head head = {.process = "api:api-1", .chain = "0123456789abcdef0123456789abcdef", .n = n, .at_ms = 1};
    audit_ship_head(f->ship, &head);
}

/* How many nodes have a head as new as this one, once they are `wanted`. */
static size_t told(struct fixture *f, uint64_t n, size_t wanted)
{
    uint64_t until_ms = clock_boot_ms() + WAIT_MS;
    size_t have;
    do {
        have = 0;
        for (size_t i = 0; i < NODES; i++)
            have += atomic_load(&f->nodes[i].newest) >= n;
        if (have < wanted)
            clock_sleep_ms(5);
    } while (have < wanted && clock_boot_ms() < until_ms);
    return have;
}

static void as_many_nodes_as_are_needed_are_told(void **state)
{
    struct fixture *f = *state;
    tell(f, 7);
    assert_int_equal(told(f, 7, 2), 2);
    tell(f, 8);
    assert_int_equal(told(f, 8, 2), 2); /* the same two: one process, one order */
    assert_int_equal(told(f, 7, 2), 2);
}

static void who_does_not_take_it_is_passed_by(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < NODES; i++) {
        atomic_store(&f->nodes[i].status, 503);
        tell(f, (uint64_t)i + 1);
        assert_int_equal(told(f, (uint64_t)i + 1, 2), 2);
        atomic_store(&f->nodes[i].status, 200);
    }
}

static void what_too_few_take_waits_and_is_told_later(void **state)
{
    struct fixture *f = *state;
    atomic_store(&f->nodes[0].status, 503);
    atomic_store(&f->nodes[1].status, 503);
    for (uint64_t n = 1; n <= 2 * AUDIT_SHIP_WAITING_MAX; n++)
        tell(f, n); /* more than wait: the newest vouch for the others */
    assert_int_equal(told(f, 1, 1), 1);
    atomic_store(&f->nodes[0].status, 200);
    atomic_store(&f->nodes[1].status, 200);
    assert_int_equal(told(f, 2 * AUDIT_SHIP_WAITING_MAX, 2), 2);
    uint64_t until_ms = clock_boot_ms() + WAIT_MS;
    while (audit_ship_waits_s(f->ship) > 0 && clock_boot_ms() < until_ms)
        clock_sleep_ms(5);
    assert_int_equal(audit_ship_waits_s(f->ship), 0);
}

static void a_node_that_kept_another_line_counts_and_is_not_asked_for_ever(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < NODES; i++)
        atomic_store(&f->nodes[i].status, 409);
    tell(f, 1);
    for (size_t i = 0; i < NODES; i++)
        atomic_store(&f->nodes[i].status, 200);
    tell(f, 2);
    assert_int_equal(told(f, 2, 2), 2);
}

static void the_last_head_is_told_at_the_end(void **state)
{
    struct fixture *f = *state;
    tell(f, 1);
    tell(f, 2);
    tell(f, 3);
    audit_ship_close(f->ship);
    f->ship = NULL;
    assert_int_equal(told(f, 3, 2), 2);
    audit_ship_head(NULL, &(struct audit_head){.n = 1}); /* nobody to tell: fine */
    assert_int_equal(audit_ship_waits_s(NULL), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(as_many_nodes_as_are_needed_are_told),
        TEST(who_does_not_take_it_is_passed_by),
        TEST(what_too_few_take_waits_and_is_told_later),
        TEST(a_node_that_kept_another_line_counts_and_is_not_asked_for_ever),
        TEST(the_last_head_is_told_at_the_end),
    };
    if (peer_global_init() != ERR_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
