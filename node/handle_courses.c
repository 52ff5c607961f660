#include "node/handle.h"

#include "lib/base/clock.h"
#include "lib/base/num.h"
#include "lib/name/name.h"
#include "lib/wire/owners.h"
#include "node/rows.h"
#include "node/settle_serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_MAX 1000
#define LIMIT_DEFAULT 256
#define LIST_BYTES (4u << 20)
#define VISITS_MAX 20000 /* rows that one answer looks at */
#define KEYS_BATCH 256

/* A list on its way: GET …?after=KEY&limit=N → {"ring", "courses": […], "next": key or null}. Each course is read by itself: no reader is kept while others are wanted. */
struct listing {
    struct node *n;
    struct ledger_ring *ring;
    char next[NAME_KEY_BYTES_MAX + 1]; /* the last key that was looked at */
    uint64_t limit;
    size_t count, bytes, visits;
    int all;
    struct json *courses;
    const char *with;   /* holdings: only what this node owns too; NULL = all */
    uint64_t before_ms; /* deleted: only tombstones that are older */
    /* Looks at one course of which this node is an owner; counts and adds it when it belongs there. */
    enum err (*add)(struct listing *l, const char *key, const struct owners *o);
};

static void append(struct listing *l, struct json *course, size_t bytes)
{
    json_append(l->courses, course);
    l->count++;
    l->bytes += bytes;
}

static int is_full(const struct listing *l)
{
    return l->count >= l->limit || l->bytes >= LIST_BYTES || l->visits >= VISITS_MAX;
}

static enum err look_at(struct listing *l, const char *key)
{
    struct owners o;
    l->visits++;
    snprintf(l->next, sizeof(l->next), "%s", key);
    owners_of_key(l->ring->doc, key, &o);
    return owners_place(&o, l->n->self.id) >= 0 ? l->add(l, key, &o) : ERR_OK;
}

static enum err next_keys(struct listing *l, char **keys, size_t *n)
{
    struct db_conn *c;
    enum err e = db_read_begin(l->n->db, &c);
    if (e)
        return e;
    e = rows_keys(c, l->next, keys, KEYS_BATCH, n);
    db_read_end(c);
    return e;
}

static enum err list_some(struct listing *l)
{
    char *keys[KEYS_BATCH];
    size_t n = 0, looked = 0;
    enum err e = next_keys(l, keys, &n);
    for (; looked < n && !e && !is_full(l); looked++)
        e = look_at(l, keys[looked]);
    l->all = n < KEYS_BATCH && looked == n;
    for (size_t i = 0; i < n; i++)
        free(keys[i]);
    return e;
}

static enum err list_all(struct listing *l)
{
    enum err e;
    do
        e = list_some(l);
    while (!e && !l->all && !is_full(l));
    return e;
}

/* A whole number of the query. */
static enum err number(struct http_request *r, const char *name, uint64_t max, uint64_t *out)
{
    const char *text = http_query(r, name);
    return text ? num_parse_u64(text, max, out) : ERR_OK;
}

static void list(struct http_request *r, struct listing *l)
{
    const char *after = http_query(r, "after");
    l->limit = LIMIT_DEFAULT;
    if (number(r, "limit", LIMIT_MAX, &l->limit) || l->limit == 0 || (after && strlen(after) > NAME_KEY_BYTES_MAX)) {
        http_reply_problem(r, ERR_SYNTAX, "after is a course's key, limit a number from 1 to 1000");
        return;
    }
    l->ring = ledger_hold(l->n->ledger);
    if (!l->ring) {
        http_reply_problem(r, ERR_UNAVAILABLE, "this node has no ring yet");
        return;
    }
    snprintf(l->next, sizeof(l->next), "%s", after ? after : "");
    struct json *j = json_object();
    l->courses = json_array();
    enum err e = list_all(l);
    json_set_u64(j, "ring", l->ring->doc->ring->epoch);
    json_set(j, "courses", l->courses);
    json_set_str(j, "next", l->all ? NULL : l->next);
    ledger_drop(l->ring);
    if (!e) {
        handle_reply_json(r, 200, j);
        return;
    }
    json_free(j);
    http_reply_problem(r, e, NULL);
}

/* ---- GET /courses: records and slot, as they lie on the disk */

struct texts {
    struct json *records;
    size_t bytes;
};

static enum err add_text(void *ctx, const char *record)
{
    struct texts *t = ctx;
    json_append(t->records, json_raw(record));
    t->bytes += strlen(record) + 1;
    return ERR_OK;
}

