#include "tests/unit/unit.h"

#include "lib/wire/history.h"
#include "tests/unit/lib/wire/records.h"

/* ---- helpers */

static void add(struct history *h, enum record_kind kind, uint64_t clock, uint64_t of, unsigned upload)
{
    struct record r = make_record(kind, clock, of, upload);
    assert_ok(history_add(h, &r, 0));
    record_release(&r);
}

/* The clock of the current record; 0 for an empty history. */
static uint64_t current(const struct history *h)
{
    const struct record *r = history_current(h);
    return r ? r->id.clock : 0;
}

static int is_deleted(const struct history *h)
{
    return record_is_tombstone(history_current(h));
}

/* One letter a record: L live, S shown only, "." not shown. */
static const char *states(const struct history *h)
{
    static char text[64];
    size_t i;
    for (i = 0; i < h->n; i++)
        text[i] = history_is_live(h, i) ? 'L' : history_is_shown(h, i) ? 'S' : '.';
    text[i] = '\0';
    return text;
}

/* ---- the set */

static void records_come_to_stand_in_the_order_of_their_stamps(void **state)
{
    (void)state;
    static const uint64_t order[] = {5, 1, 9, 3, 7, 2, 8, 4, 6, 10};
    struct history h;
    history_init(&h);
    for (size_t i = 0; i < 10; i++)
        add(&h, RECORD_UPLOAD, order[i], 0, (unsigned)order[i]);
    assert_int_equal(h.n, 10);
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(h.entries[i].record.id.clock, i + 1);
    assert_int_equal(history_find(&h, (struct stamp){7, 1})->record.id.clock, 7);
    assert_null(history_find(&h, (struct stamp){7, 2}));
    assert_null(history_find(&h, (struct stamp){11, 1}));
    history_release(&h);
    assert_null(history_find(&h, (struct stamp){7, 1}));
}

static void a_record_is_there_once_however_often_it_is_shown(void **state)
{
    (void)state;
    struct history h;
    history_init(&h);
    struct record r = make_record(RECORD_UPLOAD, 5, 0, 1);
    assert_ok(history_add(&h, &r, 0));
    assert_ok(history_add(&h, &r, 1));
    assert_ok(history_add(&h, &r, 1));
    assert_int_equal(h.n, 1);
    assert_int_equal(h.entries[0].seen, 3);
    assert_int_equal(h.entries[0].direct_seen, 2);
    assert_int_equal(h.entries[0].direct, 0);
    record_release(&r);
    history_release(&h);
}

static void merging_adds_up_who_showed_what(void **state)
{
    (void)state;
    struct history owners[3], all;
    history_init(&all);
    for (int i = 0; i < 3; i++) {
        history_init(&owners[i]);
        struct record common = make_record(RECORD_UPLOAD, 1, 0, 1), own = make_record(RECORD_UPLOAD, 10 + (unsigned)i, 0, 10 + (unsigned)i);
        assert_ok(history_add(&owners[i], &common, i != 1));
        assert_ok(history_add(&owners[i], &own, 1));
        record_release(&common);
        record_release(&own);
        assert_ok(history_merge(&all, &owners[i]));
    }
    assert_int_equal(all.n, 4);
    assert_int_equal(all.entries[0].seen, 3);
    assert_int_equal(all.entries[0].direct_seen, 2);
    assert_int_equal(all.entries[0].direct, 1);
    for (size_t i = 1; i < 4; i++)
        assert_true(all.entries[i].seen == 1 && all.entries[i].direct_seen == 1);
    assert_ok(history_merge(&all, &all)); /* all of it is there already */
    assert_int_equal(all.n, 4);
    for (int i = 0; i < 3; i++)
        history_release(&owners[i]);
    history_release(&all);
}

