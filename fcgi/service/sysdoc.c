#include "fcgi/service/sysdoc.h"

#include "fcgi/service/doccache.h"
#include "fcgi/service/known.h"
#include "fcgi/service/sources.h"
#include "fcgi/service/upload.h"
#include "lib/base/id.h"
#include "lib/base/log.h"
#include "lib/name/reserved.h"
#include "lib/store/sys.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define READ_BUDGET_MS 1500u
#define FETCH_MS 500u
#define FILE_NAME "document.json"
#define UNKNOWN_TRIES 2 /* of a change whose outcome nobody told */

/* ---- which record */

/* By the index alone. ERR_NOT_FOUND: the document was removed; any other failure sends the caller to the owners. */
static enum err by_index(struct worker *w, const char *key, struct record *out)
{
    struct store *s = worker_store(w);
    uint64_t versions;
    if (s == NULL)
        return ERR_UNAVAILABLE;
    enum err e = worker_store_said(w, index_current(s, key, out, &versions));
    if (e == ERR_NOT_FOUND)
        return ERR_UNAVAILABLE; /* a miss may be the index's fault */
    if (e != ERR_OK || !record_is_tombstone(out))
        return e;
    record_release(out);
    return ERR_NOT_FOUND;
}

/* True when an owner's slot holds a record that is in no set and that, the silent ones counted in, a write quorum may have accepted: acknowledged perhaps, and not known to be. */
static int hides_something(const struct pulled *p)
{
    for (size_t i = 0; i < p->who.n; i++) {
        const struct message_answer *a = &p->replies[i].answer;
        if (!p->answered.has[i] || !a->has_slot || !a->slot_has_record || history_find(&p->all, a->slot_record.id) != NULL)
            continue;
        struct tally may = {.has = {0}};
        for (size_t j = 0; j < p->who.n; j++) {
            const struct message_answer *b = &p->replies[j].answer;
            may.has[j] = !p->answered.has[j] || (b->has_slot && b->slot_has_record && stamp_cmp(b->slot_ballot, a->slot_ballot) == 0);
        }
        if (tally_holds(&p->who, &may))
            return 1;
    }
    return 0;
}

/* By the owners and what the index remembers. Believed when nothing acknowledged can be missing: the index answered, or so many owners that each write quorum has one of them. */
static enum err by_owners(struct quorum *q, struct known *known, struct record *out)
{
    enum err e = known_read(q, known);
    if (e != ERR_OK)
        return e;
    if (!known->index_answered && (!pull_proves_absence(&known->pulled) || hides_something(&known->pulled)))
        return ERR_UNAVAILABLE;
    const struct record *current = history_current(&known->history);
    return current == NULL || record_is_tombstone(current) ? ERR_NOT_FOUND : record_copy(out, current);
}

/* ---- its bytes */

static enum err fetch_from(struct quorum *q, size_t owner, const struct record *r, struct buf *text)
{
    const struct view_owner *o = &q->owners.at[owner];
    char hex[HASH_HEX_SIZE];
    struct peer_call call = {.base_url = o->node->url,
        .to = o->member->id,
        .method = "GET",
        .path = arena_printf(&q->w->arena, "/blobs/%s", r->sha256),
        .epoch = q->owners.epoch,
        .answer_max = DOCS_BYTES_MAX};
    if (call.path == NULL)
        return ERR_NOMEM;
    enum err e = peer_call(q->w->peer, &call, FETCH_MS);
    if (e == ERR_OK)
        e = !call.done || call.error != ERR_OK || call.status != 200 ? ERR_UNAVAILABLE : ERR_OK;
    if (e == ERR_OK) {
        hash_sha256_hex(call.answer.data, call.answer.len, hex);
        e = call.answer.len == r->size && strcmp(hex, r->sha256) == 0 ? buf_add(text, call.answer.data, call.answer.len) : ERR_CORRUPT;
    }
    peer_calls_release(&call, 1);
    return e;
}

/* From the first owner that has them whole. */
static enum err fetch(struct quorum *q, const struct known *known, const struct record *r, struct buf *text)
{
    struct source sources[OWNERS_MAX];
    enum blob_state states[OWNERS_MAX];
    enum err e = ERR_UNAVAILABLE;
    for (size_t i = 0; known != NULL && i < q->owners.n; i++)
        states[i] = pull_blob_state(&known->pulled.replies[i], r->id, NULL);
    size_t n = sources_find(q, known == NULL ? NULL : states, sources);
    sources_sort(sources, n, n);
    for (size_t i = 0; i < n && e != ERR_OK && e != ERR_NOMEM; i++)
        e = fetch_from(q, sources[i].owner, r, text);
    return e == ERR_OK || e == ERR_NOMEM ? e : ERR_UNAVAILABLE;
}

