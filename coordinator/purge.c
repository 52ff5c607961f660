/* Deleted files that nobody needs to remember any more (protocol.md P6): when every owner of a stable ring holds the same records of a course, the last of which
 * deletes all of it, all of them are told to drop it, and the index forgets it. */
#include "coordinator/tend.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/store/events.h"
#include "lib/store/index.h"
#include "lib/wire/owners.h"
#include "lib/wire/page.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 256u /* courses looked at together */
#define TIMEOUT_MS 3000u
#define CONNECT_TIMEOUT_MS 500u
#define ANSWER_MAX (1u << 20)
#define BODY_MAX (2u << 20)
#define PATH_MAX_BYTES 4096

/* A course that its first owner would let go. */
struct candidate {
    char *key;
    struct stamp tombstone;
    char digest[HASH_HEX_SIZE]; /* of all its records there */
    struct owners owners;
    unsigned holders;   /* owners that hold the same set */
    struct stamp floor; /* the largest stamp that any of those has promised or accepted there */
};

struct round {
    struct tend *t;
    struct tend_nodes nodes;
    struct candidate list[PAGE];
    size_t n;
    char *after; /* where the next page of the node begins; NULL: no more */
    uint64_t dropped;
};

/* ---- candidates */

static void release_candidates(struct round *r)
{
    for (size_t i = 0; i < r->n; i++)
        free(r->list[i].key);
    r->n = 0;
}

static enum err read_candidate(const struct round *r, const struct json *item, struct candidate *out)
{
    struct candidate c = {0};
    const char *key = json_get_str(item, "key");
    enum err e = key ? json_get_stamp(item, "tombstone", &c.tombstone) : ERR_SYNTAX;
    if (e == ERR_OK)
        e = json_copy_str(item, "digest", c.digest, sizeof c.digest);
    if (e == ERR_OK && !(c.key = strdup(key)))
        e = ERR_NOMEM;
    if (e != ERR_OK)
        return e;
    owners_of_key(r->nodes.doc, key, &c.owners);
    *out = c;
    return ERR_OK;
}

static enum err read_candidates(struct round *r, const struct buf *answer)
{
    struct json *j;
    enum err e = json_parse(buf_str(answer), answer->len, &j);
    if (e != ERR_OK)
        return e;
    const struct json *list = json_get(j, "courses");
    const char *next = json_get_str(j, "next");
    if (!page_is_in_order(list, r->after, next) || json_count(list) > PAGE)
        e = ERR_SYNTAX;
    for (const struct json *item = e == ERR_OK ? json_first(list) : NULL; item && e == ERR_OK; item = json_next(item)) {
        e = read_candidate(r, item, &r->list[r->n]);
        r->n += e == ERR_OK;
    }
    free(r->after);
    r->after = e == ERR_OK && next ? strdup(next) : NULL;
    json_free(j);
    return e;
}

/* What node i would let go, from r->after on. A node that does not answer has nothing to offer today. */
static enum err ask_candidates(struct round *r, size_t node, uint64_t before_ms)
{
    struct buf path;
    buf_init(&path, PATH_MAX_BYTES);
    enum err e = buf_addf(&path, "/deleted?before=%" PRIu64 "&limit=%u", before_ms, PAGE);
    if (e == ERR_OK && r->after)
        e = buf_add_str(&path, "&after=");
    if (e == ERR_OK && r->after)
        e = text_percent_encode(&path, r->after, strlen(r->after));
    struct peer_call call = {.base_url = r->nodes.urls[node],
        .to = r->nodes.ids[node],
        .method = "GET",
        .path = e == ERR_OK ? buf_str(&path) : NULL,
        .epoch = r->nodes.doc->ring->epoch,
        .answer_max = ANSWER_MAX};
    if (e == ERR_OK)
        e = peer_call(r->t->peer, &call, TIMEOUT_MS);
    if (e == ERR_OK && (call.error != ERR_OK || call.status != 200))
        e = ERR_UNAVAILABLE;
    if (e == ERR_OK)
        e = read_candidates(r, &call.answer);
    peer_calls_release(&call, 1);
    buf_release(&path);
    return e;
}

/* ---- do all of them hold it? */

/* {"ring", "items": [{"key", "digest"}]} of what this node owns. Returns how many. */
static size_t print_holds(const struct round *r, size_t node, struct buf *out)
{
    struct json *j = json_object(), *items = json_array();
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++) {
        if (owners_place(&r->list[i].owners, r->nodes.ids[node]) < 0)
            continue;
        struct json *item = json_object();
        json_set_str(item, "key", r->list[i].key);
        json_set_str(item, "digest", r->list[i].digest);
        json_append(items, item);
        n++;
    }
    json_set_u64(j, "ring", r->nodes.doc->ring->epoch);
    json_set(j, "items", items);
    if (json_print(j, out) != ERR_OK)
        n = 0;
    json_free(j);
    return n;
}

