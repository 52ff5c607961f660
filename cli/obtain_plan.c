#include "cli/obtain_plan.h"

#include <assert.h>
#include <stdlib.h>

#define DONE UINT8_MAX      /* in place of a block's fetchers */
#define FETCHERS_MAX 2      /* of one block */
#define SCALE 16            /* of the mean interval: it is kept in 1/16 ms */
#define NEWEST_WEIGHS 4     /* 1/4: how much the newest interval counts in the mean */
#define UNKNOWN_END_MS 1000 /* a job of a source without a measure is waited for so long before another one helps */
#define LOOK_AGAIN_MS 100   /* in the endgame, where time alone can make a second fetch worth it */

enum slot_state {
    SLOT_FREE,
    SLOT_RUNS,
    SLOT_CUT /* not wanted any more; its block does not count it; obtain_plan_cut has yet to say so */
};

struct slot {
    enum slot_state state;
    size_t block;
    uint64_t started_ms;
};

struct source {
    enum plan_fate fate;
    struct slot slots[PLAN_IN_FLIGHT];
    size_t given;
    unsigned failures;      /* in a row */
    uint64_t retry_ms;      /* given nothing before */
    uint64_t mark_ms;       /* when it last finished a block, or began to have one */
    size_t mark_total;      /* blocks that all had finished then */
    uint64_t mean_interval; /* between two blocks it finished, in 1/SCALE ms; 0: not measured */
};

struct obtain_plan {
    size_t n_blocks, left, first; /* no block below `first` waits for a fetcher */
    size_t total;                 /* blocks that sources finished */
    int begun;
    size_t n_sources;
    struct source sources[PLAN_SOURCES_MAX];
    uint8_t fetchers[]; /* of each block, or DONE */
};

enum err obtain_plan_new(size_t n_blocks, struct obtain_plan **out)
{
    struct obtain_plan *p;

    if (n_blocks > PLAN_BLOCKS_MAX)
        return ERR_INVALID;
    p = calloc(1, sizeof *p + n_blocks);
    if (!p)
        return ERR_NOMEM;
    p->n_blocks = p->left = n_blocks;
    *out = p;
    return ERR_OK;
}

void obtain_plan_free(struct obtain_plan *p)
{
    free(p);
}

void obtain_plan_have(struct obtain_plan *p, size_t block)
{
    assert(!p->begun && block < p->n_blocks);
    if (p->fetchers[block] == DONE)
        return;
    p->fetchers[block] = DONE;
    p->left--;
}

enum err obtain_plan_add(struct obtain_plan *p, size_t *source)
{
    if (p->n_sources == PLAN_SOURCES_MAX)
        return ERR_FULL;
    *source = p->n_sources++;
    return ERR_OK;
}

void obtain_plan_revive(struct obtain_plan *p, size_t source)
{
    struct source *s = &p->sources[source];

    assert(source < p->n_sources);
    if (s->fate == PLAN_LIED || s->fate == PLAN_WORKS)
        return;
    s->fate = PLAN_WORKS;
    s->failures = 0;
    s->retry_ms = 0;
}

static size_t count_slots(const struct source *s, enum slot_state state)
{
    size_t n = 0;

    for (size_t i = 0; i < PLAN_IN_FLIGHT; i++)
        n += s->slots[i].state == state;
    return n;
}

static size_t count_fate(const struct obtain_plan *p, enum plan_fate fate)
{
    size_t n = 0;

    for (size_t i = 0; i < p->n_sources; i++)
        n += p->sources[i].fate == fate;
    return n;
}

/* The block has one fetcher less; it waits again when that was the only one. */
static void let_go(struct obtain_plan *p, size_t block)
{
    if (p->fetchers[block] == DONE)
        return;
    assert(p->fetchers[block] > 0);
    p->fetchers[block]--;
    if (p->fetchers[block] == 0 && block < p->first)
        p->first = block;
}

static void cut_slot(struct obtain_plan *p, struct slot *slot)
{
    slot->state = SLOT_CUT;
    let_go(p, slot->block);
}

