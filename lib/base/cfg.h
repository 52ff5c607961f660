/* Settings: one table (name, type, bounds, default, help) reads the command line and the environment and prints --help. */
#ifndef RB_LIB_BASE_CFG_H
#define RB_LIB_BASE_CFG_H

#include "lib/base/err.h"

#include <stdint.h>
#include <stdio.h>

enum cfg_type { CFG_STR, CFG_U64, CFG_BOOL /* 0|1|true|false; a bare --flag is 1 */, CFG_HELP_ONLY };

/* One row. Exactly one of str / u64 points to where the value goes. Strings are borrowed from argv/environ or the default. */
struct cfg_row {
    const char *name; /* "data" is read from --data VALUE, --data=VALUE */
    const char *env;  /* environment variable, or NULL; the command line wins */
    enum cfg_type type;
    const char **str;
    uint64_t *u64;     /* CFG_U64 and CFG_BOOL */
    const char *def;   /* as text; NULL = required, unless `optional` */
    uint64_t min, max; /* CFG_U64 bounds, inclusive; CFG_STR: length bounds when max > 0 */
    int optional;      /* a missing value is NULL or 0 */
    const char *help;  /* a sentence, with the unit */
};

/* Fills every row from its default, then the environment, then argv. Unknown options, bad numbers and missing required values are
 * said on `errors` in one line each and give ERR_SYNTAX. --help prints the table to stdout and gives ERR_GONE ("done, exit 0").
 * argv[0] is skipped; a bare word (no leading dashes) is an error. */
enum err cfg_read(const struct cfg_row *rows, size_t n, int argc, char **argv, const char *about, FILE *errors) MUST_CHECK;

/* Prints the table as --help does. */
void cfg_help(const struct cfg_row *rows, size_t n, const char *program, const char *about, FILE *out);

#endif
