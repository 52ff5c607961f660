#include "fcgi/service/read.h"

#include "fcgi/service/capability.h"
#include "fcgi/service/known.h"
#include "fcgi/service/sources.h"
#include "lib/base/log.h"
#include "lib/name/name.h"

#include <stdio.h>
#include <string.h>

#define READ_BUDGET_MS 1500u

/* ---- which record */

/* Terms are the same when their keys are: "2026 Fall" and "2026-fall". */
static int same_term(const char *a, const char *b)
{
    struct buf x, y;
    buf_init(&x, NAME_KEY_BYTES_MAX * 4);
    buf_init(&y, NAME_KEY_BYTES_MAX * 4);
    int same = name_key(a, strlen(a), &x) == ERR_OK && name_key(b, strlen(b), &y) == ERR_OK && strcmp(buf_str(&x), buf_str(&y)) == 0;
    buf_release(&x);
    buf_release(&y);
    return same;
}

/* Picks the record that the target means. ERR_GONE: it is deleted. ERR_NOT_FOUND: not in this history. */
static enum err pick(const struct history *h, const struct read_target *t, size_t *at)
{
    if (t->version != NULL) {
        enum err e = history_find_version(h, t->version, at);
        if (e != ERR_OK)
            return e;
        return history_is_live(h, *at) ? ERR_OK : ERR_GONE;
    }
    if (t->term != NULL) {
        for (size_t i = h->n; i > 0; i--)
            if (history_is_live(h, i - 1) && same_term(h->entries[i - 1].record.term, t->term)) {
                *at = i - 1;
                return ERR_OK;
            }
        return ERR_NOT_FOUND;
    }
    const struct record *current = history_current(h);
    if (current == NULL)
        return ERR_NOT_FOUND;
    *at = (size_t)(history_find(h, current->id) - h->entries);
    return record_is_tombstone(current) ? ERR_GONE : ERR_OK;
}

static enum err take(const struct history *h, size_t at, struct read_bytes *out)
{
    out->version = history_version(h, at);
    return record_copy(&out->record, &h->entries[at].record);
}

/* By the index alone: one round trip. ERR_NOT_FOUND and ERR_UNAVAILABLE send the caller to the owners: a miss may be the index's fault. A number is not looked up here:
 * an index that is being filled again counts from where it is. */
static enum err by_index(struct worker *w, const struct read_target *t, struct read_bytes *out)
{
    struct store *s = worker_store(w);
    struct stamp id;
    if (s == NULL || (t->version != NULL && stamp_parse(t->version, &id) != ERR_OK))
        return ERR_UNAVAILABLE;
    if (t->version == NULL && t->term == NULL) {
        uint64_t versions;
        enum err e = worker_store_said(w, index_current(s, t->key, &out->record, &versions));
        if (e != ERR_OK || !record_is_tombstone(&out->record))
            return e;
        record_release(&out->record);
        return ERR_GONE;
    }
    struct history h;
    size_t at;
    history_init(&h);
    enum err e = worker_store_said(w, index_history(s, t->key, &h));
    if (e == ERR_OK)
        e = pick(&h, t, &at);
    if (e == ERR_OK)
        e = take(&h, at, out);
    history_release(&h);
    return e;
}

static enum err by_owners(struct quorum *q, const struct read_target *t, struct read_bytes *out, struct known *known)
{
    enum err e = known_read(q, known);
    size_t at;
    if (e != ERR_OK)
        return e;
    e = pick(&known->history, t, &at);
    if (e == ERR_OK)
        return take(&known->history, at, out);
    return e == ERR_NOT_FOUND ? known_absence(known) : e;
}

/* ---- where its bytes are */

static enum err add_source(struct quorum *q, size_t owner, const struct record *r, struct read_source *out)
{
    const struct view_owner *o = &q->owners.at[owner];
    struct arena *a = &q->w->arena;
    char what[6 + HASH_HEX_SIZE];
    snprintf(what, sizeof(what), "blob:%s", r->sha256);
    enum err e = capability_address(q->w->app->tls, o->node->url, out->address);
    if (e == ERR_OK)
        e = capability_make(q->w->app, q->view, o->member->id, what, out->capability);
    if (e != ERR_OK)
        return e;
    out->node = arena_strdup(a, o->member->id);
    out->name = arena_strdup(a, o->member->name);
    out->url = arena_strdup(a, o->node->url);
    return out->node == NULL || out->name == NULL || out->url == NULL ? ERR_NOMEM : ERR_OK;
}

static enum err fill_sources(struct quorum *q, const struct known *known, struct read_bytes *out)
{
    struct source sources[OWNERS_MAX];
    enum blob_state states[OWNERS_MAX];
    size_t n = 0;
    for (size_t i = 0; known != NULL && i < q->owners.n; i++)
        states[i] = pull_blob_state(&known->pulled.replies[i], out->record.id, NULL);
    size_t found = sources_find(q, known == NULL ? NULL : states, sources);
    sources_sort(sources, found, READ_SOURCES);
    if (sources_are_doubtful(sources, found))
        sources_race(q, out->record.sha256, sources, found);
    for (size_t i = 0; i < found && n < READ_SOURCES; i++) {
        enum err e = add_source(q, sources[i].owner, &out->record, &out->sources[n]);
        if (e == ERR_NOMEM)
            return e;
        n += e == ERR_OK;
    }
    out->n_sources = n;
    if (n == 0)
        return ERR_UNAVAILABLE;
    for (; n < READ_SOURCES; n++)
        out->sources[n] = out->sources[n - 1];
    return ERR_OK;
}

enum err read_bytes(struct worker *w, const struct read_target *t, struct read_bytes *out)
{
    struct quorum q;
    struct known known;
    int asked = 0;
    memset(out, 0, sizeof(*out));
    memset(&known, 0, sizeof(known));
    enum err e = quorum_open(w, t->key, READ_BUDGET_MS, &q);
    if (e != ERR_OK)
        return e;
    e = by_index(w, t, out);
    if (e != ERR_OK && e != ERR_GONE && e != ERR_NOMEM) {
        asked = 1;
        e = by_owners(&q, t, out, &known);
    }
    if (e == ERR_OK)
        e = fill_sources(&q, asked ? &known : NULL, out);
    if (e != ERR_OK)
        read_bytes_release(out);
    known_release(&known);
    quorum_close(&q);
    return e;
}

void read_bytes_release(struct read_bytes *b)
{
    record_release(&b->record);
    memset(&b->record, 0, sizeof(b->record));
}

enum err course_list(
    struct worker *w, const char *q, const char *term, enum index_sort sort, const char *cursor, unsigned limit, struct index_page *out)
{
    struct store *s = worker_store(w);
    if (s == NULL)
        return ERR_UNAVAILABLE;
    enum err e = worker_store_said(w, index_list(s, q, term, sort, cursor, limit, out));
    return e == ERR_TIMEOUT ? ERR_UNAVAILABLE : e;
}