static void equal_sets_have_equal_digests(void **state)
{
    (void)state;
    struct history a, b;
    char x[HASH_HEX_SIZE], y[HASH_HEX_SIZE];
    history_init(&a);
    history_init(&b);
    history_digest(&a, x);
    assert_string_equal(x, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"); /* of nothing */
    for (unsigned i = 1; i <= 20; i++) {
        add(&a, RECORD_UPLOAD, i, 0, i);
        add(&b, RECORD_UPLOAD, 21 - i, 0, 21 - i);
        history_digest(&a, x);
        history_digest(&b, y);
        assert_int_equal(strcmp(x, y) == 0, i == 20);
    }
    history_release(&a);
    history_release(&b);
}

static void the_newest_attempt_of_an_upload_is_found(void **state)
{
    (void)state;
    struct history h;
    char id[RECORD_UPLOAD_ID_SIZE];
    history_init(&h);
    add(&h, RECORD_UPLOAD, 1, 0, 7);
    add(&h, RECORD_UPLOAD, 2, 0, 8);
    add(&h, RECORD_UPLOAD, 3, 0, 7);
    snprintf(id, sizeof(id), "%032x", 7);
    assert_int_equal(history_find_upload(&h, id)->record.id.clock, 3);
    assert_null(history_find_upload(&h, "none"));
    history_release(&h);
}

/* ---- what follows from it */

static void an_empty_history_has_no_current_record(void **state)
{
    (void)state;
    struct history h;
    history_init(&h);
    assert_null(history_current(&h));
    assert_int_equal(history_live_count(&h), 0);
    history_release(&h);
}

static void the_newest_version_is_current(void **state)
{
    (void)state;
    struct history h;
    history_init(&h);
    add(&h, RECORD_UPLOAD, 10, 0, 1);
    add(&h, RECORD_UPLOAD, 30, 0, 3);
    add(&h, RECORD_RESTORE, 20, 10, 2);
    assert_int_equal(current(&h), 30);
    assert_string_equal(states(&h), "LLL");
    assert_int_equal(history_live_count(&h), 3);
    history_release(&h);
}

static void a_delete_of_everything_covers_all_that_is_older(void **state)
{
    (void)state;
    struct history h;
    history_init(&h);
    add(&h, RECORD_UPLOAD, 10, 0, 1);
    add(&h, RECORD_UPLOAD, 20, 0, 2);
    add(&h, RECORD_DELETE, 30, 0, 3);
    assert_int_equal(current(&h), 30);
    assert_true(is_deleted(&h));
    assert_string_equal(states(&h), "SSS");
    assert_int_equal(history_live_count(&h), 0);
    history_release(&h);
}

static void what_comes_after_a_delete_of_everything_is_not_covered(void **state)
{
    (void)state;
    struct history h;
    history_init(&h);
    add(&h, RECORD_UPLOAD, 10, 0, 1);
    add(&h, RECORD_DELETE, 20, 0, 2);
    add(&h, RECORD_RESTORE, 30, 10, 3);
    assert_int_equal(current(&h), 30);
    assert_string_equal(states(&h), "SSL");
    add(&h, RECORD_UPLOAD, 15, 0, 4); /* a late record from before the delete */
    assert_int_equal(current(&h), 30);
    assert_string_equal(states(&h), "SSSL");
    history_release(&h);
}

static void a_tombstone_of_one_version_removes_only_that_version(void **state)
{
    (void)state;
    struct history h;
    history_init(&h);
    add(&h, RECORD_UPLOAD, 10, 0, 1);
    add(&h, RECORD_UPLOAD, 20, 0, 2);
    add(&h, RECORD_UPLOAD, 30, 0, 3);
    add(&h, RECORD_DELETE, 40, 20, 4);
    assert_int_equal(current(&h), 30);
    assert_string_equal(states(&h), "LSLS");
    add(&h, RECORD_DELETE, 50, 30, 5);
    assert_int_equal(current(&h), 10);
    assert_string_equal(states(&h), "LSSSS");
    history_release(&h);
}

static void a_tombstone_of_one_version_is_never_current_while_a_version_is_left(void **state)
{
    (void)state;
    struct history h;
    history_init(&h);
    add(&h, RECORD_DELETE, 50, 99, 5); /* of a version that is not here (yet) */
    add(&h, RECORD_UPLOAD, 10, 0, 1);
    assert_int_equal(current(&h), 10);
    history_release(&h);
}

static void when_all_versions_were_removed_one_by_one_the_course_is_deleted(void **state)
{
    (void)state;
    struct history h;
    history_init(&h);
    add(&h, RECORD_UPLOAD, 10, 0, 1);
    add(&h, RECORD_UPLOAD, 20, 0, 2);
    add(&h, RECORD_DELETE, 30, 20, 3);
    add(&h, RECORD_DELETE, 40, 10, 4);
    assert_int_equal(current(&h), 40);
    assert_true(is_deleted(&h));
    assert_int_equal(history_live_count(&h), 0);
    add(&h, RECORD_UPLOAD, 50, 0, 5);
    assert_int_equal(current(&h), 50);
    assert_false(is_deleted(&h));
    history_release(&h);
}

static void removing_the_only_version_since_a_delete_brings_the_delete_back(void **state)
{
    (void)state;
    struct history h;
    history_init(&h);
    add(&h, RECORD_UPLOAD, 10, 0, 1);
    add(&h, RECORD_DELETE, 20, 0, 2);
    add(&h, RECORD_UPLOAD, 30, 0, 3);
    add(&h, RECORD_DELETE, 40, 30, 4);
    assert_int_equal(current(&h), 20);
    assert_true(is_deleted(&h));
    history_release(&h);
}

static void a_tombstone_cannot_be_removed_by_a_tombstone(void **state)
{
    (void)state;
    struct history h;
    history_init(&h);
    add(&h, RECORD_UPLOAD, 10, 0, 1);
    add(&h, RECORD_DELETE, 20, 0, 2);
    add(&h, RECORD_DELETE, 30, 20, 3);
    assert_int_equal(current(&h), 20);
    assert_string_equal(states(&h), "SSS");
    history_release(&h);
}

static void a_removed_version_stays_removed_when_it_comes_after_its_tombstone(void **state)
{
    (void)state;
    struct history h;
    history_init(&h);
    add(&h, RECORD_UPLOAD, 10, 0, 1);
    add(&h, RECORD_DELETE, 40, 20, 4);
    assert_int_equal(current(&h), 10);
    add(&h, RECORD_UPLOAD, 20, 0, 2);
    assert_int_equal(current(&h), 10);
    assert_string_equal(states(&h), "LSS");
    history_release(&h);
}

static void erase(struct history *h, uint64_t clock, uint64_t of)
{
    struct record r = make_record(RECORD_DELETE, clock, of, (unsigned)clock);
    r.erase = 1;
    assert_ok(history_add(h, &r, 0));
    record_release(&r);
}

static void what_a_tombstone_erases_is_what_it_covers(void **state)
{
    (void)state;
    struct history h;
    history_init(&h);
    add(&h, RECORD_UPLOAD, 1, 0, 1);
    add(&h, RECORD_UPLOAD, 2, 0, 2);
    add(&h, RECORD_DELETE, 3, 1, 3);
    assert_false(history_is_erased(&h, 0)); /* only deleted */
    erase(&h, 4, 1);
    assert_true(history_is_erased(&h, 0));
    assert_false(history_is_erased(&h, 1));
    add(&h, RECORD_DELETE, 5, 0, 5);
    assert_false(history_is_erased(&h, 1));
    erase(&h, 6, 0);
    add(&h, RECORD_UPLOAD, 7, 0, 7);
    assert_true(history_is_erased(&h, 1));
    assert_false(history_is_erased(&h, h.n - 1));
    history_release(&h);
}

static void of_several_attempts_only_the_newest_counts(void **state)
{
    (void)state;
    struct history h;
    history_init(&h);
    add(&h, RECORD_UPLOAD, 10, 0, 1);
    add(&h, RECORD_UPLOAD, 20, 0, 2);
    add(&h, RECORD_UPLOAD, 30, 0, 1);
    assert_int_equal(current(&h), 30);
    assert_string_equal(states(&h), ".LL");
    add(&h, RECORD_DELETE, 40, 30, 4); /* the upload is gone, and none of its attempts comes back for it */
    assert_int_equal(current(&h), 20);
    assert_string_equal(states(&h), ".LSS");
    history_release(&h);
}

static void attempts_of_a_delete_collapse_as_well(void **state)
{
    (void)state;
    struct history h;
    history_init(&h);
    add(&h, RECORD_UPLOAD, 10, 0, 1);
    add(&h, RECORD_DELETE, 20, 0, 9);
    add(&h, RECORD_DELETE, 30, 0, 9);
    add(&h, RECORD_DELETE, 40, 10, 8);
    add(&h, RECORD_DELETE, 50, 10, 8);
    assert_string_equal(states(&h), "S.S.S");
    assert_int_equal(current(&h), 30);
    history_release(&h);
}

static void an_upload_and_a_delete_are_never_attempts_of_each_other(void **state)
{
    (void)state;
    struct history h;
    history_init(&h);
    add(&h, RECORD_UPLOAD, 10, 0, 1);
    add(&h, RECORD_UPLOAD, 20, 0, 2);
    add(&h, RECORD_DELETE, 30, 10, 2);
    assert_string_equal(states(&h), "SLS");
    assert_int_equal(current(&h), 20);
    history_release(&h);
}

static void version_numbers_count_what_is_shown(void **state)
{
    (void)state;
    struct history h;
    history_init(&h);
    add(&h, RECORD_UPLOAD, 10, 0, 1);
    add(&h, RECORD_UPLOAD, 20, 0, 2);
    add(&h, RECORD_UPLOAD, 30, 0, 1);
    add(&h, RECORD_DELETE, 40, 20, 3);
    static const uint64_t wanted[] = {0, 1, 2, 3};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(history_version(&h, i), wanted[i]);
    add(&h, RECORD_UPLOAD, 5, 0, 5); /* a late one shifts the numbers, not the ids */
    static const uint64_t shifted[] = {1, 0, 2, 3, 4};
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(history_version(&h, i), shifted[i]);
    history_release(&h);
}

/* ---- the definitions in the plainest words, against the module, on many random sets */

static int definition_superseded(const struct history *h, size_t i)
{
    const struct record *r = &h->entries[i].record;
    for (size_t j = i + 1; j < h->n; j++) {
        const struct record *o = &h->entries[j].record;
        int same = strcmp(r->upload, o->upload) == 0 && (r->kind == RECORD_DELETE) == (o->kind == RECORD_DELETE);
        if (same && (r->kind != RECORD_DELETE || stamp_cmp(r->of, o->of) == 0))
            return 1;
    }
    return 0;
}

static int definition_removed(const struct history *h, size_t i)
{
    for (size_t j = 0; j < h->n; j++) {
        const struct record *o = &h->entries[j].record;
        if (o->kind == RECORD_DELETE && stamp_cmp(o->of, h->entries[i].record.id) == 0)
            return 1;
    }
    return 0;
}

static int definition_covered(const struct history *h, size_t i)
{
    for (size_t j = i + 1; j < h->n; j++) {
        const struct record *o = &h->entries[j].record;
        if (o->kind == RECORD_DELETE && stamp_is_zero(o->of))
            return 1;
    }
    return 0;
}

static long definition_current(const struct history *h)
{
    long best = -1;
    for (size_t i = 0; i < h->n; i++) {
        const struct record *r = &h->entries[i].record;
        int everything = r->kind == RECORD_DELETE && stamp_is_zero(r->of);
        int version = r->kind != RECORD_DELETE && !definition_superseded(h, i) && !definition_removed(h, i);
        if (everything || version)
            best = (long)i;
    }
    for (size_t i = 0; best < 0 && i < h->n; i++) {
        if (h->entries[h->n - 1 - i].record.kind == RECORD_DELETE)
            best = (long)(h->n - 1 - i);
    }
    return best;
}

static void check_against_definitions(const struct history *h)
{
    uint64_t live = 0, shown = 0;
    for (size_t i = 0; i < h->n; i++) {
        int superseded = definition_superseded(h, i);
        int lives = h->entries[i].record.kind != RECORD_DELETE && !superseded && !definition_removed(h, i) && !definition_covered(h, i);
        live += (uint64_t)lives;
        shown += !superseded;
        assert_int_equal(history_is_live(h, i), lives);
        assert_int_equal(history_is_shown(h, i), !superseded);
        assert_int_equal(history_version(h, i), superseded ? 0 : shown);
    }
    assert_int_equal(history_live_count(h), live);
    long wanted = definition_current(h);
    assert_ptr_equal(history_current(h), wanted < 0 ? NULL : &h->entries[wanted].record);
}

static void random_sets_in_random_order_agree_with_the_definitions(void **state)
{
    (void)state;
    srandom(20261121);
    for (int round = 0; round < 400; round++) {
        struct history h;
        history_init(&h);
        int n = (int)(random() % 25);
        for (int i = 0; i < n; i++) {
            uint64_t clock = 1 + (uint64_t)random() % 30, of = 1 + (uint64_t)random() % 30;
            enum record_kind kind = (enum record_kind)(random() % 3);
            if (kind == RECORD_UPLOAD || (kind == RECORD_DELETE && random() % 4 == 0))
                of = 0;
            add(&h, kind, clock, of == clock ? of + 100 : of, (unsigned)random() % 8);
            check_against_definitions(&h); /* between the additions too: what follows is worked out anew each time */
        }
        history_release(&h);
    }
}

static void a_long_history_is_worked_out_at_once(void **state)
{
    (void)state;
    enum { N = 20000 };
    struct history h;
    history_init(&h);
    for (unsigned i = 1; i <= N; i++)
        add(&h, i % 10 == 0 ? RECORD_DELETE : RECORD_UPLOAD, i, i % 10 == 0 ? i - 5 : 0, i / 2);
    uint64_t shown = 0, live = 0;
    for (size_t i = 0; i < h.n; i++) {
        shown += (uint64_t)history_is_shown(&h, i);
        live += (uint64_t)history_is_live(&h, i);
        assert_true(history_version(&h, i) <= i + 1);
    }
    assert_true(live > 0 && shown > live);
    assert_int_equal(live, history_live_count(&h));
    history_release(&h);
}

static void the_number_of_records_is_bounded(void **state)
{
    (void)state;
    struct history h;
    history_init(&h);
    struct record r = make_record(RECORD_UPLOAD, 1, 0, 1);
    h.n = HISTORY_RECORDS_MAX; /* as if: only the count is looked at before memory is taken */
    h.cap = HISTORY_RECORDS_MAX;
    h.entries = calloc(HISTORY_RECORDS_MAX, sizeof(h.entries[0]));
    assert_err(ERR_TOO_LARGE, history_add(&h, &r, 0));
    assert_int_equal(h.n, HISTORY_RECORDS_MAX);
    history_release(&h);
    record_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_to_stand_in_the_order_of_their_stamps),
        cmocka_unit_test(a_record_is_there_once_however_often_it_is_shown),
        cmocka_unit_test(merging_adds_up_who_showed_what),
        cmocka_unit_test(equal_sets_have_equal_digests),
        cmocka_unit_test(the_newest_attempt_of_an_upload_is_found),
        cmocka_unit_test(an_empty_history_has_no_current_record),
        cmocka_unit_test(the_newest_version_is_current),
        cmocka_unit_test(a_delete_of_everything_covers_all_that_is_older),
        cmocka_unit_test(what_comes_after_a_delete_of_everything_is_not_covered),
        cmocka_unit_test(a_tombstone_of_one_version_removes_only_that_version),
        cmocka_unit_test(a_tombstone_of_one_version_is_never_current_while_a_version_is_left),
        cmocka_unit_test(when_all_versions_were_removed_one_by_one_the_course_is_deleted),
        cmocka_unit_test(removing_the_only_version_since_a_delete_brings_the_delete_back),
        cmocka_unit_test(a_tombstone_cannot_be_removed_by_a_tombstone),
        cmocka_unit_test(a_removed_version_stays_removed_when_it_comes_after_its_tombstone),
        cmocka_unit_test(what_a_tombstone_erases_is_what_it_covers),
        cmocka_unit_test(of_several_attempts_only_the_newest_counts),
        cmocka_unit_test(attempts_of_a_delete_collapse_as_well),
        cmocka_unit_test(an_upload_and_a_delete_are_never_attempts_of_each_other),
        cmocka_unit_test(version_numbers_count_what_is_shown),
        cmocka_unit_test(random_sets_in_random_order_agree_with_the_definitions),
        cmocka_unit_test(a_long_history_is_worked_out_at_once),
        cmocka_unit_test(the_number_of_records_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
