/* The leader's rounds with the nodes. */
#include "coordinator/lead_inside.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 600u
#define CONNECT_TIMEOUT_MS 300u
#define LINGER_MS 10u /* for those that are a little slower than the quorum; who is slower still gets the ring a moment later */
#define ANSWER_MAX (RINGDOC_BYTES_MAX + 4096u)
#define ORDER_MAX (256u << 10)

/* One round under way. The ids are its own: with the first answer the takeover may take another document, and with it another list of nodes. */
struct round {
    struct lead *l;
    char ids[PEER_CALLS_MAX][RING_ID_MAX];
    char urls[PEER_CALLS_MAX][MEMBERS_URL_MAX];
    struct peer_call calls[PEER_CALLS_MAX];
    size_t n;
};

static int is_yes(const struct peer_call *call)
{
    return call->done && call->error == ERR_OK && call->status == 200;
}

/* Takes those of these n nodes whose address is known: others cannot be asked. */
static void choose(struct round *r, const char *const *ids, size_t n, enum lead_to to)
{
    struct coordinator *c = r->l->c;
    r->n = 0;
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < n; i++) {
        const struct membership_node *node = membership_find(&c->membership, ids[i]);
        if (!node || node->member.url[0] == '\0' || (to == LEAD_TO_THE_LIVING && !node->member.alive))
            continue;
        memcpy(r->urls[r->n], node->member.url, MEMBERS_URL_MAX);
        memcpy(r->ids[r->n++], node->member.id, RING_ID_MAX);
    }
    pthread_mutex_unlock(&c->lock);
}

static void address_calls(struct round *r, const char *path, const struct buf *body, size_t answer_max)
{
    memset(r->calls, 0, sizeof r->calls);
    for (size_t i = 0; i < r->n; i++) {
        r->calls[i].base_url = r->urls[i];
        r->calls[i].to = r->ids[i]; /* a new incarnation at the same address has promised and installed nothing */
        r->calls[i].method = "POST";
        r->calls[i].path = path;
        r->calls[i].epoch = r->l->takeover.doc->ring->epoch;
        r->calls[i].body = body->data;
        r->calls[i].body_len = body->len;
        r->calls[i].answer_max = answer_max;
    }
}

/* ---- promise and install */

/* {"ballot": …} or {"ballot": …, "ring": …}. */
static enum err print_question(const struct takeover *t, struct buf *out)
{
    struct json *ballot = ballot_to_json(&t->ballot);
    enum err e = buf_add_str(out, "{\"ballot\":");
    if (e == ERR_OK)
        e = json_print(ballot, out);
    if (e == ERR_OK && t->phase != TAKEOVER_PROMISE)
        e = buf_addf(out, ",\"ring\":%s", t->doc->text);
    if (e == ERR_OK)
        e = buf_add_str(out, "}");
    json_free(ballot);
    return e;
}

/* The document of {"ring": document or null}; *out stays NULL without one. */
static enum err read_document(const struct json *answer, struct ringdoc **out)
{
    const struct json *ring = json_get(answer, "ring");
    if (json_is_null(ring))
        return ERR_OK;
    struct buf text;
    buf_init(&text, RINGDOC_BYTES_MAX);
    enum err e = json_print(ring, &text);
    if (e == ERR_OK)
        e = ringdoc_parse(buf_str(&text), text.len, out);
    buf_release(&text);
    return e;
}

/* A promise whose document cannot be read is no promise: the newest ring may be just that one. */
static enum err take_yes(struct takeover *t, struct takeover_question q, const char *id, const struct json *answer)
{
    struct ringdoc *doc = NULL;
    enum err e = q.phase == TAKEOVER_PROMISE ? read_document(answer, &doc) : ERR_OK;
    if (e == ERR_OK)
        e = takeover_yes(t, q, id, doc);
    ringdoc_free(doc);
    return e;
}

static void take_answer(struct takeover *t, struct takeover_question q, const char *id, const struct peer_call *call)
{
    struct json *answer;
    struct ballot promised;
    if (!call->done || call->error != ERR_OK || (call->status != 200 && call->status != 409))
        return;
    enum err e = json_parse(buf_str(&call->answer), call->answer.len, &answer);
    if (e == ERR_OK && call->status == 200)
        e = take_yes(t, q, id, answer);
    else if (e == ERR_OK && (e = ballot_from_json(json_get(answer, "promised"), &promised)) == ERR_OK)
        takeover_refused(t, q, &promised);
    if (e != ERR_OK)
        log_write(LOG_WARN, "lead", "%s answers something that cannot be read: %s", id, err_text(e));
    json_free(answer);
}

/* What a node has answered so far in this round, and before it. */
static int has_said_yes(void *ctx, const char *id)
{
    const struct round *r = ctx;
    for (size_t i = 0; i < r->n; i++) {
        if (strcmp(r->ids[i], id) == 0)
            return is_yes(&r->calls[i]);
    }
    return takeover_has(&r->l->takeover, id);
}

static int enough(const struct peer_call *calls, size_t n, void *ctx)
{
    (void)calls;
    (void)n;
    struct round *r = ctx;
    return ringdoc_quorum_missing(r->l->takeover.doc, has_said_yes, r) == 0;
}

