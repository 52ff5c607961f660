/* The thread that leads: after the lease was taken it gets itself an epoch from the nodes, and governs while it has it. */
#include "coordinator/lead_inside.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <unistd.h>

#define RETRY_MS 500u
#define REFUSALS_MAX 4 /* tries in a row after refusals, each with a larger ballot */
#define SAY_EVERY_MS 30000u

int lead_may(struct lead *l)
{
    pthread_mutex_lock(&l->c->lock);
    int yes = coordinator_leads(l->c) && l->c->term == l->term && !l->c->stopping;
    pthread_mutex_unlock(&l->c->lock);
    return yes;
}

/* One try with one ballot, until its phase says how it ended or nobody is left to ask. */
static enum err try_once(struct lead *l)
{
    struct ringdoc *known = NULL;
    pthread_mutex_lock(&l->c->lock);
    enum err e = ringdoc_copy(l->c->ring, &known);
    pthread_mutex_unlock(&l->c->lock);
    if (e == ERR_OK)
        e = takeover_begin(&l->takeover, known);
    ringdoc_free(known);
    if (e == ERR_OK)
        e = lead_ask(l, LEAD_TO_ALL);
    if (e == ERR_OK && l->takeover.phase == TAKEOVER_INSTALL)
        e = lead_ask(l, LEAD_TO_ALL);
    return e;
}

/* (locked) From now on we lead with an epoch. */
static void begin_leading(struct lead *l)
{
    struct coordinator *c = l->c;
    c->led_term = l->term;
    c->led_epoch = l->takeover.ballot.counter;
    coordinator_event(c, "leader", c->settings->name);
    pthread_cond_broadcast(&c->changed);
}

enum err lead_take_over_result(struct lead *l)
{
    struct coordinator *c = l->c;
    struct ringdoc *mine = NULL, *theirs = NULL;
    enum err e = takeover_result(&l->takeover, &mine);
    if (e == ERR_OK)
        e = ringdoc_copy(mine, &theirs);
    if (e != ERR_OK) {
        ringdoc_free(mine);
        return e;
    }
    ringdoc_free(l->ring);
    l->ring = mine;
    pthread_mutex_lock(&c->lock);
    /* What is committed is committed, whoever leads by now; all else that follows from it is void when the term ended meanwhile. */
    int in_time = coordinator_leads(c) && c->term == l->term;
    if (in_time && theirs->ring->epoch == c->ring->ring->epoch + 1)
        coordinator_ring_events(c, c->ring, theirs);
    coordinator_adopt(c, theirs);
    if (in_time && (c->led_term != l->term || c->led_epoch == 0))
        begin_leading(l);
    c->publish_now |= in_time;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    return ERR_OK;
}

/* The lease is to show the epoch at once. */
static void say_leading(struct lead *l)
{
    uint64_t one = 1;
    log_write(LOG_INFO, "lead", "leads with epoch %llu", (unsigned long long)l->takeover.ballot.counter);
    ssize_t written = write(l->c->wake_fd, &one, sizeof one);
    (void)written; /* a full counter has woken it already */
}

static void say_waiting(struct lead *l)
{
    uint64_t now_ms = clock_boot_ms();
    if (l->said_ms && now_ms - l->said_ms < SAY_EVERY_MS)
        return;
    l->said_ms = now_ms;
    log_write(LOG_WARN, "lead", "holds the lease and waits for nodes: %zu more of the ring's %zu must answer",
        takeover_missing(&l->takeover), l->takeover.doc->ring->n_members);
}

/* Whether we lead with an epoch now. */
static int take_over(struct lead *l)
{
    for (int refusals = 0; refusals < REFUSALS_MAX; refusals++) {
        enum err e = try_once(l);
        if (e == ERR_OK && l->takeover.phase == TAKEOVER_DONE)
            e = lead_take_over_result(l);
        if (e != ERR_OK) {
            log_write(LOG_ERROR, "lead", "the promise round failed: %s", err_text(e));
            return 0;
        }
        if (!lead_may(l))
            return 0;
        if (l->takeover.phase == TAKEOVER_DONE) {
            say_leading(l);
            return 1;
        }
        if (l->takeover.phase != TAKEOVER_REFUSED) {
            say_waiting(l);
            return 0;
        }
        log_write(LOG_INFO, "lead", "a node has promised %llu: again with a larger ballot", (unsigned long long)l->takeover.largest);
    }
    return 0;
}

/* (locked) */
static int has_work(const struct coordinator *c)
{
    return coordinator_leads(c) && (c->led_term != c->term || c->led_epoch == 0);
}

/* Waits for a term that has no epoch yet, and between tries; returns 0 when it is time to end. */
static int wait_for_work(struct lead *l, uint64_t not_before_ms)
{
    struct coordinator *c = l->c;
    pthread_mutex_lock(&c->lock);
    while (!c->stopping && (!has_work(c) || (c->term == l->term && clock_boot_ms() < not_before_ms)))
        coordinator_wait(c, COORDINATOR_TICK_MS);
    if (c->term != l->term)
        l->said_ms = 0;
    l->term = c->term;
    int go_on = !c->stopping;
    pthread_mutex_unlock(&c->lock);
    return go_on;
}

void *lead_run(void *arg)
{
    struct lead l = {.c = arg};
    uint64_t not_before_ms = 0;
    l.peer = peer_new(l.c->keys, l.c->tls);
    if (!l.peer) {
        log_write(LOG_ERROR, "lead", "out of memory: this coordinator cannot lead");
        return NULL;
    }
    takeover_init(&l.takeover, l.c->settings->name, l.c->start);
    change_init(&l.change);
    while (wait_for_work(&l, not_before_ms)) {
        if (take_over(&l))
            lead_govern(&l);
        not_before_ms = clock_boot_ms() + RETRY_MS;
    }
    change_release(&l.change);
    takeover_release(&l.takeover);
    membership_release(&l.seen);
    ringdoc_free(l.ring);
    peer_free(l.peer);
    return NULL;
}
