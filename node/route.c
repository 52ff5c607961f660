#include "node/route.h"

#include "lib/base/clock.h"
#include "lib/base/num.h"
#include "lib/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_MS 200u
#define TRY_MS_MIN 20u
#define PATH_MAX_BYTES 16384u

enum err route_read(const char *hops, const char *ms, const char *self, struct route *out)
{
    struct route r = {.ms = ROUTE_MS_DEFAULT};
    if (ms && num_parse_u64(ms, ROUTE_MS_MAX, &r.ms) != ERR_OK)
        return ERR_SYNTAX;
    while (hops && *hops != '\0') {
        size_t len = strcspn(hops, ",");
        if (r.n_hops == FINGERS_HOPS_MAX)
            return ERR_CONFLICT;
        if (len >= RING_NAME_MAX)
            return ERR_SYNTAX;
        char *name = r.hops[r.n_hops++];
        memcpy(name, hops, len);
        name[len] = '\0';
        if (!ring_name_ok(name))
            return ERR_SYNTAX;
        if (strcmp(name, self) == 0)
            return ERR_CONFLICT;
        hops += len + (hops[len] == ',' ? 1 : 0);
    }
    *out = r;
    return ERR_OK;
}

/* One question on its way through this node. */
struct search {
    struct node *n;
    const struct ring *ring;
    const char *key;
    const struct route *so_far;
    uint64_t until_ms;
    unsigned char tried[RING_MEMBERS_MAX];
    struct peer *peer;
    struct buf *out;
};

static const struct ring *acting(const struct ringdoc *doc)
{
    return doc->before ? doc->before : doc->ring;
}

enum err route_is_here(struct node *n, const char *key, int *out)
{
    uint32_t owners[RING_K_MAX];
    struct ledger_ring *held = ledger_hold(n->ledger);
    if (!held)
        return ERR_UNAVAILABLE;
    const struct ring *ring = acting(held->doc);
    size_t count = ring_owners(ring, ring_key_point(key), owners);
    *out = 0;
    for (size_t i = 0; i < count; i++)
        *out |= strcmp(ring->members[owners[i]].id, n->self.id) == 0;
    ledger_drop(held);
    return ERR_OK;
}

static int was_passed(const struct search *s, const char *name)
{
    for (size_t i = 0; i < s->so_far->n_hops; i++)
        if (strcmp(s->so_far->hops[i], name) == 0)
            return 1;
    return 0;
}

static enum err write_path(const struct search *s, uint64_t ms, struct buf *path)
{
    enum err e = buf_add_str(path, "/lookup/");
    if (!e)
        e = text_percent_encode(path, s->key, strlen(s->key));
    if (!e)
        e = buf_addf(path, "?route=1&ms=%llu&hops=", (unsigned long long)ms);
    for (size_t i = 0; i < s->so_far->n_hops && !e; i++)
        e = buf_addf(path, "%s,", s->so_far->hops[i]);
    return e ? e : buf_add_str(path, s->n->self.name);
}

/* Asks one member; what it says is only taken when it is an answer. ERR_UNAVAILABLE: it is none. */
static enum err ask(struct search *s, uint32_t member)
{
    char url[MEMBERS_URL_MAX];
    struct buf path;
    const struct ring_member *m = &s->ring->members[member];
    uint64_t now = clock_boot_ms(), left = s->until_ms > now ? s->until_ms - now : 0, ms = left * 3 / 4;
    if (ms < TRY_MS_MIN || was_passed(s, m->name) || cluster_url(s->n->cluster, m->id, url) != ERR_OK)
        return ERR_UNAVAILABLE;
    buf_init(&path, PATH_MAX_BYTES);
    enum err e = write_path(s, ms, &path);
    struct peer_call call = {.base_url = url,
        .method = "GET",
        .path = buf_str(&path),
        .epoch = ledger_epoch(s->n->ledger),
        .to = m->id,
        .answer_max = ROUTE_ANSWER_MAX};
    struct peer_round round = {.timeout_ms = (unsigned)ms, .connect_timeout_ms = CONNECT_MS};
    if (!e)
        e = peer_round(s->peer, &round, &call, 1);
    if (!e && (call.error || call.status != 200))
        e = ERR_UNAVAILABLE;
    if (!e)
        e = buf_add(s->out, call.answer.data, call.answer.len);
    peer_calls_release(&call, 1);
    buf_release(&path);
    return e;
}

/* Each member is asked once; those that the coordinators call dead only when `dead`. */
static enum err ask_once(struct search *s, uint32_t member, int dead)
{
    int lives = cluster_lives(s->n->cluster, s->ring->members[member].id);
    if (s->tried[member] || dead != (lives == 0))
        return ERR_UNAVAILABLE;
    s->tried[member] = 1;
    return ask(s, member);
}

/* The fingers towards one owner, best first. A node that is not in the ring has none: it asks the owner itself. */
static enum err ask_towards(struct search *s, const struct fingers *f, long self, uint32_t owner, int dead)
{
    struct fingers_table table;
    if (self < 0)
        return ask_once(s, owner, dead);
    enum err e = ERR_UNAVAILABLE;
    fingers_table(&f->circle, f->seat_of[self], &table);
    for (unsigned skip = 0; e == ERR_UNAVAILABLE; skip++) {
        const struct fingers_seat *next = fingers_next(&table, f->seat_of[owner], skip);
        if (!next)
            break;
        e = ask_once(s, next->member, dead);
    }
    return e;
}

enum err route_ask_on(struct node *n, const char *key, const struct route *so_far, struct buf *out)
{
    uint32_t owners[RING_K_MAX];
    struct fingers *f = NULL;
    struct ledger_ring *held = ledger_hold(n->ledger);
    struct search *s = calloc(1, sizeof(*s));
    enum err e = !held ? ERR_UNAVAILABLE : !s ? ERR_NOMEM : fingers_new(acting(held->doc), &f);
    if (!e) {
        *s = (struct search){.n = n, .ring = acting(held->doc), .key = key, .so_far = so_far, .out = out};
        s->until_ms = clock_boot_ms() + so_far->ms;
        s->peer = peers_take(n->peers);
        e = s->peer ? ERR_UNAVAILABLE : ERR_NOMEM;
        long self = ring_find(s->ring, n->self.id);
        size_t count = ring_owners(s->ring, ring_key_point(key), owners);
        for (int dead = 0; dead < 2; dead++)
            for (size_t i = 0; i < count && e == ERR_UNAVAILABLE; i++)
                e = ask_towards(s, f, self, owners[i], dead);
        peers_give(n->peers, s->peer);
    }
    fingers_free(f);
    free(s);
    ledger_drop(held);
    return e;
}
