/* A Redis in memory: the keys that coordinators share, with their times to live. It may be away, answer too late, be wiped, or go back to an old snapshot. */
#include "tests/sim/cluster_sim.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* Redis lives by the run's time, no process' clock. */
static uint64_t now_ms(const struct sim *s, unsigned process)
{
    return (s->now_us + s->processes[process].spent_us) / 1000;
}

/* Each call takes its time, now and then much of it. ERR_TIMEOUT: it went through, but the caller does not hear of it. */
enum err redis_call(struct sim *s, unsigned process)
{
    struct process *p = &s->processes[process];
    p->spent_us += 100 + world_below(s, 400);
    if (s->redis.away_until_us > s->now_us || (process < SIM_COORDINATORS && s->redis.cut[process])) {
        p->spent_us += 20000;
        return ERR_UNAVAILABLE;
    }
    if (s->quiet || !world_chance(s, 12))
        return ERR_OK;
    p->spent_us += world_below(s, 300) * 10000ull;
    return world_chance(s, 500) ? ERR_TIMEOUT : ERR_OK;
}

void redis_clear(struct sim *s)
{
    s->redis.now = (struct redis_data){.ring = -1};
}

static int is_held(struct sim *s, unsigned process)
{
    return s->redis.now.lease.name[0] != '\0' && s->redis.now.lease_until_ms > now_ms(s, process);
}

enum err redis_lease_read(struct sim *s, unsigned process, struct lease *out)
{
    enum err e = redis_call(s, process);
    if (e != ERR_OK)
        return e;
    *out = is_held(s, process) ? s->redis.now.lease : (struct lease){0};
    return ERR_OK;
}

enum err redis_lease_take(struct sim *s, unsigned process, const struct lease *mine, unsigned ttl_ms)
{
    uint64_t spent_us = s->processes[process].spent_us;
    enum err e = redis_call(s, process);
    if (e == ERR_UNAVAILABLE)
        return e;
    /* It reached Redis at some moment of the call. */
    uint64_t span_us = s->processes[process].spent_us - spent_us;
    uint64_t at_ms = (s->now_us + spent_us + world_below(s, (unsigned)span_us)) / 1000;
    if (s->redis.now.lease.name[0] != '\0' && s->redis.now.lease_until_ms > at_ms)
        return e == ERR_OK ? ERR_CONFLICT : e;
    s->redis.now.lease = *mine;
    s->redis.now.lease_until_ms = at_ms + ttl_ms;
    world_say(s, "%s takes the lease%s", mine->name, e == ERR_OK ? "" : ", and does not hear of it");
    return e;
}

enum err redis_lease_renew(struct sim *s, unsigned process, const struct lease *mine, unsigned ttl_ms)
{
    enum err e = redis_call(s, process);
    if (e == ERR_UNAVAILABLE)
        return e;
    if (!is_held(s, process) || strcmp(s->redis.now.lease.token, mine->token) != 0)
        return e == ERR_OK ? ERR_CONFLICT : e;
    s->redis.now.lease = *mine;
    s->redis.now.lease_until_ms = now_ms(s, process) + ttl_ms;
    return e;
}

enum err redis_lease_release(struct sim *s, unsigned process, const struct lease *mine)
{
    enum err e = redis_call(s, process);
    if (e == ERR_UNAVAILABLE)
        return e;
    if (!is_held(s, process) || strcmp(s->redis.now.lease.token, mine->token) != 0)
        return e == ERR_OK ? ERR_CONFLICT : e;
    s->redis.now.lease = (struct lease){0};
    return e;
}

static size_t place_of(const struct redis_data *r, const char *id)
{
    size_t i = 0;
    while (i < r->n_nodes && strcmp(r->nodes[i].id, id) != 0)
        i++;
    return i;
}

void redis_write_node(struct sim *s, const struct member *m)
{
    struct redis_data *r = &s->redis.now;
    size_t i = place_of(r, m->id);
    if (i == SIM_WHO_MAX) {
        /* Only so many disks come and go in a run; the oldest facts make room. */
        memmove(r->nodes, r->nodes + 1, (SIM_WHO_MAX - 1) * sizeof r->nodes[0]);
        memmove(r->node_until_ms, r->node_until_ms + 1, (SIM_WHO_MAX - 1) * sizeof r->node_until_ms[0]);
        i = --r->n_nodes;
    }
    if (i == r->n_nodes)
        r->n_nodes++;
    r->nodes[i] = *m;
    r->node_until_ms[i] = s->now_us / 1000 + MEMBERS_TTL_MS;
}

void redis_forget_node(struct sim *s, const char *id, int forget)
{
    struct redis_data *r = &s->redis.now;
    size_t i = place_of(r, id);
    if (i == r->n_nodes)
        return;
    r->node_until_ms[i] = 0;
    if (!forget)
        return;
    r->n_nodes--;
    r->nodes[i] = r->nodes[r->n_nodes];
    r->node_until_ms[i] = r->node_until_ms[r->n_nodes];
}

/* As the script does it: never an older epoch over a newer one. */
void redis_publish(struct sim *s, int document)
{
    const struct ringdoc *there = world_doc(s, s->redis.now.ring), *d = world_doc(s, document);
    if (!there || d->ring->epoch >= there->ring->epoch)
        s->redis.now.ring = document;
}
