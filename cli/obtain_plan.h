/* Which block of a file is fetched from which source next. Pure: no I/O and no clock, so that races of sources can be played in a test.
 *
 * A source is given PLAN_IN_FLIGHT blocks at a time, so that its line is never empty between two of them. Blocks go out in the file's order. When all of them are
 * under way, a source with room fetches one a second time that another source would finish later: at most two fetch one block at a time.
 * All times are milliseconds of any clock that does not go backwards. */
#ifndef RB_CLI_OBTAIN_PLAN_H
#define RB_CLI_OBTAIN_PLAN_H

#include "lib/base/err.h"

#include <stddef.h>
#include <stdint.h>

#define PLAN_BLOCKS_MAX 4096 /* blocks of one file */
#define PLAN_SOURCES_MAX 64
#define PLAN_IN_FLIGHT 2   /* blocks under way from one source */
#define PLAN_SLOW_MS 5000  /* a source that finished nothing for so long is slow, ... */
#define PLAN_SLOW_OTHERS 4 /* ... if each of the others finished so many meanwhile, on average */
#define PLAN_TRIES 3       /* failures in a row after which a source counts as away */
#define PLAN_RETRY_MS 250  /* pause after a failure; doubled by the next one */

/* What became of a source. All but PLAN_WORKS are given no block. */
enum plan_fate {
    PLAN_WORKS,
    PLAN_SLOW,    /* comes back when no source works any more */
    PLAN_AWAY,    /* not reached, or broke off, PLAN_TRIES times in a row */
    PLAN_REFUSES, /* has the file no more, or another one by that name */
    PLAN_LIED     /* gave a block with wrong bytes; never asked again */
};

/* A block under way from a source. */
struct plan_job {
    size_t source, block;
};

struct obtain_plan;

/* A plan for blocks 0 to n_blocks - 1, all of them missing, and no source. ERR_INVALID above PLAN_BLOCKS_MAX, ERR_NOMEM. *out is the caller's: obtain_plan_free. */
enum err obtain_plan_new(size_t n_blocks, struct obtain_plan **out) MUST_CHECK;
/* NULL is fine. */
void obtain_plan_free(struct obtain_plan *p);

/* A block that is here already. Only before the first job. */
void obtain_plan_have(struct obtain_plan *p, size_t block);
/* Adds a source; sources are numbered from 0. ERR_FULL above PLAN_SOURCES_MAX. */
enum err obtain_plan_add(struct obtain_plan *p, size_t *source) MUST_CHECK;
/* Somebody vouches for a source anew: one that is away, slow or refused works again. One that lied stays out. */
void obtain_plan_revive(struct obtain_plan *p, size_t source);

/* Somebody found out that a source that works cannot be reached: PLAN_AWAY. */
void obtain_plan_lost(struct obtain_plan *p, size_t source);

/* The next block to ask for: 1 and *job, which is under way from then on; 0: nothing to begin now (look again at obtain_plan_wake_ms, or when a job ended). */
int obtain_plan_next(struct obtain_plan *p, uint64_t now_ms, struct plan_job *job);
/* A job to cut: 1 and *job, which is not under way any more; 0: none. Its source was dropped, or another one had its block first. Finds slow sources, too. It is
 * asked until it says 0 before obtain_plan_next, at least once a second. */
int obtain_plan_cut(struct obtain_plan *p, uint64_t now_ms, struct plan_job *job);
/* When obtain_plan_next may have something that it does not have at now_ms although no job ends; UINT64_MAX: never. */
uint64_t obtain_plan_wake_ms(const struct obtain_plan *p, uint64_t now_ms);

/* How a job that is under way ended. The block is here and its hash is right. */
void obtain_plan_good(struct obtain_plan *p, struct plan_job job, uint64_t now_ms);
/* Its bytes were wrong: PLAN_LIED. */
void obtain_plan_lied(struct obtain_plan *p, struct plan_job job);
/* The source refused in a way that another try does not change: PLAN_REFUSES. */
void obtain_plan_refused(struct obtain_plan *p, struct plan_job job);
/* It was not reached, broke off, or asks to come again: it gets a pause, and after PLAN_TRIES of them in a row it is PLAN_AWAY. */
void obtain_plan_failed(struct obtain_plan *p, struct plan_job job, uint64_t now_ms);
/* The job ended for a reason of ours (a capability that ran out): the block is missing again, and nobody is blamed. */
void obtain_plan_undo(struct obtain_plan *p, struct plan_job job);

/* Blocks that are missing. */
size_t obtain_plan_left(const struct obtain_plan *p);
/* True when blocks are missing and no source works: somebody has to find or revive one. */
int obtain_plan_stuck(const struct obtain_plan *p);
enum plan_fate obtain_plan_fate(const struct obtain_plan *p, size_t source);
/* Blocks that came from a source and were the first of their kind. */
size_t obtain_plan_given(const struct obtain_plan *p, size_t source);
/* Blocks that a source finishes in 1,000 s, measured, with the newest weighing most; 0 while it has finished none. */
uint64_t obtain_plan_speed(const struct obtain_plan *p, size_t source);

#endif
