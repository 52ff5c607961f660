/* One body to several receivers, piece by piece. A piece is never copied here: every receiver's call-back reads from the caller's bytes and pauses
 * at their end, and push returns once all have paused, so that memory does not grow with the slowest. Requests ask first (100-continue): a receiver
 * that is full, or refuses the signature, says so before a byte of the body is sent. */
#include "lib/peer/internal.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <stdlib.h>
#include <string.h>

struct receiver {
    struct transfer transfer;
    struct peer_stream *stream;
    struct peer_stream_target *target; /* the caller's */
    size_t at;                         /* bytes of the piece that libcurl took */
    uint64_t handed;                   /* bytes of the whole body that it took */
    int paused;                        /* it took the piece and asked for more */
    int settled;                       /* target has its end */
    curl_off_t sent;                   /* bytes that left, at the last look */
    uint64_t moved_ms;                 /* when that last grew (boot clock) */
};

struct peer_stream {
    struct peer *peer;
    struct receiver *receivers;
    size_t n;
    const char *piece; /* the caller's, during a push; else NULL */
    size_t piece_len;
    uint64_t piece_start; /* its place in the body */
    uint64_t total;
    unsigned stall_ms;
};

/* Only the first piece can be sent again, and only while the caller still holds it. */
static int can_rewind(const struct receiver *v)
{
    return v->handed == 0 || (v->stream->piece_start == 0 && v->stream->piece);
}

static int on_seek(void *ctx, curl_off_t offset, int origin)
{
    struct receiver *v = ctx;

    if (origin != SEEK_SET || offset != 0 || !can_rewind(v))
        return CURL_SEEKFUNC_FAIL;
    v->at = 0;
    v->handed = 0;
    return CURL_SEEKFUNC_OK;
}

static size_t on_read(char *out, size_t size, size_t n, void *ctx)
{
    struct receiver *v = ctx;
    const struct peer_stream *s = v->stream;
    size_t some;

    if (transfer_is_elsewhere(&v->transfer) && on_seek(v, 0, SEEK_SET) != CURL_SEEKFUNC_OK)
        return CURL_READFUNC_ABORT;
    some = s->piece_len - v->at;
    if (some == 0) {
        v->paused = 1;
        return CURL_READFUNC_PAUSE;
    }
    if (some > size * n)
        some = size * n;
    memcpy(out, s->piece + v->at, some);
    v->at += some;
    v->handed += some;
    return some;
}

/* The answer's status says it all. */
/* NOLINTNEXTLINE(readability-non-const-parameter): libcurl's type */
static size_t on_write(char *data, size_t size, size_t n, void *ctx)
{
    (void)data;
    (void)ctx;
    return size * n;
}

static void settle(struct receiver *v, enum err e)
{
    v->target->error = e;
    v->target->status = e ? 0 : v->transfer.status;
    v->settled = 1;
    transfer_stop(&v->transfer);
}

static void start(struct receiver *v)
{
    enum err e;

    v->at = 0;
    v->handed = 0;
    v->paused = 0;
    v->sent = 0;
    v->moved_ms = clock_boot_ms();
    e = transfer_start(&v->transfer, v->stream->peer);
    if (!e)
        return;
    log_write(LOG_WARN, "peer", "cannot stream to %s%s: %s", v->target->base_url, v->target->path, err_text(e));
    settle(v, ERR_UNAVAILABLE);
}

static void finish(struct receiver *v)
{
    struct transfer *t = &v->transfer;

    if (can_rewind(v) && transfer_try_again(t)) {
        transfer_stop(t);
        start(v);
    } else {
        settle(v, transfer_end(t, v->handed));
    }
}

/* Nothing left for stall_ms: the receiver is left behind. */
static void watch_stall(struct receiver *v)
{
    uint64_t now_ms = clock_boot_ms();
    curl_off_t sent = 0;

    curl_easy_getinfo(v->transfer.easy, CURLINFO_SIZE_UPLOAD_T, &sent);
    if (sent != v->sent) {
        v->sent = sent;
        v->moved_ms = now_ms;
    } else if (now_ms - v->moved_ms >= v->stream->stall_ms) {
        settle(v, transfer_may_have_happened(&v->transfer, v->handed) ? ERR_TIMEOUT : ERR_UNAVAILABLE);
    }
}

/* True when there is nothing to wait for: it has its end, or (in a push) has taken the piece. */
static int is_idle(const struct receiver *v, int closing)
{
    const struct peer_stream *s = v->stream;

    if (v->settled)
        return 1;
    /* libcurl does not ask again behind the last byte. */
    return !closing && v->at == s->piece_len && (v->paused || v->handed == s->total);
}

