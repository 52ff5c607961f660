#include "node/handle.h"

#include "node/orders.h"
#include "node/rings.h"
#include "node/settle.h"

#include <string.h>

/* Reads a body {"ballot", …} and hands the tree over for what else is in it. */
static enum err read_ballot(struct http_request *r, struct ballot *ballot, struct json **out)
{
    size_t len;
    const void *body = http_body(r, &len);
    enum err e = json_parse(body, len, out);
    if (e)
        return e;
    e = ballot_from_json(json_get(*out, "ballot"), ballot);
    if (e)
        json_free(*out);
    return e ? ERR_SYNTAX : ERR_OK;
}

static void reply_promised(struct http_request *r, const struct ballot *promised, uint64_t ring)
{
    struct json *j = json_object();
    json_set(j, "promised", ballot_to_json(promised));
    json_set_u64(j, "ring", ring);
    handle_reply_json(r, 409, j);
}

static void reply_ring(struct http_request *r, const struct ledger_ring *ring)
{
    struct buf text;
    buf_init(&text, RINGDOC_BYTES_MAX + 64);
    enum err e =
        buf_addf(&text, "{\"ring\": %s, \"committed\": %s}", ring ? ring->doc->text : "null", ring && ring->committed ? "true" : "false");
    if (e)
        http_reply_problem(r, e, NULL);
    else
        http_reply_json(r, 200, &text);
    buf_release(&text);
}

void handle_promise(struct http_request *r, void *ctx)
{
    struct node *n = ctx;
    struct ballot ballot, promised;
    struct json *j;
    struct ledger_ring *ring = NULL;
    if (handle_refuse_writes(r, n))
        return;
    enum err e = read_ballot(r, &ballot, &j);
    if (!e) {
        json_free(j);
        e = ledger_promise(n->ledger, &ballot, &ring, &promised);
    }
    if (e == ERR_FENCED)
        reply_promised(r, &promised, ledger_epoch(n->ledger));
    else if (e)
        http_reply_problem(r, e, NULL);
    else
        reply_ring(r, ring);
    ledger_drop(ring);
}

static enum err read_ring(const struct json *j, struct ringdoc **out)
{
    struct buf text;
    buf_init(&text, RINGDOC_BYTES_MAX);
    enum err e = json_is_object(j) ? json_print(j, &text) : ERR_SYNTAX;
    if (!e)
        e = ringdoc_parse(buf_str(&text), text.len, out);
    buf_release(&text);
    return e;
}

void handle_install(struct http_request *r, void *ctx)
{
    struct node *n = ctx;
    struct ballot ballot, promised;
    struct json *j = NULL;
    struct ringdoc *doc = NULL;
    if (handle_refuse_writes(r, n))
        return;
    enum err e = read_ballot(r, &ballot, &j);
    if (!e) {
        e = read_ring(json_get(j, "ring"), &doc);
        json_free(j);
    }
    if (!e)
        e = ledger_install(n->ledger, &ballot, doc, &promised);
    ringdoc_free(doc);
    if (!e)
        settle_wake(n->settle);
    if (e == ERR_FENCED)
        reply_promised(r, &promised, ledger_epoch(n->ledger));
    else if (e)
        http_reply_problem(r, e, NULL);
    else
        http_reply(r, 200, "application/json", "{}", 2);
}

/* The answer to a command: done, done nothing, or refused by the fence. */
static void reply_command(struct http_request *r, enum err e, const struct ballot *promised, uint64_t ring)
{
    static const char ok[] = "{\"ok\": true}", conflict[] = "{\"ok\": false, \"error\": \"conflict\"}";
    if (e == ERR_FENCED)
        reply_promised(r, promised, ring);
    else if (e == ERR_CONFLICT)
        http_reply(r, 200, "application/json", conflict, sizeof(conflict) - 1);
    else if (e)
        http_reply_problem(r, e, e == ERR_SYNTAX ? "not an order of a leader" : NULL);
    else
        http_reply(r, 200, "application/json", ok, sizeof(ok) - 1);
}

static enum err command_settle(struct node *n, const struct json *j, struct ballot *promised, uint64_t *ring)
{
    struct order o;
    enum err e = order_from_json(j, &o);
    if (e)
        return e;
    e = order_keep(n->ledger, &o, promised, ring);
    order_release(&o);
    if (!e)
        settle_wake(n->settle);
    return e;
}

static enum err command_drop(
    struct node *n, const struct json *j, const struct ballot *ballot, uint64_t epoch, struct ballot *promised, uint64_t *ring)
{
    struct records_drop order = {.ballot = *ballot, .epoch = epoch, .key = json_get_str(j, "key")};
    if (!order.key || *order.key == '\0' || json_get_stamp(j, "tombstone", &order.tombstone) || stamp_is_zero(order.tombstone))
        return ERR_SYNTAX;
    if (json_get(j, "floor") && json_get_stamp(j, "floor", &order.floor))
        return ERR_SYNTAX;
    return records_drop(&n->records, &order, promised, ring);
}

void handle_command(struct http_request *r, void *ctx)
{
    struct node *n = ctx;
    struct ballot ballot, promised;
    struct json *j = NULL;
    uint64_t epoch, ring = 0;
    if (handle_refuse_writes(r, n))
        return;
    enum err e = read_ballot(r, &ballot, &j);
    if (e) {
        reply_command(r, e, &promised, ring);
        return;
    }
    const char *order = json_get_str(j, "order");
    if (!order || json_get_u64(j, "epoch", UINT64_MAX, &epoch))
        e = ERR_SYNTAX;
    else {
        rings_catch_up(n, epoch);
        if (strcmp(order, "settle") == 0)
            e = command_settle(n, j, &promised, &ring);
        else
            e = strcmp(order, "drop") == 0 ? command_drop(n, j, &ballot, epoch, &promised, &ring) : ERR_SYNTAX;
    }
    json_free(j);
    reply_command(r, e, &promised, ring);
}

void handle_ring(struct http_request *r, void *ctx)
{
    struct node *n = ctx;
    struct ledger_ring *ring = ledger_hold(n->ledger);
    reply_ring(r, ring);
    ledger_drop(ring);
}
