#include "fcgi/service/audit_view.h"

#include "lib/audit/folder.h"
#include "lib/audit/verify.h"
#include "lib/base/num.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_BYTES (256u << 10) /* that are read at once, going backwards; no line is as long */

/* Behind a line of the log: what is told next ends there. */
struct place {
    size_t file; /* its index in the folder's list */
    uint64_t at; /* bytes */
};

/* One walk over the log, from its end to its beginning. */
struct walk {
    const char *folder;
    struct audit_files files;
    char *window;
    unsigned left; /* lines that are still wanted */
    struct json *items;
};

static int is_told(const struct audit_line *line)
{
    return line->kind == AUDIT_EVENT || line->kind == AUDIT_MORE || line->kind == AUDIT_LOST;
}

static enum err open_file(const struct walk *w, size_t i, FILE **out)
{
    char path[AUDIT_PATH_SIZE];
    enum err e = audit_folder_path(w->folder, w->files.at[i].name, path);
    if (e != ERR_OK)
        return e;
    *out = fopen(path, "re");
    return *out != NULL ? ERR_OK : ERR_GONE;
}

/* ---- where to begin */

/* "AUDIT-….jsonl:<bytes>" */
static enum err find_cursor(const struct walk *w, const char *after, struct place *out)
{
    uint64_t at;
    const char *colon = strrchr(after, ':');
    if (colon == NULL || num_parse_u64(colon + 1, 1u << 30, &at) != ERR_OK || strncmp(after, "AUDIT-", 6) != 0)
        return ERR_SYNTAX;
    for (size_t i = 0; i < w->files.n; i++) {
        const struct audit_file *file = &w->files.at[i];
        if (strlen(file->name) != (size_t)(colon - after) || memcmp(file->name, after, (size_t)(colon - after)) != 0)
            continue;
        if (at > file->bytes)
            return ERR_SYNTAX;
        *out = (struct place){i, at};
        return ERR_OK;
    }
    return ERR_GONE;
}

static enum err find_end(const struct walk *w, struct place *out)
{
    if (w->files.n == 0)
        return ERR_NOT_FOUND;
    *out = (struct place){w->files.n - 1, w->files.at[w->files.n - 1].bytes};
    return ERR_OK;
}

/* ---- going back */

static enum err take_line(struct walk *w, const char *text, size_t len)
{
    struct audit_line line;
    struct json *item = NULL;
    if (audit_line_read(text, len, &line) != ERR_OK || !is_told(&line))
        return ERR_OK;
    enum err e = json_parse(text, len, &item);
    if (e != ERR_OK)
        return e;
    json_append(w->items, item);
    w->left--;
    return ERR_OK;
}

/* Takes lines of the n bytes in the window that end at *end, from the last one back; *end moves to the beginning of the last line that was looked at. `from`: where the window
 * begins in its file; unless that is its beginning, what stands before the first break is the rest of a line. What stands behind the last break is still being written. */
static enum err take_window(struct walk *w, uint64_t from, size_t n, uint64_t *end)
{
    const char *last = memrchr(w->window, '\n', n);
    enum err e = ERR_OK;
    while (last != NULL && w->left > 0 && e == ERR_OK) {
        const char *before = memrchr(w->window, '\n', (size_t)(last - w->window));
        if (before == NULL && from > 0)
            break;
        const char *begin = before != NULL ? before + 1 : w->window;
        e = take_line(w, begin, (size_t)(last - begin));
        *end = from + (uint64_t)(begin - w->window);
        last = before;
    }
    return e;
}

/* Takes lines of an open file, from p back to its beginning or until there are enough. */
static enum err take_back(struct walk *w, FILE *f, struct place *p)
{
    while (w->left > 0 && p->at > 0) {
        uint64_t from = p->at > WINDOW_BYTES ? p->at - WINDOW_BYTES : 0, end = p->at;
        size_t want = (size_t)(p->at - from);
        if (fseek(f, (long)from, SEEK_SET) != 0 || fread(w->window, 1, want, f) != want)
            return ERR_IO;
        enum err e = take_window(w, from, want, &end);
        if (e != ERR_OK)
            return e;
        p->at = end < p->at ? end : from; /* no line in all of it: somebody put it there, and it is passed over */
    }
    return ERR_OK;
}

static enum err take_file(struct walk *w, struct place *p)
{
    FILE *f;
    enum err e = open_file(w, p->file, &f);
    if (e != ERR_OK)
        return e;
    e = take_back(w, f, p);
    fclose(f);
    return e;
}

