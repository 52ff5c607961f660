/* What the files of one download share: the sources of a run, the blocks under way, and one pass over the missing blocks. Private to obtain_run.c, obtain_pass.c
 * and obtain_sources.c. */
#ifndef RB_CLI_OBTAIN_INSIDE_H
#define RB_CLI_OBTAIN_INSIDE_H

#include "cli/obtain_part.h"
#include "cli/obtain_run.h"
#include "lib/peer/blocks.h"

/* A source over the whole run: an offer's sources come and go, the numbers of a plan stay. */
struct seen_source {
    char *peer, *name, *url, *capability, *front_path; /* as in struct offer_source */
    int is_ring;
    int by_front; /* asked through the front, never directly again */
    int told;     /* that it was dropped */
    size_t blocks;
    enum plan_fate fate;
};

/* A block under way. The holder's address is copied: sources may be renewed meanwhile. */
struct job {
    struct block_fetch fetch; /* fetch.to is this job's, OFFER block_bytes */
    struct plan_job plan;
    char *url, *capability;
    int busy;
};

struct run {
    const struct obtain_order *order;
    const struct obtain_world *world;
    struct offer offer; /* the first one: its list of blocks stays, until it turns out to be a lie */
    struct part *part;
    struct blocks *blocks;
    struct obtain_plan *plan; /* of the pass; source i is sources[i] */
    struct seen_source sources[PLAN_SOURCES_MAX];
    size_t n_sources;
    uint8_t lists[PLAN_SOURCES_MAX + 1]
                 [HASH_SIZE]; /* hashes of the lists of blocks that were believed so far, the present one is the last */
    size_t n_lists;
    int list_was_wrong;
    uint64_t begun_ms, begun_received; /* when the pass began, and what had come by then */
    int given_up;                      /* the pass found that nobody can be reached directly */
    int front_told;                    /* people know that it comes through the front */
    struct job jobs[BLOCKS_AT_ONCE_MAX];
    uint64_t asked_ms; /* when sources were asked for */
    unsigned stuck;    /* times that nobody worked since the last block came */
    uint64_t stuck_bytes;
    int ask_soon; /* a capability was refused */
    uint64_t resumed, shown, moved_ms;
    char etag[HASH_HEX_SIZE + 2];
};

/* obtain_sources.c. Takes over what an offer says of sources: those that are known get their new address and capability and work again, others are added. ERR_NOMEM. */
enum err sources_take(struct run *r, const struct offer *offer) MUST_CHECK;
/* Asks for sources again when it is time. Failing to is no error while the old ones work. */
void sources_renew(struct run *r, uint64_t now_ms);
/* Nobody works: asks again, with pauses. ERR_OK: somebody may; ERR_UNAVAILABLE: not even after OBTAIN_STUCK_TRIES without a block between them; ERR_TIMEOUT (stopping). */
enum err sources_wait(struct run *r) MUST_CHECK;
/* Tells who was dropped, each once. */
void sources_tell(struct run *r);
/* Not a byte came from anybody for OBTAIN_FRONT_MS: whoever is asked directly counts as away. Does nothing without a front. */
void sources_give_up_direct(struct run *r, uint64_t now_ms);
/* Nobody works: asks up to OBTAIN_FRONT_SOURCES of those that could not be reached, or were somebody else, through the front. False: there is none. */
int sources_go_by_front(struct run *r);
void sources_release(struct run *r);

/* obtain_pass.c. Fetches what is missing from the pass's sources. ERR_OK: all blocks are there. ERR_CORRUPT: all sources gave wrong bytes. ERR_UNAVAILABLE, ERR_TIMEOUT, or
 * of the disk. Nothing is under way afterwards. */
enum err pass_run(struct run *r) MUST_CHECK;

#endif
