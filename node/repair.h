/* Repair: one thread that fetches what this node needs (needs.h) from the other owners, and looks at blobs that are here but were not checked as they are. */
#ifndef RB_NODE_REPAIR_H
#define RB_NODE_REPAIR_H

#include "node/node.h"

struct repair;

/* Starts the thread and tells n->verify whom to call for losses. n outlives it. ERR_NOMEM. */
enum err repair_start(struct node *n, struct repair **out) MUST_CHECK;
/* Asks it to stop; then ends it, which may take as long as the transfer under way. NULL is fine. */
void repair_stop(struct repair *r);
void repair_free(struct repair *r);

/* A blob that a record names is missing or bad: writes a need, when a record of a wanted version names it (wanted.h), and wakes the thread. Returns whether one does. */
int repair_lost(struct repair *r, const char *sha256, int bad);
/* Asks for a check of a blob soon; forgotten when REPAIR_CHECKS_MAX wait already (the next reader checks it anyway). */
#define REPAIR_CHECKS_MAX 1024
void repair_check(struct repair *r, const char *sha256);
/* Needs were written by somebody else. */
void repair_wake(struct repair *r);

#endif
