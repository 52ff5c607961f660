#include "lib/audit/internal.h"

#include "lib/base/num.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const words[] = {
    [AUDIT_CHANGED] = "changed",
    [AUDIT_MISSING] = "missing",
    [AUDIT_MOVED] = "moved",
    [AUDIT_CUT] = "cut",
    [AUDIT_REWRITTEN] = "rewritten",
    [AUDIT_GONE] = "gone",
};

const char *audit_fault_word(enum audit_fault fault)
{
    return words[fault];
}

void verify_found(struct verify *v, const char *file, uint64_t line, enum audit_fault fault, const char *fmt, ...)
{
    struct audit_finding f = {.file = file, .line = line, .fault = fault};
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(f.text, sizeof f.text, fmt, ap);
    va_end(ap);
    v->result->findings++;
    if (v->settings->found)
        v->settings->found(v->settings->ctx, &f);
}

enum err verify_first_key(const struct verify *v, const char *process, uint64_t start, const char *chain, struct audit_key *out)
{
    uint8_t seed[AUDIT_KEY_SIZE];
    if (start > AUDIT_STARTS_MAX || !audit_process_ok(process))
        return ERR_INVALID;
    audit_seed_first(v->settings->master, process, seed);
    for (uint64_t i = 0; i < start; i++)
        audit_seed_next(seed);
    audit_key_first(seed, chain, out);
    explicit_bzero(seed, sizeof seed);
    return ERR_OK;
}

enum err points_add(struct points *p, const struct point *one)
{
    struct point *at = reallocarray(p->at, p->n + 1, sizeof *at);
    if (!at)
        return ERR_NOMEM;
    p->at = at;
    p->at[p->n++] = *one;
    return ERR_OK;
}

/* ---- files */

/* Lines up to the end; what has no line break there is unfinished. */
static enum err read_lines(struct verify *v, FILE *f)
{
    static const size_t longest = 1u << 20; /* far above any line: a file of another kind */
    char *text = NULL;
    size_t room = 0;
    enum err e = ERR_OK;
    v->result->unfinished_bytes = 0;
    for (ssize_t len = getline(&text, &room, f); len > 0 && !e; len = getline(&text, &room, f)) {
        if (text[len - 1] != '\n') {
            v->result->unfinished_bytes = (uint64_t)len;
            break;
        }
        v->line++;
        e = (size_t)len > longest ? ERR_TOO_LARGE : verify_line(v, text, (size_t)len - 1);
    }
    free(text);
    return e ? e : ferror(f) ? ERR_IO : ERR_OK;
}

static enum err read_file(struct verify *v, const char *path)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return errno == ENOENT ? ERR_NOT_FOUND : errno == EACCES ? ERR_DENIED : ERR_IO;
    v->path = path;
    v->line = 0;
    v->blind = 0;
    v->result->files++;
    enum err e = read_lines(v, f);
    fclose(f);
    return e;
}

/* ---- the end */

static int was_dropped(const struct verify *v, const struct point *p)
{
    for (size_t i = 0; i < v->dropped.n; i++) {
        const struct point *d = &v->dropped.at[i];
        if (d->n == p->n && strcmp(d->chain, p->chain) == 0 && hash_equal(d->h, p->h, sizeof d->h))
            return 1;
    }
    return 0;
}

/* What lines refer to and is not here must have been dropped, by a line that says so. */
static void judge_doubts(struct verify *v)
{
    for (size_t i = 0; i < v->n_doubts; i++) {
        const struct doubt *d = &v->doubts[i];
        if (!was_dropped(v, &d->last))
            verify_found(v, d->file, d->line, AUDIT_GONE,
                "the lines before it are gone, up to line n = %llu of chain %s, and no line says that they were dropped",
                (unsigned long long)d->last.n, d->last.chain);
    }
}

enum err audit_verify(const struct audit_verify_settings *settings, const char *const *paths, size_t n, struct audit_verified *out)
{
    struct verify *v = calloc(1, sizeof *v);
    if (!v)
        return ERR_NOMEM;
    *out = (struct audit_verified){.files = 0};
    v->settings = settings;
    v->result = out;
    verify_heads_begin(v);
    enum err e = ERR_OK;
    for (size_t i = 0; i < n && !e; i++)
        e = read_file(v, paths[i]);
    if (!e) {
        verify_chain_end(v);
        if (!settings->is_part) {
            judge_doubts(v);
            verify_heads_end(v);
        }
    }
    explicit_bzero(&v->key, sizeof v->key);
    free(v->dropped.at);
    free(v->chains.at);
    free(v->doubts);
    free(v);
    return e;
}
