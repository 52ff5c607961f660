/* Moving courses (P4): a node settles those that fall to it, and drops those that it owns no more once the others hold them. It models node/settle and node/former. */
#include "tests/sim/cluster_sim.h"

#include "lib/base/clock.h"

#include <string.h>

#define FORMER_US 400000u

static const struct ringdoc *joint_of(const struct sim *s, unsigned i)
{
    const struct ringdoc *d = world_doc(s, s->nodes[i].disk.ring);
    return d && ringdoc_is_joint(d) ? d : NULL;
}

/* An order is in force: it is for the joint ring that is. */
static int has_order(const struct sim *s, unsigned i)
{
    const struct ringdoc *d = joint_of(s, i);
    return d && s->nodes[i].order != 0 && s->nodes[i].order_epoch == d->ring->epoch;
}

static int is_mover(void *ctx, const char *id)
{
    const struct whos *movers = ctx;
    struct who who = world_who(id);
    for (unsigned j = 0; j < movers->n; j++)
        if (movers->at[j].name == who.name && movers->at[j].life == who.life)
            return 1;
    return 0;
}

/* Whether the course moves and falls to this node under those movers, by node i's own document. */
static int falls_to(const struct sim *s, unsigned i, unsigned course, struct whos movers, struct who whom)
{
    struct owners o;
    char id[RING_ID_MAX];
    node_owners(s, s->nodes[i].disk.ring, course, &o);
    long mover = owners_are_moving(&o) ? owners_mover(&o, is_mover, &movers) : -1;
    world_id(whom, id);
    return mover >= 0 && strcmp(o.at[mover].member->id, id) == 0;
}

void mover_order(struct sim *s, unsigned i, const struct sim_message *m)
{
    struct sim_node *n = &s->nodes[i];
    if (m->order == n->order || (ballot_cmp(&m->ballot, &n->order_ballot) == 0 && m->order < n->order))
        return; /* the same order again, or an older one that comes late */
    n->order_ballot = m->ballot;
    n->order_epoch = m->ring;
    n->order = m->order;
    n->movers = m->movers;
    memset(n->moves, 0, sizeof n->moves);
    for (unsigned c = 0; c < SIM_COURSES; c++) {
        int mine = joint_of(s, i) && falls_to(s, i, c, n->movers, node_who(s, i));
        if (!mine || n->disk.rows[c].settled == m->ring)
            n->moves[c].phase = MOVE_SETTLED;
    }
    n->beat_us = 0;
}

void mover_tell(const struct sim *s, unsigned i, struct sim_message *out)
{
    const struct sim_node *n = &s->nodes[i];
    out->move_epoch = n->order_epoch;
    out->order = n->order;
    out->complete = has_order(s, i);
    for (unsigned c = 0; c < SIM_COURSES; c++)
        out->complete &= n->moves[c].phase == MOVE_SETTLED;
}

static void ask_owners(struct sim *s, unsigned i, unsigned course, struct sim_message *m)
{
    struct move_course *move = &s->nodes[i].moves[course];
    struct owners o;
    node_owners(s, s->nodes[i].disk.ring, course, &o);
    m->from = NODE_PROCESS(i);
    m->by = node_who(s, i);
    m->call = move->call = ++s->calls;
    m->ring = node_epoch(s, i);
    m->course = course;
    m->document = s->nodes[i].disk.ring;
    move->asked_us = s->now_us;
    for (size_t j = 0; j < o.n; j++) {
        if (m->kind == TO_LIST && !o.at[j].before)
            continue;
        m->meant = world_who(o.at[j].member->id);
        m->to = NODE_PROCESS(m->meant.name);
        if (m->kind == TO_ACCEPT) {
            /* What that owner lacks of U. */
            for (unsigned w = 0; w < SIM_RECORDS / 64; w++)
                m->known.word[w] = move->all.word[w] & ~move->shown[j].records.word[w];
        }
        world_send(s, m);
    }
}