/* Ends what has finished or stalled. Returns how long nothing more need be done, in ms, or 0 when there is nothing left to wait for. */
static unsigned look(struct peer_stream *s, int closing)
{
    uint64_t now_ms = clock_boot_ms();
    uint64_t end_ms = UINT64_MAX;

    for (size_t i = 0; i < s->n; i++) {
        struct receiver *v = &s->receivers[i];
        if (!v->settled && v->transfer.finished)
            finish(v);
        if (is_idle(v, closing))
            continue;
        watch_stall(v);
        if (!v->settled && v->moved_ms + s->stall_ms < end_ms)
            end_ms = v->moved_ms + s->stall_ms;
    }
    if (end_ms == UINT64_MAX)
        return 0;
    return end_ms > now_ms ? (unsigned)(end_ms - now_ms) : 1;
}

static void drive(struct peer_stream *s, int closing)
{
    for (unsigned wait_ms = look(s, closing); wait_ms > 0; wait_ms = look(s, closing))
        peer_drive(s->peer, wait_ms);
}

static void prepare(struct peer_stream *s, size_t i, struct peer_stream_target *target, uint64_t epoch)
{
    struct receiver *v = &s->receivers[i];

    target->error = ERR_TIMEOUT;
    target->status = 0;
    v->stream = s;
    v->target = target;
    v->transfer.peer = s->peer;
    v->transfer.request = (struct transfer_request){
        .base_url = target->base_url,
        .method = "PUT",
        .path = target->path,
        .to = target->to,
        .body_hash = "stream",
        .epoch = epoch,
        .has_body = 1,
        .body_len = s->total,
        .ask_first = s->total > 0,
        .connect_timeout_ms = s->stall_ms,
        .read = on_read,
        .seek = on_seek,
        .write = on_write,
        .ctx = v,
    };
}

enum err peer_stream_open(struct peer *p, struct peer_stream_target *targets, size_t n, uint64_t total, uint64_t epoch, unsigned stall_ms,
    struct peer_stream **out)
{
    struct peer_stream *s;

    if (n == 0 || n > PEER_CALLS_MAX || total > INT64_MAX || stall_ms == 0)
        return ERR_INVALID;
    s = calloc(1, sizeof *s);
    if (!s)
        return ERR_NOMEM;
    s->receivers = calloc(n, sizeof *s->receivers);
    if (!s->receivers) {
        free(s);
        return ERR_NOMEM;
    }
    s->peer = p;
    s->n = n;
    s->total = total;
    s->stall_ms = stall_ms;
    for (size_t i = 0; i < n; i++) {
        prepare(s, i, &targets[i], epoch);
        start(&s->receivers[i]);
    }
    *out = s;
    return ERR_OK;
}

static size_t count_left(const struct peer_stream *s)
{
    size_t left = 0;

    for (size_t i = 0; i < s->n; i++) {
        const struct peer_stream_target *t = s->receivers[i].target;
        left += (size_t)(!s->receivers[i].settled || (!t->error && t->status / 100 == 2));
    }
    return left;
}

enum err peer_stream_push(struct peer_stream *s, const void *data, size_t n, size_t need)
{
    uint64_t now_ms = clock_boot_ms();
    uint64_t start_of_piece = s->piece_start + s->piece_len;

    if (n > s->total - start_of_piece)
        return ERR_INVALID;
    s->piece = data;
    s->piece_len = n;
    s->piece_start = start_of_piece;
    for (size_t i = 0; i < s->n; i++) {
        struct receiver *v = &s->receivers[i];
        if (v->settled)
            continue;
        v->at = 0;
        v->moved_ms = now_ms;
        if (v->paused && !v->transfer.finished && n > 0) {
            v->paused = 0;
            curl_easy_pause(v->transfer.easy, CURLPAUSE_CONT);
        }
    }
    drive(s, 0);
    s->piece = NULL;
    return count_left(s) < need ? ERR_UNAVAILABLE : ERR_OK;
}

void peer_stream_abort(struct peer_stream *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++)
        transfer_stop(&s->receivers[i].transfer);
    free(s->receivers);
    free(s);
}

enum err peer_stream_close(struct peer_stream *s)
{
    int whole = s->piece_start + s->piece_len == s->total;
    uint64_t now_ms = clock_boot_ms();

    for (size_t i = 0; i < s->n; i++)
        s->receivers[i].moved_ms = now_ms;
    if (whole)
        drive(s, 1);
    peer_stream_abort(s);
    return whole ? ERR_OK : ERR_INVALID;
}
