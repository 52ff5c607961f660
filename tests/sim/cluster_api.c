/* An api that writes: STORE by P2, conditional changes by P3 with the real fcgi/service/decide.c. One request at a time; it models store_plain.c, propose.c, quorum.c. */
#include "tests/sim/cluster_sim.h"

#include "fcgi/service/decide.h"
#include "lib/base/clock.h"

#include <stdlib.h>
#include <string.h>

#define TICK_US 15000u
#define TRIES_MAX 8u

/* ---- the ring that it goes by: a committed one, always */

static void take_ring(struct sim *s, unsigned i, int document)
{
    struct sim_api *a = &s->apis[i];
    if (document >= 0 && takeover_doc_cmp(world_doc(s, document), world_doc(s, a->ring)) > 0)
        a->ring = document;
}

struct shown {
    const struct sim *s;
    const struct sim_api *a;
    int document;
};

static int shows(void *ctx, const char *id)
{
    const struct shown *shown = ctx;
    struct who who = world_who(id);
    return shown->a->ring_shown[who.name] == shown->document && shown->s->nodes[who.name].disk.life == who.life;
}

/* A document that a quorum of its own nodes shows is committed. */
static void take_shown(struct sim *s, unsigned i, const struct sim_message *m)
{
    struct sim_api *a = &s->apis[i];
    struct shown shown = {s, a, m->document};
    if (m->call != a->ring_call || m->document < 0)
        return;
    a->ring_shown[m->by.name] = m->document;
    if (ringdoc_quorum_missing(world_doc(s, m->document), shows, &shown) == 0)
        take_ring(s, i, m->document);
}

static void ask_nodes(struct sim *s, unsigned i)
{
    struct sim_api *a = &s->apis[i];
    struct sim_message m = {.kind = TO_RING, .from = API_PROCESS(i), .call = ++s->calls, .document = -1, .record = -1};
    a->ring_call = m.call;
    for (unsigned n = 0; n < SIM_NODES; n++) {
        a->ring_shown[n] = -1;
        m.to = NODE_PROCESS(n);
        m.meant = node_who(s, n);
        world_send(s, &m);
    }
}

/* Redis, then some coordinator, then the nodes. */
static void refresh(struct sim *s, unsigned i)
{
    struct sim_api *a = &s->apis[i];
    unsigned c = world_below(s, SIM_COORDINATORS);
    const struct process *p = &s->processes[COORDINATOR_PROCESS(c)];
    if (s->now_us - a->ring_us < 20000)
        return;
    a->ring_us = s->now_us;
    if (s->redis.away_until_us <= s->now_us)
        take_ring(s, i, s->redis.now.ring);
    if (p->runs && p->frozen_until_us <= s->now_us && !s->cut[API_PROCESS(i)][COORDINATOR_PROCESS(c)])
        take_ring(s, i, s->coordinators[c].disk.ring);
    ask_nodes(s, i);
}

/* ---- one round */

static int is_old_only(const struct sim *s, const struct owners *o)
{
    return s->mutation == MUTATION_OLD_OWNERS_ONLY && o->n_before > 0;
}

static void owners_of(struct sim *s, unsigned i, struct owners *o)
{
    node_owners(s, s->apis[i].used, s->apis[i].course, o);
    if (!is_old_only(s, o))
        return;
    o->w_now = 0;
    for (size_t j = o->n; j > 0; j--)
        if (!o->at[j - 1].before)
            o->at[j - 1] = o->at[--o->n];
}

static void ask_owners(struct sim *s, unsigned i, struct sim_message *m, const struct bits *all)
{
    struct sim_api *a = &s->apis[i];
    struct owners o;
    /* An ACCEPT goes where its promises came from: to the owners by the same document. */
    if (m->kind == TO_STORE || m->kind == TO_PREPARE)
        a->used = a->ring;
    owners_of(s, i, &o);
    m->from = API_PROCESS(i);
    m->call = a->call = ++s->calls;
    m->ring = world_doc(s, a->used)->ring->epoch;
    m->document = -1;
    m->course = a->course;
    a->asked_us = s->now_us;
    memset(a->yes, 0, sizeof a->yes);
    memset(a->refused, 0, sizeof a->refused);
    for (size_t j = 0; j < o.n; j++) {
        m->meant = world_who(o.at[j].member->id);
        m->to = NODE_PROCESS(m->meant.name);
        for (unsigned w = 0; all && w < SIM_RECORDS / 64; w++)
            m->known.word[w] = all->word[w] & ~a->shown[j].records.word[w];
        world_send(s, m);
    }
}

