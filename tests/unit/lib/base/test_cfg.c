#include "tests/unit/unit.h"

#include "lib/base/cfg.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
    const char *data, *zone;
    uint64_t port, verbose;
} got;

static const struct cfg_row rows[] = {
    {.name = "data", .env = "RB_TEST_DATA", .type = CFG_STR, .str = &got.data, .min = 1, .max = 8, .help = "The data folder."},
    {.name = "port",
        .env = "RB_TEST_PORT",
        .type = CFG_U64,
        .u64 = &got.port,
        .def = "8080",
        .min = 1,
        .max = 65535,
        .help = "The TCP port."},
    {.name = "verbose", .type = CFG_BOOL, .u64 = &got.verbose, .def = "0", .help = "Says more."},
    {.name = "zone", .type = CFG_STR, .str = &got.zone, .optional = 1, .help = "The zone."},
    {.name = "Signals", .type = CFG_HELP_ONLY, .help = "SIGTERM stops it."}};
#define N (sizeof(rows) / sizeof(rows[0]))

static char *errors;
static size_t errors_len;

/* Reads a command line given as words, up to NULL; the complaints land in `errors`. */
static enum err read_words(char **words)
{
    int argc = 0;
    while (words[argc])
        argc++;
    free(errors);
    FILE *f = open_memstream(&errors, &errors_len);
    enum err e = cfg_read(rows, N, argc, words, "A test.", f);
    fclose(f);
    return e;
}

#define READ(...) read_words((char *[]){(char *)"program", __VA_ARGS__, NULL})

static int clear(void **state)
{
    (void)state;
    unsetenv("RB_TEST_DATA");
    unsetenv("RB_TEST_PORT");
    memset(&got, 0xff, sizeof(got));
    return 0;
}

static int drop(void **state)
{
    (void)state;
    free(errors);
    errors = NULL;
    return 0;
}

static void both_spellings_of_an_option_are_read(void **state)
{
    (void)state;
    assert_ok(READ((char *)"--data", (char *)"/d", (char *)"--port=99", (char *)"--verbose", (char *)"--zone="));
    assert_string_equal(got.data, "/d");
    assert_int_equal(got.port, 99);
    assert_int_equal(got.verbose, 1);
    assert_string_equal(got.zone, "");
    assert_string_equal(errors, "");
}

static void defaults_stand_when_nothing_is_said(void **state)
{
    (void)state;
    assert_ok(READ((char *)"--data=x"));
    assert_int_equal(got.port, 8080);
    assert_int_equal(got.verbose, 0);
    assert_null(got.zone);
}

static void the_environment_beats_the_default_and_the_command_line_beats_both(void **state)
{
    (void)state;
    setenv("RB_TEST_DATA", "/env", 1);
    setenv("RB_TEST_PORT", "1234", 1);
    assert_ok(READ((char *)"--verbose=false"));
    assert_string_equal(got.data, "/env");
    assert_int_equal(got.port, 1234);
    assert_ok(READ((char *)"--port", (char *)"4321"));
    assert_int_equal(got.port, 4321);
}

static void an_empty_variable_counts_as_not_set(void **state)
{
    (void)state;
    setenv("RB_TEST_PORT", "", 1);
    setenv("RB_TEST_DATA", "", 1);
    assert_err(ERR_SYNTAX, READ((char *)"--port=5"));
    assert_string_equal(errors, "--data: is missing (or set RB_TEST_DATA)\n");
    assert_int_equal(got.port, 5);
}

static void every_mistake_is_said_in_a_line_of_its_own(void **state)
{
    (void)state;
    setenv("RB_TEST_PORT", "0", 1);
    assert_err(ERR_SYNTAX, READ((char *)"--port", (char *)"70000", (char *)"bare", (char *)"--verbose=yes", (char *)"--nope=1",
                               (char *)"--data=123456789", (char *)"--zone"));
    assert_string_equal(errors, "RB_TEST_PORT, --port: must be a number from 1 to 65535\n"
                                "--port: must be a number from 1 to 65535\n"
                                "bare: no such option; --help lists them\n"
                                "--verbose: must be 0, 1, true or false\n"
                                "--nope=1: no such option; --help lists them\n"
                                "--data: must have 1 to 8 bytes\n"
                                "--zone: needs a value\n");
}

static void numbers_are_read_strictly(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "--port=", "--port=1x", "--port=-1", "--port=+1", "--port= 1", "--port=01", "--port=65536", "--port=0"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_err(ERR_SYNTAX, READ((char *)"--data=d", (char *)(uintptr_t)bad[i]));
}

static void options_are_not_guessed(void **state)
{
    (void)state;
    assert_err(ERR_SYNTAX, READ((char *)"--data=d", (char *)"--por=1"));
    assert_err(ERR_SYNTAX, READ((char *)"--data=d", (char *)"-port=1"));
    assert_err(ERR_SYNTAX, READ((char *)"--data=d", (char *)"--Signals"));
    assert_err(ERR_SYNTAX, READ((char *)"--data=d", (char *)"--"));
    assert_err(ERR_SYNTAX, READ((char *)"--data=d", (char *)""));
}

static void asking_for_help_wins_over_mistakes(void **state)
{
    (void)state;
    int saved = dup(STDOUT_FILENO);
    FILE *sink = tmpfile();
    fflush(stdout);
    dup2(fileno(sink), STDOUT_FILENO);
    enum err e = READ((char *)"--nope", (char *)"--help");
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    long printed = lseek(fileno(sink), 0, SEEK_END);
    fclose(sink);
    assert_int_equal(e, ERR_GONE);
    assert_true(printed > 100);
}

static void help_names_every_row(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);
    cfg_help(rows, N, "/usr/bin/program", "A test.", f);
    fclose(f);
    assert_memory_equal(text, "program: A test.\n", 17);
    assert_non_null(strstr(text, "--data TEXT  (RB_TEST_DATA)\n      The data folder. [required]\n"));
    assert_non_null(strstr(text, "--port NUMBER  (RB_TEST_PORT)\n      The TCP port. [1 to 65535] [default: 8080]\n"));
    assert_non_null(strstr(text, "--verbose\n"));
    assert_non_null(strstr(text, "The zone. [optional]"));
    assert_non_null(strstr(text, "SIGTERM stops it."));
    free(text);
}

#define t(f) cmocka_unit_test_setup_teardown(f, clear, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        t(both_spellings_of_an_option_are_read),
        t(defaults_stand_when_nothing_is_said),
        t(the_environment_beats_the_default_and_the_command_line_beats_both),
        t(an_empty_variable_counts_as_not_set),
        t(every_mistake_is_said_in_a_line_of_its_own),
        t(numbers_are_read_strictly),
        t(options_are_not_guessed),
        t(asking_for_help_wins_over_mistakes),
        t(help_names_every_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
