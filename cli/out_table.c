/* Tables: aligned on a terminal, tabs in a pipe. */
#include "cli/out.h"

#include "cli/out_clean.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CELL_MAX 65536
#define GAP 2              /* cells between two columns */
#define COLUMN_MIN_CELLS 8 /* no column is cut to less */

struct out_table {
    const char *names[OUT_COLUMNS_MAX];
    int right[OUT_COLUMNS_MAX];
    size_t n_columns;
    char **cells; /* row by row */
    size_t n_cells, cap;
    int lost; /* a cell found no memory */
};

struct out_table *out_table_new(const char *const *columns, size_t n)
{
    struct out_table *t = calloc(1, sizeof *t);

    assert(n > 0 && n <= OUT_COLUMNS_MAX);
    if (!t)
        return NULL;
    t->n_columns = n;
    for (size_t i = 0; i < n; i++) {
        t->right[i] = columns[i][0] == '>';
        t->names[i] = columns[i] + t->right[i];
    }
    return t;
}

void out_table_free(struct out_table *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n_cells; i++)
        free(t->cells[i]);
    free(t->cells);
    free(t);
}

static int grow(struct out_table *t)
{
    size_t cap = t->cap ? 2 * t->cap : 64;
    char **more = reallocarray(t->cells, cap, sizeof *more);

    if (!more)
        return 0;
    t->cells = more;
    t->cap = cap;
    return 1;
}

void out_cell(struct out_table *t, const char *text)
{
    struct buf b;
    char *clean;

    if (!t || t->lost)
        return;
    buf_init(&b, CELL_MAX);
    if (out_clean(&b, text ? text : ""))
        t->lost = 1;
    clean = buf_take(&b);
    if (!clean || t->lost || (t->n_cells == t->cap && !grow(t))) {
        t->lost = 1;
        free(clean);
        buf_release(&b);
        return;
    }
    t->cells[t->n_cells++] = clean;
}

void out_cellf(struct out_table *t, const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) < 0) {
        text = NULL;
        if (t)
            t->lost = 1;
    }
    va_end(ap);
    out_cell(t, text);
    free(text);
}

static void measure(const struct out_table *t, size_t widths[OUT_COLUMNS_MAX])
{
    for (size_t i = 0; i < t->n_columns; i++)
        widths[i] = out_cells(t->names[i]);
    for (size_t i = 0; i < t->n_cells; i++) {
        size_t cells = out_cells(t->cells[i]);
        if (cells > widths[i % t->n_columns])
            widths[i % t->n_columns] = cells;
    }
}

/* Takes cells from the widest column, one by one, until all fit into the line or none can be cut further. */
static void shrink(const struct out_table *t, size_t widths[OUT_COLUMNS_MAX], size_t columns)
{
    for (;;) {
        size_t sum = GAP * (t->n_columns - 1), widest = 0;
        for (size_t i = 0; i < t->n_columns; i++) {
            sum += widths[i];
            if (widths[i] > widths[widest])
                widest = i;
        }
        if (sum <= columns || widths[widest] <= COLUMN_MIN_CELLS)
            return;
        widths[widest]--;
    }
}

/* Writes text into exactly `width` cells; `last` and left-aligned: without the blanks behind it. */
static void put_cell(FILE *file, const char *text, size_t width, int right, int last)
{
    size_t cells = out_cells(text);

    if (cells > width) {
        size_t left = width - 1;
        while (*text) {
            uint32_t point;
            size_t len = out_char(text, &point), wide = out_char_cells(point);
            if (wide > left)
                break;
            fwrite(text, 1, len, file);
            left -= wide;
            text += len;
        }
        fprintf(file, "…%*s", last ? 0 : (int)left, "");
        return;
    }
    if (right)
        fprintf(file, "%*s%s", (int)(width - cells), "", text);
    else
        fprintf(file, "%s%*s", text, last ? 0 : (int)(width - cells), "");
}

static void put_row(FILE *file, const struct out_table *t, const size_t *widths, const char *const *cells)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        int last = i + 1 == t->n_columns;
        put_cell(file, cells[i], widths[i], t->right[i], last);
        fprintf(file, "%*s", last ? 0 : GAP, "");
    }
    fputc('\n', file);
}

static void print_aligned(FILE *file, const struct out_table *t)
{
    size_t widths[OUT_COLUMNS_MAX];

    measure(t, widths);
    shrink(t, widths, out_width(fileno(file)));
    put_row(file, t, widths, t->names);
    for (size_t i = 0; i < t->n_cells; i += t->n_columns)
        put_row(file, t, widths, (const char *const *)&t->cells[i]);
}

static void print_plain(FILE *file, const struct out_table *t)
{
    for (size_t i = 0; i < t->n_cells; i++)
        fprintf(file, "%s%c", t->cells[i], (i + 1) % t->n_columns == 0 ? '\n' : '\t');
}

enum err out_table_print(const struct out *o, const struct out_table *t)
{
    if (!t || t->lost || t->n_cells % t->n_columns != 0)
        return out_fail(o, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
    if (o->json)
        return ERR_OK;
    if (o->terminal)
        print_aligned(o->file, t);
    else
        print_plain(o->file, t);
    return ERR_OK;
}