static enum err ask_some(struct round *r, const char *const *ids, size_t n, enum lead_to to)
{
    struct takeover *t = &r->l->takeover;
    struct takeover_question q = takeover_question(t);
    struct peer_round round = {.timeout_ms = TIMEOUT_MS, .connect_timeout_ms = CONNECT_TIMEOUT_MS, .ctx = r, .linger_ms = LINGER_MS};
    struct buf body;
    if (to == LEAD_TO_ALL)
        round.enough = enough;
    choose(r, ids, n, to);
    if (r->n == 0)
        return ERR_OK;
    buf_init(&body, RINGDOC_BYTES_MAX + 1024);
    enum err e = print_question(t, &body);
    if (e == ERR_OK) {
        address_calls(r, q.phase == TAKEOVER_PROMISE ? "/leader/promise" : "/leader/install", &body, ANSWER_MAX);
        e = peer_round(r->l->peer, &round, r->calls, r->n);
        for (size_t i = 0; e == ERR_OK && i < r->n; i++)
            take_answer(t, q, r->ids[i], &r->calls[i]);
        peer_calls_release(r->calls, r->n);
    }
    buf_release(&body);
    return e;
}

enum err lead_ask(struct lead *l, enum lead_to to)
{
    struct round r = {.l = l};
    enum takeover_phase before = l->takeover.phase;
    enum err e = ERR_OK;
    while (e == ERR_OK && l->takeover.phase == before && lead_may(l)) {
        const char *ids[PEER_CALLS_MAX];
        size_t n = takeover_next(&l->takeover, ids, PEER_CALLS_MAX);
        if (n == 0)
            break;
        e = ask_some(&r, ids, n, to);
    }
    return e;
}

/* ---- orders */

static enum err print_order(const struct lead *l, struct buf *out)
{
    const char **movers = calloc(l->change.n_nodes, sizeof *movers);
    struct json *j = json_object(), *list = json_array();
    if (!movers) {
        json_free(j);
        json_free(list);
        return ERR_NOMEM;
    }
    size_t n = change_movers(&l->change, movers, l->change.n_nodes);
    for (size_t i = 0; i < n; i++)
        json_append(list, json_string(movers[i]));
    json_set(j, "ballot", ballot_to_json(&l->takeover.ballot));
    json_set_u64(j, "epoch", l->change.epoch);
    json_set_str(j, "order", "settle");
    json_set_u64(j, "seq", l->change.seq);
    json_set(j, "movers", list);
    enum err e = json_print(j, out);
    json_free(j);
    free(movers);
    return e;
}

/* A refusal for a larger ballot ends the leadership; one for the ring only says that the node lacks ours, or has another one of its number: it gets ours again. */
static void take_refusal(struct lead *l, const char *id, const struct peer_call *call)
{
    struct json *answer;
    struct ballot promised;
    struct takeover_question q = takeover_question(&l->takeover);
    if (json_parse(buf_str(&call->answer), call->answer.len, &answer) != ERR_OK)
        return;
    if (ballot_from_json(json_get(answer, "promised"), &promised) == ERR_OK && ballot_cmp(&promised, &l->takeover.ballot) > 0)
        takeover_refused(&l->takeover, q, &promised);
    else
        takeover_lacks(&l->takeover, id);
    json_free(answer);
}

static enum err order_some(struct round *r, const char *const *ids, size_t n, uint64_t seq)
{
    struct peer_round round = {.timeout_ms = TIMEOUT_MS, .connect_timeout_ms = CONNECT_TIMEOUT_MS};
    struct buf body;
    choose(r, ids, n, LEAD_TO_THE_LIVING);
    if (r->n == 0)
        return ERR_OK;
    buf_init(&body, ORDER_MAX);
    enum err e = print_order(r->l, &body);
    if (e == ERR_OK) {
        address_calls(r, "/leader/command", &body, ANSWER_MAX);
        e = peer_round(r->l->peer, &round, r->calls, r->n);
        for (size_t i = 0; e == ERR_OK && i < r->n; i++) {
            if (is_yes(&r->calls[i]))
                change_acked(&r->l->change, seq, r->ids[i]);
            else if (r->calls[i].done && r->calls[i].error == ERR_OK && r->calls[i].status == 409)
                take_refusal(r->l, r->ids[i], &r->calls[i]);
        }
        peer_calls_release(r->calls, r->n);
    }
    buf_release(&body);
    return e;
}

enum err lead_order(struct lead *l)
{
    struct round r = {.l = l};
    enum err e = ERR_OK;
    while (e == ERR_OK && l->takeover.phase == TAKEOVER_DONE && lead_may(l)) {
        const char *ids[PEER_CALLS_MAX];
        size_t n = change_orders(&l->change, clock_boot_ms(), ids, PEER_CALLS_MAX), ready = 0;
        for (size_t i = 0; i < n; i++) {
            /* Who has another document of this number on disk must not settle by it: first the document, then the order. */
            if (takeover_has(&l->takeover, ids[i]))
                ids[ready++] = ids[i];
            else
                change_not_told(&l->change, ids[i]);
        }
        if (ready == 0)
            break;
        e = order_some(&r, ids, ready, l->change.seq);
    }
    return e;
}
