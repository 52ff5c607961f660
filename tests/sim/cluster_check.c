/* What must hold, seen by somebody who knows everything. */
#include "tests/sim/cluster_sim.h"

#include <stdio.h>
#include <string.h>

#define FORGOTTEN_US 6000000u /* so long after a node fell silent nobody takes it for living */
#define CALM_US 4000000u      /* so long after the last fault everybody knows who lives */

static struct who who_at(const struct sim *s, unsigned n)
{
    return node_who(s, n);
}

/* The node with this id is still there: its disk was not lost. */
static int has_disk(const struct sim *s, const char *id)
{
    struct who who = world_who(id);
    return who_at(s, who.name).life == who.life;
}

/* ---- P1 */

struct holders {
    const struct sim *s;
    int document;
};

static int has_installed(void *ctx, const char *id)
{
    const struct holders *h = ctx;
    struct who who = world_who(id);
    return h->s->installed[h->document][who.name] == who.life + 1;
}

/* The documents form one sequence: one content an epoch, and each follows from the one before. */
static void check_sequence(struct sim *s, int document)
{
    const struct sim_document *d = &s->documents[document];
    const struct ringdoc *now = d->doc;
    for (size_t i = 0; i < s->n_documents; i++) {
        const struct sim_document *other = &s->documents[i];
        if (other->committed && other->doc->ring->epoch == now->ring->epoch && other->content != d->content)
            world_fail(s, "two different documents of ring %llu are committed", (unsigned long long)now->ring->epoch);
        if (!other->committed || other->doc->ring->epoch + 1 != now->ring->epoch)
            continue;
        const struct ring *from = ringdoc_is_joint(now) ? now->before : now->ring;
        if (ringdoc_is_joint(other->doc) == ringdoc_is_joint(now) || from->n_members != other->doc->ring->n_members ||
            memcmp(from->members, other->doc->ring->members, from->n_members * sizeof *from->members) != 0)
            world_fail(s, "ring %llu does not follow from the one before", (unsigned long long)now->ring->epoch);
    }
    /* Whoever finished a promise round under a larger ballot without finding this document was promised that nothing like it would come. */
    for (size_t i = 0; i < s->n_rounds; i++) {
        uint64_t e = s->rounds[i].epoch;
        if (ballot_cmp(&s->rounds[i].ballot, &now->ballot) > 0 &&
            (e < now->ring->epoch || (e == now->ring->epoch && s->rounds[i].content != d->content)))
            world_fail(
                s, "an older leader's ring %llu takes effect after a newer one's promise round", (unsigned long long)now->ring->epoch);
    }
}

/* Every acknowledged record is on W owners, less those that lost their disk since. */
static void check_durable(struct sim *s, int document, const char *when);

void check_installed(struct sim *s, unsigned node, int document, const struct ballot *before)
{
    struct sim_document *d = &s->documents[document];
    struct holders h = {s, document};
    if (s->mutation != MUTATION_TRUST_CLOCK && ballot_cmp(&d->doc->ballot, before) < 0)
        world_fail(s, "node-%u installs under a ballot below the promised one", node);
    s->installed[document][node] = (unsigned char)(who_at(s, node).life + 1);
    if (d->committed || ringdoc_quorum_missing(d->doc, has_installed, &h) > 0)
        return;
    d->committed = 1;
    check_sequence(s, document);
    if (d->doc->ring->epoch > world_doc(s, s->in_force)->ring->epoch) {
        world_say(s, "ring %llu is committed: %s", (unsigned long long)d->doc->ring->epoch, d->doc->text);
        check_durable(s, document, "when its ring is committed");
        s->in_force = document;
    }
}

void check_promised(struct sim *s, unsigned node, const struct ballot *b)
{
    if (ballot_cmp(b, &s->seen_promised[node]) > 0)
        s->seen_promised[node] = *b;
}

/* A command has effect only at who has not promised a newer leader anything. */
void check_command(struct sim *s, unsigned node, const struct ballot *b, uint64_t epoch)
{
    if (ballot_cmp(b, &s->seen_promised[node]) < 0)
        world_fail(s, "node-%u follows an order for ring %llu of a leader older than the one it promised", node, (unsigned long long)epoch);
}