static enum err load(struct quorum *q, const struct known *known, const struct record *r, struct sysdoc *out)
{
    struct doccache *cache = q->w->app->documents;
    struct buf text;
    struct sysdoc d = {.record = r->id, .at_ms = hlc_to_unix_ms(r->id.clock)};
    buf_init(&text, DOCS_BYTES_MAX);
    enum err e = r->size > DOCS_BYTES_MAX ? ERR_CORRUPT : doccache_get(cache, r->sha256, &text);
    if (e == ERR_NOT_FOUND) {
        e = fetch(q, known, r, &text);
        if (e == ERR_OK)
            doccache_put(cache, r->sha256, buf_str(&text), text.len);
    }
    if (e == ERR_OK)
        e = json_parse(buf_str(&text), text.len, &d.doc);
    if (e == ERR_SYNTAX) {
        log_write(LOG_ERROR, "sysdoc", "%s is no JSON", r->key);
        e = ERR_CORRUPT;
    }
    buf_release(&text);
    if (e != ERR_OK)
        return e;
    snprintf(d.by, sizeof(d.by), "%.*s", AUTH_NAME_SIZE - 1, r->uploader);
    *out = d;
    return ERR_OK;
}

static enum err read_document(struct worker *w, const char *key, int firm, struct sysdoc *out)
{
    struct quorum q;
    struct known known;
    struct record r;
    int asked = 0;
    assert(strncmp(key, RESERVED_SYS, strlen(RESERVED_SYS)) == 0);
    memset(&known, 0, sizeof(known));
    memset(&r, 0, sizeof(r));
    enum err e = quorum_open(w, key, READ_BUDGET_MS, &q);
    if (e != ERR_OK)
        return e;
    e = firm ? ERR_UNAVAILABLE : by_index(w, key, &r);
    if (e != ERR_OK && e != ERR_NOT_FOUND && e != ERR_NOMEM) {
        asked = 1;
        e = by_owners(&q, &known, &r);
    }
    if (e == ERR_OK)
        e = load(&q, asked ? &known : NULL, &r, out);
    record_release(&r);
    known_release(&known);
    quorum_close(&q);
    return e;
}

enum err sysdoc_read(struct worker *w, const char *key, struct sysdoc *out)
{
    return read_document(w, key, 0, out);
}

enum err sysdoc_read_firm(struct worker *w, const char *key, struct sysdoc *out)
{
    return read_document(w, key, 1, out);
}

void sysdoc_release(struct sysdoc *d)
{
    json_free(d->doc);
    d->doc = NULL;
}

/* ---- changes */

/* The text as an upload's body. */
struct text_body {
    const struct buf *text;
    size_t at;
};

static long give(void *ctx, void *into, size_t n)
{
    struct text_body *b = ctx;
    size_t left = b->text->len - b->at;
    if (n > left)
        n = left;
    memcpy(into, b->text->data + b->at, n);
    b->at += n;
    return (long)n;
}

/* What upload and delete say, in the words of this file. */
static enum err in_our_words(const char *key, enum err e)
{
    switch (e) {
    case ERR_PRECONDITION: return ERR_CONFLICT;
    case ERR_TYPE:
    case ERR_INVALID:
    case ERR_SYNTAX: log_write(LOG_ERROR, "sysdoc", "%s was not taken: %s", key, err_text(e)); return ERR_INTERNAL;
    default: return e;
    }
}

/* What is known after another try with the same id: that one could do nothing says nothing of those before it. */
static enum err after_try(int i, enum err e)
{
    return i > 0 && e == ERR_UNAVAILABLE ? ERR_TIMEOUT : e;
}

/* Asks again once with the same idempotency key when it is not known what happened: its record, or the refusal, is then found. */
static enum err store(
    struct worker *w, const char *key, const struct buf *text, const struct stamp *base, const char *by, struct stamp *record)
{
    char once[33];
    enum err e = ERR_TIMEOUT;
    id_random_hex(once, (sizeof(once) - 1) / 2);
    for (int i = 0; i < UNKNOWN_TRIES && e == ERR_TIMEOUT; i++) {
        struct text_body body = {.text = text};
        struct upload_result result;
        struct upload_input in = {.course = key,
            .key = key,
            .term = "",
            .title = "",
            .instructor = "",
            .note = "",
            .filename = FILE_NAME,
            .uploader = by,
            .claimed_type = "",
            .match = base == NULL ? MATCH_NONE : MATCH_RECORD,
            .match_record = base == NULL ? STAMP_ZERO : *base,
            .idempotency_key = once,
            .body = {.read = give, .ctx = &body, .size = text->len}};
        e = after_try(i, upload(w, &in, &result));
        if (e == ERR_OK) {
            doccache_put(w->app->documents, result.record.sha256, buf_str(text), text->len);
            if (record != NULL)
                *record = result.record.id;
        }
        upload_result_release(&result);
    }
    return in_our_words(key, e);
}

enum err sysdoc_write(
    struct worker *w, const char *key, const struct json *doc, const struct stamp *base, const char *by, struct stamp *record)
{
    struct buf text;
    assert(strncmp(key, RESERVED_SYS, strlen(RESERVED_SYS)) == 0);
    buf_init(&text, 2 * DOCS_BYTES_MAX);
    enum err e = json_print(doc, &text);
    if (e == ERR_OK && text.len > DOCS_BYTES_MAX)
        e = ERR_TOO_LARGE;
    if (e == ERR_OK)
        e = store(w, key, &text, base, by, record);
    buf_release(&text);
    return e;
}

