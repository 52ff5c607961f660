/* The database under the records: transactions, readers beside the writer, rows of needs and hints. */
#include "tests/unit/node/courses.h"

#include "node/hints.h"

#include <pthread.h>

static uint64_t count_needs(struct db *db)
{
    struct need needs[8];
    size_t n;
    assert_ok(needs_list(db, "", needs, 8, &n));
    for (size_t i = 0; i < n; i++)
        free(needs[i].key);
    return n;
}

static char *sha_of(const char *text)
{
    static char sha256[HASH_HEX_SIZE];
    hash_sha256_hex(text, strlen(text), sha256);
    return sha256;
}

static void what_is_rolled_back_was_never_there(void **state)
{
    struct courses *c = *state;
    struct db_conn *conn;
    assert_ok(db_write_begin(c->db, &conn));
    assert_ok(needs_add(conn, sha_of("a"), 1, "csen317", 0));
    assert_err(ERR_FENCED, db_write_end(conn, ERR_FENCED));
    assert_int_equal(count_needs(c->db), 0);
    assert_ok(needs_write(c->db, sha_of("a"), 1, "csen317"));
    assert_int_equal(count_needs(c->db), 1);
}

static void a_reader_sees_one_state_while_somebody_writes(void **state)
{
    struct courses *c = *state;
    struct db_conn *reader;
    int row;
    assert_ok(db_read_begin(c->db, &reader));
    sqlite3_stmt *s = db_stmt(reader, "SELECT count(*) FROM need");
    assert_ok(db_step(reader, s, &row));
    assert_int_equal(db_column_u64(s, 0), 0);
    assert_ok(needs_write(c->db, sha_of("a"), 1, "csen317"));
    s = db_stmt(reader, "SELECT max(size), count(*) FROM need");
    assert_ok(db_step(reader, s, &row));
    assert_int_equal(db_column_u64(s, 1), 0);
    db_read_end(reader);
    assert_int_equal(count_needs(c->db), 1);
}

#define WRITERS 8
#define WRITES 50

static void *write_many(void *ctx)
{
    struct courses *c = ctx;
    char key[32];
    for (int i = 0; i < WRITES; i++) {
        snprintf(key, sizeof(key), "%p %d", (void *)&key, i);
        if (hints_write(c->db, "node-2.a", key) != ERR_OK)
            return (void *)1;
    }
    return NULL;
}

static void writers_wait_for_each_other(void **state)
{
    struct courses *c = *state;
    pthread_t threads[WRITERS];
    uint64_t n;
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, c), 0);
    for (int i = 0; i < WRITERS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_ok(hints_count(c->db, &n));
    assert_int_equal(n, WRITERS * WRITES);
}

static void a_need_becomes_bad_but_never_good_again(void **state)
{
    struct courses *c = *state;
    struct db_conn *conn;
    assert_ok(needs_write(c->db, sha_of("a"), 1, "csen317"));
    assert_int_equal(needs_state(c->db, sha_of("a")), BLOB_MISSING);
    assert_ok(db_write_begin(c->db, &conn));
    assert_ok(db_write_end(conn, needs_add(conn, sha_of("a"), 1, "csen317", 1)));
    assert_int_equal(needs_state(c->db, sha_of("a")), BLOB_BAD);
    assert_ok(needs_write(c->db, sha_of("a"), 1, "csen317"));
    assert_int_equal(needs_state(c->db, sha_of("a")), BLOB_BAD);
    assert_ok(needs_remove(c->db, sha_of("a")));
    assert_int_equal(needs_state(c->db, sha_of("a")), BLOB_MISSING);
    assert_int_equal(count_needs(c->db), 0);
}

static void a_lost_blob_is_needed_when_a_record_or_a_slot_names_it(void **state)
{
    struct courses *c = *state;
    struct message_request m;
    struct message_answer a;
    struct need need;
    size_t n;
    int named;
    assert_err(ERR_NOT_FOUND, needs_add_known(c->db, sha_of("text"), 1, 0, &named));
    courses_message(&m, MESSAGE_ACCEPT, "csen317", 5, 5);
    message_answer_init(&a);
    assert_ok(records_accept(&c->records, &m, &a));
    assert_ok(needs_add_known(c->db, sha_of("text"), 1, 0, &named));
    assert_ok(needs_list(c->db, "", &need, 1, &n));
    assert_int_equal(n, 1);
    assert_string_equal(need.key, "csen317");
    assert_int_equal(need.size, 4);
    assert_true(need.bad);
    free(need.key);
    assert_ok(needs_remove(c->db, sha_of("text")));
    message_answer_release(&a);
    message_request_release(&m);
    courses_message(&m, MESSAGE_STORE, "math9", 7, 0);
    message_answer_init(&a);
    assert_ok(records_store(&c->records, &m, &a));
    assert_ok(needs_add_known(c->db, sha_of("text"), 0, 0, &named));
    assert_ok(needs_list(c->db, "", &need, 1, &n));
    assert_string_equal(need.key, "math9");
    free(need.key);
    message_answer_release(&a);
    message_request_release(&m);
}

