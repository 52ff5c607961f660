/* The owner's rules against a model: random messages with few stamps, courses and rings, so that they meet; after each one the answer and the whole state
 * must be what the few lines below say. Now and then the database is closed and opened again. */
#include "tests/unit/node/courses.h"

#include <stdio.h>

#define COURSES 2
#define STAMPS 24u
#define ROUNDS 4000

/* What one owner holds of one course; stamps are numbers, 0 = none. */
struct model {
    unsigned promised, slot_ballot, slot_record;
    unsigned char in_set[STAMPS + 1], direct[STAMPS + 1];
};

struct run {
    struct courses *c;
    struct model models[COURSES];
    uint64_t ring, random;
};

static const char *const keys[COURSES] = {"csen317", "math 9"};

static unsigned below(struct run *r, unsigned n)
{
    r->random = r->random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(r->random >> 33) % n;
}

static enum err model_store(struct model *m, unsigned s)
{
    if (m->direct[s])
        return ERR_OK;
    if (s <= m->promised)
        return ERR_FENCED;
    m->promised = s;
    m->in_set[s] = m->direct[s] = 1;
    return ERR_OK;
}

static enum err model_prepare(struct model *m, unsigned b)
{
    if (b <= m->promised)
        return ERR_FENCED;
    m->promised = b;
    return ERR_OK;
}

static enum err model_accept(struct model *m, unsigned b, unsigned value, unsigned known)
{
    if (b < m->promised)
        return ERR_FENCED;
    m->promised = m->slot_ballot = b;
    m->slot_record = value;
    if (known)
        m->in_set[known] = 1;
    return ERR_OK;
}

static unsigned number(struct stamp s)
{
    return stamp_is_zero(s) ? 0 : (unsigned)(s.clock - courses_stamp(0).clock);
}

static void assert_state(struct run *r, int course)
{
    struct message_answer a;
    const struct model *m = &r->models[course];
    unsigned char in_set[STAMPS + 1] = {0}, direct[STAMPS + 1] = {0};
    message_answer_init(&a);
    assert_ok(records_look(&r->c->records, keys[course], &a));
    for (size_t i = 0; i < a.history.n; i++) {
        unsigned n = number(a.history.entries[i].record.id);
        in_set[n] = 1;
        direct[n] = a.history.entries[i].direct != 0;
    }
    assert_memory_equal(in_set, m->in_set, sizeof(in_set));
    assert_memory_equal(direct, m->direct, sizeof(direct));
    assert_int_equal(number(a.promised), m->promised);
    assert_int_equal(a.has_slot ? number(a.slot_ballot) : 0, m->slot_ballot);
    assert_int_equal(a.slot_has_record ? number(a.slot_record.id) : 0, m->slot_record);
    message_answer_release(&a);
}

static void add_known(struct message_request *m, unsigned n)
{
    struct record r;
    courses_record(&r, m->key, n, 0);
    assert_ok(history_add(&m->known, &r, 0));
    record_release(&r);
}

/* One random message; most name the ring in force. Returns what the model says. */
static enum err draw(struct run *r, int course, struct message_request *m)
{
    static const enum message_verb verbs[] = {MESSAGE_STORE, MESSAGE_PREPARE, MESSAGE_ACCEPT, MESSAGE_LEARN};
    enum message_verb verb = verbs[below(r, 4)];
    unsigned s = 1 + below(r, STAMPS), b = 1 + below(r, STAMPS), known = below(r, 3) == 0 ? 1 + below(r, STAMPS) : 0;
    unsigned record = verb == MESSAGE_PREPARE || (verb == MESSAGE_ACCEPT && below(r, 3) == 0) ? 0 : s;
    courses_message(m, verb, keys[course], record, verb == MESSAGE_PREPARE || verb == MESSAGE_ACCEPT ? b : 0);
    if (verb == MESSAGE_ACCEPT && known)
        add_known(m, known);
    m->ring = below(r, 8) == 0 ? r->ring + 1 - 2 * below(r, 2) : r->ring;
    if (m->ring != r->ring)
        return ERR_STALE_RING;
    struct model *model = &r->models[course];
    switch (verb) {
    case MESSAGE_STORE: return model_store(model, s);
    case MESSAGE_PREPARE: return model_prepare(model, b);
    case MESSAGE_ACCEPT: return model_accept(model, b, record, known);
    default: model->in_set[s] = 1; return ERR_OK;
    }
}

static void send(struct run *r, struct message_request *m, struct message_answer *a)
{
    struct records *records = &r->c->records;
    switch (m->verb) {
    case MESSAGE_STORE: assert_ok(records_store(records, m, a)); break;
    case MESSAGE_PREPARE: assert_ok(records_prepare(records, m, a)); break;
    case MESSAGE_ACCEPT: assert_ok(records_accept(records, m, a)); break;
    default: assert_ok(records_learn(records, m, 0, a)); break;
    }
}

static void one_message(struct run *r)
{
    struct message_request m;
    struct message_answer a;
    int course = (int)below(r, COURSES);
    enum err want = draw(r, course, &m);
    message_answer_init(&a);
    send(r, &m, &a);
    assert_int_equal(a.ok ? ERR_OK : a.error, want);
    if (want != ERR_STALE_RING)
        assert_int_equal(number(a.promised), r->models[course].promised);
    message_answer_release(&a);
    message_request_release(&m);
    assert_state(r, course);
}

static void one_copy(struct run *r)
{
    struct history set;
    struct record record;
    int course = (int)below(r, COURSES);
    unsigned s = 1 + below(r, STAMPS);
    history_init(&set);
    courses_record(&record, keys[course], s, 0);
    assert_ok(history_add(&set, &record, 1));
    struct records_copied copied = {
        .key = keys[course], .ring = r->ring, .drops = records_drops(&r->c->records, keys[course]), .set = &set};
    assert_ok(records_copy(&r->c->records, &copied));
    r->models[course].in_set[s] = 1;
    record_release(&record);
    history_release(&set);
    assert_state(r, course);
}

static void random_messages_leave_what_the_model_says(void **state)
{
    struct run r = {.c = *state, .ring = 1, .random = 20261121};
    int fresh_after = 40;
    for (int i = 0; i < ROUNDS; i++) {
        unsigned what = below(&r, 100);
        if (what == 0)
            courses_reopen(r.c);
        else if (what == 1)
            folder_adopt(r.c->ledger, 3, 3, ++r.ring);
        else if (what < 10)
            one_copy(&r);
        else
            one_message(&r);
        /* The few stamps are used up after a while: the courses start again from nothing. */
        if (--fresh_after == 0) {
            struct db_conn *c;
            assert_ok(db_write_begin(r.c->db, &c));
            enum err e = db_run(c, db_stmt(c, "DELETE FROM record"));
            if (!e)
                e = db_run(c, db_stmt(c, "DELETE FROM course"));
            assert_ok(db_write_end(c, e));
            memset(r.models, 0, sizeof(r.models));
            fresh_after = 40 + (int)below(&r, 100);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(random_messages_leave_what_the_model_says, courses_setup, courses_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
