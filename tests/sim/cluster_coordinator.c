/* A coordinator: the real cores (lease, membership, wishes, takeover, plan, change), and around them what the threads of the program do, by messages and ticks. */
#include "tests/sim/cluster_sim.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_US 100000u
#define MEET_TICKS 4u
#define RETRY_MS 500u
#define PROMISE_MS 650u /* how long a promise round waits for answers */

struct seat {
    struct sim *s;
    unsigned i;
};

static void must(enum err e)
{
    if (e != ERR_OK)
        abort();
}

/* ---- effects */

static uint64_t boot_ms(void *ctx)
{
    const struct seat *seat = ctx;
    return world_boot_ms(seat->s, COORDINATOR_PROCESS(seat->i));
}

static uint64_t unix_ms(void *ctx)
{
    const struct seat *seat = ctx;
    return world_unix_ms(seat->s, COORDINATOR_PROCESS(seat->i));
}

static enum err lease_read_now(void *ctx, struct lease *out)
{
    const struct seat *seat = ctx;
    return redis_lease_read(seat->s, COORDINATOR_PROCESS(seat->i), out);
}

static enum err lease_take_now(void *ctx, const struct lease *mine, unsigned ttl_ms)
{
    const struct seat *seat = ctx;
    return redis_lease_take(seat->s, COORDINATOR_PROCESS(seat->i), mine, ttl_ms);
}

static enum err lease_renew_now(void *ctx, const struct lease *mine, unsigned ttl_ms)
{
    const struct seat *seat = ctx;
    return redis_lease_renew(seat->s, COORDINATOR_PROCESS(seat->i), mine, ttl_ms);
}

static enum err lease_release_now(void *ctx, const struct lease *mine)
{
    const struct seat *seat = ctx;
    return redis_lease_release(seat->s, COORDINATOR_PROCESS(seat->i), mine);
}

static void event(void *ctx, const char *kind, const char *node)
{
    const struct seat *seat = ctx;
    world_say(seat->s, "c%u: %s %s", seat->i + 1, node, kind);
}

static struct effects effects_of(struct seat *seat)
{
    return (struct effects){seat, boot_ms, unix_ms, lease_read_now, lease_take_now, lease_renew_now, lease_release_now, event};
}

static const struct ringdoc *ring_of(struct sim *s, unsigned i)
{
    return world_doc(s, s->coordinators[i].disk.ring);
}

/* Takes a committed document that is newer than what is known. */
static void adopt(struct sim *s, unsigned i, int document)
{
    struct sim_coordinator *c = &s->coordinators[i];
    const struct ringdoc *d = world_doc(s, document);
    if (takeover_doc_cmp(d, ring_of(s, i)) <= 0)
        return;
    c->disk.ring = document;
    membership_new_ring(&c->membership, d);
    wishes_settle(&c->wishes, d);
    world_say(s, "c%u knows ring %llu %s", i + 1, (unsigned long long)d->ring->epoch, ringdoc_is_joint(d) ? "joint" : "stable");
}

/* The founding document, byte for byte the same on all coordinators. */
void coordinator_found(struct sim *s, unsigned nodes, uint32_t k)
{
    struct ring_member members[SIM_NODES];
    struct ringdoc *d;
    for (unsigned i = 0; i < nodes; i++)
        world_member((struct who){(unsigned char)i, 0}, &members[i]);
    must(ringdoc_new(members, nodes, k, 1, &(struct ballot){0}, &d));
    int founding = world_document(s, d);
    ringdoc_free(d);
    s->documents[founding].committed = 1;
    s->in_force = founding;
    for (unsigned i = 0; i < SIM_COORDINATORS; i++)
        s->coordinators[i].disk.ring = founding;
}

