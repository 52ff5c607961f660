/* How a node that hears of a newer ring comes to have it: from the coordinators, or, while none of them answers, from a neighbour that knows it to be committed
 * (protocol.md P4.1). */
#ifndef RB_NODE_RINGS_H
#define RB_NODE_RINGS_H

#include "node/node.h"

/* Somebody names ring `epoch`. Asks when that is newer than ours, or when we have none; says so in the log when nobody could tell. */
void rings_catch_up(struct node *n, uint64_t epoch);
/* Makes sure that the ring in force is known to be committed, or asks. Returns whether it is. */
int rings_are_committed(struct node *n);

#endif
