/* Owners in memory instead of the network: what protocol.md P2 to P4 has them check and write, with messages and answers lost at random. Ring 1 is three of them; a test
 * may have ring 2 stand between that one and another (joint), and ring 3 be the other.
 * A test that includes this defines peer_round() and the view itself; the linker takes these instead of those of lib/peer and fcgi/service. */
#ifndef RB_TESTS_SERVICE_OWNERS_H
#define RB_TESTS_SERVICE_OWNERS_H

#include "tests/unit/lib/peer/calls.h"
#include "tests/unit/unit.h"

#include "fcgi/service/app.h"
#include "fcgi/service/courses.h"
#include "fcgi/service/reindex.h"
#include "fcgi/service/room.h"
#include "fcgi/service/stamps.h"
#include "fcgi/service/view.h"
#include "lib/base/id.h"
#include "lib/wire/message.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OWNERS 3 /* of ring 1 */
#define OWNERS_W 2
#define OWNERS_DISKS 6 /* all there are */
#define OWNERS_KEY "csen317"
#define OWNERS_BLOBS 64u /* bodies that are remembered */

struct owner_disk {
    struct stamp promised;
    struct history records;
    int has_slot, slot_has_record;
    struct stamp slot_ballot;
    struct record slot;
    int down;   /* refuses connections */
    int silent; /* takes what is sent, does nothing, never answers */
    int full;
    int blind;                            /* has no blobs */
    char staged[MESSAGE_STAGING_ID_SIZE]; /* the last body that was streamed to it */
    size_t staged_bytes;
    unsigned count[MESSAGE_HINT + 1]; /* messages it handled, by verb */
    char hinted[MESSAGE_NODE_ID_MAX]; /* target of the last hint */
};

static struct {
    pthread_mutex_t lock;
    struct owner_disk disk[OWNERS_DISKS];
    const char *to;               /* which of them own the course in ring 3, in their order: "310" */
    unsigned loss_percent;        /* of messages, and of answers */
    uint64_t ring;                /* what they accept */
    _Atomic uint64_t sender_ring; /* what the view says; a refresh mends it */
    struct stamp clock;           /* larger stamps are refused; zero: none is */
    struct ring_member members[OWNERS_DISKS];
    struct member nodes[OWNERS_DISKS];
    int unusable[OWNERS_DISKS]; /* as the view sees it */
    int (*refuse)(
        size_t owner, const struct message_request *m); /* a test's word on each message before it is handled: 1 fences it, -1 loses it */
    unsigned fetched;                                   /* blobs carried from one owner to others */
    unsigned indexed;                                   /* records given to the retry list */
    const char *key;                                    /* of the one course there is */
    struct owners_blob {
        char sha256[HASH_HEX_SIZE];
        struct buf bytes;
    } blobs[OWNERS_BLOBS]; /* small bodies that came with messages, the last ones */
    size_t n_blobs;
} owners = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- the rings */

/* Who owns the course under ring 1, 2 or 3. */
static void owners_of_ring(uint64_t ring, struct owners *out)
{
    const char *now = ring == 1 ? "012" : owners.to;
    memset(out, 0, sizeof(*out));
    for (const char *c = now; *c != '\0'; c++)
        out->at[out->n++] = (struct owners_one){.member = &owners.members[*c - '0'], .now = 1, .before = ring == 2 && *c < '0' + OWNERS};
    out->n_now = out->n;
    out->w_now = (uint32_t)(out->n / 2 + 1);
    if (ring != 2)
        return;
    for (char c = '0'; c < '0' + OWNERS; c++)
        if (strchr(now, c) == NULL)
            out->at[out->n++] = (struct owners_one){.member = &owners.members[c - '0'], .before = 1};
    out->n_before = OWNERS;
    out->w_before = OWNERS_W;
}

static int owners_is_one(size_t i)
{
    struct owners o;
    owners_of_ring(owners.ring, &o);
    return owners_place(&o, owners.members[i].id) >= 0;
}

/* ---- an owner */

static void owner_add(struct owner_disk *d, const struct record *r, int direct)
{
    struct history_entry *e = (struct history_entry *)(uintptr_t)history_find(&d->records, r->id);
    if (e == NULL)
        assert_int_equal(history_add(&d->records, r, direct), ERR_OK);
    else
        e->direct |= direct;
}