void coordinator_start(struct sim *s, unsigned i)
{
    struct sim_coordinator *c = &s->coordinators[i];
    struct coordinator_disk disk = c->disk;
    char name[16], token[LOCK_TOKEN_SIZE];
    *c = (struct sim_coordinator){.disk = disk, .start = world_random(s) >> 12, .purge = -1};
    snprintf(name, sizeof name, "coordinator-%u", i + 1);
    snprintf(token, sizeof token, "%032llx", (unsigned long long)c->start);
    lease_init(&c->lease, name, token);
    membership_init(&c->membership, world_random(s) >> 24, world_boot_ms(s, COORDINATOR_PROCESS(i)), &c->wishes.now);
    membership_new_ring(&c->membership, ring_of(s, i));
    takeover_init(&c->takeover, name, c->start);
    change_init(&c->change);
    world_say(s, "c%u starts", i + 1);
    world_timer(s, COORDINATOR_PROCESS(i), 1000 + world_below(s, TICK_US));
}

void coordinator_stop(struct sim *s, unsigned i)
{
    struct sim_coordinator *c = &s->coordinators[i];
    membership_release(&c->membership);
    takeover_release(&c->takeover);
    change_release(&c->change);
}

/* ---- meeting the others in Redis */

static void read_living(struct sim *s, unsigned i, uint64_t now_ms)
{
    struct sim_coordinator *c = &s->coordinators[i];
    c->n_living = 0;
    for (unsigned j = 0; j < SIM_COORDINATORS; j++)
        if (s->redis.now.coordinator_until_ms[j] > now_ms)
            snprintf(c->living[c->n_living++], RING_NAME_MAX, "coordinator-%u", j + 1);
}

static void write_wishes(struct sim *s, struct sim_coordinator *c)
{
    struct members_wishes unsaved, *there = &s->redis.now.wishes;
    wishes_unsaved(&c->wishes, &unsaved);
    for (size_t j = 0; j < unsaved.n; j++) {
        size_t at = 0;
        while (at < there->n && strcmp(there->at[at].id, unsaved.at[j].id) != 0)
            at++;
        if (at == there->n && there->n == MEMBERS_WISHES_MAX)
            continue;
        there->n += at == there->n;
        there->at[at] = unsaved.at[j];
    }
    if (unsaved.k)
        there->k = unsaved.k;
    wishes_saved(&c->wishes, &unsaved);
    struct members_wishes done = c->wishes.done;
    for (size_t j = 0; j < done.n; j++) {
        for (size_t at = there->n; at > 0; at--)
            if (strcmp(there->at[at - 1].id, done.at[j].id) == 0 && there->at[at - 1].kind == done.at[j].kind)
                there->at[at - 1] = there->at[--there->n];
    }
    if (done.k && done.k == there->k)
        there->k = 0;
    wishes_forgotten(&c->wishes, &done);
}

static void meet(struct sim *s, unsigned i, struct effects *fx)
{
    struct sim_coordinator *c = &s->coordinators[i];
    struct member batch[SIM_WHO_MAX];
    struct membership_gone gone[MEMBERSHIP_GONE_MAX];
    struct redis_data *r = &s->redis.now;
    uint64_t read_ms = fx->boot_ms(fx->ctx);
    if (redis_call(s, COORDINATOR_PROCESS(i)) != ERR_OK)
        return;
    uint64_t now_ms = s->now_us / 1000;
    r->coordinator_until_ms[i] = now_ms + MEMBERS_TTL_MS;
    for (size_t n = membership_take_heartbeats(&c->membership, batch, SIM_WHO_MAX), j = 0; j < n; j++)
        redis_write_node(s, &batch[j]);
    for (size_t n = membership_take_gone(&c->membership, gone, MEMBERSHIP_GONE_MAX), j = 0; j < n; j++)
        redis_forget_node(s, gone[j].id, gone[j].forget);
    read_living(s, i, now_ms);
    if (r->ring >= 0)
        adopt(s, i, r->ring);
    for (size_t j = 0; j < r->n_nodes; j++)
        r->nodes[j].alive = r->node_until_ms[j] > now_ms;
    must(membership_read(&c->membership, ring_of(s, i), r->nodes, r->n_nodes, read_ms));
    int leads = lease_holds(&c->lease, read_ms);
    wishes_read(&c->wishes, &r->wishes, leads);
    wishes_settle(&c->wishes, ring_of(s, i));
    if (leads)
        write_wishes(s, c);
    if (r->ring < 0 || leads)
        redis_publish(s, c->disk.ring);
}

