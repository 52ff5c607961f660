#include "fcgi/service/pending.h"

#include "fcgi/service/accounts.h"
#include "fcgi/service/pending_inside.h"
#include "fcgi/service/read.h"
#include "lib/base/clock.h"
#include "lib/base/id.h"
#include "lib/base/log.h"
#include "lib/base/num.h"
#include "lib/name/name.h"
#include "lib/store/index.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define PAGE_MAX 200u

void pending_key(const char *id, char out[PENDING_KEY_SIZE])
{
    snprintf(out, PENDING_KEY_SIZE, DOCS_PENDING_PREFIX "%s", id);
}

void pending_release(struct pending *p)
{
    docs_pending_release(&p->doc);
}

/* ---- storing */

/* The same request again is the same upload: its id follows from what makes it the same. */
static void make_id(const struct upload_input *in, char id[PENDING_ID_SIZE])
{
    uint8_t hash[HASH_SIZE];
    struct hash_ctx *h = in->idempotency_key == NULL ? NULL : hash_new();
    if (h == NULL) {
        id_random_hex(id, (PENDING_ID_SIZE - 1) / 2);
        return;
    }
    hash_add(h, in->uploader, strlen(in->uploader) + 1);
    hash_add(h, in->key, strlen(in->key) + 1);
    hash_add(h, in->idempotency_key, strlen(in->idempotency_key));
    hash_end(h, hash);
    hash_free(h);
    num_hex(hash, (PENDING_ID_SIZE - 1) / 2, id);
}

enum err pending_upload(struct worker *w, const struct upload_input *in, char id[PENDING_ID_SIZE], struct upload_result *out)
{
    char key[PENDING_KEY_SIZE];
    struct upload_input waiting = *in;
    make_id(in, id);
    pending_key(id, key);
    waiting.key = key;
    waiting.match = MATCH_NOTHING;
    return upload(w, &waiting, out);
}

/* ---- reading */

/* What the key holds: the index when it has it, else the owners. */
static enum err read_history(struct worker *w, const char *key, struct history *out)
{
    struct store *s = worker_store(w);
    enum err e = s == NULL ? ERR_UNAVAILABLE : worker_store_said(w, index_history(s, key, out));
    if (e == ERR_OK || e == ERR_NOMEM)
        return e;
    struct course c;
    e = course_read(w, key, &c);
    if (e != ERR_OK)
        return e;
    history_release(out);
    *out = c.history; /* taken */
    history_init(&c.history);
    course_release(&c);
    return ERR_OK;
}

/* The upload itself: the oldest record that is shown. */
static long find_upload(const struct history *h)
{
    for (size_t i = 0; i < h->n; i++)
        if (history_is_shown(h, i) && !record_is_tombstone(&h->entries[i].record))
            return (long)i;
    return -1;
}

/* A record of the key as the record of the course that it is meant for. */
static enum err meant_for(const struct record *r, struct record *out)
{
    struct buf key;
    buf_init(&key, NAME_KEY_BYTES_MAX);
    enum err e = record_copy(out, r);
    if (e != ERR_OK)
        return e;
    e = name_key(r->course, strlen(r->course), &key);
    if (e == ERR_OK)
        e = record_set(&out->key, buf_str(&key));
    buf_release(&key);
    if (e != ERR_OK)
        record_release(out);
    return e;
}

/* The decision, read from its document. */
static enum err read_decision(struct worker *w, const char *key, struct pending *p)
{
    struct sysdoc d;
    struct docs_pending doc;
    enum err e = sysdoc_read(w, key, &d);
    if (e != ERR_OK)
        return e;
    e = docs_pending_from_json(d.doc, &doc);
    if (e == ERR_OK) {
        docs_pending_release(&p->doc);
        p->doc = doc;
        p->decided_on = d.record;
    } else if (e != ERR_NOMEM) {
        log_write(LOG_ERROR, "pending", "%s cannot be read: %s", key, err_text(e));
        e = ERR_INVALID;
    }
    sysdoc_release(&d);
    return e;
}

enum err pending_read(struct worker *w, const char *id, struct pending *out)
{
    char key[PENDING_KEY_SIZE];
    struct history h;
    struct pending p = {.has_bytes = 0};
    if (!num_is_hex(id, PENDING_ID_SIZE - 1))
        return ERR_NOT_FOUND;
    pending_key(id, key);
    snprintf(p.id, sizeof(p.id), "%s", id);
    history_init(&h);
    enum err e = read_history(w, key, &h);
    const struct record *current = e == ERR_OK ? history_current(&h) : NULL;
    long at = current == NULL || record_is_tombstone(current) ? -1 : find_upload(&h);
    if (e == ERR_OK && at < 0)
        e = ERR_NOT_FOUND;
    if (e == ERR_OK) {
        p.has_bytes = history_is_live(&h, (size_t)at);
        p.decided_on = current->id;
        e = meant_for(&h.entries[at].record, &p.doc.record);
    }
    if (e == ERR_OK && stamp_cmp(current->id, h.entries[at].record.id) != 0)
        e = read_decision(w, key, &p);
    history_release(&h);
    if (e == ERR_OK)
        *out = p;
    else
        pending_release(&p);
    return e;
}

