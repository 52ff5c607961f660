/* Scrub: one thread of low priority that reads and hashes every blob here once in RB_NODE_SCRUB_S, so that damage that nobody reads is found while other copies are
 * good; and that looks, at the start of a round and every hour, whether each wanted blob (wanted.h) is here at all. What is bad goes to quarantine, what is bad or missing
 * becomes a need, and repair fetches it.
 *
 * Blobs are read in the order of their names. Hashes are spread evenly, so a blob's place in the round is its first digits, whatever there is: it is due when that part of the
 * period has passed since the round began. That paces by bytes too, and needs no count that a restart could lose: the round's start and the last name read are on disk. */
#ifndef RB_NODE_SCRUB_H
#define RB_NODE_SCRUB_H

#include "node/node.h"

struct scrub;

struct scrub_state {
    uint64_t began_ms, ended_ms; /* unix ms: of the round under way or the last one, and when the last one ended; 0 = never */
    uint64_t read, bad;          /* blobs of the round under way, or of the last one */
    uint64_t missing;            /* wanted blobs that were not here at the last look */
    int running, fast;
};

/* Starts the thread; n outlives it. period_s 0: only when it is ordered. ERR_NOMEM, ERR_IO, ERR_CORRUPT. */
enum err scrub_start(struct node *n, uint64_t period_s, struct scrub **out) MUST_CHECK;
/* Asks it to stop; then ends it, which may take as long as one blob's reading. NULL is fine. */
void scrub_stop(struct scrub *s);
void scrub_free(struct scrub *s);

/* Begins a new round at full speed, from the first blob; what was under way is given up. The round has began_ms >= the time of the call. */
void scrub_now(struct scrub *s);
void scrub_look(struct scrub *s, struct scrub_state *out);

#endif
