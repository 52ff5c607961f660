/* Dropping a deleted course, and what keeps it from coming back (protocol.md P6). */
#include "tests/unit/node/courses.h"

#define KEY "csen317"

static enum err tell(struct courses *c, enum message_verb verb, unsigned record, unsigned ballot)
{
    struct message_request m;
    struct message_answer a;
    courses_message(&m, verb, KEY, record, ballot);
    message_answer_init(&a);
    enum err e = verb == MESSAGE_STORE     ? records_store(&c->records, &m, &a)
                 : verb == MESSAGE_PREPARE ? records_prepare(&c->records, &m, &a)
                 : verb == MESSAGE_ACCEPT  ? records_accept(&c->records, &m, &a)
                                           : records_learn(&c->records, &m, 0, &a);
    assert_ok(e);
    e = a.ok ? ERR_OK : a.error;
    message_answer_release(&a);
    message_request_release(&m);
    return e;
}

static void make_tombstone(struct record *r, unsigned n, unsigned of)
{
    courses_record(r, KEY, n, 0);
    r->kind = RECORD_DELETE;
    r->of = of ? courses_stamp(of) : STAMP_ZERO;
    r->size = 0;
    r->sha256[0] = '\0';
}

/* STOREs a tombstone: of version `of`, or of all. */
static void bury(struct courses *c, unsigned n, unsigned of)
{
    struct message_request m;
    struct message_answer a;
    courses_message(&m, MESSAGE_STORE, KEY, n, 0);
    record_release(&m.record);
    make_tombstone(&m.record, n, of);
    message_answer_init(&a);
    assert_ok(records_store(&c->records, &m, &a));
    assert_true(a.ok);
    message_answer_release(&a);
    message_request_release(&m);
}

/* Copies record 3 and the tombstone 5 from elsewhere, as asked for before `drops`. */
static enum err copy(struct courses *c, uint64_t drops)
{
    struct history set;
    struct record r;
    history_init(&set);
    courses_record(&r, KEY, 3, 0);
    assert_ok(history_add(&set, &r, 1));
    record_release(&r);
    make_tombstone(&r, 5, 0);
    assert_ok(history_add(&set, &r, 1));
    record_release(&r);
    struct records_copied copied = {.key = KEY, .ring = 1, .drops = drops, .set = &set};
    enum err e = records_copy(&c->records, &copied);
    history_release(&set);
    return e;
}

static enum err drop_under(struct courses *c, uint64_t counter, uint64_t epoch, unsigned tombstone, unsigned floor)
{
    struct ballot promised;
    uint64_t ring;
    struct records_drop order = {.ballot = {.counter = counter, .coordinator = "co-1", .start = 1},
        .epoch = epoch,
        .key = KEY,
        .tombstone = courses_stamp(tombstone),
        .floor = floor ? courses_stamp(floor) : STAMP_ZERO};
    return records_drop(&c->records, &order, &promised, &ring);
}

static enum err drop(struct courses *c, unsigned tombstone)
{
    return drop_under(c, 1, 1, tombstone, 0);
}

static size_t count(struct courses *c)
{
    struct message_answer a;
    message_answer_init(&a);
    assert_ok(records_look(&c->records, KEY, &a));
    size_t n = a.history.n;
    message_answer_release(&a);
    return n;
}

static void a_deleted_course_goes_whole_and_stays_away(void **state)
{
    struct courses *c = *state;
    assert_ok(tell(c, MESSAGE_STORE, 3, 0));
    bury(c, 5, 0);
    assert_ok(drop(c, 5));
    assert_int_equal(count(c), 0);
    courses_reopen(c);
    /* Whatever is late. */
    assert_err(ERR_FENCED, tell(c, MESSAGE_STORE, 3, 0));
    assert_err(ERR_FENCED, tell(c, MESSAGE_PREPARE, 0, 5));
    assert_err(ERR_FENCED, tell(c, MESSAGE_ACCEPT, 4, 4));
    assert_err(ERR_FENCED, tell(c, MESSAGE_ACCEPT, 5, 5));
    assert_err(ERR_FENCED, tell(c, MESSAGE_LEARN, 4, 0));
    assert_int_equal(count(c), 0);
    assert_ok(drop(c, 5)); /* the order comes again */
    /* A new upload begins anew. */
    assert_ok(tell(c, MESSAGE_STORE, 7, 0));
    assert_int_equal(count(c), 1);
    assert_err(ERR_FENCED, tell(c, MESSAGE_LEARN, 4, 0)); /* also with a row */
}

static void the_floor_is_above_all_that_the_course_promised_here_and_elsewhere(void **state)
{
    struct courses *c = *state;
    assert_ok(tell(c, MESSAGE_STORE, 3, 0));
    bury(c, 5, 0);
    assert_ok(tell(c, MESSAGE_PREPARE, 0, 9));
    assert_ok(drop(c, 5));
    assert_err(ERR_FENCED, tell(c, MESSAGE_STORE, 8, 0));
    assert_err(ERR_FENCED, tell(c, MESSAGE_ACCEPT, 9, 9)); /* equal to what was promised */
    assert_ok(tell(c, MESSAGE_STORE, 10, 0));
    bury(c, 11, 0);
    assert_ok(drop_under(c, 1, 1, 11, 20));
    assert_err(ERR_FENCED, tell(c, MESSAGE_STORE, 20, 0));
    assert_ok(tell(c, MESSAGE_STORE, 21, 0));
}

