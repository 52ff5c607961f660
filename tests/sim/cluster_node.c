/* A node: what it has on disk and how it answers, by the rules of protocol.md P1 to P6 and with lib/wire's fence and owners. It models node/ledger, node/records and
 * the heartbeats; blobs are one bit each. */
#include "tests/sim/cluster_sim.h"

#include "lib/base/clock.h"
#include "lib/wire/fence.h"

#include <stdio.h>
#include <string.h>

#define TICK_US 50000u
#define BEAT_US 500000u
#define REPAIR_US 2000000u /* seldom, so that what has to hold does so without it */

static struct node_disk *disk_of(struct sim *s, unsigned i)
{
    return &s->nodes[i].disk;
}

struct who node_who(const struct sim *s, unsigned i)
{
    return (struct who){(unsigned char)i, (unsigned char)s->nodes[i].disk.life};
}

uint64_t node_epoch(const struct sim *s, unsigned i)
{
    const struct ringdoc *d = world_doc(s, s->nodes[i].disk.ring);
    return d ? d->ring->epoch : 0;
}

void node_owners(const struct sim *s, int document, unsigned course, struct owners *out)
{
    owners_find(world_doc(s, document), s->points[course], out);
}

int node_owns(const struct sim *s, unsigned i, unsigned course)
{
    struct owners o;
    char id[RING_ID_MAX];
    if (s->nodes[i].disk.ring < 0)
        return 0;
    node_owners(s, s->nodes[i].disk.ring, course, &o);
    world_id(node_who(s, i), id);
    return owners_place(&o, id) >= 0;
}

void node_forget(struct sim *s, unsigned i, unsigned course)
{
    disk_of(s, i)->rows[course] = (struct course_row){.slot = -1};
}

void node_new_disk(struct sim *s, unsigned i)
{
    struct node_disk *d = disk_of(s, i);
    unsigned life = d->life + 1;
    *d = (struct node_disk){.life = life, .ring = -1};
    for (unsigned c = 0; c < SIM_COURSES; c++)
        node_forget(s, i, c);
    s->seen_promised[i] = (struct ballot){0};
}

void node_start(struct sim *s, unsigned i)
{
    struct sim_node *n = &s->nodes[i];
    struct node_disk disk = n->disk;
    *n = (struct sim_node){.disk = disk, .process = world_random(s), .former = -1, .coordinator = world_below(s, SIM_COORDINATORS)};
    world_say(s, "node-%u.disk%u starts", i, disk.life);
    world_timer(s, NODE_PROCESS(i), 1000 + world_below(s, TICK_US));
}

/* ---- P1: promises and documents */

/* What this node was not owner of when the change began, it holds from an earlier life: it starts with nothing (P4.2). */
static void start_empty(struct sim *s, unsigned i, const struct ringdoc *mine, const struct ringdoc *next)
{
    char id[RING_ID_MAX];
    int ends_mine = mine && ringdoc_is_joint(mine) && !ringdoc_is_joint(next) && next->ring->epoch == mine->ring->epoch + 1;
    /* The members before the change: the joint document names them; a node that slept through it has the ring before on disk, when it belonged to it. */
    const struct ring *before = next->before;
    if (!before && mine && !mine->before && next->ring->epoch == mine->ring->epoch + 2)
        before = mine->ring;
    if (ends_mine)
        return;
    world_id(node_who(s, i), id);
    for (unsigned c = 0; c < SIM_COURSES; c++) {
        uint32_t owners[RING_K_MAX];
        size_t n = before ? ring_owners(before, s->points[c], owners) : 0;
        int owned = 0;
        for (size_t j = 0; j < n; j++)
            owned |= strcmp(before->members[owners[j]].id, id) == 0;
        if (!owned)
            node_forget(s, i, c);
    }
}

