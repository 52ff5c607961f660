#include "fcgi/service/quorum.h"

#include "fcgi/service/stamps.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/wire/frame.h"

#include <stdatomic.h>
#include <string.h>

#define CONNECT_TIMEOUT_MS 500u
#define REFRESH_WAIT_MS 700u
/* An owner that has not answered for so long when its round ends is routed around; one that was merely last is not. */
#define SILENT_MS 250u
#define PROBE_MS 400u
#define UNPUBLISHED_MS 50u
#define SHORT_ANSWER_MAX 65536u /* without a history */
#define HEAD_MAX (FRAME_PREFIX + FRAME_HEAD_MAX)

static enum err take_view(struct quorum *q)
{
    q->view = view_get(q->w->app->view);
    enum err e = view_owners(q->w->app->view, q->view, q->key, &q->owners);
    if (e != ERR_OK) {
        view_put(q->w->app->view, q->view);
        q->view = NULL;
    }
    return e;
}

enum err quorum_open(struct worker *w, const char *key, unsigned budget_ms, struct quorum *q)
{
    struct buf path;
    *q = (struct quorum){.w = w, .key = key, .deadline_ms = clock_boot_ms() + budget_ms};
    buf_init(&path, 3 * strlen(key) + 1);
    enum err e = text_percent_encode(&path, key, strlen(key));
    if (e == ERR_OK) {
        q->path_key = arena_strdup(&w->arena, buf_str(&path));
        e = q->path_key == NULL ? ERR_NOMEM : take_view(q);
    }
    buf_release(&path);
    return e;
}

void quorum_close(struct quorum *q)
{
    if (q->view != NULL)
        view_put(q->w->app->view, q->view);
    q->view = NULL;
}

enum err quorum_restart(struct quorum *q, unsigned budget_ms)
{
    quorum_close(q);
    q->deadline_ms = clock_boot_ms() + budget_ms;
    return take_view(q);
}

enum err quorum_renew(struct quorum *q)
{
    unsigned left = quorum_left_ms(q);
    uint64_t before = q->owners.epoch;
    quorum_close(q);
    view_refresh(q->w->app->view, q->shown_epoch, left < REFRESH_WAIT_MS ? left : REFRESH_WAIT_MS);
    enum err e = take_view(q);
    /* Nodes hear of a ring a moment before it is published, or one of them a moment after. */
    if (e == ERR_OK && q->owners.epoch == before)
        clock_sleep_ms(left < UNPUBLISHED_MS ? left : UNPUBLISHED_MS);
    return e;
}

unsigned quorum_left_ms(const struct quorum *q)
{
    uint64_t now = clock_boot_ms();
    return now < q->deadline_ms ? (unsigned)(q->deadline_ms - now) : 0;
}

struct tally quorum_usable(const struct quorum *q)
{
    struct tally usable = {.has = {0}};
    for (size_t i = 0; i < q->owners.n; i++)
        usable.has[i] = q->owners.at[i].usable != 0;
    return usable;
}

size_t quorum_ask(
    const struct quorum *q, const struct message_request *m, int everybody, const struct message_request *requests[OWNERS_MAX])
{
    struct tally usable = quorum_usable(q);
    size_t asked = 0;
    everybody = everybody || !tally_writes(&q->owners.who, &usable);
    for (size_t i = 0; i < OWNERS_MAX; i++) {
        int ask = i < q->owners.n && q->owners.at[i].node != NULL && (everybody || usable.has[i]);
        requests[i] = ask ? m : NULL;
        asked += (size_t)ask;
    }
    return asked;
}

/* ---- one round */

/* The calls of a round stand close together; owner[] says whose they are. */
struct calls {
    const struct quorum *q;
    enum quorum_end end;
    struct peer_call at[OWNERS_MAX];
    size_t owner[OWNERS_MAX];
    struct buf heads[OWNERS_MAX];
    size_t n;
};

/* The gate: whether those that can be reached are a write quorum. */
static int is_quorum(const unsigned char *there, size_t n, void *ctx)
{
    const struct calls *c = ctx;
    struct tally reached = {.has = {0}};
    for (size_t i = 0; i < n; i++)
        reached.has[c->owner[i]] = there[i];
    return tally_writes(&c->q->owners.who, &reached);
}

static int is_ended(const struct peer_call *calls, size_t n, void *ctx)
{
    const struct calls *c = ctx;
    const struct view_owners *o = &c->q->owners;
    struct tally ok = {.has = {0}}, hoped = {.has = {0}};
    int waits = 0;
    for (size_t i = 0; i < n; i++) {
        ok.has[c->owner[i]] = calls[i].done && calls[i].error == ERR_OK && calls[i].status == 200;
        hoped.has[c->owner[i]] = !calls[i].done || ok.has[c->owner[i]];
        waits |= !calls[i].done && o->at[c->owner[i]].usable;
    }
    if (c->end == QUORUM_USABLE)
        return !waits;
    return tally_writes(&o->who, &ok) || !tally_writes(&o->who, &hoped);
}

