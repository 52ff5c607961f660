#include "fcgi/service/upload.h"

#include "fcgi/service/commit.h"
#include "fcgi/service/decide.h"
#include "fcgi/service/fields.h"
#include "fcgi/service/kinds.h"
#include "fcgi/service/stamps.h"
#include "lib/base/text.h"
#include "lib/store/index.h"

#include <string.h>

/* ---- what came along */

static enum err check_field(struct worker *w, const char *name, const char *value, struct upload_result *out)
{
    enum err e = fields_check(value);
    if (e == ERR_SYNTAX)
        out->detail = arena_printf(&w->arena, "The %s is not UTF-8 text, or holds control characters.", name);
    else if (e == ERR_INVALID)
        out->detail = arena_printf(&w->arena, "The %s is longer than %d characters.", name, RECORD_FIELD_CHARS_MAX);
    return e;
}

static enum err check_input(struct worker *w, const struct upload_input *in, struct upload_result *out)
{
    const struct {
        const char *name, *value;
    } fields[] = {{"file name", in->filename}, {"term", in->term}, {"title", in->title}, {"instructor", in->instructor}, {"note", in->note},
        {"uploader", in->uploader}};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        enum err e = check_field(w, fields[i].name, fields[i].value, out);
        if (e != ERR_OK)
            return e;
    }
    if (in->body.size == 0) {
        out->detail = "The file is empty.";
        return ERR_INVALID;
    }
    if (in->body.size > w->app->settings.upload_max_bytes) {
        out->detail = arena_printf(&w->arena, "This file has %llu bytes; %llu is the most.", (unsigned long long)in->body.size,
            (unsigned long long)w->app->settings.upload_max_bytes);
        return ERR_TOO_LARGE;
    }
    return ERR_OK;
}

static const char *or_empty(const char *s)
{
    return s == NULL ? "" : s;
}

/* The record without what only the owners decide. filename is cleaned. */
static enum err fill_draft(const struct upload_input *in, const struct body *body, const char *filename, struct record *r)
{
    struct buf named;
    buf_init(&named, RECORD_FIELD_MAX);
    enum err e = ERR_OK;
    if (filename[0] == '\0') {
        e = fields_default_filename(in->course, kinds_extension(body->type), &named);
        filename = buf_str(&named);
    }
    const struct {
        char **field;
        const char *value;
    } strings[] = {{&r->course, in->course}, {&r->key, in->key}, {&r->term, in->term}, {&r->title, in->title},
        {&r->instructor, in->instructor}, {&r->note, in->note}, {&r->filename, filename}, {&r->type, body->type},
        {&r->uploader, in->uploader}};
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]) && e == ERR_OK; i++)
        e = record_set(strings[i].field, or_empty(strings[i].value));
    buf_release(&named);
    r->kind = RECORD_UPLOAD;
    r->size = in->body.size;
    memcpy(r->sha256, body->sha256, sizeof(r->sha256));
    commit_upload_id(or_empty(in->uploader), in->key, in->idempotency_key, r->upload);
    return e;
}

/* ---- is it there already? */

/* The current record as the index has it; without the index, as the owners have it. A hint: nothing is decided by it alone. ERR_NOT_FOUND: none known. */
static enum err current_hint(struct change *c, struct record *out)
{
    struct worker *w = c->q->w;
    struct store *s = worker_store(w);
    uint64_t versions;
    enum err e = s == NULL ? ERR_UNAVAILABLE : worker_store_said(w, index_current(s, c->q->key, out, &versions));
    return e;
}

/* True when the bytes of the record are on disk at W owners, of those before in a joint ring: what these hold comes to the new ones by settling. */
static int is_durable(const struct pulled *p, const struct record *r)
{
    struct tally stored = pull_stored(p, r->id);
    return tally_holds(&p->who, &stored);
}

/* What the owners show as current, when it has the draft's content and is durable; else NULL. *visible is the caller's to release. */
static enum err same_at_owners(struct change *c, const struct pulled *p, struct history *visible, const struct record **same)
{
    *same = NULL;
    enum err e = pull_visible(p, visible);
    if (e != ERR_OK)
        return e;
    const struct record *current = history_current(visible);
    c->draft.parent = current == NULL ? STAMP_ZERO : current->id; /* for show */
    if (current != NULL && decide_same_again(current, &c->draft) && is_durable(p, current))
        *same = current;
    return ERR_OK;
}