static enum err owner_store(struct owner_disk *d, const struct message_request *m)
{
    const struct history_entry *there = history_find(&d->records, m->record.id);
    if (there != NULL && there->direct)
        return ERR_OK;
    if (stamp_cmp(m->record.id, d->promised) <= 0)
        return ERR_FENCED;
    d->promised = m->record.id;
    owner_add(d, &m->record, 1);
    return ERR_OK;
}

static enum err owner_accept(struct owner_disk *d, const struct message_request *m)
{
    if (stamp_cmp(m->ballot, d->promised) < 0)
        return ERR_FENCED;
    d->promised = m->ballot;
    d->has_slot = 1;
    d->slot_ballot = m->ballot;
    record_release(&d->slot);
    memset(&d->slot, 0, sizeof(d->slot));
    d->slot_has_record = m->has_record;
    if (m->has_record)
        assert_int_equal(record_copy(&d->slot, &m->record), ERR_OK);
    for (size_t i = 0; i < m->known.n; i++)
        owner_add(d, &m->known.entries[i].record, 0);
    return ERR_OK;
}

static enum err owner_handle(struct owner_disk *d, const struct message_request *m, size_t bytes_len)
{
    struct stamp stamp = m->verb == MESSAGE_STORE ? m->record.id : m->ballot;
    d->count[m->verb]++;
    int refused = owners.refuse == NULL ? 0 : owners.refuse((size_t)(d - owners.disk), m);
    if (refused != 0)
        return refused > 0 ? ERR_FENCED : ERR_TIMEOUT;
    if (m->ring != owners.ring)
        return ERR_STALE_RING;
    if (!owners_is_one((size_t)(d - owners.disk)))
        return ERR_CONFLICT;
    if (!stamp_is_zero(owners.clock) && stamp_cmp(stamp, owners.clock) > 0)
        return ERR_CLOCK;
    if (d->full && (m->verb == MESSAGE_STORE || m->verb == MESSAGE_ACCEPT))
        return ERR_FULL;
    if (m->staging[0] != '\0' && strcmp(m->staging, d->staged) != 0)
        return ERR_NOT_FOUND;
    if (d->blind && bytes_len == 0 && m->staging[0] == '\0' && m->has_record && (m->verb == MESSAGE_STORE || m->verb == MESSAGE_ACCEPT))
        return ERR_NOT_FOUND;
    switch (m->verb) {
    case MESSAGE_STORE: return owner_store(d, m);
    case MESSAGE_ACCEPT: return owner_accept(d, m);
    case MESSAGE_PREPARE:
        if (stamp_cmp(m->ballot, d->promised) <= 0)
            return ERR_FENCED;
        d->promised = m->ballot;
        return ERR_OK;
    case MESSAGE_LEARN: owner_add(d, &m->record, 0); return ERR_OK;
    case MESSAGE_HINT: memcpy(d->hinted, m->target, sizeof(d->hinted)); return ERR_OK;
    case MESSAGE_PULL: return ERR_OK;
    }
    return ERR_INTERNAL;
}

static void owner_answer(const struct owner_disk *d, const struct message_request *m, enum err e, struct buf *out)
{
    struct message_answer a;
    if (e == ERR_OK && m->verb == MESSAGE_HINT) {
        assert_ok(buf_add_str(out, "{\"ok\": true}"));
        return;
    }
    message_answer_init(&a);
    a.ok = e == ERR_OK;
    a.error = e;
    a.promised = e == ERR_CLOCK && stamp_cmp(owners.clock, d->promised) > 0 ? owners.clock : d->promised;
    a.ring = e == ERR_STALE_RING ? owners.ring : 0;
    if (a.ok && (m->verb == MESSAGE_PREPARE || m->verb == MESSAGE_PULL)) {
        a.has_history = 1;
        for (size_t i = 0; i < d->records.n; i++)
            assert_int_equal(history_add(&a.history, &d->records.entries[i].record, d->records.entries[i].direct), ERR_OK);
        a.blobs = calloc(d->records.n + 1, sizeof(*a.blobs));
        for (size_t i = 0; i < d->records.n; i++)
            a.blobs[i] = d->blind ? BLOB_MISSING : BLOB_STORED;
        a.has_slot = d->has_slot;
        a.slot_ballot = d->slot_ballot;
        a.slot_has_record = d->slot_has_record;
        if (d->slot_has_record)
            assert_int_equal(record_copy(&a.slot_record, &d->slot), ERR_OK);
    }
    assert_int_equal(message_answer_print(&a, out), ERR_OK);
    message_answer_release(&a);
}

