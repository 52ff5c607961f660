#include "fcgi/service/body.h"

#include "fcgi/service/room.h"
#include "fcgi/service/type.h"
#include "lib/base/id.h"
#include "lib/base/log.h"
#include "lib/base/num.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STALL_MS 1500u            /* a receiver that takes nothing for so long is left behind */
#define FLUSH_BYTES_PER_MS 20000u /* the slowest disk we wait for: 20 MB/s */
#define ROOM_WAIT_MS 5000u

void payload_release(struct payload *p)
{
    free(p->bytes);
    if (p->room != NULL)
        room_give(p->room, p->len);
    memset(p, 0, sizeof(*p));
}

int payload_reaches(const struct payload *p, const char *node_id)
{
    if (p->staging[0] == '\0')
        return 1;
    for (size_t i = 0; i < p->n_staged; i++)
        if (strcmp(p->staged[i], node_id) == 0)
            return 1;
    return 0;
}

int payload_reaches_quorum(const struct payload *p, const struct quorum *q)
{
    struct tally reached = {.has = {0}};
    for (size_t i = 0; i < q->owners.n; i++)
        reached.has[i] = payload_reaches(p, q->owners.at[i].member->id) != 0;
    return tally_writes(&q->owners.who, &reached);
}

unsigned payload_timeout_ms(const struct payload *p, uint64_t size, unsigned base_ms)
{
    return p->staging[0] == '\0' ? base_ms : base_ms + (unsigned)(size / FLUSH_BYTES_PER_MS);
}

/* Memory for a small body, once there is room for it. */
static enum err make_room(struct quorum *q, size_t n, struct payload *p)
{
    enum err e = room_take(q->w->app->room, n, ROOM_WAIT_MS);
    if (e != ERR_OK)
        return e;
    p->room = q->w->app->room;
    p->len = n;
    p->bytes = malloc(n);
    return p->bytes == NULL ? ERR_NOMEM : ERR_OK;
}

/* Reads exactly n bytes. ERR_SYNTAX when fewer come. */
static enum err read_exactly(const struct upload_body *in, void *into, size_t n)
{
    size_t done = 0;
    while (done < n) {
        long got = in->read(in->ctx, (char *)into + done, n - done);
        if (got <= 0)
            return ERR_SYNTAX;
        done += (size_t)got;
    }
    return ERR_OK;
}

/* ---- staging */

/* A stream to the owners that shall have the bytes. */
struct stage {
    struct quorum *q;
    struct payload *payload;
    struct peer_stream_target targets[OWNERS_MAX];
    size_t owner[OWNERS_MAX];
    size_t n;
    struct peer_stream *stream;
};

static enum err stage_open(struct stage *s, struct quorum *q, uint64_t size, struct payload *p)
{
    struct message_request any = {.verb = MESSAGE_STORE};
    const struct message_request *ask[OWNERS_MAX];
    *s = (struct stage){.q = q, .payload = p};
    if (!quorum_is_reachable(q))
        return ERR_UNAVAILABLE;
    quorum_ask(q, &any, 0, ask);
    id_random_hex(p->staging, (MESSAGE_STAGING_ID_SIZE - 1) / 2);
    char *path = arena_printf(&q->w->arena, "/staging/%s", p->staging);
    if (path == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < q->owners.n; i++) {
        if (ask[i] == NULL)
            continue;
        s->targets[s->n] =
            (struct peer_stream_target){.base_url = q->owners.at[i].node->url, .path = path, .to = q->owners.at[i].member->id};
        s->owner[s->n++] = i;
    }
    return peer_stream_open(q->w->peer, s->targets, s->n, size, q->owners.epoch, STALL_MS, &s->stream);
}

/* How many receivers at least must be left for a write quorum. Whether they are one is seen at the end. */
static size_t fewest(const struct owners *o)
{
    return o->w_now > o->w_before ? o->w_now : o->w_before;
}

/* Notes who has it now. ERR_FULL when too many owners have no space. */
static enum err stage_close(struct stage *s)
{
    struct quorum *q = s->q;
    struct tally full = {.has = {0}}, staged = {.has = {0}};
    enum err e = peer_stream_close(s->stream);
    s->stream = NULL;
    for (size_t i = 0; i < s->n && e == ERR_OK; i++) {
        const struct peer_stream_target *t = &s->targets[i];
        const char *id = q->owners.at[s->owner[i]].member->id;
        int answered = t->error == ERR_OK;
        contacts_report(q->w->app->contacts, id, answered);
        if (answered && t->status / 100 == 2) {
            char *copy = arena_strdup(&q->w->arena, id);
            if (copy == NULL)
                return ERR_NOMEM;
            s->payload->staged[s->payload->n_staged++] = copy;
            staged.has[s->owner[i]] = 1;
        } else {
            full.has[s->owner[i]] = answered && t->status == 507;
            log_write(LOG_WARN, "stage", "%s did not take a staged body: %s, status %ld", id, err_code(t->error), t->status);
        }
    }
    if (e != ERR_OK || tally_writes(&q->owners.who, &staged))
        return e;
    return tally_bars(&q->owners.who, &full) ? ERR_FULL : ERR_UNAVAILABLE;
}

/* The stream broke off: because the owners are full, when so many said so. */
static enum err stage_abort(struct stage *s, enum err e)
{
    struct tally full = {.has = {0}};
    peer_stream_abort(s->stream);
    for (size_t i = 0; i < s->n; i++)
        full.has[s->owner[i]] = s->targets[i].status == 507;
    return e == ERR_UNAVAILABLE && tally_bars(&s->q->owners.who, &full) ? ERR_FULL : e;
}

