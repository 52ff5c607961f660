/* What can be said of the cluster as a whole from one picture of it: copies, moves, readiness, what people should know. Worked out once a picture, not once a request. */
#ifndef RB_FCGI_SERVICE_SURVEY_H
#define RB_FCGI_SERVICE_SURVEY_H

#include "fcgi/service/contacts.h"
#include "lib/store/members.h"

#define SURVEY_MOVES_MAX 64 /* pairs told; the largest */
#define SURVEY_WARNINGS_MAX 8
#define SURVEY_SENTENCE_MAX 512

enum survey_index { SURVEY_INDEX_AWAY, SURVEY_INDEX_REBUILDING, SURVEY_INDEX_READY };
/* "away", "rebuilding", "ready". Never NULL. */
const char *survey_index_name(enum survey_index i);

struct survey_move {
    char from[RING_NAME_MAX], to[RING_NAME_MAX]; /* names; from "": a copy more than before */
    uint64_t done, total;
};

struct survey {
    int ready; /* every arc of the ring has a write quorum that is up */

    int counted; /* copies are known: every living node has counted, and every arc has a living owner to count it */
    uint64_t copies_missing, courses_below_k, courses_unreadable;

    uint64_t bytes_to_move;
    struct survey_move moves[SURVEY_MOVES_MAX]; /* those with most to do first */
    size_t n_moves;

    enum survey_index index; /* this and the next two are filled in by who asks Redis */
    int courses_known;
    uint64_t courses;

    int64_t
        heartbeats_ahead_ms; /* how far the coordinators' clock, which dates heartbeats, is ahead of ours; 0 when by less than heartbeats are apart, or not known */
    int64_t skew_ms; /* of this api's clock: how far the nodes' clocks are ahead of it; 0: not known to differ */
    char warnings[SURVEY_WARNINGS_MAX][SURVEY_SENTENCE_MAX];
    size_t n_warnings;
};

/* The part of the ring whose host each member is, by member. Pure. */
void survey_shares(const struct ring *r, double *out);

/* What the clocks are known to differ by. */
struct survey_clocks {
    int64_t (*ahead_ms)(void *ctx, const char *id); /* of a node's clock, ahead of ours */
    void *ctx;
    uint64_t heard_at_ms; /* when the heartbeats were read, by our clock; 0: they are old */
    int rebased;          /* our stamps are counted by the owners' time, because they call ours too far ahead */
};

/* Fills everything but what Redis tells. Pure. */
void survey_make(const struct members *m, const struct survey_clocks *clocks, struct survey *out);

#endif
