#include "tests/unit/unit.h"

#include "cli/args.h"

#include <stdlib.h>
#include <string.h>

/* A run whose errors go into a text. */
struct fixture {
    struct cli cli;
    char *said;
    size_t said_len;
};

static const struct cli_command command = {.name = "try", .usage = "WORD [OPTION]..."};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    f->cli.command = &command;
    f->cli.out.errors = open_memstream(&f->said, &f->said_len);
    f->cli.out.file = stdout;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    fclose(f->cli.out.errors);
    free(f->said);
    free(f);
    return 0;
}

struct read {
    const char *course;
    int force;
    struct args args;
};

static enum err read_words(struct fixture *f, struct read *r, size_t min, size_t max, const char *const *words)
{
    const struct args_option options[] = {
        {.name = "course", .letter = 'c', .value = &r->course}, {.name = "force", .letter = 'f', .flag = &r->force}};
    char *argv[16] = {strdup("try")};
    int argc = 1;
    enum err e;

    *r = (struct read){0};
    for (; words[argc - 1]; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
    e = args_read(&f->cli, options, 2, argc, argv, min, max, &r->args);
    free(argv[0]);
    return e;
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void options_and_words_come_in_any_order(void **state)
{
    struct read r;

    assert_ok(read_words(*state, &r, 2, 2, WORDS("a", "--course", "CSEN 317", "b", "-f")));
    assert_string_equal(r.course, "CSEN 317");
    assert_int_equal(r.force, 1);
    assert_int_equal(r.args.n_words, 2);
    assert_string_equal(r.args.words[1], "b");
}

static void a_value_is_attached_or_the_next_word(void **state)
{
    struct read r;

    assert_ok(read_words(*state, &r, 0, 0, WORDS("--course=x=y")));
    assert_string_equal(r.course, "x=y");
    assert_ok(read_words(*state, &r, 0, 0, WORDS("-cx")));
    assert_string_equal(r.course, "x");
    assert_ok(read_words(*state, &r, 0, 0, WORDS("-c", "--force")));
    assert_string_equal(r.course, "--force");
    assert_int_equal(r.force, 0);
    assert_ok(read_words(*state, &r, 0, 0, WORDS("--course=")));
    assert_string_equal(r.course, "");
}

static void two_dashes_end_the_options_and_one_is_a_word(void **state)
{
    struct read r;

    assert_ok(read_words(*state, &r, 0, 4, WORDS("-", "--", "--force", "--")));
    assert_int_equal(r.force, 0);
    assert_int_equal(r.args.n_words, 3);
    assert_string_equal(r.args.words[0], "-");
    assert_string_equal(r.args.words[1], "--force");
    assert_string_equal(r.args.words[2], "--");
}

static void assert_refused(struct fixture *f, const char *const *words, const char *why)
{
    struct read r;

    assert_err(ERR_SYNTAX, read_words(f, &r, 1, 1, words));
    fflush(f->cli.out.errors);
    assert_non_null(strstr(f->said, why));
    assert_non_null(strstr(f->said, "usage: ringbinder try WORD"));
    rewind(f->cli.out.errors);
}

static void what_is_wrong_is_said_with_the_usage(void **state)
{
    struct fixture *f = *state;

    assert_refused(f, WORDS("a", "--curse", "x"), "--curse: there is no such option");
    assert_refused(f, WORDS("a", "-x"), "-x: there is no such option");
    assert_refused(f, WORDS("a", "--cours", "x"), "--cours: there is no such option");
    assert_refused(f, WORDS("a", "--course"), "--course: this option needs a value");
    assert_refused(f, WORDS("a", "--force=1"), "--force=1: this option takes no value");
    assert_refused(f, WORDS("a", "-c", "x", "--course", "y"), "--course: given twice");
    assert_refused(f, WORDS("a", "b"), "b: one word too many");
    assert_refused(f, WORDS("--force"), "something is missing");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(options_and_words_come_in_any_order),
        TEST(a_value_is_attached_or_the_next_word),
        TEST(two_dashes_end_the_options_and_one_is_a_word),
        TEST(what_is_wrong_is_said_with_the_usage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
