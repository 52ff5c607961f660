/* What goes wrong, by chance: crashes, lost disks, pauses, cuts, clocks, Redis; and what people ask for: nodes that come, drain, remove, another k. */
#include "tests/sim/cluster_sim.h"

#include <stdio.h>
#include <string.h>

#define SECOND_US 1000000u

static uint64_t some_time_us(struct sim *s)
{
    return 100000 + world_below(s, world_chance(s, 300) ? 7 * SECOND_US : SECOND_US);
}

static void later(struct sim *s, struct ending e)
{
    if (s->n_endings < SIM_ENDINGS)
        s->endings[s->n_endings++] = e;
}

static void finish(struct sim *s, const struct ending *e)
{
    switch (e->kind) {
    case ENDING_START: world_start(s, e->a); break;
    case ENDING_CUT: s->cut[e->a][e->b]--; break;
    case ENDING_REDIS_CUT: s->redis.cut[e->a]--; break;
    case ENDING_LOSS: s->loss_percent = 0; break;
    }
}

static void end_some(struct sim *s)
{
    for (size_t i = s->n_endings; i > 0; i--) {
        struct ending e = s->endings[i - 1];
        if (e.at_us > s->now_us)
            continue;
        s->endings[i - 1] = s->endings[--s->n_endings];
        finish(s, &e);
    }
}

/* ---- what goes wrong */

static void crash(struct sim *s, unsigned p)
{
    if (!s->processes[p].runs)
        return;
    world_say(s, "process %u crashes", p);
    world_stop(s, p);
    later(s, (struct ending){ENDING_START, s->now_us + some_time_us(s), p, 0});
}

static void lose_disk(struct sim *s)
{
    unsigned n = world_below(s, SIM_NODES);
    if (!s->processes[NODE_PROCESS(n)].runs || s->nodes[n].disk.life + 1 == SIM_LIVES || !check_may_lose(s))
        return;
    world_say(s, "node-%u loses its disk", n);
    s->losses++;
    s->lost_us = s->now_us;
    world_stop(s, NODE_PROCESS(n));
    node_new_disk(s, n);
    later(s, (struct ending){ENDING_START, s->now_us + some_time_us(s), NODE_PROCESS(n), 0});
}

static void pause_one(struct sim *s)
{
    unsigned p = world_below(s, SIM_PROCESSES);
    uint64_t us = some_time_us(s);
    world_say(s, "process %u is paused for %.1f s", p, (double)us / 1e6);
    s->processes[p].frozen_until_us = s->now_us + us;
}

static void cut_one_way(struct sim *s, unsigned from, unsigned to, uint64_t us)
{
    s->cut[from][to]++;
    later(s, (struct ending){ENDING_CUT, s->now_us + us, from, to});
}

/* Some processes hear no others, or are not heard, or neither. */
static void partition(struct sim *s)
{
    unsigned side = (unsigned)world_random(s) & ((1u << SIM_PROCESSES) - 1), ways = 1 + world_below(s, 3);
    if (world_chance(s, 600))
        side = 1u << world_below(s, SIM_PROCESSES);
    if (s->n_endings + SIM_PROCESSES * SIM_PROCESSES > SIM_ENDINGS)
        return;
    uint64_t us = some_time_us(s);
    world_say(s, "processes %04x are cut off for %.1f s, ways %u", side, (double)us / 1e6, ways);
    for (unsigned a = 0; a < SIM_PROCESSES; a++) {
        for (unsigned b = 0; b < SIM_PROCESSES; b++) {
            if ((side >> a & 1u) == 0 || side >> b & 1u)
                continue;
            if (ways & 1u)
                cut_one_way(s, a, b, us);
            if (ways & 2u)
                cut_one_way(s, b, a, us);
        }
    }
}

static void cut_from_redis(struct sim *s)
{
    unsigned c = world_below(s, SIM_COORDINATORS);
    s->redis.cut[c]++;
    world_say(s, "c%u does not reach Redis", c + 1);
    later(s, (struct ending){ENDING_REDIS_CUT, s->now_us + some_time_us(s), c, 0});
}