/* ---- leading */

void coordinator_send(struct sim *s, unsigned i, const char *id, struct sim_message *m)
{
    struct who who = world_who(id);
    const struct membership_node *node = membership_find(&s->coordinators[i].membership, id);
    if (!node || !node->member.url[0])
        return; /* its address is not known */
    m->from = COORDINATOR_PROCESS(i);
    m->to = NODE_PROCESS(who.name);
    m->meant = who;
    world_send(s, m);
}

static void ask(struct sim *s, unsigned i)
{
    struct sim_coordinator *c = &s->coordinators[i];
    struct takeover *t = &c->takeover;
    const char *ids[2 * SIM_WHO_MAX];
    size_t n = takeover_next(t, ids, 2 * SIM_WHO_MAX);
    if (n == 0)
        return;
    struct sim_message m = {.question = takeover_question(t), .ballot = t->ballot, .document = -1, .record = -1};
    m.kind = m.question.phase == TAKEOVER_PROMISE ? TO_PROMISE : TO_INSTALL;
    if (m.kind == TO_INSTALL) {
        struct ringdoc *under;
        must(ringdoc_under(t->doc, &t->ballot, &under));
        m.document = world_document(s, under);
        ringdoc_free(under);
    }
    for (size_t j = 0; j < n; j++)
        coordinator_send(s, i, ids[j], &m);
}

static void stop_leading(struct sim *s, unsigned i, uint64_t again_ms)
{
    struct sim_coordinator *c = &s->coordinators[i];
    if (c->leads)
        world_say(s, "c%u leads no more", i + 1);
    c->leads = c->proposes = c->trying = 0;
    c->purge = -1;
    c->next_try_ms = again_ms;
    change_release(&c->change);
}

/* What a mutation makes of the promise round: none is held, and the newest document known here is taken for the newest there is. */
static void skip_promises(struct sim *s, unsigned i)
{
    struct takeover *t = &s->coordinators[i].takeover;
    if (s->mutation == MUTATION_REDIS_EPOCH)
        t->ballot = (struct ballot){.counter = ++s->redis.now.epoch, .coordinator = "coordinator", .start = 1};
    else if (s->mutation != MUTATION_SKIP_PROMISE && s->mutation != MUTATION_TRUST_CLOCK)
        return;
    t->phase = TAKEOVER_DONE;
}

/* The document in question is installed on its quorum. */
static void installed(struct sim *s, unsigned i)
{
    struct sim_coordinator *c = &s->coordinators[i];
    struct ringdoc *d;
    must(takeover_result(&c->takeover, &d));
    int document = world_document(s, d);
    ringdoc_free(d);
    adopt(s, i, document);
    if (s->mutation == MUTATION_REDIS_EPOCH)
        c->disk.ring = document; /* whatever was known, the counter of Redis is believed */
    c->led = document;
    if (!c->leads) {
        world_say(s, "c%u leads with epoch %llu", i + 1, (unsigned long long)c->takeover.ballot.counter);
        s->takeovers++;
        lease_set_epoch(&c->lease, c->term, c->takeover.ballot.counter);
    }
    c->leads = 1;
    c->trying = c->proposes = 0;
    if (redis_call(s, COORDINATOR_PROCESS(i)) == ERR_OK)
        redis_publish(s, c->disk.ring);
}

static void try_to_lead(struct sim *s, unsigned i, uint64_t now_ms)
{
    struct sim_coordinator *c = &s->coordinators[i];
    must(takeover_begin(&c->takeover, ring_of(s, i)));
    skip_promises(s, i);
    c->trying = 1;
    c->asked_ms = now_ms;
    world_say(s, "c%u tries to lead with epoch %llu", i + 1, (unsigned long long)c->takeover.ballot.counter);
    if (c->takeover.phase == TAKEOVER_DONE)
        installed(s, i);
    else
        ask(s, i);
}

