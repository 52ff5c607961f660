/* The thread that meets the others in Redis. When Redis is away it goes on trying; nothing waits for it. */
#include "coordinator/coordinator.h"
#include "coordinator/ringfile.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/store/events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STORE_TIMEOUT_MS 500u
#define READ_EVERY_MS 500u /* also how often the alive key is renewed, whose TTL is three times that */

struct meet {
    struct coordinator *c;
    struct store *store;
    uint64_t read_at_ms;   /* boot time of the next reading */
    struct ringdoc *saved; /* the ring as it is on disk */
    struct members_out outs[MEMBERSHIP_MAX];
};

static void write_heartbeats(struct meet *m)
{
    static const size_t rounds_max = MEMBERSHIP_MAX / MEMBERS_HEARTBEATS_MAX;
    struct member batch[MEMBERS_HEARTBEATS_MAX];
    for (size_t round = 0; round < rounds_max; round++) {
        pthread_mutex_lock(&m->c->lock);
        size_t n = membership_take_heartbeats(&m->c->membership, batch, MEMBERS_HEARTBEATS_MAX);
        pthread_mutex_unlock(&m->c->lock);
        if (n == 0 || members_heartbeats(m->store, batch, n) != ERR_OK)
            return; /* the next heartbeats of those nodes try again */
        if (n < MEMBERS_HEARTBEATS_MAX)
            return;
    }
}

static void write_goodbyes(struct meet *m)
{
    struct membership_gone gone[MEMBERSHIP_GONE_MAX];
    pthread_mutex_lock(&m->c->lock);
    size_t n = membership_take_gone(&m->c->membership, gone, MEMBERSHIP_GONE_MAX);
    pthread_mutex_unlock(&m->c->lock);
    for (size_t i = 0; i < n; i++) {
        enum err e = members_leave(m->store, gone[i].id, gone[i].forget);
        if (e != ERR_OK)
            log_write(LOG_WARN, "leave", "%s: its alive key stays until its time: %s", gone[i].id, err_text(e));
    }
}

/* The oldest event, when we are the one to write it. Others forget theirs: the leader sees the same. */
static int take_event(struct coordinator *c, struct coordinator_event *out)
{
    pthread_mutex_lock(&c->lock);
    if (!coordinator_leads(c))
        c->n_events = 0;
    int found = c->n_events > 0;
    if (found) {
        *out = c->events[c->first_event];
        c->first_event = (c->first_event + 1) % COORDINATOR_EVENTS_MAX;
        c->n_events--;
    }
    pthread_mutex_unlock(&c->lock);
    return found;
}

static void write_events(struct meet *m)
{
    struct coordinator_event e;
    while (store_is_up(m->store) && take_event(m->c, &e)) {
        enum err err = events_add(m->store, e.kind, NULL, NULL, e.node[0] ? e.node : NULL, e.at_ms);
        if (err != ERR_OK)
            log_write(LOG_WARN, "event", "%s of %s is not in the stream: %s", e.kind, e.node, err_text(err));
    }
}

/* What people wish: what Redis does not have yet, and what it need not keep any more. */
static void write_wishes(struct meet *m)
{
    struct members_wishes unsaved, done;
    pthread_mutex_lock(&m->c->lock);
    wishes_unsaved(&m->c->wishes, &unsaved);
    done = m->c->wishes.done;
    pthread_mutex_unlock(&m->c->lock);
    enum err added = members_wishes_add(m->store, &unsaved), removed = members_wishes_remove(m->store, &done);
    pthread_mutex_lock(&m->c->lock);
    if (added == ERR_OK)
        wishes_saved(&m->c->wishes, &unsaved);
    if (removed == ERR_OK)
        wishes_forgotten(&m->c->wishes, &done);
    if (unsaved.n || unsaved.k)
        pthread_cond_broadcast(&m->c->changed); /* somebody waits for his wish to be kept */
    pthread_mutex_unlock(&m->c->lock);
}

/* (locked) When each silent member is going out, as far as we know; returns how many. */
static size_t list_outs(const struct coordinator *c, struct members_out *outs, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < c->membership.n && n < max; i++) {
        const struct membership_node *node = &c->membership.nodes[i];
        uint64_t at_ms = coordinator_out_at_ms(c, node);
        if (at_ms == 0)
            continue;
        memcpy(outs[n].id, node->member.id, sizeof outs[n].id);
        outs[n++].out_at_ms = at_ms;
    }
    return n;
}

/* The leader's word on the change under way. */
static void write_news(struct meet *m)
{
    struct coordinator *c = m->c;
    struct members_news news = {0};
    pthread_mutex_lock(&c->lock);
    int governs = coordinator_leads(c) && c->led_term == c->term && c->led_epoch != 0;
    if (governs) {
        news.progress = c->progress;
        memcpy(news.waiting, c->waiting, sizeof news.waiting);
        news.n_outs = list_outs(c, m->outs, MEMBERSHIP_MAX);
        news.outs = m->outs;
    }
    pthread_mutex_unlock(&c->lock);
    enum err e = governs ? members_news_write(m->store, &news) : ERR_OK;
    (void)e; /* the connection says so itself, and the next turn tries again */
}