static void put_in_force(struct sim *s, unsigned i, int document)
{
    struct node_disk *d = disk_of(s, i);
    const struct ringdoc *mine = world_doc(s, d->ring), *next = world_doc(s, document);
    if (!mine || next->ring->epoch > mine->ring->epoch)
        start_empty(s, i, mine, next);
    if (!mine || next->ring->epoch != mine->ring->epoch)
        s->nodes[i].order = 0;
    d->ring = document;
    world_say(s, "node-%u.disk%u: ring %llu %s is in force", i, d->life, (unsigned long long)next->ring->epoch,
        ringdoc_is_joint(next) ? "joint" : "stable");
}

static int trusts(const struct sim *s)
{
    return s->mutation == MUTATION_TRUST_CLOCK;
}

static void take_promise(struct sim *s, unsigned i, const struct sim_message *m)
{
    struct node_disk *d = disk_of(s, i);
    struct sim_message answer = {.document = -1, .record = -1};
    if (!fence_may_promise(&d->promised, &m->ballot) && s->mutation != MUTATION_PROMISE_ANYTHING) {
        answer.error = ERR_FENCED;
        answer.ballot = d->promised;
        world_answer(s, m, &answer);
        return;
    }
    d->promised = m->ballot;
    check_promised(s, i, &m->ballot);
    answer.document = d->ring;
    world_answer(s, m, &answer);
}

static void take_install(struct sim *s, unsigned i, const struct sim_message *m)
{
    struct node_disk *d = disk_of(s, i);
    struct sim_message answer = {.document = -1, .record = -1};
    const struct ringdoc *mine = world_doc(s, d->ring), *next = world_doc(s, m->document);
    int may = fence_may_install(&d->promised, mine, &m->ballot, next);
    if (trusts(s))
        may = !mine || next->ring->epoch >= mine->ring->epoch;
    if (!may) {
        answer.error = ERR_FENCED;
        answer.ballot = d->promised;
        world_answer(s, m, &answer);
        return;
    }
    struct ballot before = d->promised;
    d->promised = m->ballot;
    put_in_force(s, i, m->document);
    check_installed(s, i, m->document, &before);
    world_answer(s, m, &answer);
}

int node_shows_deleted(const struct sim *s, unsigned i, unsigned course, int tombstone)
{
    const struct course_row *row = &s->nodes[i].disk.rows[course];
    int claimed = row->has_slot && row->slot >= 0 && !bits_get(&row->records, (unsigned)row->slot);
    return row->there && !claimed && world_current(s, &row->records) == tombstone;
}

/* P6.2. The floor rises above everything that was promised or dropped here, and above what any owner had promised when it said that it holds the tombstone. */
static void drop_course(struct sim *s, unsigned i, const struct sim_message *m)
{
    struct node_disk *d = disk_of(s, i);
    const struct course_row *row = &d->rows[m->course];
    struct stamp all[] = {row->promised, s->records[m->record].record.id, m->stamp};
    for (unsigned j = 0; j < sizeof all / sizeof all[0]; j++)
        if (all[j].clock >= d->floor.clock)
            d->floor = (struct stamp){all[j].clock + 1, 0};
    check_tombstone_drop(s, i, m->course, m->record);
    node_forget(s, i, m->course);
    s->nodes[i].drops++;
}

static void take_order(struct sim *s, unsigned i, const struct sim_message *m)
{
    struct node_disk *d = disk_of(s, i);
    struct sim_message answer = {.document = -1, .record = -1};
    int may = fence_may_command(&d->promised, node_epoch(s, i), &m->ballot, m->ring) || trusts(s);
    /* The number alone does not name a document: a dead leader's may have stayed here. */
    int same = d->ring >= 0 && node_epoch(s, i) == m->ring &&
               (m->kind != TO_SETTLE || s->documents[d->ring].content == s->documents[m->document].content);
    answer.error = !may ? ERR_FENCED : same ? ERR_OK : ERR_STALE_RING;
    answer.ballot = d->promised;
    if (answer.error == ERR_OK)
        check_command(s, i, &m->ballot, m->ring);
    if (answer.error == ERR_OK && m->kind == TO_SETTLE)
        mover_order(s, i, m);
    if (answer.error == ERR_OK && m->kind == TO_DROP) {
        if (!node_shows_deleted(s, i, m->course, m->record)) {
            answer.error = ERR_CONFLICT;
        } else {
            drop_course(s, i, m);
        }
    }
    world_answer(s, m, &answer);
}