static void the_floor_counts_what_came_only_as_a_copy(void **state)
{
    struct courses *c = *state;
    assert_ok(copy(c, records_drops(&c->records, KEY)));
    assert_ok(drop(c, 5));
    assert_err(ERR_FENCED, tell(c, MESSAGE_STORE, 3, 0));
    assert_err(ERR_FENCED, tell(c, MESSAGE_STORE, 5, 0));
    assert_int_equal(count(c), 0);
}

static void a_course_that_begins_as_a_copy_has_promised_the_floor(void **state)
{
    struct courses *c = *state;
    bury(c, 9, 0);
    assert_ok(drop(c, 9));
    assert_ok(copy(c, records_drops(&c->records, KEY))); /* whole: with its tombstone */
    assert_err(ERR_FENCED, tell(c, MESSAGE_STORE, 8, 0));
    assert_int_equal(count(c), 2);
}

static void a_set_that_was_asked_for_before_a_drop_is_thrown_away(void **state)
{
    struct courses *c = *state;
    uint64_t drops = records_drops(&c->records, KEY);
    assert_ok(tell(c, MESSAGE_STORE, 3, 0));
    bury(c, 5, 0);
    assert_ok(drop(c, 5));
    assert_err(ERR_GONE, copy(c, drops));
    assert_int_equal(count(c), 0);
}

static void only_exactly_that_tombstone_may_be_dropped(void **state)
{
    struct courses *c = *state;
    assert_ok(drop(c, 5)); /* nothing here: done */
    assert_ok(tell(c, MESSAGE_STORE, 3, 0));
    assert_err(ERR_CONFLICT, drop(c, 3)); /* no tombstone */
    bury(c, 4, 3);
    assert_err(ERR_CONFLICT, drop(c, 4)); /* of one version */
    bury(c, 5, 0);
    assert_err(ERR_CONFLICT, drop(c, 6));
    assert_ok(tell(c, MESSAGE_STORE, 7, 0));
    assert_err(ERR_CONFLICT, drop(c, 5)); /* uploaded again */
    assert_int_equal(count(c), 4);
    assert_err(ERR_FENCED, tell(c, MESSAGE_STORE, 6, 0));
}

static void a_claim_that_may_have_been_acknowledged_keeps_its_course(void **state)
{
    struct courses *c = *state;
    bury(c, 5, 0);
    assert_ok(tell(c, MESSAGE_ACCEPT, 7, 7));
    assert_err(ERR_CONFLICT, drop(c, 5));
    assert_ok(tell(c, MESSAGE_ACCEPT, 0, 8)); /* NONE: somebody settled it otherwise */
    assert_ok(drop(c, 5));
}

static void an_older_leader_drops_nothing(void **state)
{
    struct courses *c = *state;
    struct ballot b = {.counter = 4, .coordinator = "co-2", .start = 1}, promised;
    struct ledger_ring *ring;
    bury(c, 5, 0);
    assert_ok(ledger_promise(c->ledger, &b, &ring, &promised));
    ledger_drop(ring);
    assert_err(ERR_FENCED, drop_under(c, 3, 1, 5, 0));
    assert_err(ERR_FENCED, drop_under(c, 5, 2, 5, 0)); /* of a ring that is not here */
    assert_int_equal(count(c), 1);
    assert_ok(drop_under(c, 5, 1, 5, 0));
    assert_int_equal(count(c), 0);
}

static void nothing_is_dropped_while_its_owners_change_or_by_others(void **state)
{
    struct courses *c = *state;
    bury(c, 5, 0);
    folder_take(c->ledger, folder_joint("123", "1234", 4, 2, 2)); /* k rises: every course moves */
    assert_err(ERR_CONFLICT, drop_under(c, 2, 2, 5, 0));
    folder_take(c->ledger, folder_stable("234", 3, 3, 3));
    assert_err(ERR_CONFLICT, drop_under(c, 3, 3, 5, 0));
    assert_int_equal(count(c), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, courses_setup, courses_teardown)
        T(a_deleted_course_goes_whole_and_stays_away),
        T(the_floor_is_above_all_that_the_course_promised_here_and_elsewhere),
        T(the_floor_counts_what_came_only_as_a_copy),
        T(a_course_that_begins_as_a_copy_has_promised_the_floor),
        T(a_set_that_was_asked_for_before_a_drop_is_thrown_away),
        T(only_exactly_that_tombstone_may_be_dropped),
        T(a_claim_that_may_have_been_acknowledged_keeps_its_course),
        T(an_older_leader_drops_nothing),
        T(nothing_is_dropped_while_its_owners_change_or_by_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
