/* What a newer ring does to a node's courses, what it knows to be committed, and the leader's orders (protocol.md P1, P4.2). This node is node-1.a. */
#include "tests/unit/node/courses.h"

#include "lib/wire/owners.h"
#include "node/orders.h"

#define KEYS 60

static void key_of(int i, char key[32])
{
    snprintf(key, 32, "course %d", i);
}

/* Writes KEYS courses straight into the database, whoever owns them. */
static void write_courses(struct courses *c)
{
    struct db_conn *conn;
    struct record r;
    char key[32];
    assert_ok(db_write_begin(c->db, &conn));
    for (int i = 0; i < KEYS; i++) {
        key_of(i, key);
        courses_record(&r, key, (unsigned)i + 1, 0);
        assert_ok(rows_touch(conn, key));
        assert_ok(rows_insert(conn, key, &r, 0));
        record_release(&r);
    }
    assert_ok(db_write_end(conn, ERR_OK));
}

static int has(struct courses *c, const char *key)
{
    struct message_answer a;
    message_answer_init(&a);
    assert_ok(records_look(&c->records, key, &a));
    int there = a.history.n > 0;
    message_answer_release(&a);
    return there;
}

/* Whether node-1 owns a course under a document: now, or (when `before` is set) before. */
static int owns(const struct ringdoc *d, const char *key, int before)
{
    struct owners o;
    owners_of_key(d, key, &o);
    long i = owners_place(&o, "node-1.a");
    return i >= 0 && (before ? o.at[i].before : o.at[i].now);
}

/* Checks that just the courses are left that node-1 owned under `doc`, or all or none of them. */
static void assert_left(struct courses *c, const struct ringdoc *doc, int before)
{
    char key[32];
    int left = 0;
    for (int i = 0; i < KEYS; i++) {
        key_of(i, key);
        assert_int_equal(has(c, key), doc ? owns(doc, key, before) : 0);
        left += has(c, key);
    }
    assert_true(doc ? left > 0 && left < KEYS : left == 0);
}

static enum err install(struct courses *c, struct ringdoc *doc, uint64_t counter)
{
    struct ballot b = {.counter = counter, .coordinator = "co-1", .start = 1}, promised;
    enum err e = ledger_install(c->ledger, &b, doc, &promised);
    ringdoc_free(doc);
    return e;
}

static void a_joint_ring_leaves_only_what_was_ours_before(void **state)
{
    struct courses *c = *state;
    struct ringdoc *joint = folder_joint("12345", "13456", 2, 6, 2), *copy;
    folder_take(c->ledger, folder_stable("12345", 2, 5, 1));
    write_courses(c);
    assert_ok(ringdoc_copy(joint, &copy));
    assert_ok(install(c, copy, 2));
    assert_left(c, joint, 1);
    courses_reopen(c);
    assert_left(c, joint, 1);
    ringdoc_free(joint);
}

static void a_joint_ring_that_comes_again_drops_nothing(void **state)
{
    struct courses *c = *state;
    char key[32];
    folder_take(c->ledger, folder_stable("12345", 2, 5, 1));
    assert_ok(install(c, folder_joint("12345", "13456", 2, 6, 2), 2));
    write_courses(c); /* came under ring 6: perhaps acknowledged */
    assert_ok(install(c, folder_joint("12345", "13456", 2, 6, 2), 3));
    assert_ok(install(c, folder_joint("12345", "1234", 2, 6, 4), 4)); /* another one of its number */
    for (int i = 0; i < KEYS; i++) {
        key_of(i, key);
        assert_true(has(c, key));
    }
}

static void the_stable_ring_after_a_joint_one_keeps_what_was_ours_before_or_is_now(void **state)
{
    struct courses *c = *state;
    struct ringdoc *joint = folder_joint("12345", "13456", 2, 6, 2), *stable;
    char key[32];
    assert_ok(ringdoc_settled(joint, &joint->ballot, &stable));
    folder_take(c->ledger, folder_stable("12345", 2, 5, 1));
    assert_ok(ledger_adopt(c->ledger, joint));
    write_courses(c);
    folder_take(c->ledger, stable);
    for (int i = 0; i < KEYS; i++) {
        key_of(i, key);
        assert_int_equal(has(c, key), owns(joint, key, 1) || owns(joint, key, 0));
    }
    ringdoc_free(joint);
}

static void a_node_that_slept_through_a_joint_ring_keeps_what_it_owned(void **state)
{
    struct courses *c = *state;
    struct ringdoc *old = folder_stable("12345", 2, 5, 1);
    assert_ok(ledger_adopt(c->ledger, old));
    write_courses(c);
    folder_take(c->ledger, folder_stable("13456", 2, 7, 3));
    assert_left(c, old, 0);
    ringdoc_free(old);
}

