/* Hints: rows (target, course) for owners that missed something, kept on disk by an owner that has it (this node), and the threads that see to them.
 *
 * A target that is reachable is told to pull (POST /records/{key}/fetch); the row goes when it says that all is there. A target that does not answer is left
 * alone for a while, at most PAUSE_MAX. Each row has a random number that changes with every HINT, so that a row is never removed for a pull that
 * began before the last HINT came. */
#ifndef RB_NODE_HINTS_H
#define RB_NODE_HINTS_H

#include "node/node.h"

struct hints;

#define HINTS_THREADS 4

/* Writes a row, durably. */
enum err hints_write(struct db *db, const char *target, const char *key) MUST_CHECK;
/* How many rows there are. */
enum err hints_count(struct db *db, uint64_t *out) MUST_CHECK;

/* Starts the threads; n outlives them. ERR_NOMEM. */
enum err hints_start(struct node *n, struct hints **out) MUST_CHECK;
/* A row was written. */
void hints_wake(struct hints *h);
/* Asks the threads to stop; then ends them, which may take as long as the calls under way. NULL is fine. */
void hints_stop(struct hints *h);
void hints_free(struct hints *h);

#endif
