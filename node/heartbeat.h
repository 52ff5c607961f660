/* The heartbeat: tells every coordinator who and how this node is, every HEARTBEAT_MS; the first word to each is a join. What comes back says whether the
 * ring or an address changed. While no coordinator answers, the node goes on serving and asks less often. */
#ifndef RB_NODE_HEARTBEAT_H
#define RB_NODE_HEARTBEAT_H

#include "node/node.h"

struct heartbeat;

#define HEARTBEAT_MS 500u

/* Starts the thread; n outlives it. ERR_NOMEM. */
enum err heartbeat_start(struct node *n, struct heartbeat **out) MUST_CHECK;
/* Stops it and says goodbye to the coordinators (POST /leave). Takes at most two time-outs of 400 ms. NULL is fine. */
void heartbeat_free(struct heartbeat *h);

#endif
