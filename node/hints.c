#include "node/hints.h"

#include "lib/base/clock.h"
#include "lib/base/id.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/name/name.h"
#include "lib/wire/frame.h"
#include "lib/wire/owners.h"
#include "node/bell.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TARGETS_MAX 64 /* more wait for their turn */
#define BATCH 64       /* rows of one target that are looked at together */
#define IDLE_MS 1000u
#define PAUSE_MIN_MS 500u
#define PAUSE_MAX_MS 5000u
#define REFUSALS_MAX 8          /* in a row, before a target that answers is left alone too: its disk may be full or failing */
#define CALL_TIMEOUT_MS 120000u /* the target may have large blobs to fetch; a row whose call was given up is tried again */
#define CONNECT_MS 500u
#define PATH_BYTES_MAX 8192

struct hint {
    char target[RING_ID_MAX];
    char key[NAME_KEY_BYTES_MAX + 1];
    uint64_t seq;
};

/* A target's place in its rows, and how long to leave it alone. */
struct target {
    char id[RING_ID_MAX];               /* "" = free */
    char after[NAME_KEY_BYTES_MAX + 1]; /* rows up to here were tried in this round */
    uint64_t not_before_ms;             /* boot clock */
    unsigned pause_ms, refusals;
};

struct hints {
    struct node *node;
    struct bell bell; /* its lock guards all below */
    struct target targets[TARGETS_MAX];
    struct hint *queue; /* BATCH of them: rows of one target that nobody took yet */
    size_t n_queue;
    struct hint busy[HINTS_THREADS]; /* rows in the hands of threads; key "" = none */
    pthread_t threads[HINTS_THREADS];
    size_t n_threads;
};

/* ---- rows */

enum err hints_write(struct db *db, const char *target, const char *key)
{
    struct db_conn *c;
    enum err e = db_write_begin(db, &c);
    if (e)
        return e;
    sqlite3_stmt *s = db_stmt(c, "INSERT OR REPLACE INTO hint (target, key, seq) VALUES (?, ?, ?)");
    db_bind_text(s, 1, target);
    db_bind_text(s, 2, key);
    db_bind_u64(s, 3, id_random_u64() >> 1);
    return db_write_end(c, db_run(c, s));
}

static enum err remove_row(struct db *db, const struct hint *h)
{
    struct db_conn *c;
    enum err e = db_write_begin(db, &c);
    if (e)
        return e;
    sqlite3_stmt *s = db_stmt(c, "DELETE FROM hint WHERE target = ? AND key = ? AND seq = ?");
    db_bind_text(s, 1, h->target);
    db_bind_text(s, 2, h->key);
    db_bind_u64(s, 3, h->seq);
    return db_write_end(c, db_run(c, s));
}

enum err hints_count(struct db *db, uint64_t *out)
{
    struct db_conn *c;
    int row;
    enum err e = db_read_begin(db, &c);
    if (e)
        return e;
    sqlite3_stmt *s = db_stmt(c, "SELECT count(*) FROM hint");
    e = db_step(c, s, &row);
    if (!e)
        *out = db_column_u64(s, 0);
    db_read_end(c);
    return e;
}

/* The next target after `id` that has rows; "" when there is none. */
static enum err next_target(struct db_conn *c, char id[RING_ID_MAX])
{
    int row;
    sqlite3_stmt *s = db_stmt(c, "SELECT target FROM hint WHERE target > ? ORDER BY target LIMIT 1");
    char before[RING_ID_MAX];
    memcpy(before, id, RING_ID_MAX);
    db_bind_text(s, 1, before);
    enum err e = db_step(c, s, &row);
    snprintf(id, RING_ID_MAX, "%s", !e && row ? db_column_text(s, 0) : "");
    if (s)
        sqlite3_clear_bindings(s);
    return e;
}

/* Up to BATCH rows of a target after a key. */
static enum err next_rows(struct db_conn *c, const char *target, const char *after, struct hint *out, size_t *n)
{
    sqlite3_stmt *s = db_stmt(c, "SELECT key, seq FROM hint WHERE target = ? AND key > ? ORDER BY key LIMIT ?");
    db_bind_text(s, 1, target);
    db_bind_text(s, 2, after);
    db_bind_u64(s, 3, BATCH);
    *n = 0;
    for (;;) {
        int row;
        enum err e = db_step(c, s, &row);
        if (e || !row || *n == BATCH)
            return e;
        struct hint *h = &out[(*n)++];
        snprintf(h->target, sizeof(h->target), "%s", target);
        snprintf(h->key, sizeof(h->key), "%s", db_column_text(s, 0));
        h->seq = db_column_u64(s, 1);
    }
}

