/* What this api knows of nodes from its own dealings with them, sooner than any heartbeat tells: who fell silent, who was slow, whose clock differs. A hint for
 * whom to ask first; nothing is decided by it. */
#ifndef RB_FCGI_SERVICE_CONTACTS_H
#define RB_FCGI_SERVICE_CONTACTS_H

#include "lib/base/err.h"

#include <stddef.h>
#include <stdint.h>

#define CONTACTS_MAX 256 /* nodes; who was not dealt with for the longest time gives way */
#define CONTACTS_SUSPECT_MS 1000u
#define CONTACTS_SLOW_MS 5000u

struct contacts; /* thread-safe */

/* NULL when out of memory. */
struct contacts *contacts_new(void);
void contacts_free(struct contacts *c);

/* A node answered / did not: then it is passed by for CONTACTS_SUSPECT_MS, until its heartbeat is missed. */
void contacts_report(struct contacts *c, const char *id, int answered);
/* It was the slower of two that were asked the same: others are preferred for CONTACTS_SLOW_MS. */
void contacts_was_slow(struct contacts *c, const char *id);
/* By how much its clock is ahead of ours, as it said itself when it refused a signature for its time; 0: it took one that was signed by our time. */
void contacts_clock(struct contacts *c, const char *id, int64_t ahead_ms);

struct contact {
    int suspect, slow;
    uint64_t silent_ms; /* since its last answer; UINT64_MAX: never heard, or forgotten */
    int clock_known;    /* it was asked something signed */
    int64_t ahead_ms;
};
/* Of a node nothing is known of: neither suspect nor slow. */
struct contact contacts_get(struct contacts *c, const char *id);

/* Notes that a reader was sent to another owner than the first, because that one was slower; how often that was so far. */
void contacts_hedged(struct contacts *c);
uint64_t contacts_hedges(struct contacts *c);

#endif