static struct stamp fresh(struct sim *s, unsigned i)
{
    struct sim_api *a = &s->apis[i];
    return world_stamp(s, API_PROCESS(i), a->skew_ms, &a->clock, a->process);
}

static void end(struct sim *s, unsigned i)
{
    struct sim_api *a = &s->apis[i];
    a->phase = API_IDLE;
    a->rest_us = s->now_us + world_below(s, 250000);
}

static void acknowledge(struct sim *s, unsigned i, int record)
{
    const struct sim_api *a = &s->apis[i];
    check_acknowledged(s, a->course, record, a->after);
    s->uploads_done++;
    end(s, i);
}

static void refuse(struct sim *s, unsigned i)
{
    world_say(s, "api %u, upload %u is refused", i, s->apis[i].upload);
    check_refused(s, s->apis[i].upload);
    s->refusals++;
    end(s, i);
}

/* ---- unconditional: P2 */

static void store(struct sim *s, unsigned i)
{
    struct sim_api *a = &s->apis[i];
    if (a->record < 0)
        a->record = world_record(s, a->course, fresh(s, i), a->upload, a->deletes, 0);
    if (a->record < 0) {
        end(s, i);
        return;
    }
    struct sim_message m = {.kind = TO_STORE, .record = a->record};
    a->phase = API_STORE;
    ask_owners(s, i, &m, NULL);
}

/* ---- conditional: P3 */

static void prepare(struct sim *s, unsigned i)
{
    struct sim_api *a = &s->apis[i];
    a->ballot = fresh(s, i);
    struct sim_message m = {.kind = TO_PREPARE, .stamp = a->ballot, .record = -1};
    a->phase = API_PREPARE;
    a->linger = world_chance(s, 400);
    memset(a->shown, 0, sizeof a->shown);
    ask_owners(s, i, &m, NULL);
}

static void send_accept(struct sim *s, unsigned i, int record)
{
    struct sim_api *a = &s->apis[i];
    static const char *const aims[] = {"its own", "none", "another's"};
    struct sim_message m = {.kind = TO_ACCEPT, .stamp = a->ballot, .record = record};
    world_say(s, "api %u, upload %u, try %u: accept %s, record %d of course %u", i, a->upload, a->tries, aims[a->aim], record, a->course);
    a->phase = API_ACCEPT;
    a->record = record;
    ask_owners(s, i, &m, &a->all);
}

static int find_record(const struct sim *s, const struct record *r)
{
    for (size_t j = 0; j < s->n_records; j++)
        if (stamp_cmp(s->records[j].record.id, r->id) == 0)
            return (int)j;
    abort();
}

static void accept_mine(struct sim *s, unsigned i, const struct record *parent)
{
    struct sim_api *a = &s->apis[i];
    int mine = world_record(s, a->course, a->ballot, a->upload, a->deletes, 1);
    if (mine < 0) {
        end(s, i);
        return;
    }
    s->records[mine].parent = parent ? find_record(s, parent) : -1;
    a->accept_sent = 1;
    a->aim = AIM_MINE;
    send_accept(s, i, mine);
}

static void act(struct sim *s, unsigned i, const struct decision *d)
{
    struct sim_api *a = &s->apis[i];
    if (d->learned) {
        int learned = find_record(s, d->learned);
        bits_set(&a->all, (unsigned)learned);
    }
    switch (d->step) {
    case DECIDE_MINE: acknowledge(s, i, find_record(s, d->record)); break;
    case DECIDE_ACCEPT: accept_mine(s, i, d->record); break;
    case DECIDE_REFUSE: refuse(s, i); break;
    case DECIDE_SETTLE:
        a->aim = AIM_NONE;
        send_accept(s, i, -1);
        break;
    case DECIDE_FINISH:
        a->aim = AIM_FOREIGN;
        send_accept(s, i, find_record(s, d->record));
        break;
    default: world_fail(s, "decide() takes upload %u for another one", a->upload); break;
    }
}