/* ---- whom to try when; all under the lock */

static struct target *find_target(struct hints *h, const char *id)
{
    struct target *free_one = NULL;
    for (size_t i = 0; i < TARGETS_MAX; i++) {
        if (strcmp(h->targets[i].id, id) == 0)
            return &h->targets[i];
        if (h->targets[i].id[0] == '\0' && !free_one)
            free_one = &h->targets[i];
    }
    if (!free_one)
        free_one = &h->targets[id_random_below(TARGETS_MAX)]; /* forgets how long one was to be left alone, no more */
    memset(free_one, 0, sizeof(*free_one));
    snprintf(free_one->id, RING_ID_MAX, "%s", id);
    return free_one;
}

/* Fills the queue from the first target that may be tried and has rows left in this round. */
static enum err fill_from_db(struct hints *h, struct db_conn *c)
{
    char id[RING_ID_MAX] = "";
    uint64_t now = clock_boot_ms();
    enum err e = next_target(c, id);
    while (!e && id[0] != '\0' && h->n_queue == 0) {
        struct target *t = find_target(h, id);
        if (t->not_before_ms <= now) {
            e = next_rows(c, id, t->after, h->queue, &h->n_queue);
            if (!e && h->n_queue > 0)
                memcpy(t->after, h->queue[h->n_queue - 1].key, sizeof(t->after));
            else
                t->after[0] = '\0'; /* round over; what is left is tried again after the pause */
            if (!e && h->n_queue == 0)
                t->not_before_ms = now + PAUSE_MIN_MS;
        }
        if (!e && h->n_queue == 0)
            e = next_target(c, id);
    }
    return e;
}

static int is_busy(const struct hints *h, const struct hint *row)
{
    for (size_t i = 0; i < HINTS_THREADS; i++)
        if (strcmp(h->busy[i].key, row->key) == 0 && strcmp(h->busy[i].target, row->target) == 0)
            return 1;
    return 0;
}

/* Leaves out the rows that a thread is seeing to. */
static void leave_out_busy(struct hints *h)
{
    size_t kept = 0;
    for (size_t i = 0; i < h->n_queue; i++)
        if (!is_busy(h, &h->queue[i]))
            h->queue[kept++] = h->queue[i];
    h->n_queue = kept;
}

static void fill(struct hints *h)
{
    struct db_conn *c;
    enum err e = db_read_begin(h->node->db, &c);
    if (!e) {
        e = fill_from_db(h, c);
        db_read_end(c);
    }
    if (e)
        log_write(LOG_ERROR, "hints", "the rows cannot be read: %s", err_text(e));
    leave_out_busy(h);
}

/* A target that does not answer, or only refuses, is left alone, longer each time; the rows of it that wait go back. After refusals the round goes on where it
 * was, so that a few courses that cannot be had do not keep all others waiting. */
static void leave_alone(struct hints *h, struct target *t, int refused)
{
    t->refusals = 0;
    t->pause_ms = t->pause_ms == 0 ? PAUSE_MIN_MS : t->pause_ms * 2 < PAUSE_MAX_MS ? t->pause_ms * 2 : PAUSE_MAX_MS;
    t->not_before_ms = clock_boot_ms() + t->pause_ms;
    if (!refused)
        t->after[0] = '\0';
    if (h->n_queue > 0 && strcmp(h->queue[0].target, t->id) == 0)
        h->n_queue = 0;
}

/* ---- the threads */

/* Waits for a row to see to; NULL when it is time to stop. The row stays in h->busy until give(). */
static struct hint *take(struct hints *h)
{
    struct hint *mine = NULL;
    pthread_mutex_lock(&h->bell.lock);
    while (!h->bell.stop) {
        if (h->n_queue == 0)
            fill(h);
        if (h->n_queue > 0) {
            for (mine = h->busy; mine->key[0] != '\0'; mine++)
                ; /* there are as many places as threads */
            *mine = h->queue[--h->n_queue];
            if (h->n_queue > 0)
                bell_ring_locked(&h->bell); /* there is work for one more thread */
            break;
        }
        bell_wait_locked(&h->bell, IDLE_MS, NULL);
    }
    pthread_mutex_unlock(&h->bell.lock);
    return mine;
}

enum outcome { DONE, LATER, NOT_THERE };

