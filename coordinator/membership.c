#include "coordinator/membership.h"

#include "lib/base/url.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#define FIRST_CAP 16u

void membership_init(struct membership *m, uint64_t view_start, uint64_t now_ms, const struct members_wishes *wishes)
{
    *m = (struct membership){.view = view_start, .deaf_until_ms = now_ms + MEMBERS_TTL_MS, .tick_ms = now_ms, .wishes = wishes};
}

void membership_release(struct membership *m)
{
    free(m->nodes);
    m->nodes = NULL;
    m->n = m->cap = 0;
}

enum err membership_copy(const struct membership *from, struct membership *out)
{
    struct membership_node *nodes = malloc((from->n + 1) * sizeof *nodes);
    if (!nodes)
        return ERR_NOMEM;
    if (from->n)
        memcpy(nodes, from->nodes, from->n * sizeof *nodes);
    *out = *from;
    out->nodes = nodes;
    out->cap = from->n + 1;
    return ERR_OK;
}

int membership_is_deaf(const struct membership *m, uint64_t now_ms)
{
    return now_ms < m->deaf_until_ms;
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

/* Who only shares is of no interest to those who follow the ring. */
static void note_change(struct membership *m, const struct member *of)
{
    if (of->stores)
        m->view++;
}

static int has_room(const struct membership *m, const struct member *told)
{
    size_t peers = 0;
    for (size_t i = 0; i < m->n; i++)
        peers += !m->nodes[i].member.stores;
    return m->n < MEMBERSHIP_MAX && (told->stores || peers < MEMBERSHIP_PEERS_MAX);
}

static enum err add(struct membership *m, const struct member *told, struct membership_node **out)
{
    if (!has_room(m, told))
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
    note_change(m, told);
    *out = node;
    return ERR_OK;
}

static void drop(struct membership *m, struct membership_node *node)
{
    note_change(m, &node->member);
    *node = m->nodes[--m->n];
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

static void lives_on(struct membership_node *node, uint64_t now_ms)
{
    if (node->since_ms == 0)
        node->since_ms = now_ms;
    node->silent_ms = 0;
}

static void falls_silent(struct membership_node *node, uint64_t dt_ms)
{
    node->since_ms = 0;
    node->silent_ms += dt_ms;
}

static void set_state(struct membership *m, struct membership_node *node, enum member_state state)
{
    if (node->member.state == state)
        return;
    node->member.state = state;
    note_change(m, &node->member);
}

static enum member_state state_of(const struct membership *m, const struct ringdoc *doc, const struct membership_node *node)
{
    return members_state(doc, m->wishes, &node->member);
}

static int is_member(const struct ring *ring, const char *id)
{
    return ring && ring_find(ring, id) >= 0;
}

/* The member of this name is another node, and it lives, or may live as far as we could hear. */
static int name_is_taken(const struct membership *m, const struct ringdoc *doc, const struct member *told, uint64_t now_ms)
{
    long place = ring_find_name(doc->ring, told->name);
    if (place < 0 || strcmp(doc->ring->members[place].id, told->id) == 0)
        return 0;
    const struct membership_node *holder = find(m, doc->ring->members[place].id);
    return !holder || is_alive(holder, now_ms) || (!holder->left && membership_is_deaf(m, now_ms));
}

/* A name is one node's: the member's while it lives, else that of the one who lives. A new incarnation of a silent member stands beside it until it has taken its
 * place; the old one is not heard any more from then on. */
static enum err check_name(struct membership *m, const struct ringdoc *doc, const struct member *told, uint64_t now_ms)
{
    if (doc && name_is_taken(m, doc, told, now_ms))
        return ERR_CONFLICT;
    int is_holder = doc && is_member(doc->ring, told->id);
    for (size_t i = m->n; i > 0; i--) {
        struct membership_node *node = &m->nodes[i - 1];
        if (strcmp(node->member.name, told->name) != 0 || strcmp(node->member.id, told->id) == 0)
            continue;
        if (is_alive(node, now_ms) && !is_holder)
            return ERR_CONFLICT;
        if (doc && ringdoc_names(doc, node->member.id))
            continue;
        note_gone(m, node->member.id, 1);
        drop(m, node);
    }
    return ERR_OK;
}

/* Whether it tells of another place than before, or stores now and did not, or the other way round. */
static int has_moved(const struct member *before, const struct member *told)
{
    return before->stores != told->stores || (told->stores && strcmp(before->url, told->url) != 0);
}

enum err membership_hear(struct membership *m, const struct effects *fx, const struct ringdoc *doc, const struct member *told, int joining)
{
    uint64_t now_ms = fx->boot_ms(fx->ctx);
    if (!told->stores && doc && ringdoc_names(doc, told->id))
        return ERR_DENIED; /* counted as alive it would seem to be an owner that stores; silent it goes out, and its copies are made anew */
    enum err e = check_name(m, doc, told, now_ms);
    if (e != ERR_OK)
        return e;
    struct membership_node *node = find(m, told->id);
    int is_new = !node || node->member.url[0] == '\0';
    if (!node)
        e = add(m, told, &node);
    if (e != ERR_OK)
        return e;
    if (has_moved(&node->member, told))
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
    lives_on(node, now_ms);
    enum member_state state = state_of(m, doc, node);
    /* A node that we do not know and that does not join has joined before our start; who is not in the ring joins when the ring has it. */
    if (joining && (is_new || was_left) && state != MEMBER_JOINING)
        fx->event(fx->ctx, "join", node->member.name);
    if (state == MEMBER_UP && before == MEMBER_SUSPECT && !is_new && !(joining && was_left))
        fx->event(fx->ctx, "up", node->member.name);
    set_state(m, node, state);
    return ERR_OK;
}

void membership_leave(struct membership *m, const struct effects *fx, const struct ringdoc *doc, const char *id)
{
    struct membership_node *node = find(m, id);
    if (!node || node->left)
        return;
    int in_ring = doc && ringdoc_names(doc, id);
    note_gone(m, id, !in_ring);
    if (!in_ring) {
        drop(m, node);
        return;
    }
    fx->event(fx->ctx, "leave", node->member.name);
    node->left = 1;
    node->to_write = 0;
    node->member.alive = 0;
    node->since_ms = 0;
    set_state(m, node, state_of(m, doc, node));
}

/* A node of which only others told so far. */
static enum err add_told(struct membership *m, const struct ringdoc *doc, const struct member *told, struct membership_node **out)
{
    enum err e = add(m, told, out);
    if (e == ERR_OK)
        (*out)->member.state = state_of(m, doc, *out);
    return e;
}

/* The first that is known of a node that the document names. */
static void take_first(struct membership *m, const struct ringdoc *doc, struct membership_node *node, const struct member *told)
{
    node->member = *told;
    node->member.state = state_of(m, doc, node);
    m->view++;
}

/* What it told elsewhere: its address at once, and when it was not heard here of late also its ring, and how far it is with a change. When it was told is said by
 * the other coordinator's wall clock, which may be far from ours: once we do not hear the node, it only tells whether this is something else than what we have. */
static void take_told(struct membership *m, struct membership_node *node, const struct member *told, uint64_t read_ms)
{
    int is_fresh_here = node->heard_ms != 0 && read_ms < node->heard_ms + MEMBERS_TTL_MS;
    if (!told->alive || node->left || told->heartbeat_at_ms == node->member.heartbeat_at_ms)
        return;
    if (is_fresh_here && told->heartbeat_at_ms < node->member.heartbeat_at_ms)
        return;
    if (has_moved(&node->member, told))
        m->view++;
    memcpy(node->member.url, told->url, sizeof node->member.url);
    node->member.stores = told->stores;
    if (is_fresh_here)
        return;
    struct member now = *told;
    now.alive = node->member.alive;
    now.state = node->member.state;
    node->member = now;
}

enum err membership_read(struct membership *m, const struct ringdoc *doc, const struct member *nodes, size_t n, uint64_t read_ms)
{
    for (size_t i = 0; i < n; i++) {
        const struct member *told = &nodes[i];
        struct membership_node *node = find(m, told->id);
        if (!url_ok(told->url))
            continue;
        /* Those in the ring are kept also when they are silent: their address may be good again. */
        if (!node && (told->alive || (doc && ringdoc_names(doc, told->id)))) {
            enum err e = add_told(m, doc, told, &node);
            if (e == ERR_FULL && !told->stores)
                continue; /* peers without room must not hide those that store */
            if (e != ERR_OK)
                return e;
        }
        if (!node)
            continue;
        if (told->alive)
            node->elsewhere_ms = read_ms;
        if (node->member.url[0] == '\0')
            take_first(m, doc, node, told);
        take_told(m, node, told, read_ms);
    }
    return ERR_OK;
}

/* Sees to it that everyone in the ring is in the table. What is known of one that never spoke is its name. */
static enum err add_named(struct membership *m, const struct ringdoc *doc, const struct ring *ring)
{
    for (size_t i = 0; ring && i < ring->n_members; i++) {
        const struct ring_member *named = &ring->members[i];
        struct membership_node *node;
        struct member unknown = {.weight = named->weight, .stores = 1};
        if (find(m, named->id))
            continue;
        memcpy(unknown.id, named->id, sizeof unknown.id);
        memcpy(unknown.name, named->name, sizeof unknown.name);
        memcpy(unknown.zone, named->zone, sizeof unknown.zone);
        enum err e = add_told(m, doc, &unknown, &node);
        if (e != ERR_OK)
            return e;
    }
    return ERR_OK;
}

void membership_new_ring(struct membership *m, const struct ringdoc *doc)
{
    m->view++;
    for (size_t i = 0; i < m->n; i++)
        m->nodes[i].member.state = state_of(m, doc, &m->nodes[i]);
    enum err e = add_named(m, doc, doc->ring);
    if (e == ERR_OK)
        e = add_named(m, doc, doc->before);
    m->lacks_named = e != ERR_OK;
}

/* Whether a silent guest is to be forgotten. */
static int is_over(const struct membership_node *node, uint64_t now_ms)
{
    uint64_t last_ms = node->heard_ms > node->elsewhere_ms ? node->heard_ms : node->elsewhere_ms;
    if (node->named_ms > last_ms)
        last_ms = node->named_ms;
    return now_ms - last_ms >= MEMBERSHIP_FORGET_MS;
}

/* Works one node's state out; 0 when it is to be forgotten. dt_ms: how much longer whoever is silent has been it. */
static int tick_node(struct membership *m, struct membership_node *node, const struct effects *fx, const struct ringdoc *doc,
    uint64_t now_ms, uint64_t dt_ms)
{
    int alive = is_alive(node, now_ms), is_named = doc && ringdoc_names(doc, node->member.id);
    if (is_named)
        node->named_ms = now_ms;
    if (!alive && !node->left && membership_is_deaf(m, now_ms))
        return 1;
    if (alive)
        lives_on(node, now_ms);
    else
        falls_silent(node, dt_ms);
    node->member.alive = alive;
    enum member_state before = node->member.state, state = state_of(m, doc, node);
    if (!alive && !is_named && is_over(node, now_ms))
        return 0;
    if (before == MEMBER_UP && state == MEMBER_SUSPECT)
        fx->event(fx->ctx, "suspect", node->member.name);
    if (before == MEMBER_SUSPECT && state == MEMBER_UP)
        fx->event(fx->ctx, "up", node->member.name);
    set_state(m, node, state);
    return 1;
}

void membership_tick(struct membership *m, const struct effects *fx, const struct ringdoc *doc)
{
    uint64_t now_ms = fx->boot_ms(fx->ctx), dt_ms = now_ms - m->tick_ms;
    if (dt_ms > MEMBERSHIP_PAUSE_MS)
        m->deaf_until_ms = now_ms + MEMBERS_TTL_MS;
    if (membership_is_deaf(m, now_ms))
        dt_ms = 0;
    m->tick_ms = now_ms;
    if (m->lacks_named && doc)
        membership_new_ring(m, doc);
    for (size_t i = m->n; i > 0; i--) {
        struct membership_node *node = &m->nodes[i - 1];
        if (tick_node(m, node, fx, doc, now_ms, dt_ms))
            continue;
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