static enum err walk_back(struct walk *w, const char *after, char *next)
{
    struct place p;
    enum err e = after != NULL ? find_cursor(w, after, &p) : find_end(w, &p);
    if (e != ERR_OK)
        return e == ERR_NOT_FOUND ? ERR_OK : e;
    for (;;) {
        e = take_file(w, &p);
        if (e == ERR_GONE)
            return ERR_OK; /* dropped just now, and all before it */
        if (e != ERR_OK)
            return e;
        if (p.at == 0 && p.file > 0)
            p = (struct place){p.file - 1, w->files.at[p.file - 1].bytes};
        else if (p.at == 0)
            return ERR_OK;
        if (w->left == 0)
            break;
    }
    snprintf(next, AUDIT_VIEW_CURSOR_SIZE, "%s:%llu", w->files.at[p.file].name, (unsigned long long)p.at);
    return ERR_OK;
}

static enum err list_files(struct worker *w, const char **folder, struct audit_files *files)
{
    *folder = arena_printf(&w->arena, "%s/audit", w->app->settings.data);
    return *folder != NULL ? audit_folder_list(*folder, files) : ERR_NOMEM;
}

enum err audit_view_read(struct worker *w, const char *after, unsigned limit, struct json *items, char next[AUDIT_VIEW_CURSOR_SIZE])
{
    struct walk walk = {.left = limit, .items = items};
    *next = '\0';
    enum err e = list_files(w, &walk.folder, &walk.files);
    if (e != ERR_OK)
        return e;
    walk.window = malloc(WINDOW_BYTES);
    e = walk.window != NULL ? walk_back(&walk, after, next) : ERR_NOMEM;
    free(walk.window);
    audit_files_release(&walk.files);
    return e;
}

/* ---- whether it is still what was written */

static void add_finding(void *ctx, const struct audit_finding *f)
{
    struct json *findings = ctx, *j;
    if (json_count(findings) >= AUDIT_VIEW_FINDINGS_MAX)
        return;
    const char *slash = strrchr(f->file, '/');
    j = json_object();
    json_set_str(j, "file", slash != NULL ? slash + 1 : f->file);
    json_set_u64(j, "line", f->line);
    json_set_str(j, "fault", audit_fault_word(f->fault));
    json_set_str(j, "text", f->text);
    json_append(findings, j);
}

static struct json *told(const struct audit_verified *v, int all, struct json *findings)
{
    struct json *j = json_object();
    json_set_bool(j, "whole", v->findings == 0);
    json_set_bool(j, "all", all);
    json_set_u64(j, "files", v->files);
    json_set_u64(j, "lines", v->lines);
    json_set_u64(j, "missing", v->lost);
    json_set(j, "findings", findings);
    json_set_u64(j, "findings_all", v->findings);
    return j;
}

/* The first of the newest files that fit together. */
static size_t find_first(const struct audit_files *files)
{
    size_t i = files->n;
    for (uint64_t bytes = 0; i > 0; i--) {
        bytes += files->at[i - 1].bytes;
        if (bytes > AUDIT_VIEW_VERIFY_BYTES && i < files->n)
            break;
    }
    return i;
}

static enum err verify_files(struct worker *w, const char *folder, const struct audit_files *files, struct json **out)
{
    size_t first = find_first(files), n = files->n - first;
    struct json *findings = json_array();
    struct audit_verified v;
    struct audit_verify_settings s = {.master = w->app->key.bytes, .is_part = first > 0, .found = add_finding, .ctx = findings};
    const char **paths = arena_alloc(&w->arena, (n + 1) * sizeof(*paths));
    enum err e = paths != NULL ? ERR_OK : ERR_NOMEM;
    for (size_t i = 0; e == ERR_OK && i < n; i++) {
        paths[i] = arena_printf(&w->arena, "%s/%s", folder, files->at[first + i].name);
        e = paths[i] != NULL ? ERR_OK : ERR_NOMEM;
    }
    if (e == ERR_OK)
        e = audit_verify(&s, paths, n, &v);
    if (e == ERR_OK)
        *out = told(&v, first == 0, findings);
    else
        json_free(findings);
    return e == ERR_NOT_FOUND ? ERR_UNAVAILABLE : e;
}

enum err audit_view_verify(struct worker *w, struct json **out)
{
    struct audit_files files;
    const char *folder;
    enum err e = list_files(w, &folder, &files);
    if (e != ERR_OK)
        return e;
    e = verify_files(w, folder, &files, out);
    audit_files_release(&files);
    return e;
}