static void drop(struct obtain_plan *p, struct source *s, enum plan_fate fate)
{
    if (s->fate == PLAN_LIED)
        return;
    s->fate = fate;
    for (size_t i = 0; i < PLAN_IN_FLIGHT; i++) {
        if (s->slots[i].state == SLOT_RUNS)
            cut_slot(p, &s->slots[i]);
    }
}

void obtain_plan_lost(struct obtain_plan *p, size_t source)
{
    assert(source < p->n_sources);
    if (p->sources[source].fate == PLAN_WORKS)
        drop(p, &p->sources[source], PLAN_AWAY);
}

/* ---- what to begin */

/* A source that failed last time is tried with one block before it is trusted with more. */
static int has_room(const struct source *s, uint64_t now_ms)
{
    size_t busy = PLAN_IN_FLIGHT - count_slots(s, SLOT_FREE);

    return s->fate == PLAN_WORKS && now_ms >= s->retry_ms && busy < (s->failures > 0 ? 1 : PLAN_IN_FLIGHT);
}

/* Fewer blocks under way first, so that a file of few blocks is spread over all; then the faster one. */
static int goes_before(const struct source *a, const struct source *b)
{
    size_t busy_a = count_slots(a, SLOT_RUNS), busy_b = count_slots(b, SLOT_RUNS);

    if (busy_a != busy_b)
        return busy_a < busy_b;
    return a->mean_interval > 0 && (b->mean_interval == 0 || a->mean_interval < b->mean_interval);
}

static struct source *choose_source(struct obtain_plan *p, uint64_t now_ms)
{
    struct source *best = NULL;

    for (size_t i = 0; i < p->n_sources; i++) {
        struct source *s = &p->sources[i];
        if (has_room(s, now_ms) && (!best || goes_before(s, best)))
            best = s;
    }
    return best;
}

static int find_waiting(struct obtain_plan *p, size_t *block)
{
    while (p->first < p->n_blocks && p->fetchers[p->first] > 0)
        p->first++;
    *block = p->first;
    return p->first < p->n_blocks;
}

static void begin(struct obtain_plan *p, struct source *s, size_t block, uint64_t now_ms, struct plan_job *job)
{
    struct slot *slot = s->slots;

    if (count_slots(s, SLOT_RUNS) == 0) {
        s->mark_ms = now_ms;
        s->mark_total = p->total;
    }
    while (slot->state != SLOT_FREE)
        slot++;
    *slot = (struct slot){SLOT_RUNS, block, now_ms};
    p->fetchers[block]++;
    p->begun = 1;
    *job = (struct plan_job){(size_t)(s - p->sources), block};
}

/* When a job under way will end: its source ends its jobs in the order of their begin, at its pace. One that is late is thought to take as long again as it is late.
 * Nothing is known of one without a measure, so nobody helps with it (0) before it had its time. */
static uint64_t end_of(const struct source *s, const struct slot *slot, uint64_t now_ms)
{
    uint64_t before = 1, end_ms;

    if (s->mean_interval == 0 && now_ms - slot->started_ms < UNKNOWN_END_MS)
        return 0;
    for (size_t i = 0; i < PLAN_IN_FLIGHT; i++)
        before += s->slots[i].state == SLOT_RUNS && s->slots[i].started_ms < slot->started_ms;
    if (s->mean_interval > 0)
        end_ms = s->mark_ms + s->mean_interval * before / SCALE;
    else
        end_ms = slot->started_ms + UNKNOWN_END_MS;
    return end_ms > now_ms ? end_ms : now_ms + (now_ms - end_ms);
}

/* When a source would end a job that it begins now. Without a measure nothing is promised, and it helps only where somebody is late. */
static uint64_t end_if_begun(const struct source *s, uint64_t now_ms)
{
    if (s->mean_interval == 0)
        return now_ms + UNKNOWN_END_MS;
    return now_ms + s->mean_interval * (count_slots(s, SLOT_RUNS) + 1) / SCALE;
}

