#include "coordinator/change.h"
#include "coordinator/plan.h"

#include "lib/wire/owners.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void change_init(struct change *c)
{
    *c = (struct change){0};
}

void change_release(struct change *c)
{
    free(c->nodes);
    change_init(c);
}

void change_end(struct change *c)
{
    free(c->nodes);
    *c = (struct change){.base = c->base, .last = c->last};
}

static struct change_node *find(const struct change *c, const char *id)
{
    for (size_t i = 0; i < c->n_nodes; i++) {
        if (strcmp(c->nodes[i].id, id) == 0)
            return &c->nodes[i];
    }
    return NULL;
}

static void add_nodes(struct change *c, const struct ring *ring, int moves)
{
    for (size_t i = 0; i < ring->n_members; i++) {
        struct change_node *node = find(c, ring->members[i].id);
        if (!node) {
            node = &c->nodes[c->n_nodes++];
            memcpy(node->id, ring->members[i].id, sizeof node->id);
        }
        node->is_member |= moves;
    }
}

/* Numbers grow with the terms' counters; two terms of one counter differ by what was drawn at their starts. The ballot that an order carries tells them apart for
 * certain; the number only keeps a heartbeat that speaks of another term's order from being taken for an answer to ours. */
static uint64_t first_number(const struct ballot *b)
{
    uint64_t counter = b->counter & ((1ull << CHANGE_COUNTER_BITS) - 1), start = b->start & ((1ull << CHANGE_START_BITS) - 1);
    return ((counter << CHANGE_START_BITS) | start) << CHANGE_ORDER_BITS;
}

enum err change_begin(struct change *c, const struct ringdoc *joint, const struct ballot *b, uint64_t now_ms)
{
    struct change_node *nodes = calloc(joint->ring->n_members + joint->before->n_members, sizeof *nodes);
    if (!nodes)
        return ERR_NOMEM;
    uint64_t base = first_number(b), last = base == c->base ? c->last : base;
    struct change next = {.epoch = joint->ring->epoch, .base = base, .last = last, .nodes = nodes, .rate_at_ms = now_ms};
    add_nodes(&next, joint->ring, 1);
    add_nodes(&next, joint->before, 0);
    change_end(c);
    *c = next;
    return ERR_OK;
}

void change_tick(struct change *c, const struct membership *m)
{
    int news = c->seq == 0;
    for (size_t i = 0; i < c->n_nodes; i++) {
        struct change_node *node = &c->nodes[i];
        const struct membership_node *there = membership_find(m, node->id);
        int lives = there && there->member.alive && there->member.url[0];
        news |= node->is_member && lives != node->lives;
        node->lives = lives;
        node->follows = there && there->member.move.epoch == c->epoch && there->member.move.order == c->seq;
    }
    if (news)
        c->seq = ++c->last;
}

size_t change_orders(struct change *c, uint64_t now_ms, const char **ids, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n_nodes && n < max; i++) {
        struct change_node *node = &c->nodes[i];
        int is_acked = node->acked == c->seq;
        unsigned wait_ms = is_acked ? CHANGE_DOUBT_MS : CHANGE_RESEND_MS;
        int is_asked = node->sent_seq == c->seq && now_ms - node->sent_ms < wait_ms;
        if (!node->lives || is_asked || (is_acked && node->follows))
            continue;
        node->sent_seq = c->seq;
        node->sent_ms = now_ms;
        ids[n++] = node->id;
    }
    return n;
}

void change_not_told(struct change *c, const char *id)
{
    struct change_node *node = find(c, id);
    if (node)
        node->sent_seq = 0;
}

static int is_mover(const struct change_node *node)
{
    return node->is_member && node->lives;
}

size_t change_movers(const struct change *c, const char **ids, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n_nodes; i++) {
        if (!is_mover(&c->nodes[i]))
            continue;
        if (n < max)
            ids[n] = c->nodes[i].id;
        n++;
    }
    return n;
}

void change_acked(struct change *c, uint64_t seq, const char *id)
{
    struct change_node *node = find(c, id);
    if (node && seq == c->seq)
        node->acked = seq;
}

/* ---- the end */

