#include "tests/unit/unit.h"

#include "lib/base/fs.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANOTHER 12345 /* a user who is not us */

/* Each test has a folder of its own. */
struct place {
    char dir[64];
    char path[PATH_MAX];
};

static int make_place(void **state)
{
    struct place *p = calloc(1, sizeof(*p));
    if (!p)
        return -1;
    strcpy(p->dir, "/tmp/ringbinder-test-XXXXXX");
    if (!mkdtemp(p->dir)) {
        free(p);
        return -1;
    }
    *state = p;
    return 0;
}

static int remove_place(void **state)
{
    struct place *p = *state;
    char command[100];
    snprintf(command, sizeof(command), "rm -rf '%s'", p->dir);
    int status = system(command);
    free(p);
    return status;
}

static const char *in(struct place *p, const char *name)
{
    snprintf(p->path, sizeof(p->path), "%s/%s", p->dir, name);
    return p->path;
}

static void put(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
    assert_true(fd >= 0);
    assert_ok(fs_write_all(fd, text, strlen(text)));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static size_t entries(const char *dir)
{
    char command[128];
    snprintf(command, sizeof(command), "ls -A '%s' | wc -l", dir);
    FILE *f = popen(command, "r");
    size_t n = 999;
    assert_int_equal(fscanf(f, "%zu", &n), 1);
    pclose(f);
    return n;
}

static void a_replaced_file_holds_the_new_bytes_and_leaves_nothing_beside_it(void **state)
{
    struct place *p = *state;
    struct buf b;
    buf_init(&b, 1 << 20);
    assert_ok(fs_replace_file(in(p, "f"), "old", 3, 0600));
    assert_ok(fs_replace_file(in(p, "f"), "newer", 5, 0640));
    assert_ok(fs_read_file(in(p, "f"), &b));
    assert_string_equal(buf_str(&b), "newer");
    struct stat st;
    assert_int_equal(stat(in(p, "f"), &st), 0);
    assert_int_equal(st.st_mode & 0707, 0600);
    assert_int_equal(entries(p->dir), 1);
    buf_release(&b);
}

static void a_file_in_no_folder_is_not_replaced(void **state)
{
    struct place *p = *state;
    assert_err(ERR_NOT_FOUND, fs_replace_file(in(p, "no/f"), "x", 1, 0600));
    assert_int_equal(mkdir(in(p, "d"), 0700), 0);
    assert_err(ERR_IO, fs_replace_file(in(p, "d"), "x", 1, 0600)); /* a folder stands there */
    assert_int_equal(entries(p->dir), 1);
}

static void a_write_past_the_limit_of_a_file_says_full_and_leaves_the_old_one(void **state)
{
    struct place *p = *state;
    struct rlimit old, small;
    assert_ok(fs_replace_file(in(p, "f"), "kept", 4, 0600));
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 4096;
    static char data[10000];
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    enum err e = fs_replace_file(in(p, "f"), data, sizeof(data), 0600);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, before);
    assert_int_equal(e, ERR_FULL);
    assert_int_equal(entries(p->dir), 1);
    struct buf b;
    buf_init(&b, 100);
    assert_ok(fs_read_file(in(p, "f"), &b));
    assert_string_equal(buf_str(&b), "kept");
    buf_release(&b);
}

static void reading_keeps_to_the_maximum(void **state)
{
    struct place *p = *state;
    struct buf b;
    buf_init(&b, 4);
    put(in(p, "f"), "12345", 0600);
    assert_err(ERR_NOMEM, fs_read_file(in(p, "f"), &b));
    assert_err(ERR_NOT_FOUND, fs_read_file(in(p, "none"), &b));
    assert_err(ERR_IO, fs_read_file(p->dir, &b));
    buf_release(&b);
}

