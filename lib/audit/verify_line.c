/* The verifier's steps from line to line. A line that is wrong is named, and then believed in what it says of its own h, so that one harm is one finding and not all that follows. */
#include "lib/audit/internal.h"

#include "lib/base/num.h"

#include <stdlib.h>
#include <string.h>

#define AFTER_SIZE 160u

static void stand_on(struct verify *v, const struct audit_line *line)
{
    v->last.n = line->n;
    memcpy(v->last.h, line->h, sizeof line->h);
    v->knows_h = 1;
    v->last_line = v->line;
    if (strcmp(v->last_path, v->path) != 0) {
        size_t len = strlen(v->path);
        len = len < sizeof v->last_path ? len : sizeof v->last_path - 1;
        memcpy(v->last_path, v->path, len);
        v->last_path[len] = '\0';
    }
    memcpy(v->result->newest, line->at, sizeof line->at);
}

static enum err doubt(struct verify *v, const struct point *last)
{
    struct doubt *at = reallocarray(v->doubts, v->n_doubts + 1, sizeof *at);
    if (!at)
        return ERR_NOMEM;
    v->doubts = at;
    struct doubt *d = &v->doubts[v->n_doubts++];
    *d = (struct doubt){.last = *last, .line = v->line};
    size_t len = strlen(v->path);
    memcpy(d->file, v->path, len < sizeof d->file ? len : sizeof d->file - 1);
    return ERR_OK;
}

/* ---- one line under its key */

/* Whether h fits, with the key of the step that the line names. The key only goes on with a line that is good. */
static int fits(struct verify *v, const struct audit_line *line, const char *text)
{
    struct audit_key key = v->key;
    uint8_t h[HASH_SIZE];
    /* Each step of the key has a line of its own, so there are no more of them than lines; and nobody makes us take a million steps for each line. */
    if (line->n < v->good_n || line->k < key.k || line->k - key.k > line->n - v->good_n || audit_key_reach(&key, line->k) != ERR_OK)
        return 0;
    audit_key_line(&key, v->last.h, text, line->text_len, h);
    int good = hash_equal(h, line->h, sizeof h);
    if (good) {
        v->key = key;
        v->good_n = line->n;
    }
    explicit_bzero(&key, sizeof key);
    return good;
}

/* A line that says so may take older files away. */
static enum err note_drop(struct verify *v, const struct audit_line *line)
{
    struct point p = {.n = 0};
    char h[HASH_HEX_SIZE];
    if (audit_line_copy(line, "chain", p.chain, sizeof p.chain) || audit_line_number(line, "last", &p.n) ||
        audit_line_copy(line, "h_last", h, sizeof h) || num_unhex(h, p.h, sizeof p.h))
        return ERR_OK;
    return points_add(&v->dropped, &p);
}

static void count(struct verify *v, const struct audit_line *line)
{
    uint64_t number = 0;
    v->result->lines++;
    v->result->events += line->kind == AUDIT_EVENT;
    if (audit_line_number(line, "count", &number) != ERR_OK)
        return;
    if (line->kind == AUDIT_LOST)
        v->result->lost += number;
    if (line->kind == AUDIT_MORE)
        v->result->more += number;
}

/* A line in its place, its h against the one before. */
static enum err check(struct verify *v, const struct audit_line *line, const char *text)
{
    enum err e = ERR_OK;
    count(v, line);
    if (v->knows_h) {
        if (!fits(v, line, text))
            verify_found(
                v, v->path, v->line, AUDIT_CHANGED, "line n = %llu was changed: its h does not fit it", (unsigned long long)line->n);
        else if (line->kind == AUDIT_DROP)
            e = note_drop(v, line);
    }
    verify_heads_line(v, line);
    stand_on(v, line);
    return e;
}

/* ---- the first line of a file */

/* The chain that this line begins or goes on with. */
static enum err enter(struct verify *v, const struct audit_line *line)
{
    char process[AUDIT_PROCESS_SIZE];
    struct point chain = {.n = 0};
    uint64_t start;
    verify_chain_end(v);
    v->has_chain = 0;
    if (audit_line_copy(line, "process", process, sizeof process) || audit_line_copy(line, "chain", chain.chain, sizeof chain.chain) ||
        audit_line_number(line, "start", &start) || verify_first_key(v, process, start, chain.chain, &v->key))
        return ERR_INVALID;
    memcpy(v->last.chain, chain.chain, sizeof chain.chain);
    v->has_chain = 1;
    v->good_n = 0;
    v->result->chains++;
    if (v->result->process[0] == '\0')
        memcpy(v->result->process, process, sizeof process);
    else if (strcmp(v->result->process, process) != 0)
        verify_found(v, v->path, v->line, AUDIT_MOVED, "this chain is of %s, and the one before of %s", process, v->result->process);
    verify_heads_chain(v);
    return points_add(&v->chains, &chain);
}

