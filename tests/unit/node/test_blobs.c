/* Blobs on disk: drafts, names, space, quarantine, what a killed process leaves (guarantees.md G1, G6, G10). */
#include "tests/unit/node/folder.h"

#include "node/blobs.h"

#include <fcntl.h>

struct fixture {
    struct folder folder;
    struct blobs *blobs;
};

static void open_blobs(struct fixture *f, uint64_t capacity, uint64_t reserve)
{
    struct blobs_config config = {f->folder.path, capacity, reserve};
    assert_ok(blobs_open(&config, &f->blobs));
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    folder_make(&f->folder);
    open_blobs(f, 1u << 20, 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    blobs_close(f->blobs);
    folder_remove(&f->folder);
    free(f);
    return 0;
}

/* Stores text and says its hash. */
static enum err put(struct fixture *f, const char *text, char sha256[HASH_HEX_SIZE])
{
    struct draft *d;
    struct stat st;
    enum err e = draft_new(f->blobs, strlen(text), &d);
    if (e)
        return e;
    e = draft_write(d, text, strlen(text));
    if (!e)
        e = draft_sync(d, sha256);
    if (!e)
        e = draft_link(d, sha256, &st);
    draft_free(d);
    return e;
}

static void assert_bytes(struct fixture *f, const char *sha256, const char *text)
{
    char read_back[256] = "";
    struct stat st;
    int fd;
    assert_ok(blobs_get(f->blobs, sha256, &fd, &st));
    assert_int_equal(st.st_size, strlen(text));
    assert_int_equal(read(fd, read_back, sizeof(read_back) - 1), strlen(text));
    assert_string_equal(read_back, text);
    close(fd);
}

static void a_blob_lies_where_its_hash_says(void **state)
{
    struct fixture *f = *state;
    char sha256[HASH_HEX_SIZE], want[HASH_HEX_SIZE], below[128];
    assert_ok(put(f, "hello", sha256));
    hash_sha256_hex("hello", 5, want);
    assert_string_equal(sha256, want);
    snprintf(below, sizeof(below), "blobs/%.2s/%.2s/%s", sha256, sha256 + 2, sha256);
    assert_int_equal(access(folder_at(&f->folder, below), R_OK), 0);
    assert_bytes(f, sha256, "hello");
    assert_int_equal(folder_count(&f->folder, "tmp"), 0);
}

static void a_name_is_given_once(void **state)
{
    struct fixture *f = *state;
    char sha256[HASH_HEX_SIZE];
    struct blobs_usage usage;
    assert_ok(put(f, "twice", sha256));
    assert_err(ERR_CONFLICT, put(f, "twice", sha256));
    assert_ok(blobs_usage(f->blobs, &usage));
    assert_int_equal(usage.files, 1);
    assert_int_equal(usage.bytes, 5);
    assert_int_equal(usage.drafts_bytes, 0);
}

static void a_draft_is_visible_to_nobody_and_gone_when_dropped(void **state)
{
    struct fixture *f = *state;
    struct draft *d;
    struct blobs_usage usage;
    struct stat st;
    char sha256[HASH_HEX_SIZE];
    assert_ok(draft_new(f->blobs, 4, &d));
    assert_ok(draft_write(d, "abcd", 4));
    assert_ok(draft_sync(d, sha256));
    assert_err(ERR_NOT_FOUND, blobs_stat(f->blobs, sha256, &st));
    assert_ok(blobs_usage(f->blobs, &usage));
    assert_int_equal(usage.drafts_bytes, 4);
    draft_free(d);
    assert_ok(blobs_usage(f->blobs, &usage));
    assert_int_equal(usage.drafts_bytes, 0);
    assert_int_equal(usage.files, 0);
}

static void a_draft_must_be_as_long_as_was_said(void **state)
{
    struct fixture *f = *state;
    struct draft *d;
    char sha256[HASH_HEX_SIZE];
    assert_ok(draft_new(f->blobs, 4, &d));
    assert_ok(draft_write(d, "ab", 2));
    assert_err(ERR_INVALID, draft_sync(d, sha256));
    assert_err(ERR_TOO_LARGE, draft_write(d, "cde", 3));
    assert_ok(draft_write(d, "cd", 2));
    assert_ok(draft_sync(d, sha256));
    draft_free(d);
}

static void space_is_reserved_before_the_first_byte(void **state)
{
    struct fixture *f = *state;
    struct draft *first, *second;
    char sha256[HASH_HEX_SIZE];
    assert_ok(draft_new(f->blobs, 700000, &first));
    assert_err(ERR_FULL, draft_new(f->blobs, 700000, &second));
    draft_free(first);
    assert_ok(draft_new(f->blobs, 700000, &second));
    draft_free(second);
    assert_ok(put(f, "counts", sha256));
    assert_err(ERR_FULL, draft_new(f->blobs, (1u << 20) - 5, &first));
}

static void the_reserve_stays_free(void **state)
{
    struct fixture *f = *state;
    struct draft *d;
    blobs_close(f->blobs);
    open_blobs(f, 0, UINT64_MAX);
    assert_err(ERR_FULL, draft_new(f->blobs, 1, &d));
    struct blobs_usage usage;
    assert_ok(blobs_usage(f->blobs, &usage));
    assert_int_equal(usage.free_bytes, 0);
    assert_true(usage.capacity_bytes > 0);
}

static void a_restart_counts_what_is_there_and_sweeps_what_was_left(void **state)
{
    struct fixture *f = *state;
    char one[HASH_HEX_SIZE], two[HASH_HEX_SIZE];
    struct blobs_usage usage;
    assert_ok(put(f, "one", one));
    assert_ok(put(f, "three", two));
    int fd = open(folder_at(&f->folder, "tmp/left-over"), O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    blobs_close(f->blobs);
    open_blobs(f, 1u << 20, 0);
    assert_ok(blobs_usage(f->blobs, &usage));
    assert_int_equal(usage.files, 2);
    assert_int_equal(usage.bytes, 8);
    assert_int_equal(folder_count(&f->folder, "tmp"), 0);
    assert_bytes(f, one, "one");
}

static void a_bad_copy_is_kept_in_quarantine(void **state)
{
    struct fixture *f = *state;
    char sha256[HASH_HEX_SIZE];
    struct stat st;
    struct blobs_usage usage;
    assert_ok(put(f, "bad", sha256));
    assert_ok(blobs_quarantine(f->blobs, sha256));
    assert_err(ERR_NOT_FOUND, blobs_stat(f->blobs, sha256, &st));
    assert_err(ERR_NOT_FOUND, blobs_quarantine(f->blobs, sha256));
    assert_int_equal(folder_count(&f->folder, "quarantine"), 1);
    assert_ok(blobs_usage(f->blobs, &usage));
    assert_int_equal(usage.files, 0);
    assert_ok(put(f, "bad", sha256));
}

static void a_deleted_blob_is_gone(void **state)
{
    struct fixture *f = *state;
    char sha256[HASH_HEX_SIZE];
    struct stat st;
    assert_ok(put(f, "delete me", sha256));
    assert_ok(blobs_delete(f->blobs, sha256));
    assert_err(ERR_NOT_FOUND, blobs_stat(f->blobs, sha256, &st));
    assert_err(ERR_NOT_FOUND, blobs_delete(f->blobs, sha256));
}

struct walk {
    char last[HASH_HEX_SIZE];
    int n, stop_after;
};

static enum err visit(void *ctx, const char *sha256, const char *path, const struct stat *st)
{
    struct walk *w = ctx;
    assert_true(strcmp(w->last, sha256) < 0);
    assert_non_null(strstr(path, sha256));
    assert_true(st->st_size > 0);
    memcpy(w->last, sha256, HASH_HEX_SIZE);
    return ++w->n == w->stop_after ? ERR_GONE : ERR_OK;
}

static void a_walk_sees_every_blob_once_in_order_and_nothing_else(void **state)
{
    struct fixture *f = *state;
    char sha256[HASH_HEX_SIZE], text[24];
    for (int i = 0; i < 50; i++) {
        snprintf(text, sizeof(text), "text %d", i);
        assert_ok(put(f, text, sha256));
    }
    assert_int_equal(mkdir(folder_at(&f->folder, "blobs/zz"), 0700), 0);
    int fd = open(folder_at(&f->folder, "blobs/not-a-blob"), O_CREAT | O_WRONLY, 0600);
    close(fd);
    struct walk all = {"", 0, 0};
    assert_ok(blobs_walk(f->blobs, visit, &all));
    assert_int_equal(all.n, 50);
    struct walk some = {"", 0, 7};
    assert_err(ERR_GONE, blobs_walk(f->blobs, visit, &some));
    assert_int_equal(some.n, 7);
    /* What comes after the seventh is the rest. */
    struct walk rest = {"", 0, 0};
    memcpy(rest.last, some.last, sizeof(rest.last));
    assert_ok(blobs_walk_after(f->blobs, some.last, visit, &rest));
    assert_int_equal(rest.n, 43);
    assert_ok(blobs_walk_after(f->blobs, all.last, visit, &all));
    assert_int_equal(all.n, 50);
}

static void a_recount_knows_what_vanished(void **state)
{
    struct fixture *f = *state;
    char sha256[HASH_HEX_SIZE], below[128];
    struct blobs_usage usage;
    assert_ok(put(f, "stays", sha256));
    assert_ok(put(f, "vanishes", sha256));
    snprintf(below, sizeof(below), "blobs/%.2s/%.2s/%s", sha256, sha256 + 2, sha256);
    assert_int_equal(unlink(folder_at(&f->folder, below)), 0);
    assert_ok(blobs_usage(f->blobs, &usage));
    assert_true(usage.files == 2 && usage.bytes == 13);
    assert_ok(blobs_recount(f->blobs));
    assert_ok(blobs_usage(f->blobs, &usage));
    assert_true(usage.files == 1 && usage.bytes == 5);
}

static void a_symbolic_link_is_no_blob(void **state)
{
    struct fixture *f = *state;
    char sha256[HASH_HEX_SIZE], below[128], to[256];
    struct stat st;
    int fd;
    assert_ok(put(f, "linked", sha256));
    snprintf(below, sizeof(below), "blobs/%.2s/%.2s/%s", sha256, sha256 + 2, sha256);
    snprintf(to, sizeof(to), "%s/elsewhere", f->folder.path);
    assert_int_equal(rename(folder_at(&f->folder, below), to), 0);
    assert_int_equal(symlink(to, folder_at(&f->folder, below)), 0);
    assert_err(ERR_CORRUPT, blobs_get(f->blobs, sha256, &fd, &st));
    assert_ok(blobs_quarantine(f->blobs, sha256));
    assert_err(ERR_NOT_FOUND, blobs_get(f->blobs, sha256, &fd, &st));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_blob_lies_where_its_hash_says, setup, teardown),
        cmocka_unit_test_setup_teardown(a_name_is_given_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_draft_is_visible_to_nobody_and_gone_when_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(a_draft_must_be_as_long_as_was_said, setup, teardown),
        cmocka_unit_test_setup_teardown(space_is_reserved_before_the_first_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(the_reserve_stays_free, setup, teardown),
        cmocka_unit_test_setup_teardown(a_restart_counts_what_is_there_and_sweeps_what_was_left, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bad_copy_is_kept_in_quarantine, setup, teardown),
        cmocka_unit_test_setup_teardown(a_deleted_blob_is_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_walk_sees_every_blob_once_in_order_and_nothing_else, setup, teardown),
        cmocka_unit_test_setup_teardown(a_recount_knows_what_vanished, setup, teardown),
        cmocka_unit_test_setup_teardown(a_symbolic_link_is_no_blob, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