enum err sysdoc_remove(struct worker *w, const char *key, const struct stamp *base, const char *by)
{
    char once[33];
    enum err e = ERR_TIMEOUT;
    assert(strncmp(key, RESERVED_SYS, strlen(RESERVED_SYS)) == 0);
    id_random_hex(once, (sizeof(once) - 1) / 2);
    for (int i = 0; i < UNKNOWN_TRIES && e == ERR_TIMEOUT; i++) {
        struct upload_result result;
        struct delete_input in = {.course = key,
            .key = key,
            .uploader = by,
            .erase = 1,
            .match = base == NULL ? MATCH_NOTHING : MATCH_RECORD,
            .match_record = base == NULL ? STAMP_ZERO : *base,
            .idempotency_key = once};
        e = after_try(i, upload_delete(w, &in, &result));
        upload_result_release(&result);
    }
    return in_our_words(key, e);
}

enum err sysdoc_alter(struct worker *w, const char *key, const char *by,
    enum err (*change)(const struct sysdoc *old, void *ctx, struct json **out), void *ctx, struct stamp *record)
{
    enum err e = ERR_CONFLICT;
    for (unsigned i = 0; i < SYSDOC_TRIES && e == ERR_CONFLICT; i++) {
        struct sysdoc old = {.doc = NULL};
        struct json *fresh = NULL;
        /* Who lost a race looks at the owners: the index may not know the winner yet. */
        e = read_document(w, key, i > 0, &old);
        int there = e == ERR_OK;
        if (e != ERR_OK && e != ERR_NOT_FOUND)
            return e;
        e = change(there ? &old : NULL, ctx, &fresh);
        if (e != ERR_OK || fresh == NULL) {
            if (e == ERR_OK && there && record != NULL)
                *record = old.record;
            json_free(fresh);
            sysdoc_release(&old);
            return e;
        }
        e = sysdoc_write(w, key, fresh, there ? &old.record : NULL, by, record);
        json_free(fresh);
        sysdoc_release(&old);
    }
    return e;
}

/* ---- lists */

enum err sysdoc_list(struct worker *w, const char *prefix, const char *after, unsigned limit, struct sysdoc_keys *out)
{
    struct store *s = worker_store(w);
    struct sys_page page;
    struct sysdoc_keys keys = {.n = 0};
    if (s == NULL)
        return ERR_UNAVAILABLE;
    enum err e = worker_store_said(w, sys_list(s, prefix, after, limit, &page));
    if (e != ERR_OK)
        return e == ERR_TIMEOUT ? ERR_UNAVAILABLE : e;
    keys.more = page.more;
    keys.key = arena_alloc(&w->arena, (page.n + 1) * sizeof(*keys.key));
    e = keys.key == NULL ? ERR_NOMEM : ERR_OK;
    for (; keys.n < page.n && e == ERR_OK; keys.n++) {
        keys.key[keys.n] = arena_strdup(&w->arena, page.items[keys.n]);
        e = keys.key[keys.n] == NULL ? ERR_NOMEM : ERR_OK;
    }
    sys_page_release(&page);
    if (e == ERR_OK)
        *out = keys;
    return e;
}

/* Adds the key of a place unless it is the last one's: a key has a place for each record. */
static enum err add_key(struct worker *w, const char *key, struct sysdoc_keys *keys)
{
    if (keys->n > 0 && strcmp(keys->key[keys->n - 1], key) == 0)
        return ERR_OK;
    keys->key[keys->n] = arena_strdup(&w->arena, key);
    return keys->key[keys->n++] == NULL ? ERR_NOMEM : ERR_OK;
}

enum err sysdoc_list_by(struct worker *w, const char *user, const char *prefix, const char *after, unsigned limit, struct sysdoc_keys *out)
{
    /* Behind all records of the key `after`. */
    static const struct stamp last = {UINT64_MAX, UINT64_MAX};
    struct store *s = worker_store(w);
    struct sys_places places;
    struct sysdoc_keys keys = {.n = 0};
    if (s == NULL)
        return ERR_UNAVAILABLE;
    enum err e = worker_store_said(w, sys_by(s, user, prefix, after, last, limit, &places));
    if (e != ERR_OK)
        return e == ERR_TIMEOUT ? ERR_UNAVAILABLE : e;
    keys.more = places.more;
    keys.key = arena_alloc(&w->arena, (places.n + 1) * sizeof(*keys.key));
    e = keys.key == NULL ? ERR_NOMEM : ERR_OK;
    for (size_t i = 0; i < places.n && e == ERR_OK; i++)
        e = add_key(w, places.items[i].key, &keys);
    sys_places_release(&places);
    if (e == ERR_OK)
        *out = keys;
    return e;
}