/* The block under way elsewhere that will be here last, when a source with room would have it earlier. */
static int find_late(const struct obtain_plan *p, const struct source *helper, uint64_t now_ms, size_t *block)
{
    uint64_t latest_ms = end_if_begun(helper, now_ms);
    int found = 0;

    for (size_t i = 0; i < p->n_sources; i++) {
        const struct source *s = &p->sources[i];
        if (s == helper)
            continue;
        for (size_t j = 0; j < PLAN_IN_FLIGHT; j++) {
            const struct slot *slot = &s->slots[j];
            if (slot->state != SLOT_RUNS || p->fetchers[slot->block] >= FETCHERS_MAX || end_of(s, slot, now_ms) <= latest_ms)
                continue;
            latest_ms = end_of(s, slot, now_ms);
            *block = slot->block;
            found = 1;
        }
    }
    return found;
}

static int help(struct obtain_plan *p, uint64_t now_ms, struct plan_job *job)
{
    for (size_t i = 0; i < p->n_sources; i++) {
        struct source *s = &p->sources[i];
        size_t block;
        if (!has_room(s, now_ms) || !find_late(p, s, now_ms, &block))
            continue;
        begin(p, s, block, now_ms, job);
        return 1;
    }
    return 0;
}

/* Slow is better than nobody. */
static void call_back_slow(struct obtain_plan *p)
{
    if (count_fate(p, PLAN_WORKS) > 0)
        return;
    for (size_t i = 0; i < p->n_sources; i++) {
        if (p->sources[i].fate == PLAN_SLOW && count_slots(&p->sources[i], SLOT_CUT) == 0)
            obtain_plan_revive(p, i);
    }
}

int obtain_plan_next(struct obtain_plan *p, uint64_t now_ms, struct plan_job *job)
{
    struct source *s;
    size_t block;

    if (p->left == 0)
        return 0;
    call_back_slow(p);
    if (!find_waiting(p, &block))
        return help(p, now_ms, job);
    s = choose_source(p, now_ms);
    if (!s)
        return 0;
    begin(p, s, block, now_ms, job);
    return 1;
}

uint64_t obtain_plan_wake_ms(const struct obtain_plan *p, uint64_t now_ms)
{
    uint64_t wake_ms = UINT64_MAX;

    if (p->left == 0)
        return wake_ms;
    for (size_t i = 0; i < p->n_sources; i++) {
        const struct source *s = &p->sources[i];
        uint64_t at_ms = has_room(s, now_ms) ? now_ms + LOOK_AGAIN_MS : s->retry_ms;
        if (s->fate == PLAN_WORKS && at_ms > now_ms && at_ms < wake_ms)
            wake_ms = at_ms;
    }
    return wake_ms;
}

/* ---- what to cut */

static int is_slow(const struct obtain_plan *p, const struct source *s, uint64_t now_ms)
{
    size_t others = count_fate(p, PLAN_WORKS) - 1;

    if (count_slots(s, SLOT_RUNS) == 0 || now_ms - s->mark_ms < PLAN_SLOW_MS)
        return 0;
    return others > 0 && p->total - s->mark_total >= PLAN_SLOW_OTHERS * others;
}

int obtain_plan_cut(struct obtain_plan *p, uint64_t now_ms, struct plan_job *job)
{
    for (size_t i = 0; i < p->n_sources; i++) {
        struct source *s = &p->sources[i];
        if (s->fate == PLAN_WORKS && is_slow(p, s, now_ms))
            drop(p, s, PLAN_SLOW);
        for (size_t j = 0; j < PLAN_IN_FLIGHT; j++) {
            if (s->slots[j].state != SLOT_CUT)
                continue;
            s->slots[j].state = SLOT_FREE;
            *job = (struct plan_job){i, s->slots[j].block};
            return 1;
        }
    }
    return 0;
}

/* ---- how jobs end */

/* Its slot: the job is under way, or about to be cut. */
static struct slot *find_slot(struct obtain_plan *p, struct plan_job job)
{
    struct slot *slots, *found = NULL;