static void break_redis(struct sim *s)
{
    switch (world_below(s, 5)) {
    case 0:
        world_say(s, "Redis is wiped");
        redis_clear(s);
        break;
    case 1: s->redis.snapshot = s->redis.now; break;
    case 2:
        if (s->redis.snapshot.ring < 0)
            break;
        world_say(s, "Redis comes back from a snapshot");
        s->redis.now = s->redis.snapshot;
        break;
    default:
        world_say(s, "Redis is away");
        s->redis.away_until_us = s->now_us + some_time_us(s);
        break;
    }
}

/* A node's own clock says which stamps it takes: what it let in while it was ahead stands in everybody's way until their clocks have come there. So it strays less here
 * than an api's, or nothing could heal within the bound. */
static void turn_clock(struct sim *s)
{
    unsigned p = world_below(s, SIM_PROCESSES);
    int is_node = p >= NODE_PROCESS(0) && p < API_PROCESS(0);
    int64_t span = world_chance(s, 500) ? 2000 : is_node ? 20000 : 200000;
    s->processes[p].wall_ms = (int64_t)world_below(s, (unsigned)(2 * span)) - span;
    world_say(s, "the clock of process %u is now off by %lld ms", p, (long long)s->processes[p].wall_ms);
}

static void lose_messages(struct sim *s)
{
    if (s->loss_percent)
        return;
    s->loss_percent = 1 + world_below(s, 30);
    later(s, (struct ending){ENDING_LOSS, s->now_us + some_time_us(s), 0, 0});
}

/* ---- what people ask for */

/* A node that never ran. */
static void join(struct sim *s)
{
    for (unsigned n = 0; n < SIM_NODES; n++) {
        if (s->processes[NODE_PROCESS(n)].start != 0)
            continue;
        world_start(s, NODE_PROCESS(n));
        return;
    }
}

static unsigned storing(const struct sim *s)
{
    const struct ringdoc *d = world_doc(s, s->in_force);
    return (unsigned)d->ring->n_members;
}

/* They ask the leader, if there is one. */
static void wish(struct sim *s)
{
    char id[RING_ID_MAX];
    unsigned c = 0;
    while (c < SIM_COORDINATORS && (!s->coordinators[c].leads || !s->processes[c].runs))
        c++;
    if (c == SIM_COORDINATORS)
        return;
    struct wishes *w = &s->coordinators[c].wishes;
    unsigned n = world_below(s, SIM_NODES), what = world_below(s, 10);
    world_id(node_who(s, n), id);
    if (what < 3 && storing(s) > 3) {
        world_say(s, "people drain %s", id);
        (void)!wishes_set(w, id, what == 0 ? MEMBERS_WISH_REMOVE : MEMBERS_WISH_DRAIN);
    } else if (what < 8) {
        (void)!wishes_set(w, id, MEMBERS_WISH_UNDRAIN);
    } else if (check_may_wish_k(s)) {
        uint32_t k = 2 + world_below(s, 3);
        world_say(s, "people want %u copies", k);
        wishes_set_k(w, k);
    }
}

/* ---- each step */

void fault_step(struct sim *s)
{
    end_some(s);
    if (s->quiet || !world_chance(s, 70))
        return;
    switch (world_below(s, 16)) {
    case 0:
    case 1: crash(s, COORDINATOR_PROCESS(world_below(s, SIM_COORDINATORS))); break;
    case 2:
    case 3: crash(s, NODE_PROCESS(world_below(s, SIM_NODES))); break;
    case 4: crash(s, API_PROCESS(world_below(s, SIM_APIS))); break;
    case 5: lose_disk(s); break;
    case 6:
    case 7: pause_one(s); break;
    case 8:
    case 9: partition(s); break;
    case 10: cut_from_redis(s); break;
    case 11: break_redis(s); break;
    case 12: turn_clock(s); break;
    case 13: lose_messages(s); break;
    case 14: join(s); break;
    default: wish(s); break;
    }
}

void fault_end(struct sim *s)
{
    s->quiet = 1;
    s->quiet_us = s->now_us;
    for (size_t i = 0; i < s->n_endings; i++)
        finish(s, &s->endings[i]);
    s->n_endings = 0;
    s->loss_percent = 0;
    s->redis.away_until_us = 0;
    for (unsigned p = 0; p < SIM_PROCESSES; p++) {
        s->processes[p].frozen_until_us = 0;
        s->processes[p].wall_ms = 0;
        if (s->processes[p].start != 0)
            world_start(s, p);
    }
    world_say(s, "all faults end");
}
