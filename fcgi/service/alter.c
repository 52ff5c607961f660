/* Deletes and restores: changes made of a version that is there already. */
#include "fcgi/service/upload.h"

#include "fcgi/service/commit.h"

#include <assert.h>
#include <string.h>

/* One such change under way. */
struct alter {
    const struct delete_input *in;
    enum record_kind kind;
    struct known known;
    struct payload payload;
    struct change change;
};

static enum err copy_strings(const struct record *from, const char *uploader, int with_fields, struct record *to)
{
    const struct {
        char **field;
        const char *value;
        int always;
    } strings[] = {{&to->course, from->course, 1}, {&to->key, from->key, 1}, {&to->uploader, uploader == NULL ? "" : uploader, 1},
        {&to->term, from->term, 0}, {&to->title, from->title, 0}, {&to->instructor, from->instructor, 0}, {&to->note, from->note, 0},
        {&to->filename, from->filename, 0}, {&to->type, from->type, 0}};
    enum err e = ERR_OK;
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]) && e == ERR_OK; i++)
        if (strings[i].always || with_fields)
            e = record_set(strings[i].field, strings[i].value);
    return e;
}

static int has_version(const struct alter *a)
{
    return a->in->version != NULL && a->in->version[0] != '\0';
}

/* ---- which version */

/* What an erasure of one version is about: any that is not erased yet, also one that is deleted or an attempt that another superseded, whose bytes are still there. */
static enum err find_to_erase(const struct alter *a, const struct record **out)
{
    const struct history *h = &a->known.history;
    struct stamp id;
    const struct history_entry *entry = stamp_parse(a->in->version, &id) == ERR_OK ? history_find(h, id) : NULL;
    if (entry == NULL)
        return known_absence(&a->known);
    *out = &entry->record;
    return record_is_tombstone(&entry->record) || history_is_erased(h, (size_t)(entry - h->entries)) ? ERR_NOT_FOUND : ERR_OK;
}

/* What a delete is about: a live version, or for the whole course the current one. */
static enum err find_to_delete(const struct alter *a, const struct record **out)
{
    const struct history *h = &a->known.history;
    if (has_version(a) && a->in->erase)
        return find_to_erase(a, out);
    if (has_version(a)) {
        size_t at;
        if (history_find_version(h, a->in->version, &at) != ERR_OK)
            return known_absence(&a->known);
        *out = &h->entries[at].record;
        return history_is_live(h, at) ? ERR_OK : ERR_NOT_FOUND;
    }
    *out = history_current(h);
    return *out == NULL ? known_absence(&a->known) : record_is_tombstone(*out) ? ERR_NOT_FOUND : ERR_OK;
}

/* What a restore is about: the version named; else the newest one that is not current. What was erased stays so, also while its bytes are still somewhere. */
static enum err find_to_restore(const struct alter *a, const struct record **out)
{
    const struct history *h = &a->known.history;
    const struct record *current = history_current(h);
    if (has_version(a)) {
        size_t at;
        if (history_find_version(h, a->in->version, &at) != ERR_OK)
            return known_absence(&a->known);
        *out = &h->entries[at].record;
        return record_is_tombstone(*out) ? ERR_NOT_FOUND : history_is_erased(h, at) ? ERR_GONE : ERR_OK;
    }
    for (size_t i = h->n; i > 0; i--) {
        const struct record *r = &h->entries[i - 1].record;
        if (!record_is_tombstone(r) && history_is_shown(h, i - 1) && r != current && !history_is_erased(h, i - 1)) {
            *out = r;
            return ERR_OK;
        }
    }
    return known_absence(&a->known);
}

/* ---- the bytes of a restored version */

/* Most often the owners have them, as an older version; where one lacks them they are carried there from one that has them. */
static enum err find_bytes(struct alter *a, const struct record *source)
{
    struct quorum *q = a->change.q;
    const struct pulled *p = &a->known.pulled;
    size_t have = 0, lack = 0, holder = 0;
    for (size_t i = 0; i < p->who.n; i++) {
        if (p->replies[i].error != ERR_OK)
            continue;
        int stored = pull_blob_state(&p->replies[i], source->id, NULL) == BLOB_STORED;
        holder = stored ? i : holder;
        have += (size_t)stored;
        lack += (size_t)!stored;
    }
    if (have == 0)
        return tally_count(&p->answered) == p->who.n ? ERR_GONE : ERR_UNAVAILABLE;
    return lack == 0 ? ERR_OK : body_carry(q, source, holder, &a->payload);
}