/* ---- lists */

void pending_page_release(struct pending_page *p)
{
    for (size_t i = 0; i < p->n; i++)
        pending_release(&p->items[i]);
    p->n = 0;
}

/* It waits for a decision, or for what one decided. */
static int is_open(const struct pending *p)
{
    return p->doc.state == DOCS_WAITING || (p->doc.state == DOCS_ACCEPTED && p->has_bytes);
}

enum err pending_list(struct worker *w, const char *after, unsigned limit, const char *uploader, int decided, struct pending_page *out)
{
    char place[PENDING_KEY_SIZE] = "";
    struct sysdoc_keys keys;
    struct pending_page page = {.n = 0};
    assert(limit >= 1 && limit <= PAGE_MAX);
    if (after[0] != '\0')
        pending_key(after, place);
    enum err e = uploader == NULL ? sysdoc_list(w, DOCS_PENDING_PREFIX, place, limit, &keys)
                                  : sysdoc_list_by(w, uploader, DOCS_PENDING_PREFIX, place, limit, &keys);
    if (e != ERR_OK)
        return e;
    page.items = arena_alloc(&w->arena, (keys.n + 1) * sizeof(*page.items));
    e = page.items == NULL ? ERR_NOMEM : ERR_OK;
    for (size_t i = 0; i < keys.n && e == ERR_OK; i++) {
        struct pending *p = &page.items[page.n];
        e = pending_read(w, keys.key[i] + strlen(DOCS_PENDING_PREFIX), p);
        if (e == ERR_OK && (decided || is_open(p)) && (uploader == NULL || strcmp(p->doc.record.uploader, uploader) == 0))
            page.n++;
        else if (e == ERR_OK)
            pending_release(p);
        else if (e == ERR_NOT_FOUND || e == ERR_INVALID)
            e = ERR_OK;
    }
    if (e == ERR_OK && keys.more)
        page.next = keys.key[keys.n - 1] + strlen(DOCS_PENDING_PREFIX);
    if (e == ERR_OK)
        *out = page;
    else
        pending_page_release(&page);
    return e;
}

/* ---- deciding */

/* Writes the decision on condition that there is none: exactly one is taken. ERR_CONFLICT: another was. */
static enum err write_decision(struct worker *w, struct pending *p, enum docs_state state, const char *by, const char *reason)
{
    char key[PENDING_KEY_SIZE];
    struct docs_pending checked;
    p->doc.state = state;
    p->doc.at_ms = clock_unix_ms();
    snprintf(p->doc.by, sizeof(p->doc.by), "%s", by);
    snprintf(p->doc.reason, sizeof(p->doc.reason), "%s", reason);
    struct json *j = docs_pending_to_json(&p->doc);
    enum err e = j == NULL ? ERR_NOMEM : docs_pending_from_json(j, &checked);
    if (e == ERR_OK) {
        docs_pending_release(&checked);
        pending_key(p->id, key);
        /* Written in the name of who sent it, so that it stays with what is theirs. */
        e = sysdoc_write(w, key, j, &p->decided_on, p->doc.record.uploader, NULL);
    }
    json_free(j);
    return e == ERR_SYNTAX ? ERR_INVALID : e;
}

enum err pending_decide(struct worker *w, const char *id, enum docs_state state, const char *by, const char *reason, struct pending *out)
{
    enum err e = ERR_CONFLICT;
    for (unsigned i = 0; i < SYSDOC_TRIES && e == ERR_CONFLICT; i++) {
        struct pending p;
        e = pending_read(w, id, &p);
        if (e != ERR_OK)
            return e;
        if (p.doc.state != DOCS_WAITING) {
            e = p.doc.state == state ? ERR_OK : ERR_CONFLICT;
            if (e == ERR_OK)
                *out = p;
            else
                pending_release(&p);
            return e;
        }
        e = write_decision(w, &p, state, by, reason);
        if (e == ERR_OK)
            *out = p;
        else
            pending_release(&p);
    }
    return e;
}

/* The bytes are not wanted here any more: where they were wanted they are, or nobody wants them. */
void pending_drop_bytes(struct worker *w, const struct pending *p, const char *by)
{
    char key[PENDING_KEY_SIZE], version[STAMP_HEX_SIZE];
    struct upload_result result;
    pending_key(p->id, key);
    stamp_hex(p->doc.record.id, version);
    struct delete_input in = {.course = key, .key = key, .uploader = by, .version = version, .erase = 1};
    enum err e = upload_delete(w, &in, &result);
    upload_result_release(&result);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        log_write(LOG_WARN, "pending", "the bytes of %s stay for now: %s", key, err_text(e));
}

enum err pending_reject(struct worker *w, const char *id, const char *by, const char *reason)
{
    struct pending p;
    if (strlen(reason) >= DOCS_REASON_SIZE)
        return ERR_INVALID;
    enum err e = pending_decide(w, id, DOCS_REJECTED, by, reason, &p);
    if (e != ERR_OK)
        return e;
    if (p.has_bytes)
        pending_drop_bytes(w, &p, p.doc.record.uploader);
    pending_release(&p);
    return ERR_OK;
}