/* Before an unconditional upload: an earlier request of the same upload, or the same content current already? Asks the owners only when there is reason to.
 * *finished: the result is there. */
static enum err look_before(struct change *c, struct pulled *p, const struct record **again, int *finished, struct upload_result *out)
{
    struct record current;
    enum err e = current_hint(c, &current);
    int away = e != ERR_OK && e != ERR_NOT_FOUND;
    int same = e == ERR_OK && decide_same_again(&current, &c->draft);
    if (e == ERR_OK) {
        stamps_see(c->q->w->app->stamps, current.id);
        c->draft.parent = current.id;
        record_release(&current);
    }
    if (!away && !same && !c->asked_before)
        return ERR_OK;
    pull_release(p);
    e = pull(c->q, PULL_QUORUM, KNOWN_TIMEOUT_MS, p);
    if (e == ERR_OK && c->asked_before) {
        if (!tally_writes(&p->who, &p->answered))
            return ERR_UNAVAILABLE;
        e = commit_find_again(c, p, again);
        *finished = e == ERR_CONFLICT;
        if (e != ERR_OK || *again != NULL)
            return e == ERR_CONFLICT ? ERR_OK : e;
    }
    struct history visible;
    const struct record *found = NULL;
    history_init(&visible);
    if (e == ERR_OK)
        e = same_at_owners(c, p, &visible, &found);
    if (found != NULL) {
        e = commit_unchanged(c, found, p->replies, out);
        *finished = 1;
    }
    history_release(&visible);
    return e;
}

static enum err commit_upload(struct change *c, struct upload_result *out)
{
    struct pulled pulled = {.who.n = 0};
    const struct record *again = NULL;
    int finished = 0;
    enum err e = commit_enter(c);
    if (e != ERR_OK)
        return e;
    if (c->match == MATCH_NOTHING)
        e = look_before(c, &pulled, &again, &finished, out);
    if (e == ERR_OK && (!finished || c->has_done))
        e = commit(c, again, out);
    pull_release(&pulled);
    change_release(c); /* the lock first: whose turn is next may want it */
    commit_leave(c);
    return e;
}

/* ---- the use case */

static enum err store(struct quorum *q, const struct upload_input *in, struct body *body, const char *filename, struct upload_result *out)
{
    struct change c = {.q = q,
        .payload = &body->payload,
        .match = in->match,
        .match_record = in->match_record,
        .match_sha256 = in->match_sha256,
        .asked_before = in->idempotency_key != NULL};
    if (in->has_digest && !hash_equal(in->digest, body->hash, HASH_SIZE)) {
        out->detail = "The bytes that arrived are not the ones that Content-Digest promises.";
        return ERR_SYNTAX;
    }
    enum err e = record_init(&c.draft);
    if (e != ERR_OK)
        return e;
    e = fill_draft(in, body, filename, &c.draft);
    if (e == ERR_OK)
        e = commit_upload(&c, out);
    record_release(&c.draft);
    return e;
}

enum err upload(struct worker *w, const struct upload_input *in, struct upload_result *out)
{
    struct quorum q = {.w = w};
    struct body body = {.type = NULL};
    struct buf filename;
    memset(out, 0, sizeof(*out));
    buf_init(&filename, RECORD_FIELD_MAX);
    enum err e = check_input(w, in, out);
    if (e == ERR_OK)
        e = fields_filename(in->filename, &filename);
    if (e != ERR_OK)
        goto out;
    e = quorum_open(w, in->key, w->app->settings.quorum_timeout_ms, &q);
    const char *promise = in->any_kind ? "" : buf_str(&filename);
    if (e == ERR_OK)
        e = body_read(&q, &in->body, w->app->settings.small_max_bytes, or_empty(in->claimed_type), promise, &body, &out->detail);
    if (e == ERR_SYNTAX && out->detail == NULL)
        out->detail = "The body ended before all bytes that Content-Length promises had come.";
    if (e == ERR_OK)
        e = store(&q, in, &body, buf_str(&filename), out);
    e = commit_explain(&q, e, out);
    payload_release(&body.payload);
    quorum_close(&q);
out:
    buf_release(&filename);
    return e;
}