/* A yes counts only with the stamp that the owner promised: what it let in must stay out once it forgets the course. */
static void count_holder(struct candidate *c, const struct json *hold, const struct json *promised)
{
    struct stamp s = STAMP_ZERO;
    if (!json_as_bool(hold, 0) || (json_as_str(promised) && stamp_parse(json_as_str(promised), &s) != ERR_OK))
        return;
    c->holders++;
    if (stamp_cmp(s, c->floor) > 0)
        c->floor = s;
}

/* {"ring", "holds": [bool…], "promised": [stamp…]} in the order asked. An answer made under another ring counts for nothing. */
static void take_holds(struct round *r, size_t node, const struct buf *answer)
{
    struct json *j;
    uint64_t ring;
    if (json_parse(buf_str(answer), answer->len, &j) != ERR_OK)
        return;
    const struct json *hold = json_first(json_get(j, "holds")), *promised = json_first(json_get(j, "promised"));
    int same = json_get_u64(j, "ring", JSON_EXACT_MAX, &ring) == ERR_OK && ring == r->nodes.doc->ring->epoch;
    for (size_t i = 0; same && hold && promised && i < r->n; i++) {
        if (owners_place(&r->list[i].owners, r->nodes.ids[node]) < 0)
            continue;
        count_holder(&r->list[i], hold, promised);
        hold = json_next(hold);
        promised = json_next(promised);
    }
    json_free(j);
}

static enum err ask_holds(struct round *r, size_t node)
{
    struct buf body;
    buf_init(&body, BODY_MAX);
    if (print_holds(r, node, &body) == 0) {
        buf_release(&body);
        return ERR_OK;
    }
    struct peer_call call = {.base_url = r->nodes.urls[node],
        .to = r->nodes.ids[node],
        .method = "POST",
        .path = "/settle/holds",
        .epoch = r->nodes.doc->ring->epoch,
        .body = body.data,
        .body_len = body.len,
        .answer_max = ANSWER_MAX};
    enum err e = peer_call(r->t->peer, &call, TIMEOUT_MS);
    if (e == ERR_OK && call.error == ERR_OK && call.status == 200)
        take_holds(r, node, &call.answer);
    peer_calls_release(&call, 1);
    buf_release(&body);
    return e;
}

/* ---- drop */

static enum err print_drop(const struct round *r, const struct tend_drop *d, struct buf *out)
{
    struct json *j = json_object();
    json_set(j, "ballot", ballot_to_json(&r->t->ballot));
    json_set_u64(j, "epoch", r->nodes.doc->ring->epoch);
    json_set_str(j, "order", "drop");
    json_set_str(j, "key", d->key);
    json_set_stamp(j, "tombstone", d->tombstone);
    json_set_stamp(j, "floor", d->floor);
    enum err e = json_print(j, out);
    json_free(j);
    return e;
}

/* A refusal: {"promised": ballot, "ring": epoch}. A larger ballot ends our leadership; a newer ring only this order. */
static enum err read_refusal(const struct round *r, const struct json *j)
{
    struct ballot promised;
    if (ballot_from_json(json_get(j, "promised"), &promised) == ERR_OK && ballot_cmp(&promised, &r->t->ballot) > 0)
        coordinator_refused(r->t->c, r->t->term);
    return ERR_FENCED;
}

/* What an owner says to the order. ERR_FENCED: it follows a newer leader, or a newer ring. ERR_CONFLICT: it has something newer of the course. */
static enum err read_drop(const struct round *r, const struct peer_call *call)
{
    struct json *j;
    if (!call->done || call->error != ERR_OK || (call->status != 200 && call->status != 409))
        return ERR_UNAVAILABLE;
    if (json_parse(buf_str(&call->answer), call->answer.len, &j) != ERR_OK)
        return ERR_UNAVAILABLE;
    enum err e = call->status == 409 ? read_refusal(r, j) : json_get_bool(j, "ok", 0) ? ERR_OK : ERR_CONFLICT;
    json_free(j);
    return e;
}

/* Gives the order to all owners. ERR_OK: all have dropped it; ERR_UNAVAILABLE: some may not have; ERR_CONFLICT: somebody has something newer, so it is over. */
static enum err order_drop(struct round *r, const struct tend_drop *d)
{
    struct owners owners;
    struct peer_call calls[OWNERS_MAX];
    struct peer_round round = {.timeout_ms = TIMEOUT_MS, .connect_timeout_ms = CONNECT_TIMEOUT_MS};
    struct buf body;
    size_t n = 0;
    owners_of_key(r->nodes.doc, d->key, &owners);
    memset(calls, 0, sizeof calls);
    buf_init(&body, BODY_MAX);
    enum err e = print_drop(r, d, &body);
    for (size_t i = 0; i < owners.n; i++) {
        long node = tend_nodes_find(&r->nodes, owners.at[i].member->id);
        if (node < 0)
            continue;
        calls[n++] = (struct peer_call){.base_url = r->nodes.urls[node],
            .to = r->nodes.ids[node],
            .method = "POST",
            .path = "/leader/command",
            .epoch = r->nodes.doc->ring->epoch,
            .body = body.data,
            .body_len = body.len,
            .answer_max = ANSWER_MAX};
    }
    if (e == ERR_OK && !tend_may(r->t))
        e = ERR_FENCED;
    if (e == ERR_OK && n > 0)
        e = peer_round(r->t->peer, &round, calls, n);
    enum err worst = n < owners.n ? ERR_UNAVAILABLE : ERR_OK;
    for (size_t i = 0; e == ERR_OK && i < n; i++) {
        enum err said = read_drop(r, &calls[i]);
        if (said == ERR_FENCED || said == ERR_CONFLICT || worst == ERR_OK)
            worst = worst == ERR_FENCED ? worst : said;
    }
    peer_calls_release(calls, n);
    buf_release(&body);
    return e == ERR_OK ? worst : e;
}