/* ---- P2, P3: courses */

/* A new row starts with the floor promised, so that whatever was dropped here stays refused. */
static void need_row(struct sim *s, unsigned i, unsigned course)
{
    struct course_row *row = &disk_of(s, i)->rows[course];
    if (row->there)
        return;
    row->there = 1;
    row->promised = disk_of(s, i)->floor;
}

/* The ring part of every check. */
static enum err check_ring(struct sim *s, unsigned i, const struct sim_message *m)
{
    if (disk_of(s, i)->ring < 0)
        return ERR_UNAVAILABLE;
    if (m->ring > node_epoch(s, i))
        s->nodes[i].beat_us = 0; /* the coordinators know it: they are asked at once */
    if (m->ring != node_epoch(s, i) && s->mutation != MUTATION_ANY_RING)
        return ERR_STALE_RING;
    return node_owns(s, i, m->course) ? ERR_OK : ERR_CONFLICT;
}

static enum err check_stamp(
    struct sim *s, unsigned i, const struct sim_message *m, struct stamp stamp, int or_equal, struct stamp *promised)
{
    struct node_disk *d = disk_of(s, i);
    const struct course_row *row = &d->rows[m->course];
    uint64_t now_ms = world_unix_ms(s, NODE_PROCESS(i));
    struct stamp own = {hlc_from_unix_ms(now_ms), 0};
    *promised = row->there ? row->promised : d->floor;
    int order = stamp_cmp(stamp, *promised);
    if (s->mutation == MUTATION_STORE_UNSTAMPED && m->kind == TO_STORE)
        order = 1;
    if (order < 0 || (order == 0 && !or_equal))
        return ERR_FENCED;
    if (hlc_to_unix_ms(stamp.clock) <= now_ms + HLC_SKEW_MAX_MS)
        return ERR_OK;
    if (stamp_cmp(*promised, own) < 0)
        *promised = own;
    return ERR_CLOCK;
}

static int is_near(const struct sim *s, unsigned i, unsigned j)
{
    const struct process *p = &s->processes[NODE_PROCESS(j)];
    return p->runs && p->frozen_until_us <= s->now_us && !s->cut[NODE_PROCESS(i)][NODE_PROCESS(j)] &&
           !s->cut[NODE_PROCESS(j)][NODE_PROCESS(i)];
}

int node_fetch(struct sim *s, unsigned i, const struct bits *records)
{
    struct node_disk *d = disk_of(s, i);
    for (unsigned j = 0; j < SIM_NODES && !bits_hold(&d->blobs, records); j++) {
        if (j == i || !is_near(s, i, j))
            continue;
        for (unsigned w = 0; w < SIM_RECORDS / 64; w++)
            d->blobs.word[w] |= records->word[w] & s->nodes[j].disk.blobs.word[w];
    }
    return bits_hold(&d->blobs, records);
}

static void store(struct sim *s, unsigned i, const struct sim_message *m, struct sim_message *answer)
{
    struct node_disk *d = disk_of(s, i);
    struct course_row *row = &d->rows[m->course];
    unsigned r = (unsigned)m->record;
    answer->error = ERR_OK;
    if (row->there && bits_get(&row->direct, r))
        return; /* the same message again */
    answer->error = check_stamp(s, i, m, s->records[r].record.id, 0, &answer->stamp);
    if (answer->error != ERR_OK)
        return;
    need_row(s, i, m->course);
    if (s->mutation != MUTATION_STORE_UNSTAMPED)
        row->promised = s->records[r].record.id;
    bits_set(&row->records, r);
    bits_set(&row->direct, r);
    bits_set(&d->blobs, r);
}

