/* Settings from a command line and the environment: what is taken is within its row's bounds, and whatever is wrong is said. Input: a word a line; NAME=value
 * before the first line that begins with "-" is the environment's. */
#include "tests/fuzz/fuzz.h"

#include "lib/base/cfg.h"
#include "lib/jail/jail.h"

#define WORDS_MAX 16

static void check(int argc, char **argv, FILE *errors)
{
    const char *text = NULL, *bounded = NULL, *must = NULL;
    uint64_t number = 0, flag = 0;
    const struct cfg_row rows[] = {
        {.name = "text", .env = "RB_FUZZ_TEXT", .type = CFG_STR, .str = &text, .optional = 1, .help = "any"},
        {.name = "bounded", .type = CFG_STR, .str = &bounded, .def = "abc", .min = 2, .max = 5, .help = "short"},
        {.name = "must", .env = "RB_FUZZ_MUST", .type = CFG_STR, .str = &must, .help = "has to be there"},
        {.name = "number", .env = "RB_FUZZ_NUMBER", .type = CFG_U64, .u64 = &number, .def = "7", .min = 5, .max = 1000, .help = "bounded"},
        {.name = "flag", .env = "RB_FUZZ_FLAG", .type = CFG_BOOL, .u64 = &flag, .def = "0", .max = 1, .help = "yes or no"},
        {.name = "Words", .type = CFG_HELP_ONLY, .help = "are told"},
    };
    enum err e = cfg_read(rows, sizeof(rows) / sizeof(rows[0]), argc, argv, "for the fuzzer", errors);
    FUZZ_CHECK(e == ERR_OK || e == ERR_SYNTAX || e == ERR_GONE);
    FUZZ_CHECK((e == ERR_SYNTAX) == (ftell(errors) > 0));
    if (e)
        return;
    FUZZ_CHECK(must && number >= 5 && number <= 1000 && flag <= 1 && strlen(bounded) >= 2 && strlen(bounded) <= 5);
    FUZZ_CHECK(!text || jail_words_check(text) == ERR_OK || jail_words_check(text) == ERR_SYNTAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"RB_FUZZ_TEXT", "RB_FUZZ_MUST", "RB_FUZZ_NUMBER", "RB_FUZZ_FLAG"};
    char *argv[WORDS_MAX + 1] = {"fuzz"}, *env[WORDS_MAX];
    int argc = 1, n_env = 0;
    static FILE *sink;
    if (!sink)
        sink = tmpfile();
    FUZZ_CHECK(sink);
    rewind(sink);
    while (size > 0 && argc + n_env < WORDS_MAX) {
        char *line = fuzz_line(&data, &size);
        if (argc == 1 && *line != '-' && strchr(line, '='))
            env[n_env++] = line;
        else
            argv[argc++] = line;
    }
    for (int i = 0; i < n_env; i++) {
        char *value = strchr(env[i], '=');
        *value = '\0';
        for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
            if (strcmp(names[k], env[i]) == 0)
                setenv(env[i], value + 1, 1);
    }
    fflush(stdout);
    check(argc, argv, sink);
    for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
        unsetenv(names[k]);
    for (int i = 1; i < argc; i++)
        free(argv[i]);
    for (int i = 0; i < n_env; i++)
        free(env[i]);
    return 0;
}