/* Everybody has dropped it: the index too, and people may know. */
static enum err forget(struct round *r, const struct tend_drop *d)
{
    struct store *s = r->t->store;
    enum err e = index_forget(s, &r->t->hold, d->key, d->tombstone);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    r->dropped++;
    e = events_add(s, "purge", NULL, d->key, NULL, clock_unix_ms());
    if (e != ERR_OK)
        log_write(LOG_WARN, "event", "the purge of %s is not in the stream: %s", d->key, err_text(e));
    return ERR_OK;
}

/* One try with a drop; it goes on the list of those to be tried again when it did not reach everybody. Takes d->key. */
static enum err try_drop(struct round *r, struct tend_drop *d)
{
    enum err e = order_drop(r, d);
    if (e == ERR_OK)
        e = forget(r, d);
    if (e == ERR_CONFLICT) {
        e = ERR_OK; /* a newer upload: nothing is to be forgotten */
    } else if (e != ERR_OK && r->t->n_drops < TEND_PURGE_PENDING_MAX) {
        r->t->drops[r->t->n_drops++] = *d;
        d->key = NULL;
    }
    free(d->key);
    d->key = NULL;
    return e == ERR_UNAVAILABLE ? ERR_OK : e;
}

/* Those that did not reach everybody before, as many as there are now. */
static enum err drop_again(struct round *r)
{
    struct tend *t = r->t;
    enum err e = ERR_OK;
    for (size_t left = t->n_drops; left > 0 && e == ERR_OK; left--) {
        struct tend_drop d = t->drops[0];
        memmove(&t->drops[0], &t->drops[1], --t->n_drops * sizeof t->drops[0]);
        if (d.epoch == r->nodes.doc->ring->epoch)
            e = try_drop(r, &d);
        else
            free(d.key); /* other owners, who were not asked */
    }
    return e;
}

/* All owners that there are must hold it: also those that sleep, which therefore stop a purge. */
static enum err drop_held(struct round *r)
{
    enum err e = ERR_OK;
    for (size_t i = 0; i < r->n && e == ERR_OK; i++) {
        struct candidate *c = &r->list[i];
        if (c->holders < c->owners.n)
            continue;
        struct tend_drop d = {.key = c->key, .tombstone = c->tombstone, .floor = c->floor, .epoch = r->nodes.doc->ring->epoch};
        c->key = NULL;
        e = try_drop(r, &d);
    }
    return e;
}

/* ---- the whole */

/* Everything that one node, as first owner, would let go. */
static enum err purge_node(struct round *r, size_t node, uint64_t before_ms)
{
    enum err e;
    do {
        e = tend_may(r->t) ? ask_candidates(r, node, before_ms) : ERR_FENCED;
        for (size_t i = 0; e == ERR_OK && r->n > 0 && i < r->nodes.n; i++)
            e = ask_holds(r, i);
        if (e == ERR_OK)
            e = drop_held(r);
        release_candidates(r);
    } while (e == ERR_OK && r->after);
    free(r->after);
    r->after = NULL;
    return e;
}

enum err purge_round(struct tend *t)
{
    uint64_t now_ms = clock_unix_ms(), age_ms = t->c->settings->purge_after_s * 1000;
    if (now_ms <= age_ms)
        return ERR_OK;
    struct round *r = calloc(1, sizeof *r);
    if (!r)
        return ERR_NOMEM;
    r->t = t;
    enum err e = tend_nodes_read(t, &r->nodes);
    int stable = e == ERR_OK && !ringdoc_is_joint(r->nodes.doc);
    if (stable)
        e = drop_again(r);
    for (size_t i = 0; stable && e == ERR_OK && i < r->nodes.n; i++) {
        e = purge_node(r, i, now_ms - age_ms);
        if (e == ERR_UNAVAILABLE || e == ERR_SYNTAX)
            e = ERR_OK; /* that node's deleted files wait for the next round */
    }
    if (r->dropped > 0)
        log_write(LOG_INFO, "purge", "%" PRIu64 " deleted files are forgotten", r->dropped);
    tend_nodes_release(&r->nodes);
    free(r);
    return e;
}
