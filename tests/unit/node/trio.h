/* Three whole nodes in one process, over real connections, with all copies on each; without any coordinator. */
#ifndef RB_TESTS_UNIT_NODE_TRIO_H
#define RB_TESTS_UNIT_NODE_TRIO_H

#include "tests/unit/keyring.h"
#include "tests/unit/node/folder.h"

#include "lib/base/clock.h"
#include "lib/base/id.h"
#include "lib/base/log.h"
#include "lib/base/num.h"
#include "lib/base/seal.h"
#include "node/hints.h"
#include "node/identity.h"
#include "node/keys.h"
#include "node/needs.h"
#include "node/node.h"

#include <fcntl.h>

#define TRIO 3
#define TRIO_WAIT_MS 30000u
#define TRIO_KEY "csen 317"
#define TRIO_PATH "/records/csen%20317/"

struct trio {
    struct folder folder;
    char data[TRIO][256], listen[TRIO][32];
    struct ring_member members[TRIO];
    struct node nodes[TRIO];
    int running[TRIO];
    uint64_t entropy_s, collect_s, scrub_s; /* 0: off; for nodes that start from then on */
    uint32_t k;
    struct sign_key key;    /* the master */
    struct sign_keys *keys; /* an api's */
    struct peer *peer;
    struct hlc clock;
};

static inline void trio_start(struct trio *t, int i)
{
    struct node_settings s = {.data = t->data[i],
        .listen = t->listen[i],
        .coordinators = "http://127.0.0.1:1",
        .entropy_s = t->entropy_s,
        .collect_s = t->collect_s,
        .scrub_s = t->scrub_s,
        .purge_after_h = 720};
    assert_int_equal(node_open(&t->nodes[i], &s), 0);
    snprintf(t->listen[i], sizeof(t->listen[i]), "127.0.0.1:%u", http_port(t->nodes[i].server)); /* the same after a restart */
    t->running[i] = 1;
}

static inline void trio_stop(struct trio *t, int i)
{
    node_close(&t->nodes[i]);
    t->running[i] = 0;
}

static inline void trio_give_keys(struct trio *t, int i)
{
    struct keys_given given;
    keys_derive(&t->key, t->members[i].id, &given);
    assert_ok(keys_give(t->data[i], t->members[i].id, &given));
}

/* As a coordinator's GET /pairs would. */
static inline void trio_give_pairs(struct trio *t, int i)
{
    char hex[2 * SIGN_KEY_SIZE + 1];
    struct sign_key own, seal;
    struct buf text, sealed;
    buf_init(&text, 4096);
    buf_init(&sealed, 8192);
    assert_ok(buf_add_str(&text, "{\"pairs\":["));
    for (int n = 0; n < TRIO; n++) {
        struct sign_pair pair = keyring_pair(&t->key, t->members[i].id, t->members[n].id);
        num_hex(pair.key.bytes, SIGN_KEY_SIZE, hex);
        assert_ok(buf_addf(&text, "%s{\"id\":\"%s\",\"key\":\"%s\"}", n ? "," : "", pair.node, hex));
    }
    assert_ok(buf_add_str(&text, "]}"));
    sign_node_key(&t->key, t->members[i].id, &own);
    sign_pairs_seal(&own, &seal);
    assert_ok(seal_close(seal.bytes, "pairs", text.data, text.len, &sealed));
    assert_ok(keys_take(t->data[i], t->nodes[i].keys, sealed.data, sealed.len));
    buf_release(&text);
    buf_release(&sealed);
}

