/* Tables as comma-separated values (RFC 4180): quoted cells may hold commas, line ends and doubled quotes. Lines end with CRLF or LF; a byte order mark is passed over. Pure; fuzzed. */
#ifndef RB_CLI_CSV_H
#define RB_CLI_CSV_H

#include "lib/base/buf.h"

#include <stdint.h>

#define CSV_CELLS_MAX 64
#define CSV_ROW_MAX 65536 /* bytes of a row's cells */

struct csv {
    const char *text; /* borrowed */
    size_t len, at;
    unsigned line;   /* where the next row begins, from 1 */
    const char *why; /* after ERR_SYNTAX: a sentence without a full stop */
};

struct csv_row {
    unsigned line; /* where it begins: a row may have several lines */
    size_t n;
    const char *cells[CSV_CELLS_MAX]; /* in `text` */
    struct buf text;
};

/* Begins with text, which must be UTF-8 without NUL: ERR_SYNTAX otherwise. */
enum err csv_init(struct csv *csv, const char *text, size_t len) MUST_CHECK;
/* Reads the next row. ERR_GONE: there are no more. ERR_SYNTAX: a quote at the wrong place, or limits passed: csv->why and row->line tell; the rest cannot be read. ERR_NOMEM.
 * Rows without any byte are passed over. The row's cells are valid until the next call; csv_row_release in the end. */
enum err csv_next(struct csv *csv, struct csv_row *row) MUST_CHECK;
void csv_row_init(struct csv_row *row);
void csv_row_release(struct csv_row *row);

#endif
