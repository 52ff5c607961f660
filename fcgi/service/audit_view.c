#include "fcgi/service/audit_view.h"

#include "lib/audit/folder.h"
#include "lib/base/num.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAIL_BYTES (1L << 20) /* of a file that are looked at from its end: hundreds of lines for each that is wanted */

/* A place in the log. */
struct place {
    size_t file; /* its index in the folder's list */
    long at;     /* bytes */
};

/* One walk over the log. */
struct walk {
    const char *folder;
    struct audit_files files;
    char *line; /* getline's */
    size_t room;
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

/* The next whole line, read into w->line; 0 at the end: a last line without its break is still being written. */
static size_t next_line(struct walk *w, FILE *f)
{
    ssize_t n = getline(&w->line, &w->room, f);
    return n > 0 && w->line[n - 1] == '\n' ? (size_t)n : 0;
}

/* Finds where the last `wanted` lines of a file begin; wanted is lowered by those that it has. */
static enum err seek_back(struct walk *w, struct place *p, unsigned *wanted)
{
    FILE *f;
    long begins[256];
    size_t n = 0, len;
    enum err e = open_file(w, p->file, &f);
    if (e != ERR_OK)
        return e;
    long size = fseek(f, 0, SEEK_END) == 0 ? ftell(f) : 0, at = size > TAIL_BYTES ? size - TAIL_BYTES : 0;
    fseek(f, at, SEEK_SET);
    if (at > 0)
        at += (long)next_line(w, f); /* the rest of a line */
    p->at = at;
    for (; (len = next_line(w, f)) > 0; at += (long)len) {
        struct audit_line line;
        if (audit_line_read(w->line, len - 1, &line) == ERR_OK && is_told(&line))
            begins[n++ % 256] = at;
    }
    if (n >= *wanted)
        p->at = begins[(n - *wanted) % 256];
    *wanted -= n >= *wanted ? *wanted : (unsigned)n;
    fclose(f);
    return ERR_OK;
}

/* Where the newest `limit` lines begin, over as many files as that takes. */
static enum err find_newest(struct walk *w, unsigned limit, struct place *out)
{
    unsigned wanted = limit;
    *out = (struct place){0};
    for (size_t i = w->files.n; i-- > 0 && wanted > 0;) {
        struct place p = {.file = i};
        enum err e = seek_back(w, &p, &wanted);
        if (e == ERR_GONE)
            return ERR_OK; /* dropped just now: begin behind it */
        if (e != ERR_OK)
            return e;
        *out = p;
    }
    return ERR_OK;
}

/* "AUDIT-….jsonl:<bytes>" */
static enum err find_cursor(const struct walk *w, const char *after, struct place *out)
{
    uint64_t at;
    const char *colon = strrchr(after, ':');
    if (colon == NULL || num_parse_u64(colon + 1, 1u << 30, &at) != ERR_OK || strncmp(after, "AUDIT-", 6) != 0)
        return ERR_SYNTAX;
    for (size_t i = 0; i < w->files.n; i++) {
        if (strlen(w->files.at[i].name) == (size_t)(colon - after) && memcmp(w->files.at[i].name, after, (size_t)(colon - after)) == 0) {
            *out = (struct place){i, (long)at};
            return ERR_OK;
        }
    }
    return ERR_GONE;
}

/* Appends lines of one file from p on; p ends behind the last one that was looked at. */
static enum err take(struct walk *w, struct place *p, unsigned *left, struct json *items)
{
    FILE *f;
    size_t len = 0;
    enum err e = open_file(w, p->file, &f);
    if (e != ERR_OK)
        return e;
    fseek(f, p->at, SEEK_SET);
    while (e == ERR_OK && *left > 0 && (len = next_line(w, f)) > 0) {
        struct audit_line line;
        struct json *item = NULL;
        p->at += (long)len;
        if (audit_line_read(w->line, len - 1, &line) != ERR_OK || !is_told(&line))
            continue;
        e = json_parse(w->line, len - 1, &item);
        if (e == ERR_OK)
            json_append(items, item);
        --*left;
    }
    fclose(f);
    return e;
}

static enum err walk_on(struct walk *w, const char *after, unsigned limit, struct json *items, char *next)
{
    struct place p;
    enum err e = after != NULL ? find_cursor(w, after, &p) : find_newest(w, limit, &p);
    if (e != ERR_OK || w->files.n == 0)
        return e;
    for (;;) {
        e = take(w, &p, &limit, items);
        if (e != ERR_OK || limit == 0 || p.file + 1 == w->files.n)
            break;
        p = (struct place){.file = p.file + 1};
    }
    snprintf(next, AUDIT_VIEW_CURSOR_SIZE, "%s:%ld", w->files.at[p.file].name, p.at);
    return e;
}

enum err audit_view_read(struct worker *w, const char *after, unsigned limit, struct json *items, char next[AUDIT_VIEW_CURSOR_SIZE])
{
    struct walk walk = {.folder = arena_printf(&w->arena, "%s/audit", w->app->settings.data)};
    *next = '\0';
    enum err e = walk.folder != NULL ? audit_folder_list(walk.folder, &walk.files) : ERR_NOMEM;
    if (e != ERR_OK)
        return e;
    e = walk_on(&walk, after, limit, items, next);
    free(walk.line);
    audit_files_release(&walk.files);
    return e;
}