static void a_hint_is_one_row_for_target_and_course(void **state)
{
    struct courses *c = *state;
    uint64_t n;
    assert_ok(hints_write(c->db, "node-2.a", "csen317"));
    assert_ok(hints_write(c->db, "node-2.a", "csen317"));
    assert_ok(hints_write(c->db, "node-3.a", "csen317"));
    assert_ok(hints_count(c->db, &n));
    assert_int_equal(n, 2);
}

static void a_database_for_looking_takes_no_writes(void **state)
{
    struct courses *c = *state;
    struct db *db;
    struct db_conn *conn;
    assert_ok(needs_write(c->db, sha_of("a"), 1, "csen317"));
    assert_ok(db_open_read(c->folder.db_path, &db));
    assert_err(ERR_DENIED, db_write_begin(db, &conn));
    assert_int_equal(count_needs(db), 1);
    db_close(db);
}

static void something_else_is_no_database(void **state)
{
    struct courses *c = *state;
    struct db *db;
    const char *path = folder_at(&c->folder, "other.db");
    assert_err(ERR_NOT_FOUND, db_open(path, &db));
    char text[4096];
    memset(text, 'x', sizeof(text));
    assert_ok(fs_replace_file(path, text, sizeof(text), 0600));
    assert_err(ERR_CORRUPT, db_open(path, &db));
    assert_err(ERR_CONFLICT, db_create(path, "node-1.a"));
}

/* Turns the database into one that a program of format 1 left. */
static void make_format_1(struct courses *c)
{
    struct db_conn *conn;
    static const char *const steps[] = {"DROP TABLE head", "DROP TABLE shared", "DROP TABLE settled", "DROP TABLE scrub",
        "ALTER TABLE ledger DROP COLUMN floor", "ALTER TABLE ledger DROP COLUMN committed", "ALTER TABLE ledger DROP COLUMN settle"};
    assert_ok(db_write_begin(c->db, &conn));
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        assert_ok(db_run(conn, db_stmt(conn, steps[i])));
    assert_ok(db_run(conn, db_stmt(conn, "PRAGMA user_version=1")));
    assert_ok(db_write_end(conn, ERR_OK));
}

static uint64_t read_number(struct db *db, const char *sql)
{
    struct db_conn *conn;
    int row;
    assert_ok(db_read_begin(db, &conn));
    sqlite3_stmt *s = db_stmt(conn, sql);
    assert_ok(db_step(conn, s, &row));
    assert_true(row);
    uint64_t value = db_column_u64(s, 0);
    db_read_end(conn);
    return value;
}

static void an_older_database_keeps_its_rows_and_gets_the_new_tables(void **state)
{
    struct courses *c = *state;
    struct db *looked_at;
    assert_ok(needs_write(c->db, sha_of("a"), 1, "csen317"));
    make_format_1(c);
    courses_close(c);
    /* Looking changes nothing. */
    assert_ok(db_open_read(c->folder.db_path, &looked_at));
    assert_int_equal(read_number(looked_at, "PRAGMA user_version"), 1);
    db_close(looked_at);
    courses_open(c);
    assert_int_equal(read_number(c->db, "PRAGMA user_version"), 4);
    assert_int_equal(count_needs(c->db), 1);
    assert_int_equal(ledger_epoch(c->ledger), 1);
    assert_int_equal(read_number(c->db, "SELECT count(*) FROM scrub"), 1);
    assert_int_equal(read_number(c->db, "SELECT count(*) FROM settled"), 0);
    assert_int_equal(read_number(c->db, "SELECT count(*) FROM shared"), 0);
    assert_int_equal(read_number(c->db, "SELECT count(*) FROM head"), 0);
    assert_int_equal(read_number(c->db, "SELECT count(*) FROM ledger WHERE floor IS NULL"), 1);
    courses_reopen(c);
    assert_int_equal(count_needs(c->db), 1);
}

/* What the database was built with, statement by statement. */
static void read_schema(struct db *db, char out[8192])
{
    struct db_conn *conn;
    int row;
    assert_ok(db_read_begin(db, &conn));
    sqlite3_stmt *s =
        db_stmt(conn, "SELECT group_concat(name || '=' || coalesce(sql, ''), ';') FROM (SELECT * FROM sqlite_schema ORDER BY name)");
    assert_ok(db_step(conn, s, &row));
    assert_true(row);
    snprintf(out, 8192, "%s", db_column_text(s, 0));
    db_read_end(conn);
}

