#include "fcgi/service/read.h"

#include "fcgi/service/chord.h"
#include "fcgi/service/known.h"

#include <string.h>

#define COURSE_BUDGET_MS 1500u

/* Copies what outlives the view. */
static enum err fill_owner(struct arena *arena, const struct owners_one *one, struct course_owner *out)
{
    const struct ring_member *m = one->member;
    out->leaves = !one->now;
    out->node = arena_strdup(arena, m->id);
    out->name = arena_strdup(arena, m->name);
    out->zone = arena_strdup(arena, m->zone);
    return out->node == NULL || out->name == NULL || out->zone == NULL ? ERR_NOMEM : ERR_OK;
}

static enum err fill_owners(const struct quorum *q, const struct known *known, struct course *out)
{
    const struct record *current = history_current(&out->history);
    struct arena *arena = &q->w->arena;
    out->n_owners = q->owners.n;
    for (size_t i = 0; i < q->owners.n; i++) {
        struct course_owner *o = &out->owners[i];
        enum err e = fill_owner(arena, &q->owners.who.at[i], o);
        if (e != ERR_OK)
            return e;
        o->state = current == NULL ? BLOB_UNKNOWN : pull_blob_state(&known->pulled.replies[i], current->id, &o->verified_at_ms);
    }
    out->copies = arena_alloc(arena, out->history.n * sizeof(*out->copies));
    if (out->copies == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < out->history.n; i++)
        for (size_t j = 0; j < q->owners.n; j++)
            out->copies[i].state[j] = pull_blob_state(&known->pulled.replies[j], out->history.entries[i].record.id, NULL);
    return ERR_OK;
}

static enum err fill_course(const struct quorum *q, struct known *known, const char *key, struct course *out)
{
    struct arena *arena = &q->w->arena;
    out->history = known->history; /* taken */
    history_init(&known->history);
    out->key = arena_strdup(arena, key);
    out->name = arena_strdup(arena, out->history.entries[out->history.n - 1].record.course);
    if (out->key == NULL || out->name == NULL)
        return ERR_NOMEM;
    return fill_owners(q, known, out);
}

enum err course_read(struct worker *w, const char *key, struct course *out)
{
    struct quorum q;
    struct known known;
    memset(out, 0, sizeof(*out));
    memset(&known, 0, sizeof(known));
    history_init(&out->history);
    enum err e = quorum_open(w, key, COURSE_BUDGET_MS, &q);
    if (e != ERR_OK)
        return e;
    e = known_read(&q, &known);
    if (e == ERR_OK)
        e = fill_course(&q, &known, key, out);
    if (e != ERR_OK)
        course_release(out);
    known_release(&known);
    quorum_close(&q);
    return e;
}

void course_release(struct course *c)
{
    history_release(&c->history);
}

static void fill_walk(const struct ring *ring, struct placement *out)
{
    size_t room = sizeof(out->steps) / sizeof(out->steps[0]);
    out->n_steps = ring_walk(ring, out->point, out->steps, room);
    if (out->n_steps > room)
        out->n_steps = room;
    for (size_t i = 0; i < out->n_steps; i++)
        out->step_members[i] = ring->members[out->steps[i].member];
}

static enum err fill_hops(struct worker *w, const char *key, const char *from, struct placement *out)
{
    struct chord chord;
    uint32_t hops[FINGERS_HOPS_MAX];
    enum err e = chord_open(w, &chord);
    if (e != ERR_OK)
        return e;
    long member = chord_find(&chord, from);
    if (member >= 0) {
        out->from = chord.ring->members[member];
        out->n_hops = chord_route(&chord, (uint32_t)member, key, hops);
        for (size_t i = 0; i < out->n_hops; i++)
            out->hops[i] = chord.ring->members[hops[i]];
    }
    chord_close(w, &chord);
    return member < 0 ? ERR_NOT_FOUND : ERR_OK;
}

enum err course_placement(struct worker *w, const char *key, const char *from, struct placement *out)
{
    struct quorum q;
    memset(out, 0, sizeof(*out));
    enum err e = quorum_open(w, key, COURSE_BUDGET_MS, &q);
    if (e != ERR_OK)
        return e;
    out->point = ring_key_point(key);
    out->epoch = q.view->ring->epoch;
    out->n_owners = q.owners.n;
    for (size_t i = 0; i < q.owners.n && e == ERR_OK; i++) {
        out->owners[i].state = BLOB_UNKNOWN;
        e = fill_owner(&w->arena, &q.owners.who.at[i], &out->owners[i]);
    }
    fill_walk(q.view->ring, out);
    if (e == ERR_OK && from != NULL)
        e = fill_hops(w, key, from, out);
    quorum_close(&q);
    return e;
}
