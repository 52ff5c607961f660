/* What a leader with an epoch does: plans the next ring, has it installed, sees the change through. Every order carries its ballot, so that one who was stopped and
 * goes on as if nothing had happened is refused by any node of a newer leader's quorum. */
#include "coordinator/lead_inside.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <stdio.h>
#include <string.h>

#define TICK_MS 200u
#define PLAN_SHARE 5u /* planning takes at most this part of the time: a large ring is planned less often */
#define SPREAD_MS 500u

/* Looks at what the others know by now. 0: somebody has committed a newer ring than ours, so we do not lead. */
static enum err look(struct lead *l, int *leads)
{
    struct coordinator *c = l->c;
    struct membership seen;
    pthread_mutex_lock(&c->lock);
    *leads = takeover_doc_cmp(c->ring, l->ring) <= 0;
    wishes_settle(&c->wishes, l->ring);
    l->wishes = c->wishes.now;
    enum err e = membership_copy(&c->membership, &seen);
    pthread_mutex_unlock(&c->lock);
    if (e != ERR_OK)
        return e;
    seen.wishes = &l->wishes;
    membership_release(&l->seen);
    l->seen = seen;
    return ERR_OK;
}

/* Tells people how it stands. */
static void tell(struct lead *l, const char *waiting)
{
    struct coordinator *c = l->c;
    struct members_progress progress;
    change_progress(&l->change, &l->seen, clock_boot_ms(), clock_unix_ms(), &progress);
    size_t movers = change_movers(&l->change, NULL, 0);
    pthread_mutex_lock(&c->lock);
    c->progress = progress;
    if (progress.bytes_per_s > movers && movers > 0)
        c->bytes_per_s = progress.bytes_per_s / movers;
    snprintf(c->waiting, sizeof c->waiting, "%s", waiting);
    pthread_mutex_unlock(&c->lock);
    if (strcmp(l->said, waiting) == 0)
        return;
    snprintf(l->said, sizeof l->said, "%s", waiting);
    if (waiting[0])
        log_write(LOG_INFO, "plan", "%s", waiting);
}

/* A ring is in force: sees to what it asks for. */
static enum err begin(struct lead *l)
{
    change_end(&l->change);
    l->spread_at_ms = 0;
    return ringdoc_is_joint(l->ring) ? change_begin(&l->change, l->ring, &l->takeover.ballot, clock_boot_ms()) : ERR_OK;
}

/* Carries on with what was proposed; it stays proposed until it is installed or refused. */
static enum err install(struct lead *l)
{
    takeover_again(&l->takeover);
    enum err e = lead_ask(l, LEAD_TO_ALL);
    if (e != ERR_OK || l->takeover.phase != TAKEOVER_DONE)
        return e;
    e = lead_take_over_result(l);
    return e == ERR_OK ? begin(l) : e;
}

static enum err propose(struct lead *l, const struct ringdoc *next)
{
    enum err e = takeover_propose(&l->takeover, next);
    return e == ERR_OK ? install(l) : e;
}

/* Those who live and were not among the quorum get the ring too. */
static enum err spread(struct lead *l)
{
    uint64_t now_ms = clock_boot_ms();
    if (now_ms < l->spread_at_ms)
        return ERR_OK;
    l->spread_at_ms = now_ms + SPREAD_MS;
    takeover_again(&l->takeover);
    return lead_ask(l, LEAD_TO_THE_LIVING);
}

static enum err plan(struct lead *l)
{
    struct plan p;
    struct plan_input in = {.ring = l->ring,
        .membership = &l->seen,
        .wishes = &l->wishes,
        .now_ms = clock_boot_ms(),
        .out_after_ms = l->c->settings->out_after_s * 1000};
    enum err e = plan_next(&in, &l->takeover.ballot, &p);
    l->plan_at_ms = clock_boot_ms() + (clock_boot_ms() - in.now_ms) * (PLAN_SHARE - 1);
    if (e != ERR_OK)
        return e;
    tell(l, p.why);
    if (p.kind == PLAN_CHANGE)
        e = propose(l, p.next);
    plan_release(&p);
    return e;
}

static enum err settle(struct lead *l)
{
    char why[PLAN_WHY_MAX];
    struct ringdoc *stable;
    change_tick(&l->change, &l->seen);
    enum err e = lead_order(l);
    if (e != ERR_OK || l->takeover.phase != TAKEOVER_DONE)
        return e;
    int is_settled = change_is_settled(&l->change, l->ring, &l->seen, why);
    tell(l, is_settled ? "" : why);
    if (!is_settled)
        return ERR_OK;
    e = ringdoc_settled(l->ring, &l->takeover.ballot, &stable);
    if (e != ERR_OK)
        return e;
    e = propose(l, stable);
    ringdoc_free(stable);
    return e;
}

static enum err step(struct lead *l, int *leads)
{
    enum err e = look(l, leads);
    if (e != ERR_OK || !*leads)
        return e;
    if (l->takeover.phase == TAKEOVER_INSTALL)
        return install(l);
    e = spread(l);
    if (e != ERR_OK || l->takeover.phase != TAKEOVER_DONE)
        return e;
    if (ringdoc_is_joint(l->ring))
        return settle(l);
    return clock_boot_ms() < l->plan_at_ms ? ERR_OK : plan(l);
}

/* The epoch is worth nothing any more. While we hold the lease there may be another try. */
static void give_up(struct lead *l)
{
    struct coordinator *c = l->c;
    pthread_mutex_lock(&c->lock);
    if (c->led_term == l->term)
        c->led_epoch = 0;
    c->progress = (struct members_progress){0};
    c->waiting[0] = '\0';
    pthread_mutex_unlock(&c->lock);
    l->said[0] = '\0';
    change_end(&l->change);
}

/* Until the next tick. */
static void pause(struct lead *l)
{
    uint64_t until_ms = clock_boot_ms() + TICK_MS, now_ms;
    pthread_mutex_lock(&l->c->lock);
    while (!l->c->stopping && (now_ms = clock_boot_ms()) < until_ms)
        coordinator_wait(l->c, (unsigned)(until_ms - now_ms));
    pthread_mutex_unlock(&l->c->lock);
}

void lead_govern(struct lead *l)
{
    int leads = 1;
    enum err e = begin(l);
    while (e == ERR_OK && leads && l->takeover.phase != TAKEOVER_REFUSED && lead_may(l) && coordinator_governs(l->c, l->term)) {
        uint64_t before = l->ring->ring->epoch;
        e = step(l, &leads);
        if (l->ring->ring->epoch == before) /* else there is something new to see to */
            pause(l);
    }
    if (e != ERR_OK)
        log_write(LOG_ERROR, "lead", "cannot govern: %s", err_text(e));
    else if (l->takeover.phase == TAKEOVER_REFUSED)
        log_write(
            LOG_WARN, "lead", "a node has promised %llu to somebody: this leadership is over", (unsigned long long)l->takeover.largest);
    else if (!leads)
        log_write(LOG_WARN, "lead", "somebody else has committed a newer ring: this leadership is over");
    give_up(l);
}
