/* Whole nodes in one process, over real connections: what one missed or lost comes from the others, without any coordinator. */
#include "tests/unit/node/trio.h"

static uint64_t hints_of(struct trio *t, int i)
{
    uint64_t n;
    assert_ok(hints_count(t->nodes[i].db, &n));
    return n;
}

static void wait_for_no_hints(struct trio *t, int i)
{
    uint64_t end = clock_boot_ms() + TRIO_WAIT_MS;
    while (hints_of(t, i) > 0 && clock_boot_ms() < end)
        clock_sleep_ms(10);
    assert_int_equal(hints_of(t, i), 0);
}

static void an_owner_that_missed_something_catches_up(void **state)
{
    struct trio *t = *state;
    struct record r;
    trio_store(t, 3, "hello", &r);
    assert_string_equal(trio_how(t, 2, r.id), "none");
    trio_hint(t, 0, 2);
    wait_for_no_hints(t, 0);
    assert_string_equal(trio_how(t, 2, r.id), "stored");
    assert_string_equal(trio_how(t, 0, r.id), "stored direct");
    record_release(&r);
}

static void a_hint_waits_for_its_target_and_survives_its_keeper(void **state)
{
    struct trio *t = *state;
    struct record r;
    trio_stop(t, 2);
    trio_store(t, 3, "hello", &r);
    trio_hint(t, 0, 2);
    clock_sleep_ms(300);
    assert_int_equal(hints_of(t, 0), 1);
    trio_stop(t, 0);
    trio_start(t, 0); /* ring and addresses come from its folder */
    assert_int_equal(hints_of(t, 0), 1);
    trio_start(t, 2);
    wait_for_no_hints(t, 0);
    assert_string_equal(trio_how(t, 2, r.id), "stored");
    record_release(&r);
}

static void a_hint_for_nobody_is_refused(void **state)
{
    struct trio *t = *state;
    struct message_request m;
    trio_begin(&m, MESSAGE_HINT);
    snprintf(m.target, sizeof(m.target), "node-9.0123456789abcdef");
    assert_int_equal(trio_send(t, 0, "hint", &m, "", NULL), 422);
    memcpy(m.target, t->members[0].id, RING_ID_MAX);
    assert_int_equal(trio_send(t, 0, "hint", &m, "", NULL), 422); /* itself */
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
    struct peer_call call = {.base_url = url, .to = t->members[i].id, .method = "GET", .path = path, .epoch = 1, .answer_max = 1u << 20};
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
    trio_store(t, 7, "hello", &r);
    FILE *f = fopen(blob_path(t, 1, r.sha256), "w");
    assert_non_null(f);
    fputs("jello", f);
    fclose(f);
    assert_int_equal(get_blob(t, 1, r.sha256, "hello"), 404);
    trio_wait_until(t, 1, r.id, "stored direct");
    assert_int_equal(get_blob(t, 1, r.sha256, "hello"), 200);
    record_release(&r);
}

static void a_lost_copy_comes_back(void **state)
{
    struct trio *t = *state;
    struct record r;
    trio_store(t, 7, "hello", &r);
    assert_int_equal(unlink(blob_path(t, 1, r.sha256)), 0);
    assert_string_equal(trio_how(t, 1, r.id), "missing direct"); /* looking is enough */
    trio_wait_until(t, 1, r.id, "stored direct");
    assert_int_equal(unlink(blob_path(t, 2, r.sha256)), 0);
    assert_int_equal(get_blob(t, 2, r.sha256, "hello"), 404);
    trio_wait_until(t, 2, r.id, "stored direct");
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
    trio_store(t, 3, "lost", &lost);
    trio_store(t, 3, "kept", &kept);
    assert_int_equal(unlink(blob_path(t, 0, lost.sha256)), 0);
    assert_int_equal(unlink(blob_path(t, 1, lost.sha256)), 0);
    trio_hint(t, 0, 2);
    wait_for_no_hints(t, 0);
    assert_string_equal(trio_how(t, 2, kept.id), "stored");
    assert_string_equal(trio_how(t, 2, lost.id), "missing");
    record_release(&lost);
    record_release(&kept);
}

static void an_accept_fetches_what_its_owner_lacks(void **state)
{
    struct trio *t = *state;
    struct message_request m;
    struct message_answer a;
    struct record r;
    trio_store(t, 3, "hello", &r);
    trio_begin(&m, MESSAGE_ACCEPT);
    m.has_record = 1;
    trio_record(t, &m.record, "second", 1);
    m.ballot = m.record.id;
    assert_ok(history_add(&m.known, &r, 0));
    assert_int_equal(trio_send(t, 2, "accept", &m, "second", &a), 200);
    assert_true(a.ok);
    assert_string_equal(trio_how(t, 2, r.id), "stored");
    message_answer_release(&a);
    message_request_release(&m);
    record_release(&r);
}

static void an_accept_without_its_blob_is_refused(void **state)
{
    struct trio *t = *state;
    struct message_request m;
    struct message_answer a;
    trio_begin(&m, MESSAGE_ACCEPT);
    m.has_record = 1;
    trio_record(t, &m.record, "nowhere", 1);
    m.ballot = m.record.id;
    assert_int_equal(trio_send(t, 0, "accept", &m, "", &a), 409);
    assert_err(ERR_NOT_FOUND, a.error);
    message_answer_release(&a);
    message_request_release(&m);
}

static void a_learnt_record_finds_its_blob(void **state)
{
    struct trio *t = *state;
    struct message_request m;
    struct message_answer a;
    trio_begin(&m, MESSAGE_ACCEPT);
    m.has_record = 1;
    trio_record(t, &m.record, "chosen", 1);
    m.ballot = m.record.id;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(trio_send(t, i, "accept", &m, "chosen", &a), 200);
        message_answer_release(&a);
    }
    m.ballot = STAMP_ZERO;
    assert_int_equal(trio_send(t, 2, "learn", &m, "", &a), 200);
    message_answer_release(&a);
    trio_wait_until(t, 2, m.record.id, "stored");
    message_request_release(&m);
}

static void a_message_about_another_course_is_refused(void **state)
{
    struct trio *t = *state;
    struct message_request m;
    trio_begin(&m, MESSAGE_HINT);
    memcpy(m.target, t->members[1].id, RING_ID_MAX);
    free(m.key);
    m.key = strdup("math9");
    assert_int_equal(trio_send(t, 0, "hint", &m, "", NULL), 400);
    message_request_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, trio_setup, trio_teardown)
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
