#include "node/handle.h"

#include "lib/base/log.h"
#include "lib/name/name.h"
#include "node/fetch.h"
#include "node/hints.h"
#include "node/needs.h"
#include "node/repair.h"
#include "node/rings.h"
#include "node/wanted.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KNOWN_FETCH_BYTES_MAX \
    (32u << 20) /* blobs of `known` records that are fetched while the sender waits; more comes by repair, and the sender asks again */

/* A message on its way through a handler. */
struct incoming {
    struct message_request m;
    const void *bytes; /* the blob, borrowed from the body */
    size_t n_bytes;
};

int handle_refuse_writes(struct http_request *r, struct node *n)
{
    if (n->stores && !node_is_suspect(n))
        return 0;
    http_reply_problem(
        r, ERR_UNAVAILABLE, n->stores ? "a flush to this node's disk failed; it takes no more writes" : "this node only shares");
    return 1;
}

/* Reads a message; answers and returns 0 when it is none, or not about the course of its path. */
static int take(struct http_request *r, struct node *n, enum message_verb verb, struct incoming *in)
{
    size_t len;
    const void *body = http_body(r, &len);
    enum err e = message_request_parse(verb, body, len, &in->m, &in->bytes, &in->n_bytes);
    if (!e && (strcmp(in->m.key, http_capture(r, 0)) != 0 || strlen(in->m.key) > NAME_KEY_BYTES_MAX)) {
        message_request_release(&in->m);
        e = ERR_SYNTAX;
    }
    if (e) {
        http_reply_problem(r, e, e == ERR_SYNTAX ? "not a message about this course" : NULL);
        return 0;
    }
    rings_catch_up(n, in->m.ring);
    return 1;
}

static void reply(struct http_request *r, enum err e, struct message_answer *answer)
{
    struct buf text;
    buf_init(&text, MESSAGE_BODY_MAX);
    if (!e)
        e = message_answer_print(answer, &text);
    if (e)
        http_reply_problem(r, e, NULL);
    else
        http_reply_json(r, answer->ok ? 200 : 409, &text);
    buf_release(&text);
    message_answer_release(answer);
}

static void reply_ok(struct http_request *r, enum err e, const char *detail)
{
    static const char ok[] = "{\"ok\": true}";
    if (e)
        http_reply_problem(r, e, detail);
    else
        http_reply(r, 200, "application/json", ok, sizeof(ok) - 1);
}

static void refuse(struct message_answer *answer, enum err why)
{
    answer->ok = 0;
    answer->error = why;
}

/* ---- blobs first */

/* A blob that came without its bytes must be here, as large as the record says, under a name that survives a power cut. */
static enum err check_here(struct node *n, const struct record *record)
{
    int fd;
    struct stat st;
    enum err e = verify_get(n->verify, record->sha256, &fd, &st);
    if (e)
        return e == ERR_CORRUPT ? ERR_NOT_FOUND : e;
    close(fd);
    return (uint64_t)st.st_size == record->size ? blobs_sync(n->blobs, record->sha256) : ERR_INVALID;
}

/* Makes the record's blob durable before any record names it. ERR_NOT_FOUND: it did not come along and is not here. */
static enum err secure_blob(struct node *n, const struct incoming *in)
{
    const struct record *record = &in->m.record;
    if (!in->m.has_record || record_is_tombstone(record))
        return ERR_OK;
    if (in->n_bytes > 0)
        return verify_put_bytes(n->verify, record->sha256, in->bytes, in->n_bytes);
    if (in->m.staging[0] != '\0') {
        enum err e = staging_commit(n->staging, in->m.staging, record->sha256);
        if (e && e != ERR_NOT_FOUND)
            return e;
    }
    return check_here(n, record);
}

/* The blobs of `known` records: those that are not here are fetched while the sender waits, when that is not too much. */
static enum err secure_known(struct node *n, const struct message_request *m)
{
    uint64_t budget = KNOWN_FETCH_BYTES_MAX;
    struct peer *peer = m->known.n > 0 ? peers_take(n->peers) : NULL;
    enum err e = m->known.n > 0 && !peer ? ERR_NOMEM : ERR_OK;
    for (size_t i = 0; i < m->known.n && !e; i++) {
        const struct record *record = &m->known.entries[i].record;
        if (record->sha256[0] == '\0' || verify_check(n->verify, record->sha256) == ERR_OK)
            continue;
        e = record->size <= budget ? fetch_blob(n, peer, m->key, record->sha256, record->size, NULL) : ERR_NOT_FOUND;
        budget -= record->size <= budget ? record->size : 0;
        if (e != ERR_NOT_FOUND && e != ERR_UNAVAILABLE)
            continue;
        enum err written = needs_write(n->db, record->sha256, record->size, m->key);
        e = written ? written : ERR_NOT_FOUND;
        repair_wake(n->repair);
    }
    if (peer)
        peers_give(n->peers, peer);
    return e;
}

/* The blobs that a message names stay while it is seen to, from before the look whether they are here. */
static void hold_blobs(struct node *n, const struct message_request *m, void (*what)(struct verify *v, const char *sha256))
{
    if (m->has_record)
        what(n->verify, m->record.sha256);
    for (size_t i = 0; i < m->known.n; i++)
        what(n->verify, m->known.entries[i].record.sha256);
}

