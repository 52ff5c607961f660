#include "coordinator/membership.h"
#include "coordinator/url.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#define FIRST_CAP 16u

void membership_init(struct membership *m, uint64_t view_start, uint64_t now_ms)
{
    *m = (struct membership){.view = view_start, .deaf_until_ms = now_ms + MEMBERS_TTL_MS, .tick_ms = now_ms};
}

void membership_release(struct membership *m)
{
    free(m->nodes);
    m->nodes = NULL;
    m->n = m->cap = 0;
}

static struct membership_node *find(const struct membership *m, const char *id)
{
    for (size_t i = 0; i < m->n; i++) {
        if (strcmp(m->nodes[i].member.id, id) == 0)
            return &m->nodes[i];
    }
    return NULL;
}

const struct membership_node *membership_find(const struct membership *m, const char *id)
{
    return find(m, id);
}

static enum err add(struct membership *m, const struct member *told, struct membership_node **out)
{
    if (m->n == MEMBERSHIP_MAX)
        return ERR_FULL;
    if (m->n == m->cap) {
        size_t cap = m->cap ? m->cap * 2 : FIRST_CAP;
        struct membership_node *nodes = realloc(m->nodes, cap * sizeof *nodes);
        if (!nodes)
            return ERR_NOMEM;
        m->nodes = nodes;
        m->cap = cap;
    }
    struct membership_node *node = &m->nodes[m->n++];
    *node = (struct membership_node){.member = *told};
    node->member.state = MEMBER_JOINING;
    m->view++;
    *out = node;
    return ERR_OK;
}

static void drop(struct membership *m, struct membership_node *node)
{
    *node = m->nodes[--m->n];
    m->view++;
}

/* Goodbyes for Redis. */
static void note_gone(struct membership *m, const char *id, int forget)
{
    if (m->n_gone == MEMBERSHIP_GONE_MAX)
        return;
    struct membership_gone *gone = &m->gone[m->n_gone++];
    snprintf(gone->id, sizeof gone->id, "%s", id);
    gone->forget = forget;
}

static int is_alive(const struct membership_node *node, uint64_t now_ms)
{
    if (node->left)
        return 0;
    if (node->heard_ms != 0 && now_ms - node->heard_ms < MEMBERS_TTL_MS)
        return 1;
    return node->elsewhere_ms != 0 && now_ms - node->elsewhere_ms < MEMBERSHIP_READING_MS;
}

static void set_state(struct membership *m, struct membership_node *node, enum member_state state)
{
    if (node->member.state == state)
        return;
    node->member.state = state;
    m->view++;
}

/* A name is one node's: the ring's if the ring has it, else that of the one who lives. */
static enum err check_name(struct membership *m, const struct ring *ring, const struct member *told, uint64_t now_ms)
{
    long place = ring ? ring_find_name(ring, told->name) : -1;
    if (place >= 0 && strcmp(ring->members[place].id, told->id) != 0)
        return ERR_CONFLICT;
    for (size_t i = m->n; i > 0; i--) {
        struct membership_node *node = &m->nodes[i - 1];
        if (strcmp(node->member.name, told->name) != 0 || strcmp(node->member.id, told->id) == 0)
            continue;
        if (is_alive(node, now_ms) && place < 0)
            return ERR_CONFLICT;
        note_gone(m, node->member.id, 1);
        drop(m, node);
    }
    return ERR_OK;
}

enum err membership_hear(struct membership *m, const struct effects *fx, const struct ring *ring, const struct member *told, int joining)
{
    uint64_t now_ms = fx->boot_ms(fx->ctx);
    enum err e = check_name(m, ring, told, now_ms);
    if (e != ERR_OK)
        return e;
    struct membership_node *node = find(m, told->id);
    int is_new = !node;
    if (is_new)
        e = add(m, told, &node);
    if (e != ERR_OK)
        return e;
    if (strcmp(node->member.url, told->url) != 0)
        m->view++;
    enum member_state before = node->member.state;
    int was_left = node->left;
    node->member = *told;
    node->member.heartbeat_at_ms = fx->unix_ms(fx->ctx);
    node->member.alive = 1;
    node->member.state = before;
    node->heard_ms = now_ms;
    node->left = 0;
    node->to_write = 1;
    /* A node that we do not know and that does not join has joined before our start. */
    if (joining && (is_new || was_left))
        fx->event(fx->ctx, "join", node->member.name);
    enum member_state state = members_state(ring, &node->member);
    if (state == MEMBER_UP && before == MEMBER_SUSPECT && !(joining && was_left))
        fx->event(fx->ctx, "up", node->member.name);
    set_state(m, node, state);
    return ERR_OK;
}

