/* What a change of the ring would cost, and what it would put at risk: reckoned course by course before anybody says yes to it. Pure.
 *
 * A course is at risk when a node is to go that owns it, and no other living owner has all its bytes. */
#ifndef RB_COORDINATOR_SURVEY_H
#define RB_COORDINATOR_SURVEY_H

#include "lib/wire/owners.h"

#define SURVEY_NAMES_MAX 1000u /* courses at risk that are named; more are only counted */

struct survey {
    const struct ringdoc *sketch; /* borrowed: a joint document of the ring as it is and as it would be */
    const char *going;            /* borrowed: the node that is to go, or NULL */
    uint64_t courses, copies, bytes;
    uint64_t *to; /* copies that each member of the ring to be would get; owned, as many as it has members */
    char **at_risk;
    size_t n_at_risk; /* at most SURVEY_NAMES_MAX, owned */
    uint64_t at_risk_count;
};

/* What one owner tells of a course. */
struct survey_holding {
    const char *id; /* of the owner */
    int complete;   /* it has all its bytes, verified */
    uint64_t bytes; /* of its live versions */
};

/* ERR_NOMEM. */
enum err survey_init(struct survey *s, const struct ringdoc *sketch, const char *going) MUST_CHECK;
void survey_release(struct survey *s);

/* One course, once: its key, its name for people, and what those owners who live told of it. ERR_NOMEM. */
enum err survey_course(struct survey *s, const char *key, const char *name, const struct survey_holding *held, size_t n) MUST_CHECK;

/* Whether an arc of the node that is to go has no other owner among those who told (has), so that what is kept there may be kept there alone and nobody could
 * say so. Never when it tells itself. */
int survey_is_blind(const struct survey *s, int (*has)(void *ctx, const char *id), void *ctx);

/* How long it takes when each receiver takes so many bytes a second, in seconds, rounded up. */
uint64_t survey_seconds(const struct survey *s, uint64_t bytes_per_s);

#endif