static void ask_lists(struct sim *s, unsigned i, unsigned course)
{
    struct sim_message m = {.kind = TO_LIST, .movers = s->nodes[i].movers, .record = -1};
    memset(s->nodes[i].moves[course].listed, 0, OWNERS_MAX);
    ask_owners(s, i, course, &m);
}

static void ask_promises(struct sim *s, unsigned i, unsigned course)
{
    struct sim_node *n = &s->nodes[i];
    struct move_course *move = &n->moves[course];
    struct sim_message m = {.kind = TO_PREPARE, .record = -1};
    move->phase = MOVE_PREPARE;
    move->ballot = m.stamp = world_stamp(s, NODE_PROCESS(i), n->skew_ms, &n->clock, n->process);
    memset(move->yes, 0, sizeof move->yes);
    memset(move->shown, 0, sizeof move->shown);
    memset(&move->all, 0, sizeof move->all);
    ask_owners(s, i, course, &m);
}

static void settled(struct sim *s, unsigned i, unsigned course)
{
    struct sim_node *n = &s->nodes[i];
    n->moves[course].phase = MOVE_SETTLED;
    n->disk.rows[course].settled = node_epoch(s, i);
    world_say(s, "node-%u settled course %u in ring %llu", i, course, (unsigned long long)node_epoch(s, i));
    n->beat_us = 0;
}

/* The slot with the largest ballot, and whether all whose promise counts show it. Its place, or -1. */
static long largest_slot(const struct move_course *move, const struct owners *o, int *all_show)
{
    long best = -1;
    for (size_t j = 0; j < o->n; j++) {
        const struct course_row *row = &move->shown[j];
        if (move->yes[j] && row->has_slot && (best < 0 || stamp_cmp(row->slot_ballot, move->shown[best].slot_ballot) > 0))
            best = (long)j;
    }
    *all_show = best >= 0;
    for (size_t j = 0; j < o->n && best >= 0; j++)
        if (move->yes[j] && (!move->shown[j].has_slot || stamp_cmp(move->shown[j].slot_ballot, move->shown[best].slot_ballot) != 0))
            *all_show = 0;
    return best;
}

/* A quorum has promised: what may be chosen is finished, else NONE is accepted, and U with it (P4.3). */
static void ask_accepts(struct sim *s, unsigned i, unsigned course, const struct owners *o)
{
    struct move_course *move = &s->nodes[i].moves[course];
    int all_show;
    long slot = largest_slot(move, o, &all_show);
    for (size_t j = 0; j < o->n; j++)
        if (move->yes[j])
            bits_add(&move->all, &move->shown[j].records);
    move->value = slot >= 0 ? move->shown[slot].slot : -1;
    if (move->value >= 0 && bits_get(&move->all, (unsigned)move->value))
        move->value = -1;
    if (move->value >= 0 && all_show) {
        bits_set(&move->all, (unsigned)move->value);
        move->value = -1;
    }
    struct sim_message m = {.kind = TO_ACCEPT, .stamp = move->ballot, .record = move->value};
    move->phase = MOVE_ACCEPT;
    memset(move->yes, 0, sizeof move->yes);
    ask_owners(s, i, course, &m);
}

/* What a mutation makes of it: the first row that is shown is put to the others as it is, with its slot and its promise. */
static void copy_row(struct sim *s, unsigned i, unsigned course, const struct owners *o, const struct course_row *row)
{
    for (size_t j = 0; j < o->n; j++) {
        struct who who = world_who(o->at[j].member->id);
        struct node_disk *d = &s->nodes[who.name].disk;
        if (!o->at[j].now || o->at[j].before || d->life != who.life || node_epoch(s, who.name) != node_epoch(s, i))
            continue;
        d->rows[course] = *row;
        bits_add(&d->blobs, &row->records);
    }
    settled(s, i, course);
}

