/* The owner's rules, line by line (protocol.md P2 + P3, the table). */
#include "tests/unit/node/courses.h"

#define KEY "csen317"

/* Sends a message; the answer is the caller's. */
static void send(struct courses *c, struct message_request *m, struct message_answer *a)
{
    message_answer_init(a);
    switch (m->verb) {
    case MESSAGE_STORE: assert_ok(records_store(&c->records, m, a)); break;
    case MESSAGE_PREPARE: assert_ok(records_prepare(&c->records, m, a)); break;
    case MESSAGE_ACCEPT: assert_ok(records_accept(&c->records, m, a)); break;
    case MESSAGE_LEARN: assert_ok(records_learn(&c->records, m, 0, a)); break;
    default: assert_ok(records_pull(&c->records, m, a)); break;
    }
}

/* Sends a message and says how it went: ERR_OK or the refusal. The promise that came back must be stamp number `promised` (0 = none). */
static enum err tell(struct courses *c, enum message_verb verb, unsigned record, unsigned ballot, unsigned promised)
{
    struct message_request m;
    struct message_answer a;
    courses_message(&m, verb, KEY, record, ballot);
    send(c, &m, &a);
    enum err e = a.ok ? ERR_OK : a.error;
    assert_int_equal(stamp_cmp(a.promised, promised ? courses_stamp(promised) : STAMP_ZERO), 0);
    message_answer_release(&a);
    message_request_release(&m);
    return e;
}

static void look(struct courses *c, struct message_answer *a)
{
    message_answer_init(a);
    assert_ok(records_look(&c->records, KEY, a));
}

/* R as text: "3d 5" = record 3 direct, record 5 a copy. */
static void assert_set(struct courses *c, const char *want)
{
    struct message_answer a;
    char have[256] = "";
    size_t len = 0;
    look(c, &a);
    for (size_t i = 0; i < a.history.n; i++) {
        unsigned n = (unsigned)(a.history.entries[i].record.id.clock - courses_stamp(0).clock);
        len += (size_t)snprintf(have + len, sizeof(have) - len, "%s%u%s", i ? " " : "", n, a.history.entries[i].direct ? "d" : "");
    }
    assert_string_equal(have, want);
    message_answer_release(&a);
}

static void a_store_must_be_larger_than_every_promise(void **state)
{
    struct courses *c = *state;
    assert_ok(tell(c, MESSAGE_STORE, 5, 0, 5));
    assert_err(ERR_FENCED, tell(c, MESSAGE_STORE, 4, 0, 5));
    assert_ok(tell(c, MESSAGE_PREPARE, 0, 8, 8));
    assert_err(ERR_FENCED, tell(c, MESSAGE_STORE, 8, 0, 8));
    assert_err(ERR_FENCED, tell(c, MESSAGE_STORE, 7, 0, 8));
    assert_ok(tell(c, MESSAGE_STORE, 9, 0, 9));
    assert_set(c, "5d 9d");
}

static void a_store_that_comes_again_is_ok_again(void **state)
{
    struct courses *c = *state;
    assert_ok(tell(c, MESSAGE_STORE, 5, 0, 5));
    assert_ok(tell(c, MESSAGE_PREPARE, 0, 9, 9));
    assert_ok(tell(c, MESSAGE_STORE, 5, 0, 9)); /* taken before the promise: still taken, and the promise stands */
    assert_err(ERR_FENCED, tell(c, MESSAGE_STORE, 6, 0, 9));
    assert_set(c, "5d");
}

/* Copies records from elsewhere. */
static enum err copy(struct courses *c, uint64_t ring, unsigned first, unsigned second)
{
    struct history set;
    struct record r;
    history_init(&set);
    unsigned numbers[2] = {first, second};
    for (int i = 0; i < 2; i++) {
        if (!numbers[i])
            continue;
        courses_record(&r, KEY, numbers[i], 0);
        assert_ok(history_add(&set, &r, 1));
        record_release(&r);
    }
    struct records_copied copied = {.key = KEY, .ring = ring, .drops = records_drops(&c->records, KEY), .set = &set};
    enum err e = records_copy(&c->records, &copied);
    history_release(&set);
    return e;
}

static void a_copied_record_is_no_ok(void **state)
{
    struct courses *c = *state;
    assert_ok(tell(c, MESSAGE_PREPARE, 0, 6, 6));
    assert_ok(copy(c, 1, 4, 7));
    assert_set(c, "4 7");
    assert_err(ERR_FENCED, tell(c, MESSAGE_STORE, 4, 0, 6)); /* it is here, but was not taken here */
    assert_ok(tell(c, MESSAGE_STORE, 7, 0, 7));              /* larger than the promise: now it is */
    assert_set(c, "4 7d");
    assert_ok(copy(c, 1, 7, 0));
    assert_set(c, "4 7d"); /* a copy never takes the direct bit away */
}

