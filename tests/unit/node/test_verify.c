/* No byte is served that was not checked as it is now; bad copies go to quarantine (guarantees.md G6). */
#include "tests/unit/node/store.h"

#include "lib/base/clock.h"

#include <fcntl.h>
#include <pthread.h>

static void a_stored_blob_counts_as_checked(void **state)
{
    struct store *s = *state;
    char sha256[HASH_HEX_SIZE];
    uint64_t at_ms;
    assert_ok(store_put(s, "hello", sha256));
    assert_int_equal(verify_state(s->verify, sha256, &at_ms), BLOB_STORED);
    assert_true(at_ms > 0);
    assert_ok(verify_check(s->verify, sha256));
}

static void bytes_with_another_hash_are_not_taken(void **state)
{
    struct store *s = *state;
    char sha256[HASH_HEX_SIZE];
    hash_sha256_hex("other", 5, sha256);
    assert_err(ERR_INVALID, verify_put_bytes(s->verify, sha256, "hello", 5));
    assert_err(ERR_NOT_FOUND, verify_check(s->verify, sha256));
}

static void a_changed_blob_is_read_again_and_put_away_when_bad(void **state)
{
    struct store *s = *state;
    char sha256[HASH_HEX_SIZE];
    struct stat st;
    uint64_t at_ms;
    int fd;
    assert_ok(store_put(s, "hello", sha256));
    store_spoil(s, sha256, "jello");
    assert_int_equal(verify_state(s->verify, sha256, &at_ms), BLOB_UNKNOWN);
    assert_err(ERR_CORRUPT, verify_get(s->verify, sha256, &fd, &st));
    assert_int_equal(s->lost, 1);
    assert_int_equal(s->lost_bad, 1);
    assert_int_equal(folder_count(&s->folder, "quarantine"), 1);
    assert_err(ERR_NOT_FOUND, verify_get(s->verify, sha256, &fd, &st));
    assert_int_equal(verify_state(s->verify, sha256, &at_ms), BLOB_MISSING);
    assert_ok(store_put(s, "hello", sha256));
    assert_ok(verify_check(s->verify, sha256));
}

static void a_touched_blob_with_good_bytes_stays(void **state)
{
    struct store *s = *state;
    char sha256[HASH_HEX_SIZE];
    uint64_t at_ms;
    assert_ok(store_put(s, "hello", sha256));
    store_spoil(s, sha256, "hello");
    assert_int_equal(verify_state(s->verify, sha256, &at_ms), BLOB_UNKNOWN);
    assert_ok(verify_check(s->verify, sha256));
    assert_int_equal(verify_state(s->verify, sha256, &at_ms), BLOB_STORED);
    assert_int_equal(s->lost, 0);
}

static void a_bad_copy_makes_way_for_good_bytes(void **state)
{
    struct store *s = *state;
    char sha256[HASH_HEX_SIZE];
    assert_ok(store_put(s, "hello", sha256));
    store_spoil(s, sha256, "jello");
    assert_ok(store_put(s, "hello", sha256));
    assert_ok(verify_check(s->verify, sha256));
    assert_int_equal(folder_count(&s->folder, "quarantine"), 1);
}

static void checks_are_remembered_over_a_restart(void **state)
{
    struct store *s = *state;
    char sha256[HASH_HEX_SIZE];
    uint64_t before, after;
    assert_ok(store_put(s, "hello", sha256));
    verify_state(s->verify, sha256, &before);
    store_close(s);
    store_open(s);
    assert_int_equal(verify_state(s->verify, sha256, &after), BLOB_STORED);
    assert_int_equal(before, after);
    store_close(s);
    store_spoil(s, sha256, "jello");
    store_open(s);
    assert_int_equal(verify_state(s->verify, sha256, &after), BLOB_UNKNOWN);
    assert_err(ERR_CORRUPT, verify_check(s->verify, sha256));
}

static void a_blob_nobody_checked_is_checked_before_it_is_served(void **state)
{
    struct store *s = *state;
    char sha256[HASH_HEX_SIZE];
    uint64_t at_ms;
    struct db_conn *c;
    assert_ok(store_put(s, "hello", sha256));
    store_close(s);
    assert_ok(db_open(s->folder.db_path, &s->db));
    assert_ok(db_write_begin(s->db, &c));
    assert_ok(db_write_end(c, db_run(c, db_stmt(c, "DELETE FROM verified"))));
    db_close(s->db);
    store_open(s);
    assert_int_equal(verify_state(s->verify, sha256, &at_ms), BLOB_UNKNOWN);
    assert_int_equal(at_ms, 0);
    assert_ok(verify_check(s->verify, sha256));
    assert_int_equal(verify_state(s->verify, sha256, &at_ms), BLOB_STORED);
}