/* ---- bodies */

static void owners_keep_blob(const void *bytes, size_t len)
{
    struct owners_blob *b = &owners.blobs[owners.n_blobs++ % OWNERS_BLOBS];
    buf_release(&b->bytes);
    buf_init(&b->bytes, len);
    assert_ok(buf_add(&b->bytes, bytes, len));
    hash_sha256_hex(bytes, len, b->sha256);
}

/* GET /blobs/{sha256} */
static void owners_give_blob(const struct owner_disk *d, struct peer_call *c)
{
    const char *sha256 = strrchr(c->path, '/') + 1;
    c->status = 404;
    for (size_t i = 0; i < OWNERS_BLOBS && !d->blind; i++) {
        if (strcmp(owners.blobs[i].sha256, sha256) != 0)
            continue;
        c->status = 200;
        assert_ok(buf_add(&c->answer, owners.blobs[i].bytes.data, owners.blobs[i].bytes.len));
        return;
    }
}

/* ---- in place of lib/peer's round.c */

static int owners_lost(void)
{
    return owners.loss_percent > 0 && id_random_below(100) < owners.loss_percent;
}

static void owners_call(struct owner_disk *d, struct peer_call *c)
{
    const char *verb = strrchr(c->path, '/') + 1;
    buf_init(&c->answer, c->answer_max);
    c->done = 1;
    c->error = ERR_OK;
    if (d->down) {
        c->error = ERR_UNAVAILABLE;
        return;
    }
    if (d->silent || owners_lost()) {
        c->error = ERR_TIMEOUT;
        c->done = 0;
        return;
    }
    if (strcmp(c->path, "/healthz") == 0) {
        c->status = 200;
        return;
    }
    if (strncmp(c->path, "/blobs/", strlen("/blobs/")) == 0) {
        owners_give_blob(d, c);
        return;
    }
    struct buf body;
    struct message_request m;
    const void *bytes;
    size_t bytes_len;
    buf_init(&body, c->head_len + c->body_len + 1);
    assert_int_equal(buf_add(&body, c->head, c->head_len), ERR_OK);
    if (c->body_len > 0)
        assert_int_equal(buf_add(&body, c->body, c->body_len), ERR_OK);
    assert_int_equal(
        message_request_parse((enum message_verb)message_verb_parse(verb), body.data, body.len, &m, &bytes, &bytes_len), ERR_OK);
    enum err e = owner_handle(d, &m, bytes_len);
    if (e == ERR_OK && bytes_len > 0)
        owners_keep_blob(bytes, bytes_len);
    c->status = e == ERR_OK ? 200 : e == ERR_FULL ? 507 : 409;
    owner_answer(d, &m, e, &c->answer);
    message_request_release(&m);
    buf_release(&body);
    if (e == ERR_TIMEOUT || owners_lost()) {
        buf_release(&c->answer);
        c->error = ERR_TIMEOUT;
        c->status = 0;
    }
}

static struct owner_disk *owners_at(const char *url)
{
    for (size_t i = 0; i < OWNERS_DISKS; i++)
        if (strcmp(owners.nodes[i].url, url) == 0)
            return &owners.disk[i];
    fail_msg("nobody lives at %s", url);
    return NULL;
}

/* Every call is one step under the lock; between them other threads' calls come in any order. */
enum err peer_round(struct peer *p, const struct peer_round *round, struct peer_call *calls, size_t n)
{
    (void)p;
    unsigned char there[PEER_CALLS_MAX];
    for (size_t i = 0; i < n; i++)
        there[i] = owners_at(calls[i].base_url)->down == 0;
    size_t first = id_random_below(n == 0 ? 1 : n);
    for (size_t j = 0; j < n; j++) {
        struct peer_call *c = &calls[(first + j) % n];
        pthread_mutex_lock(&owners.lock);
        if (round->gate != NULL && !round->gate(there, n, round->ctx)) {
            buf_init(&c->answer, c->answer_max);
            c->done = 1;
            c->error = ERR_UNAVAILABLE;
        } else {
            owners_call(owners_at(c->base_url), c);
        }
        pthread_mutex_unlock(&owners.lock);
    }
    return ERR_OK;
}