static void prepare(struct sim *s, unsigned i, const struct sim_message *m, struct sim_message *answer)
{
    struct course_row *row = &disk_of(s, i)->rows[m->course];
    answer->error = check_stamp(s, i, m, m->stamp, 0, &answer->stamp);
    if (answer->error != ERR_OK)
        return;
    row->there = 1;
    row->promised = m->stamp;
    answer->row = *row;
}

static void accept_value(struct sim *s, unsigned i, const struct sim_message *m, struct sim_message *answer)
{
    struct node_disk *d = disk_of(s, i);
    struct course_row *row = &d->rows[m->course];
    answer->error = check_stamp(s, i, m, m->stamp, 1, &answer->stamp);
    if (answer->error != ERR_OK)
        return;
    /* Its writer sends a record's own blob along; what else is named is fetched while the sender waits. */
    struct bits wanted = m->known;
    if (m->record >= 0 && m->from < API_PROCESS(0))
        bits_set(&wanted, (unsigned)m->record);
    if (!node_fetch(s, i, &wanted)) {
        answer->error = ERR_NOT_FOUND;
        return;
    }
    if (m->record >= 0)
        bits_set(&d->blobs, (unsigned)m->record);
    row->there = 1;
    row->promised = m->stamp;
    row->has_slot = 1;
    row->slot_ballot = m->stamp;
    row->slot = m->record;
    bits_add(&row->records, &m->known);
}

static void learn(struct sim *s, unsigned i, const struct sim_message *m)
{
    struct node_disk *d = disk_of(s, i);
    /* It has no ballot: one that comes after a DROP must not bring back what was dropped. */
    if (stamp_cmp(s->records[m->record].record.id, d->floor) <= 0)
        return;
    need_row(s, i, m->course);
    bits_set(&d->rows[m->course].records, (unsigned)m->record);
    struct bits blob = {{0}};
    bits_set(&blob, (unsigned)m->record);
    node_fetch(s, i, &blob);
}

static void take_request(struct sim *s, unsigned i, const struct sim_message *m)
{
    struct sim_message answer = {.document = -1, .record = -1, .error = check_ring(s, i, m), .ring = node_epoch(s, i)};
    if (answer.error == ERR_UNAVAILABLE)
        return;
    if (answer.error == ERR_OK) {
        switch (m->kind) {
        case TO_STORE: store(s, i, m, &answer); break;
        case TO_PREPARE: prepare(s, i, m, &answer); break;
        case TO_ACCEPT: accept_value(s, i, m, &answer); break;
        case TO_LEARN: learn(s, i, m); return;
        case TO_PULL:
            answer.row = s->nodes[i].disk.rows[m->course];
            answer.drops = m->drops;
            break;
        default: return;
        }
    }
    world_answer(s, m, &answer);
}

/* ---- repair among the owners of one ring (P6.3: whole sets, and nothing that a DROP has touched since) */

static void repair(struct sim *s, unsigned i)
{
    struct owners o;
    unsigned course = world_below(s, SIM_COURSES);
    if (!node_owns(s, i, course))
        return;
    node_owners(s, disk_of(s, i)->ring, course, &o);
    struct who whom = world_who(o.at[world_below(s, (unsigned)o.n)].member->id);
    if (whom.name == i)
        return;
    struct sim_message m = {.kind = TO_PULL,
        .from = NODE_PROCESS(i),
        .to = NODE_PROCESS(whom.name),
        .meant = whom,
        .by = node_who(s, i),
        .ring = node_epoch(s, i),
        .course = course,
        .drops = s->nodes[i].drops,
        .document = -1,
        .record = -1};
    world_send(s, &m);
}