/* STORE and ACCEPT: refused without a write when that is certain; else the blobs, then the record. */
static enum err store_or_accept(struct node *n, const struct incoming *in, struct message_answer *answer)
{
    enum err e = records_check(&n->records, &in->m, answer);
    if (e || !answer->ok)
        return e;
    e = secure_blob(n, in);
    if (!e && in->m.verb == MESSAGE_ACCEPT)
        e = secure_known(n, &in->m);
    if (e == ERR_NOT_FOUND) {
        refuse(answer, ERR_NOT_FOUND);
        return ERR_OK;
    }
    if (e)
        return e;
    return in->m.verb == MESSAGE_ACCEPT ? records_accept(&n->records, &in->m, answer) : records_store(&n->records, &in->m, answer);
}

static void handle_write(struct http_request *r, struct node *n, enum message_verb verb)
{
    struct incoming in;
    struct message_answer answer;
    if (handle_refuse_writes(r, n) || !take(r, n, verb, &in))
        return;
    message_answer_init(&answer);
    pace_begin(&n->pace);
    hold_blobs(n, &in.m, verify_hold);
    enum err e = store_or_accept(n, &in, &answer);
    hold_blobs(n, &in.m, verify_release);
    pace_end(&n->pace);
    message_request_release(&in.m);
    reply(r, e, &answer);
}

void handle_store(struct http_request *r, void *ctx)
{
    handle_write(r, ctx, MESSAGE_STORE);
}

void handle_accept(struct http_request *r, void *ctx)
{
    handle_write(r, ctx, MESSAGE_ACCEPT);
}

void handle_prepare(struct http_request *r, void *ctx)
{
    struct node *n = ctx;
    struct incoming in;
    struct message_answer answer;
    if (handle_refuse_writes(r, n) || !take(r, n, MESSAGE_PREPARE, &in))
        return;
    message_answer_init(&answer);
    pace_begin(&n->pace);
    enum err e = records_prepare(&n->records, &in.m, &answer);
    pace_end(&n->pace);
    message_request_release(&in.m);
    reply(r, e, &answer);
}

void handle_learn(struct http_request *r, void *ctx)
{
    struct node *n = ctx;
    struct incoming in;
    struct message_answer answer;
    if (handle_refuse_writes(r, n) || !take(r, n, MESSAGE_LEARN, &in))
        return;
    message_answer_init(&answer);
    hold_blobs(n, &in.m, verify_hold);
    int missing = !record_is_tombstone(&in.m.record) && check_here(n, &in.m.record) != ERR_OK;
    enum err e = records_learn(&n->records, &in.m, missing, &answer);
    hold_blobs(n, &in.m, verify_release);
    if (missing)
        repair_wake(n->repair);
    message_request_release(&in.m);
    reply(r, e, &answer);
}

/* ---- reading and copying */

/* How each record's blob is here. One that is here but unchecked is looked at soon. */
static enum err add_states(struct node *n, struct message_answer *answer)
{
    size_t count = answer->history.n;
    answer->blobs = calloc(count + 1, sizeof(*answer->blobs));
    answer->verified_at_ms = calloc(count + 1, sizeof(*answer->verified_at_ms));
    unsigned char *wanted = calloc(count + 1, 1);
    if (!answer->blobs || !answer->verified_at_ms || !wanted) {
        free(wanted);
        return ERR_NOMEM;
    }
    wanted_versions(&answer->history, node_deleted_before(n), wanted);
    for (size_t i = 0; i < count; i++) {
        const struct record *record = &answer->history.entries[i].record;
        answer->blobs[i] = BLOB_STORED;
        if (record->sha256[0] == '\0')
            continue;
        answer->blobs[i] = verify_state(n->verify, record->sha256, &answer->verified_at_ms[i]);
        if (answer->blobs[i] == BLOB_UNKNOWN)
            repair_check(n->repair, record->sha256);
        else if (answer->blobs[i] == BLOB_MISSING && wanted[i])
            repair_lost(n->repair, record->sha256, 0);
    }
    free(wanted);
    return ERR_OK;
}

void handle_pull(struct http_request *r, void *ctx)
{
    struct node *n = ctx;
    struct incoming in;
    struct message_answer answer;
    if (!take(r, n, MESSAGE_PULL, &in))
        return;
    message_answer_init(&answer);
    enum err e = records_pull(&n->records, &in.m, &answer);
    if (!e && answer.ok)
        e = add_states(n, &answer);
    message_request_release(&in.m);
    reply(r, e, &answer);
}

void handle_hint(struct http_request *r, void *ctx)
{
    struct node *n = ctx;
    struct incoming in;
    if (handle_refuse_writes(r, n) || !take(r, n, MESSAGE_HINT, &in))
        return;
    struct ledger_ring *ring = ledger_hold(n->ledger);
    int wanted = ring && ringdoc_names(ring->doc, in.m.target) && strcmp(in.m.target, n->self.id) != 0;
    ledger_drop(ring);
    enum err e = wanted ? hints_write(n->db, in.m.target, in.m.key) : ERR_INVALID;
    if (!e)
        hints_wake(n->hints);
    message_request_release(&in.m);
    reply_ok(r, e, wanted ? NULL : "the target is no other node of the ring");
}

void handle_fetch(struct http_request *r, void *ctx)
{
    struct node *n = ctx;
    struct incoming in;
    if (handle_refuse_writes(r, n) || !take(r, n, MESSAGE_PULL, &in))
        return;
    struct peer *peer = peers_take(n->peers);
    enum err e = peer ? fetch_course(n, peer, in.m.key, in.m.target) : ERR_NOMEM;
    peers_give(n->peers, peer);
    if (!e)
        repair_wake(n->repair);
    message_request_release(&in.m);
    reply_ok(r, e, NULL);
}