/* ---- the change */

static enum err fill_draft(struct alter *a, const struct record *source)
{
    struct record *r = &a->change.draft;
    enum err e = copy_strings(source, a->in->uploader, a->kind == RECORD_RESTORE, r);
    r->kind = a->kind;
    r->erase = a->kind == RECORD_DELETE && a->in->erase;
    if (a->kind == RECORD_RESTORE) {
        r->of = source->id;
        r->size = source->size;
        memcpy(r->sha256, source->sha256, sizeof(r->sha256));
    } else if (has_version(a)) {
        r->of = source->id;
    }
    const struct record *current = history_current(&a->known.history);
    r->parent = current == NULL ? STAMP_ZERO : current->id;
    return e;
}

/* An earlier request with this key did what is asked for now, so that nothing is left to do it with: its record tells what it was about. NULL: none. */
static const struct record *tried_before(const struct alter *a)
{
    if (a->in->idempotency_key == NULL)
        return NULL;
    const struct history_entry *e = history_find_upload(&a->known.pulled.all, a->change.draft.upload);
    return e == NULL || e->record.kind != a->kind ? NULL : &e->record;
}

/* Tried before: the draft is the same again, whatever `version` means by now. Tombstones of one version and restores are compared by what they name. */
static enum err fill_again(struct alter *a, const struct record *before)
{
    struct record *r = &a->change.draft;
    enum err e = copy_strings(before, a->in->uploader, 1, r);
    r->kind = before->kind;
    r->erase = before->erase;
    r->of = before->of;
    r->size = before->size;
    r->parent = before->parent;
    memcpy(r->sha256, before->sha256, sizeof(r->sha256));
    return e;
}

static enum err prepare(struct alter *a)
{
    const struct record *source = NULL, *before = tried_before(a);
    if (before != NULL)
        return fill_again(a, before);
    enum err e = a->kind == RECORD_DELETE ? find_to_delete(a, &source) : find_to_restore(a, &source);
    if (e != ERR_OK)
        return e;
    assert(source != NULL);
    e = fill_draft(a, source);
    if (e == ERR_OK && a->kind == RECORD_RESTORE)
        e = find_bytes(a, source);
    return e;
}

static enum err in_turn(struct alter *a, struct upload_result *out)
{
    struct change *c = &a->change;
    const struct record *again = NULL;
    enum err e = known_read(c->q, &a->known);
    if (e == ERR_OK)
        e = prepare(a);
    if (e == ERR_OK && c->asked_before && c->match == MATCH_NOTHING) {
        if (!tally_writes(&a->known.pulled.who, &a->known.pulled.answered))
            return ERR_UNAVAILABLE;
        e = commit_find_again(c, &a->known.pulled, &again);
    }
    if (e == ERR_CONFLICT)
        e = ERR_OK;
    return e == ERR_OK ? commit(c, again, out) : e;
}

static enum err alter(struct worker *w, const struct delete_input *in, enum record_kind kind, struct upload_result *out)
{
    struct quorum q;
    struct alter a = {.in = in, .kind = kind};
    memset(out, 0, sizeof(*out));
    enum err e = quorum_open(w, in->key, w->app->settings.quorum_timeout_ms, &q);
    if (e != ERR_OK)
        return commit_explain(&q, e, out);
    a.change = (struct change){.q = &q,
        .payload = &a.payload,
        .match = in->match,
        .match_record = in->match_record,
        .match_sha256 = in->match_sha256,
        .asked_before = in->idempotency_key != NULL};
    e = record_init(&a.change.draft);
    if (e == ERR_OK) {
        commit_upload_id(in->uploader == NULL ? "" : in->uploader, in->key, in->idempotency_key, a.change.draft.upload);
        e = commit_enter(&a.change);
    }
    if (e == ERR_OK) {
        e = in_turn(&a, out);
        change_release(&a.change);
        commit_leave(&a.change);
    }
    e = commit_explain(&q, e, out);
    payload_release(&a.payload);
    record_release(&a.change.draft);
    known_release(&a.known);
    quorum_close(&q);
    return e;
}

enum err upload_delete(struct worker *w, const struct delete_input *in, struct upload_result *out)
{
    return alter(w, in, RECORD_DELETE, out);
}

enum err upload_restore(struct worker *w, const struct delete_input *in, struct upload_result *out)
{
    return alter(w, in, RECORD_RESTORE, out);
}
