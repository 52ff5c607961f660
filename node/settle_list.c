#include "node/settle_serve.h"

#include "lib/name/name.h"
#include "lib/wire/owners.h"
#include "node/orders.h"
#include "node/rings.h"
#include "node/rows.h"
#include "node/wanted.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_BATCH 256
#define RECORD_BYTES 800 /* a record's JSON and what is around it, about */

enum err settle_hold_ring(struct node *n, const struct json *in, struct ledger_ring **out)
{
    uint64_t epoch;
    const char *doc = json_get_str(in, "doc");
    if (!json_is_object(in) || json_get_u64(in, "ring", UINT64_MAX, &epoch) || (json_get(in, "doc") && !doc))
        return ERR_SYNTAX;
    rings_catch_up(n, epoch);
    for (int again = 0; again < 2; again++) {
        struct ledger_ring *ring = ledger_hold(n->ledger);
        int is_number = ring && ring->doc->ring->epoch == epoch;
        if (is_number && (!doc || strcmp(doc, ring->fingerprint) == 0)) {
            *out = ring;
            return ERR_OK;
        }
        ledger_drop(ring);
        /* Of two documents with one number at most one is committed: perhaps ours is the other one. */
        if (!is_number || again > 0 || !rings_are_committed(n))
            break;
    }
    return ERR_STALE_RING;
}

void settle_wanted(const struct node *n, const struct history *h, unsigned char *wanted)
{
    wanted_versions(h, node_deleted_before(n), wanted);
}

/* One list on its way. */
struct listing {
    struct node *node;
    struct db_conn *c;
    const struct ringdoc *doc;
    struct order order;
    const char *mover;
    struct json *courses;
    size_t n, limit, bytes, visits;
    char next[NAME_KEY_BYTES_MAX + 1]; /* the last key that was looked at */
    int all;                           /* there are no more */
};

static int falls_to_mover(struct listing *l, const char *key)
{
    struct owners o;
    owners_of_key(l->doc, key, &o);
    if (!owners_are_moving(&o))
        return 0;
    long mover = owners_mover(&o, order_counts, &l->order);
    return mover >= 0 && strcmp(o.at[mover].member->id, l->mover) == 0;
}

static void add_blob(struct json *blobs, const struct record *r)
{
    struct json *blob = json_object();
    json_set_str(blob, "sha256", r->sha256);
    json_set_u64(blob, "size", r->size);
    json_append(blobs, blob);
}

static enum err add_course(struct listing *l, const char *key)
{
    struct message_answer a;
    message_answer_init(&a);
    enum err e = records_load(l->c, key, &a);
    unsigned char *wanted = e ? NULL : calloc(a.history.n + 1, 1);
    if (!e && !wanted)
        e = ERR_NOMEM;
    if (!e) {
        struct json *course = json_object(), *blobs = json_array();
        settle_wanted(l->node, &a.history, wanted);
        for (size_t i = 0; i < a.history.n; i++)
            if (wanted[i])
                add_blob(blobs, &a.history.entries[i].record);
        if (a.slot_has_record && a.slot_record.sha256[0] != '\0' && !history_find(&a.history, a.slot_record.id))
            add_blob(blobs, &a.slot_record);
        json_set_str(course, "key", key);
        json_set_u64(course, "records", a.history.n);
        json_set(course, "blobs", blobs);
        json_append(l->courses, course);
        l->n++;
        l->bytes += RECORD_BYTES * (a.history.n + 1) / 4;
    }
    free(wanted);
    message_answer_release(&a);
    return e;
}

static int is_full(const struct listing *l)
{
    return l->n >= l->limit || l->bytes >= SETTLE_LIST_BYTES || l->visits >= SETTLE_VISITS_MAX;
}

static enum err list_some(struct listing *l)
{
    char *keys[KEYS_BATCH];
    size_t n;
    enum err e = rows_keys(l->c, l->next, keys, KEYS_BATCH, &n);
    l->all = n < KEYS_BATCH;
    for (size_t i = 0; i < n; i++) {
        if (!e && !is_full(l)) {
            l->visits++;
            if (falls_to_mover(l, keys[i]))
                e = add_course(l, keys[i]);
            snprintf(l->next, sizeof(l->next), "%s", keys[i]);
            l->all = n < KEYS_BATCH && i + 1 == n;
        } else {
            l->all = 0;
        }
        free(keys[i]);
    }
    return e;
}

static enum err list_all(struct listing *l)
{
    enum err e = db_read_begin(l->node->db, &l->c);
    if (e)
        return e;
    do
        e = list_some(l);
    while (!e && !l->all && !is_full(l));
    db_read_end(l->c);
    return e;
}

static enum err read_listing(const struct json *in, struct listing *l)
{
    uint64_t limit;
    const char *after = json_get_str(in, "after");
    l->mover = json_get_str(in, "mover");
    if (!l->mover || !after || strlen(after) > NAME_KEY_BYTES_MAX)
        return ERR_SYNTAX;
    if (json_get_u64(in, "limit", SETTLE_COURSES_MAX, &limit) || limit == 0)
        return ERR_SYNTAX;
    l->limit = limit;
    snprintf(l->next, sizeof(l->next), "%s", after);
    return order_from_json(json_get(in, "order"), &l->order);
}

enum err settle_serve_list(struct node *n, const struct json *in, struct json **out)
{
    struct ledger_ring *ring;
    struct listing l = {.node = n};
    enum err e = settle_hold_ring(n, in, &ring);
    if (e)
        return e;
    e = ringdoc_is_joint(ring->doc) ? read_listing(in, &l) : ERR_CONFLICT;
    if (!e) {
        struct json *j = json_object();
        l.doc = ring->doc;
        l.courses = json_array();
        e = list_all(&l);
        json_set_u64(j, "ring", ring->doc->ring->epoch);
        json_set(j, "courses", l.courses);
        json_set_str(j, "next", l.all ? NULL : l.next);
        if (e)
            json_free(j);
        else
            *out = j;
        order_release(&l.order);
    }
    ledger_drop(ring);
    return e;
}
