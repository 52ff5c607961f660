/* The table of an import: its rows by the names of its columns, each course and term once. */
#ifndef RB_CLI_IMPORT_TABLE_H
#define RB_CLI_IMPORT_TABLE_H

#include "cli/csv.h"
#include "lib/base/arena.h"

/* The columns. The first two must be there with a value in each row. */
enum import_column { IMPORT_COURSE, IMPORT_FILE, IMPORT_TERM, IMPORT_TITLE, IMPORT_INSTRUCTOR, IMPORT_NOTE, IMPORT_COLUMNS };

struct import_line {
    unsigned line;                     /* in the table, from 1 */
    const char *cells[IMPORT_COLUMNS]; /* in the table's arena; NULL when there is no such column */
    const char *wrong;                 /* why it cannot be imported, as a sentence without a full stop; NULL: it can */
};

struct import_table {
    struct arena arena;
    struct import_line *lines;
    size_t n, cap;
    unsigned failed_line; /* after ERR_SYNTAX: where */
    char why[160];        /* and what is wrong there: a sentence without a full stop */
};

/* Reads the whole text. ERR_SYNTAX: the table cannot be read, or its columns are not known; ERR_NOMEM. import_table_release in every case. */
enum err import_table_read(struct import_table *t, const char *text, size_t len) MUST_CHECK;
void import_table_release(struct import_table *t);

#endif