static void fill_input(const struct sim *s, const struct sim_api *a, struct decide_input *in)
{
    *in = (struct decide_input){.match = a->match < 0 ? MATCH_NONE : MATCH_RECORD, .match_sha256 = "", .accept_sent = a->accept_sent};
    if (a->match >= 0)
        in->match_record = s->records[a->match].record.id;
    in->draft = &s->records[a->draft].record;
}

/* A quorum has promised. */
static void judge_promises(struct sim *s, unsigned i, const struct owners *o)
{
    struct sim_api *a = &s->apis[i];
    struct decide_promise promises[OWNERS_MAX];
    struct history histories[OWNERS_MAX];
    struct decide_input in;
    struct decision d;
    fill_input(s, a, &in);
    in.promises = promises;
    in.owners = o;
    a->all = (struct bits){{0}};
    for (size_t j = 0; j < o->n; j++) {
        const struct course_row *row = &a->shown[j];
        if (!a->yes[j])
            continue;
        world_history(s, &row->records, &row->direct, &histories[in.n]);
        bits_add(&a->all, &row->records);
        const struct record *slot = row->has_slot && row->slot >= 0 ? &s->records[row->slot].record : NULL;
        promises[in.n] = (struct decide_promise){
            .owner = j, .history = &histories[in.n], .has_slot = row->has_slot, .slot_ballot = row->slot_ballot, .slot = slot};
        in.n++;
    }
    if (decide(&in, &d) != ERR_OK)
        abort();
    act(s, i, &d);
    decide_release(&d);
    for (size_t j = 0; j < in.n; j++)
        history_release(&histories[j]);
}

static void send_learn(struct sim *s, unsigned i, int record)
{
    struct sim_api *a = &s->apis[i];
    uint64_t call = a->call;
    struct sim_message m = {.kind = TO_LEARN, .record = record};
    ask_owners(s, i, &m, NULL);
    a->call = call;
}

/* Whether the condition still holds with the finished record in place. */
static int still_matches(struct sim *s, const struct sim_api *a, int finished)
{
    struct bits none = {{0}};
    struct history all;
    struct decide_input in;
    int still;
    fill_input(s, a, &in);
    world_history(s, &a->all, &none, &all);
    if (decide_still_matches(&in, &all, &s->records[finished].record, &still) != ERR_OK)
        abort();
    history_release(&all);
    return still;
}

static void again(struct sim *s, unsigned i);

static void accepted(struct sim *s, unsigned i)
{
    struct sim_api *a = &s->apis[i];
    int record = a->record;
    if (record >= 0)
        send_learn(s, i, record);
    if (a->aim == AIM_MINE || (record >= 0 && strcmp(s->records[record].record.upload, s->records[a->draft].record.upload) == 0))
        acknowledge(s, i, record);
    else if (a->aim == AIM_NONE || !still_matches(s, a, record))
        refuse(s, i);
    else
        again(s, i);
}

/* ---- rounds and their ends */

/* Another try: of the same record when it may have been taken, of a new one when it was fenced. */
static void again(struct sim *s, unsigned i)
{
    struct sim_api *a = &s->apis[i];
    if (++a->tries > TRIES_MAX) {
        end(s, i); /* 503: not known */
        return;
    }
    refresh(s, i);
    a->phase = API_IDLE;
    a->rest_us = s->now_us + 5000 + world_below(s, 45000);
    a->goes_on = 1;
}