static void propose(struct sim *s, unsigned i, const struct ringdoc *next, const char *why, uint64_t now_ms)
{
    struct sim_coordinator *c = &s->coordinators[i];
    must(takeover_propose(&c->takeover, next));
    c->proposes = 1;
    c->asked_ms = now_ms;
    s->changes += (unsigned)ringdoc_is_joint(next);
    world_say(
        s, "c%u proposes ring %llu %s: %s", i + 1, (unsigned long long)next->ring->epoch, ringdoc_is_joint(next) ? "joint" : "stable", why);
    ask(s, i);
}

static void send_orders(struct sim *s, unsigned i, uint64_t now_ms)
{
    struct sim_coordinator *c = &s->coordinators[i];
    const char *ids[2 * SIM_WHO_MAX], *movers[2 * SIM_WHO_MAX];
    size_t n_movers = change_movers(&c->change, movers, 2 * SIM_WHO_MAX), n = change_orders(&c->change, now_ms, ids, 2 * SIM_WHO_MAX);
    struct sim_message m = {.kind = TO_SETTLE,
        .ballot = c->takeover.ballot,
        .ring = ring_of(s, i)->ring->epoch,
        .order = c->change.seq,
        .document = c->disk.ring,
        .record = -1};
    for (size_t j = 0; j < n_movers && j < SIM_WHO_MAX; j++)
        m.movers.at[m.movers.n++] = world_who(movers[j]);
    for (size_t j = 0; j < n; j++)
        coordinator_send(s, i, ids[j], &m);
}

static void see_to_change(struct sim *s, unsigned i, uint64_t now_ms)
{
    struct sim_coordinator *c = &s->coordinators[i];
    const struct ringdoc *joint = ring_of(s, i);
    struct ringdoc *next;
    char why[PLAN_WHY_MAX] = "";
    if (c->change.epoch != joint->ring->epoch)
        must(change_begin(&c->change, joint, &c->takeover.ballot, now_ms));
    change_tick(&c->change, &c->membership);
    send_orders(s, i, now_ms);
    if (!change_is_settled(&c->change, joint, &c->membership, why) && s->mutation != MUTATION_STABLE_EARLY) {
        if (c->ticks % 10 == 0)
            world_say(s, "c%u waits in ring %llu, order %llu: %s", i + 1, (unsigned long long)joint->ring->epoch,
                (unsigned long long)c->change.seq, why);
        return;
    }
    must(ringdoc_settled(joint, &c->takeover.ballot, &next));
    propose(s, i, next, "all is settled", now_ms);
    ringdoc_free(next);
}

static void see_to_plan(struct sim *s, unsigned i, uint64_t now_ms)
{
    struct sim_coordinator *c = &s->coordinators[i];
    struct plan_input in = {
        .ring = ring_of(s, i), .membership = &c->membership, .wishes = &c->wishes.now, .now_ms = now_ms, .out_after_ms = SIM_OUT_AFTER_MS};
    struct plan plan;
    must(plan_next(&in, &c->takeover.ballot, &plan));
    if (plan.kind == PLAN_CHANGE)
        propose(s, i, plan.next, plan.why, now_ms);
    else if (plan.why[0] && c->ticks % 10 == 0)
        world_say(s, "c%u: %s", i + 1, plan.why);
    plan_release(&plan);
}

/* ---- the tick */

static void lead(struct sim *s, unsigned i, uint64_t now_ms)
{
    struct sim_coordinator *c = &s->coordinators[i];
    int holds = lease_holds(&c->lease, now_ms);
    if (!holds || c->term != c->lease.term) {
        stop_leading(s, i, 0);
        c->term = c->lease.term;
        if (!holds)
            return;
    }
    if ((c->trying || c->leads) && c->takeover.phase == TAKEOVER_REFUSED)
        stop_leading(s, i, now_ms + world_below(s, 100));
    if (c->trying && now_ms - c->asked_ms > PROMISE_MS)
        stop_leading(s, i, now_ms + RETRY_MS);
    /* Somebody else's newer ring is known: another one leads, or did. */
    if (c->leads && c->disk.ring != c->led)
        stop_leading(s, i, now_ms);
    if (!c->leads && !c->trying && now_ms >= c->next_try_ms)
        try_to_lead(s, i, now_ms);
    if (!c->leads)
        return;
    if (now_ms - c->asked_ms > RETRY_MS) {
        takeover_again(&c->takeover);
        ask(s, i);
        c->asked_ms = now_ms;
    }
    if (c->proposes)
        return;
    if (ringdoc_is_joint(ring_of(s, i))) {
        see_to_change(s, i, now_ms);
        return;
    }
    purge_tick(s, i, now_ms);
    see_to_plan(s, i, now_ms);
}

