/* Whole nodes that compare what they have: what no hint told of, what nobody learnt, what is counted as missing; and lookups from node to node. */
#include "tests/unit/node/trio.h"

#include "lib/base/text.h"
#include "lib/ring/fingers.h"
#include "node/collect.h"
#include "node/entropy.h"
#include "node/scrub.h"

static int setup(void **state)
{
    return trio_setup_with(state, TRIO, 1, 0);
}

static int setup_one_copy(void **state)
{
    return trio_setup_with(state, 1, 0, 0);
}

static int setup_two_copies(void **state)
{
    return trio_setup_with(state, 2, 0, 0);
}

static int setup_collecting(void **state)
{
    return trio_setup_with(state, TRIO, 0, 1);
}

static void what_no_hint_told_of_is_found(void **state)
{
    struct trio *t = *state;
    struct record a, b;
    trio_store(t, 1, "only one has it", &a);
    trio_store(t, 6, "two others have that", &b);
    for (int i = 0; i < TRIO; i++) {
        trio_wait_until(t, i, a.id, i == 0 ? "stored direct" : "stored");
        trio_wait_until(t, i, b.id, i == 0 ? "stored" : "stored direct");
    }
    record_release(&a);
    record_release(&b);
}

static void what_a_node_missed_is_there_soon_after_its_return(void **state)
{
    struct trio *t = *state;
    struct record r;
    trio_stop(t, 2);
    trio_store(t, 3, "hello", &r);
    trio_start(t, 2);
    trio_wait_until(t, 2, r.id, "stored");
    record_release(&r);
}

static void accept_on(struct trio *t, unsigned mask, struct message_request *m)
{
    struct message_answer a;
    trio_begin(m, MESSAGE_ACCEPT);
    m->has_record = 1;
    trio_record(t, &m->record, "claimed", 1);
    m->ballot = m->record.id;
    for (int i = 0; i < TRIO; i++) {
        if (!(mask & (1u << i)))
            continue;
        assert_int_equal(trio_send(t, i, "accept", m, "claimed", &a), 200);
        message_answer_release(&a);
    }
}

static void a_chosen_record_that_nobody_learnt_becomes_firm(void **state)
{
    struct trio *t = *state;
    struct message_request m;
    accept_on(t, 3, &m);
    for (int i = 0; i < TRIO; i++)
        trio_wait_until(t, i, m.record.id, "stored");
    message_request_release(&m);
}

static void an_unfinished_claim_stays_one_and_is_no_difference(void **state)
{
    struct trio *t = *state;
    struct message_request m;
    struct entropy_counts counts;
    accept_on(t, 1, &m);
    clock_sleep_ms(4000); /* longer than any round of looks, pulls and slots */
    for (int i = 0; i < TRIO; i++) {
        assert_string_equal(trio_how(t, i, m.record.id), "none");
        entropy_counts(t->nodes[i].entropy, &counts);
        assert_true(counts.looks > 2 && counts.pulled == 0 && counts.learned == 0 && counts.differing == 0);
    }
    message_request_release(&m);
}

/* What all running nodes count together; 0 while one of them does not know. */
static int count_all(struct trio *t, struct member_census *sum)
{
    memset(sum, 0, sizeof(*sum));
    for (int i = 0; i < TRIO; i++) {
        struct member_census one;
        if (!t->running[i])
            continue;
        entropy_census(t->nodes[i].entropy, &one);
        if (!one.known)
            return 0;
        sum->courses += one.courses;
        sum->missing += one.missing;
        sum->below_k += one.below_k;
        sum->unreadable += one.unreadable;
    }
    return 1;
}

static void wait_for_census(struct trio *t, uint64_t missing, uint64_t unreadable)
{
    struct member_census c;
    uint64_t end = clock_boot_ms() + TRIO_WAIT_MS;
    while ((!count_all(t, &c) || c.missing != missing || c.unreadable != unreadable) && clock_boot_ms() < end)
        clock_sleep_ms(50);
    assert_true(count_all(t, &c));
    assert_int_equal(c.missing, missing);
    assert_int_equal(c.unreadable, unreadable);
    assert_int_equal(c.below_k, missing > 0);
    assert_int_equal(c.courses, 1);
}

