/* put --from-csv: a folder of files, as a table says what each is. */
#ifndef RB_CLI_IMPORT_H
#define RB_CLI_IMPORT_H

#include "cli/cli.h"

#define IMPORT_LINES_MAX 10000
#define IMPORT_BYTES_MAX (16u << 20) /* of the table */

/* Shares what the table lists from folder `dir`; a line that is shared already is left alone, so that running it twice changes nothing. dry_run: says what it would do.
 * Reports each line. Returns an exit code: 0 when no line failed, else that of the first that did. */
int import_csv(struct cli *c, const char *csv_path, const char *dir, int dry_run);

#endif
