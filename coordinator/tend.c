#include "coordinator/tend.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <stdlib.h>
#include <string.h>

#define STORE_TIMEOUT_MS 2000u
#define LOOK_EVERY_MS 250u /* at the mark */
#define AGAIN_MS 1000u     /* after a rebuild for which too few nodes were there */
#define SAY_EVERY_MS 10000u
#define SWEEP_AGAIN_MS 30000u /* after a sweep that not enough nodes took part in */
#define PURGE_EVERY_MS 60000u /* or as often as files may be purged, when that is more often */
#define PURGE_EVERY_MIN_MS 1000u

/* ---- what the parts share */

/* (locked) */
static int leads(const struct coordinator *c)
{
    return coordinator_leads(c) && c->led_term == c->term && c->led_epoch != 0 && !c->stopping;
}

int tend_may(const struct tend *t)
{
    pthread_mutex_lock(&t->c->lock);
    int yes = leads(t->c) && t->c->term == t->term && t->c->led_epoch == t->ballot.counter;
    pthread_mutex_unlock(&t->c->lock);
    return yes;
}

int tend_may_say(struct tend *t)
{
    uint64_t now_ms = clock_boot_ms();
    if (t->said_ms && now_ms - t->said_ms < SAY_EVERY_MS)
        return 0;
    t->said_ms = now_ms;
    return 1;
}

/* (locked) Appends a member that lives, once. */
static void add_node(const struct coordinator *c, const struct ring_member *m, struct tend_nodes *out)
{
    const struct membership_node *node = membership_find(&c->membership, m->id);
    if (!node || !node->member.alive || !node->member.url[0] || tend_nodes_find(out, m->id) >= 0)
        return;
    memcpy(out->ids[out->n], node->member.id, sizeof out->ids[0]);
    memcpy(out->urls[out->n], node->member.url, sizeof out->urls[0]);
    out->n++;
}

static void add_nodes(const struct coordinator *c, const struct ring *ring, struct tend_nodes *out)
{
    for (size_t i = 0; ring && i < ring->n_members; i++)
        add_node(c, &ring->members[i], out);
}

enum err tend_nodes_read(const struct tend *t, struct tend_nodes *out)
{
    struct tend_nodes n = {0};
    pthread_mutex_lock(&t->c->lock);
    enum err e = ringdoc_copy(t->c->ring, &n.doc);
    if (e == ERR_OK) {
        size_t room = n.doc->ring->n_members + (n.doc->before ? n.doc->before->n_members : 0);
        n.ids = calloc(room, sizeof *n.ids);
        n.urls = calloc(room, sizeof *n.urls);
        e = n.ids && n.urls ? ERR_OK : ERR_NOMEM;
    }
    if (e == ERR_OK) {
        add_nodes(t->c, n.doc->ring, &n);
        add_nodes(t->c, n.doc->before, &n);
    }
    pthread_mutex_unlock(&t->c->lock);
    if (e == ERR_OK)
        *out = n;
    else
        tend_nodes_release(&n);
    return e;
}

void tend_nodes_release(struct tend_nodes *n)
{
    ringdoc_free(n->doc);
    free(n->ids);
    free(n->urls);
    *n = (struct tend_nodes){0};
}

long tend_nodes_find(const struct tend_nodes *n, const char *id)
{
    for (size_t i = 0; i < n->n; i++) {
        if (strcmp(n->ids[i], id) == 0)
            return (long)i;
    }
    return -1;
}

/* ---- when to do what */

static int is_sweep_due(const struct tend *t, uint64_t now_ms)
{
    return t->away || !t->swept || now_ms >= t->sweep_at_ms;
}

/* What a whole rebuild or sweep leaves to be done. */
static void note_swept(struct tend *t)
{
    t->away = 0;
    t->swept = 1;
    t->sweep_at_ms = clock_boot_ms() + t->c->settings->sweep_s * 1000;
}

static enum err sweep(struct tend *t)
{
    enum err e = rebuild_sweep(t);
    if (e == ERR_OK)
        note_swept(t);
    if (e != ERR_UNAVAILABLE)
        return e;
    /* Most of it is done; those who are missing are waited for without scanning all the time. */
    note_swept(t);
    t->sweep_at_ms = clock_boot_ms() + SWEEP_AGAIN_MS;
    return ERR_OK;
}

static enum err purge(struct tend *t)
{
    uint64_t after_ms = t->c->settings->purge_after_s * 1000;
    uint64_t every_ms = after_ms > PURGE_EVERY_MS ? PURGE_EVERY_MS : after_ms < PURGE_EVERY_MIN_MS ? PURGE_EVERY_MIN_MS : after_ms;
    enum err e = purge_round(t);
    t->purge_at_ms = clock_boot_ms() + every_ms;
    return e;
}

/* One look at the mark, and the most urgent thing that it leads to. */
static enum err look(struct tend *t)
{
    struct mark mark;
    enum err e = mark_read(t->store, &mark);
    if (e != ERR_OK) {
        t->away = 1;
        return ERR_OK; /* the connection says so itself */
    }
    uint64_t now_ms = clock_boot_ms();
    if (!mark_is_ready(t->store, &mark)) {
        e = rebuild_run(t);
        if (e == ERR_OK)
            note_swept(t);
        return e;
    }
    if (is_sweep_due(t, now_ms))
        return sweep(t);
    return now_ms >= t->purge_at_ms ? purge(t) : ERR_OK;
}

static void forget_drops(struct tend *t)
{
    for (size_t i = 0; i < t->n_drops; i++)
        free(t->drops[i].key);
    t->n_drops = 0;
}

/* Waits for the next look, or for a term to work in; returns 0 when it is time to end. A new term, or a new epoch in it, begins anew. */
static int wait_for_work(struct tend *t, uint64_t not_before_ms)
{
    struct coordinator *c = t->c;
    pthread_mutex_lock(&c->lock);
    while (!c->stopping && (!leads(c) || clock_boot_ms() < not_before_ms))
        coordinator_wait(c, COORDINATOR_TICK_MS);
    if (c->term != t->term || c->led_epoch != t->ballot.counter) {
        t->term = c->term;
        t->ballot = (struct ballot){.counter = c->led_epoch, .start = c->start};
        strncpy(t->ballot.coordinator, c->settings->name, sizeof t->ballot.coordinator - 1);
        t->hold = (struct mark_hold){0};
        t->rebuilding = t->swept = 0;
        t->said_ms = 0;
        forget_drops(t);
    }
    int go_on = !c->stopping;
    pthread_mutex_unlock(&c->lock);
    return go_on;
}

void *tend_run(void *arg)
{
    struct tend t = {.c = arg};
    uint64_t not_before_ms = 0;
    t.store = coordinator_store(t.c, STORE_TIMEOUT_MS);
    t.peer = peer_new(t.c->keys, t.c->tls);
    if (!t.store || !t.peer)
        log_write(LOG_ERROR, "tend", "out of memory: this coordinator cannot tend the index");
    else
        while (wait_for_work(&t, not_before_ms)) {
            enum err e = look(&t);
            if (e != ERR_OK && e != ERR_FENCED && e != ERR_STALE_INDEX && tend_may_say(&t))
                log_write(LOG_WARN, "tend", "the index is not done yet: %s", err_text(e));
            not_before_ms = clock_boot_ms() + (e == ERR_UNAVAILABLE ? AGAIN_MS : LOOK_EVERY_MS);
        }
    forget_drops(&t);
    peer_free(t.peer);
    store_free(t.store);
    return NULL;
}