static void a_part_is_read_whole_or_said_to_be_beyond_the_end(void **state)
{
    struct place *p = *state;
    char got[8] = "-------";
    size_t n = 0;
    put(in(p, "f"), "0123456789", 0600);
    int fd = open(in(p, "f"), O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_ok(fs_read_at(fd, got, 4, 6));
    assert_memory_equal(got, "6789---", 7);
    assert_ok(fs_read_some_at(fd, got, 7, 8, &n));
    assert_int_equal(n, 2);
    assert_memory_equal(got, "89", 2);
    assert_err(ERR_CONFLICT, fs_read_at(fd, got, 4, 7));
    assert_err(ERR_CONFLICT, fs_read_some_at(fd, got, 1, 10, &n));
    close(fd);
    assert_err(ERR_IO, fs_read_at(fd, got, 1, 0));
}

static void folders_are_made_with_their_parents(void **state)
{
    struct place *p = *state;
    struct stat st;
    assert_ok(fs_mkdirs(in(p, "a/b//c/"), 0700));
    assert_int_equal(stat(in(p, "a/b/c"), &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_ok(fs_mkdirs(in(p, "a/b/c"), 0700));
    put(in(p, "file"), "x", 0600);
    assert_err(ERR_IO, fs_mkdirs(in(p, "file"), 0700));
    assert_err(ERR_IO, fs_mkdirs(in(p, "file/under"), 0700));
    assert_err(ERR_IO, fs_mkdirs("", 0700));
}

static void a_relative_folder_is_made_where_we_are(void **state)
{
    struct place *p = *state;
    char before[PATH_MAX];
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(p->dir), 0);
    enum err made = fs_mkdirs("x/y", 0700);
    enum err replaced = fs_replace_file("name", "1", 1, 0600);
    assert_int_equal(chdir(before), 0);
    assert_ok(made);
    assert_ok(replaced);
    assert_int_equal(access(in(p, "x/y"), F_OK), 0);
    assert_int_equal(access(in(p, "name"), F_OK), 0);
}

static void space_is_told_of_the_file_system(void **state)
{
    struct place *p = *state;
    uint64_t free_bytes = 0, total_bytes = 0;
    assert_ok(fs_space(p->dir, &free_bytes, &total_bytes));
    assert_true(total_bytes > 0 && free_bytes <= total_bytes);
    assert_err(ERR_NOT_FOUND, fs_space(in(p, "none"), &free_bytes, &total_bytes));
}

static void a_folder_that_is_gone_cannot_be_made_durable(void **state)
{
    struct place *p = *state;
    assert_ok(fs_sync_dir(p->dir));
    assert_err(ERR_NOT_FOUND, fs_sync_dir(in(p, "none")));
}

static void a_secret_is_read_with_and_without_a_newline(void **state)
{
    struct place *p = *state;
    uint8_t out[4];
    put(in(p, "key"), "00ff10a0\n", 0600);
    assert_ok(fs_read_secret(in(p, "key"), out, 4));
    assert_memory_equal(out, "\x00\xff\x10\xa0", 4);
    put(in(p, "key"), "01020304", 0400);
    assert_ok(fs_read_secret(in(p, "key"), out, 4));
    assert_memory_equal(out, "\1\2\3\4", 4);
}

static void a_secret_that_others_can_touch_is_refused(void **state)
{
    struct place *p = *state;
    uint8_t out[4] = {9, 9, 9, 9};
    static const mode_t modes[] = {0640, 0604, 0610, 0602, 0777};
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        put(in(p, "key"), "01020304", 0600);
        assert_int_equal(chmod(in(p, "key"), modes[i]), 0);
        assert_err(ERR_DENIED, fs_read_secret(in(p, "key"), out, 4));
    }
    assert_err(ERR_DENIED, fs_read_secret(p->dir, out, 4));
    assert_int_equal(out[0], 9);
}

/* Only root can give files away. */
static void a_secret_that_is_somebody_elses_is_refused(void **state)
{
    struct place *p = *state;
    uint8_t out[4] = {9, 9, 9, 9};
    if (geteuid() != 0)
        skip();
    put(in(p, "key"), "01020304", 0600);
    assert_int_equal(chown(in(p, "key"), ANOTHER, ANOTHER), 0);
    assert_err(ERR_DENIED, fs_read_secret(in(p, "key"), out, 4));
    assert_int_equal(chown(in(p, "key"), 0, 0), 0);
    assert_int_equal(symlink("key", in(p, "link")), 0);
    assert_ok(fs_read_secret(in(p, "link"), out, 4));
    assert_int_equal(lchown(in(p, "link"), ANOTHER, ANOTHER), 0);
    assert_err(ERR_DENIED, fs_read_secret(in(p, "link"), out, 4));
    assert_int_equal(unlink(in(p, "link")), 0);
}

static void a_malformed_or_empty_secret_is_refused(void **state)
{
    struct place *p = *state;
    uint8_t out[4] = {9, 9, 9, 9};
    static const char *const bad[] = {"", "\n", "0102030", "0102030405", "010203zz", "01020304\n\n", " 1020304", "ABCDEF01"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        put(in(p, "key"), bad[i], 0600);
        assert_err(ERR_SYNTAX, fs_read_secret(in(p, "key"), out, 4));
    }
    put(in(p, "key"), "00000000", 0600);
    assert_err(ERR_DENIED, fs_read_secret(in(p, "key"), out, 4));
    assert_err(ERR_NOT_FOUND, fs_read_secret(in(p, "none"), out, 4));
    assert_err(ERR_SYNTAX, fs_read_secret(in(p, "key"), out, 0));
    assert_int_equal(out[0], 9);
}

#define t(f) cmocka_unit_test_setup_teardown(f, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        t(a_replaced_file_holds_the_new_bytes_and_leaves_nothing_beside_it),
        t(a_file_in_no_folder_is_not_replaced),
        t(a_write_past_the_limit_of_a_file_says_full_and_leaves_the_old_one),
        t(reading_keeps_to_the_maximum),
        t(a_part_is_read_whole_or_said_to_be_beyond_the_end),
        t(folders_are_made_with_their_parents),
        t(a_relative_folder_is_made_where_we_are),
        t(space_is_told_of_the_file_system),
        t(a_folder_that_is_gone_cannot_be_made_durable),
        t(a_secret_is_read_with_and_without_a_newline),
        t(a_secret_that_others_can_touch_is_refused),
        t(a_secret_that_is_somebody_elses_is_refused),
        t(a_malformed_or_empty_secret_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
