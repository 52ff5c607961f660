/* One file fetched from all that have it, until it is here whole. */
#ifndef RB_CLI_OBTAIN_RUN_H
#define RB_CLI_OBTAIN_RUN_H

#include "cli/obtain_offer.h"
#include "cli/obtain_plan.h"

#define OBTAIN_RENEW_MS 40000    /* sources are asked for again so long after the last time: capabilities live for 60 s */
#define OBTAIN_RENEW_MIN_MS 2000 /* and never earlier than so long after it */
#define OBTAIN_STUCK_TRIES 4     /* times that sources are asked for while none works, with 1, 2, 4 s between them */
#define OBTAIN_STALL_MS 10000    /* a holder that gives no byte for so long broke off */
#define OBTAIN_TOLD_MAX 64       /* sources in a report */

#define OBTAIN_FRONT_MS 4000   /* when not a byte came from anybody for so long after the begin, it comes through the front */
#define OBTAIN_FRONT_SOURCES 4 /* holders asked through the front at a time: it has others to serve */

/* What the run needs from outside. All are called in the thread of obtain_run. */
struct obtain_world {
    /* Asks who has it now, with the list of blocks that this holder gives, or NULL: that most give. *out is the run's after ERR_OK. ERR_NOT_FOUND: nobody has it, or
     * that holder does not. */
    enum err (*ask)(void *ctx, const char *blocks_of, struct offer *out) MUST_CHECK;
    /* A sentence for people about something that happened. */
    void (*tell)(void *ctx, const char *text);
    /* How far it is, about ten times a second: bytes that are here, bytes that were here at the beginning. */
    void (*move)(void *ctx, uint64_t done, uint64_t resumed, uint64_t total);
    /* Non-zero: somebody wants it to end. What is here stays for the next time. */
    int (*stopping)(void *ctx);
    const char *front; /* the address of the front with its /api/v1, through which holders can be reached as well; NULL: they cannot */
    const char *front_authorization; /* the value of that header there, or NULL */
    const struct tls *tls;           /* how holders speak; NULL: plain http */
    void *ctx;
};

struct obtain_order {
    const char *sha256;         /* of the whole */
    const char *path;           /* where to */
    uint64_t limit_bytes_per_s; /* 0: none */
};

/* What became of it, for each source that was used or dropped. */
struct obtain_report {
    uint64_t size, resumed; /* bytes; those that were here already */
    uint64_t fetched;       /* bytes that came, also those that were of no use */
    uint64_t ms;            /* how long it took */
    int list_was_wrong; /* all blocks were as listed and the whole was not, or nobody had such blocks: it was fetched by the holders' own lists */
    size_t n_sources;
    struct obtain_told {
        char name[160]; /* of the source */
        int is_ring;
        int by_front; /* it could not be reached directly */
        enum plan_fate fate;
        size_t blocks;
    } sources[OBTAIN_TOLD_MAX];
};

/* Fetches it. ERR_OK: `path` is the file, flushed, with just this hash. ERR_NOT_FOUND: nobody has it. ERR_CORRUPT: whoever has it gave wrong bytes. ERR_UNAVAILABLE: nobody that
 * has it could be reached any more. ERR_TIMEOUT: `stopping` said so. ERR_CONFLICT: another process fetches to the same file. Others: from `ask` or the disk. *report
 * is filled in every case. After an error what came stays beside `path` (cli/obtain_part.h), and the next run goes on from there. */
enum err obtain_run(const struct obtain_order *order, const struct obtain_world *world, struct obtain_report *report) MUST_CHECK;

#endif
