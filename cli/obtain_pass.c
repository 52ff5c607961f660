#include "cli/obtain_inside.h"

#include "lib/base/clock.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 100 /* between two looks at the clock, the person, and sources that stand still */

/* ---- blocks under way */

static struct job *find_job(struct run *r, struct plan_job plan)
{
    for (size_t i = 0; i < BLOCKS_AT_ONCE_MAX; i++) {
        struct job *j = &r->jobs[i];
        if (j->busy && j->plan.source == plan.source && j->plan.block == plan.block)
            return j;
    }
    return NULL;
}

static struct job *free_job(struct run *r)
{
    for (size_t i = 0; i < BLOCKS_AT_ONCE_MAX; i++) {
        if (!r->jobs[i].busy)
            return &r->jobs[i];
    }
    return NULL;
}

static void end_job(struct job *j)
{
    free(j->url);
    free(j->capability);
    j->url = j->capability = NULL;
    j->busy = 0;
}

static void cut_job(struct run *r, struct plan_job plan)
{
    struct job *j = find_job(r, plan);

    assert(j);
    blocks_stop(r->blocks, &j->fetch);
    end_job(j);
}

/* Where this job goes, and what opens it there. */
static enum err address_job(const struct run *r, const struct seen_source *s, struct job *j)
{
    const char *opens = s->by_front ? r->world->front_authorization : s->capability;
    struct buf url;
    enum err e;

    buf_init(&url, BLOCKS_URL_MAX);
    e = s->by_front ? buf_addf(&url, "%s%s", r->world->front, s->front_path) : buf_add_str(&url, s->url);
    j->url = e ? NULL : buf_take(&url);
    buf_release(&url);
    j->capability = opens ? strdup(opens) : NULL;
    return j->url && (j->capability || !opens) ? ERR_OK : ERR_NOMEM;
}

static enum err begin_job(struct run *r, struct plan_job plan)
{
    struct job *j = free_job(r);
    enum err e;
    void *to;

    assert(j); /* PLAN_SOURCES_MAX * PLAN_IN_FLIGHT of them are enough */
    to = j->fetch.to ? j->fetch.to : malloc((size_t)r->offer.block_bytes);
    j->plan = plan;
    j->busy = 1;
    e = address_job(r, &r->sources[plan.source], j);
    j->fetch = (struct block_fetch){.url = j->url,
        .to_member = !r->sources[plan.source].by_front,
        .tls = r->world->tls,
        .authorization = j->capability,
        .etag = r->etag,
        .file_size = r->offer.size,
        .offset = plan.block * r->offer.block_bytes,
        .len = offer_block_len(&r->offer, plan.block),
        .to = to,
        .ctx = j};
    return to && !e ? blocks_start(r->blocks, &j->fetch) : ERR_NOMEM;
}

/* ---- how they end */

static int is_right(const struct run *r, const struct job *j)
{
    uint8_t hash[HASH_SIZE];

    hash_sha256(j->fetch.to, j->fetch.len, hash);
    return hash_equal(hash, r->offer.blocks[j->plan.block], HASH_SIZE);
}

static enum err take_block(struct run *r, const struct job *j, uint64_t now_ms)
{
    enum err e = ERR_OK;

    if (!is_right(r, j)) {
        obtain_plan_lied(r->plan, j->plan);
        return ERR_OK;
    }
    if (!part_has(r->part, j->plan.block)) {
        e = part_put(r->part, j->plan.block, j->fetch.to);
        r->sources[j->plan.source].blocks++;
    }
    obtain_plan_good(r->plan, j->plan, now_ms);
    return e;
}

/* Tells the plan; an error is one of ours, that ends the pass. */
static enum err finish_job(struct run *r, struct job *j, uint64_t now_ms)
{
    enum err e = ERR_OK;

    switch (j->fetch.error) {
    case ERR_OK: e = take_block(r, j, now_ms); break;
    case ERR_AUTH:
        /* The first time it ran out, and new ones are asked for; a holder that refuses a fresh one is as good as away. */
        if (now_ms - r->asked_ms >= OBTAIN_RENEW_MIN_MS)
            obtain_plan_undo(r->plan, j->plan);
        else
            obtain_plan_failed(r->plan, j->plan, now_ms);
        r->ask_soon = 1;
        break;
    case ERR_NOT_FOUND:
    case ERR_DENIED:
    case ERR_CONFLICT:
    case ERR_INVALID: obtain_plan_refused(r->plan, j->plan); break;
    default: obtain_plan_failed(r->plan, j->plan, now_ms); break;
    }
    end_job(j);
    return e;
}

