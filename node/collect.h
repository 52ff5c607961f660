/* Collection of blobs that nobody wants (guarantees.md G10): those that no record and no slot names, once they are RB_NODE_COLLECT_S old, and those of versions that were
 * deleted more than RB_PURGE_AFTER_H ago; their records stay (wanted.h).
 *
 * Half a minute after a new stable ring, and after a start, one round takes what nobody wants from before that moment at any age: what courses that moved away left. In a joint
 * ring nothing is removed: blobs come before their records then.
 *
 * No race with an upload that found such a blob here and is about to name it: it holds the blob from before its look (pins.h), and what is held stays. */
#ifndef RB_NODE_COLLECT_H
#define RB_NODE_COLLECT_H

#include "node/node.h"

struct collect;

struct collect_counts {
    uint64_t files, bytes; /* removed since the start */
};

/* Starts the thread; n outlives it. age_s 0: nothing is ever removed. ERR_NOMEM. */
enum err collect_start(struct node *n, uint64_t age_s, struct collect **out) MUST_CHECK;
/* Asks it to stop; then ends it. NULL is fine. */
void collect_stop(struct collect *c);
void collect_free(struct collect *c);
void collect_look(struct collect *c, struct collect_counts *out);

#endif