static void a_copy_promises_nothing(void **state)
{
    struct courses *c = *state;
    assert_ok(copy(c, 1, 9, 0));
    assert_ok(tell(c, MESSAGE_STORE, 3, 0, 3));
    assert_set(c, "3d 9");
}

static void a_prepare_must_be_strictly_larger(void **state)
{
    struct courses *c = *state;
    assert_ok(tell(c, MESSAGE_PREPARE, 0, 5, 5));
    assert_err(ERR_FENCED, tell(c, MESSAGE_PREPARE, 0, 5, 5)); /* a repeat needs a new ballot */
    assert_err(ERR_FENCED, tell(c, MESSAGE_PREPARE, 0, 4, 5));
    assert_ok(tell(c, MESSAGE_STORE, 7, 0, 7));
    assert_err(ERR_FENCED, tell(c, MESSAGE_PREPARE, 0, 7, 7));
    assert_ok(tell(c, MESSAGE_PREPARE, 0, 8, 8));
}

static void an_accept_must_be_at_least_as_large(void **state)
{
    struct courses *c = *state;
    assert_ok(tell(c, MESSAGE_PREPARE, 0, 5, 5));
    assert_err(ERR_FENCED, tell(c, MESSAGE_ACCEPT, 4, 4, 5));
    assert_ok(tell(c, MESSAGE_ACCEPT, 5, 5, 5));
    assert_ok(tell(c, MESSAGE_ACCEPT, 5, 5, 5)); /* the same again */
    assert_ok(tell(c, MESSAGE_ACCEPT, 6, 6, 6)); /* later owners get it without a PREPARE */
    assert_err(ERR_FENCED, tell(c, MESSAGE_ACCEPT, 5, 5, 6));
}

static void an_accepted_record_is_only_in_the_slot_until_it_is_learnt(void **state)
{
    struct courses *c = *state;
    struct message_answer a;
    assert_ok(tell(c, MESSAGE_ACCEPT, 5, 6, 6));
    assert_set(c, "");
    courses_reopen(c);
    look(c, &a);
    assert_true(a.has_slot && a.slot_has_record);
    assert_int_equal(stamp_cmp(a.slot_ballot, courses_stamp(6)), 0);
    assert_int_equal(stamp_cmp(a.slot_record.id, courses_stamp(5)), 0);
    message_answer_release(&a);
    assert_ok(tell(c, MESSAGE_LEARN, 5, 0, 6));
    assert_ok(tell(c, MESSAGE_LEARN, 5, 0, 6));
    assert_set(c, "5");
    look(c, &a);
    assert_true(a.slot_has_record); /* the slot stays what it was */
    message_answer_release(&a);
}

static void an_accept_of_none_fills_the_slot_too(void **state)
{
    struct courses *c = *state;
    struct message_answer a;
    assert_ok(tell(c, MESSAGE_ACCEPT, 5, 5, 5));
    assert_ok(tell(c, MESSAGE_ACCEPT, 0, 7, 7));
    look(c, &a);
    assert_true(a.has_slot);
    assert_false(a.slot_has_record);
    assert_int_equal(stamp_cmp(a.slot_ballot, courses_stamp(7)), 0);
    message_answer_release(&a);
}

static void an_accept_brings_what_the_owner_lacks(void **state)
{
    struct courses *c = *state;
    struct message_request m;
    struct message_answer a;
    struct record r;
    assert_ok(tell(c, MESSAGE_STORE, 2, 0, 2));
    courses_message(&m, MESSAGE_ACCEPT, KEY, 6, 6);
    for (unsigned n = 2; n <= 4; n++) {
        courses_record(&r, KEY, n, 0);
        assert_ok(history_add(&m.known, &r, 0));
        record_release(&r);
    }
    send(c, &m, &a);
    assert_true(a.ok);
    assert_set(c, "2d 3 4");
    message_answer_release(&a);
    message_request_release(&m);
}

static void a_refused_accept_brings_nothing(void **state)
{
    struct courses *c = *state;
    struct message_request m;
    struct message_answer a;
    struct record r;
    assert_ok(tell(c, MESSAGE_PREPARE, 0, 9, 9));
    courses_message(&m, MESSAGE_ACCEPT, KEY, 6, 6);
    courses_record(&r, KEY, 3, 0);
    assert_ok(history_add(&m.known, &r, 0));
    record_release(&r);
    send(c, &m, &a);
    assert_err(ERR_FENCED, a.error);
    assert_set(c, "");
    message_answer_release(&a);
    look(c, &a);
    assert_false(a.has_slot);
    message_answer_release(&a);
    message_request_release(&m);
}

