/* Which owners of a course said the same thing, and what that is worth, under one ring and under two (protocol.md P2 to P4). Pure. */
#ifndef RB_FCGI_SERVICE_TALLY_H
#define RB_FCGI_SERVICE_TALLY_H

#include "lib/wire/owners.h"

/* A set of owners, by their place in struct owners. */
struct tally {
    unsigned char has[OWNERS_MAX];
};

size_t tally_count(const struct tally *t);
/* A write quorum: W of the owners now and, in a joint ring, W of those before. */
int tally_writes(const struct owners *o, const struct tally *t);
/* Without these no write quorum is left. */
int tally_bars(const struct owners *o, const struct tally *t);
/* W of those whose quorum had to take whatever was acknowledged: the owners before in a joint ring, because a course need not be settled yet; else the owners now.
 * What they hold is not lost by the change: settling takes it over (P4.3). */
int tally_holds(const struct owners *o, const struct tally *t);
/* What no owner of `answered` showed cannot have been acknowledged. */
int tally_proves_absence(const struct owners *o, const struct tally *answered);

/* What to tell people: under the ring that lacks more of its write quorum (the one before when both lack as much), how many of how many owners are set, and how many are needed. */
struct tally_words {
    unsigned can, of, needed;
};
struct tally_words tally_words(const struct owners *o, const struct tally *t);

#endif
