/* Whole nodes in one process, over real connections: what one missed or lost comes from the others, without any coordinator. */
#include "tests/unit/node/folder.h"

#include "lib/base/clock.h"
#include "lib/base/id.h"
#include "lib/base/log.h"
#include "node/hints.h"
#include "node/identity.h"
#include "node/needs.h"
#include "node/node.h"

#include <fcntl.h>

#define NODES 3
#define WAIT_MS 10000u
#define KEY "csen 317"
#define KEY_PATH "/records/csen%20317/"

struct trio {
    struct folder folder;
    char data[NODES][256], key_file[256], listen[NODES][32];
    struct ring_member members[NODES];
    struct node nodes[NODES];
    int running[NODES];
    struct sign_key key;
    struct peer *peer;
    struct hlc clock;
};

static void start(struct trio *t, int i)
{
    struct node_settings s = {.data = t->data[i], .listen = t->listen[i], .coordinators = "http://127.0.0.1:1", .key_file = t->key_file};
    assert_int_equal(node_open(&t->nodes[i], &s), 0);
    snprintf(t->listen[i], sizeof(t->listen[i]), "127.0.0.1:%u", http_port(t->nodes[i].server)); /* the same after a restart */
    t->running[i] = 1;
}

static void stop(struct trio *t, int i)
{
    node_close(&t->nodes[i]);
    t->running[i] = 0;
}

/* Tells a node what coordinators would: the ring, and where the others are. */
static void introduce(struct trio *t, int i)
{
    struct ballot b = {.counter = 0};
    struct ringdoc *doc;
    struct buf text;
    buf_init(&text, 1u << 16);
    assert_ok(ringdoc_new(t->members, NODES, NODES, 1, &b, &doc));
    assert_ok(buf_addf(&text, "{\"ring\": %s, \"view\": 1, \"nodes\": [", doc->text));
    for (int n = 0; n < NODES; n++)
        assert_ok(buf_addf(&text, "%s{\"id\": \"%s\", \"url\": \"http://%s\"}", n ? ", " : "", t->members[n].id, t->listen[n]));
    assert_ok(buf_add_str(&text, "], \"leader\": null}"));
    assert_ok(cluster_learn(t->nodes[i].cluster, buf_str(&text), text.len));
    buf_release(&text);
    ringdoc_free(doc);
}

static int setup(void **state)
{
    struct trio *t = calloc(1, sizeof(*t));
    static const char *const names[NODES] = {"node-1", "node-2", "node-3"};
    char hex[65];
    folder_make(&t->folder);
    snprintf(t->key_file, sizeof(t->key_file), "%s", folder_at(&t->folder, "key"));
    id_random(t->key.bytes, sizeof(t->key.bytes));
    for (size_t i = 0; i < sizeof(t->key.bytes); i++)
        snprintf(hex + 2 * i, 3, "%02x", t->key.bytes[i]);
    assert_ok(fs_replace_file(t->key_file, hex, 64, 0600));
    hlc_init(&t->clock);
    for (int i = 0; i < NODES; i++) {
        struct buf b;
        buf_init(&b, 4096);
        snprintf(t->data[i], sizeof(t->data[i]), "%s", folder_at(&t->folder, names[i]));
        snprintf(t->listen[i], sizeof(t->listen[i]), "127.0.0.1:0");
        assert_ok(identity_init(t->data[i], names[i], "", 1, &b));
        assert_ok(identity_read(t->data[i], &t->members[i]));
        buf_release(&b);
        start(t, i);
    }
    for (int i = 0; i < NODES; i++)
        introduce(t, i);
    t->peer = peer_new(&t->key, "test");
    assert_non_null(t->peer);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct trio *t = *state;
    for (int i = 0; i < NODES; i++)
        if (t->running[i])
            stop(t, i);
    peer_free(t->peer);
    hlc_release(&t->clock);
    folder_remove(&t->folder);
    free(t);
    return 0;
}

