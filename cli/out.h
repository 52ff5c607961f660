/* What the program prints: tables on a terminal, lines with tabs in a pipe, JSON when asked. All text that comes from elsewhere is made harmless for a terminal. */
#ifndef RB_CLI_OUT_H
#define RB_CLI_OUT_H

#include "lib/wire/json.h"

#include <stdio.h>

#define OUT_COLUMNS_MAX 12
#define OUT_SIZE_TEXT 24 /* bytes of a size or a duration for people, with NUL */
#define OUT_TIME_TEXT 32

struct out {
    FILE *file;   /* standard output */
    FILE *errors; /* standard error */
    int json;     /* --json: one JSON value on `file`, errors as JSON on `errors` */
    int quiet;    /* --quiet: no notes, no bars */
    int terminal; /* file is a terminal */
};

/* For standard output and error. */
void out_init(struct out *o);
/* Characters in a line of the terminal at fd, by ioctl; 80 when it is none or does not say. */
unsigned out_width(int fd);

/* Appends text so that a terminal shows it and nothing else happens: control characters and bytes that are not UTF-8 become U+FFFD, and so do the marks that
 * turn the direction of writing. ERR_NOMEM. */
enum err out_clean(struct buf *b, const char *text) MUST_CHECK;
/* Terminal cells that clean text takes. */
size_t out_cells(const char *clean);

/* One line for people, on `file`; nothing with --json. The text is cleaned, the newline added. */
void out_say(const struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* One line about what is going on or went wrong, on `errors`. The text is cleaned. Never with --json or --quiet. */
void out_note(const struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* An error: "ringbinder: text" on `errors`, or {"error","detail"} with --json. Returns e. */
enum err out_fail(const struct out *o, enum err e, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* With --json the value as one line; otherwise nothing. j stays the caller's. ERR_NOMEM is said by itself. */
enum err out_json(const struct out *o, const struct json *j) MUST_CHECK;

/* A table. Cells are copied and cleaned. */
struct out_table;
/* Column names as shown on a terminal; a name that begins with '>' is a column of numbers (right-aligned, without the '>'). n ≤ OUT_COLUMNS_MAX. NULL when out of memory. */
struct out_table *out_table_new(const char *const *columns, size_t n);
void out_table_free(struct out_table *t);
/* Adds the next cell of the row, left to right; a row begins by itself after a full one. Text may be NULL (an empty cell). What finds no memory is remembered. */
void out_cell(struct out_table *t, const char *text);
void out_cellf(struct out_table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Prints it: on a terminal with a line of names, padded, the widest column cut with "…" until it fits; in a pipe without names, cells separated by tabs. Nothing with
 * --json. ERR_NOMEM when a cell was lost or a row is not full (then nothing is printed, and it is said). */
enum err out_table_print(const struct out *o, const struct out_table *t) MUST_CHECK;

/* "12.3 MiB", "980 B". */
void out_size(uint64_t bytes, char text[OUT_SIZE_TEXT]);
/* "42 s", "3:07", "2:05:10". */
void out_duration(uint64_t seconds, char text[OUT_SIZE_TEXT]);
/* An RFC 3339 time of the API for people: local time to the minute on a terminal, as it came in a pipe. NULL gives "". */
void out_time(const struct out *o, const char *rfc3339, char text[OUT_TIME_TEXT]);
/* How long before `now` the time `then` was, both of the API: "3 s" on a terminal; `then` as it came in a pipe. NULL gives "". */
void out_age(const struct out *o, const char *then, const char *now, char text[OUT_TIME_TEXT]);

#endif