static void take_list(struct sim *s, unsigned i, const struct sim_message *m, struct owners *o, size_t place)
{
    struct move_course *move = &s->nodes[i].moves[m->course];
    size_t lists = 0;
    if (m->error != ERR_OK || move->phase != MOVE_LIST)
        return;
    move->listed[place] = 1;
    move->wanted |= bits_get(&m->blobs, m->course);
    for (size_t j = 0; j < o->n; j++)
        lists += move->listed[j] && o->at[j].before;
    if (lists < o->w_before)
        return;
    if (move->wanted)
        ask_promises(s, i, m->course);
    else
        settled(s, i, m->course); /* nobody before has it: what is born later is on W of both rings by rule */
}

/* A clock that is too far ahead is set back to the owners' time, under a new process id so that no stamp is used twice (pitfall 12). */
static void take_stamp(struct sim *s, unsigned i, const struct sim_message *m)
{
    struct sim_node *n = &s->nodes[i];
    if (m->error == ERR_CLOCK) {
        n->process = world_random(s);
        n->skew_ms = (int64_t)hlc_to_unix_ms(m->stamp.clock) - (int64_t)world_unix_ms(s, NODE_PROCESS(i));
        n->clock = m->stamp.clock;
    } else if (m->stamp.clock > n->clock)
        n->clock = m->stamp.clock;
}

static void take_promise(struct sim *s, unsigned i, const struct sim_message *m, struct owners *o, size_t place)
{
    struct sim_node *n = &s->nodes[i];
    struct move_course *move = &n->moves[m->course];
    take_stamp(s, i, m);
    if (m->error != ERR_OK || move->phase != MOVE_PREPARE)
        return;
    if (s->mutation == MUTATION_COPY_PROMISES && o->at[place].before) {
        copy_row(s, i, m->course, o, &m->row);
        return;
    }
    move->yes[place] = 1;
    move->shown[place] = m->row;
    if (owners_write_missing(o, move->yes) == 0)
        ask_accepts(s, i, m->course, o);
}

static void take_accepted(struct sim *s, unsigned i, const struct sim_message *m, struct owners *o, size_t place)
{
    struct move_course *move = &s->nodes[i].moves[m->course];
    if (m->error != ERR_OK || move->phase != MOVE_ACCEPT)
        return;
    move->yes[place] = 1;
    if (owners_write_missing(o, move->yes) == 0)
        settled(s, i, m->course);
}

void mover_answer(struct sim *s, unsigned i, const struct sim_message *m)
{
    struct owners o;
    char id[RING_ID_MAX];
    if (m->call != s->nodes[i].moves[m->course].call || !has_order(s, i))
        return;
    node_owners(s, s->nodes[i].disk.ring, m->course, &o);
    world_id(m->by, id);
    long place = owners_place(&o, id);
    if (place < 0)
        return;
    if (m->answers == TO_LIST)
        take_list(s, i, m, &o, (size_t)place);
    else if (m->answers == TO_PREPARE)
        take_promise(s, i, m, &o, (size_t)place);
    else if (m->answers == TO_ACCEPT)
        take_accepted(s, i, m, &o, (size_t)place);
}

/* What late rounds need: they begin again, with a larger ballot. */
void mover_timer(struct sim *s, unsigned i)
{
    struct sim_node *n = &s->nodes[i];
    if (!has_order(s, i))
        return;
    for (unsigned c = 0; c < SIM_COURSES; c++) {
        struct move_course *move = &n->moves[c];
        if (move->phase == MOVE_SETTLED || (move->asked_us && s->now_us - move->asked_us < SIM_LATE_US / 2))
            continue;
        if (move->phase == MOVE_LIST)
            ask_lists(s, i, c);
        else
            ask_promises(s, i, c);
    }
}

/* ---- the others' side */

/* /settle/list: whether this course moves, falls to the asker, and is here; only under the same document. */
void mover_list(struct sim *s, unsigned i, const struct sim_message *m)
{
    struct sim_message answer = {.document = -1, .record = -1};
    const struct node_disk *d = &s->nodes[i].disk;
    int same = d->ring >= 0 && s->documents[d->ring].content == s->documents[m->document].content;
    answer.error = same ? ERR_OK : ERR_STALE_RING;
    if (m->ring > node_epoch(s, i))
        s->nodes[i].beat_us = 0;
    if (same && d->rows[m->course].there && falls_to(s, i, m->course, m->movers, m->by))
        bits_set(&answer.blobs, m->course);
    world_answer(s, m, &answer);
}

