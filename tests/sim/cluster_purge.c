/* P6 by the leader: all owners of a stable ring say that they hold a tombstone, then they are told to drop it. It models coordinator/purge. */
#include "tests/sim/cluster_sim.h"

#include <string.h>

#define PURGE_MS 700u

static void drop_tombstone(struct sim *s, unsigned i, const struct owners *o)
{
    struct sim_coordinator *c = &s->coordinators[i];
    struct sim_message m = {.kind = TO_DROP,
        .ballot = c->takeover.ballot,
        .ring = c->purge_ring,
        .course = (unsigned)c->purge_course,
        .record = c->purge,
        .stamp = c->purge_promised,
        .document = -1};
    world_say(s, "c%u drops tombstone %d of course %d", i + 1, c->purge, c->purge_course);
    for (size_t j = 0; j < o->n; j++)
        coordinator_send(s, i, o->at[j].member->id, &m);
    c->purge = -1;
}

/* Some tombstone that an owner showed: any owner's word is as good. */
static int find_tombstone(const struct sim *s, unsigned course)
{
    for (unsigned n = 0; n < SIM_NODES; n++) {
        int current = world_current(s, &s->nodes[n].disk.rows[course].records);
        if (node_owns(s, n, course) && current >= 0 && record_is_tombstone(&s->records[current].record))
            return current;
    }
    return -1;
}

void purge_tick(struct sim *s, unsigned i, uint64_t now_ms)
{
    struct sim_coordinator *c = &s->coordinators[i];
    struct owners o;
    if ((c->purge >= 0 && now_ms - c->purge_ms < PURGE_MS) || !world_chance(s, 60))
        return;
    unsigned course = world_below(s, SIM_COURSES);
    c->purge = find_tombstone(s, course);
    if (c->purge < 0)
        return;
    c->purge_course = (int)course;
    c->purge_ring = world_doc(s, c->disk.ring)->ring->epoch;
    c->purge_call = ++s->calls;
    c->purge_ms = now_ms;
    c->purge_promised = STAMP_ZERO;
    memset(c->purge_yes, 0, sizeof c->purge_yes);
    node_owners(s, c->disk.ring, course, &o);
    struct sim_message m = {
        .kind = TO_HOLDS, .call = c->purge_call, .ring = c->purge_ring, .course = course, .record = c->purge, .document = -1};
    for (size_t j = 0; j < o.n; j++)
        coordinator_send(s, i, o.at[j].member->id, &m);
}

void purge_answer(struct sim *s, unsigned i, const struct sim_message *m)
{
    struct sim_coordinator *c = &s->coordinators[i];
    struct owners o;
    char id[RING_ID_MAX];
    size_t yes = 0;
    if (c->purge < 0 || m->call != c->purge_call || m->error != ERR_OK || !c->leads ||
        world_doc(s, c->disk.ring)->ring->epoch != c->purge_ring)
        return;
    node_owners(s, c->disk.ring, (unsigned)c->purge_course, &o);
    world_id(m->by, id);
    long place = owners_place(&o, id);
    if (place >= 0)
        c->purge_yes[place] = 1;
    if (stamp_cmp(m->stamp, c->purge_promised) > 0)
        c->purge_promised = m->stamp;
    for (size_t j = 0; j < o.n; j++)
        yes += c->purge_yes[j];
    size_t wanted = s->mutation == MUTATION_DROP_UNASKED ? o.w_now : o.n;
    if (yes >= wanted && !ringdoc_is_joint(world_doc(s, c->disk.ring)))
        drop_tombstone(s, i, &o);
}