static enum err read_texts(struct listing *l, const char *key, struct texts *t, struct json **slot)
{
    struct db_conn *c;
    struct stamp ballot;
    char *record = NULL;
    int has = 0;
    enum err e = db_read_begin(l->n->db, &c);
    if (e)
        return e;
    e = rows_texts(c, key, add_text, t);
    if (!e)
        e = rows_slot_text(c, key, &has, &ballot, &record);
    db_read_end(c);
    if (!e && has) {
        *slot = json_object();
        json_set_stamp(*slot, "ballot", ballot);
        json_set(*slot, "record", record ? json_raw(record) : json_null());
    }
    free(record);
    return e;
}

static enum err add_course(struct listing *l, const char *key, const struct owners *o)
{
    struct texts t = {.records = json_array(), .bytes = strlen(key) + 64};
    struct json *slot = NULL;
    (void)o;
    enum err e = read_texts(l, key, &t, &slot);
    if (e || (!json_first(t.records) && !slot)) {
        json_free(t.records);
        json_free(slot);
        return e;
    }
    struct json *course = json_object();
    json_set_str(course, "key", key);
    json_set(course, "records", t.records);
    if (slot)
        json_set(course, "slot", slot);
    append(l, course, t.bytes);
    return ERR_OK;
}

void handle_courses(struct http_request *r, void *ctx)
{
    struct listing l = {.n = ctx, .add = add_course};
    list(r, &l);
}

/* ---- GET /holdings: what is here whole */

static enum err add_holding(struct listing *l, const char *key, const struct owners *o)
{
    struct message_answer a;
    const struct history *h = &a.history;
    uint64_t bytes = 0, blobs = 0, at_ms;
    int complete = 1;
    if (l->with && owners_place(o, l->with) < 0)
        return ERR_OK;
    message_answer_init(&a);
    enum err e = records_look(&l->n->records, key, &a);
    for (size_t i = 0; i < h->n && !e; i++) {
        const struct record *record = &h->entries[i].record;
        if (!history_is_live(h, i))
            continue;
        blobs++;
        bytes += record->size;
        complete &= verify_state(l->n->verify, record->sha256, &at_ms) == BLOB_STORED;
    }
    const struct record *current = history_current(h);
    if (!e && current) {
        struct json *course = json_object();
        json_set_str(course, "key", key);
        json_set_str(course, "course", current->course);
        json_set_bool(course, "complete", complete);
        json_set_u64(course, "bytes", bytes);
        json_set_u64(course, "blobs", blobs);
        append(l, course, 128 + strlen(key) + strlen(current->course));
    }
    message_answer_release(&a);
    return e;
}

void handle_holdings(struct http_request *r, void *ctx)
{
    struct listing l = {.n = ctx, .add = add_holding, .with = http_query(r, "with")};
    if (l.with && !ring_id_ok(l.with)) {
        http_reply_problem(r, ERR_SYNTAX, "with is a node's id");
        return;
    }
    list(r, &l);
}

/* ---- GET /deleted: tombstones that may go */

/* A course of which this node is the first owner, while nobody's owners change; deleted as a whole long enough ago, and left alone for a while (P6.5). */
static enum err add_deleted(struct listing *l, const char *key, const struct owners *o)
{
    struct message_answer a;
    char digest[HASH_HEX_SIZE];
    uint64_t now = clock_unix_ms();
    if (!o->at[0].now || strcmp(o->at[0].member->id, l->n->self.id) != 0 || owners_are_moving(o))
        return ERR_OK;
    message_answer_init(&a);
    enum err e = records_look(&l->n->records, key, &a);
    const struct record *t = e ? NULL : history_current(&a.history);
    int is_quiet = hlc_to_unix_ms(a.promised.clock) + l->n->purge_quiet_ms <= now;
    if (t && is_quiet && t->kind == RECORD_DELETE && stamp_is_zero(t->of) && hlc_to_unix_ms(t->id.clock) < l->before_ms) {
        struct json *j = json_object();
        history_digest(&a.history, digest);
        json_set_str(j, "key", key);
        json_set_stamp(j, "tombstone", t->id);
        json_set_str(j, "digest", digest);
        append(l, j, 192 + strlen(key));
    }
    message_answer_release(&a);
    return e;
}

void handle_deleted(struct http_request *r, void *ctx)
{
    struct listing l = {.n = ctx, .add = add_deleted, .before_ms = UINT64_MAX};
    if (number(r, "before", INT64_MAX, &l.before_ms)) {
        http_reply_problem(r, ERR_SYNTAX, "before is a time in ms since 1970");
        return;
    }
    list(r, &l);
}