/* In place of stream.c: one body at a time. */
struct peer_stream {
    struct peer_stream_target *targets;
    size_t n;
    uint64_t total, done;
};
static struct peer_stream owners_stream;

static size_t owners_streaming(const struct peer_stream *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        const struct owner_disk *d = owners_at(s->targets[i].base_url);
        s->targets[i].error = d->down ? ERR_UNAVAILABLE : d->silent ? ERR_TIMEOUT : ERR_OK;
        s->targets[i].status = d->down || d->silent ? 0 : d->full ? 507 : 201;
        n += s->targets[i].status == 201;
    }
    return n;
}

enum err peer_stream_open(struct peer *p, struct peer_stream_target *targets, size_t n, uint64_t total, uint64_t epoch, unsigned stall_ms,
    struct peer_stream **out)
{
    (void)p;
    (void)epoch;
    (void)stall_ms;
    owners_stream = (struct peer_stream){.targets = targets, .n = n, .total = total};
    *out = &owners_stream;
    return ERR_OK;
}

enum err peer_stream_push(struct peer_stream *s, const void *data, size_t n, size_t need)
{
    (void)data;
    s->done += n;
    return owners_streaming(s) < need ? ERR_UNAVAILABLE : ERR_OK;
}

enum err peer_stream_close(struct peer_stream *s)
{
    assert_int_equal(s->done, s->total);
    owners_streaming(s);
    for (size_t i = 0; i < s->n; i++) {
        struct owner_disk *d = owners_at(s->targets[i].base_url);
        if (s->targets[i].status != 201)
            continue;
        snprintf(d->staged, sizeof(d->staged), "%s", strrchr(s->targets[i].path, '/') + 1);
        d->staged_bytes = s->done;
    }
    return ERR_OK;
}

void peer_stream_abort(struct peer_stream *s)
{
    s->n = 0;
}

/* In place of fetch.c: so many bytes; what they are is not looked at here. */
enum err peer_fetch_blob(struct peer *p, const struct peer_blob *blob, uint64_t epoch, int fd, unsigned stall_ms)
{
    const char *base_url = blob->base_url;
    uint64_t size = blob->size;
    (void)p;
    (void)epoch;
    (void)stall_ms;
    if (owners_at(base_url)->down || owners_at(base_url)->silent || owners_lost())
        return ERR_UNAVAILABLE;
    __atomic_fetch_add(&owners.fetched, 1, __ATOMIC_RELAXED);
    return ftruncate(fd, (off_t)size) == 0 ? ERR_OK : ERR_IO;
}

/* ---- in place of view.c: Redis is away, the nodes are known */

static const struct view owners_view;

const struct view *view_get(struct view_keeper *k)
{
    (void)k;
    return &owners_view;
}
void view_put(struct view_keeper *k, const struct view *v)
{
    (void)k;
    (void)v;
}
void view_refresh(struct view_keeper *k, uint64_t epoch, unsigned wait_ms)
{
    (void)k;
    assert_true(epoch == 0 || epoch == owners.ring);
    (void)wait_ms;
    owners.sender_ring = owners.ring;
}
int view_store_up(struct view_keeper *k)
{
    (void)k;
    return 0;
}
void view_store_failed(struct view_keeper *k)
{
    (void)k;
}
enum err view_start(struct app *a, struct view_keeper **out)
{
    (void)a;
    (void)out;
    return ERR_INTERNAL;
}
void view_stop(struct view_keeper *k)
{
    (void)k;
}
enum err view_owners(struct view_keeper *k, const struct view *v, const char *key, struct view_owners *out)
{
    (void)k;
    (void)v;
    assert_string_equal(key, owners.key);
    *out = (struct view_owners){.epoch = owners.sender_ring};
    owners_of_ring(out->epoch, &out->who);
    out->n = out->who.n;
    for (size_t i = 0; i < out->n; i++) {
        size_t disk = (size_t)(out->who.at[i].member - owners.members);
        out->at[i] = (struct view_owner){.member = out->who.at[i].member, .node = &owners.nodes[disk], .usable = !owners.unusable[disk]};
    }
    return ERR_OK;
}