static void a_node_that_slept_longer_keeps_nothing(void **state)
{
    struct courses *c = *state;
    folder_take(c->ledger, folder_stable("12345", 2, 5, 1));
    write_courses(c);
    folder_take(c->ledger, folder_stable("12345", 2, 8, 3));
    assert_left(c, NULL, 0);
    write_courses(c);
    folder_take(c->ledger, folder_joint("12345", "12346", 2, 10, 4));
    assert_left(c, NULL, 0);
}

static void what_was_dropped_needs_no_blobs_any_more(void **state)
{
    struct courses *c = *state;
    struct need needs[4];
    size_t n;
    char key[32];
    folder_take(c->ledger, folder_stable("12345", 2, 5, 1));
    write_courses(c); /* all of them name the blob "text" */
    key_of(0, key);
    struct record r;
    courses_record(&r, key, 1, 0);
    assert_ok(needs_write(c->db, r.sha256, r.size, key));
    struct ringdoc *joint = folder_joint("12345", "13456", 2, 6, 2);
    assert_ok(ledger_adopt(c->ledger, joint));
    assert_ok(needs_list(c->db, "", needs, 4, &n));
    assert_int_equal(n, 1); /* others name it: asked for in their name */
    assert_true(has(c, needs[0].key));
    free(needs[0].key);
    record_release(&r);
    ringdoc_free(joint);
    folder_take(c->ledger, folder_stable("2345", 2, 9, 3));
    assert_ok(needs_list(c->db, "", needs, 4, &n));
    assert_int_equal(n, 0);
}

/* ---- what is committed */

static int is_committed(struct courses *c)
{
    struct ledger_ring *ring = ledger_hold(c->ledger);
    int is = ring->committed;
    ledger_drop(ring);
    assert_int_equal(is, ledger_is_committed(c->ledger));
    return is;
}

static void an_installed_ring_is_committed_once_it_is_shown(void **state)
{
    struct courses *c = *state;
    assert_true(is_committed(c)); /* the founding ring */
    assert_ok(install(c, folder_joint("123", "1234", 3, 2, 2), 2));
    assert_false(is_committed(c));
    assert_ok(install(c, folder_joint("123", "1234", 3, 2, 2), 3));
    folder_take(c->ledger, folder_joint("123", "1234", 3, 2, 2)); /* under another ballot: it says the same */
    assert_true(is_committed(c));
    struct ledger_ring *ring = ledger_hold(c->ledger);
    assert_int_equal(ring->doc->ballot.counter, 3); /* the larger ballot stays */
    ledger_drop(ring);
    assert_ok(install(c, folder_joint("123", "1234", 3, 2, 2), 4));
    assert_true(is_committed(c)); /* the same again */
    courses_reopen(c);
    assert_true(is_committed(c));
}

static void a_ring_that_nobody_committed_makes_way_for_the_committed_one_of_its_number(void **state)
{
    struct courses *c = *state;
    assert_ok(install(c, folder_joint("123", "1234", 3, 2, 2), 2));
    folder_take(c->ledger, folder_joint("123", "1235", 3, 2, 3));
    assert_true(is_committed(c));
    struct ledger_ring *ring = ledger_hold(c->ledger);
    assert_true(ring_find(ring->doc->ring, "node-5.a") >= 0);
    ledger_drop(ring);
}

static void a_committed_ring_under_a_smaller_ballot_than_another_one_of_its_number_cannot_be(void **state)
{
    struct courses *c = *state;
    assert_ok(install(c, folder_joint("123", "1234", 3, 2, 3), 3));
    struct ringdoc *doc = folder_joint("123", "1235", 3, 2, 2);
    assert_err(ERR_CONFLICT, ledger_adopt(c->ledger, doc));
    assert_false(is_committed(c));
    ringdoc_free(doc);
}

static void both_sides_of_a_joint_ring_answer(void **state)
{
    struct courses *c = *state;
    struct message_request m;
    struct message_answer a;
    struct ringdoc *joint = folder_joint("123456", "23456", 1, 2, 2);
    char key[32];
    int i = 0;
    for (; i < KEYS; i++) {
        key_of(i, key);
        if (owns(joint, key, 1))
            break;
    }
    assert_true(i < KEYS);
    folder_take(c->ledger, joint);
    courses_message(&m, MESSAGE_STORE, key, 5, 0);
    m.ring = 2;
    message_answer_init(&a);
    assert_ok(records_store(&c->records, &m, &a));
    assert_true(a.ok); /* leaves, and still has a say */
    message_answer_release(&a);
    folder_take(c->ledger, folder_stable("23456", 1, 3, 3));
    m.ring = 3;
    message_answer_init(&a);
    assert_ok(records_store(&c->records, &m, &a));
    assert_err(ERR_CONFLICT, a.error);
    message_answer_release(&a);
    message_request_release(&m);
}

