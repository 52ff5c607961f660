/* Staged bodies: invisible, bounded, dropped when nobody names them (guarantees.md G10). */
#include "tests/unit/node/store.h"

#include "lib/base/clock.h"

#define ID "0123456789abcdef0123456789abcdef"

static const char *id_of(int i)
{
    static char id[MESSAGE_STAGING_ID_SIZE];
    snprintf(id, sizeof(id), "%032x", (unsigned)i);
    return id;
}

static enum err stage(struct store *s, const char *id, const char *text, char sha256[HASH_HEX_SIZE])
{
    struct staging_entry *e;
    enum err err = staging_begin(s->staging, id, strlen(text), &e);
    if (err)
        return err;
    err = staging_piece(e, text, strlen(text));
    if (err) {
        staging_drop(e);
        return err;
    }
    return staging_end(e, sha256);
}

static void a_staged_body_becomes_a_blob_when_it_is_named(void **state)
{
    struct store *s = *state;
    char sha256[HASH_HEX_SIZE];
    assert_ok(stage(s, ID, "hello", sha256));
    assert_err(ERR_NOT_FOUND, verify_check(s->verify, sha256));
    assert_ok(staging_commit(s->staging, ID, sha256));
    assert_ok(verify_check(s->verify, sha256));
    assert_err(ERR_NOT_FOUND, staging_commit(s->staging, ID, sha256));
    assert_int_equal(store_drafts_bytes(s), 0);
}

static void a_wrong_hash_names_nothing_and_the_body_stays(void **state)
{
    struct store *s = *state;
    char sha256[HASH_HEX_SIZE], other[HASH_HEX_SIZE];
    hash_sha256_hex("other", 5, other);
    assert_ok(stage(s, ID, "hello", sha256));
    assert_err(ERR_INVALID, staging_commit(s->staging, ID, other));
    assert_ok(staging_commit(s->staging, ID, sha256));
}

static void an_id_is_taken_once(void **state)
{
    struct store *s = *state;
    char sha256[HASH_HEX_SIZE];
    assert_ok(stage(s, ID, "hello", sha256));
    assert_err(ERR_CONFLICT, stage(s, ID, "again", sha256));
    assert_err(ERR_SYNTAX, stage(s, "short", "hello", sha256));
    assert_err(ERR_SYNTAX, stage(s, "../../../../../../../etc/passwd!", "hello", sha256));
}

static void a_body_on_its_way_cannot_be_named(void **state)
{
    struct store *s = *state;
    struct staging_entry *e;
    char sha256[HASH_HEX_SIZE];
    hash_sha256_hex("hello", 5, sha256);
    assert_ok(staging_begin(s->staging, ID, 5, &e));
    assert_ok(staging_piece(e, "hello", 5));
    assert_err(ERR_NOT_FOUND, staging_commit(s->staging, ID, sha256));
    staging_drop(e);
    assert_int_equal(store_drafts_bytes(s), 0);
    assert_ok(stage(s, ID, "hello", sha256));
}

static void a_short_body_is_dropped(void **state)
{
    struct store *s = *state;
    struct staging_entry *e;
    char sha256[HASH_HEX_SIZE];
    assert_ok(staging_begin(s->staging, ID, 9, &e));
    assert_ok(staging_piece(e, "hello", 5));
    assert_err(ERR_TOO_LARGE, staging_piece(e, "hello", 5));
    assert_err(ERR_INVALID, staging_end(e, sha256));
    assert_int_equal(store_drafts_bytes(s), 0);
}

static void what_nobody_names_is_dropped_with_its_space(void **state)
{
    struct store *s = *state;
    char sha256[HASH_HEX_SIZE];
    struct staging_entry *coming;
    assert_ok(stage(s, ID, "hello", sha256));
    assert_ok(staging_begin(s->staging, id_of(1), 5, &coming));
    staging_expire(s->staging, clock_boot_ms() - 1000);
    assert_int_equal(store_drafts_bytes(s), 10);
    staging_expire(s->staging, clock_boot_ms() + 1000);
    assert_int_equal(store_drafts_bytes(s), 5); /* what is on its way stays */
    assert_err(ERR_NOT_FOUND, staging_commit(s->staging, ID, sha256));
    assert_ok(staging_piece(coming, "hello", 5));
    assert_ok(staging_end(coming, sha256));
}

static void a_tenth_of_the_capacity_is_all_there_is(void **state)
{
    struct store *s = *state;
    struct staging_entry *first, *second;
    uint64_t share = STORE_CAPACITY / STAGING_SHARE;
    assert_err(ERR_FULL, staging_begin(s->staging, ID, share + 1, &first));
    assert_ok(staging_begin(s->staging, ID, share - 10, &first));
    assert_err(ERR_FULL, staging_begin(s->staging, id_of(1), 11, &second));
    assert_ok(staging_begin(s->staging, id_of(1), 10, &second));
    staging_drop(second);
    staging_drop(first);
    assert_int_equal(store_drafts_bytes(s), 0);
}

static void the_table_is_bounded(void **state)
{
    struct store *s = *state;
    char sha256[HASH_HEX_SIZE];
    for (int i = 0; i < STAGING_MAX; i++)
        assert_ok(stage(s, id_of(i), "x", sha256));
    assert_err(ERR_UNAVAILABLE, stage(s, id_of(STAGING_MAX), "x", sha256));
    assert_ok(staging_commit(s->staging, id_of(3), sha256));
    assert_ok(stage(s, id_of(STAGING_MAX), "x", sha256));
}

static void two_staged_bodies_with_the_same_bytes_become_one_blob(void **state)
{
    struct store *s = *state;
    char sha256[HASH_HEX_SIZE];
    struct blobs_usage usage;
    assert_ok(stage(s, id_of(1), "hello", sha256));
    assert_ok(stage(s, id_of(2), "hello", sha256));
    assert_ok(staging_commit(s->staging, id_of(1), sha256));
    assert_ok(staging_commit(s->staging, id_of(2), sha256));
    assert_ok(blobs_usage(s->blobs, &usage));
    assert_int_equal(usage.files, 1);
    assert_int_equal(usage.drafts_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, store_setup, store_teardown)
        T(a_staged_body_becomes_a_blob_when_it_is_named),
        T(a_wrong_hash_names_nothing_and_the_body_stays),
        T(an_id_is_taken_once),
        T(a_body_on_its_way_cannot_be_named),
        T(a_short_body_is_dropped),
        T(what_nobody_names_is_dropped_with_its_space),
        T(a_tenth_of_the_capacity_is_all_there_is),
        T(the_table_is_bounded),
        T(two_staged_bodies_with_the_same_bytes_become_one_blob),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