static void say_alive(struct meet *m)
{
    struct coordinator_alive alive = {0};
    snprintf(alive.name, sizeof alive.name, "%s", m->c->settings->name);
    snprintf(alive.url, sizeof alive.url, "%s", m->c->settings->url);
    memcpy(alive.token, m->c->token, sizeof alive.token);
    enum err e = members_coordinator_alive(m->store, &alive, MEMBERS_TTL_MS);
    (void)e; /* the connection says so itself, and the next turn tries again */
}

/* (locked) Whether Redis lacks our ring: anybody fills an empty place, only the leader replaces an older document. */
static int must_publish(const struct coordinator *c, const struct ringdoc *published)
{
    return !published || (coordinator_leads(c) && takeover_doc_cmp(c->ring, published) > 0);
}

static void publish(struct meet *m, const struct ringdoc *published)
{
    struct ringdoc *mine = NULL;
    pthread_mutex_lock(&m->c->lock);
    enum err e = must_publish(m->c, published) ? ringdoc_copy(m->c->ring, &mine) : ERR_OK;
    pthread_mutex_unlock(&m->c->lock);
    if (mine)
        e = members_publish_ring(m->store, mine);
    if (mine && e == ERR_OK)
        log_write(LOG_INFO, "ring", "ring %llu is published", (unsigned long long)mine->ring->epoch);
    if (e != ERR_OK && e != ERR_CONFLICT)
        log_write(LOG_WARN, "ring", "not published: %s", err_text(e));
    ringdoc_free(mine);
}

/* (locked) Takes over what Redis knows of the others. */
static enum err take_reading(struct coordinator *c, struct members *read, uint64_t read_ms)
{
    struct ringdoc *ring = NULL;
    c->n_living = 0;
    for (size_t i = 0; i < read->n_coordinators; i++) {
        if (!read->coordinator_is_alive[i])
            continue;
        memcpy(c->living_urls[c->n_living], read->coordinators[i].url, sizeof c->living_urls[0]);
        memcpy(c->living[c->n_living++], read->coordinators[i].name, sizeof c->living[0]);
    }
    wishes_read(&c->wishes, &read->wishes, coordinator_leads(c));
    enum err e = read->ring && takeover_doc_cmp(read->ring, c->ring) > 0 ? ringdoc_copy(read->ring, &ring) : ERR_OK;
    if (ring)
        coordinator_adopt(c, ring);
    if (e == ERR_OK)
        e = membership_read(&c->membership, c->ring, read->nodes, read->n_nodes, read_ms);
    return e;
}

static void read_others(struct meet *m)
{
    struct members read;
    uint64_t read_ms = clock_boot_ms();
    m->read_at_ms = read_ms + READ_EVERY_MS;
    say_alive(m);
    if (members_read(m->store, &read) != ERR_OK)
        return;
    pthread_mutex_lock(&m->c->lock);
    enum err e = take_reading(m->c, &read, read_ms);
    pthread_mutex_unlock(&m->c->lock);
    if (e != ERR_OK)
        log_write(LOG_ERROR, "members", "what Redis knows was not taken over: %s", err_text(e));
    publish(m, read.ring);
    members_release(&read);
    write_news(m);
}

/* The last ring is on disk too, so that it is served when Redis and the nodes are away. */
static void save_ring(struct meet *m)
{
    struct ringdoc *now = NULL;
    pthread_mutex_lock(&m->c->lock);
    enum err e = takeover_doc_cmp(m->c->ring, m->saved) != 0 ? ringdoc_copy(m->c->ring, &now) : ERR_OK;
    pthread_mutex_unlock(&m->c->lock);
    if (e != ERR_OK || !now)
        return;
    e = ringfile_save(m->c->settings->data, now);
    if (e != ERR_OK)
        log_write(LOG_ERROR, "ring", "%s: the ring is not on disk: %s", m->c->settings->data, err_text(e));
    ringdoc_free(m->saved);
    m->saved = now;
}

/* Waits one tick, or until there is something to publish. Returns 0 when it is time to end. */
static int pause_or_stop(struct meet *m)
{
    uint64_t until_ms = clock_boot_ms() + COORDINATOR_TICK_MS, now_ms;
    pthread_mutex_lock(&m->c->lock);
    while (!m->c->stopping && !m->c->publish_now && (now_ms = clock_boot_ms()) < until_ms)
        coordinator_wait(m->c, (unsigned)(until_ms - now_ms));
    if (m->c->publish_now)
        m->read_at_ms = 0;
    m->c->publish_now = 0;
    int go_on = !m->c->stopping;
    pthread_mutex_unlock(&m->c->lock);
    return go_on;
}

void *meet_run(void *arg)
{
    struct meet *m = calloc(1, sizeof *m);
    if (m) {
        m->c = arg;
        m->store = coordinator_store(m->c, STORE_TIMEOUT_MS);
    }
    if (!m || !m->store) {
        log_write(LOG_ERROR, "meet", "out of memory: this coordinator keeps to itself");
        free(m);
        return NULL;
    }
    do {
        if (clock_boot_ms() >= m->read_at_ms)
            read_others(m);
        write_heartbeats(m);
        write_goodbyes(m);
        write_wishes(m);
        write_events(m);
        save_ring(m);
    } while (pause_or_stop(m));
    write_goodbyes(m);
    store_free(m->store);
    ringdoc_free(m->saved);
    free(m);
    return NULL;
}