/* Tells the target to pull from us. */
static enum outcome call_target(struct node *n, struct peer *peer, const struct hint *hint)
{
    char url[MEMBERS_URL_MAX];
    struct buf path, body;
    struct message_request m;
    if (cluster_url(n->cluster, hint->target, url))
        return NOT_THERE;
    message_request_init(&m, MESSAGE_PULL);
    buf_init(&path, PATH_BYTES_MAX);
    buf_init(&body, FRAME_HEAD_MAX);
    m.ring = ledger_epoch(n->ledger);
    m.key = strdup(hint->key);
    memcpy(m.target, n->self.id, sizeof(n->self.id));
    enum err e = m.key ? buf_add_str(&path, "/records/") : ERR_NOMEM;
    if (!e)
        e = text_percent_encode(&path, hint->key, strlen(hint->key));
    if (!e)
        e = buf_add_str(&path, "/fetch");
    if (!e)
        e = message_request_print(&m, &body);
    struct peer_call call = {.base_url = url,
        .method = "POST",
        .path = buf_str(&path),
        .epoch = m.ring,
        .to = hint->target,
        .body = body.data,
        .body_len = body.len,
        .answer_max = 65536};
    struct peer_round round = {.timeout_ms = CALL_TIMEOUT_MS, .connect_timeout_ms = CONNECT_MS};
    if (!e)
        e = peer_round(peer, &round, &call, 1);
    enum outcome outcome = e ? LATER : call.error ? NOT_THERE : call.status == 200 ? DONE : LATER;
    if (outcome == LATER)
        log_write(
            LOG_DEBUG, "hints", "%s does not have all of %s yet: %ld %s", hint->target, hint->key, call.status, buf_str(&call.answer));
    peer_calls_release(&call, 1);
    message_request_release(&m);
    buf_release(&path);
    buf_release(&body);
    return outcome;
}

/* A node that owns the course no more, or left the ring, gets nothing: it would refuse. */
static int is_owner(struct node *n, const struct hint *hint)
{
    struct owners owners;
    struct ledger_ring *ring = ledger_hold(n->ledger);
    if (!ring)
        return 1;
    owners_of_key(ring->doc, hint->key, &owners);
    int is = owners_place(&owners, hint->target) >= 0;
    ledger_drop(ring);
    return is;
}

static void see_to(struct hints *h, struct hint *hint)
{
    struct node *n = h->node;
    struct peer *peer = peers_take(n->peers);
    enum outcome outcome = !peer ? LATER : is_owner(n, hint) ? call_target(n, peer, hint) : DONE;
    enum err e = outcome == DONE ? remove_row(n->db, hint) : ERR_OK;
    peers_give(n->peers, peer);
    if (e)
        log_write(LOG_ERROR, "hints", "a row could not be removed: %s", err_text(e));
    pthread_mutex_lock(&h->bell.lock);
    struct target *t = find_target(h, hint->target);
    if (outcome == DONE)
        t->pause_ms = t->refusals = 0;
    else if (outcome == NOT_THERE || ++t->refusals == REFUSALS_MAX)
        leave_alone(h, t, outcome != NOT_THERE);
    hint->key[0] = '\0';
    pthread_mutex_unlock(&h->bell.lock);
}

static void *run(void *ctx)
{
    struct hints *h = ctx;
    for (struct hint *hint = take(h); hint; hint = take(h))
        see_to(h, hint);
    return NULL;
}

enum err hints_start(struct node *n, struct hints **out)
{
    struct hints *h = calloc(1, sizeof(*h));
    if (!h)
        return ERR_NOMEM;
    h->node = n;
    bell_init(&h->bell);
    h->queue = calloc(BATCH, sizeof(*h->queue));
    while (h->queue && h->n_threads < HINTS_THREADS && pthread_create(&h->threads[h->n_threads], NULL, run, h) == 0)
        h->n_threads++;
    if (h->n_threads < HINTS_THREADS) {
        hints_free(h);
        return ERR_NOMEM;
    }
    *out = h;
    return ERR_OK;
}

void hints_wake(struct hints *h)
{
    bell_ring(&h->bell);
}

void hints_stop(struct hints *h)
{
    if (!h)
        return;
    bell_stop(&h->bell);
}

void hints_free(struct hints *h)
{
    if (!h)
        return;
    hints_stop(h);
    for (size_t i = 0; i < h->n_threads; i++)
        pthread_join(h->threads[i], NULL);
    bell_release(&h->bell);
    free(h->queue);
    free(h);
}
