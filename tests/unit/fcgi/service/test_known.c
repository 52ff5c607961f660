/* Which records of a union count, and which version is meant. */
#include "tests/unit/unit.h"

#include "fcgi/service/known.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add(struct history *h, uint64_t clock, const char *upload, enum record_kind kind, uint64_t of)
{
    struct record r;
    assert_ok(record_init(&r));
    r.id = (struct stamp){clock, 1};
    r.kind = kind;
    r.of = of == 0 ? STAMP_ZERO : (struct stamp){of, 1};
    snprintf(r.upload, sizeof(r.upload), "%032d", atoi(upload));
    if (kind != RECORD_DELETE)
        memset(r.sha256, 'a', 64);
    assert_ok(history_add(h, &r, 0));
    record_release(&r);
}

static void a_record_counts_unless_it_cannot_have_been_acknowledged(void **state)
{
    (void)state;
    const struct {
        unsigned seen;
        size_t owners, answered;
        uint32_t quorum;
        int conditional, visible;
    } rows[] = {
        {1, 3, 3, 2, 0, 0},
        {2, 3, 3, 2, 0, 1},
        {1, 3, 2, 2, 0, 1},
        {1, 3, 1, 2, 0, 1},
        {3, 3, 3, 2, 0, 1},
        {1, 5, 5, 3, 0, 0},
        {2, 5, 5, 3, 0, 0},
        {2, 5, 4, 3, 0, 1},
        {1, 5, 4, 3, 0, 0},
        {1, 5, 3, 3, 0, 1},
        {1, 1, 1, 1, 0, 1},
        {1, 2, 2, 2, 0, 0},
        {1, 2, 1, 2, 0, 1},
        {1, 3, 3, 2, 1, 1},
        {0, 3, 3, 2, 1, 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct history_entry e = {.seen = rows[i].seen, .record = {.conditional = rows[i].conditional}};
        if (pull_is_visible(&e, rows[i].owners, rows[i].answered, rows[i].quorum) != rows[i].visible)
            fail_msg("row %zu", i);
    }
}

static void absence_needs_enough_owners(void **state)
{
    (void)state;
    struct pulled p = {.n_owners = 3, .quorum = 2};
    p.n_answered = 1;
    assert_false(pull_proves_absence(&p));
    p.n_answered = 2;
    assert_true(pull_proves_absence(&p));
    p = (struct pulled){.n_owners = 5, .quorum = 3, .n_answered = 2};
    assert_false(pull_proves_absence(&p));
    p.n_answered = 3;
    assert_true(pull_proves_absence(&p));
}

static void one_owner_and_the_index_agree_on_absence(void **state)
{
    (void)state;
    struct known k = {.pulled = {.n_owners = 3, .quorum = 2, .n_answered = 1}};
    assert_err(ERR_UNAVAILABLE, known_absence(&k));
    k.index_answered = 1;
    assert_err(ERR_NOT_FOUND, known_absence(&k));
    k.pulled.n_answered = 0;
    assert_err(ERR_UNAVAILABLE, known_absence(&k));
}

static void versions_are_found_by_number_and_by_id(void **state)
{
    (void)state;
    struct history h;
    size_t at;
    char id[STAMP_HEX_SIZE];
    history_init(&h);
    add(&h, 10, "1", RECORD_UPLOAD, 0);
    add(&h, 20, "2", RECORD_UPLOAD, 0);
    add(&h, 30, "2", RECORD_UPLOAD, 0); /* a further attempt of the same upload */
    add(&h, 40, "3", RECORD_UPLOAD, 0);
    assert_ok(known_find(&h, "1", &at));
    assert_int_equal(at, 0);
    assert_ok(known_find(&h, "2", &at));
    assert_int_equal(at, 2);
    assert_ok(known_find(&h, "3", &at));
    assert_int_equal(at, 3);
    stamp_hex((struct stamp){40, 1}, id);
    assert_ok(known_find(&h, id, &at));
    assert_int_equal(at, 3);
    stamp_hex((struct stamp){20, 1}, id);
    assert_err(ERR_NOT_FOUND, known_find(&h, id, &at));
    const char *bad[] = {"0", "4", "-1", "01", "1 ", "", "x", "99999999999999999999", "0000000000000028000000000000000"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_err(ERR_NOT_FOUND, known_find(&h, bad[i], &at));
    history_release(&h);
}

static void blob_states_come_from_the_owners_answer(void **state)
{
    (void)state;
    struct quorum_reply r = {.asked = 1, .done = 1, .error = ERR_OK};
    struct stamp ten = {10, 1}, twenty = {20, 1};
    enum blob_state blobs[] = {BLOB_BAD};
    uint64_t verified[] = {1234}, at_ms = 0;
    history_init(&r.answer.history);
    add(&r.answer.history, 10, "1", RECORD_UPLOAD, 0);
    r.answer.blobs = blobs;
    r.answer.verified_at_ms = verified;
    assert_int_equal(pull_blob_state(&r, ten, &at_ms), BLOB_BAD);
    assert_int_equal(at_ms, 1234);
    assert_int_equal(pull_blob_state(&r, twenty, NULL), BLOB_MISSING);
    r.answer.has_slot = r.answer.slot_has_record = 1;
    r.answer.slot_record.id = twenty;
    assert_int_equal(pull_blob_state(&r, twenty, NULL), BLOB_STORED);
    r.error = ERR_TIMEOUT;
    assert_int_equal(pull_blob_state(&r, ten, NULL), BLOB_UNKNOWN);
    history_release(&r.answer.history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_counts_unless_it_cannot_have_been_acknowledged),
        cmocka_unit_test(absence_needs_enough_owners),
        cmocka_unit_test(one_owner_and_the_index_agree_on_absence),
        cmocka_unit_test(versions_are_found_by_number_and_by_id),
        cmocka_unit_test(blob_states_come_from_the_owners_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
