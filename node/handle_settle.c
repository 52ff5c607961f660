#include "node/handle.h"

#include "node/settle_serve.h"

#include <stdio.h>

/* The sender asks again with the ring that it is told, or later. */
static void refuse(struct http_request *r, enum err e, uint64_t ring)
{
    struct json *j = json_object();
    json_set_bool(j, "ok", 0);
    json_set_str(j, "error", err_code(e));
    json_set_u64(j, "ring", ring);
    handle_reply_json(r, 409, j);
}

static void serve(struct http_request *r, struct node *n, enum err (*one)(struct node *, const struct json *, struct json **))
{
    size_t len;
    struct json *in, *out = NULL;
    const void *body = http_body(r, &len);
    if (handle_refuse_writes(r, n))
        return;
    enum err e = json_parse(body, len, &in);
    if (!e) {
        e = one(n, in, &out);
        json_free(in);
    }
    if (e == ERR_STALE_RING || e == ERR_CONFLICT)
        refuse(r, e, ledger_epoch(n->ledger));
    else if (e)
        http_reply_problem(r, e, e == ERR_SYNTAX ? "not a message between the owners of moving courses" : NULL);
    else
        handle_reply_json(r, 200, out);
}

void handle_settle_list(struct http_request *r, void *ctx)
{
    serve(r, ctx, settle_serve_list);
}

void handle_settle_blobs(struct http_request *r, void *ctx)
{
    serve(r, ctx, settle_serve_blobs);
}

void handle_settle_prepare(struct http_request *r, void *ctx)
{
    serve(r, ctx, settle_serve_prepare);
}

void handle_settle_accept(struct http_request *r, void *ctx)
{
    serve(r, ctx, settle_serve_accept);
}

void handle_settle_holds(struct http_request *r, void *ctx)
{
    serve(r, ctx, settle_serve_holds);
}
