/* The leader ballot and the ring document on a node's disk (protocol.md P1). */
#include "tests/unit/node/folder.h"

struct fixture {
    struct folder folder;
    struct db *db;
    struct ledger *ledger;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    folder_make(&f->folder);
    assert_ok(db_create(f->folder.db_path, "node-1.a"));
    assert_ok(db_open(f->folder.db_path, &f->db));
    assert_ok(ledger_open(f->db, &f->ledger));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    ledger_close(f->ledger);
    db_close(f->db);
    folder_remove(&f->folder);
    free(f);
    return 0;
}

static void reopen(struct fixture *f)
{
    ledger_close(f->ledger);
    db_close(f->db);
    assert_ok(db_open(f->folder.db_path, &f->db));
    assert_ok(ledger_open(f->db, &f->ledger));
}

static struct ballot ballot(uint64_t counter)
{
    return (struct ballot){.counter = counter, .coordinator = "co-1", .start = 1};
}

static enum err promise(struct fixture *f, uint64_t counter, uint64_t *ring, uint64_t *promised)
{
    struct ballot b = ballot(counter), other = {0};
    struct ledger_ring *held = NULL;
    enum err e = ledger_promise(f->ledger, &b, &held, &other);
    *ring = held ? held->doc->ring->epoch : 0;
    *promised = other.counter;
    ledger_drop(held);
    return e;
}

static enum err install(struct fixture *f, uint64_t counter, uint64_t epoch)
{
    struct ballot b = ballot(counter), other;
    struct ringdoc *doc = folder_ring(3, 3, epoch, counter);
    enum err e = ledger_install(f->ledger, &b, doc, &other);
    ringdoc_free(doc);
    return e;
}

static void a_promise_needs_a_strictly_larger_ballot(void **state)
{
    struct fixture *f = *state;
    uint64_t ring, promised;
    assert_ok(promise(f, 5, &ring, &promised));
    assert_int_equal(ring, 0);
    assert_err(ERR_FENCED, promise(f, 5, &ring, &promised));
    assert_int_equal(promised, 5);
    assert_err(ERR_FENCED, promise(f, 4, &ring, &promised));
    assert_ok(promise(f, 6, &ring, &promised));
}

static void a_promise_survives_a_restart(void **state)
{
    struct fixture *f = *state;
    uint64_t ring, promised;
    assert_ok(promise(f, 7, &ring, &promised));
    reopen(f);
    assert_err(ERR_FENCED, promise(f, 7, &ring, &promised));
    assert_int_equal(promised, 7);
    assert_err(ERR_FENCED, install(f, 6, 1));
    assert_ok(install(f, 7, 1));
}

static void a_promise_shows_the_newest_ring(void **state)
{
    struct fixture *f = *state;
    uint64_t ring, promised;
    assert_ok(install(f, 2, 4));
    assert_ok(promise(f, 3, &ring, &promised));
    assert_int_equal(ring, 4);
    reopen(f);
    assert_int_equal(ledger_epoch(f->ledger), 4);
}

static void an_install_takes_newer_rings_and_the_same_one_under_a_ballot_that_is_not_smaller(void **state)
{
    struct fixture *f = *state;
    assert_ok(install(f, 2, 4));
    assert_ok(install(f, 2, 4));
    assert_ok(install(f, 3, 4));
    assert_err(ERR_FENCED, install(f, 2, 5)); /* 3 was promised by the install before */
    assert_err(ERR_FENCED, install(f, 9, 3)); /* older than what is in force */
    assert_int_equal(ledger_epoch(f->ledger), 4);
    assert_ok(install(f, 3, 5));
    assert_int_equal(ledger_epoch(f->ledger), 5);
}

static void a_refused_install_changes_nothing(void **state)
{
    struct fixture *f = *state;
    uint64_t ring, promised;
    assert_ok(install(f, 3, 4));
    assert_err(ERR_FENCED, install(f, 9, 3));
    reopen(f);
    assert_int_equal(ledger_epoch(f->ledger), 4);
    assert_ok(promise(f, 4, &ring, &promised)); /* 9 was not promised */
}

static void a_ring_that_is_installed_again_is_kept_with_the_new_ballot(void **state)
{
    struct fixture *f = *state;
    struct ballot b = ballot(8), other;
    struct ringdoc *doc = folder_ring(3, 3, 4, 2);
    assert_ok(ledger_install(f->ledger, &b, doc, &other));
    reopen(f);
    struct ledger_ring *held = ledger_hold(f->ledger);
    assert_int_equal(held->doc->ballot.counter, 8);
    assert_int_equal(held->doc->ring->n_members, 3);
    ledger_drop(held);
    ringdoc_free(doc);
}

static void an_adopted_ring_promises_nothing_and_is_never_older(void **state)
{
    struct fixture *f = *state;
    uint64_t ring, promised;
    folder_adopt(f->ledger, 3, 3, 6);
    struct ringdoc *older = folder_ring(2, 2, 5, 0);
    assert_ok(ledger_adopt(f->ledger, older));
    assert_int_equal(ledger_epoch(f->ledger), 6);
    assert_ok(promise(f, 1, &ring, &promised));
    assert_int_equal(ring, 6);
    ringdoc_free(older);
}

static void a_held_ring_outlives_its_successor(void **state)
{
    struct fixture *f = *state;
    assert_null(ledger_hold(f->ledger));
    folder_adopt(f->ledger, 3, 3, 1);
    struct ledger_ring *held = ledger_hold(f->ledger);
    folder_adopt(f->ledger, 4, 3, 2);
    assert_int_equal(held->doc->ring->n_members, 3);
    ledger_drop(held);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_promise_needs_a_strictly_larger_ballot, setup, teardown),
        cmocka_unit_test_setup_teardown(a_promise_survives_a_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(a_promise_shows_the_newest_ring, setup, teardown),
        cmocka_unit_test_setup_teardown(an_install_takes_newer_rings_and_the_same_one_under_a_ballot_that_is_not_smaller, setup, teardown),
        cmocka_unit_test_setup_teardown(a_refused_install_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_ring_that_is_installed_again_is_kept_with_the_new_ballot, setup, teardown),
        cmocka_unit_test_setup_teardown(an_adopted_ring_promises_nothing_and_is_never_older, setup, teardown),
        cmocka_unit_test_setup_teardown(a_held_ring_outlives_its_successor, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
