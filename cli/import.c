#include "cli/import.h"

#include "cli/api.h"
#include "cli/courses.h"
#include "cli/import_table.h"
#include "cli/upload.h"
#include "lib/base/fs.h"
#include "lib/base/num.h"
#include "lib/base/sig.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define WHY_SIZE 1024

enum outcome { ADDED, CHANGED, UNCHANGED, WAITING, FAILED, OUTCOMES };

static const char *const words[OUTCOMES] = {
    [ADDED] = "added", [CHANGED] = "changed", [UNCHANGED] = "unchanged", [WAITING] = "waiting", [FAILED] = "failed"};
static const char *const would[OUTCOMES] = {[ADDED] = "would be added",
    [CHANGED] = "would be changed",
    [UNCHANGED] = "is unchanged",
    [WAITING] = "would wait",
    [FAILED] = "cannot be shared"};

struct import {
    struct cli *cli;
    const struct import_table *table;
    int dir_fd, dry_run;
    struct progress bar;
    struct json *items; /* of --json */
    size_t count[OUTCOMES];
    enum err first; /* the first line's that failed */
};

/* What became of one line. */
struct result {
    enum outcome outcome;
    uint64_t version; /* 0: none */
    enum err error;
    char why[WHY_SIZE];
};

static enum err fail(struct result *r, enum err e, const char *why)
{
    r->outcome = FAILED;
    r->error = e;
    if (why)
        snprintf(r->why, sizeof r->why, "%s", why);
    return e;
}

/* A cell, or "" where the table has no such column. */
static const char *cell(const struct import_line *l, enum import_column column)
{
    return l->cells[column] ? l->cells[column] : "";
}

/* A column that the table does not have is no reason to change anything. */
static int agrees(const struct json *record, const struct import_line *l, enum import_column column, const char *name)
{
    return !l->cells[column] || strcmp(l->cells[column], courses_text(record, name)) == 0;
}

static int is_same(const struct json *record, const struct import_line *l, const struct upload *u)
{
    char sha256[HASH_HEX_SIZE];

    num_hex(u->sha256, HASH_SIZE, sha256);
    return strcmp(courses_text(record, "sha256"), sha256) == 0 && strcmp(courses_text(record, "filename"), u->filename) == 0 &&
           agrees(record, l, IMPORT_TITLE, "title") && agrees(record, l, IMPORT_INSTRUCTOR, "instructor") &&
           agrees(record, l, IMPORT_NOTE, "note");
}

/* The newest version of the line's term that was not taken down; NULL: none. A line is about its own term, whatever else the course has. */
static const struct json *newest_of_term(const struct json *course, const char *term)
{
    for (const struct json *v = json_first(json_get(course, "versions")); v; v = json_next(v)) {
        if (!json_get_bool(v, "deleted", 1) && strcmp(courses_text(v, "term"), term) == 0)
            return v;
    }
    return NULL;
}

/* Finds out what the line would do. */
static enum err compare(struct import *m, const struct import_line *l, const struct upload *u, struct result *r)
{
    struct client_answer a = {0};
    struct api_call call = {.q = {.method = "GET"}, .quiet = 1};
    struct json *course = NULL;
    struct buf path;
    enum err e;

    buf_init(&path, API_PATH_MAX);
    e = api_path(&path, "/courses/{}", u->course);
    call.path = buf_str(&path);
    if (!e)
        e = api_do(m->cli, &call, &a);
    if (!e)
        e = json_parse(buf_str(&a.body), a.body.len, &course);
    const struct json *before = e ? NULL : newest_of_term(course, cell(l, IMPORT_TERM));
    r->outcome = !before ? ADDED : is_same(before, l, u) ? UNCHANGED : CHANGED;
    r->version = before && r->outcome == UNCHANGED ? courses_number(before) : 0;
    if (e == ERR_NOT_FOUND)
        e = ERR_OK;
    else if (e)
        api_explain(m->cli, e, &a, r->why, sizeof r->why);
    if (e)
        fail(r, e, NULL);
    json_free(course);
    client_answer_release(&a);
    buf_release(&path);
    return e;
}

static enum err share(struct import *m, const struct upload *u, struct result *r)
{
    struct json *answer = NULL;
    enum upload_end end;
    enum err e = upload_send(m->cli, u, NULL, &answer, &end, r->why, sizeof r->why);

    if (e)
        return fail(r, e, NULL);
    r->version = end == UPLOAD_WAITS ? 0 : courses_number(answer);
    r->outcome = end == UPLOAD_WAITS ? WAITING : end == UPLOAD_SAME ? UNCHANGED : r->outcome;
    json_free(answer);
    return ERR_OK;
}

static void do_line(struct import *m, const struct import_line *l, struct result *r)
{
    struct upload u = {.course = l->cells[IMPORT_COURSE],
        .term = l->cells[IMPORT_TERM],
        .title = l->cells[IMPORT_TITLE],
        .instructor = l->cells[IMPORT_INSTRUCTOR],
        .note = l->cells[IMPORT_NOTE],
        .fd = -1};
    const char *why = NULL;
    enum err e;

    *r = (struct result){.outcome = FAILED};
    if (l->wrong) {
        fail(r, ERR_SYNTAX, l->wrong);
        return;
    }
    e = upload_open(&u, m->dir_fd, l->cells[IMPORT_FILE], &why);
    if (e) {
        fail(r, e, why);
        return;
    }
    e = compare(m, l, &u, r);
    if (!e && r->outcome != UNCHANGED && !m->dry_run)
        e = share(m, &u, r);
    (void)e; /* stands in *r */
    upload_close(&u);
}