void check_round(struct sim *s, const struct takeover *t)
{
    if (s->n_rounds == SIM_INSTALLS)
        return;
    int document = world_document(s, t->doc);
    s->rounds[s->n_rounds].ballot = t->ballot;
    s->rounds[s->n_rounds].epoch = t->doc->ring->epoch;
    s->rounds[s->n_rounds].content = s->documents[document].content;
    s->n_rounds++;
}

/* ---- P2 to P4 */

static int holds(const struct sim *s, unsigned node, unsigned record)
{
    const struct node_disk *d = &s->nodes[node].disk;
    const struct course_row *row = &d->rows[s->records[record].course];
    int there = bits_get(&row->records, record) || (row->has_slot && row->slot == (int)record);
    return there && bits_get(&d->blobs, record);
}

/* Whether a later tombstone that was dropped covers it: then nobody needs to have it. */
static int is_dropped(const struct sim *s, unsigned record)
{
    unsigned course = s->records[record].course;
    int t = s->dropped[course];
    return t >= 0 && record < s->dropped_before[course] && stamp_cmp(s->records[record].record.id, s->records[t].record.id) <= 0;
}

/* How many of those owners that count hold the record, or held it and lost their disk. */
static size_t copies(const struct sim *s, const struct owners *o, unsigned record)
{
    size_t n = 0;
    for (size_t j = 0; j < o->n; j++) {
        if (o->n_before ? !o->at[j].before : !o->at[j].now)
            continue;
        n += !has_disk(s, o->at[j].member->id) || holds(s, world_who(o->at[j].member->id).name, record);
    }
    return n;
}

static void check_durable(struct sim *s, int document, const char *when)
{
    struct owners o[SIM_COURSES];
    for (unsigned c = 0; c < SIM_COURSES; c++)
        node_owners(s, document, c, &o[c]);
    for (unsigned r = 0; r < s->n_records; r++) {
        const struct owners *of = &o[s->records[r].course];
        uint32_t w = of->n_before ? of->w_before : of->w_now;
        if (s->records[r].acknowledged && !is_dropped(s, r) && copies(s, of, r) < w)
            world_fail(s, "acknowledged record %u of course %u is on %zu owners of ring %llu, not on %u, %s", r, s->records[r].course,
                copies(s, of, r), (unsigned long long)world_doc(s, document)->ring->epoch, w, when);
    }
}

/* No other acknowledged record lies between a conditional one and what it was checked against. */
static void check_between(struct sim *s, unsigned record)
{
    for (unsigned c = 0; c < s->n_records; c++) {
        const struct sim_record *child = &s->records[c];
        if (!child->acknowledged || !child->record.conditional || child->course != s->records[record].course)
            continue;
        for (unsigned r = 0; r < s->n_records; r++) {
            const struct sim_record *other = &s->records[r];
            int above = child->parent < 0 || stamp_cmp(other->record.id, s->records[child->parent].record.id) > 0;
            if (other->acknowledged && r != c && other->course == child->course && above && !is_dropped(s, r) &&
                stamp_cmp(other->record.id, child->record.id) < 0)
                world_fail(s, "acknowledged record %u lies between record %u and its parent %d", r, c, child->parent);
        }
    }
}

void check_acknowledged(struct sim *s, unsigned course, int record, struct stamp after)
{
    struct sim_record *r = &s->records[record];
    world_say(s, "record %d of course %u is acknowledged%s%s", record, course, r->record.conditional ? ", conditional" : "",
        record_is_tombstone(&r->record) ? ", a delete" : "");
    if (r->refused)
        world_fail(s, "record %d was refused and is acknowledged", record);
    if (stamp_cmp(r->record.id, after) <= 0)
        world_fail(s, "record %d lies below one that was acknowledged before it was asked for", record);
    r->acknowledged = 1;
    if (stamp_cmp(r->record.id, s->acknowledged[course]) > 0)
        s->acknowledged[course] = r->record.id;
    check_between(s, (unsigned)record);
    struct owners o;
    node_owners(s, s->in_force, course, &o);
    uint32_t w = o.n_before ? o.w_before : o.w_now;
    if (!is_dropped(s, (unsigned)record) && copies(s, &o, (unsigned)record) < w)
        world_fail(
            s, "record %d is acknowledged on %zu owners of the ring in force, not on %u", record, copies(s, &o, (unsigned)record), w);
}