/* Prints one request under the round's ring; requests at the same address share their bytes. */
static enum err add_call(struct quorum *q, const struct quorum_round *r, size_t owner, struct calls *c)
{
    const struct message_request *m = r->requests[owner];
    struct peer_call *call = &c->at[c->n];
    c->owner[c->n] = owner;
    *call = (struct peer_call){.base_url = q->owners.at[owner].node->url,
        .method = "POST",
        .to = q->owners.at[owner].member->id,
        .epoch = q->owners.epoch,
        .body = r->bytes,
        .body_len = r->bytes_len};
    call->path = arena_printf(&q->w->arena, "/records/%s/%s", q->path_key, message_verb_name(m->verb));
    if (call->path == NULL)
        return ERR_NOMEM;
    call->answer_max = m->verb == MESSAGE_PREPARE || m->verb == MESSAGE_PULL ? MESSAGE_BODY_MAX : SHORT_ANSWER_MAX;
    if (c->n > 0 && r->requests[c->owner[c->n - 1]] == m && m->verb != MESSAGE_PULL) {
        call->head = c->at[c->n - 1].head;
        call->head_len = c->at[c->n - 1].head_len;
        c->n++;
        return ERR_OK;
    }
    struct buf *head = &c->heads[c->n];
    struct message_request filled = *m; /* borrows everything of *m */
    filled.ring = q->owners.epoch;
    filled.key = (char *)q->key;
    if (m->verb == MESSAGE_PULL)
        memcpy(filled.target, q->owners.at[owner].member->id, sizeof(filled.target));
    buf_init(head, HEAD_MAX);
    enum err e = message_request_print(&filled, head);
    if (e != ERR_OK) {
        buf_release(head);
        return e;
    }
    call->head = head->data;
    call->head_len = head->len;
    c->n++;
    return ERR_OK;
}

/* What a status says when no message answer came with it. */
static enum err error_of_status(long status)
{
    switch (status) {
    case 401: return ERR_AUTH;
    case 404: return ERR_NOT_FOUND;
    case 413: return ERR_TOO_LARGE;
    case 507: return ERR_FULL;
    case 503: return ERR_UNAVAILABLE;
    default: return ERR_INTERNAL;
    }
}

static void read_reply(struct quorum *q, enum message_verb verb, size_t owner, const struct peer_call *call, struct quorum_reply *out)
{
    if (!call->done || call->error != ERR_OK) {
        out->error = call->done ? call->error : ERR_TIMEOUT;
        return;
    }
    enum err e = ERR_SYNTAX;
    out->done = 1;
    if (call->status == 200 && verb == MESSAGE_HINT) {
        out->error = ERR_OK; /* the one answer that is no message */
        return;
    }
    if (call->status == 200 || call->status == 409)
        e = message_answer_parse(buf_str(&call->answer), call->answer.len, &out->answer);
    if (e == ERR_OK) {
        out->error = out->answer.ok ? ERR_OK : out->answer.error;
        return;
    }
    out->error = error_of_status(call->status);
    log_write(LOG_WARN, "owner", "%s answers %ld to %s: %.200s", q->owners.at[owner].member->id, call->status, call->path,
        buf_str(&call->answer));
}

/* Every answer carries the largest stamp its owner knows; a refusal for the clock also says what time it is there, one for the ring which ring that is. */
static void learn_answers(struct quorum *q, const struct quorum_reply *replies)
{
    struct stamps *s = q->w->app->stamps;
    struct stamp shown = STAMP_ZERO;
    for (size_t i = 0; i < OWNERS_MAX; i++) {
        if (!replies[i].done)
            continue;
        stamps_see(s, replies[i].answer.promised);
        if (replies[i].error == ERR_STALE_RING && replies[i].answer.ring > q->shown_epoch)
            q->shown_epoch = replies[i].answer.ring;
        if (replies[i].error == ERR_CLOCK && stamp_cmp(replies[i].answer.promised, shown) > 0)
            shown = replies[i].answer.promised;
    }
    if (!stamp_is_zero(shown)) {
        log_write(LOG_WARN, "clock", "owners call our stamps too far ahead: counting on from theirs");
        stamps_too_far(s, shown);
    }
}

void quorum_learn_clock(struct quorum *q, size_t owner, const struct peer_call *call)
{
    struct view_owner *o = &q->owners.at[owner];
    int64_t ahead_ms = peer_clock_offset_ms(q->w->peer, call->base_url);
    if (!call->done || call->error != ERR_OK || (o->contact.clock_known && o->contact.ahead_ms == ahead_ms))
        return;
    contacts_clock(q->w->app->contacts, o->member->id, ahead_ms);
    o->contact.clock_known = 1;
    o->contact.ahead_ms = ahead_ms;
}

/* Calls that a closed gate gave up tell nothing about their receivers. */
static void report(struct quorum *q, const struct quorum_round *r, const struct quorum_reply *replies, uint64_t took_ms)
{
    size_t unsent = quorum_count(replies, ERR_UNAVAILABLE), asked = 0;
    for (size_t i = 0; i < q->owners.n; i++)
        asked += (size_t)replies[i].asked;
    if (r->gate && unsent == asked)
        return;
    for (size_t i = 0; i < q->owners.n; i++) {
        const struct quorum_reply *reply = &replies[i];
        if (!reply->asked || (!reply->done && reply->error == ERR_TIMEOUT && took_ms < SILENT_MS))
            continue;
        contacts_report(q->w->app->contacts, q->owners.at[i].member->id, reply->done);
    }
}