static void take_pulled(struct sim *s, unsigned i, const struct sim_message *m)
{
    struct node_disk *d = disk_of(s, i);
    struct course_row *row = &d->rows[m->course];
    if (m->error != ERR_OK || m->ring != node_epoch(s, i) || m->drops != s->nodes[i].drops || !node_owns(s, i, m->course) || !m->row.there)
        return;
    need_row(s, i, m->course);
    bits_add(&row->records, &m->row.records);
    node_fetch(s, i, &row->records);
}

/* ---- heartbeats */

static void beat(struct sim *s, unsigned i)
{
    struct sim_node *n = &s->nodes[i];
    if (n->heard_us + 700000 < s->now_us) {
        n->coordinator = (n->coordinator + 1) % SIM_COORDINATORS;
        n->heard_us = s->now_us;
    }
    struct sim_message m = {.kind = TO_HEARTBEAT,
        .from = NODE_PROCESS(i),
        .to = COORDINATOR_PROCESS(n->coordinator),
        .by = node_who(s, i),
        .meant = node_who(s, i),
        .ring = node_epoch(s, i),
        .joining = !n->told,
        .document = -1,
        .record = -1};
    mover_tell(s, i, &m);
    world_send(s, &m);
    n->beat_us = s->now_us + BEAT_US;
}

/* What a coordinator shows is committed: it is adopted when it is newer, promising nothing. */
static void take_beat(struct sim *s, unsigned i, const struct sim_message *m)
{
    struct sim_node *n = &s->nodes[i];
    if (m->error != ERR_OK)
        return;
    n->told = 1;
    n->heard_us = s->now_us;
    n->living = m->living;
    if (m->ring > n->committed)
        n->committed = m->ring;
    if (takeover_doc_cmp(world_doc(s, m->document), world_doc(s, n->disk.ring)) > 0)
        put_in_force(s, i, m->document);
}

void node_timer(struct sim *s, unsigned i)
{
    struct sim_node *n = &s->nodes[i];
    if (s->now_us >= n->beat_us)
        beat(s, i);
    if (n->disk.ring >= 0) {
        mover_timer(s, i);
        former_timer(s, i);
        if (s->now_us >= n->repair_us) {
            n->repair_us = s->now_us + (s->quiet ? REPAIR_US / 40 : REPAIR_US);
            repair(s, i);
        }
    }
    world_timer(s, NODE_PROCESS(i), TICK_US);
}

static void tell_ring(struct sim *s, unsigned i, const struct sim_message *m)
{
    struct sim_message answer = {.document = disk_of(s, i)->ring, .record = -1};
    world_answer(s, m, &answer);
}

static void take_answer(struct sim *s, unsigned i, const struct sim_message *m)
{
    switch (m->answers) {
    case TO_HEARTBEAT: take_beat(s, i, m); break;
    case TO_PULL: take_pulled(s, i, m); break;
    case TO_HOLDS: former_answer(s, i, m); break;
    default: mover_answer(s, i, m); break;
    }
}

void node_message(struct sim *s, unsigned i, const struct sim_message *m)
{
    int is_meant = m->kind == TO_ANSWER || m->meant.life == disk_of(s, i)->life || s->mutation == MUTATION_ANSWER_FOR_OTHERS;
    if (!is_meant)
        return;
    switch (m->kind) {
    case TO_PROMISE: take_promise(s, i, m); break;
    case TO_INSTALL: take_install(s, i, m); break;
    case TO_SETTLE:
    case TO_DROP: take_order(s, i, m); break;
    case TO_LIST: mover_list(s, i, m); break;
    case TO_HOLDS: former_holds(s, i, m); break;
    case TO_RING: tell_ring(s, i, m); break;
    case TO_ANSWER: take_answer(s, i, m); break;
    default: take_request(s, i, m); break;
    }
}