/* A change that was answered 412 never has a record in a history. */
void check_refused(struct sim *s, unsigned upload)
{
    char text[RECORD_UPLOAD_ID_SIZE];
    snprintf(text, sizeof text, "%032x", upload);
    for (size_t i = s->n_records; i > 0; i--) {
        struct sim_record *r = &s->records[i - 1];
        if (strcmp(r->record.upload, text) == 0)
            r->refused = 1;
        if (r->refused && r->acknowledged)
            world_fail(s, "record %zu is acknowledged and was refused", i - 1);
    }
}

/* Old copies go only after the new ones hold them. */
void check_former_drop(struct sim *s, unsigned node, unsigned course)
{
    struct owners o;
    const struct course_row *row = &s->nodes[node].disk.rows[course];
    node_owners(s, s->nodes[node].disk.ring, course, &o);
    world_say(s, "node-%u drops course %u, which it owns no more", node, course);
    for (unsigned r = 0; r < s->n_records; r++) {
        if (!bits_get(&row->records, r) || !s->records[r].acknowledged || is_dropped(s, r))
            continue;
        size_t lives = 0, has = 0;
        for (size_t j = 0; j < o.n; j++) {
            struct who who = world_who(o.at[j].member->id);
            const struct process *p = &s->processes[NODE_PROCESS(who.name)];
            int there = has_disk(s, o.at[j].member->id);
            lives += there && p->runs && p->frozen_until_us <= s->now_us;
            has += there && holds(s, who.name, r);
        }
        if (has < o.w_now || (s->quiet && s->now_us > s->quiet_us + CALM_US && has < lives))
            world_fail(s, "node-%u drops record %u of course %u while %zu owners hold it and %zu live", node, r, course, has, lives);
    }
}

void check_tombstone_drop(struct sim *s, unsigned node, unsigned course, int tombstone)
{
    s->drops++;
    world_say(s, "node-%u drops tombstone %d of course %u", node, tombstone, course);
    if (s->dropped[course] < 0 || stamp_cmp(s->records[tombstone].record.id, s->records[s->dropped[course]].record.id) > 0)
        s->dropped[course] = tombstone;
    if (s->dropped[course] == tombstone)
        s->dropped_before[course] = (unsigned)s->n_records;
}

/* What a dropped tombstone covered never stands without it at an owner. */
static void check_deleted(struct sim *s)
{
    for (unsigned c = 0; c < SIM_COURSES; c++) {
        if (s->dropped[c] < 0)
            continue;
        for (unsigned n = 0; n < SIM_NODES; n++) {
            const struct course_row *row = &s->nodes[n].disk.rows[c];
            int current = world_current(s, &row->records), ring = s->nodes[n].disk.ring;
            /* Who sleeps with an older ring is asked by nobody, and starts empty. */
            if (current < 0 || !is_dropped(s, (unsigned)current) || record_is_tombstone(&s->records[current].record) || ring < 0 ||
                s->documents[ring].content != s->documents[s->in_force].content || !node_owns(s, n, c))
                continue;
            world_fail(s, "record %d of course %u is back at node-%u after tombstone %d was dropped", current, c, n, s->dropped[c]);
        }
    }
}

static void check_refusals(struct sim *s)
{
    for (unsigned r = 0; r < s->n_records; r++) {
        if (!s->records[r].refused)
            continue;
        for (unsigned n = 0; n < SIM_NODES; n++)
            if (bits_get(&s->nodes[n].disk.rows[s->records[r].course].records, r))
                world_fail(s, "refused record %u is in a history of node-%u", r, n);
    }
}

void check_step(struct sim *s)
{
    check_deleted(s);
    if (s->step % 8 == 0) {
        check_durable(s, s->in_force, "while it is in force");
        check_refusals(s);
    }
}

static int may_not_lose(const struct sim *s, const struct ring *r)
{
    if (ring_k_effective(r) == ring_quorum(r))
        return 1;
    for (size_t i = 0; i < r->n_members; i++)
        if (!has_disk(s, r->members[i].id))
            return 1;
    return 0;
}

