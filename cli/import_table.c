#include "cli/import_table.h"

#include "cli/import.h"
#include "lib/name/name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_MAX (3 * (size_t)IMPORT_BYTES_MAX)

static const char *const names[IMPORT_COLUMNS] = {
    [IMPORT_COURSE] = "course",
    [IMPORT_FILE] = "file",
    [IMPORT_TERM] = "term",
    [IMPORT_TITLE] = "title",
    [IMPORT_INSTRUCTOR] = "instructor",
    [IMPORT_NOTE] = "note",
};

/* Where each column stands; -1: nowhere. */
struct heading {
    int at[IMPORT_COLUMNS];
    size_t n;
};

/* Identity of a line for finding it twice: course key and term. */
struct identity {
    const char *key, *term;
    struct import_line *line;
};

static enum err fail(struct import_table *t, unsigned line, const char *why, const char *which)
{
    t->failed_line = line;
    snprintf(t->why, sizeof t->why, "%s%s%.60s", why, which ? ": " : "", which ? which : "");
    return ERR_SYNTAX;
}

static enum err read_heading(struct import_table *t, const struct csv_row *row, struct heading *h)
{
    memset(h->at, -1, sizeof h->at);
    h->n = row->n;
    for (size_t i = 0; i < row->n; i++) {
        int c = 0;
        while (c < IMPORT_COLUMNS && strcmp(names[c], row->cells[i]) != 0)
            c++;
        if (c == IMPORT_COLUMNS)
            return fail(t, row->line, "the columns are course, term, title, instructor, file and note, and not", row->cells[i]);
        if (h->at[c] >= 0)
            return fail(t, row->line, "a column stands twice", row->cells[i]);
        h->at[c] = (int)i;
    }
    if (h->at[IMPORT_COURSE] < 0 || h->at[IMPORT_FILE] < 0)
        return fail(t, row->line, "the first line names the columns; course and file must be among them", NULL);
    return ERR_OK;
}

static enum err add_line(struct import_table *t, const struct heading *h, const struct csv_row *row)
{
    struct import_line *l;

    if (t->n == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 256;
        struct import_line *more = reallocarray(t->lines, cap, sizeof *more);
        if (!more)
            return ERR_NOMEM;
        t->lines = more;
        t->cap = cap;
    }
    l = &t->lines[t->n++];
    *l = (struct import_line){.line = row->line};
    if (row->n != h->n)
        l->wrong = "it has more or fewer cells than there are columns";
    for (size_t c = 0; c < IMPORT_COLUMNS; c++) {
        if (h->at[c] < 0 || (size_t)h->at[c] >= row->n)
            continue;
        l->cells[c] = arena_strdup(&t->arena, row->cells[h->at[c]]);
        if (!l->cells[c])
            return ERR_NOMEM;
    }
    if (!l->wrong && (!*l->cells[IMPORT_COURSE] || !*l->cells[IMPORT_FILE]))
        l->wrong = *l->cells[IMPORT_COURSE] ? "the cell `file` is empty" : "the cell `course` is empty";
    return ERR_OK;
}

static enum err read_rows(struct import_table *t, struct csv *csv, struct csv_row *row)
{
    struct heading h;
    enum err e = csv_next(csv, row);

    if (e == ERR_GONE)
        return fail(t, 1, "the table is empty", NULL);
    if (!e)
        e = read_heading(t, row, &h);
    while (!e) {
        e = csv_next(csv, row);
        if (!e && t->n == IMPORT_LINES_MAX)
            return fail(t, row->line, "the table has more than 10000 lines; make several of it", NULL);
        if (!e)
            e = add_line(t, &h, row);
    }
    if (e == ERR_SYNTAX && csv->why)
        return fail(t, row->line, csv->why, NULL);
    return e == ERR_GONE ? ERR_OK : e;
}

static int by_identity(const void *a, const void *b)
{
    const struct identity *x = a, *y = b;
    int order = strcmp(x->key, y->key);

    if (order == 0)
        order = strcmp(x->term, y->term);
    return order ? order : (x->line > y->line) - (x->line < y->line);
}

/* Fills in who a line is. A course's name that is none makes the line wrong. */
static enum err identify(struct import_table *t, struct import_line *l, struct identity *who)
{
    struct buf name, key;
    const char *course = l->cells[IMPORT_COURSE];
    enum err e;

    buf_init(&name, NAME_BYTES_MAX);
    buf_init(&key, NAME_KEY_BYTES_MAX);
    e = name_course(course, strlen(course), &name, &key);
    if (e == ERR_SYNTAX)
        l->wrong = "that is no name of a course";
    *who = (struct identity){
        .key = arena_strdup(&t->arena, buf_str(&key)), .term = l->cells[IMPORT_TERM] ? l->cells[IMPORT_TERM] : "", .line = l};
    if (e == ERR_SYNTAX)
        e = ERR_OK;
    if (!e && !who->key)
        e = ERR_NOMEM;
    buf_release(&name);
    buf_release(&key);
    return e;
}

/* A course and term that stands twice would be changed at each run, so the second and later ones are refused. */
static enum err find_doubles(struct import_table *t)
{
    struct identity *all = calloc(t->n ? t->n : 1, sizeof *all);
    size_t n = 0;
    enum err e = all ? ERR_OK : ERR_NOMEM;

    for (size_t i = 0; !e && i < t->n; i++) {
        if (!t->lines[i].wrong)
            e = identify(t, &t->lines[i], &all[n]);
        if (!e && !t->lines[i].wrong)
            n++;
    }
    if (!e)
        qsort(all, n, sizeof *all, by_identity);
    for (size_t i = 1; !e && i < n; i++) {
        if (strcmp(all[i - 1].key, all[i].key) == 0 && strcmp(all[i - 1].term, all[i].term) == 0)
            all[i].line->wrong = "this course and term stand in an earlier line too";
    }
    free(all);
    return e;
}

enum err import_table_read(struct import_table *t, const char *text, size_t len)
{
    struct csv csv;
    struct csv_row row;
    enum err e;

    *t = (struct import_table){0};
    arena_init(&t->arena, ARENA_MAX);
    e = csv_init(&csv, text, len);
    if (e)
        return fail(t, 1, csv.why, NULL);
    csv_row_init(&row);
    e = read_rows(t, &csv, &row);
    csv_row_release(&row);
    return e ? e : find_doubles(t);
}

void import_table_release(struct import_table *t)
{
    arena_release(&t->arena);
    free(t->lines);
    t->lines = NULL;
    t->n = t->cap = 0;
}
