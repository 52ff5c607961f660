#include "cli/obtain_run.h"

#include "cli/obtain_inside.h"
#include "lib/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All sources at once, each block checked; then the whole. */
static enum err fetch_checked(struct run *r)
{
    enum err e = pass_run(r);

    return e ? e : part_check(r->part);
}

/* The list of blocks is a lie: somebody gave it, and more of the holders that were asked agreed than not. Each holder by itself is asked for the whole, which
 * SHA-256 judges. Those that seemed to lie may be the honest ones. */
static enum err fetch_from_one(struct run *r)
{
    enum err e = ERR_CORRUPT;

    r->unchecked = 1;
    for (size_t i = 0; i < r->n_sources; i++) {
        r->sources[i].fate = PLAN_WORKS;
        r->sources[i].blocks = 0;
    }
    r->world->tell(r->world->ctx, "The list of blocks does not belong to this file: asking its holders one by one.");
    for (size_t i = 0; i < r->n_sources && e != ERR_OK; i++) {
        char text[512];
        r->only = i;
        r->shown = 0;
        e = part_restart(r->part);
        if (!e)
            e = pass_run(r);
        if (e == ERR_UNAVAILABLE)
            continue;
        if (!e)
            e = part_check(r->part);
        r->sources[i].fate = e == ERR_CORRUPT ? PLAN_LIED : PLAN_WORKS;
        if (e && e != ERR_CORRUPT)
            return e;
        if (!e)
            break;
        snprintf(text, sizeof text, "%s gave wrong bytes.", r->sources[i].name);
        r->world->tell(r->world->ctx, text);
    }
    return e;
}

static void write_report(const struct run *r, uint64_t begun_ms, struct obtain_report *report)
{
    report->size = r->offer.size;
    report->resumed = r->resumed;
    report->fetched = r->blocks ? blocks_received(r->blocks) : 0;
    report->ms = clock_boot_ms() - begun_ms;
    report->list_was_wrong = r->unchecked;
    for (size_t i = 0; i < r->n_sources && i < OBTAIN_TOLD_MAX; i++) {
        struct obtain_told *t = &report->sources[report->n_sources++];
        snprintf(t->name, sizeof t->name, "%s", r->sources[i].name);
        t->is_ring = r->sources[i].is_ring;
        t->fate = r->sources[i].fate;
        t->blocks = r->sources[i].blocks;
    }
}

static enum err begin(struct run *r)
{
    enum err e = r->world->ask(r->world->ctx, &r->offer);

    r->asked_ms = clock_boot_ms();
    if (e)
        return e;
    if (r->offer.n_sources == 0)
        return ERR_NOT_FOUND;
    e = sources_take(r, &r->offer);
    if (!e)
        e = part_open(r->order->path, r->order->sha256, &r->offer, &r->part);
    if (!e)
        e = blocks_new(OBTAIN_STALL_MS, &r->blocks);
    if (e)
        return e;
    blocks_limit(r->blocks, r->order->limit_bytes_per_s);
    r->resumed = r->shown = part_bytes(r->part);
    return ERR_OK;
}

static void run_release(struct run *r)
{
    blocks_free(r->blocks);
    part_free(r->part);
    for (size_t i = 0; i < BLOCKS_AT_ONCE_MAX; i++)
        free(r->jobs[i].fetch.to);
    sources_release(r);
    offer_release(&r->offer);
    free(r);
}

enum err obtain_run(const struct obtain_order *order, const struct obtain_world *world, struct obtain_report *report)
{
    struct run *r = calloc(1, sizeof *r);
    uint64_t begun_ms = clock_boot_ms();
    enum err e;

    *report = (struct obtain_report){0};
    if (!r)
        return ERR_NOMEM;
    r->order = order;
    r->world = world;
    r->only = SIZE_MAX;
    snprintf(r->etag, sizeof r->etag, "\"%s\"", order->sha256);
    e = begin(r);
    if (!e)
        e = fetch_checked(r);
    if (e == ERR_CORRUPT)
        e = fetch_from_one(r);
    if (!e)
        e = part_finish(r->part);
    if (!e)
        world->move(world->ctx, r->offer.size, r->resumed, r->offer.size);
    write_report(r, begun_ms, report);
    run_release(r);
    return e;
}
