#include "node/settle_inside.h"

#include <stdlib.h>
#include <string.h>

#define CONNECT_MS 500u

struct verb {
    const char *path;
    enum err (*serve)(struct node *n, const struct json *in, struct json **out);
};

static const struct verb verbs[] = {
    [SETTLE_LIST] = {"/settle/list", settle_serve_list},
    [SETTLE_BLOBS] = {"/settle/blobs", settle_serve_blobs},
    [SETTLE_PREPARE] = {"/settle/prepare", settle_serve_prepare},
    [SETTLE_ACCEPT] = {"/settle/accept", settle_serve_accept},
    [SETTLE_HOLDS] = {"/settle/holds", settle_serve_holds},
};

/* A call on its way to another node. */
struct outgoing {
    struct settle_call *call;
    char url[MEMBERS_URL_MAX];
    struct buf text;
};

/* What an answer that is no 200 means. */
static enum err refusal(const struct peer_call *c)
{
    if (c->status == 409 && strstr(buf_str(&c->answer), "stale-ring"))
        return ERR_STALE_RING;
    return c->status == 507 ? ERR_FULL : ERR_UNAVAILABLE;
}

static void take_answer(struct settle_call *call, const struct peer_call *c)
{
    call->error = c->error ? c->error : c->status == 200 ? json_parse(buf_str(&c->answer), c->answer.len, &call->answer) : refusal(c);
}

static enum err address(struct node *n, struct settle_call *call, struct outgoing *out)
{
    out->call = call;
    buf_init(&out->text, MESSAGE_BODY_MAX);
    if (cluster_url(n->cluster, call->id, out->url))
        return ERR_UNAVAILABLE;
    return json_print(call->body, &out->text);
}

static void ask_others(struct peer *peer, const char *path, uint64_t epoch, struct outgoing *out, size_t n, unsigned timeout_ms)
{
    struct peer_call calls[PEER_CALLS_MAX];
    struct peer_round round = {.timeout_ms = timeout_ms, .connect_timeout_ms = timeout_ms < CONNECT_MS ? timeout_ms : CONNECT_MS};
    memset(calls, 0, sizeof(calls));
    for (size_t i = 0; i < n; i++)
        calls[i] = (struct peer_call){.base_url = out[i].url,
            .to = out[i].call->id,
            .method = "POST",
            .path = path,
            .epoch = epoch,
            .body = out[i].text.data,
            .body_len = out[i].text.len,
            .answer_max = MESSAGE_BODY_MAX};
    enum err e = peer_round(peer, &round, calls, n);
    for (size_t i = 0; i < n; i++) {
        if (e)
            out[i].call->error = e;
        else
            take_answer(out[i].call, &calls[i]);
    }
    peer_calls_release(calls, n);
}

void settle_ask(struct node *n, const struct ledger_ring *ring, struct peer *peer, enum settle_verb verb, struct settle_call *calls,
    size_t n_calls, unsigned timeout_ms)
{
    struct outgoing *out = calloc(PEER_CALLS_MAX, sizeof(*out));
    struct settle_call *own = NULL;
    size_t n_out = 0;
    for (size_t i = 0; i < n_calls; i++) {
        struct settle_call *c = &calls[i];
        json_set_u64(c->body, "ring", ring->doc->ring->epoch);
        json_set_str(c->body, "doc", ring->fingerprint);
        if (strcmp(c->id, n->self.id) == 0)
            own = c;
        else if (!out || n_out == PEER_CALLS_MAX)
            c->error = ERR_NOMEM;
        else if ((c->error = address(n, c, &out[n_out])) == ERR_OK)
            n_out++;
        else
            buf_release(&out[n_out].text);
    }
    if (n_out > 0)
        ask_others(peer, verbs[verb].path, ring->doc->ring->epoch, out, n_out, timeout_ms);
    if (own)
        own->error = verbs[verb].serve(n, own->body, &own->answer);
    for (size_t i = 0; i < n_out; i++)
        buf_release(&out[i].text);
    free(out);
}

void settle_calls_release(struct settle_call *calls, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        json_free(calls[i].body);
        json_free(calls[i].answer);
    }
}