static void a_promise_shows_the_set_and_the_slot(void **state)
{
    struct courses *c = *state;
    struct message_request m;
    struct message_answer a;
    assert_ok(tell(c, MESSAGE_STORE, 2, 0, 2));
    assert_ok(tell(c, MESSAGE_ACCEPT, 4, 4, 4));
    assert_ok(copy(c, 1, 1, 0));
    courses_message(&m, MESSAGE_PREPARE, KEY, 0, 9);
    send(c, &m, &a);
    assert_true(a.ok && a.has_history && a.has_slot && a.slot_has_record);
    assert_int_equal(a.history.n, 2);
    assert_false(a.history.entries[0].direct);
    assert_true(a.history.entries[1].direct);
    message_answer_release(&a);
    message_request_release(&m);
}

static void everything_survives_a_restart(void **state)
{
    struct courses *c = *state;
    assert_ok(tell(c, MESSAGE_STORE, 2, 0, 2));
    assert_ok(tell(c, MESSAGE_PREPARE, 0, 5, 5));
    courses_reopen(c);
    assert_set(c, "2d");
    assert_err(ERR_FENCED, tell(c, MESSAGE_PREPARE, 0, 5, 5));
    assert_err(ERR_FENCED, tell(c, MESSAGE_STORE, 4, 0, 5));
}

static void another_ring_is_refused_whichever_is_newer(void **state)
{
    struct courses *c = *state;
    struct message_request m;
    struct message_answer a;
    const enum message_verb verbs[] = {MESSAGE_STORE, MESSAGE_PREPARE, MESSAGE_ACCEPT, MESSAGE_LEARN, MESSAGE_PULL};
    folder_adopt(c->ledger, 3, 3, 5);
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        for (uint64_t ring = 4; ring <= 6; ring += 2) {
            courses_message(&m, verbs[i], KEY, verbs[i] == MESSAGE_PREPARE || verbs[i] == MESSAGE_PULL ? 0 : 3, 3);
            m.ring = ring;
            send(c, &m, &a);
            assert_err(ERR_STALE_RING, a.error);
            assert_int_equal(a.ring, 5);
            message_answer_release(&a);
            message_request_release(&m);
        }
    }
    assert_set(c, "");
    assert_err(ERR_STALE_RING, copy(c, 4, 1, 2));
    assert_ok(copy(c, 5, 1, 2));
}

static void a_course_that_is_not_ours_is_refused(void **state)
{
    struct courses *c = *state;
    struct ringdoc *doc = folder_ring(8, 1, 2, 0);
    struct message_request m;
    struct message_answer a;
    uint32_t owners[RING_K_MAX];
    int ours = 0, refused = 0;
    assert_ok(ledger_adopt(c->ledger, doc));
    for (int i = 0; i < 64; i++) {
        char key[24];
        snprintf(key, sizeof(key), "course%d", i);
        courses_message(&m, MESSAGE_STORE, key, 3, 0);
        m.ring = 2;
        send(c, &m, &a);
        assert_int_equal(ring_owners(doc->ring, ring_key_point(key), owners), 1);
        int own = strcmp(doc->ring->members[owners[0]].id, "node-1.a") == 0;
        assert_int_equal(a.ok, own);
        if (!own)
            assert_err(ERR_CONFLICT, a.error);
        ours += own;
        refused += !own;
        message_answer_release(&a);
        message_request_release(&m);
    }
    assert_true(ours > 0 && refused > 0);
    ringdoc_free(doc);
}

static void without_a_ring_nothing_is_taken(void **state)
{
    struct courses c;
    struct message_request m;
    struct message_answer a;
    (void)state;
    memset(&c, 0, sizeof(c));
    folder_make(&c.folder);
    assert_ok(db_create(c.folder.db_path, "node-1.a"));
    courses_open(&c);
    courses_message(&m, MESSAGE_STORE, KEY, 3, 0);
    message_answer_init(&a);
    assert_err(ERR_UNAVAILABLE, records_store(&c.records, &m, &a));
    message_answer_release(&a);
    message_request_release(&m);
    courses_close(&c);
    folder_remove(&c.folder);
}

