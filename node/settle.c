#include "node/settle_inside.h"

#include "lib/base/id.h"
#include "lib/base/log.h"
#include "node/rings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IDLE_MS 500u
#define PAUSE_MIN_MS 200u
#define PAUSE_MAX_MS 2000u /* between rounds that left something */

/* ---- a round */

int settle_round_goes_on(struct settle_round *r)
{
    return !bell_is_stopping(&r->s->bell) && ledger_epoch(r->node->ledger) == r->order.epoch && atomic_load(&r->error) == ERR_OK;
}

int settle_is_silent(struct settle_round *r, const char *id)
{
    int is = 0;
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->n_silent && !is; i++)
        is = strcmp(r->silent[i], id) == 0;
    pthread_mutex_unlock(&r->lock);
    return is;
}

void settle_note_silent(struct settle_round *r, const char *id)
{
    if (settle_is_silent(r, id) || strcmp(id, r->node->self.id) == 0)
        return;
    log_write(LOG_INFO, "settle", "%s does not answer; this round goes on without it", id);
    pthread_mutex_lock(&r->lock);
    char(*grown)[RING_ID_MAX] = realloc(r->silent, (r->n_silent + 1) * sizeof(*grown));
    if (grown) {
        r->silent = grown;
        snprintf(r->silent[r->n_silent++], RING_ID_MAX, "%s", id);
    }
    pthread_mutex_unlock(&r->lock);
}

int settle_may_live(struct settle_round *r, const char *id)
{
    return order_counts(&r->order, id) || cluster_lives(r->node->cluster, id) != 0;
}

/* Settles what is left of some courses; takes them. */
static enum err settle_some(struct settle_round *r, struct peer *peer, struct settle_course *courses, size_t n)
{
    unsigned char done[SETTLE_BATCH];
    struct settle_course left[SETTLE_BATCH];
    size_t n_left = 0;
    enum err e = settle_rows_find(r->node->db, r->order.epoch, courses, n, done);
    for (size_t i = 0; i < n && !e; i++)
        if (!done[i])
            left[n_left++] = courses[i]; /* a view: released with courses */
    if (!e && n_left > 0)
        e = settle_batch(r, peer, left, n_left);
    for (size_t i = 0; i < n; i++)
        settle_course_release(&courses[i]);
    return e;
}

static void *work(void *ctx)
{
    struct settle_round *r = ctx;
    struct settle_course courses[SETTLE_BATCH];
    struct peer *peer = peers_take(r->node->peers);
    enum err e = peer ? ERR_OK : ERR_NOMEM;
    size_t n = 1;
    while (!e && n > 0 && settle_round_goes_on(r)) {
        e = settle_lists_next(r->lists, peer, courses, SETTLE_BATCH, &n);
        if (!e && n > 0)
            e = settle_some(r, peer, courses, n);
    }
    peers_give(r->node->peers, peer);
    if (e)
        atomic_store(&r->error, e);
    return NULL;
}

static void work_together(struct settle_round *r)
{
    pthread_t threads[SETTLE_WORKERS - 1];
    size_t n = 0;
    while (n < SETTLE_WORKERS - 1 && pthread_create(&threads[n], NULL, work, r) == 0)
        n++;
    work(r);
    while (n > 0)
        pthread_join(threads[--n], NULL);
}

/* Goes once through all lists. *all says whether everything that falls to this node is settled now. */
static enum err go_through(struct settle_round *r, int *all)
{
    enum err e = settle_lists_new(r, &r->lists);
    if (e)
        return e;
    work_together(r);
    *all = settle_round_goes_on(r) && r->failed == 0 && settle_lists_cover(r->lists);
    settle_lists_free(r->lists);
    return (enum err)atomic_load(&r->error);
}

/* ---- the order */

/* What the thread has seen of the order that it follows. */
struct followed {
    struct ballot ballot;
    uint64_t epoch, seq;
    unsigned tries; /* rounds under it */
    int is_complete;
};

static int is_followed(const struct followed *f, const struct order *o)
{
    return f->epoch == o->epoch && f->seq == o->seq && ballot_cmp(&f->ballot, &o->ballot) == 0;
}

