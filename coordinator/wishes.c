#include "coordinator/wishes.h"
#include "coordinator/plan.h"

#include <stdio.h>
#include <string.h>

static size_t place_of(const struct members_wishes *w, const char *id)
{
    size_t i = 0;
    while (i < w->n && strcmp(w->at[i].id, id) != 0)
        i++;
    return i;
}

static int holds(const struct members_wishes *w, const struct members_wish *wish)
{
    const struct members_wish *found = members_wish_find(w, wish->id);
    return found && found->kind == wish->kind;
}

static enum err put(struct wishes *w, const char *id, enum members_wish_kind kind, int saved)
{
    size_t i = place_of(&w->now, id);
    if (i == MEMBERS_WISHES_MAX)
        return ERR_FULL;
    if (i == w->now.n)
        w->now.n++;
    snprintf(w->now.at[i].id, sizeof w->now.at[i].id, "%s", id);
    w->now.at[i].kind = kind;
    w->saved[i] = saved != 0;
    return ERR_OK;
}

static void drop(struct wishes *w, size_t i)
{
    w->now.n--;
    w->now.at[i] = w->now.at[w->now.n];
    w->saved[i] = w->saved[w->now.n];
}

/* A fulfilled wish that is asked for once more is a new one: it must not be taken out of Redis with the old. */
enum err wishes_set(struct wishes *w, const char *id, enum members_wish_kind kind)
{
    enum err e = put(w, id, kind, 0);
    size_t i = place_of(&w->done, id);
    if (e == ERR_OK && i < w->done.n)
        w->done.at[i] = w->done.at[--w->done.n];
    return e;
}

void wishes_set_k(struct wishes *w, uint32_t k)
{
    w->now.k = k;
    w->k_saved = 0;
    w->done.k = 0;
}

/* What was saved and is not there any more: lost by Redis, or done by another leader. */
static void miss(struct wishes *w, const struct members_wishes *read, int leading)
{
    for (size_t i = w->now.n; i > 0; i--) {
        if (!w->saved[i - 1] || members_wish_find(read, w->now.at[i - 1].id))
            continue;
        if (leading)
            w->saved[i - 1] = 0;
        else
            drop(w, i - 1);
    }
}

void wishes_read(struct wishes *w, const struct members_wishes *read, int leading)
{
    miss(w, read, leading);
    for (size_t i = 0; i < read->n; i++) {
        size_t at = place_of(&w->now, read->at[i].id);
        if (at < w->now.n && !w->saved[at])
            continue;
        enum err e = put(w, read->at[i].id, read->at[i].kind, 1);
        (void)e; /* full: it stays in Redis, and finds its place at a later reading */
    }
    if (!w->k_saved && w->now.k)
        return;
    if (leading && w->now.k && !read->k)
        w->k_saved = 0;
    else {
        w->now.k = read->k;
        w->k_saved = 1;
    }
}

static void note_done(struct wishes *w, const struct members_wish *wish)
{
    size_t i = place_of(&w->done, wish->id);
    if (i == MEMBERS_WISHES_MAX)
        return; /* it is read again, and found done again */
    if (i == w->done.n)
        w->done.n++;
    w->done.at[i] = *wish;
}

void wishes_settle(struct wishes *w, const struct ringdoc *ring)
{
    for (size_t i = w->now.n; i > 0; i--) {
        struct members_wish wish = w->now.at[i - 1];
        if (!plan_wish_is_done(ring, &wish))
            continue;
        note_done(w, &wish);
        drop(w, i - 1);
    }
    if (w->now.k && w->now.k == ring->ring->k) {
        w->done.k = w->now.k;
        w->now.k = 0;
        w->k_saved = 0;
    }
}

void wishes_unsaved(const struct wishes *w, struct members_wishes *out)
{
    *out = (struct members_wishes){.k = w->k_saved ? 0 : w->now.k};
    for (size_t i = 0; i < w->now.n; i++) {
        if (!w->saved[i])
            out->at[out->n++] = w->now.at[i];
    }
}

void wishes_saved(struct wishes *w, const struct members_wishes *these)
{
    for (size_t i = 0; i < w->now.n; i++)
        w->saved[i] |= (unsigned char)holds(these, &w->now.at[i]);
    w->k_saved |= these->k != 0 && these->k == w->now.k;
}

void wishes_forgotten(struct wishes *w, const struct members_wishes *these)
{
    for (size_t i = w->done.n; i > 0; i--) {
        if (holds(these, &w->done.at[i - 1]))
            w->done.at[i - 1] = w->done.at[--w->done.n];
    }
    if (these->k == w->done.k)
        w->done.k = 0;
}
