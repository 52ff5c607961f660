/* Fresh stamps for this api's records and ballots: the hybrid clock, and what happens when owners call it too far ahead (protocol.md, pitfalls 4 and 12). */
#ifndef RB_FCGI_SERVICE_STAMPS_H
#define RB_FCGI_SERVICE_STAMPS_H

#include "lib/base/clock.h"

struct stamps; /* thread-safe */

/* NULL when out of memory. */
struct stamps *stamps_new(void);
void stamps_free(struct stamps *s);

/* A stamp that this process never drew before, larger than all it drew and saw (while the clock is rebased: than all it drew and saw since then). */
struct stamp stamps_next(struct stamps *s);

/* Raises the clock to a stamp that an owner or the index showed. */
void stamps_see(struct stamps *s, struct stamp seen);

/* An owner refused our stamp as too far ahead of its clock: from now on stamps are counted from the largest stamp it showed (at least its own clock then),
 * under a new process id, until the hybrid clock is back near that count. */
void stamps_too_far(struct stamps *s, struct stamp shown);

/* How often stamps_too_far() was called, and whether the clock is rebased now: for the metrics. */
uint64_t stamps_rebases(struct stamps *s, int *now);

#endif