/* Tells a node what coordinators would: the ring, where the others are, and the keys of messages to them. */
static inline void trio_introduce(struct trio *t, int i)
{
    trio_give_pairs(t, i);
    struct ballot b = {.counter = 0};
    struct ringdoc *doc;
    struct buf text;
    buf_init(&text, 1u << 16);
    assert_ok(ringdoc_new(t->members, TRIO, t->k, 1, &b, &doc));
    assert_ok(buf_addf(&text, "{\"ring\": %s, \"view\": 1, \"nodes\": [", doc->text));
    for (int n = 0; n < TRIO; n++)
        assert_ok(buf_addf(&text, "%s{\"id\": \"%s\", \"url\": \"http://%s\"}", n ? ", " : "", t->members[n].id, t->listen[n]));
    assert_ok(buf_add_str(&text, "], \"leader\": null}"));
    assert_ok(cluster_learn(t->nodes[i].cluster, buf_str(&text), text.len));
    buf_release(&text);
    ringdoc_free(doc);
}

/* With these settings. */
static inline int trio_setup_with(void **state, uint32_t k, uint64_t entropy_s, uint64_t collect_s)
{
    struct trio *t = calloc(1, sizeof(*t));
    t->k = k;
    t->entropy_s = entropy_s;
    t->collect_s = collect_s;
    static const char *const names[TRIO] = {"node-1", "node-2", "node-3"};
    folder_make(&t->folder);
    id_random(t->key.bytes, sizeof(t->key.bytes));
    hlc_init(&t->clock);
    for (int i = 0; i < TRIO; i++) {
        struct buf b;
        buf_init(&b, 4096);
        snprintf(t->data[i], sizeof(t->data[i]), "%s", folder_at(&t->folder, names[i]));
        snprintf(t->listen[i], sizeof(t->listen[i]), "127.0.0.1:0");
        assert_ok(identity_init(t->data[i], names[i], "", 1, &b));
        assert_ok(identity_read(t->data[i], &t->members[i]));
        trio_give_keys(t, i);
        buf_release(&b);
        trio_start(t, i);
    }
    for (int i = 0; i < TRIO; i++)
        trio_introduce(t, i);
    t->keys = keyring_of(&t->key, "api:test");
    t->peer = peer_new(t->keys, NULL);
    assert_non_null(t->peer);
    *state = t;
    return 0;
}

static inline int trio_setup(void **state)
{
    return trio_setup_with(state, TRIO, 0, 0);
}

static inline int trio_teardown(void **state)
{
    struct trio *t = *state;
    for (int i = 0; i < TRIO; i++)
        if (t->running[i])
            trio_stop(t, i);
    peer_free(t->peer);
    sign_keys_free(t->keys);
    hlc_release(&t->clock);
    folder_remove(&t->folder);
    free(t);
    return 0;
}

/* POSTs, or without a body GETs, as `self` ("role:name"); the status, or an error below 0. to: the node meant, NULL: the one at this address. */
static inline long trio_ask_as(struct trio *t, const char *self, int i, const char *to, const char *path, const char *body)
{
    char url[64];
    struct sign_keys *keys = keyring_of(&t->key, self);
    struct peer *peer = peer_new(keys, NULL);
    const char *whom = to ? to : t->members[i].id;
    if (strncmp(self, "node:", 5) == 0) {
        struct sign_pair pair = keyring_pair(&t->key, self + 5, whom);
        assert_ok(sign_keys_learn(keys, &pair, 1));
    }
    snprintf(url, sizeof(url), "http://%s", t->listen[i]);
    struct peer_call call = {.base_url = url,
        .to = whom,
        .method = body ? "POST" : "GET",
        .path = path,
        .body = body,
        .body_len = body ? strlen(body) : 0,
        .answer_max = 1u << 20};
    assert_ok(peer_call(peer, &call, 10000));
    long status = call.error ? -(long)call.error : call.status;
    peer_calls_release(&call, 1);
    peer_free(peer);
    sign_keys_free(keys);
    return status;
}