static void a_stamp_far_ahead_of_our_clock_is_refused_with_our_clock(void **state)
{
    struct courses *c = *state;
    struct message_request m;
    struct message_answer a;
    struct stamp limit = {hlc_from_unix_ms(COURSES_NOW_MS + HLC_SKEW_MAX_MS), 7};
    struct stamp own = {hlc_from_unix_ms(COURSES_NOW_MS), 0};
    courses_message(&m, MESSAGE_STORE, KEY, 3, 0);
    m.record.id = (struct stamp){hlc_from_unix_ms(COURSES_NOW_MS + HLC_SKEW_MAX_MS + 1), 7};
    send(c, &m, &a);
    assert_err(ERR_CLOCK, a.error);
    assert_int_equal(stamp_cmp(a.promised, own), 0);
    message_answer_release(&a);
    assert_set(c, "");
    m.record.id = limit;
    send(c, &m, &a);
    assert_true(a.ok);
    message_answer_release(&a);
    m.record.id.clock = hlc_from_unix_ms(COURSES_NOW_MS + 2 * HLC_SKEW_MAX_MS);
    send(c, &m, &a);
    assert_err(ERR_CLOCK, a.error);
    assert_int_equal(stamp_cmp(a.promised, limit), 0); /* the larger of clock and promise */
    message_answer_release(&a);
    message_request_release(&m);
    courses_message(&m, MESSAGE_PREPARE, KEY, 0, 1);
    m.ballot.clock = hlc_from_unix_ms(COURSES_NOW_MS + 2 * HLC_SKEW_MAX_MS);
    send(c, &m, &a);
    assert_err(ERR_CLOCK, a.error);
    message_answer_release(&a);
    message_request_release(&m);
}

static void a_check_foretells_the_refusal_and_writes_nothing(void **state)
{
    struct courses *c = *state;
    struct message_request m;
    struct message_answer a;
    const struct {
        enum message_verb verb;
        unsigned record, ballot;
        int ok;
    } rows[] = {
        {MESSAGE_STORE, 5, 0, 1}, {MESSAGE_STORE, 6, 0, 0}, {MESSAGE_STORE, 7, 0, 1}, {MESSAGE_ACCEPT, 6, 6, 1}, {MESSAGE_ACCEPT, 4, 4, 0}};
    assert_ok(tell(c, MESSAGE_STORE, 5, 0, 5));
    assert_ok(tell(c, MESSAGE_PREPARE, 0, 6, 6));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        courses_message(&m, rows[i].verb, KEY, rows[i].record, rows[i].ballot);
        message_answer_init(&a);
        assert_ok(records_check(&c->records, &m, &a));
        assert_int_equal(a.ok, rows[i].ok);
        message_answer_release(&a);
        message_request_release(&m);
    }
    assert_set(c, "5d");
}

static void a_learnt_record_without_its_blob_becomes_a_need(void **state)
{
    struct courses *c = *state;
    struct message_request m;
    struct message_answer a;
    struct need need;
    size_t n;
    courses_message(&m, MESSAGE_LEARN, KEY, 5, 0);
    message_answer_init(&a);
    assert_ok(records_learn(&c->records, &m, 1, &a));
    assert_true(a.ok);
    assert_ok(needs_list(c->db, "", &need, 1, &n));
    assert_int_equal(n, 1);
    assert_string_equal(need.sha256, m.record.sha256);
    assert_string_equal(need.key, KEY);
    assert_int_equal(need.size, 4);
    assert_false(need.bad);
    free(need.key);
    message_answer_release(&a);
    message_request_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, courses_setup, courses_teardown)
        T(a_store_must_be_larger_than_every_promise),
        T(a_store_that_comes_again_is_ok_again),
        T(a_copied_record_is_no_ok),
        T(a_copy_promises_nothing),
        T(a_prepare_must_be_strictly_larger),
        T(an_accept_must_be_at_least_as_large),
        T(an_accepted_record_is_only_in_the_slot_until_it_is_learnt),
        T(an_accept_of_none_fills_the_slot_too),
        T(an_accept_brings_what_the_owner_lacks),
        T(a_refused_accept_brings_nothing),
        T(a_promise_shows_the_set_and_the_slot),
        T(everything_survives_a_restart),
        T(another_ring_is_refused_whichever_is_newer),
        T(a_course_that_is_not_ours_is_refused),
        cmocka_unit_test(without_a_ring_nothing_is_taken),
        T(a_stamp_far_ahead_of_our_clock_is_refused_with_our_clock),
        T(a_check_foretells_the_refusal_and_writes_nothing),
        T(a_learnt_record_without_its_blob_becomes_a_need),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
