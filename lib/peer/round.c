/* Several calls at once, with a gate before their bodies and an end before the last answer. */
#include "lib/peer/internal.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/num.h"

#include <stdlib.h>
#include <string.h>

struct slot {
    struct transfer transfer;
    struct running *round;
    struct peer_call *call;
    char body_hash[HASH_HEX_SIZE];
    size_t handed;         /* bytes of head and body that libcurl took */
    size_t handed_most;    /* in any try: libcurl may rewind for another connection */
    int reached;           /* its connection is there and asks for the body */
    int paused;            /* by the gate */
    int settled;           /* the call has its end */
    enum err answer_error; /* why the answer could not be kept */
};

struct running {
    struct peer *peer;
    const struct peer_round *round;
    struct peer_call *calls;
    struct slot *slots;
    size_t n, left;
    uint64_t started_ms;
    uint64_t end_ms; /* boot clock; UINT64_MAX until somebody said enough */
    int open;        /* the gate */
};

/* Gives the next bytes of head + body. */
static size_t on_read(char *out, size_t size, size_t n, void *ctx)
{
    struct slot *s = ctx;
    const struct peer_call *c = s->call;
    const char *from;
    size_t some;

    if (transfer_is_elsewhere(&s->transfer))
        s->handed = 0;
    s->reached = 1;
    if (!s->round->open) {
        s->paused = 1;
        return CURL_READFUNC_PAUSE;
    }
    if (s->handed < c->head_len) {
        from = (const char *)c->head + s->handed;
        some = c->head_len - s->handed;
    } else {
        from = (const char *)c->body + (s->handed - c->head_len);
        some = c->head_len + c->body_len - s->handed;
    }
    if (some > size * n)
        some = size * n;
    if (some > 0)
        memcpy(out, from, some);
    s->handed += some;
    if (s->handed > s->handed_most)
        s->handed_most = s->handed;
    return some;
}

static int on_seek(void *ctx, curl_off_t offset, int origin)
{
    struct slot *s = ctx;

    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > s->call->head_len + s->call->body_len)
        return CURL_SEEKFUNC_FAIL;
    s->handed = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

static size_t on_write(char *data, size_t size, size_t n, void *ctx)
{
    struct slot *s = ctx;

    if (size * n > s->call->answer_max - s->call->answer.len)
        s->answer_error = ERR_TOO_LARGE;
    else
        s->answer_error = buf_add(&s->call->answer, data, size * n);
    return s->answer_error ? 0 : size * n;
}

static void settle(struct slot *s, enum err e)
{
    s->call->error = e;
    s->call->status = e ? 0 : s->transfer.status;
    s->call->done = 1;
    s->settled = 1;
    s->round->left--;
    transfer_stop(&s->transfer);
}

static void start(struct slot *s)
{
    struct running *r = s->round;
    uint64_t passed_ms = clock_boot_ms() - r->started_ms;
    enum err e;

    /* libcurl takes 0 for "no time-out". */
    s->transfer.request.timeout_ms = passed_ms < r->round->timeout_ms ? r->round->timeout_ms - (unsigned)passed_ms : 1;
    s->handed = s->handed_most = 0;
    s->reached = s->paused = 0;
    s->answer_error = ERR_OK;
    buf_reset(&s->call->answer);
    e = transfer_start(&s->transfer, r->peer);
    if (!e)
        return;
    log_write(LOG_WARN, "peer", "cannot call %s%s: %s", s->call->base_url, s->call->path, err_text(e));
    settle(s, ERR_UNAVAILABLE);
}

/* Looks at a transfer that has finished: starts it once more, or ends its call. */
static void finish(struct slot *s)
{
    struct transfer *t = &s->transfer;

    if (transfer_try_again(t)) {
        transfer_stop(t);
        start(s);
    } else if (s->answer_error && t->result != CURLE_OK) {
        settle(s, s->answer_error);
    } else {
        settle(s, transfer_end(t, s->handed_most));
    }
}

/* Ends the calls that have finished; asks after each whether that was enough. */
static void finish_all(struct running *r)
{
    for (size_t i = 0; i < r->n; i++) {
        struct slot *s = &r->slots[i];
        if (s->settled || !s->transfer.finished)
            continue;
        finish(s);
        if (s->settled && r->end_ms == UINT64_MAX && r->round->enough && r->round->enough(r->calls, r->n, r->round->ctx))
            r->end_ms = clock_boot_ms() + r->round->linger_ms;
    }
}

static void open_gate(struct running *r)
{
    r->open = 1;
    for (size_t i = 0; i < r->n; i++) {
        struct slot *s = &r->slots[i];
        if (s->settled || !s->paused)
            continue;
        s->paused = 0;
        curl_easy_pause(s->transfer.easy, CURLPAUSE_CONT);
    }
}