static void begin(struct sim *s, unsigned i)
{
    struct sim_api *a = &s->apis[i];
    if (a->goes_on) {
        a->goes_on = 0;
        if (a->conditional)
            prepare(s, i);
        else
            store(s, i);
        return;
    }
    if (s->quiet)
        return;
    a->tries = 0;
    a->course = world_below(s, SIM_COURSES);
    a->deletes = world_chance(s, 150);
    a->conditional = world_chance(s, 500);
    a->upload = ++s->uploads;
    a->record = -1;
    a->accept_sent = 0;
    a->after = s->acknowledged[a->course];
    if (!a->conditional) {
        store(s, i);
        return;
    }
    a->match = -1;
    for (size_t j = s->n_records; j > 0 && a->match < 0 && world_chance(s, 950); j--)
        if (s->records[j - 1].course == a->course && !stamp_is_zero(s->records[j - 1].record.id) && world_chance(s, 700))
            a->match = (int)j - 1;
    a->draft = world_record(s, a->course, STAMP_ZERO, a->upload, a->deletes, 1);
    if (a->draft >= 0)
        prepare(s, i);
}

void api_start(struct sim *s, unsigned i)
{
    struct sim_api *a = &s->apis[i];
    *a = (struct sim_api){.ring = a->ring, .process = world_random(s)}; /* the last ring is on its disk */
    world_timer(s, API_PROCESS(i), 1000 + world_below(s, TICK_US));
}

void api_timer(struct sim *s, unsigned i)
{
    struct sim_api *a = &s->apis[i];
    struct owners o;
    if (world_chance(s, 30) || a->ring < 0)
        refresh(s, i);
    if (a->ring >= 0 && a->phase == API_IDLE && s->now_us >= a->rest_us)
        begin(s, i);
    else if (a->phase == API_PREPARE && a->linger) {
        owners_of(s, i, &o);
        a->linger = 0;
        if (owners_write_missing(&o, a->yes) == 0)
            judge_promises(s, i, &o);
    } else if (a->phase != API_IDLE && s->now_us - a->asked_us > SIM_LATE_US)
        again(s, i);
    world_timer(s, API_PROCESS(i), TICK_US);
}

/* Raises the clock; one that runs too far ahead takes the owners' time as its base, under a new process id. */
static void take_stamp(struct sim *s, unsigned i, const struct sim_message *m)
{
    struct sim_api *a = &s->apis[i];
    if (m->error == ERR_CLOCK) {
        a->process = world_random(s);
        a->skew_ms = (int64_t)hlc_to_unix_ms(m->stamp.clock) - (int64_t)world_unix_ms(s, API_PROCESS(i));
        a->clock = m->stamp.clock;
    } else if (m->stamp.clock > a->clock)
        a->clock = m->stamp.clock;
}

/* Whether no quorum of oks can come any more. */
static int is_barred(const struct owners *o, const struct sim_api *a)
{
    unsigned char hoped[OWNERS_MAX];
    for (size_t j = 0; j < OWNERS_MAX; j++)
        hoped[j] = !a->refused[j];
    return owners_write_missing(o, hoped) > 0;
}

static void take_refusal(struct sim *s, unsigned i, const struct owners *o, size_t place, enum err error)
{
    struct sim_api *a = &s->apis[i];
    a->refused[place] = 1;
    if (error == ERR_STALE_RING || error == ERR_CONFLICT)
        refresh(s, i);
    if (!is_barred(o, a))
        return;
    if (a->phase == API_STORE && (error == ERR_FENCED || error == ERR_CLOCK))
        a->record = -1; /* P2.3: with a new record */
    again(s, i);
}

void api_message(struct sim *s, unsigned i, const struct sim_message *m)
{
    struct sim_api *a = &s->apis[i];
    struct owners o;
    char id[RING_ID_MAX];
    if (m->answers == TO_RING) {
        take_shown(s, i, m);
        return;
    }
    take_stamp(s, i, m);
    if (m->call != a->call || a->phase == API_IDLE)
        return;
    owners_of(s, i, &o);
    world_id(m->by, id);
    long place = owners_place(&o, id);
    if (place < 0)
        return;
    if (m->error != ERR_OK) {
        take_refusal(s, i, &o, (size_t)place, m->error);
        return;
    }
    a->yes[place] = 1;
    if (a->phase == API_PREPARE)
        a->shown[place] = m->row;
    if (owners_write_missing(&o, a->yes) > 0)
        return;
    if (a->phase == API_STORE)
        acknowledge(s, i, a->record);
    else if (a->phase == API_ACCEPT)
        accepted(s, i);
    else if (!a->linger)
        judge_promises(s, i, &o);
}
