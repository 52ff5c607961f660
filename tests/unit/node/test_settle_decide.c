/* What a mover makes of the owners' promises (protocol.md P3, rules 2 and 6; P4.3). Owners: three before, of whom two stay. */
#include "tests/unit/node/courses.h"

#include "node/settle_decide.h"

#define OWNERS 4

struct fixture {
    struct ringdoc *doc;
    struct owners o;
    struct message_answer answers[OWNERS_MAX];
    const struct message_answer *shown[OWNERS_MAX];
    struct settle_decision d;
};

/* A key that moves: three owners before, one of which leaves for node 4. */
static void find_key(struct fixture *f)
{
    char key[32];
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof(key), "course %d", i);
        owners_of_key(f->doc, key, &f->o);
        if (f->o.n == OWNERS)
            return;
    }
    fail();
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->doc = folder_joint("123", "1234", 3, 2, 1);
    find_key(f);
    for (size_t i = 0; i < OWNERS_MAX; i++)
        message_answer_init(&f->answers[i]);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    settle_decision_release(&f->d);
    for (size_t i = 0; i < OWNERS_MAX; i++)
        message_answer_release(&f->answers[i]);
    ringdoc_free(f->doc);
    free(f);
    return 0;
}

/* What an owner is called here: 3 leaves, 4 comes, 1 and 2 stay, in their order. */
static char called(const struct owners *o, size_t place)
{
    char staying = '1';
    for (size_t i = 0; i < place; i++)
        staying = (char)(staying + (o->at[i].now && o->at[i].before));
    return !o->at[place].now ? '3' : !o->at[place].before ? '4' : staying;
}

/* The answer of an owner; from then on it counts as a promise. */
static struct message_answer *node(struct fixture *f, char name)
{
    size_t i = 0;
    while (i < f->o.n && called(&f->o, i) != name)
        i++;
    assert_true(i < f->o.n);
    f->shown[i] = &f->answers[i];
    f->answers[i].ok = 1;
    return &f->answers[i];
}

static void add_record(struct message_answer *a, unsigned n)
{
    struct record r;
    courses_record(&r, "k", n, 0);
    assert_ok(history_add(&a->history, &r, 1));
    record_release(&r);
}

static void set_slot(struct message_answer *a, unsigned ballot, unsigned n)
{
    a->has_slot = 1;
    a->slot_ballot = courses_stamp(ballot);
    a->slot_has_record = n > 0;
    if (n > 0)
        courses_record(&a->slot_record, "k", n, 1);
}

static void promises_that_are_no_quorum_of_both_rings_decide_nothing(void **state)
{
    struct fixture *f = *state;
    node(f, '1');
    assert_err(ERR_UNAVAILABLE, settle_decide(&f->o, f->shown, &f->d));
    node(f, '3'); /* two before, one now */
    assert_err(ERR_UNAVAILABLE, settle_decide(&f->o, f->shown, &f->d));
    node(f, '4');
    assert_ok(settle_decide(&f->o, f->shown, &f->d));
    assert_null(f->d.value);
}

static void all_that_is_shown_is_known(void **state)
{
    struct fixture *f = *state;
    add_record(node(f, '1'), 3);
    add_record(node(f, '2'), 5);
    node(f, '4');
    assert_ok(settle_decide(&f->o, f->shown, &f->d));
    assert_int_equal(f->d.all.n, 2);
    assert_null(f->d.value);
    struct history lacks;
    history_init(&lacks);
    assert_ok(settle_lacks(&f->d.all, &node(f, '1')->history, &lacks));
    assert_int_equal(lacks.n, 1);
    assert_int_equal(stamp_cmp(lacks.entries[0].record.id, courses_stamp(5)), 0);
    history_release(&lacks);
}

static void a_claim_that_a_quorum_of_both_rings_shows_is_chosen(void **state)
{
    struct fixture *f = *state;
    set_slot(node(f, '1'), 7, 7);
    set_slot(node(f, '2'), 7, 7);
    node(f, '4');
    assert_ok(settle_decide(&f->o, f->shown, &f->d));
    assert_null(f->d.value);
    assert_non_null(history_find(&f->d.all, courses_stamp(7)));
}

static void a_claim_that_only_some_show_is_finished(void **state)
{
    struct fixture *f = *state;
    set_slot(node(f, '1'), 7, 7);
    set_slot(node(f, '3'), 7, 7); /* chosen under the ring before, as it happens: two of three */
    node(f, '2');
    node(f, '4');
    assert_ok(settle_decide(&f->o, f->shown, &f->d));
    assert_non_null(f->d.value);
    assert_int_equal(stamp_cmp(f->d.value->id, courses_stamp(7)), 0);
    assert_null(history_find(&f->d.all, courses_stamp(7)));
}

static void only_the_slot_with_the_largest_ballot_counts(void **state)
{
    struct fixture *f = *state;
    set_slot(node(f, '1'), 7, 7);
    set_slot(node(f, '2'), 9, 0); /* NONE, later: whatever 7 was, it was not chosen, or it is in somebody's set */
    node(f, '4');
    assert_ok(settle_decide(&f->o, f->shown, &f->d));
    assert_null(f->d.value);
    assert_int_equal(f->d.all.n, 0);
}

static void a_claim_that_is_firm_somewhere_is_no_claim_any_more(void **state)
{
    struct fixture *f = *state;
    set_slot(node(f, '1'), 7, 7);
    add_record(node(f, '2'), 7);
    node(f, '4');
    assert_ok(settle_decide(&f->o, f->shown, &f->d));
    assert_null(f->d.value);
    assert_int_equal(f->d.all.n, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(promises_that_are_no_quorum_of_both_rings_decide_nothing),
        T(all_that_is_shown_is_known),
        T(a_claim_that_a_quorum_of_both_rings_shows_is_chosen),
        T(a_claim_that_only_some_show_is_finished),
        T(only_the_slot_with_the_largest_ballot_counts),
        T(a_claim_that_is_firm_somewhere_is_no_claim_any_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
