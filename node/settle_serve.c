#include "node/settle_serve.h"

#include "lib/base/clock.h"
#include "lib/base/num.h"
#include "node/fetch.h"
#include "node/needs.h"
#include "node/repair.h"

#include <stdlib.h>
#include <string.h>

/* ---- blobs */

/* Makes sure that a blob is here, at the pace of copying when it has to come. */
static enum err bring(
    struct node *n, struct peer *peer, const char *key, const char *sha256, uint64_t size, const char *from, uint64_t *copied_bytes)
{
    enum err e = verify_check(n->verify, sha256);
    if (e != ERR_NOT_FOUND && e != ERR_CORRUPT)
        return e ? e : blobs_sync(n->blobs, sha256);
    pace_take(&n->pace, size);
    e = fetch_blob(n, peer, key, sha256, size, from);
    if (!e)
        *copied_bytes += size;
    return e;
}

#define DRAFTS_MAX 32          /* that are flushed together */
#define DRAFT_BYTES (1u << 20) /* of one of them; larger blobs are stored at once */

/* A request for blobs on its way. */
struct bringing {
    struct node *node;
    struct peer *peer;
    const char *from; /* asked first; NULL = nobody */
    uint64_t until_ms, copied, bytes;
    struct json *lack, *lost;
    struct draft *drafts[DRAFTS_MAX];
    char sha256[DRAFTS_MAX][HASH_HEX_SIZE];
    size_t n_drafts;
};

static void say(struct bringing *b, enum err e, const char *sha256)
{
    if (e)
        json_append(e == ERR_NOT_FOUND ? b->lost : b->lack, json_string(sha256));
}

/* Stores what was fetched, all of it in a few flushes. */
static void store_drafts(struct bringing *b)
{
    enum err errors[DRAFTS_MAX];
    uint64_t sizes[DRAFTS_MAX];
    for (size_t i = 0; i < b->n_drafts; i++)
        sizes[i] = draft_size(b->drafts[i]);
    verify_put_all(b->node->verify, b->drafts, (const char(*)[HASH_HEX_SIZE])b->sha256, b->n_drafts, errors);
    for (size_t i = 0; i < b->n_drafts; i++) {
        draft_free(b->drafts[i]);
        say(b, errors[i] ? ERR_UNAVAILABLE : ERR_OK, b->sha256[i]);
        b->copied += !errors[i];
        b->bytes += errors[i] ? 0 : sizes[i];
    }
    b->n_drafts = 0;
}

/* A small blob waits as a draft for the others; a large one is stored at once. */
static enum err bring_one(struct bringing *b, const char *key, const char *sha256, uint64_t size)
{
    uint64_t before = b->bytes;
    enum err e;
    if (clock_boot_ms() >= b->until_ms)
        return ERR_UNAVAILABLE;
    if (size > DRAFT_BYTES || verify_check(b->node->verify, sha256) == ERR_OK) {
        e = bring(b->node, b->peer, key, sha256, size, b->from, &b->bytes);
        b->copied += b->bytes > before;
        return e;
    }
    pace_take(&b->node->pace, size);
    e = fetch_draft(b->node, b->peer, key, sha256, size, b->from, &b->drafts[b->n_drafts]);
    if (e)
        return e;
    memcpy(b->sha256[b->n_drafts++], sha256, HASH_HEX_SIZE);
    if (b->n_drafts == DRAFTS_MAX)
        store_drafts(b);
    return ERR_OK;
}

static enum err serve_blob(struct bringing *b, const struct json *item)
{
    const char *key = json_get_str(item, "key"), *sha256 = json_get_str(item, "sha256");
    uint64_t size;
    if (!key || !sha256 || !num_is_hex(sha256, HASH_HEX_SIZE - 1) || json_get_u64(item, "size", JSON_EXACT_MAX, &size))
        return ERR_SYNTAX;
    say(b, bring_one(b, key, sha256, size), sha256);
    return ERR_OK;
}

