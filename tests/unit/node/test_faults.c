/* Disks that fail: this program has its own fsync, linkat, fallocate and openat, which the linker puts in place of libc's. Each fails when its countdown
 * comes to its end. */
#include "tests/unit/node/store.h"

#include "node/records.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/syscall.h>

/* Only of the thread that asks for the fault: the background threads go on. */
static _Thread_local int fsyncs_left = -1;
static _Thread_local int links_left = -1;
static _Thread_local int no_tmpfile, no_space;

int fsync(int fd)
{
    if (fsyncs_left == 0) {
        errno = EIO;
        return -1;
    }
    if (fsyncs_left > 0)
        fsyncs_left--;
    return (int)syscall(SYS_fsync, fd);
}

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
    if (links_left == 0) {
        errno = ENOSPC;
        return -1;
    }
    return (int)syscall(SYS_linkat, from_fd, from, to_fd, to, flags);
}

int fallocate(int fd, int mode, off_t offset, off_t len)
{
    if (no_space) {
        errno = ENOSPC;
        return -1;
    }
    return (int)syscall(SYS_fallocate, fd, mode, offset, len);
}

int openat(int at, const char *path, int flags, ...)
{
    mode_t mode = 0;
    va_list ap;
    va_start(ap, flags);
    if (flags & (O_CREAT | O_TMPFILE))
        mode = va_arg(ap, mode_t);
    va_end(ap);
    if (no_tmpfile && (flags & O_TMPFILE) == O_TMPFILE) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return (int)syscall(SYS_openat, at, path, flags, mode);
}

static int setup(void **state)
{
    fsyncs_left = links_left = -1;
    no_tmpfile = no_space = 0;
    return store_setup(state);
}

static int teardown(void **state)
{
    fsyncs_left = links_left = -1;
    no_tmpfile = no_space = 0;
    return store_teardown(state);
}

static int stored(struct store *s, const char *sha256)
{
    struct stat st;
    return blobs_stat(s->blobs, sha256, &st) == ERR_OK;
}

static void a_failed_flush_of_the_bytes_is_final(void **state)
{
    struct store *s = *state;
    char sha256[HASH_HEX_SIZE];
    fsyncs_left = 0;
    assert_err(ERR_IO, store_put(s, "hello", sha256));
    fsyncs_left = -1;
    assert_false(stored(s, sha256));
    assert_int_equal(store_drafts_bytes(s), 0);
    assert_true(blobs_is_suspect(s->blobs));
    assert_err(ERR_UNAVAILABLE, store_put(s, "hello", sha256)); /* and it stays so */
    assert_false(stored(s, sha256));
}

static void no_flush_that_fails_is_ever_called_stored(void **state)
{
    struct store *s = *state;
    char sha256[HASH_HEX_SIZE], text[32];
    int failed = 0;
    /* The bytes, two new folders, the name: each flush of a first blob in turn. */
    for (int n = 0; n < 6; n++) {
        store_close(s);
        store_open(s);
        snprintf(text, sizeof(text), "text %d", n);
        fsyncs_left = n;
        enum err e = store_put(s, text, sha256);
        int ran_out = fsyncs_left == 0;
        fsyncs_left = -1;
        failed += e != ERR_OK;
        if (e)
            assert_true(blobs_is_suspect(s->blobs));
        else
            assert_true(stored(s, sha256));
        if (n >= 4)
            assert_ok(e);
        if (n < 4)
            assert_true(e != ERR_OK && ran_out);
    }
    assert_int_equal(failed, 4);
}

static void a_full_disk_is_said_before_the_first_byte(void **state)
{
    struct store *s = *state;
    struct draft *d;
    no_space = 1;
    assert_err(ERR_FULL, draft_new(s->blobs, 5, &d));
    assert_false(blobs_is_suspect(s->blobs));
    assert_int_equal(store_drafts_bytes(s), 0);
}

static void a_name_that_does_not_fit_is_no_blob(void **state)
{
    struct store *s = *state;
    char sha256[HASH_HEX_SIZE];
    links_left = 0;
    assert_err(ERR_FULL, store_put(s, "hello", sha256));
    links_left = -1;
    assert_false(stored(s, sha256));
    assert_int_equal(store_drafts_bytes(s), 0);
    assert_ok(store_put(s, "hello", sha256));
}

static void file_systems_without_unnamed_files_work_too(void **state)
{
    struct store *s = *state;
    char sha256[HASH_HEX_SIZE], other[HASH_HEX_SIZE];
    struct draft *d;
    uint64_t at_ms;
    no_tmpfile = 1;
    assert_ok(store_put(s, "hello", sha256));
    assert_true(stored(s, sha256));
    assert_int_equal(verify_state(s->verify, sha256, &at_ms), BLOB_STORED);
    assert_int_equal(folder_count(&s->folder, "tmp"), 0);
    assert_ok(draft_new(s->blobs, 5, &d));
    assert_ok(draft_write(d, "other", 5));
    assert_ok(draft_sync(d, other));
    assert_int_equal(folder_count(&s->folder, "tmp"), 1);
    draft_free(d);
    assert_int_equal(folder_count(&s->folder, "tmp"), 0);
    assert_false(stored(s, other));
}

static void a_staged_body_that_cannot_be_flushed_is_dropped(void **state)
{
    struct store *s = *state;
    struct staging_entry *e;
    char sha256[HASH_HEX_SIZE];
    assert_ok(staging_begin(s->staging, "0123456789abcdef0123456789abcdef", 5, &e));
    assert_ok(staging_piece(e, "hello", 5));
    fsyncs_left = 0;
    assert_err(ERR_IO, staging_end(e, sha256));
    fsyncs_left = -1;
    assert_int_equal(store_drafts_bytes(s), 0);
    assert_err(ERR_NOT_FOUND, staging_commit(s->staging, "0123456789abcdef0123456789abcdef", sha256));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(a_failed_flush_of_the_bytes_is_final),
        T(no_flush_that_fails_is_ever_called_stored),
        T(a_full_disk_is_said_before_the_first_byte),
        T(a_name_that_does_not_fit_is_no_blob),
        T(file_systems_without_unnamed_files_work_too),
        T(a_staged_body_that_cannot_be_flushed_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