void coordinator_timer(struct sim *s, unsigned i)
{
    struct sim_coordinator *c = &s->coordinators[i];
    struct seat seat = {s, i};
    struct effects fx = effects_of(&seat);
    const char *living[SIM_COORDINATORS];
    for (size_t j = 0; j < c->n_living; j++)
        living[j] = c->living[j];
    lease_tick(&c->lease, &fx, living, c->n_living);
    membership_tick(&c->membership, &fx, ring_of(s, i));
    if (c->ticks++ % MEET_TICKS == 0)
        meet(s, i, &fx);
    lead(s, i, fx.boot_ms(fx.ctx));
    world_timer(s, COORDINATOR_PROCESS(i), TICK_US + s->processes[COORDINATOR_PROCESS(i)].spent_us);
}

/* ---- messages */

static void hear(struct sim *s, unsigned i, const struct sim_message *m)
{
    struct sim_coordinator *c = &s->coordinators[i];
    struct seat seat = {s, i};
    struct effects fx = effects_of(&seat);
    struct ring_member as;
    struct member told = {.stores = 1, .weight = 1, .ring_epoch = m->ring};
    told.move.epoch = m->move_epoch;
    told.move.order = m->order;
    told.move.complete = m->complete;
    world_member(m->by, &as);
    memcpy(told.id, as.id, sizeof told.id);
    memcpy(told.name, as.name, sizeof told.name);
    snprintf(told.url, sizeof told.url, "http://127.0.0.1:%u", 7000u + m->by.name);
    const struct ringdoc *ring = ring_of(s, i);
    enum err e = membership_hear(&c->membership, &fx, ring, &told, m->joining);
    struct sim_message answer = {.error = e, .ring = ring->ring->epoch, .document = c->disk.ring, .record = -1};
    for (unsigned n = 0; n < c->membership.n; n++)
        if (c->membership.nodes[n].member.alive)
            answer.living |= 1u << world_who(c->membership.nodes[n].member.id).name;
    world_answer(s, m, &answer);
}

static void take_answer(struct sim *s, unsigned i, const struct sim_message *m)
{
    struct sim_coordinator *c = &s->coordinators[i];
    struct takeover *t = &c->takeover;
    char id[RING_ID_MAX];
    world_id(m->by, id);
    if (m->answers == TO_HOLDS) {
        purge_answer(s, i, m);
        return;
    }
    if (m->answers == TO_SETTLE) {
        if (c->leads && m->error == ERR_OK)
            change_acked(&c->change, m->order, id);
        /* Any refusal for a larger ballot ends the leadership; one for another ring only this order. */
        if (c->leads && m->error == ERR_FENCED && ballot_cmp(&m->ballot, &t->ballot) > 0)
            takeover_refused(t, takeover_question(t), &m->ballot);
        return;
    }
    if ((m->answers != TO_PROMISE && m->answers != TO_INSTALL) || (!c->trying && !c->leads))
        return;
    enum takeover_phase before = t->phase;
    if (m->error == ERR_OK)
        must(takeover_yes(t, m->question, id, world_doc(s, m->document)));
    else
        takeover_refused(t, m->question, &m->ballot);
    if (before == TAKEOVER_PROMISE && t->phase == TAKEOVER_INSTALL)
        check_round(s, t);
    if (before != TAKEOVER_DONE && t->phase == TAKEOVER_DONE)
        installed(s, i);
    else if (t->phase == TAKEOVER_PROMISE || (t->phase == TAKEOVER_INSTALL && before == TAKEOVER_PROMISE))
        ask(s, i);
}

void coordinator_message(struct sim *s, unsigned i, const struct sim_message *m)
{
    if (m->kind == TO_HEARTBEAT)
        hear(s, i, m);
    else if (m->kind == TO_ANSWER)
        take_answer(s, i, m);
}