/* "chain:n:h". ERR_NOT_FOUND: "". */
static enum err read_after(const struct audit_line *line, struct point *out)
{
    char text[AFTER_SIZE], *n, *h;
    if (audit_line_copy(line, "after", text, sizeof text))
        return ERR_SYNTAX;
    if (text[0] == '\0')
        return ERR_NOT_FOUND;
    n = strchr(text, ':');
    h = n ? strchr(n + 1, ':') : NULL;
    if (!h)
        return ERR_SYNTAX;
    *n++ = *h++ = '\0';
    if (!num_is_hex(text, AUDIT_CHAIN_SIZE - 1) || num_parse_u64(n, AUDIT_NUMBER_MAX, &out->n) || num_unhex(h, out->h, sizeof out->h))
        return ERR_SYNTAX;
    memcpy(out->chain, text, AUDIT_CHAIN_SIZE);
    return ERR_OK;
}

/* Whether the chain before ended where the process found its end when it started. */
static enum err compare_ends(struct verify *v, const struct point *seen, const struct point *told)
{
    if (strcmp(seen->chain, told->chain) != 0)
        return doubt(v, told);
    if (told->n > seen->n)
        verify_found(v, v->last_path, v->last_line, AUDIT_CUT,
            "lines n = %llu to %llu are missing behind it: the next start found them there", (unsigned long long)seen->n + 1,
            (unsigned long long)told->n);
    else if (told->n < seen->n)
        verify_found(v, v->last_path, v->last_line, AUDIT_MOVED, "lines n = %llu to %llu were put in after the next start",
            (unsigned long long)told->n + 1, (unsigned long long)seen->n);
    else if (!hash_equal(told->h, seen->h, sizeof told->h))
        verify_found(
            v, v->last_path, v->last_line, AUDIT_CHANGED, "the next start found another line n = %llu there", (unsigned long long)told->n);
    return ERR_OK;
}

static enum err start_chain(struct verify *v, const struct audit_line *line, const char *text)
{
    struct point seen = v->last, told = {.n = 0};
    int had_chain = v->has_chain;
    uint64_t start = 0;
    enum err e = read_after(line, &told);
    if (e == ERR_OK)
        e = had_chain ? compare_ends(v, &seen, &told) : v->settings->is_part ? ERR_OK : doubt(v, &told);
    else if (e == ERR_NOT_FOUND && audit_line_number(line, "start", &start) == ERR_OK && (had_chain || start > 0))
        verify_found(v, v->path, v->line, AUDIT_GONE, "this is start %llu of the process, and it found nothing of the log before",
            (unsigned long long)start);
    else if (e == ERR_SYNTAX)
        verify_found(v, v->path, v->line, AUDIT_CHANGED, "it does not say which line was the last one before it");
    if (e == ERR_NOMEM)
        return e;
    e = enter(v, line);
    if (e == ERR_NOMEM)
        return e;
    v->last.n = 0;
    memset(v->last.h, 0, sizeof v->last.h);
    v->knows_h = 1;
    if (!e && line->n == 1)
        return check(v, line, text);
    verify_found(v, v->path, v->line, AUDIT_CHANGED, "the first line of the chain was changed");
    stand_on(v, line);
    return ERR_OK;
}