static void copies_count_as_missing_while_their_node_is_dead(void **state)
{
    struct trio *t = *state;
    struct record r, s;
    trio_store(t, 7, "one", &r);
    trio_store(t, 7, "two", &s);
    wait_for_census(t, 0, 0);
    trio_stop(t, 1);
    wait_for_census(t, 2, 0);
    trio_stop(t, 0);
    wait_for_census(t, 4, 0);
    trio_start(t, 1);
    trio_start(t, 0);
    wait_for_census(t, 0, 0);
    record_release(&r);
    record_release(&s);
}

static void a_version_without_any_copy_is_unreadable(void **state)
{
    struct trio *t = *state;
    struct record r;
    trio_store(t, 7, "lost everywhere", &r);
    for (int i = 0; i < TRIO; i++) {
        char path[512];
        snprintf(path, sizeof(path), "%s/blobs/%.2s/%.2s/%s", t->data[i], r.sha256, r.sha256 + 2, r.sha256);
        assert_int_equal(unlink(path), 0);
        scrub_now(t->nodes[i].scrub);
    }
    wait_for_census(t, 3, 1);
    record_release(&r);
}

/* ---- lookups */

static long lookup(struct trio *t, int i, const char *key, const char *query, struct json **out)
{
    char url[64];
    struct buf path;
    buf_init(&path, 4096);
    snprintf(url, sizeof(url), "http://%s", t->listen[i]);
    assert_ok(buf_add_str(&path, "/lookup/"));
    assert_ok(text_percent_encode(&path, key, strlen(key)));
    assert_ok(buf_add_str(&path, query));
    struct peer_call call = {
        .base_url = url, .to = t->members[i].id, .method = "GET", .path = buf_str(&path), .epoch = 1, .answer_max = 1u << 20};
    assert_ok(peer_call(t->peer, &call, 10000));
    assert_ok(call.error);
    long status = call.status;
    if (status == 200)
        assert_ok(json_parse(buf_str(&call.answer), call.answer.len, out));
    peer_calls_release(&call, 1);
    buf_release(&path);
    return status;
}

static int owners_of(struct trio *t, const char *key, uint32_t owners[RING_K_MAX], const struct ring **ring)
{
    struct ledger_ring *held = ledger_hold(t->nodes[t->running[0] ? 0 : 1].ledger);
    int n = (int)ring_owners(held->doc->ring, ring_key_point(key), owners);
    *ring = held->doc->ring; /* stays the one in force during the test */
    ledger_drop(held);
    return n;
}

static void each_node_finds_each_course_along_its_fingers(void **state)
{
    struct trio *t = *state;
    for (int course = 0; course < 12; course++) {
        char key[32];
        uint32_t owners[RING_K_MAX];
        const struct ring *ring;
        snprintf(key, sizeof(key), "course %d", course);
        assert_int_equal(owners_of(t, key, owners, &ring), 1);
        for (int i = 0; i < TRIO; i++) {
            struct json *j;
            assert_int_equal(lookup(t, i, key, "?route=1", &j), 200);
            assert_string_equal(json_get_str(j, "node"), ring->members[owners[0]].name);
            const struct json *hops = json_get(j, "hops");
            assert_string_equal(json_as_str(json_first(hops)), t->members[i].name);
            assert_true(json_count(hops) <= 2); /* floor(log2 3) hops after the first */
            json_free(j);
        }
    }
}

static void the_next_owner_answers_when_the_first_is_dead(void **state)
{
    struct trio *t = *state;
    const char *key = "course 1";
    uint32_t owners[RING_K_MAX];
    const struct ring *ring;
    assert_int_equal(owners_of(t, key, owners, &ring), 2);
    int first = -1, asker = -1;
    for (int i = 0; i < TRIO; i++) {
        if (strcmp(t->members[i].id, ring->members[owners[0]].id) == 0)
            first = i;
        else if (strcmp(t->members[i].id, ring->members[owners[1]].id) != 0)
            asker = i;
    }
    char second[RING_NAME_MAX];
    memcpy(second, ring->members[owners[1]].name, sizeof(second));
    struct json *j;
    trio_stop(t, first);
    assert_int_equal(lookup(t, asker, key, "?route=1", &j), 200);
    assert_string_equal(json_get_str(j, "node"), second);
    json_free(j);
    /* With both gone nobody knows; and that is said. */
    for (int i = 0; i < TRIO; i++)
        if (strcmp(t->members[i].name, second) == 0)
            trio_stop(t, i);
    assert_int_equal(lookup(t, asker, key, "?route=1", &j), 503);
}