static int moves(void *ctx, const char *id)
{
    const struct change_node *node = find(ctx, id);
    return node && is_mover(node);
}

/* Whether every moving arc that begins at a token of this ring has somebody to settle it. */
static int has_movers(const struct change *c, const struct ringdoc *joint, const struct ring *ring)
{
    for (size_t i = 0; i < ring->n_tokens; i++) {
        struct owners owners;
        owners_find(joint, ring->tokens[i].point, &owners);
        if (owners_are_moving(&owners) && owners_mover(&owners, moves, (void *)(uintptr_t)c) < 0)
            return 0;
    }
    return 1;
}

static int all_move(const struct change *c)
{
    for (size_t i = 0; i < c->n_nodes; i++) {
        if (c->nodes[i].is_member && !c->nodes[i].lives)
            return 0;
    }
    return 1;
}

static int is_complete(const struct change *c, const struct member *m)
{
    return m->move.epoch == c->epoch && m->move.order == c->seq && m->move.complete;
}

/* Only words of a node that acknowledged our order count: the same number may have been another term's. */
static const char *find_unsettled(const struct change *c, const struct membership *m)
{
    for (size_t i = 0; i < c->n_nodes; i++) {
        const struct change_node *node = &c->nodes[i];
        if (!is_mover(node))
            continue;
        const struct membership_node *there = membership_find(m, node->id);
        if (!there || node->acked != c->seq || !is_complete(c, &there->member))
            return node->id;
    }
    return NULL;
}

int change_is_settled(const struct change *c, const struct ringdoc *joint, const struct membership *m, char *why)
{
    char unused[PLAN_WHY_MAX];
    if (!why)
        why = unused;
    const char *unsettled = c->seq ? find_unsettled(c, m) : "everybody";
    if (unsettled) {
        snprintf(why, PLAN_WHY_MAX, "ring %llu: waiting for %.*s to settle what falls to it", (unsigned long long)c->epoch,
            (int)strcspn(unsettled, "."), unsettled);
        return 0;
    }
    if (all_move(c) || (has_movers(c, joint, joint->ring) && has_movers(c, joint, joint->before)))
        return 1;
    snprintf(why, PLAN_WHY_MAX, "ring %llu: an arc has no living owner that could settle it", (unsigned long long)c->epoch);
    return 0;
}

/* ---- how far it is */

static void add_up(const struct change *c, const struct membership *m, struct members_progress *out)
{
    for (size_t i = 0; i < c->n_nodes; i++) {
        const struct membership_node *there = membership_find(m, c->nodes[i].id);
        if (!there || there->member.move.epoch != c->epoch)
            continue;
        const struct member_move *move = &there->member.move;
        out->copies_done += move->copies_done;
        out->copies_total += move->copies_total;
        out->bytes_done += move->bytes_done;
        out->bytes_total += move->bytes_total;
    }
}

/* Bytes a second since the last look that is CHANGE_RATE_MS old, smoothed with the rate before it. */
static void measure(struct change *c, uint64_t done, uint64_t now_ms)
{
    uint64_t ms = now_ms - c->rate_at_ms;
    if (ms < CHANGE_RATE_MS && (c->bytes_per_s != 0 || ms < CHANGE_RATE_MS / 5))
        return;
    uint64_t rate = done > c->rate_bytes ? (done - c->rate_bytes) * 1000 / ms : 0;
    c->bytes_per_s = c->bytes_per_s ? (c->bytes_per_s + rate) / 2 : rate;
    c->rate_at_ms = now_ms;
    c->rate_bytes = done;
}

void change_progress(struct change *c, const struct membership *m, uint64_t now_ms, uint64_t unix_ms, struct members_progress *out)
{
    struct members_progress p = {.epoch = c->epoch};
    if (c->epoch != 0) {
        add_up(c, m, &p);
        measure(c, p.bytes_done, now_ms);
        p.bytes_per_s = c->bytes_per_s;
        uint64_t left = p.bytes_total > p.bytes_done ? p.bytes_total - p.bytes_done : 0;
        if (p.bytes_per_s)
            p.ends_at_ms = unix_ms + left * 1000 / p.bytes_per_s;
    }
    *out = p;
}
