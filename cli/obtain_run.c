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

/* ---- when the list of blocks is a lie */

/* Remembers the offer's list of blocks. ERR_CONFLICT: it was tried already. */
static enum err note_list(struct run *r, const struct offer *o)
{
    uint8_t hash[HASH_SIZE];

    hash_sha256(o->blocks, o->n_blocks * sizeof *o->blocks, hash);
    for (size_t i = 0; i < r->n_lists; i++) {
        if (hash_equal(hash, r->lists[i], HASH_SIZE))
            return ERR_CONFLICT;
    }
    memcpy(r->lists[r->n_lists++], hash, HASH_SIZE);
    return ERR_OK;
}

/* Takes over the list of blocks that this source gives, and what of the part it bears out. ERR_CONFLICT: it gives none, or one that was tried. */
static enum err take_list_of(struct run *r, size_t source)
{
    struct offer offer = {0};
    enum err e = r->world->ask(r->world->ctx, r->sources[source].peer, &offer);

    if (e)
        return r->world->stopping(r->world->ctx) ? ERR_TIMEOUT : ERR_CONFLICT;
    e = offer.size == r->offer.size ? note_list(r, &offer) : ERR_CONFLICT;
    if (!e)
        e = sources_take(r, &offer);
    if (!e) {
        uint8_t(*blocks)[HASH_SIZE] = r->offer.blocks;
        r->offer.blocks = offer.blocks;
        offer.blocks = blocks;
    }
    offer_release(&offer);
    return e ? e : part_recheck(r->part);
}

/* The list of blocks is a lie: somebody gave it, and more of the holders that were asked agreed than not. Each holder's own list is tried, until the whole is right. What is on
 * the disk and fits the next list stays; those that seemed to lie may be the honest ones, so all are asked again. */
static enum err fetch_by_other_lists(struct run *r)
{
    enum err e = ERR_CORRUPT;

    r->list_was_wrong = 1;
    r->world->tell(r->world->ctx, "The list of blocks does not belong to this file: asking its holders for theirs, one by one.");
    for (size_t i = 0; i < r->n_sources && (e == ERR_CORRUPT || e == ERR_UNAVAILABLE); i++) {
        enum err listed = take_list_of(r, i);
        if (listed == ERR_CONFLICT)
            continue;
        if (listed)
            return listed;
        for (size_t j = 0; j < r->n_sources; j++)
            r->sources[j].blocks = 0;
        e = fetch_checked(r);
    }
    return e;
}

static void write_report(const struct run *r, uint64_t begun_ms, struct obtain_report *report)
{
    report->size = r->offer.size;
    report->resumed = r->resumed;
    report->fetched = r->blocks ? blocks_received(r->blocks) : 0;
    report->ms = clock_boot_ms() - begun_ms;
    report->list_was_wrong = r->list_was_wrong;
    for (size_t i = 0; i < r->n_sources && i < OBTAIN_TOLD_MAX; i++) {
        struct obtain_told *t = &report->sources[report->n_sources++];
        snprintf(t->name, sizeof t->name, "%s", r->sources[i].name);
        t->is_ring = r->sources[i].is_ring;
        t->by_front = r->sources[i].by_front;
        t->fate = r->sources[i].fate;
        t->blocks = r->sources[i].blocks;
    }
}

static enum err begin(struct run *r)
{
    enum err e = r->world->ask(r->world->ctx, NULL, &r->offer);

    r->asked_ms = clock_boot_ms();
    if (e)
        return e;
    if (r->offer.n_sources == 0)
        return ERR_NOT_FOUND;
    e = note_list(r, &r->offer);
    if (!e)
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
    snprintf(r->etag, sizeof r->etag, "\"%s\"", order->sha256);
    e = begin(r);
    if (!e)
        e = fetch_checked(r);
    if (e == ERR_CORRUPT)
        e = fetch_by_other_lists(r);
    if (!e)
        e = part_finish(r->part);
    if (!e)
        world->move(world->ctx, r->offer.size, r->resumed, r->offer.size);
    write_report(r, begun_ms, report);
    run_release(r);
    return e;
}