/* Opens the gate when those that wait at it suffice; gives all up when even with those that are still on their way they would not. A call that was answered
 * before the gate opened (refused by its header alone) waits no more. */
static void watch_gate(struct running *r)
{
    unsigned char waiting[PEER_CALLS_MAX], coming[PEER_CALLS_MAX];

    if (r->open)
        return;
    for (size_t i = 0; i < r->n; i++) {
        coming[i] = !r->slots[i].settled;
        waiting[i] = coming[i] && r->slots[i].reached;
    }
    if (r->round->gate(waiting, r->n, r->round->ctx)) {
        open_gate(r);
        return;
    }
    if (r->round->gate(coming, r->n, r->round->ctx))
        return;
    for (size_t i = 0; i < r->n; i++) {
        if (!r->slots[i].settled)
            settle(&r->slots[i], ERR_UNAVAILABLE);
    }
}

/* Calls of one round often carry the same bytes: those are hashed once. */
static void hash_body(struct slot *slots, size_t i, struct hash_ctx *h)
{
    const struct peer_call *c = slots[i].call;
    uint8_t hash[HASH_SIZE];

    for (size_t j = 0; j < i; j++) {
        const struct peer_call *d = slots[j].call;
        if (c->head == d->head && c->head_len == d->head_len && c->body == d->body && c->body_len == d->body_len) {
            memcpy(slots[i].body_hash, slots[j].body_hash, HASH_HEX_SIZE);
            return;
        }
    }
    hash_reset(h);
    hash_add(h, c->head, c->head_len);
    hash_add(h, c->body, c->body_len);
    hash_end(h, hash);
    num_hex(hash, sizeof hash, slots[i].body_hash);
}

static int sends_body(const struct peer_call *c)
{
    return c->head_len + c->body_len > 0 || strcmp(c->method, "PUT") == 0 || strcmp(c->method, "POST") == 0;
}

static void prepare(struct running *r, size_t i, struct hash_ctx *h)
{
    struct slot *s = &r->slots[i];
    struct peer_call *c = &r->calls[i];

    c->error = ERR_TIMEOUT;
    c->done = 0;
    c->status = 0;
    buf_init(&c->answer, c->answer_max);
    s->round = r;
    s->call = c;
    hash_body(r->slots, i, h);
    s->transfer.peer = r->peer;
    s->transfer.request = (struct transfer_request){
        .base_url = c->base_url,
        .method = c->method,
        .path = c->path,
        .to = c->to,
        .body_hash = s->body_hash,
        .epoch = c->epoch,
        .has_body = sends_body(c),
        .body_len = c->head_len + c->body_len,
        .connect_timeout_ms = r->round->connect_timeout_ms,
        .read = on_read,
        .seek = on_seek,
        .write = on_write,
        .ctx = s,
    };
}

/* How long to wait for the next event: libcurl knows the time-outs, only the linger is ours. */
static unsigned wait_ms(const struct running *r)
{
    uint64_t now_ms = clock_boot_ms();

    if (now_ms >= r->end_ms)
        return 0;
    return r->end_ms - now_ms < 1000 ? (unsigned)(r->end_ms - now_ms) : 1000;
}

static void run(struct running *r)
{
    for (size_t i = 0; i < r->n; i++)
        start(&r->slots[i]);
    watch_gate(r);
    while (r->left > 0 && clock_boot_ms() < r->end_ms) {
        peer_drive(r->peer, wait_ms(r));
        finish_all(r);
        watch_gate(r);
    }
}

enum err peer_round(struct peer *p, const struct peer_round *round, struct peer_call *calls, size_t n)
{
    struct running r = {.peer = p,
        .round = round,
        .calls = calls,
        .n = n,
        .left = n,
        .started_ms = clock_boot_ms(),
        .end_ms = UINT64_MAX,
        .open = round->gate == NULL};
    struct hash_ctx *h;

    if (n > PEER_CALLS_MAX || round->timeout_ms == 0)
        return ERR_INVALID;
    if (n == 0)
        return ERR_OK;
    r.slots = calloc(n, sizeof *r.slots);
    h = hash_new();
    if (!r.slots || !h) {
        free(r.slots);
        hash_free(h);
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < n; i++)
        prepare(&r, i, h);
    run(&r);
    for (size_t i = 0; i < n; i++)
        transfer_stop(&r.slots[i].transfer);
    hash_free(h);
    free(r.slots);
    return ERR_OK;
}

void peer_calls_release(struct peer_call *calls, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_release(&calls[i].answer);
}

enum err peer_call(struct peer *p, struct peer_call *c, unsigned timeout_ms)
{
    struct peer_round round = {.timeout_ms = timeout_ms, .connect_timeout_ms = timeout_ms};

    return peer_round(p, &round, c, 1);
}