/* ---- orders */

static enum err order(struct courses *c, uint64_t counter, uint64_t epoch, uint64_t seq, struct ballot *promised, uint64_t *ring)
{
    char movers[1][RING_ID_MAX] = {"node-2.a"};
    struct order o = {
        .ballot = {.counter = counter, .coordinator = "co-1", .start = 1}, .epoch = epoch, .seq = seq, .movers = movers, .n_movers = 1};
    return order_keep(c->ledger, &o, promised, ring);
}

static uint64_t kept_seq(struct courses *c)
{
    struct order o;
    enum err e = order_last(c->db, &o);
    if (e == ERR_NOT_FOUND)
        return 0;
    assert_ok(e);
    uint64_t seq = o.seq;
    assert_true(order_counts(&o, "node-2.a"));
    assert_false(order_counts(&o, "node-1.a"));
    order_release(&o);
    return seq;
}

static void an_order_is_taken_only_behind_the_fence(void **state)
{
    struct courses *c = *state;
    struct ballot promised;
    uint64_t ring;
    assert_ok(install(c, folder_joint("123", "1234", 3, 2, 5), 5));
    assert_err(ERR_FENCED, order(c, 4, 2, 1, &promised, &ring)); /* an older leader's */
    assert_int_equal(promised.counter, 5);
    assert_int_equal(ring, 2);
    assert_err(ERR_FENCED, order(c, 5, 1, 1, &promised, &ring)); /* of an older ring */
    assert_err(ERR_FENCED, order(c, 5, 3, 1, &promised, &ring)); /* of one that is not here yet */
    assert_int_equal(kept_seq(c), 0);
    assert_ok(order(c, 5, 2, 7, &promised, &ring));
    assert_int_equal(kept_seq(c), 7);
}

static void an_order_outlives_a_restart_and_only_a_newer_one_takes_its_place(void **state)
{
    struct courses *c = *state;
    struct ballot promised;
    uint64_t ring;
    assert_ok(install(c, folder_joint("123", "1234", 3, 2, 5), 5));
    assert_ok(order(c, 5, 2, 7, &promised, &ring));
    courses_reopen(c);
    assert_int_equal(kept_seq(c), 7);
    assert_ok(order(c, 5, 2, 6, &promised, &ring)); /* late */
    assert_int_equal(kept_seq(c), 7);
    assert_ok(order(c, 5, 2, 8, &promised, &ring));
    assert_int_equal(kept_seq(c), 8);
    assert_ok(order(c, 6, 2, 3, &promised, &ring)); /* a newer leader's */
    assert_int_equal(kept_seq(c), 3);
}

static void what_is_no_order_is_refused(void **state)
{
    static const char *const texts[] = {
        "{}",
        "{\"ballot\": {\"counter\": 1, \"coordinator\": \"a\", \"start\": 1}, \"epoch\": 1, \"seq\": 1}",
        "{\"ballot\": {\"counter\": 1, \"coordinator\": \"a\", \"start\": 1}, \"epoch\": -1, \"seq\": 1, \"movers\": []}",
        "{\"ballot\": {\"counter\": 1, \"coordinator\": \"a\", \"start\": 1}, \"epoch\": 1, \"seq\": 1, \"movers\": [7]}",
        "{\"ballot\": {\"counter\": 1, \"coordinator\": \"a\", \"start\": 1}, \"epoch\": 1, \"seq\": 1, \"movers\": [\"no id\"]}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct json *j;
        struct order o;
        assert_ok(json_parse(texts[i], strlen(texts[i]), &j));
        assert_err(ERR_SYNTAX, order_from_json(j, &o));
        json_free(j);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, courses_setup, courses_teardown)
        T(a_joint_ring_leaves_only_what_was_ours_before),
        T(a_joint_ring_that_comes_again_drops_nothing),
        T(the_stable_ring_after_a_joint_one_keeps_what_was_ours_before_or_is_now),
        T(a_node_that_slept_through_a_joint_ring_keeps_what_it_owned),
        T(a_node_that_slept_longer_keeps_nothing),
        T(what_was_dropped_needs_no_blobs_any_more),
        T(an_installed_ring_is_committed_once_it_is_shown),
        T(a_ring_that_nobody_committed_makes_way_for_the_committed_one_of_its_number),
        T(a_committed_ring_under_a_smaller_ballot_than_another_one_of_its_number_cannot_be),
        T(both_sides_of_a_joint_ring_answer),
        T(an_order_is_taken_only_behind_the_fence),
        T(an_order_outlives_a_restart_and_only_a_newer_one_takes_its_place),
        T(what_is_no_order_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
