#include "coordinator/coordinator.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define CONNECT_TIMEOUT_MS 300u

int coordinator_leads(const struct coordinator *c)
{
    return c->leading && clock_boot_ms() < c->valid_until_ms;
}

int coordinator_governs(struct coordinator *c, uint64_t term)
{
    pthread_mutex_lock(&c->lock);
    int yes = coordinator_leads(c) && c->term == term && c->led_term == term && c->led_epoch != 0;
    pthread_mutex_unlock(&c->lock);
    return yes;
}

void coordinator_refused(struct coordinator *c, uint64_t term)
{
    pthread_mutex_lock(&c->lock);
    if (c->led_term == term)
        c->led_epoch = 0;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

uint64_t coordinator_out_at_ms(const struct coordinator *c, const struct membership_node *node)
{
    uint64_t out_after_ms = c->settings->out_after_s * 1000;
    if (node->member.alive || ring_find(c->ring->ring, node->member.id) < 0 || membership_is_deaf(&c->membership, clock_boot_ms()))
        return 0;
    return clock_unix_ms() + (node->silent_ms < out_after_ms ? out_after_ms - node->silent_ms : 0);
}

void coordinator_wait_for(struct coordinator *c, pthread_cond_t *condition, unsigned ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(condition, &c->lock, &until);
}

void coordinator_wait(struct coordinator *c, unsigned ms)
{
    coordinator_wait_for(c, &c->changed, ms);
}

void coordinator_adopt(struct coordinator *c, struct ringdoc *doc)
{
    if (takeover_doc_cmp(doc, c->ring) <= 0) {
        ringdoc_free(doc);
        return;
    }
    log_write(LOG_INFO, "ring", "ring %llu with %zu members, ballot %llu of %s", (unsigned long long)doc->ring->epoch, doc->ring->n_members,
        (unsigned long long)doc->ballot.counter, doc->ballot.coordinator[0] ? doc->ballot.coordinator : "the founders");
    ringdoc_free(c->ring);
    c->ring = doc;
    membership_new_ring(&c->membership, doc);
}

static void tell_coming(struct coordinator *c, const struct ringdoc *joint)
{
    for (size_t i = 0; i < joint->ring->n_members; i++) {
        const struct ring_member *m = &joint->ring->members[i];
        if (ring_find(joint->before, m->id) < 0)
            coordinator_event(c, "join", m->name);
    }
}

/* Who goes: sent away by people, or taken out (NULL: not told) because it was silent. */
static void tell_going(struct coordinator *c, const struct ringdoc *joint, const char *away, const char *out)
{
    for (size_t i = 0; i < joint->before->n_members; i++) {
        const struct ring_member *m = &joint->before->members[i];
        const char *kind = ringdoc_is_away(joint, m->id) ? away : out;
        if (kind && ring_find(joint->ring, m->id) < 0)
            coordinator_event(c, kind, m->name);
    }
}

void coordinator_ring_events(struct coordinator *c, const struct ringdoc *from, const struct ringdoc *to)
{
    coordinator_event(c, "ring", "");
    if (ringdoc_is_joint(to))
        tell_going(c, to, "drain", "out");
    if (!ringdoc_is_joint(from))
        return;
    coordinator_event(c, "moved", "");
    tell_coming(c, from);
    tell_going(c, from, "leave", NULL);
}

void coordinator_event(struct coordinator *c, const char *kind, const char *node)
{
    if (c->n_events == COORDINATOR_EVENTS_MAX) {
        c->first_event = (c->first_event + 1) % COORDINATOR_EVENTS_MAX;
        c->n_events--;
    }
    struct coordinator_event *e = &c->events[(c->first_event + c->n_events++) % COORDINATOR_EVENTS_MAX];
    snprintf(e->kind, sizeof e->kind, "%s", kind);
    snprintf(e->node, sizeof e->node, "%s", node);
    e->at_ms = clock_unix_ms();
    if (coordinator_leads(c))
        note_event(c, kind, node);
    if (node[0])
        log_write(LOG_INFO, kind, "%s", node);
}

static uint64_t boot_ms(void *ctx)
{
    (void)ctx;
    return clock_boot_ms();
}

static uint64_t unix_ms(void *ctx)
{
    (void)ctx;
    return clock_unix_ms();
}

static void event(void *ctx, const char *kind, const char *node)
{
    coordinator_event(ctx, kind, node);
}

struct effects coordinator_effects(struct coordinator *c)
{
    return (struct effects){.ctx = c, .boot_ms = boot_ms, .unix_ms = unix_ms, .event = event};
}

struct store *coordinator_store(const struct coordinator *c, unsigned timeout_ms)
{
    return store_new(&(struct store_config){
        .address = c->settings->redis,
        .user = c->settings->redis_user,
        .password = c->password[0] ? c->password : NULL,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .timeout_ms = timeout_ms,
    });
}
