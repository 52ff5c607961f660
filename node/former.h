/* The former owner: what this node does with courses that a committed stable ring gave to others (protocol.md P4.5). It keeps them, answering nobody about them, until the
 * owners now hold all their records and every blob that is to be kept, verified: all of them that answer, and at least W. Then records and row go in one transaction, and
 * the blobs that nothing else names. Owners that do not get there by themselves are told to take the blobs from here. */
#ifndef RB_NODE_FORMER_H
#define RB_NODE_FORMER_H

#include "node/node.h"

struct former;

/* Starts the thread; n outlives it. ERR_NOMEM. */
enum err former_start(struct node *n, struct former **out) MUST_CHECK;
/* Asks it to stop; then ends it, which may take as long as the calls under way. NULL is fine. */
void former_stop(struct former *f);
void former_free(struct former *f);

#endif