static void circles_and_nonsense_are_refused(void **state)
{
    struct trio *t = *state;
    struct json *j;
    struct buf many;
    assert_int_equal(lookup(t, 0, TRIO_KEY, "?route=1&hops=node-1", &j), 409);
    assert_int_equal(lookup(t, 0, TRIO_KEY, "?route=1&hops=NODE", &j), 400);
    assert_int_equal(lookup(t, 0, TRIO_KEY, "?route=1&hops=a,,b", &j), 400);
    assert_int_equal(lookup(t, 0, TRIO_KEY, "?route=1&ms=soon", &j), 400);
    buf_init(&many, 4096);
    assert_ok(buf_add_str(&many, "?route=1&hops=a"));
    for (int i = 0; i < FINGERS_HOPS_MAX; i++)
        assert_ok(buf_addf(&many, ",n%d", i));
    assert_int_equal(lookup(t, 0, TRIO_KEY, buf_str(&many), &j), 409);
    buf_release(&many);
}

/* ---- collection */

static int is_there(struct trio *t, int i, const char *sha256)
{
    struct stat st;
    return blobs_stat(t->nodes[i].blobs, sha256, &st) == ERR_OK;
}

static void wait_gone(struct trio *t, int i, const char *sha256)
{
    uint64_t end = clock_boot_ms() + TRIO_WAIT_MS;
    while (is_there(t, i, sha256) && clock_boot_ms() < end)
        clock_sleep_ms(50);
    assert_false(is_there(t, i, sha256));
}

static void a_blob_that_nobody_names_is_removed_and_a_named_one_stays(void **state)
{
    struct trio *t = *state;
    struct message_request m;
    struct record r;
    struct blobs_usage before, after;
    struct collect_counts counts;
    char orphan[HASH_HEX_SIZE];
    trio_store(t, 7, "named", &r);
    accept_on(t, 1, &m); /* a slot names it too */
    assert_ok(blobs_usage(t->nodes[0].blobs, &before));
    hash_sha256_hex("orphan", 6, orphan);
    assert_ok(verify_put_bytes(t->nodes[0].verify, orphan, "orphan", 6));
    wait_gone(t, 0, orphan);
    clock_sleep_ms(1500); /* one more round */
    assert_true(is_there(t, 0, r.sha256) && is_there(t, 0, m.record.sha256));
    assert_ok(blobs_usage(t->nodes[0].blobs, &after));
    assert_true(after.files == before.files && after.bytes == before.bytes);
    collect_look(t->nodes[0].collect, &counts);
    assert_true(counts.files == 1 && counts.bytes == 6);
    message_request_release(&m);
    record_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f, with) cmocka_unit_test_setup_teardown(f, with, trio_teardown)
        T(what_no_hint_told_of_is_found, setup),
        T(what_a_node_missed_is_there_soon_after_its_return, setup),
        T(a_chosen_record_that_nobody_learnt_becomes_firm, setup),
        T(an_unfinished_claim_stays_one_and_is_no_difference, setup),
        T(copies_count_as_missing_while_their_node_is_dead, setup),
        T(a_version_without_any_copy_is_unreadable, setup),
        T(each_node_finds_each_course_along_its_fingers, setup_one_copy),
        T(the_next_owner_answers_when_the_first_is_dead, setup_two_copies),
        T(circles_and_nonsense_are_refused, setup_two_copies),
        T(a_blob_that_nobody_names_is_removed_and_a_named_one_stays, setup_collecting),
    };
    log_init("test", LOG_ERROR);
    if (peer_global_init() != ERR_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
