/* A command's own options and words, told apart. */
#ifndef RB_CLI_ARGS_H
#define RB_CLI_ARGS_H

#include "cli/cli.h"

#define ARGS_WORDS_MAX 64

/* An option: "--name VALUE", "--name=VALUE" or "-n VALUE" with `value`, "--name" or "-n" with `flag`. Exactly one of both is set. */
struct args_option {
    const char *name;
    char letter;        /* 0: none */
    const char **value; /* borrowed from argv; untouched when the option is not given */
    int *flag;          /* becomes 1 */
};

struct args {
    const char *words[ARGS_WORDS_MAX]; /* what is no option, in its order; borrowed from argv */
    size_t n_words;
};

/* Reads argv[1…]: options and words in any order, "--" ends the options, a lone "-" is a word. ERR_SYNTAX: an unknown option, a missing or superfluous value, an
 * option twice, more or fewer words than min..max: said with the usage on standard error. */
enum err args_read(const struct cli *c, const struct args_option *options, size_t n_options, int argc, char **argv, size_t min_words,
    size_t max_words, struct args *out) MUST_CHECK;

#endif
