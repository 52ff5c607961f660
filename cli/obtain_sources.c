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
    to->is_ring = from->is_ring;
    return e;
}

/* Whoever is named again can be asked again; that says nothing about its speed. In a pass over one source the others stay out of its plan. */
static void bring_in(struct run *r, size_t i)
{
    enum plan_fate fate = obtain_plan_fate(r->plan, i);

    if ((r->only != SIZE_MAX && r->only != i) || (fate != PLAN_AWAY && fate != PLAN_REFUSES))
        return;
    obtain_plan_revive(r->plan, i);
    r->sources[i].told = 0;
}

static enum err add_to_plan(struct run *r)
{
    size_t number;
    enum err e = obtain_plan_add(r->plan, &number);

    if (!e && r->only != SIZE_MAX)
        obtain_plan_leave_out(r->plan, number);
    return e;
}

enum err sources_take(struct run *r, const struct offer *offer)
{
    for (size_t i = 0; i < offer->n_sources; i++) {
        struct seen_source *s = find_source(r, &offer->sources[i]);
        enum err e = ERR_OK;
        if (!s && r->n_sources == PLAN_SOURCES_MAX)
            continue;
        if (!s) {
            s = &r->sources[r->n_sources++];
            e = r->plan ? add_to_plan(r) : ERR_OK;
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
    }
    r->n_sources = 0;
}

static enum err ask_again(struct run *r)
{
    struct offer offer = {0};
    enum err e = r->world->ask(r->world->ctx, &offer);

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
        if (r->only != SIZE_MAX && r->only != i)
            continue;
        s->fate = obtain_plan_fate(r->plan, i);
        if (s->told || s->fate == PLAN_WORKS)
            continue;
        s->told = 1;
        snprintf(text, sizeof text, "%s %s.", s->name, why(s->fate));
        r->world->tell(r->world->ctx, text);
    }
}