/* The order in force with its ring, held; ERR_NOT_FOUND when there is nothing to follow now. */
static enum err find_order(struct settle *s, struct settle_round *r)
{
    enum err e = order_last(s->node->db, &r->order);
    if (e)
        return e;
    r->ring = ledger_hold(s->node->ledger);
    if (r->ring && ringdoc_is_joint(r->ring->doc) && r->ring->doc->ring->epoch == r->order.epoch) {
        if (r->ring->committed)
            return ERR_OK;
        rings_are_committed(s->node); /* the next look finds it */
    }
    ledger_drop(r->ring);
    order_release(&r->order);
    return ERR_NOT_FOUND;
}

static enum err begin_order(struct settle_round *r, struct followed *f)
{
    struct peer *peer = peers_take(r->node->peers);
    enum err e = peer ? settle_rows_forget(r->node->db, r->order.epoch) : ERR_NOMEM;
    if (!e)
        e = settle_count_begin(r, peer);
    peers_give(r->node->peers, peer);
    if (!e)
        *f = (struct followed){.ballot = r->order.ballot, .epoch = r->order.epoch, .seq = r->order.seq};
    return e;
}

static void say_complete(struct settle *s)
{
    pthread_mutex_lock(&s->bell.lock);
    s->progress.complete = 1;
    struct member_move m = s->progress;
    pthread_mutex_unlock(&s->bell.lock);
    log_write(LOG_INFO, "settle", "ring %llu: all that falls to this node is settled, %llu copies of %llu bytes",
        (unsigned long long)m.epoch, (unsigned long long)m.copies_done, (unsigned long long)m.bytes_done);
}

/* One look at the order; returns how long to wait for the next one. */
static unsigned follow(struct settle *s, struct followed *f)
{
    struct settle_round r = {.s = s, .node = s->node};
    int all = 0;
    enum err e = find_order(s, &r);
    if (e) {
        if (e != ERR_NOT_FOUND)
            log_write(LOG_ERROR, "settle", "the order cannot be read: %s", err_text(e));
        return IDLE_MS;
    }
    pthread_mutex_init(&r.lock, NULL);
    if (!is_followed(f, &r.order))
        e = begin_order(&r, f);
    int is_due = !e && !f->is_complete;
    if (is_due) {
        r.tries = f->tries++;
        e = go_through(&r, &all);
    }
    if (all) {
        f->is_complete = 1;
        say_complete(s);
    }
    if (e)
        log_write(LOG_WARN, "settle", "%s", err_text(e));
    pthread_mutex_destroy(&r.lock);
    free(r.silent);
    ledger_drop(r.ring);
    order_release(&r.order);
    if (!is_due || all)
        return IDLE_MS;
    return PAUSE_MIN_MS * f->tries < PAUSE_MAX_MS ? PAUSE_MIN_MS * f->tries : PAUSE_MAX_MS;
}

static void *run(void *ctx)
{
    struct settle *s = ctx;
    struct followed f = {.epoch = 0};
    unsigned pause_ms = 0;
    while (bell_wait(&s->bell, pause_ms, NULL))
        pause_ms = node_is_suspect(s->node) ? IDLE_MS : follow(s, &f);
    return NULL;
}

/* ---- life */

enum err settle_start(struct node *n, struct settle **out)
{
    struct settle *s = calloc(1, sizeof(*s));
    if (!s)
        return ERR_NOMEM;
    s->node = n;
    s->ballots.process = id_random_u64();
    pthread_mutex_init(&s->ballots.lock, NULL);
    bell_init(&s->bell);
    s->has_thread = pthread_create(&s->thread, NULL, run, s) == 0;
    if (!s->has_thread) {
        settle_free(s);
        return ERR_NOMEM;
    }
    *out = s;
    return ERR_OK;
}

void settle_wake(struct settle *s)
{
    if (s)
        bell_ring(&s->bell);
}

void settle_progress(struct settle *s, struct member_move *out)
{
    pthread_mutex_lock(&s->bell.lock);
    *out = s->progress;
    pthread_mutex_unlock(&s->bell.lock);
}

void settle_stop(struct settle *s)
{
    if (s)
        bell_stop(&s->bell);
}

void settle_free(struct settle *s)
{
    if (!s)
        return;
    settle_stop(s);
    if (s->has_thread)
        pthread_join(s->thread, NULL);
    bell_release(&s->bell);
    pthread_mutex_destroy(&s->ballots.lock);
    free(s);
}
