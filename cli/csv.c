#include "cli/csv.h"

#include "lib/base/text.h"

#include <string.h>

enum err csv_init(struct csv *csv, const char *text, size_t len)
{
    static const char mark[] = "\xef\xbb\xbf";
    int has_mark = len >= 3 && memcmp(text, mark, 3) == 0;

    *csv = (struct csv){.text = text, .len = len, .at = has_mark ? 3 : 0, .line = 1};
    if (text_is_utf8(text, len))
        return ERR_OK;
    csv->why = "it is not UTF-8";
    return ERR_SYNTAX;
}

void csv_row_init(struct csv_row *row)
{
    *row = (struct csv_row){0};
    buf_init(&row->text, CSV_ROW_MAX);
}

void csv_row_release(struct csv_row *row)
{
    buf_release(&row->text);
}

static enum err fail(struct csv *csv, const char *why)
{
    csv->why = why;
    return ERR_SYNTAX;
}

/* The byte at `at`, or -1 at the end. */
static int peek(const struct csv *csv)
{
    return csv->at < csv->len ? (unsigned char)csv->text[csv->at] : -1;
}

/* Passes over a line's end, if there is one here. */
static int take_line_end(struct csv *csv)
{
    if (peek(csv) == '\r' && csv->at + 1 < csv->len && csv->text[csv->at + 1] == '\n')
        csv->at++;
    else if (peek(csv) != '\n')
        return 0;
    csv->at++;
    csv->line++;
    return 1;
}

static enum err add(struct csv *csv, struct csv_row *row, const char *bytes, size_t n)
{
    return row->text.len + n > CSV_ROW_MAX ? fail(csv, "the row is too long") : buf_add(&row->text, bytes, n);
}

/* What stands between quotes; `at` is behind the opening one. */
static enum err read_quoted(struct csv *csv, struct csv_row *row)
{
    for (;;) {
        const char *from = csv->text + csv->at, *quote = memchr(from, '"', csv->len - csv->at);
        size_t n;
        enum err e;

        if (!quote)
            return fail(csv, "a quoted cell does not end");
        n = (size_t)(quote - from);
        for (const char *p = from; (p = memchr(p, '\n', (size_t)(quote - p))); p++)
            csv->line++;
        csv->at += n + 1;
        int doubled = peek(csv) == '"';
        e = add(csv, row, from, doubled ? n + 1 : n);
        if (e || !doubled)
            return e;
        csv->at++;
    }
}

static enum err read_bare(struct csv *csv, struct csv_row *row)
{
    size_t from = csv->at;

    for (int c; (c = peek(csv)) != -1 && c != ',' && c != '\n'; csv->at++) {
        if (c == '\r' && csv->at + 1 < csv->len && csv->text[csv->at + 1] == '\n')
            break;
        if (c == '"')
            return fail(csv, "a quote inside of a cell that is not quoted");
    }
    return add(csv, row, csv->text + from, csv->at - from);
}

/* One cell with its NUL; *start gets where it begins in the row's text. */
static enum err read_cell(struct csv *csv, struct csv_row *row, size_t *start)
{
    enum err e;

    *start = row->text.len;
    if (peek(csv) == '"') {
        csv->at++;
        e = read_quoted(csv, row);
        if (!e && peek(csv) != -1 && peek(csv) != ',' && peek(csv) != '\n' && peek(csv) != '\r')
            e = fail(csv, "something stands behind a quoted cell");
    } else {
        e = read_bare(csv, row);
    }
    return e ? e : add(csv, row, "", 1);
}

enum err csv_next(struct csv *csv, struct csv_row *row)
{
    size_t starts[CSV_CELLS_MAX] = {0};
    enum err e = ERR_OK;

    buf_reset(&row->text);
    row->n = 0;
    while (take_line_end(csv))
        ;
    row->line = csv->line;
    if (csv->at == csv->len)
        return ERR_GONE;
    for (;;) {
        if (row->n == CSV_CELLS_MAX)
            return fail(csv, "the row has too many cells");
        e = read_cell(csv, row, &starts[row->n]);
        if (e)
            return e;
        row->n++;
        if (csv->at == csv->len || take_line_end(csv))
            break;
        if (peek(csv) != ',')
            return fail(csv, "a carriage return stands alone");
        csv->at++;
    }
    for (size_t i = 0; i < row->n; i++)
        row->cells[i] = row->text.data + starts[i];
    return ERR_OK;
}
