/* Settling: while a joint ring is in force and the leader ordered it, this node moves the courses that fall to it from the owners before to the owners now (protocol.md
 * P4.3). One thread follows the order; a few more carry its batches out while a round lasts. What is settled is written down, so that a restart goes on. */
#ifndef RB_NODE_SETTLE_H
#define RB_NODE_SETTLE_H

#include "node/node.h"

struct settle;

#define SETTLE_BODY_MAX MESSAGE_BODY_MAX

/* Starts the thread; n outlives it. ERR_NOMEM. */
enum err settle_start(struct node *n, struct settle **out) MUST_CHECK;
/* An order or a ring came. NULL is fine. */
void settle_wake(struct settle *s);
/* Asks the threads to stop; then ends them, which may take as long as the calls under way. NULL is fine. */
void settle_stop(struct settle *s);
void settle_free(struct settle *s);

/* How far it is, for heartbeats; all zeroes before the first order. */
void settle_progress(struct settle *s, struct member_move *out);

#endif