/* ---- the pass */

static void show(struct run *r, uint64_t now_ms)
{
    uint64_t done = part_bytes(r->part);

    if (now_ms - r->moved_ms < LOOK_MS)
        return;
    r->moved_ms = now_ms;
    for (size_t i = 0; i < BLOCKS_AT_ONCE_MAX; i++) {
        if (r->jobs[i].busy)
            done += r->jobs[i].fetch.got;
    }
    /* A block that two fetch, and one that was wrong, are counted too much for a moment. */
    done = done < r->offer.size ? done : r->offer.size;
    r->shown = done > r->shown ? done : r->shown;
    r->world->move(r->world->ctx, r->shown, r->resumed, r->offer.size);
}

static enum err begin_jobs(struct run *r, uint64_t now_ms)
{
    struct plan_job plan;

    while (obtain_plan_cut(r->plan, now_ms, &plan))
        cut_job(r, plan);
    while (obtain_plan_next(r->plan, now_ms, &plan)) {
        enum err e = begin_job(r, plan);
        struct job *j = find_job(r, plan);
        if (!e)
            continue;
        end_job(j);
        if (e != ERR_INVALID)
            return e;
        obtain_plan_refused(r->plan, plan);
        while (obtain_plan_cut(r->plan, now_ms, &plan))
            cut_job(r, plan);
    }
    return ERR_OK;
}

static unsigned wait_ms(const struct run *r, uint64_t now_ms)
{
    uint64_t wake_ms = obtain_plan_wake_ms(r->plan, now_ms);

    return wake_ms > now_ms && wake_ms - now_ms < LOOK_MS ? (unsigned)(wake_ms - now_ms) : LOOK_MS;
}

/* Ended blocks are taken one at a time; before the next, whoever fetches the same block is cut, so nothing is written twice. */
static enum err turn(struct run *r)
{
    uint64_t now_ms = clock_boot_ms();
    struct block_fetch *ended;
    enum err e;

    if (r->world->stopping(r->world->ctx))
        return ERR_TIMEOUT;
    sources_renew(r, now_ms);
    now_ms = clock_boot_ms();
    sources_give_up_direct(r, now_ms);
    e = begin_jobs(r, now_ms);
    sources_tell(r);
    if (e)
        return e;
    if (obtain_plan_stuck(r->plan))
        return ERR_UNAVAILABLE;
    ended = blocks_wait(r->blocks, wait_ms(r, now_ms));
    now_ms = clock_boot_ms();
    show(r, now_ms);
    return ended ? finish_job(r, ended->ctx, now_ms) : ERR_OK;
}

/* Is the list of blocks itself in doubt? It is when it fits nobody: when all that could be asked seem to lie, or some do and not one block was right. Asking for more
 * holders would only name them all. */
static int list_is_doubtful(const struct run *r)
{
    size_t lied = 0;

    for (size_t i = 0; i < r->n_sources; i++)
        lied += obtain_plan_fate(r->plan, i) == PLAN_LIED;
    return lied > 0 && (lied == r->n_sources || part_bytes(r->part) == 0);
}

static enum err make_plan(struct run *r)
{
    enum err e = obtain_plan_new(r->offer.n_blocks, &r->plan);

    for (size_t i = 0; !e && i < r->n_sources; i++) {
        size_t number;
        e = obtain_plan_add(r->plan, &number);
        r->sources[i].told = 0;
    }
    for (size_t i = 0; !e && i < r->offer.n_blocks; i++) {
        if (part_has(r->part, i))
            obtain_plan_have(r->plan, i);
    }
    r->begun_ms = clock_boot_ms();
    r->begun_received = blocks_received(r->blocks);
    r->given_up = 0;
    return e;
}

static void end_pass(struct run *r)
{
    for (size_t i = 0; i < BLOCKS_AT_ONCE_MAX; i++) {
        struct job *j = &r->jobs[i];
        if (!j->busy)
            continue;
        blocks_stop(r->blocks, &j->fetch);
        end_job(j);
    }
    obtain_plan_free(r->plan);
    r->plan = NULL;
}

enum err pass_run(struct run *r)
{
    enum err e = make_plan(r);

    while (!e && obtain_plan_left(r->plan) > 0) {
        e = turn(r);
        if (e != ERR_UNAVAILABLE || !obtain_plan_stuck(r->plan))
            continue;
        if (sources_go_by_front(r))
            e = ERR_OK;
        else
            e = list_is_doubtful(r) ? ERR_CORRUPT : sources_wait(r);
    }
    if (r->plan)
        sources_tell(r);
    end_pass(r);
    return e;
}
