/* Which blobs have to be here, and what that means for needs and for their removal. */
#include "tests/unit/node/courses.h"

#include "node/wanted.h"

#define LONG_AGO_MS (COURSES_NOW_MS - 1000u) /* after all stamps of these tests, unless they say otherwise */

/* Adds version n with bytes of its own; a delete of all (of = 0), or of version `of`. */
static void add_version(struct history *h, unsigned n)
{
    struct record r;
    char text[16];
    courses_record(&r, "math 1", n, 0);
    snprintf(text, sizeof(text), "v%u", n);
    hash_sha256_hex(text, strlen(text), r.sha256);
    assert_ok(history_add(h, &r, 1));
    record_release(&r);
}

static void delete_record(struct record *r, unsigned n, unsigned of)
{
    courses_record(r, "math 1", n, 0);
    r->kind = RECORD_DELETE;
    r->of = of ? courses_stamp(of) : STAMP_ZERO;
    r->sha256[0] = '\0';
    r->size = 0;
}

static void add_delete(struct history *h, unsigned n, unsigned of)
{
    struct record r;
    delete_record(&r, n, of);
    assert_ok(history_add(h, &r, 1));
    record_release(&r);
}

static void expect(const struct history *h, uint64_t before_ms, const char *want)
{
    unsigned char wanted[16];
    char got[17] = "";
    assert_true(h->n < sizeof(wanted));
    wanted_versions(h, before_ms, wanted);
    for (size_t i = 0; i < h->n; i++)
        got[i] = wanted[i] ? 'y' : '-';
    assert_string_equal(got, want);
}

static void versions_are_wanted_until_their_delete_is_old(void **state)
{
    struct history h;
    (void)state;
    history_init(&h);
    add_version(&h, 1);
    add_version(&h, 2);
    expect(&h, LONG_AGO_MS, "yy");
    add_delete(&h, 3, 1);
    expect(&h, LONG_AGO_MS, "-y-");
    expect(&h, COURSES_NOW_MS - 200000u, "yy-"); /* deleted, but not long ago */
    add_delete(&h, 4, 0);
    expect(&h, LONG_AGO_MS, "----");
    add_version(&h, 5);
    expect(&h, LONG_AGO_MS, "----y");
    expect(&h, COURSES_NOW_MS - 200000u, "yy--y");
    history_release(&h);
}

static void add_erasure(struct history *h, unsigned n, unsigned of)
{
    struct record r;
    delete_record(&r, n, of);
    r.erase = 1;
    assert_ok(history_add(h, &r, 1));
    record_release(&r);
}

/* However young the tombstone is. */
static void what_is_erased_is_wanted_no_longer(void **state)
{
    struct history h;
    (void)state;
    history_init(&h);
    add_version(&h, 1);
    add_version(&h, 2);
    add_erasure(&h, 3, 1);
    expect(&h, 0, "-y-");
    add_version(&h, 4);
    expect(&h, 0, "-y-y");
    add_erasure(&h, 5, 0);
    add_version(&h, 6);
    expect(&h, 0, "-----y");
    history_release(&h);
}

static void a_delete_of_what_is_not_there_harms_nothing(void **state)
{
    struct history h;
    (void)state;
    history_init(&h);
    add_version(&h, 2);
    add_delete(&h, 3, 1);
    expect(&h, LONG_AGO_MS, "y-");
    history_release(&h);
}

/* ---- with a database */

static void store(struct courses *c, const char *key, unsigned n, unsigned delete_of, int is_delete)
{
    struct message_request m;
    struct message_answer a;
    courses_message(&m, MESSAGE_STORE, key, n, 0);
    if (is_delete) {
        record_release(&m.record);
        delete_record(&m.record, n, delete_of);
        assert_ok(record_set(&m.record.key, key));
    }
    message_answer_init(&a);
    assert_ok(records_store(&c->records, &m, &a));
    assert_true(a.ok);
    message_answer_release(&a);
    message_request_release(&m);
}

static struct wanted look(struct courses *c, const char *text)
{
    struct db_conn *conn;
    struct wanted how;
    char sha256[HASH_HEX_SIZE];
    hash_sha256_hex(text, strlen(text), sha256);
    assert_ok(db_read_begin(c->db, &conn));
    assert_ok(wanted_blob(conn, sha256, LONG_AGO_MS, &how));
    db_read_end(conn);
    return how;
}

static void a_blob_is_wanted_as_long_as_any_course_keeps_it(void **state)
{
    struct courses *c = *state;
    assert_false(look(c, "text").named);
    store(c, "math 1", 1, 0, 0);
    store(c, "math 2", 2, 0, 0); /* the same bytes */
    assert_true(look(c, "text").wanted);
    store(c, "math 1", 3, 0, 1);
    assert_true(look(c, "text").wanted);
    store(c, "math 2", 4, 2, 1);
    assert_true(look(c, "text").named);
    assert_false(look(c, "text").wanted);
    assert_false(look(c, "other").named);
}

static void a_slot_keeps_its_blob(void **state)
{
    struct courses *c = *state;
    struct message_request m;
    struct message_answer a;
    courses_message(&m, MESSAGE_ACCEPT, "math 1", 5, 5);
    message_answer_init(&a);
    assert_ok(records_accept(&c->records, &m, &a));
    message_answer_release(&a);
    message_request_release(&m);
    assert_true(look(c, "text").wanted);
}

static void no_need_is_written_for_what_was_given_up(void **state)
{
    struct courses *c = *state;
    char sha256[HASH_HEX_SIZE];
    uint64_t n;
    int is_named;
    hash_sha256_hex("text", 4, sha256);
    assert_err(ERR_NOT_FOUND, needs_add_known(c->db, sha256, 0, LONG_AGO_MS, &is_named));
    assert_false(is_named);
    store(c, "math 1", 1, 0, 0);
    store(c, "math 1", 2, 0, 1);
    assert_err(ERR_NOT_FOUND, needs_add_known(c->db, sha256, 0, LONG_AGO_MS, &is_named));
    assert_true(is_named);
    assert_ok(needs_count(c->db, &n));
    assert_int_equal(n, 0);
    assert_ok(needs_add_known(c->db, sha256, 0, COURSES_NOW_MS - 200000u, &is_named));
    assert_ok(needs_count(c->db, &n));
    assert_int_equal(n, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, courses_setup, courses_teardown)
        cmocka_unit_test(versions_are_wanted_until_their_delete_is_old),
        cmocka_unit_test(what_is_erased_is_wanted_no_longer),
        cmocka_unit_test(a_delete_of_what_is_not_there_harms_nothing),
        T(a_blob_is_wanted_as_long_as_any_course_keeps_it),
        T(a_slot_keeps_its_blob),
        T(no_need_is_written_for_what_was_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