enum err quorum_round(struct quorum *q, const struct quorum_round *r, struct quorum_reply *replies)
{
    struct calls c = {.q = q, .end = r->end};
    unsigned left = quorum_left_ms(q);
    enum err e = left == 0 ? ERR_TIMEOUT : ERR_OK;
    uint64_t started_ms = clock_boot_ms();

    for (size_t i = 0; i < OWNERS_MAX; i++)
        replies[i] = (struct quorum_reply){.error = ERR_UNAVAILABLE};
    for (size_t i = 0; i < q->owners.n && e == ERR_OK; i++) {
        if (r->requests[i] == NULL)
            continue;
        e = add_call(q, r, i, &c);
        if (e == ERR_TOO_LARGE) {
            /* It lacks more than one message holds: repair brings it up first (protocol.md, pitfall 10). */
            log_write(LOG_WARN, "owner", "%s lacks too many records of %s to be told in one message", q->owners.at[i].member->id, q->key);
            e = ERR_OK;
        }
    }
    if (e != ERR_OK)
        goto out;

    struct peer_round round = {
        .timeout_ms = r->timeout_ms < left ? r->timeout_ms : left,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .gate = r->gate ? is_quorum : NULL,
        .enough = r->end == QUORUM_ALL ? NULL : is_ended,
        .ctx = &c,
        .linger_ms = r->linger_ms,
    };
    e = peer_round(q->w->peer, &round, c.at, c.n);
    for (size_t i = 0; i < c.n && e == ERR_OK; i++) {
        replies[c.owner[i]].asked = 1;
        read_reply(q, r->requests[c.owner[i]]->verb, c.owner[i], &c.at[i], &replies[c.owner[i]]);
    }
    peer_calls_release(c.at, c.n);
    if (e == ERR_OK) {
        learn_answers(q, replies);
        for (size_t i = 0; i < c.n; i++)
            quorum_learn_clock(q, c.owner[i], &c.at[i]);
        report(q, r, replies, clock_boot_ms() - started_ms);
    }
out:
    for (size_t i = 0; i < OWNERS_MAX; i++)
        buf_release(&c.heads[i]);
    return e;
}

void quorum_replies_release(struct quorum_reply *replies)
{
    for (size_t i = 0; i < OWNERS_MAX; i++)
        message_answer_release(&replies[i].answer);
}

struct tally quorum_probe(struct quorum *q, unsigned timeout_ms)
{
    struct peer_call calls[OWNERS_MAX];
    size_t owner[OWNERS_MAX], n = 0;
    struct tally there = {.has = {0}};
    for (size_t i = 0; i < q->owners.n; i++) {
        if (q->owners.at[i].node == NULL)
            continue;
        calls[n] = (struct peer_call){.base_url = q->owners.at[i].node->url,
            .method = "GET",
            .path = "/healthz",
            .to = q->owners.at[i].member->id,
            .epoch = q->owners.epoch,
            .answer_max = SHORT_ANSWER_MAX};
        owner[n++] = i;
    }
    struct peer_round round = {.timeout_ms = timeout_ms, .connect_timeout_ms = timeout_ms};
    if (peer_round(q->w->peer, &round, calls, n) != ERR_OK)
        return there;
    for (size_t i = 0; i < n; i++) {
        int answered = calls[i].done && calls[i].error == ERR_OK;
        there.has[owner[i]] = (unsigned char)answered;
        contacts_report(q->w->app->contacts, q->owners.at[owner[i]].member->id, answered);
    }
    peer_calls_release(calls, n);
    q->probed = there;
    q->probed_at_ms = clock_boot_ms();
    return there;
}

int quorum_is_reachable(struct quorum *q)
{
    struct tally usable = quorum_usable(q);
    if (tally_writes(&q->owners.who, &usable))
        return 1;
    struct tally there = quorum_probe(q, PROBE_MS);
    return tally_writes(&q->owners.who, &there);
}

struct tally quorum_said(const struct quorum_reply *replies, enum err error)
{
    struct tally t;
    for (size_t i = 0; i < OWNERS_MAX; i++)
        t.has[i] = replies[i].asked && replies[i].error == error;
    return t;
}

size_t quorum_count(const struct quorum_reply *replies, enum err error)
{
    struct tally t = quorum_said(replies, error);
    return tally_count(&t);
}

int quorum_writes(const struct quorum *q, const struct quorum_reply *replies)
{
    struct tally ok = quorum_said(replies, ERR_OK);
    return tally_writes(&q->owners.who, &ok);
}

int quorum_bars(const struct quorum *q, const struct quorum_reply *replies, enum err error)
{
    struct tally t = quorum_said(replies, error);
    return tally_bars(&q->owners.who, &t);
}
