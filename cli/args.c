#include "cli/args.h"

#include <assert.h>
#include <string.h>

#define OPTIONS_MAX 32

struct reader {
    const struct cli *cli;
    const struct args_option *options;
    size_t n_options;
    char **argv;
    int argc, at;
    unsigned char seen[OPTIONS_MAX];
};

static enum err fail(const struct reader *r, const char *what, const char *which)
{
    cli_usage(r->cli, "%s: %s", which, what);
    return ERR_SYNTAX;
}

/* Finds "--name" or "--name=VALUE"; *attached becomes the VALUE. */
static const struct args_option *find_long(const struct reader *r, const char *word, const char **attached)
{
    const char *name = word + 2, *equals = strchr(name, '=');
    size_t len = equals ? (size_t)(equals - name) : strlen(name);

    for (size_t i = 0; i < r->n_options; i++) {
        if (strlen(r->options[i].name) == len && memcmp(r->options[i].name, name, len) == 0) {
            *attached = equals ? equals + 1 : NULL;
            return &r->options[i];
        }
    }
    return NULL;
}

/* Finds "-n" or "-nVALUE". */
static const struct args_option *find_short(const struct reader *r, const char *word, const char **attached)
{
    for (size_t i = 0; i < r->n_options; i++) {
        if (r->options[i].letter == word[1]) {
            *attached = word[2] ? word + 2 : NULL;
            return &r->options[i];
        }
    }
    return NULL;
}

static enum err take_option(struct reader *r, const char *word)
{
    const char *attached = NULL;
    const struct args_option *o = word[1] == '-' ? find_long(r, word, &attached) : find_short(r, word, &attached);

    if (!o)
        return fail(r, "there is no such option", word);
    if (r->seen[o - r->options]++)
        return fail(r, "given twice", word);
    if (o->flag && attached)
        return fail(r, "this option takes no value", word);
    if (o->flag) {
        *o->flag = 1;
        return ERR_OK;
    }
    if (!attached && ++r->at < r->argc)
        attached = r->argv[r->at];
    if (!attached)
        return fail(r, "this option needs a value", word);
    *o->value = attached;
    return ERR_OK;
}

static enum err take_word(const struct reader *r, const char *word, size_t max, struct args *out)
{
    if (out->n_words == max)
        return fail(r, "one word too many", word);
    out->words[out->n_words++] = word;
    return ERR_OK;
}

enum err args_read(const struct cli *c, const struct args_option *options, size_t n_options, int argc, char **argv, size_t min_words,
    size_t max_words, struct args *out)
{
    struct reader r = {.cli = c, .options = options, .n_options = n_options, .argv = argv, .argc = argc};
    int options_ended = 0;
    enum err e = ERR_OK;

    assert(n_options <= OPTIONS_MAX && max_words <= ARGS_WORDS_MAX);
    out->n_words = 0;
    for (r.at = 1; !e && r.at < argc; r.at++) {
        const char *word = argv[r.at];
        if (!options_ended && strcmp(word, "--") == 0)
            options_ended = 1;
        else if (!options_ended && word[0] == '-' && word[1])
            e = take_option(&r, word);
        else
            e = take_word(&r, word, max_words, out);
    }
    if (!e && out->n_words < min_words) {
        cli_usage(c, "something is missing");
        e = ERR_SYNTAX;
    }
    return e;
}