static void something_that_is_no_file_is_put_away(void **state)
{
    struct store *s = *state;
    char sha256[HASH_HEX_SIZE];
    assert_ok(store_put(s, "hello", sha256));
    assert_int_equal(unlink(store_path(s, sha256)), 0);
    assert_int_equal(symlink("/etc/hostname", store_path(s, sha256)), 0);
    assert_err(ERR_CORRUPT, verify_check(s->verify, sha256));
    assert_int_equal(s->lost_bad, 1);
    assert_ok(store_put(s, "hello", sha256));
}

#define READERS 8

struct reader {
    struct store *store;
    const char *sha256;
    enum err result;
};

static void *read_once(void *ctx)
{
    struct reader *r = ctx;
    r->result = verify_check(r->store->verify, r->sha256);
    return NULL;
}

static void many_readers_of_a_bad_blob_put_it_away_once(void **state)
{
    struct store *s = *state;
    char sha256[HASH_HEX_SIZE];
    pthread_t threads[READERS];
    struct reader readers[READERS];
    for (int round = 0; round < 20; round++) {
        assert_ok(store_put(s, "hello", sha256));
        store_spoil(s, sha256, "jello");
        for (int i = 0; i < READERS; i++) {
            readers[i] = (struct reader){s, sha256, ERR_OK};
            assert_int_equal(pthread_create(&threads[i], NULL, read_once, &readers[i]), 0);
        }
        for (int i = 0; i < READERS; i++)
            pthread_join(threads[i], NULL);
        int corrupt = 0;
        for (int i = 0; i < READERS; i++) {
            assert_true(readers[i].result == ERR_CORRUPT || readers[i].result == ERR_NOT_FOUND);
            corrupt += readers[i].result == ERR_CORRUPT;
        }
        assert_int_equal(corrupt, 1);
    }
}

static void reading_again_finds_a_bad_copy_and_counts_it_once(void **state)
{
    struct store *s = *state;
    struct blobs_usage usage;
    char sha256[HASH_HEX_SIZE];
    uint64_t size = 0;
    assert_ok(store_put(s, "hello", sha256));
    assert_ok(verify_again(s->verify, sha256, &size));
    assert_int_equal(size, 5);
    store_spoil(s, sha256, "jello");
    assert_err(ERR_CORRUPT, verify_again(s->verify, sha256, &size));
    assert_err(ERR_NOT_FOUND, verify_again(s->verify, sha256, &size));
    assert_int_equal(s->lost_bad, 1);
    assert_ok(blobs_usage(s->blobs, &usage));
    assert_true(usage.quarantined == 1 && usage.files == 0);
    store_close(s);
    store_open(s);
    assert_ok(blobs_usage(s->blobs, &usage));
    assert_int_equal(usage.quarantined, 1);
}

static void what_is_about_to_be_named_may_not_be_removed(void **state)
{
    struct store *s = *state;
    struct blobs_usage usage;
    char sha256[HASH_HEX_SIZE];
    verify_hold(s->verify, ""); /* a tombstone's */
    verify_release(s->verify, "");
    assert_ok(store_put(s, "hello", sha256));
    verify_pin(s->verify, sha256, 1000);
    assert_err(ERR_CONFLICT, verify_remove(s->verify, sha256));
    clock_sleep_ms(1010);
    assert_ok(verify_check(s->verify, sha256)); /* a reader holds nothing up */
    assert_ok(verify_remove(s->verify, sha256));
    assert_err(ERR_NOT_FOUND, verify_remove(s->verify, sha256));
    assert_err(ERR_NOT_FOUND, verify_check(s->verify, sha256));
    assert_ok(blobs_usage(s->blobs, &usage));
    assert_true(usage.files == 0 && usage.bytes == 0);
    assert_ok(store_put(s, "hello", sha256));
    verify_hold(s->verify, sha256);
    verify_hold(s->verify, sha256);
    verify_release(s->verify, sha256);
    assert_err(ERR_CONFLICT, verify_remove(s->verify, sha256));
    verify_release(s->verify, sha256);
    assert_err(ERR_CONFLICT, verify_remove(s->verify, sha256)); /* a little longer */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, store_setup, store_teardown)
        T(a_stored_blob_counts_as_checked),
        T(bytes_with_another_hash_are_not_taken),
        T(a_changed_blob_is_read_again_and_put_away_when_bad),
        T(a_touched_blob_with_good_bytes_stays),
        T(a_bad_copy_makes_way_for_good_bytes),
        T(checks_are_remembered_over_a_restart),
        T(a_blob_nobody_checked_is_checked_before_it_is_served),
        T(something_that_is_no_file_is_put_away),
        T(many_readers_of_a_bad_blob_put_it_away_once),
        T(reading_again_finds_a_bad_copy_and_counts_it_once),
        T(what_is_about_to_be_named_may_not_be_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
