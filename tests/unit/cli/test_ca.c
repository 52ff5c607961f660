/* `ringbinder ca`: what it makes, with which rights, and that it writes over nothing. */
#include "tests/unit/unit.h"

#include "cli/ca.h"
#include "lib/base/clock.h"
#include "lib/tls/tls.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    char folder[64], ca[96];
    struct cli cli;
    char *said;
    size_t said_len;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    strcpy(f->folder, "/tmp/rb-unit-ca-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->ca, sizeof f->ca, "%s/deep/ca", f->folder);
    f->cli.out.file = f->cli.out.errors = open_memstream(&f->said, &f->said_len);
    *state = f;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    fclose(f->cli.out.errors);
    free(f->said);
    nftw(f->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

/* Runs it with these words, up to NULL, and compares the exit code. */
static void run(struct fixture *f, int code, const char *const *words)
{
    char *argv[10] = {strdup("ca")};
    int argc = 1;

    for (; words[argc - 1]; argc++)
        argv[argc] = strdup(words[argc - 1]);
    rewind(f->cli.out.errors);
    int got = cmd_ca(&f->cli, argc, argv);
    fputc('\0', f->cli.out.errors);
    fflush(f->cli.out.errors);
    if (got != code)
        fail_msg("%s %s: %d, and said %s", argv[1], argc > 2 ? argv[2] : "", got, f->said);
    for (int i = 0; i < argc; i++)
        free(argv[i]);
}

#define RUN(code, ...) run(f, (code), (const char *const[]){__VA_ARGS__, NULL})

static const char *at(const struct fixture *f, const char *name)
{
    static char path[160];

    snprintf(path, sizeof path, "%s/%s", f->ca, name);
    return path;
}

static mode_t mode_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void what_it_makes_is_what_processes_take(void **state)
{
    struct fixture *f = *state;
    char ca[160], cert[160], key[160], why[TLS_WHY_SIZE];
    struct tls *t = NULL;

    RUN(CLI_OK, "init", f->ca);
    assert_int_equal(mode_of(f->ca), 0700);
    assert_int_equal(mode_of(at(f, "ca.key")), 0600);
    RUN(CLI_OK, "issue", f->ca, "node-1", "--address", "192.0.2.7,::1", "--days", "40");
    assert_non_null(strstr(f->said, "node-1.crt"));
    assert_int_equal(mode_of(at(f, "node-1.key")), 0600);
    strcpy(ca, at(f, "ca.crt"));
    strcpy(cert, at(f, "node-1.crt"));
    strcpy(key, at(f, "node-1.key"));
    const struct tls_settings s = {.files = {ca, cert, key}, .listen = "192.0.2.7:80", .url = "https://192.0.2.7:80"};
    int64_t now_s = (int64_t)(clock_unix_ms() / 1000);
    assert_ok(tls_open(&s, now_s, &t, why));
    assert_true(tls_ends_s(t) - now_s > 39 * 86400 && tls_ends_s(t) - now_s <= 40 * 86400);
    tls_free(t);
}

static void nothing_is_written_over(void **state)
{
    struct fixture *f = *state;
    struct stat before, after;

    RUN(CLI_OK, "init", f->ca);
    assert_int_equal(stat(at(f, "ca.key"), &before), 0);
    RUN(CLI_CONFLICT, "init", f->ca);
    assert_int_equal(stat(at(f, "ca.key"), &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
    RUN(CLI_OK, "issue", f->ca, "node-1");
    RUN(CLI_CONFLICT, "issue", f->ca, "node-1");
    /* Only the certificate is there: no key is left behind that belongs to nothing. */
    assert_int_equal(unlink(at(f, "node-1.key")), 0);
    RUN(CLI_CONFLICT, "issue", f->ca, "node-1");
    assert_int_not_equal(access(at(f, "node-1.key"), F_OK), 0);
    /* Nor by a link that leads elsewhere. */
    assert_int_equal(symlink("/tmp/rb-nowhere", at(f, "node-2.key")), 0);
    RUN(CLI_CONFLICT, "issue", f->ca, "node-2");
    assert_int_not_equal(access("/tmp/rb-nowhere", F_OK), 0);
}

static void a_ca_that_is_none_signs_nothing(void **state)
{
    struct fixture *f = *state;

    RUN(CLI_NOT_FOUND, "issue", f->ca, "node-1");
    assert_non_null(strstr(f->said, "ca init"));
    RUN(CLI_OK, "init", f->ca);
    assert_int_equal(chmod(at(f, "ca.key"), 0644), 0);
    RUN(CLI_DENIED, "issue", f->ca, "node-1");
    assert_non_null(strstr(f->said, "chmod 600"));
    assert_int_equal(chmod(at(f, "ca.key"), 0600), 0);
    assert_int_equal(truncate(at(f, "ca.crt"), 10), 0);
    RUN(CLI_FAILED, "issue", f->ca, "node-1");
    assert_int_not_equal(access(at(f, "node-1.key"), F_OK), 0);
}

static void words_that_make_no_sense_make_nothing(void **state)
{
    struct fixture *f = *state;

    RUN(CLI_USAGE, "init");
    RUN(CLI_USAGE, "init", f->ca, "node-1");
    RUN(CLI_USAGE, "init", f->ca, "--days", "3");
    RUN(CLI_USAGE, "revoke", f->ca);
    RUN(CLI_USAGE, "issue", f->ca);
    static const char *const names[] = {
        "", "ca", "Node", "node_1", "../x", "a/b", "-x", "0123456789012345678901234567890123456789012345678901234567890123456"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        RUN(CLI_USAGE, "issue", f->ca, "--", names[i]);
    static const char *const addresses[] = {"", ",", "127.0.0.1,", "node-1", "127.0.0.1:80", "[::1]", "http://127.0.0.1", "*",
        "1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1."
        "1.1.1"};
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++)
        RUN(CLI_USAGE, "issue", f->ca, "node-1", "--address", addresses[i]);
    static const char *const days[] = {"0", "-1", "3651", "x", ""};
    for (size_t i = 0; i < sizeof days / sizeof *days; i++)
        RUN(CLI_USAGE, "issue", f->ca, "node-1", "--days", days[i]);
    assert_int_not_equal(access(f->ca, F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_it_makes_is_what_processes_take, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_written_over, setup, teardown),
        cmocka_unit_test_setup_teardown(a_ca_that_is_none_signs_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(words_that_make_no_sense_make_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
