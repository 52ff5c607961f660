/* The catalog: whatever is written, by whatever way, its digests and counts are those of a recount. */
#include "tests/unit/node/courses.h"

#include "node/catalog.h"

#define COURSES 40
#define STEPS 3000

struct desk {
    struct courses courses;
    struct catalog *catalog;
    unsigned next; /* stamp */
    unsigned seed;
};

static int setup(void **state)
{
    struct desk *d = calloc(1, sizeof(*d));
    void *courses;
    assert_int_equal(courses_setup(&courses), 0);
    d->courses = *(struct courses *)courses;
    free(courses);
    assert_ok(catalog_open(d->courses.db, d->courses.ledger, "node-1.a", &d->catalog));
    d->next = 1;
    d->seed = 7;
    *state = d;
    return 0;
}

static int teardown(void **state)
{
    struct desk *d = *state;
    catalog_close(d->catalog);
    courses_close(&d->courses);
    folder_remove(&d->courses.folder);
    free(d);
    return 0;
}

static const char *key_of(unsigned i)
{
    static char key[32];
    snprintf(key, sizeof(key), "course %u", i);
    return key;
}

static void store(struct desk *d, const char *key, enum err want)
{
    struct message_request m;
    struct message_answer a;
    courses_message(&m, MESSAGE_STORE, key, d->next++, 0);
    message_answer_init(&a);
    assert_ok(records_store(&d->courses.records, &m, &a));
    assert_int_equal(a.ok ? ERR_OK : a.error, want);
    message_answer_release(&a);
    message_request_release(&m);
}

static void accept_value(struct desk *d, const char *key)
{
    struct message_request m;
    struct message_answer a;
    courses_message(&m, MESSAGE_ACCEPT, key, d->next, d->next);
    d->next++;
    message_answer_init(&a);
    assert_ok(records_accept(&d->courses.records, &m, &a));
    message_answer_release(&a);
    message_request_release(&m);
}

static void learn(struct desk *d, const char *key, unsigned record)
{
    struct message_request m;
    struct message_answer a;
    courses_message(&m, MESSAGE_LEARN, key, record, 0);
    message_answer_init(&a);
    assert_ok(records_learn(&d->courses.records, &m, 1, &a));
    message_answer_release(&a);
    message_request_release(&m);
}