/* Format 2 is 4 without the tables of shared files and of heads. */
static void a_database_of_format_2_keeps_all_and_gets_the_table_of_shared_files(void **state)
{
    struct courses *c = *state;
    struct db_conn *conn;
    struct db *fresh, *looked_at;
    struct message_request m;
    struct message_answer a;
    char got[8192], want[8192];
    static const char *const steps[] = {"DROP TABLE head", "DROP TABLE shared",
        "UPDATE ledger SET floor = x'0102', committed = 7, settle = '{}'", "INSERT INTO settled VALUES ('csen317', 9)",
        "UPDATE scrub SET read = 5", "PRAGMA user_version=2"};
    courses_message(&m, MESSAGE_STORE, "csen317", 7, 0);
    message_answer_init(&a);
    assert_ok(records_store(&c->records, &m, &a));
    message_answer_release(&a);
    message_request_release(&m);
    assert_ok(needs_write(c->db, sha_of("a"), 1, "csen317"));
    assert_ok(hints_write(c->db, "node-2.a", "csen317"));
    assert_ok(db_write_begin(c->db, &conn));
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        assert_ok(db_run(conn, db_stmt(conn, steps[i])));
    assert_ok(db_write_end(conn, ERR_OK));
    courses_close(c);
    assert_ok(db_open_read(c->folder.db_path, &looked_at));
    assert_int_equal(read_number(looked_at, "PRAGMA user_version"), 2);
    db_close(looked_at);
    /* Twice: it is a step that is made once. */
    for (int i = 0; i < 2; i++) {
        assert_ok(db_open(c->folder.db_path, &c->db));
        assert_int_equal(read_number(c->db, "PRAGMA user_version"), 4);
        assert_int_equal(read_number(c->db, "SELECT count(*) FROM record WHERE key = 'csen317'"), 1);
        assert_int_equal(read_number(c->db, "SELECT count(*) FROM course WHERE key = 'csen317'"), 1);
        assert_int_equal(read_number(c->db, "SELECT (SELECT count(*) FROM need) + (SELECT count(*) FROM hint)"), 2);
        assert_int_equal(read_number(c->db, "SELECT count(*) FROM ledger WHERE floor = x'0102' AND committed = 7 AND settle = '{}'"), 1);
        assert_int_equal(read_number(c->db, "SELECT epoch FROM settled"), 9);
        assert_int_equal(read_number(c->db, "SELECT read FROM scrub"), 5);
        assert_int_equal(read_number(c->db, "SELECT count(*) FROM shared"), i);
        assert_ok(db_write_begin(c->db, &conn));
        assert_ok(db_run(conn, db_stmt(conn, "INSERT OR REPLACE INTO shared VALUES ('a', 1, 2, 3, 4, x'05', x'06')")));
        assert_ok(db_write_end(conn, ERR_OK));
        read_schema(c->db, got);
        db_close(c->db);
    }
    assert_ok(db_create(folder_at(&c->folder, "fresh.db"), "node-1.a"));
    assert_ok(db_open(folder_at(&c->folder, "fresh.db"), &fresh));
    read_schema(fresh, want);
    db_close(fresh);
    assert_string_equal(got, want);
    assert_ok(db_open(c->folder.db_path, &c->db));
    assert_ok(ledger_open(c->db, &c->ledger));
}

static void a_database_of_a_newer_program_is_not_opened(void **state)
{
    struct courses *c = *state;
    struct db_conn *conn;
    struct db *db;
    assert_ok(db_write_begin(c->db, &conn));
    assert_ok(db_run(conn, db_stmt(conn, "PRAGMA user_version=5")));
    assert_ok(db_write_end(conn, ERR_OK));
    assert_err(ERR_CORRUPT, db_open(c->folder.db_path, &db));
    assert_err(ERR_CORRUPT, db_open_read(c->folder.db_path, &db));
}

static void the_log_before_the_database_starts_again(void **state)
{
    struct courses *c = *state;
    struct stat st;
    char key[2048], wal[128];
    snprintf(wal, sizeof(wal), "%s-wal", c->folder.db_path);
    memset(key, 'k', sizeof(key) - 1);
    /* Some 3 pages a commit: without its housekeeper the log would pass 30 MiB. */
    for (int i = 0; i < 2500; i++) {
        snprintf(key + 2000, 48, "%d", i);
        assert_ok(hints_write(c->db, "node-2.a", key));
        if (i % 250 == 0)
            usleep(250000);
    }
    assert_int_equal(stat(wal, &st), 0);
    assert_true(st.st_size < (24 << 20));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, courses_setup, courses_teardown)
        T(what_is_rolled_back_was_never_there),
        T(a_reader_sees_one_state_while_somebody_writes),
        T(writers_wait_for_each_other),
        T(a_need_becomes_bad_but_never_good_again),
        T(a_lost_blob_is_needed_when_a_record_or_a_slot_names_it),
        T(a_hint_is_one_row_for_target_and_course),
        T(a_database_for_looking_takes_no_writes),
        T(something_else_is_no_database),
        T(an_older_database_keeps_its_rows_and_gets_the_new_tables),
        T(a_database_of_format_2_keeps_all_and_gets_the_table_of_shared_files),
        T(a_database_of_a_newer_program_is_not_opened),
        T(the_log_before_the_database_starts_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