/* ---- the report */

static void add_item(struct import *m, const struct import_line *l, const struct result *r)
{
    struct json *item = json_object();

    json_set_u64(item, "line", l->line);
    json_set_str(item, "course", cell(l, IMPORT_COURSE));
    json_set_str(item, "term", cell(l, IMPORT_TERM));
    json_set_str(item, "file", cell(l, IMPORT_FILE));
    json_set_str(item, "outcome", words[r->outcome]);
    if (r->version)
        json_set_u64(item, "version", r->version);
    else
        json_set_null(item, "version");
    json_set_str(item, "detail", r->outcome == FAILED ? r->why : NULL);
    json_append(m->items, item);
}

static void report(struct import *m, const struct import_line *l, const struct result *r)
{
    const char *term = cell(l, IMPORT_TERM), *word = m->dry_run ? would[r->outcome] : words[r->outcome];
    char version[40] = "";

    m->count[r->outcome]++;
    if (r->outcome == FAILED && !m->first)
        m->first = r->error;
    if (m->cli->out.json) {
        add_item(m, l, r);
        return;
    }
    progress_hide(&m->bar);
    if (r->version)
        snprintf(version, sizeof version, ", version %" PRIu64, r->version);
    out_say(&m->cli->out, "line %u: %s%s%s: %s%s%s%s", l->line, cell(l, IMPORT_COURSE), *term ? ", " : "", term, word, version,
        r->outcome == FAILED ? ": " : "", r->outcome == FAILED ? r->why : "");
}

static enum err report_all(struct import *m)
{
    struct json *j;
    enum err e;

    char waiting[64] = "";

    if (m->count[WAITING] > 0)
        snprintf(waiting, sizeof waiting, "%zu waiting for a maintainer, ", m->count[WAITING]);
    out_note(&m->cli->out, "%zu added, %zu changed, %zu unchanged, %s%zu failed%s", m->count[ADDED], m->count[CHANGED], m->count[UNCHANGED],
        waiting, m->count[FAILED], m->dry_run ? "; nothing was done (--dry-run)" : "");
    if (!m->cli->out.json)
        return ERR_OK;
    j = json_object();
    json_set(j, "items", m->items);
    m->items = NULL;
    for (size_t i = 0; i < OUTCOMES; i++)
        json_set_u64(j, words[i], m->count[i]);
    json_set_bool(j, "dry_run", m->dry_run);
    e = out_json(&m->cli->out, j);
    json_free(j);
    return e;
}

/* ---- the whole */

/* Lines that were not tried because nobody can be reached any more. Said once; what is done is not done again by the next run. */
static void stop_at(struct import *m, size_t i)
{
    progress_hide(&m->bar);
    if (i + 1 < m->table->n)
        out_note(&m->cli->out, "Stopped at line %u; %zu more lines were not tried. Running it again goes on from there.",
            m->table->lines[i].line, m->table->n - i - 1);
}

static void do_lines(struct import *m)
{
    progress_start(&m->bar, &m->cli->out, "lines", 0, m->table->n);
    m->bar.counts = 1;
    for (size_t i = 0; i < m->table->n; i++) {
        struct result r;
        do_line(m, &m->table->lines[i], &r);
        report(m, &m->table->lines[i], &r);
        if (sig_stopping() || r.error == ERR_UNAVAILABLE || r.error == ERR_TIMEOUT || r.error == ERR_AUTH) {
            stop_at(m, i);
            break;
        }
        progress_move(&m->bar, i + 1, 0);
    }
    progress_hide(&m->bar);
}

static int do_table(struct cli *c, const struct import_table *t, const char *dir, int dry_run)
{
    struct import m = {.cli = c, .table = t, .dry_run = dry_run, .items = json_array()};
    enum err e;

    m.dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (m.dir_fd < 0) {
        e = out_fail(
            &c->out, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: the folder cannot be opened: %s.", dir, strerrordesc_np(errno));
    } else {
        do_lines(&m);
        close(m.dir_fd);
        e = report_all(&m);
    }
    json_free(m.items);
    return cli_exit_code(e ? e : m.first);
}

int import_csv(struct cli *c, const char *csv_path, const char *dir, int dry_run)
{
    struct buf text;
    struct import_table table;
    int code;
    enum err e;

    buf_init(&text, IMPORT_BYTES_MAX);
    e = fs_read_file(csv_path, &text);
    if (e) {
        code = cli_exit_code(out_fail(&c->out, e, "%s: %s.", csv_path,
            e == ERR_NOT_FOUND ? "there is no such file"
            : e == ERR_NOMEM   ? "a table takes at most 16 MiB"
                               : "it cannot be read"));
        buf_release(&text);
        return code;
    }
    e = import_table_read(&table, buf_str(&text), text.len);
    if (e == ERR_SYNTAX)
        code = cli_exit_code(out_fail(&c->out, e, "%s, line %u: %s.", csv_path, table.failed_line, table.why));
    else if (e)
        code = cli_exit_code(out_fail(&c->out, e, "%s", err_text(e)));
    else
        code = do_table(c, &table, dir, dry_run);
    import_table_release(&table);
    buf_release(&text);
    return code;
}