/* G1 speaks of k - W disks between two repairs: one, where k is 3 or 4, and none where it is 2. */
int check_may_lose(struct sim *s)
{
    /* A node that was lost just now may still be taken in by a change, as one that lives. */
    if (s->lost_us && s->now_us < s->lost_us + FORGOTTEN_US)
        return 0;
    for (size_t i = 0; i < SIM_COORDINATORS; i++)
        if (s->coordinators[i].wishes.now.k)
            return 0;
    for (size_t i = 0; i < s->n_documents; i++) {
        const struct ringdoc *d = s->documents[i].doc;
        if (d->ring->epoch >= world_doc(s, s->in_force)->ring->epoch &&
            (may_not_lose(s, d->ring) || (d->before && may_not_lose(s, d->before))))
            return 0;
    }
    return s->redis.now.wishes.k == 0 && s->redis.snapshot.wishes.k == 0;
}

int check_may_wish_k(const struct sim *s)
{
    const struct ring *r = world_doc(s, s->in_force)->ring;
    for (size_t i = 0; i < r->n_members; i++)
        if (!has_disk(s, r->members[i].id))
            return 0;
    return 1;
}

/* ---- after the faults */

static size_t lost_of(const struct sim *s, const struct ring *r)
{
    size_t lost = 0;
    for (size_t i = 0; i < r->n_members; i++)
        lost += !has_disk(s, r->members[i].id);
    return lost;
}

/* A disk that was lost while the leader still took its node for living, and began a change with it: then the new ring may have no quorum left. A joint ring cannot be
 * left again, so that nothing but a new founding document helps (protocol.md P1, "majority of members gone"). */
int check_is_beyond(const struct sim *s)
{
    for (unsigned n = 0; n < SIM_NODES; n++) {
        const struct ringdoc *d = world_doc(s, s->nodes[n].disk.ring);
        if (!d || !ringdoc_is_joint(d) || d->ring->epoch < world_doc(s, s->in_force)->ring->epoch)
            continue;
        size_t lost = lost_of(s, d->ring), kept = d->ring->n_members - lost;
        if (kept <= d->ring->n_members / 2 || lost > ring_k_effective(d->ring) - ring_quorum(d->ring))
            return 1;
    }
    return 0;
}

static int check_one_leader(const struct sim *s, char *why, size_t size)
{
    unsigned leaders = 0;
    for (unsigned i = 0; i < SIM_COORDINATORS; i++)
        leaders += s->coordinators[i].leads != 0;
    if (leaders != 1)
        snprintf(why, size, "%u leaders", leaders);
    return leaders == 1;
}

static int check_members(const struct sim *s, char *why, size_t size)
{
    const struct ringdoc *d = world_doc(s, s->in_force);
    char id[RING_ID_MAX];
    if (ringdoc_is_joint(d)) {
        snprintf(why, size, "ring %llu is joint", (unsigned long long)d->ring->epoch);
        return 0;
    }
    for (unsigned n = 0; n < SIM_NODES; n++) {
        world_id(who_at(s, n), id);
        int runs = s->processes[NODE_PROCESS(n)].runs, in = ring_find(d->ring, id) >= 0;
        if (in && !runs)
            snprintf(why, size, "%s stands and is in the ring", id);
        else if (runs && !in && !ringdoc_is_away(d, id))
            snprintf(why, size, "%s runs and is not in the ring", id);
        else if (in &&
                 (node_epoch(s, n) != d->ring->epoch || s->documents[s->nodes[n].disk.ring].content != s->documents[s->in_force].content))
            snprintf(why, size, "%s does not have ring %llu", id, (unsigned long long)d->ring->epoch);
        else
            continue;
        return 0;
    }
    return 1;
}

static int check_copies(const struct sim *s, char *why, size_t size)
{
    for (unsigned c = 0; c < SIM_COURSES; c++) {
        struct owners o;
        struct bits all = {{0}};
        node_owners(s, s->in_force, c, &o);
        for (size_t j = 0; j < o.n; j++)
            bits_add(&all, &s->nodes[world_who(o.at[j].member->id).name].disk.rows[c].records);
        for (size_t j = 0; j < o.n; j++) {
            const struct node_disk *d = &s->nodes[world_who(o.at[j].member->id).name].disk;
            if (bits_hold(&d->rows[c].records, &all) && bits_hold(&d->blobs, &all))
                continue;
            snprintf(why, size, "%s lacks something of course %u", o.at[j].member->id, c);
            return 0;
        }
    }
    return 1;
}

int check_healed(struct sim *s, char *why, size_t size)
{
    return check_one_leader(s, why, size) && check_members(s, why, size) && check_copies(s, why, size);
}