static void run_sql(struct desk *d, const char *sql, int take_back)
{
    struct db_conn *c;
    assert_ok(db_write_begin(d->courses.db, &c));
    assert_int_equal(sqlite3_exec(c->handle, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(db_write_end(c, take_back ? ERR_CONFLICT : ERR_OK), take_back ? ERR_CONFLICT : ERR_OK);
}

struct recount {
    struct desk *d;
    struct catalog *fresh;
    unsigned n;
};

static void compare_one(void *ctx, const struct catalog_ring *ring, const struct catalog_course *course)
{
    struct recount *r = ctx;
    struct db_conn *c;
    struct history h;
    (void)ring;
    history_init(&h);
    assert_ok(db_read_begin(r->d->courses.db, &c));
    assert_ok(records_history(c, course->key, &h));
    db_read_end(c);
    assert_true(course->digest == catalog_digest_of(course->key, &h));
    assert_int_equal(course->records, h.n);
    assert_int_equal(course->live, history_live_count(&h));
    history_release(&h);
    r->n++;
}

/* The sum of all that is in a catalog: two that read the same database are equal in it. */
static void add_up(void *ctx, const struct catalog_ring *ring, const struct catalog_course *course)
{
    uint64_t *sum = ctx;
    (void)ring;
    *sum += course->digest + course->point * (course->here * 3u + course->live * 5u + (unsigned)course->open_slot * 7u +
                                                 (unsigned)course->current_here * 11u + (unsigned)course->is_live * 13u + course->n_owners);
}

static void check(struct desk *d)
{
    struct recount r = {.d = d};
    uint64_t kept = 0, fresh = 0;
    assert_ok(catalog_refresh(d->catalog));
    catalog_each(d->catalog, CATALOG_BUCKETS, compare_one, &r);
    catalog_each(d->catalog, CATALOG_BUCKETS, add_up, &kept);
    /* Another one, over a database of its own, that reads everything. */
    struct db *db;
    struct ledger *ledger;
    struct catalog *other;
    assert_ok(db_open(d->courses.folder.db_path, &db));
    assert_ok(ledger_open(db, &ledger));
    assert_ok(catalog_open(db, ledger, "node-1.a", &other));
    assert_ok(catalog_refresh(other));
    catalog_each(other, CATALOG_BUCKETS, add_up, &fresh);
    catalog_close(other);
    ledger_close(ledger);
    db_close(db);
    assert_true(kept == fresh);
}

static void one_step(struct desk *d)
{
    static char sql[256];
    const char *key = key_of((unsigned)rand_r(&d->seed) % COURSES);
    switch (rand_r(&d->seed) % 8) {
    case 0:
    case 1:
    case 2: store(d, key, ERR_OK); return;
    case 3: accept_value(d, key); return;
    case 4:
        learn(d, key, d->next + 100000);
        d->next++;
        return;
    case 5: run_sql(d, rand_r(&d->seed) % 2 ? "DELETE FROM need" : "DELETE FROM need WHERE 0", 0); return;
    case 6: snprintf(sql, sizeof(sql), "DELETE FROM record WHERE key = '%s'", key); break;
    default: snprintf(sql, sizeof(sql), "DELETE FROM record WHERE key = '%s'; DELETE FROM course WHERE key = '%s'", key, key); break;
    }
    run_sql(d, sql, rand_r(&d->seed) % 2);
}

static void it_is_never_wrong_whatever_is_written(void **state)
{
    struct desk *d = *state;
    for (unsigned i = 0; i < STEPS; i++) {
        one_step(d);
        if (i % 100 == 0)
            check(d);
    }
    check(d);
}

static void what_was_taken_back_changes_nothing(void **state)
{
    struct desk *d = *state;
    store(d, "math 1", ERR_OK);
    assert_ok(catalog_refresh(d->catalog));
    uint64_t before = catalog_digest(d->catalog, "math 1");
    run_sql(d, "DELETE FROM record", 1);
    assert_ok(catalog_refresh(d->catalog));
    assert_true(before != 0 && catalog_digest(d->catalog, "math 1") == before);
    run_sql(d, "DELETE FROM record", 0);
    assert_ok(catalog_refresh(d->catalog));
    assert_true(catalog_digest(d->catalog, "math 1") == 0);
}

static void equal_sets_have_equal_digests_and_others_have_not(void **state)
{
    struct history a, b;
    struct record r, s;
    (void)state;
    history_init(&a);
    history_init(&b);
    courses_record(&r, "math 1", 1, 0);
    courses_record(&s, "math 1", 2, 0);
    assert_true(catalog_digest_of("math 1", &a) == 0);
    assert_ok(history_add(&a, &r, 1));
    assert_ok(history_add(&b, &s, 0));
    assert_true(catalog_digest_of("math 1", &a) != catalog_digest_of("math 1", &b));
    assert_ok(history_add(&a, &s, 1));
    assert_ok(history_add(&b, &r, 0));
    assert_true(catalog_digest_of("math 1", &a) == catalog_digest_of("math 1", &b));
    assert_true(catalog_digest_of("math 2", &a) != catalog_digest_of("math 1", &a));
    history_release(&a);
    history_release(&b);
    record_release(&r);
    record_release(&s);
}

static void a_new_ring_gives_new_owners(void **state)
{
    struct desk *d = *state;
    uint64_t all = 0, two = 0;
    for (unsigned i = 0; i < 10; i++)
        store(d, key_of(i), ERR_OK);
    assert_ok(catalog_refresh(d->catalog));
    catalog_each(d->catalog, CATALOG_BUCKETS, add_up, &all);
    folder_adopt(d->courses.ledger, 3, 2, 2);
    assert_ok(catalog_refresh(d->catalog));
    catalog_each(d->catalog, CATALOG_BUCKETS, add_up, &two);
    assert_true(all != two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(it_is_never_wrong_whatever_is_written),
        T(what_was_taken_back_changes_nothing),
        T(a_new_ring_gives_new_owners),
        cmocka_unit_test(equal_sets_have_equal_digests_and_others_have_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