    assert(job.source < p->n_sources);
    slots = p->sources[job.source].slots;
    for (size_t i = 0; i < PLAN_IN_FLIGHT; i++) {
        if (slots[i].state != SLOT_FREE && slots[i].block == job.block)
            found = &slots[i];
    }
    assert(found);
    return found;
}

static void end_slot(struct obtain_plan *p, struct slot *slot)
{
    if (slot->state == SLOT_RUNS)
        let_go(p, slot->block);
    slot->state = SLOT_FREE;
}

static void measure(struct source *s, uint64_t now_ms)
{
    uint64_t interval = (now_ms - s->mark_ms) * SCALE;

    if (s->mean_interval == 0)
        s->mean_interval = interval;
    else
        s->mean_interval = (s->mean_interval * (NEWEST_WEIGHS - 1) + interval) / NEWEST_WEIGHS;
    if (s->mean_interval == 0)
        s->mean_interval = 1;
}

/* Whoever else fetches a block that is here need not go on. */
static void cut_fetchers(struct obtain_plan *p, size_t block)
{
    for (size_t i = 0; i < p->n_sources; i++) {
        for (size_t j = 0; j < PLAN_IN_FLIGHT; j++) {
            struct slot *slot = &p->sources[i].slots[j];
            if (slot->state == SLOT_RUNS && slot->block == block)
                cut_slot(p, slot);
        }
    }
}

void obtain_plan_good(struct obtain_plan *p, struct plan_job job, uint64_t now_ms)
{
    struct source *s = &p->sources[job.source];
    struct slot *slot = find_slot(p, job);

    measure(s, now_ms);
    s->failures = 0;
    s->mark_ms = now_ms;
    end_slot(p, slot);
    if (p->fetchers[job.block] != DONE) {
        p->fetchers[job.block] = DONE;
        p->left--;
        p->total++;
        s->given++;
        cut_fetchers(p, job.block);
    }
    s->mark_total = p->total;
}

void obtain_plan_lied(struct obtain_plan *p, struct plan_job job)
{
    end_slot(p, find_slot(p, job));
    drop(p, &p->sources[job.source], PLAN_LIED);
}

void obtain_plan_refused(struct obtain_plan *p, struct plan_job job)
{
    end_slot(p, find_slot(p, job));
    drop(p, &p->sources[job.source], PLAN_REFUSES);
}

void obtain_plan_failed(struct obtain_plan *p, struct plan_job job, uint64_t now_ms)
{
    struct source *s = &p->sources[job.source];

    end_slot(p, find_slot(p, job));
    if (s->fate != PLAN_WORKS)
        return;
    /* Blocks that were under way together broke off together: that is one failure. */
    if (now_ms >= s->retry_ms) {
        s->retry_ms = now_ms + ((uint64_t)PLAN_RETRY_MS << s->failures);
        s->failures++;
    }
    if (s->failures >= PLAN_TRIES)
        drop(p, s, PLAN_AWAY);
}

void obtain_plan_undo(struct obtain_plan *p, struct plan_job job)
{
    end_slot(p, find_slot(p, job));
}

/* ---- questions */

size_t obtain_plan_left(const struct obtain_plan *p)
{
    return p->left;
}

int obtain_plan_stuck(const struct obtain_plan *p)
{
    return p->left > 0 && count_fate(p, PLAN_WORKS) + count_fate(p, PLAN_SLOW) == 0;
}

enum plan_fate obtain_plan_fate(const struct obtain_plan *p, size_t source)
{
    assert(source < p->n_sources);
    return p->sources[source].fate;
}

size_t obtain_plan_given(const struct obtain_plan *p, size_t source)
{
    assert(source < p->n_sources);
    return p->sources[source].given;
}

uint64_t obtain_plan_speed(const struct obtain_plan *p, size_t source)
{
    assert(source < p->n_sources);
    return p->sources[source].mean_interval ? 1000000u * SCALE / p->sources[source].mean_interval : 0;
}