/* ---- in place of reindex.c */

enum err reindex_start(struct app *a, struct index_retry **out)
{
    (void)a;
    (void)out;
    return ERR_INTERNAL;
}
void reindex_stop(struct index_retry *r)
{
    (void)r;
}
void reindex_add(struct index_retry *r, const struct record *record)
{
    (void)r;
    (void)record;
    __atomic_fetch_add(&owners.indexed, 1, __ATOMIC_RELAXED);
}
size_t reindex_waiting(struct index_retry *r)
{
    (void)r;
    return owners.indexed;
}

/* ---- for tests */

static void owners_reset(void)
{
    for (size_t i = 0; i < OWNERS_DISKS; i++) {
        history_release(&owners.disk[i].records);
        record_release(&owners.disk[i].slot);
        memset(&owners.disk[i], 0, sizeof(owners.disk[i]));
        history_init(&owners.disk[i].records);
        snprintf(owners.members[i].name, sizeof(owners.members[i].name), "node-%zu", i + 1);
        snprintf(owners.members[i].id, sizeof(owners.members[i].id), "node-%zu.00000000000000a%zu", i + 1, i);
        snprintf(owners.nodes[i].url, sizeof(owners.nodes[i].url), "http://127.0.0.1:400%zu", i);
        owners.unusable[i] = 0;
    }
    owners.loss_percent = 0;
    owners.ring = 1;
    owners.sender_ring = 1;
    owners.to = "012";
    owners.clock = STAMP_ZERO;
    owners.refuse = NULL;
    owners.fetched = owners.indexed = 0;
    owners.key = OWNERS_KEY;
    for (size_t i = 0; i < OWNERS_BLOBS; i++) {
        buf_release(&owners.blobs[i].bytes);
        owners.blobs[i].sha256[0] = '\0';
    }
    owners.n_blobs = 0;
}

static void owners_app(struct app *a)
{
    memset(a, 0, sizeof(*a));
    a->settings.name = "api-test";
    a->settings.data = "/tmp";
    a->keys = sign_keys_master(&a->key, "api:test");
    assert_non_null(a->keys);
    a->settings.quorum_timeout_ms = 2000;
    a->settings.small_max_bytes = 1u << 20;
    a->stamps = stamps_new();
    a->queue = courses_new();
    a->contacts = contacts_new();
    a->room = room_new(1u << 20);
    assert_non_null(a->contacts);
    assert_non_null(a->room);
    assert_non_null(a->stamps);
    assert_non_null(a->queue);
}

static void owners_app_release(struct app *a)
{
    sign_keys_free(a->keys);
    courses_free(a->queue);
    contacts_free(a->contacts);
    room_free(a->room);
    stamps_free(a->stamps);
}

static void owners_worker(struct worker *w, struct app *a)
{
    memset(w, 0, sizeof(*w));
    w->app = a;
    arena_init(&w->arena, 1u << 24);
    w->peer = peer_new(a->keys, NULL);
    assert_non_null(w->peer);
}

static void owners_worker_release(struct worker *w)
{
    peer_free(w->peer);
    arena_release(&w->arena);
}

/* On how many disks a record is, in R or in a slot. */
static inline unsigned owners_with(struct stamp id)
{
    unsigned n = 0;
    for (size_t i = 0; i < OWNERS_DISKS; i++) {
        const struct owner_disk *d = &owners.disk[i];
        n += history_find(&d->records, id) != NULL || (d->has_slot && d->slot_has_record && stamp_cmp(d->slot.id, id) == 0);
    }
    return n;
}

/* True when some R holds a record of this upload. */
static inline int owners_have_firm(const char *upload_id)
{
    for (size_t i = 0; i < OWNERS_DISKS; i++)
        if (history_find_upload(&owners.disk[i].records, upload_id) != NULL)
            return 1;
    return 0;
}

#endif
