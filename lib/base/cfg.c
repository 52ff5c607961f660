#include "lib/base/cfg.h"

#include "lib/base/num.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void complain(FILE *errors, const struct cfg_row *row, const char *from, const char *what)
{
    fprintf(errors, "%s%s: %s\n", from, row->name, what);
}

static int read_bool(const char *text, uint64_t *out)
{
    if (strcmp(text, "1") == 0 || strcmp(text, "true") == 0)
        *out = 1;
    else if (strcmp(text, "0") == 0 || strcmp(text, "false") == 0)
        *out = 0;
    else
        return 0;
    return 1;
}

/* Puts a value given as text where the row wants it; says what is wrong with it. `from` leads the message. */
static enum err take(const struct cfg_row *row, const char *text, const char *from, FILE *errors)
{
    char what[128];
    assert(row->type == CFG_STR ? row->str != NULL : row->u64 != NULL); /* a row says where its value goes */
    if (row->type == CFG_STR) {
        size_t len = strlen(text);
        if (row->max > 0 && (len < row->min || len > row->max)) {
            snprintf(what, sizeof(what), "must have %" PRIu64 " to %" PRIu64 " bytes", row->min, row->max);
            complain(errors, row, from, what);
            return ERR_SYNTAX;
        }
        *row->str = text;
        return ERR_OK;
    }
    if (row->type == CFG_BOOL) {
        if (read_bool(text, row->u64))
            return ERR_OK;
        complain(errors, row, from, "must be 0, 1, true or false");
        return ERR_SYNTAX;
    }
    uint64_t value;
    if (num_parse_u64(text, row->max, &value) != ERR_OK || value < row->min) {
        snprintf(what, sizeof(what), "must be a number from %" PRIu64 " to %" PRIu64, row->min, row->max);
        complain(errors, row, from, what);
        return ERR_SYNTAX;
    }
    *row->u64 = value;
    return ERR_OK;
}

/* Which source a row's value came from is remembered beside the rows, to tell in the end what is missing. */
enum source { FROM_NOWHERE, FROM_DEFAULT, FROM_ENV, FROM_ARGV };

/* The environment's value of a row; an empty one counts as not set, because compose files and shells pass on `NAME=`. */
static const char *env_value(const struct cfg_row *row)
{
    const char *value = row->env ? getenv(row->env) : NULL;
    return value && *value ? value : NULL;
}

static enum err take_default(const struct cfg_row *row, enum source *from, FILE *errors)
{
    if (row->str)
        *row->str = NULL;
    if (row->u64)
        *row->u64 = 0;
    if (!row->def)
        return ERR_OK;
    *from = FROM_DEFAULT;
    return take(row, row->def, "default of ", errors);
}

static enum err take_env(const struct cfg_row *row, enum source *from, FILE *errors)
{
    const char *value = env_value(row);
    if (!value)
        return ERR_OK;
    *from = FROM_ENV;
    char lead[128];
    snprintf(lead, sizeof(lead), "%s, --", row->env);
    return take(row, value, lead, errors);
}

/* The row that an option word ("--name" or "--name=value") belongs to, or n. */
static size_t find_row(const struct cfg_row *rows, size_t n, const char *word, const char **value)
{
    const char *equals = strchr(word, '=');
    size_t len = equals ? (size_t)(equals - word) : strlen(word);
    *value = equals ? equals + 1 : NULL;
    for (size_t i = 0; i < n; i++) {
        if (rows[i].type != CFG_HELP_ONLY && strlen(rows[i].name) + 2 == len && strncmp(word, "--", 2) == 0 &&
            strncmp(word + 2, rows[i].name, len - 2) == 0)
            return i;
    }
    return n;
}

static enum err take_argv(const struct cfg_row *rows, size_t n, int argc, char **argv, enum source *from, FILE *errors)
{
    enum err result = ERR_OK;
    for (int i = 1; i < argc; i++) {
        const char *value;
        size_t row = find_row(rows, n, argv[i], &value);
        if (row == n) {
            fprintf(errors, "%s: no such option; --help lists them\n", argv[i]);
            result = ERR_SYNTAX;
            continue;
        }
        from[row] = FROM_ARGV;
        if (!value && rows[row].type == CFG_BOOL)
            value = "1";
        if (!value && i + 1 < argc)
            value = argv[++i];
        if (!value) {
            complain(errors, &rows[row], "--", "needs a value");
            result = ERR_SYNTAX;
        } else if (take(&rows[row], value, "--", errors) != ERR_OK) {
            result = ERR_SYNTAX;
        }
    }
    return result;
}

static enum err check_missing(const struct cfg_row *row, enum source from, FILE *errors)
{
    if (from != FROM_NOWHERE || row->optional)
        return ERR_OK;
    char what[160];
    if (row->env)
        snprintf(what, sizeof(what), "is missing (or set %s)", row->env);
    else
        snprintf(what, sizeof(what), "is missing");
    complain(errors, row, "--", what);
    return ERR_SYNTAX;
}

enum err cfg_read(const struct cfg_row *rows, size_t n, int argc, char **argv, const char *about, FILE *errors)
{
    /* Asking for help works whatever else is wrong. */
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            cfg_help(rows, n, argv[0], about, stdout);
            return ERR_GONE;
        }
    }
    enum source *from = calloc(n ? n : 1, sizeof(*from));
    if (!from)
        return ERR_NOMEM;
    enum err result = ERR_OK;
    for (size_t i = 0; i < n; i++) {
        if (rows[i].type != CFG_HELP_ONLY && (take_default(&rows[i], &from[i], errors) || take_env(&rows[i], &from[i], errors)))
            result = ERR_SYNTAX;
    }
    if (take_argv(rows, n, argc, argv, from, errors))
        result = ERR_SYNTAX;
    for (size_t i = 0; i < n; i++) {
        if (rows[i].type != CFG_HELP_ONLY && check_missing(&rows[i], from[i], errors))
            result = ERR_SYNTAX;
    }
    free(from);
    return result;
}

void cfg_help(const struct cfg_row *rows, size_t n, const char *program, const char *about, FILE *out)
{
    const char *slash = strrchr(program, '/');
    fprintf(out, "%s: %s\n\n", slash ? slash + 1 : program, about);
    for (size_t i = 0; i < n; i++) {
        const struct cfg_row *row = &rows[i];
        if (row->type == CFG_HELP_ONLY) {
            fprintf(out, "  %s  %s\n", row->name, row->help);
            continue;
        }
        fprintf(out, "  --%s%s", row->name, row->type == CFG_BOOL ? "" : row->type == CFG_U64 ? " NUMBER" : " TEXT");
        if (row->env)
            fprintf(out, "  (%s)", row->env);
        fprintf(out, "\n      %s", row->help);
        if (row->type == CFG_U64)
            fprintf(out, " [%" PRIu64 " to %" PRIu64 "]", row->min, row->max);
        if (row->def)
            fprintf(out, " [default: %s]", *row->def ? row->def : "empty");
        else
            fprintf(out, row->optional ? " [optional]" : " [required]");
        fputc('\n', out);
    }
    fprintf(out, "  --help\n      Prints this and ends.\n");
}