static enum err serve_all(struct bringing *b, const struct json *blobs)
{
    enum err e = b->peer ? ERR_OK : ERR_NOMEM;
    for (const struct json *item = json_first(blobs); item && !e; item = json_next(item))
        e = serve_blob(b, item);
    store_drafts(b);
    return e;
}

enum err settle_serve_blobs(struct node *n, const struct json *in, struct json **out)
{
    struct ledger_ring *ring;
    const struct json *blobs = json_get(in, "blobs");
    const char *from = json_get_str(in, "from");
    if (!json_is_array(blobs) || (from && !ring_id_ok(from)))
        return ERR_SYNTAX;
    enum err e = settle_hold_ring(n, in, &ring);
    if (e)
        return e;
    ledger_drop(ring);
    struct bringing b = {.node = n,
        .peer = peers_take(n->peers),
        .from = from,
        .until_ms = clock_boot_ms() + SETTLE_BLOBS_MS,
        .lack = json_array(),
        .lost = json_array()};
    e = serve_all(&b, blobs);
    peers_give(n->peers, b.peer);
    struct json *j = json_object();
    json_set(j, "lack", b.lack);
    json_set(j, "lost", b.lost);
    json_set_u64(j, "copied", b.copied);
    json_set_u64(j, "bytes", b.bytes);
    if (e)
        json_free(j);
    else
        *out = j;
    return e;
}

/* ---- prepare and accept */

/* One message of a batch and its answer. */
struct item {
    struct message_request m;
    struct message_answer a;
    unsigned char *missing; /* of m.known: blobs that nobody has */
    int is_ready;           /* blobs are here: the transaction may take it */
};

struct batch {
    struct node *node;
    struct item *items;
    size_t n;
};

static void batch_release(struct batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        message_request_release(&b->items[i].m);
        message_answer_release(&b->items[i].a);
        free(b->items[i].missing);
    }
    free(b->items);
}

static enum err read_batch(struct node *n, const struct json *in, enum message_verb verb, struct batch *out)
{
    const struct json *list = json_get(in, "items");
    size_t count = json_count(list);
    if (!json_is_array(list) || count > SETTLE_COURSES_MAX)
        return ERR_SYNTAX;
    struct batch b = {.node = n, .items = calloc(count + 1, sizeof(*b.items))};
    if (!b.items)
        return ERR_NOMEM;
    enum err e = ERR_OK;
    for (const struct json *item = json_first(list); item && !e; item = json_next(item)) {
        struct item *at = &b.items[b.n];
        message_answer_init(&at->a);
        e = message_request_from_json(verb, item, &at->m);
        if (!e) {
            at->is_ready = 1;
            b.n++;
        }
    }
    if (e)
        batch_release(&b);
    else
        *out = b;
    return e;
}

/* The ring's number is checked again inside the transaction, by the messages; its fingerprint need not be: a mover acts under a committed document, and that is never
 * replaced by another one of its number. */
static enum err run_batch(
    struct batch *b, enum err (*one)(struct records *, struct db_conn *, const struct message_request *, struct message_answer *))
{
    struct db_conn *c;
    enum err e = db_write_begin(b->node->db, &c);
    if (e)
        return e;
    for (size_t i = 0; i < b->n && !e; i++) {
        struct item *item = &b->items[i];
        if (!item->is_ready)
            continue;
        e = one(&b->node->records, c, &item->m, &item->a);
        for (size_t k = 0; !e && item->a.ok && item->missing && k < item->m.known.n; k++) {
            const struct record *r = &item->m.known.entries[k].record;
            if (item->missing[k])
                e = needs_add(c, r->sha256, r->size, r->key, 0);
        }
    }
    return db_write_end(c, e);
}

static struct json *batch_json(const struct batch *b)
{
    struct json *j = json_object(), *answers = json_array();
    for (size_t i = 0; i < b->n; i++)
        json_append(answers, message_answer_to_json(&b->items[i].a));
    json_set(j, "answers", answers);
    return j;
}