/* Streams a head that was read already and the rest of the body. */
static enum err stage_all(
    struct quorum *q, const struct upload_body *in, const void *head, size_t head_len, struct hash_ctx *hash, struct payload *p)
{
    struct stage s;
    char *piece = malloc(BODY_PIECE_BYTES);
    enum err e = piece == NULL ? ERR_NOMEM : stage_open(&s, q, in->size, p);
    if (e != ERR_OK)
        goto out;
    if (head_len > 0)
        e = peer_stream_push(s.stream, head, head_len, fewest(&q->owners.who));
    for (uint64_t done = head_len; done < in->size && e == ERR_OK;) {
        size_t n = in->size - done < BODY_PIECE_BYTES ? (size_t)(in->size - done) : BODY_PIECE_BYTES;
        e = read_exactly(in, piece, n);
        if (e != ERR_OK)
            break;
        hash_add(hash, piece, n);
        e = peer_stream_push(s.stream, piece, n, fewest(&q->owners.who));
        done += n;
    }
    e = e == ERR_OK ? stage_close(&s) : stage_abort(&s, e);
out:
    free(piece);
    if (e != ERR_OK)
        p->staging[0] = '\0';
    return e;
}

/* ---- reading */

static enum err check_type(
    struct quorum *q, const void *head, size_t n, const char *claimed, const char *filename, struct body *out, const char **detail)
{
    struct worker *w = q->w;
    size_t looked = n < TYPE_HEAD_BYTES ? n : TYPE_HEAD_BYTES;
    return type_check(w->app->sniffer, head, looked, claimed, filename, &w->arena, &out->type, detail);
}

static enum err read_small(
    struct quorum *q, const struct upload_body *in, const char *claimed, const char *filename, struct body *out, const char **detail)
{
    size_t n = (size_t)in->size;
    enum err e = make_room(q, n, &out->payload);
    if (e == ERR_OK)
        e = read_exactly(in, out->payload.bytes, n);
    if (e == ERR_OK)
        e = check_type(q, out->payload.bytes, n, claimed, filename, out, detail);
    if (e == ERR_OK)
        hash_sha256(out->payload.bytes, n, out->hash);
    return e;
}

/* The type is judged before the first byte leaves: a refused file is staged nowhere. */
static enum err read_large(
    struct quorum *q, const struct upload_body *in, const char *claimed, const char *filename, struct body *out, const char **detail)
{
    size_t n = in->size < TYPE_HEAD_BYTES ? (size_t)in->size : TYPE_HEAD_BYTES;
    struct hash_ctx *hash = hash_new();
    char *head = malloc(n);
    enum err e = hash == NULL || head == NULL ? ERR_NOMEM : read_exactly(in, head, n);
    if (e == ERR_OK)
        e = check_type(q, head, n, claimed, filename, out, detail);
    if (e == ERR_OK) {
        hash_add(hash, head, n);
        e = stage_all(q, in, head, n, hash, &out->payload);
    }
    if (e == ERR_OK)
        hash_end(hash, out->hash);
    free(head);
    hash_free(hash);
    return e;
}

enum err body_read(struct quorum *q, const struct upload_body *in, uint64_t small_max_bytes, const char *claimed, const char *filename,
    struct body *out, const char **detail)
{
    memset(out, 0, sizeof(*out));
    if (in->size == 0)
        return ERR_INVALID;
    enum err e =
        in->size <= small_max_bytes ? read_small(q, in, claimed, filename, out, detail) : read_large(q, in, claimed, filename, out, detail);
    if (e == ERR_OK)
        num_hex(out->hash, HASH_SIZE, out->sha256);
    else
        payload_release(&out->payload);
    return e;
}

/* ---- carrying */

static long read_fd(void *ctx, void *into, size_t n)
{
    ssize_t got;
    do
        got = read(*(int *)ctx, into, n);
    while (got < 0 && errno == EINTR);
    return (long)got;
}

enum err body_carry(struct quorum *q, const struct record *r, size_t holder, struct payload *out)
{
    const struct app_settings *settings = &q->w->app->settings;
    memset(out, 0, sizeof(*out));
    int fd = open(settings->data, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) {
        log_write(LOG_ERROR, "carry", "no temporary file in %s: %s", settings->data, strerror(errno));
        return ERR_IO;
    }
    struct upload_body in = {.read = read_fd, .ctx = &fd, .size = r->size};
    struct hash_ctx *hash = hash_new(); /* checked while it was fetched; staging wants somewhere to count */
    const struct peer_blob blob = {
        .base_url = q->owners.at[holder].node->url, .to = q->owners.at[holder].member->id, .sha256 = r->sha256, .size = r->size};
    enum err e = hash == NULL ? ERR_NOMEM : peer_fetch_blob(q->w->peer, &blob, q->owners.epoch, fd, STALL_MS);
    if (e == ERR_OK && lseek(fd, 0, SEEK_SET) != 0)
        e = ERR_IO;
    if (e == ERR_OK && r->size <= settings->small_max_bytes) {
        e = make_room(q, (size_t)r->size, out);
        if (e == ERR_OK)
            e = read_exactly(&in, out->bytes, out->len);
    } else if (e == ERR_OK) {
        e = stage_all(q, &in, "", 0, hash, out);
    }
    hash_free(hash);
    close(fd);
    if (e != ERR_OK)
        payload_release(out);
    return e;
}