/* A later file: of the present chain, or of one whose beginning is not here. */
static enum err continue_chain(struct verify *v, const struct audit_line *line, const char *text)
{
    char chain[AUDIT_CHAIN_SIZE], before[HASH_HEX_SIZE];
    struct point told = {.n = line->n ? line->n - 1 : 0};
    enum err e = ERR_OK;
    if (audit_line_copy(line, "chain", chain, sizeof chain) || audit_line_copy(line, "before", before, sizeof before) ||
        num_unhex(before, told.h, sizeof told.h))
        return ERR_OK;
    memcpy(told.chain, chain, sizeof chain);
    if (v->has_chain && strcmp(chain, v->last.chain) == 0) {
        if (told.n > v->last.n)
            verify_found(v, v->path, v->line, AUDIT_MISSING, "lines n = %llu to %llu are missing before it",
                (unsigned long long)v->last.n + 1, (unsigned long long)told.n);
        else if (v->knows_h && told.n == v->last.n && !hash_equal(told.h, v->last.h, sizeof told.h))
            verify_found(
                v, v->last_path, v->last_line, AUDIT_CHANGED, "the next file stands on another line n = %llu", (unsigned long long)told.n);
    } else {
        e = v->settings->is_part ? ERR_OK : doubt(v, &told);
        if (!e)
            e = enter(v, line);
        if (e == ERR_NOMEM)
            return e;
    }
    v->last.n = told.n;
    memcpy(v->last.h, told.h, sizeof told.h);
    v->knows_h = !e;
    if (!e)
        return check(v, line, text);
    verify_found(v, v->path, v->line, AUDIT_CHANGED, "the first line of this file was changed");
    return ERR_OK;
}

/* ---- any line */

/* What stands at the end of a line that is broken somewhere else. */
static int salvage_h(const char *text, size_t len, uint8_t out[HASH_SIZE])
{
    static const char before[] = ",\"h\":\"", behind[] = "\"}";
    size_t tail = sizeof before - 1 + HASH_HEX_SIZE - 1 + sizeof behind - 1;
    char hex[HASH_HEX_SIZE] = {0};
    if (len < tail || memcmp(text + len - tail, before, sizeof before - 1) != 0)
        return 0;
    memcpy(hex, text + len - tail + sizeof before - 1, sizeof hex - 1);
    return num_unhex(hex, out, HASH_SIZE) == ERR_OK;
}

static void unreadable(struct verify *v, const char *text, size_t len)
{
    v->result->lines++;
    verify_found(v, v->path, v->line, AUDIT_CHANGED, "this is no line of an audit log: it was changed");
    v->last.n++; /* most likely it was the next one */
    v->knows_h = v->has_chain && salvage_h(text, len, v->last.h);
    v->last_line = v->line;
}

/* Whether it is the next one, or one further on. A line from before stands there for no good. */
static int is_in_order(struct verify *v, const struct audit_line *line)
{
    if (line->n <= v->last.n) {
        v->result->lines++;
        verify_found(v, v->path, v->line, AUDIT_MOVED, "line n = %llu stands behind n = %llu: it was moved here or put in",
            (unsigned long long)line->n, (unsigned long long)v->last.n);
        return 0;
    }
    if (line->n == v->last.n + 1)
        return 1;
    if (line->n == v->last.n + 2)
        verify_found(v, v->path, v->line, AUDIT_MISSING, "line n = %llu is missing before it", (unsigned long long)line->n - 1);
    else
        verify_found(v, v->path, v->line, AUDIT_MISSING, "lines n = %llu to %llu are missing before it", (unsigned long long)v->last.n + 1,
            (unsigned long long)line->n - 1);
    v->knows_h = 0;
    return 1;
}

enum err verify_line(struct verify *v, const char *text, size_t len)
{
    struct audit_line line;
    if (audit_line_read(text, len, &line) != ERR_OK) {
        unreadable(v, text, len);
        return ERR_OK;
    }
    int is_first = line.kind == AUDIT_START || line.kind == AUDIT_FILE;
    if (is_first && v->line == 1)
        return line.kind == AUDIT_START ? start_chain(v, &line, text) : continue_chain(v, &line, text);
    if (is_first) {
        v->result->lines++;
        verify_found(v, v->path, v->line, AUDIT_MOVED, "the first line of a file stands within one");
        return ERR_OK;
    }
    if (v->line == 1)
        verify_found(v, v->path, v->line, AUDIT_MISSING, "the first line of this file is missing");
    if (!v->has_chain) {
        if (!v->blind && v->line > 1)
            verify_found(v, v->path, v->line, AUDIT_CHANGED, "without its chain's first line nothing here can be checked");
        v->blind = 1;
        v->result->lines++;
        return ERR_OK;
    }
    return is_in_order(v, &line) ? check(v, &line, text) : ERR_OK;
}

void verify_chain_end(struct verify *v)
{
    if (v->has_chain)
        verify_heads_chain_end(v);
}