/* The ring is looked at once for the whole batch, and again for each course in the transaction. */
static enum err open_batch(struct node *n, const struct json *in, enum message_verb verb, struct batch *out)
{
    struct ledger_ring *ring;
    enum err e = settle_hold_ring(n, in, &ring);
    if (e)
        return e;
    ledger_drop(ring);
    return read_batch(n, in, verb, out);
}

enum err settle_serve_prepare(struct node *n, const struct json *in, struct json **out)
{
    struct batch b;
    enum err e = open_batch(n, in, MESSAGE_PREPARE, &b);
    if (e)
        return e;
    e = run_batch(&b, records_prepare_in);
    if (!e)
        *out = batch_json(&b);
    batch_release(&b);
    return e;
}

/* What this course will have once `known` was taken, and which of those blobs are to be kept. */
static enum err load_wanted(struct node *n, const struct item *item, struct history *all, unsigned char **wanted)
{
    struct db_conn *c;
    enum err e = db_read_begin(n->db, &c);
    if (e)
        return e;
    e = records_history(c, item->m.key, all);
    db_read_end(c);
    if (!e)
        e = history_merge(all, &item->m.known);
    if (e)
        return e;
    *wanted = calloc(all->n + 1, 1);
    if (!*wanted)
        return ERR_NOMEM;
    settle_wanted(n, all, *wanted);
    return ERR_OK;
}

/* The blobs of `known` and of the value (protocol.md P3: an owner that accepts has them). ERR_NOT_FOUND: not this time. */
static enum err secure_item(struct node *n, struct peer *peer, struct item *item)
{
    struct history all;
    unsigned char *wanted = NULL;
    uint64_t bytes = 0;
    const struct record *value = &item->m.record;
    history_init(&all);
    enum err e = load_wanted(n, item, &all, &wanted);
    item->missing = e ? NULL : calloc(item->m.known.n + 1, 1);
    if (!e && !item->missing)
        e = ERR_NOMEM;
    for (size_t i = 0; i < item->m.known.n && !e; i++) {
        const struct record *r = &item->m.known.entries[i].record;
        if (!wanted[history_find(&all, r->id) - all.entries])
            continue;
        e = bring(n, peer, item->m.key, r->sha256, r->size, NULL, &bytes);
        item->missing[i] = e == ERR_NOT_FOUND;
        if (e == ERR_NOT_FOUND)
            e = ERR_OK; /* no living owner has it: its record must not wait for it */
        else if (e == ERR_UNAVAILABLE)
            e = ERR_NOT_FOUND;
    }
    if (!e && item->m.has_record && !record_is_tombstone(value))
        e = bring(n, peer, item->m.key, value->sha256, value->size, NULL, &bytes);
    free(wanted);
    history_release(&all);
    return e == ERR_UNAVAILABLE ? ERR_NOT_FOUND : e;
}

static enum err secure_batch(struct node *n, struct batch *b)
{
    struct peer *peer = peers_take(n->peers);
    enum err e = peer ? ERR_OK : ERR_NOMEM;
    for (size_t i = 0; i < b->n && !e; i++) {
        struct item *item = &b->items[i];
        if (item->m.known.n == 0 && !item->m.has_record)
            continue;
        e = secure_item(n, peer, item);
        if (e != ERR_NOT_FOUND)
            continue;
        item->is_ready = 0;
        item->a.error = ERR_NOT_FOUND;
        e = ERR_OK;
    }
    peers_give(n->peers, peer);
    return e;
}

enum err settle_serve_accept(struct node *n, const struct json *in, struct json **out)
{
    struct batch b;
    enum err e = open_batch(n, in, MESSAGE_ACCEPT, &b);
    if (e)
        return e;
    e = secure_batch(n, &b);
    if (!e)
        e = run_batch(&b, records_accept_in);
    if (!e)
        *out = batch_json(&b);
    batch_release(&b);
    repair_wake(n->repair);
    return e;
}
