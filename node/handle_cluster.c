#include "node/handle.h"

#include "lib/base/clock.h"
#include "lib/wire/json.h"
#include "node/collect.h"
#include "node/entropy.h"
#include "node/hints.h"
#include "node/needs.h"
#include "node/route.h"
#include "node/scrub.h"

#include <string.h>

#define ANSWER_MAX 4096

void handle_reply_json(struct http_request *r, int status, struct json *j)
{
    struct buf text;
    buf_init(&text, MESSAGE_BODY_MAX);
    enum err e = json_print(j, &text);
    json_free(j);
    if (e)
        http_reply_problem(r, e, NULL);
    else
        http_reply_json(r, status, &text);
    buf_release(&text);
}

/* What this node has of a course, whoever owns it. */
static enum err look(struct node *n, const char *key, struct json **out)
{
    struct message_answer answer;
    message_answer_init(&answer);
    enum err e = records_look(&n->records, key, &answer);
    if (e) {
        message_answer_release(&answer);
        return e;
    }
    struct json *j = json_object(), *records = json_array();
    json_set_str(j, "key", key);
    for (size_t i = 0; i < answer.history.n; i++) {
        const struct history_entry *entry = &answer.history.entries[i];
        struct json *item = json_object();
        uint64_t at_ms = 0;
        json_set(item, "record", record_to_json(&entry->record));
        json_set_bool(item, "direct", entry->direct);
        json_set_str(
            item, "blob", entry->record.sha256[0] ? blob_state_name(verify_state(n->verify, entry->record.sha256, &at_ms)) : "stored");
        json_append(records, item);
    }
    json_set(j, "records", records);
    json_set_stamp(j, "promised", answer.promised);
    json_set_u64(j, "ring", answer.ring);
    message_answer_release(&answer);
    *out = j;
    return ERR_OK;
}

static void reply_owner(struct http_request *r, struct node *n, const char *key, const struct route *route)
{
    struct json *j, *hops = json_array();
    enum err e = look(n, key, &j);
    if (e) {
        json_free(hops);
        http_reply_problem(r, e, NULL);
        return;
    }
    for (size_t i = 0; i < route->n_hops; i++)
        json_append(hops, json_string(route->hops[i]));
    json_append(hops, json_string(n->self.name));
    json_set_str(j, "node", n->self.name);
    json_set(j, "hops", hops);
    handle_reply_json(r, 200, j);
}

/* Peer-to-peer: an owner answers, anybody else asks on. */
static void lookup_by_route(struct http_request *r, struct node *n, const char *key)
{
    struct route route;
    struct buf answer;
    int is_here = 0;
    enum err e = route_read(http_query(r, "hops"), http_query(r, "ms"), n->self.name, &route);
    if (e) {
        http_reply_problem(r, e, e == ERR_CONFLICT ? "this lookup goes in circles" : "hops are node names, ms is a number");
        return;
    }
    e = route_is_here(n, key, &is_here);
    if (!e && is_here) {
        reply_owner(r, n, key, &route);
        return;
    }
    buf_init(&answer, ROUTE_ANSWER_MAX);
    if (!e)
        e = route_ask_on(n, key, &route, &answer);
    if (e)
        http_reply_problem(r, e, e == ERR_UNAVAILABLE ? "no owner could be reached along the fingers" : NULL);
    else
        http_reply_json(r, 200, &answer);
    buf_release(&answer);
}

void handle_lookup(struct http_request *r, void *ctx)
{
    struct node *n = ctx;
    const char *key = http_capture(r, 0), *route = http_query(r, "route");
    struct json *j;
    if (route && strcmp(route, "1") == 0) {
        lookup_by_route(r, n, key);
        return;
    }
    enum err e = look(n, key, &j);
    if (e)
        http_reply_problem(r, e, NULL);
    else
        handle_reply_json(r, 200, j);
}

static struct json *scrub_json(const struct scrub_state *s)
{
    struct json *j = json_object();
    json_set_u64(j, "began", s->began_ms);
    json_set_u64(j, "ended", s->ended_ms);
    json_set_bool(j, "running", s->running);
    json_set_u64(j, "read", s->read);
    json_set_u64(j, "bad", s->bad);
    json_set_u64(j, "missing", s->missing);
    return j;
}

static struct json *entropy_json(const struct entropy_counts *c)
{
    struct json *j = json_object();
    json_set_u64(j, "looks", c->looks);
    json_set_u64(j, "differing", c->differing);
    json_set_u64(j, "pulled", c->pulled);
    json_set_u64(j, "learned", c->learned);
    return j;
}

/* How the node keeps well: what waits for repair, what was found and removed. */
static void add_health(struct node *n, struct json *j)
{
    struct scrub_state scrub;
    struct collect_counts collected;
    struct entropy_counts entropy;
    struct member_census census;
    scrub_look(n->scrub, &scrub);
    collect_look(n->collect, &collected);
    entropy_counts(n->entropy, &entropy);
    entropy_census(n->entropy, &census);
    json_set(j, "scrub", scrub_json(&scrub));
    struct json *removed = json_object();
    json_set_u64(removed, "files", collected.files);
    json_set_u64(removed, "bytes", collected.bytes);
    json_set(j, "collected", removed);
    json_set(j, "entropy", entropy_json(&entropy));
    if (census.known)
        json_set(j, "census", member_census_to_json(&census));
    else
        json_set_null(j, "census");
}

void handle_inventory(struct http_request *r, void *ctx)
{
    struct node *n = ctx;
    struct blobs_usage usage;
    uint64_t hints = 0, needs = 0;
    enum err e = blobs_usage(n->blobs, &usage);
    if (!e)
        e = hints_count(n->db, &hints);
    if (!e)
        e = needs_count(n->db, &needs);
    if (e) {
        http_reply_problem(r, e, NULL);
        return;
    }
    struct json *j = json_object();
    json_set_str(j, "id", n->self.id);
    json_set_u64(j, "files", usage.files);
    json_set_u64(j, "bytes", usage.bytes);
    json_set_u64(j, "capacity_bytes", usage.capacity_bytes);
    json_set_u64(j, "free_bytes", usage.free_bytes);
    json_set_u64(j, "ring", ledger_epoch(n->ledger));
    json_set_u64(j, "load", http_load(n->server));
    json_set_u64(j, "hints", hints);
    json_set_u64(j, "needs", needs);
    json_set_u64(j, "quarantined", usage.quarantined);
    add_health(n, j);
    json_set_bool(j, "suspect", node_is_suspect(n));
    handle_reply_json(r, 200, j);
}

void handle_scrub(struct http_request *r, void *ctx)
{
    struct node *n = ctx;
    struct json *order;
    struct scrub_state state;
    size_t len;
    const void *body = http_body(r, &len);
    enum err e = json_parse(body, len, &order);
    int is_order = !e && json_get_bool(order, "now", 0);
    if (!e)
        json_free(order);
    if (!is_order) {
        http_reply_problem(r, e ? e : ERR_SYNTAX, "the order is {\"now\": true}");
        return;
    }
    struct json *j = json_object();
    json_set_u64(j, "at", clock_unix_ms());
    scrub_now(n->scrub);
    scrub_look(n->scrub, &state);
    json_set(j, "scrub", scrub_json(&state));
    handle_reply_json(r, 202, j);
}

void handle_healthz(struct http_request *r, void *ctx)
{
    struct node *n = ctx;
    struct json *j = json_object();
    json_set_str(j, "name", n->self.name);
    handle_reply_json(r, 200, j);
}