void membership_leave(struct membership *m, const struct effects *fx, const struct ring *ring, const char *id)
{
    struct membership_node *node = find(m, id);
    if (!node || node->left)
        return;
    int in_ring = ring && ring_find(ring, id) >= 0;
    fx->event(fx->ctx, "leave", node->member.name);
    note_gone(m, id, !in_ring);
    if (!in_ring) {
        drop(m, node);
        return;
    }
    node->left = 1;
    node->to_write = 0;
    node->member.alive = 0;
    set_state(m, node, MEMBER_SUSPECT);
}

enum err membership_read(struct membership *m, const struct ring *ring, const struct member *nodes, size_t n, uint64_t read_ms)
{
    for (size_t i = 0; i < n; i++) {
        const struct member *told = &nodes[i];
        struct membership_node *node = find(m, told->id);
        if (!url_ok(told->url))
            continue;
        /* Those in the ring are kept also when they are silent: their address may be good again. */
        if (!node && (told->alive || (ring && ring_find(ring, told->id) >= 0))) {
            enum err e = add(m, told, &node);
            if (e != ERR_OK)
                return e;
            node->heard_ms = 0;
            node->member.alive = told->alive;
            node->member.state = members_state(ring, &node->member);
        }
        if (!node)
            continue;
        if (told->alive)
            node->elsewhere_ms = read_ms;
        /* Heard later elsewhere than here: what it told there is newer, its address for one. */
        if (told->alive && !node->left && told->heartbeat_at_ms > node->member.heartbeat_at_ms &&
            strcmp(told->url, node->member.url) != 0) {
            memcpy(node->member.url, told->url, sizeof node->member.url);
            m->view++;
        }
    }
    return ERR_OK;
}

void membership_new_ring(struct membership *m, const struct ring *ring)
{
    m->view++;
    for (size_t i = 0; i < m->n; i++)
        m->nodes[i].member.state = members_state(ring, &m->nodes[i].member);
}

/* Works one node's state out; 0 when it is to be forgotten. */
static int tick_node(struct membership *m, struct membership_node *node, const struct effects *fx, const struct ring *ring, uint64_t now_ms)
{
    int alive = is_alive(node, now_ms);
    if (!alive && !node->left && now_ms < m->deaf_until_ms)
        return 1;
    node->member.alive = alive;
    enum member_state before = node->member.state, state = members_state(ring, &node->member);
    if (state == MEMBER_JOINING && !alive) {
        uint64_t last_ms = node->heard_ms > node->elsewhere_ms ? node->heard_ms : node->elsewhere_ms;
        return now_ms - last_ms < MEMBERSHIP_FORGET_MS;
    }
    if (before == MEMBER_UP && state == MEMBER_SUSPECT)
        fx->event(fx->ctx, "suspect", node->member.name);
    if (before == MEMBER_SUSPECT && state == MEMBER_UP)
        fx->event(fx->ctx, "up", node->member.name);
    set_state(m, node, state);
    return 1;
}

void membership_tick(struct membership *m, const struct effects *fx, const struct ring *ring)
{
    uint64_t now_ms = fx->boot_ms(fx->ctx);
    if (now_ms - m->tick_ms > MEMBERSHIP_PAUSE_MS)
        m->deaf_until_ms = now_ms + MEMBERS_TTL_MS;
    m->tick_ms = now_ms;
    for (size_t i = m->n; i > 0; i--) {
        struct membership_node *node = &m->nodes[i - 1];
        if (tick_node(m, node, fx, ring, now_ms))
            continue;
        fx->event(fx->ctx, "leave", node->member.name);
        note_gone(m, node->member.id, 1);
        drop(m, node);
    }
}

size_t membership_take_heartbeats(struct membership *m, struct member *out, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n && n < max; i++) {
        if (!m->nodes[i].to_write)
            continue;
        m->nodes[i].to_write = 0;
        out[n++] = m->nodes[i].member;
    }
    return n;
}

size_t membership_take_gone(struct membership *m, struct membership_gone *out, size_t max)
{
    size_t n = m->n_gone < max ? m->n_gone : max;
    memcpy(out, m->gone, n * sizeof *out);
    m->n_gone -= n;
    memmove(m->gone, m->gone + n, m->n_gone * sizeof *m->gone);
    return n;
}