/* A record for `text`; conditional ones are for ACCEPT. */
static void make_record(struct trio *t, struct record *r, const char *text, int conditional)
{
    assert_ok(record_init(r));
    r->id = hlc_next(&t->clock);
    assert_ok(record_set(&r->course, "CSEN 317"));
    assert_ok(record_set(&r->key, KEY));
    assert_ok(record_set(&r->filename, "a.txt"));
    assert_ok(record_set(&r->type, "text/plain"));
    r->size = strlen(text);
    hash_sha256_hex(text, strlen(text), r->sha256);
    id_random_hex(r->upload, 16);
    r->conditional = conditional;
}

static void begin(struct message_request *m, enum message_verb verb)
{
    message_request_init(m, verb);
    m->ring = 1;
    m->key = strdup(KEY);
    assert_non_null(m->key);
}

/* Sends m with text behind it to node i; the status, and the answer when the caller wants it. */
static long send(struct trio *t, int i, const char *verb, const struct message_request *m, const char *text, struct message_answer *answer)
{
    char url[64], path[64];
    struct buf head;
    buf_init(&head, 1u << 20);
    snprintf(url, sizeof(url), "http://%s", t->listen[i]);
    snprintf(path, sizeof(path), "%s%s", KEY_PATH, verb);
    assert_ok(message_request_print(m, &head));
    struct peer_call call = {.base_url = url,
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
static void store(struct trio *t, unsigned mask, const char *text, struct record *r)
{
    struct message_request m;
    begin(&m, MESSAGE_STORE);
    m.has_record = 1;
    make_record(t, &m.record, text, 0);
    for (int i = 0; i < NODES; i++)
        if (mask & (1u << i))
            assert_int_equal(send(t, i, "store", &m, text, NULL), 200);
    assert_ok(record_copy(r, &m.record));
    message_request_release(&m);
}

static void hint(struct trio *t, int keeper, int target)
{
    struct message_request m;
    begin(&m, MESSAGE_HINT);
    memcpy(m.target, t->members[target].id, RING_ID_MAX);
    assert_int_equal(send(t, keeper, "hint", &m, "", NULL), 200);
    message_request_release(&m);
}

/* How node i has a record: "none", or the state of its blob and whether it is direct. */
static const char *how(struct trio *t, int i, struct stamp id)
{
    static char text[32];
    struct message_request m;
    struct message_answer a;
    begin(&m, MESSAGE_PULL);
    memcpy(m.target, t->members[i].id, RING_ID_MAX);
    assert_int_equal(send(t, i, "pull", &m, "", &a), 200);
    snprintf(text, sizeof(text), "none");
    for (size_t n = 0; n < a.history.n; n++)
        if (stamp_cmp(a.history.entries[n].record.id, id) == 0)
            snprintf(text, sizeof(text), "%s%s", blob_state_name(a.blobs[n]), a.history.entries[n].direct ? " direct" : "");
    message_answer_release(&a);
    message_request_release(&m);
    return text;
}

static void wait_until(struct trio *t, int i, struct stamp id, const char *want)
{
    uint64_t end = clock_boot_ms() + WAIT_MS;
    while (strcmp(how(t, i, id), want) != 0 && clock_boot_ms() < end)
        clock_sleep_ms(10);
    assert_string_equal(how(t, i, id), want);
}

static uint64_t hints_of(struct trio *t, int i)
{
    uint64_t n;
    assert_ok(hints_count(t->nodes[i].db, &n));
    return n;
}

static void wait_for_no_hints(struct trio *t, int i)
{
    uint64_t end = clock_boot_ms() + WAIT_MS;
    while (hints_of(t, i) > 0 && clock_boot_ms() < end)
        clock_sleep_ms(10);
    assert_int_equal(hints_of(t, i), 0);
}

static void an_owner_that_missed_something_catches_up(void **state)
{
    struct trio *t = *state;
    struct record r;
    store(t, 3, "hello", &r);
    assert_string_equal(how(t, 2, r.id), "none");
    hint(t, 0, 2);
    wait_for_no_hints(t, 0);
    assert_string_equal(how(t, 2, r.id), "stored");
    assert_string_equal(how(t, 0, r.id), "stored direct");
    record_release(&r);
}

static void a_hint_waits_for_its_target_and_survives_its_keeper(void **state)
{
    struct trio *t = *state;
    struct record r;
    stop(t, 2);
    store(t, 3, "hello", &r);
    hint(t, 0, 2);
    clock_sleep_ms(300);
    assert_int_equal(hints_of(t, 0), 1);
    stop(t, 0);
    start(t, 0); /* ring and addresses come from its folder */
    assert_int_equal(hints_of(t, 0), 1);
    start(t, 2);
    wait_for_no_hints(t, 0);
    assert_string_equal(how(t, 2, r.id), "stored");
    record_release(&r);
}

static void a_hint_for_nobody_is_refused(void **state)
{
    struct trio *t = *state;
    struct message_request m;
    begin(&m, MESSAGE_HINT);
    snprintf(m.target, sizeof(m.target), "node-9.0123456789abcdef");
    assert_int_equal(send(t, 0, "hint", &m, "", NULL), 422);
    memcpy(m.target, t->members[0].id, RING_ID_MAX);
    assert_int_equal(send(t, 0, "hint", &m, "", NULL), 422); /* itself */
    message_request_release(&m);
}

static const char *blob_path(struct trio *t, int i, const char *sha256)
{
    static char path[512];
    snprintf(path, sizeof(path), "%s/blobs/%.2s/%.2s/%s", t->data[i], sha256, sha256 + 2, sha256);
    return path;
}

/* As a neighbour asks. */
static long get_blob(struct trio *t, int i, const char *sha256, const char *want)
{
    char url[64], path[128];
    snprintf(url, sizeof(url), "http://%s", t->listen[i]);
    snprintf(path, sizeof(path), "/blobs/%s", sha256);
    struct peer_call call = {.base_url = url, .method = "GET", .path = path, .epoch = 1, .answer_max = 1u << 20};
    assert_ok(peer_call(t->peer, &call, 10000));
    assert_ok(call.error);
    if (call.status == 200)
        assert_string_equal(buf_str(&call.answer), want);
    long status = call.status;
    peer_calls_release(&call, 1);
    return status;
}

static void a_bad_copy_is_never_served_and_comes_back(void **state)
{
    struct trio *t = *state;
    struct record r;
    store(t, 7, "hello", &r);
    FILE *f = fopen(blob_path(t, 1, r.sha256), "w");
    assert_non_null(f);
    fputs("jello", f);
    fclose(f);
    assert_int_equal(get_blob(t, 1, r.sha256, "hello"), 404);
    wait_until(t, 1, r.id, "stored direct");
    assert_int_equal(get_blob(t, 1, r.sha256, "hello"), 200);
    record_release(&r);
}

static void a_lost_copy_comes_back(void **state)
{
    struct trio *t = *state;
    struct record r;
    store(t, 7, "hello", &r);
    assert_int_equal(unlink(blob_path(t, 1, r.sha256)), 0);
    assert_string_equal(how(t, 1, r.id), "missing direct"); /* looking is enough */
    wait_until(t, 1, r.id, "stored direct");
    assert_int_equal(unlink(blob_path(t, 2, r.sha256)), 0);
    assert_int_equal(get_blob(t, 2, r.sha256, "hello"), 404);
    wait_until(t, 2, r.id, "stored direct");
    record_release(&r);
}

static void a_blob_that_nothing_names_is_not_looked_for(void **state)
{
    struct trio *t = *state;
    char sha256[HASH_HEX_SIZE];
    struct need need;
    size_t n;
    hash_sha256_hex("never", 5, sha256);
    assert_int_equal(get_blob(t, 0, sha256, "never"), 404);
    assert_ok(needs_list(t->nodes[0].db, "", &need, 1, &n));
    assert_int_equal(n, 0);
}

static void a_blob_that_no_owner_has_does_not_keep_its_record_away(void **state)
{
    struct trio *t = *state;
    struct record lost, kept;
    store(t, 3, "lost", &lost);
    store(t, 3, "kept", &kept);
    assert_int_equal(unlink(blob_path(t, 0, lost.sha256)), 0);
    assert_int_equal(unlink(blob_path(t, 1, lost.sha256)), 0);
    hint(t, 0, 2);
    wait_for_no_hints(t, 0);
    assert_string_equal(how(t, 2, kept.id), "stored");
    assert_string_equal(how(t, 2, lost.id), "missing");
    record_release(&lost);
    record_release(&kept);
}

static void an_accept_fetches_what_its_owner_lacks(void **state)
{
    struct trio *t = *state;
    struct message_request m;
    struct message_answer a;
    struct record r;
    store(t, 3, "hello", &r);
    begin(&m, MESSAGE_ACCEPT);
    m.has_record = 1;
    make_record(t, &m.record, "second", 1);
    m.ballot = m.record.id;
    assert_ok(history_add(&m.known, &r, 0));
    assert_int_equal(send(t, 2, "accept", &m, "second", &a), 200);
    assert_true(a.ok);
    assert_string_equal(how(t, 2, r.id), "stored");
    message_answer_release(&a);
    message_request_release(&m);
    record_release(&r);
}

static void an_accept_without_its_blob_is_refused(void **state)
{
    struct trio *t = *state;
    struct message_request m;
    struct message_answer a;
    begin(&m, MESSAGE_ACCEPT);
    m.has_record = 1;
    make_record(t, &m.record, "nowhere", 1);
    m.ballot = m.record.id;
    assert_int_equal(send(t, 0, "accept", &m, "", &a), 409);
    assert_err(ERR_NOT_FOUND, a.error);
    message_answer_release(&a);
    message_request_release(&m);
}

static void a_learnt_record_finds_its_blob(void **state)
{
    struct trio *t = *state;
    struct message_request m;
    struct message_answer a;
    begin(&m, MESSAGE_ACCEPT);
    m.has_record = 1;
    make_record(t, &m.record, "chosen", 1);
    m.ballot = m.record.id;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(send(t, i, "accept", &m, "chosen", &a), 200);
        message_answer_release(&a);
    }
    m.ballot = STAMP_ZERO;
    assert_int_equal(send(t, 2, "learn", &m, "", &a), 200);
    message_answer_release(&a);
    wait_until(t, 2, m.record.id, "stored");
    message_request_release(&m);
}

static void a_message_about_another_course_is_refused(void **state)
{
    struct trio *t = *state;
    struct message_request m;
    begin(&m, MESSAGE_HINT);
    memcpy(m.target, t->members[1].id, RING_ID_MAX);
    free(m.key);
    m.key = strdup("math9");
    assert_int_equal(send(t, 0, "hint", &m, "", NULL), 400);
    message_request_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(an_owner_that_missed_something_catches_up),
        T(a_hint_waits_for_its_target_and_survives_its_keeper),
        T(a_hint_for_nobody_is_refused),
        T(a_bad_copy_is_never_served_and_comes_back),
        T(a_lost_copy_comes_back),
        T(a_blob_that_nothing_names_is_not_looked_for),
        T(a_blob_that_no_owner_has_does_not_keep_its_record_away),
        T(an_accept_fetches_what_its_owner_lacks),
        T(an_accept_without_its_blob_is_refused),
        T(a_learnt_record_finds_its_blob),
        T(a_message_about_another_course_is_refused),
    };
    log_init("test", LOG_ERROR);
    if (peer_global_init() != ERR_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