/* A record for `text`; conditional ones are for ACCEPT. */
static inline void trio_record(struct trio *t, struct record *r, const char *text, int conditional)
{
    assert_ok(record_init(r));
    r->id = hlc_next(&t->clock);
    assert_ok(record_set(&r->course, "CSEN 317"));
    assert_ok(record_set(&r->key, TRIO_KEY));
    assert_ok(record_set(&r->filename, "a.txt"));
    assert_ok(record_set(&r->type, "text/plain"));
    r->size = strlen(text);
    hash_sha256_hex(text, strlen(text), r->sha256);
    id_random_hex(r->upload, 16);
    r->conditional = conditional;
}

static inline void trio_begin(struct message_request *m, enum message_verb verb)
{
    message_request_init(m, verb);
    m->ring = 1;
    m->key = strdup(TRIO_KEY);
    assert_non_null(m->key);
}

/* Sends m with text behind it to node i; the status, and the answer when the caller wants it. */
static inline long trio_send(
    struct trio *t, int i, const char *verb, const struct message_request *m, const char *text, struct message_answer *answer)
{
    char url[64], path[64];
    struct buf head;
    buf_init(&head, 1u << 20);
    snprintf(url, sizeof(url), "http://%s", t->listen[i]);
    snprintf(path, sizeof(path), "%s%s", TRIO_PATH, verb);
    assert_ok(message_request_print(m, &head));
    struct peer_call call = {.base_url = url,
        .to = t->members[i].id,
        .method = "POST",
        .path = path,
        .epoch = 1,
        .head = head.data,
        .head_len = head.len,
        .body = text,
        .body_len = strlen(text),
        .answer_max = 1u << 20};
    assert_ok(peer_call(t->peer, &call, 10000));
    assert_ok(call.error);
    long status = call.status;
    if (answer)
        assert_ok(message_answer_parse(buf_str(&call.answer), call.answer.len, answer));
    peer_calls_release(&call, 1);
    buf_release(&head);
    return status;
}

/* STOREs a new record for text on the nodes of a mask. */
static inline void trio_store(struct trio *t, unsigned mask, const char *text, struct record *r)
{
    struct message_request m;
    trio_begin(&m, MESSAGE_STORE);
    m.has_record = 1;
    trio_record(t, &m.record, text, 0);
    for (int i = 0; i < TRIO; i++)
        if (mask & (1u << i))
            assert_int_equal(trio_send(t, i, "store", &m, text, NULL), 200);
    assert_ok(record_copy(r, &m.record));
    message_request_release(&m);
}

static inline void trio_hint(struct trio *t, int keeper, int target)
{
    struct message_request m;
    trio_begin(&m, MESSAGE_HINT);
    memcpy(m.target, t->members[target].id, RING_ID_MAX);
    assert_int_equal(trio_send(t, keeper, "hint", &m, "", NULL), 200);
    message_request_release(&m);
}

/* How node i has a record: "none", or the state of its blob and whether it is direct. */
static const char *trio_how(struct trio *t, int i, struct stamp id)
{
    static char text[32];
    struct message_request m;
    struct message_answer a;
    trio_begin(&m, MESSAGE_PULL);
    memcpy(m.target, t->members[i].id, RING_ID_MAX);
    assert_int_equal(trio_send(t, i, "pull", &m, "", &a), 200);
    snprintf(text, sizeof(text), "none");
    for (size_t n = 0; n < a.history.n; n++)
        if (stamp_cmp(a.history.entries[n].record.id, id) == 0)
            snprintf(text, sizeof(text), "%s%s", blob_state_name(a.blobs[n]), a.history.entries[n].direct ? " direct" : "");
    message_answer_release(&a);
    message_request_release(&m);
    return text;
}

static inline void trio_wait_until(struct trio *t, int i, struct stamp id, const char *want)
{
    uint64_t end = clock_boot_ms() + TRIO_WAIT_MS;
    while (strcmp(trio_how(t, i, id), want) != 0 && clock_boot_ms() < end)
        clock_sleep_ms(10);
    assert_string_equal(trio_how(t, i, id), want);
}

#endif
