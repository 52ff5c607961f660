#include "cli/obtain_inside.h"

#include "lib/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STUCK_PAUSE_MS 1000 /* before the second time that sources are asked for; doubled each time */
#define LOOK_MS 100         /* between two looks whether to stop, while waiting */

static struct seen_source *find_source(struct run *r, const struct offer_source *s)
{
    for (size_t i = 0; i < r->n_sources; i++) {
        struct seen_source *known = &r->sources[i];
        if (known->is_ring == s->is_ring && strcmp(known->peer, s->peer) == 0)
            return known;
    }
    return NULL;
}

static enum err replace(char **text, const char *with)
{
    char *copy = strdup(with);

    if (!copy)
        return ERR_NOMEM;
    free(*text);
    *text = copy;
    return ERR_OK;
}

static enum err fill(struct seen_source *to, const struct offer_source *from)
{
    enum err e = replace(&to->peer, from->peer);

    if (!e)
        e = replace(&to->name, from->name);
    if (!e)
        e = replace(&to->url, from->url);
    if (!e)
        e = replace(&to->capability, from->capability);
    if (!e)
        e = replace(&to->front_path, from->front_path);
    to->is_ring = from->is_ring;
    return e;
}

/* Whoever is named again can be asked again; that says nothing about its speed. */
static void bring_in(struct run *r, size_t i)
{
    enum plan_fate fate = obtain_plan_fate(r->plan, i);

    if (fate != PLAN_AWAY && fate != PLAN_REFUSES)
        return;
    obtain_plan_revive(r->plan, i);
    r->sources[i].told = 0;
}

enum err sources_take(struct run *r, const struct offer *offer)
{
    for (size_t i = 0; i < offer->n_sources; i++) {
        struct seen_source *s = find_source(r, &offer->sources[i]);
        size_t number;
        enum err e = ERR_OK;
        if (!s && r->n_sources == PLAN_SOURCES_MAX)
            continue;
        if (!s) {
            s = &r->sources[r->n_sources++];
            e = r->plan ? obtain_plan_add(r->plan, &number) : ERR_OK;
        }
        if (!e)
            e = fill(s, &offer->sources[i]);
        if (e)
            return e;
        if (r->plan)
            bring_in(r, (size_t)(s - r->sources));
    }
    return ERR_OK;
}

void sources_release(struct run *r)
{
    for (size_t i = 0; i < r->n_sources; i++) {
        free(r->sources[i].peer);
        free(r->sources[i].name);
        free(r->sources[i].url);
        free(r->sources[i].capability);
        free(r->sources[i].front_path);
    }
    r->n_sources = 0;
}

static enum err ask_again(struct run *r)
{
    struct offer offer = {0};
    enum err e = r->world->ask(r->world->ctx, NULL, &offer);

    r->asked_ms = clock_boot_ms();
    r->ask_soon = 0;
    if (e)
        return e;
    e = offer.size == r->offer.size ? sources_take(r, &offer) : ERR_CONFLICT;
    offer_release(&offer);
    return e;
}

void sources_renew(struct run *r, uint64_t now_ms)
{
    uint64_t age_ms = now_ms - r->asked_ms;

    if (age_ms < OBTAIN_RENEW_MIN_MS || (age_ms < OBTAIN_RENEW_MS && !r->ask_soon))
        return;
    if (ask_again(r))
        r->world->tell(r->world->ctx, "Who has it cannot be asked for now; going on with those that are known.");
}

static int pause_for(const struct run *r, uint64_t ms)
{
    uint64_t end_ms = clock_boot_ms() + ms;

    while (clock_boot_ms() < end_ms) {
        if (r->world->stopping(r->world->ctx))
            return 0;
        clock_sleep_ms(LOOK_MS);
    }
    return 1;
}

enum err sources_wait(struct run *r)
{
    if (part_bytes(r->part) > r->stuck_bytes)
        r->stuck = 0;
    r->stuck_bytes = part_bytes(r->part);
    for (; r->stuck < OBTAIN_STUCK_TRIES; r->stuck++) {
        enum err e;
        if (r->stuck > 0 && !pause_for(r, (uint64_t)STUCK_PAUSE_MS << (r->stuck - 1)))
            return ERR_TIMEOUT;
        e = ask_again(r);
        if (e && r->world->stopping(r->world->ctx))
            return ERR_TIMEOUT;
        if (!e && !obtain_plan_stuck(r->plan)) {
            r->stuck++;
            return ERR_OK;
        }
    }
    return ERR_UNAVAILABLE;
}

/* ---- through the front */

void sources_give_up_direct(struct run *r, uint64_t now_ms)
{
    if (!r->world->front || r->given_up || now_ms - r->begun_ms < OBTAIN_FRONT_MS || blocks_received(r->blocks) > r->begun_received)
        return;
    r->given_up = 1;
    for (size_t i = 0; i < r->n_sources; i++) {
        if (!r->sources[i].by_front)
            obtain_plan_lost(r->plan, i);
    }
}

/* The front itself chooses among the ring's copies, so that they are one source there. */
static int can_go_by_front(const struct run *r, size_t i)
{
    enum plan_fate fate = obtain_plan_fate(r->plan, i);

    if (r->sources[i].by_front || (fate != PLAN_AWAY && fate != PLAN_REFUSES))
        return 0;
    for (size_t j = 0; r->sources[i].is_ring && j < r->n_sources; j++) {
        if (r->sources[j].is_ring && r->sources[j].by_front)
            return 0;
    }
    return 1;
}

int sources_go_by_front(struct run *r)
{
    size_t gone = 0;

    for (size_t i = 0; r->world->front && i < r->n_sources && gone < OBTAIN_FRONT_SOURCES; i++) {
        if (!can_go_by_front(r, i))
            continue;
        r->sources[i].by_front = 1;
        r->sources[i].told = 0;
        obtain_plan_revive(r->plan, i);
        gone++;
    }
    if (gone > 0 && !r->front_told) {
        char text[512];
        snprintf(text, sizeof text, "Nobody who has it can be reached directly: it comes through %s.", r->world->front);
        r->world->tell(r->world->ctx, text);
        r->front_told = 1;
    }
    return gone > 0;
}

/* ---- what people are told */

static const char *why(enum plan_fate fate)
{
    switch (fate) {
    case PLAN_WORKS: break;
    case PLAN_SLOW: return "is much slower than the others and is left out";
    case PLAN_AWAY: return "cannot be reached any more";
    case PLAN_REFUSES: return "does not have this file any more";
    case PLAN_LIED: return "gave wrong bytes and is not asked again";
    }
    return "works";
}

void sources_tell(struct run *r)
{
    for (size_t i = 0; i < r->n_sources; i++) {
        struct seen_source *s = &r->sources[i];
        char text[512];
        s->fate = obtain_plan_fate(r->plan, i);
        if (s->told || s->fate == PLAN_WORKS)
            continue;
        s->told = 1;
        snprintf(text, sizeof text, "%s%s %s.", s->name, s->by_front ? ", through the front," : "", why(s->fate));
        r->world->tell(r->world->ctx, text);
    }
}