/* ---- former owners */

static void drop_former(struct sim *s, unsigned i, unsigned course)
{
    check_former_drop(s, i, course);
    node_forget(s, i, course);
    s->nodes[i].former = -1;
}

static int is_former(const struct sim *s, unsigned i, unsigned course)
{
    const struct sim_node *n = &s->nodes[i];
    const struct ringdoc *d = world_doc(s, n->disk.ring);
    int committed = n->committed >= d->ring->epoch || s->mutation == MUTATION_DROP_EARLY;
    return n->disk.rows[course].there && committed && !ringdoc_is_joint(d) && !node_owns(s, i, course);
}

/* All that live, and at least W, hold it. */
static int all_hold(const struct sim *s, unsigned i, const struct owners *o)
{
    const struct sim_node *n = &s->nodes[i];
    for (size_t j = 0; j < o->n; j++)
        if (!n->former_yes[j] && n->living >> world_who(o->at[j].member->id).name & 1u)
            return 0;
    return owners_write_missing(o, n->former_yes) == 0;
}

void former_timer(struct sim *s, unsigned i)
{
    struct sim_node *n = &s->nodes[i];
    struct owners o;
    if (s->now_us - n->former_us < FORMER_US)
        return;
    n->former_us = s->now_us;
    n->former = -1;
    for (unsigned c = 0; c < SIM_COURSES && n->former < 0; c++)
        if (is_former(s, i, c))
            n->former = (int)c;
    if (n->former < 0)
        return;
    unsigned course = (unsigned)n->former;
    if (s->mutation == MUTATION_DROP_EARLY) {
        drop_former(s, i, course);
        return;
    }
    n->former_call = ++s->calls;
    memset(n->former_yes, 0, sizeof n->former_yes);
    node_owners(s, n->disk.ring, course, &o);
    struct sim_message m = {.kind = TO_HOLDS,
        .from = NODE_PROCESS(i),
        .by = node_who(s, i),
        .call = n->former_call,
        .ring = node_epoch(s, i),
        .course = course,
        .known = n->disk.rows[course].records,
        .document = -1,
        .record = -1};
    for (size_t j = 0; j < o.n; j++) {
        m.meant = world_who(o.at[j].member->id);
        m.to = NODE_PROCESS(m.meant.name);
        world_send(s, &m);
    }
}

/* /settle/holds: all these records and their blobs are here, or (for the leader) this tombstone is current here; the answer shows what was promised. */
void former_holds(struct sim *s, unsigned i, const struct sim_message *m)
{
    const struct node_disk *d = &s->nodes[i].disk;
    const struct course_row *row = &d->rows[m->course];
    struct sim_message answer = {.document = -1, .record = -1};
    int holds = m->ring == node_epoch(s, i) && node_owns(s, i, m->course) && row->there;
    if (m->record >= 0)
        holds = holds && node_shows_deleted(s, i, m->course, m->record);
    else
        holds = holds && bits_hold(&row->records, &m->known) && bits_hold(&d->blobs, &m->known);
    answer.error = holds ? ERR_OK : ERR_NOT_FOUND;
    answer.stamp = row->promised;
    world_answer(s, m, &answer);
}

void former_answer(struct sim *s, unsigned i, const struct sim_message *m)
{
    struct sim_node *n = &s->nodes[i];
    struct owners o;
    char id[RING_ID_MAX];
    if (n->former < 0 || m->call != n->former_call || m->error != ERR_OK || !is_former(s, i, (unsigned)n->former))
        return;
    node_owners(s, n->disk.ring, (unsigned)n->former, &o);
    world_id(m->by, id);
    long place = owners_place(&o, id);
    if (place >= 0)
        n->former_yes[place] = 1;
    if (place >= 0 && all_hold(s, i, &o))
        drop_former(s, i, (unsigned)n->former);
}
