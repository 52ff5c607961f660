/* Which owner a reader is sent to first. */
#ifndef RB_FCGI_SERVICE_SOURCES_H
#define RB_FCGI_SERVICE_SOURCES_H

#include "fcgi/service/quorum.h"

#define SOURCES_LATE_MS 800u  /* a heartbeat that is so much older than the newest of any node */
#define SOURCES_FRESH_MS 250u /* an owner that we heard of within this is not asked whether it is there */

/* What is known of one owner as a source of a blob. */
struct source {
    size_t owner;       /* its place among the owners */
    int has, lacks;     /* it said so */
    int usable;         /* as the view has it */
    int waits;          /* an owner only since the ring change under way: its copy may still be on its way */
    int leaves;         /* an owner only until that change is done */
    int slow;           /* lately, or its heartbeat is late */
    int away;           /* not in the reader's zone */
    uint64_t load;      /* requests it was serving at its last heartbeat */
    uint64_t silent_ms; /* since we heard of it */
};

/* Puts them in the order to try: who has the bytes, who is usable, who is not, who lacks them; among equals whoever need not wait for its copy, is not slow, is near, has
 * markedly less to do, comes first on the ring. Within the first `places` there is an owner that stays, if any is among them all. Pure. */
void sources_sort(struct source *s, size_t n, size_t places);

/* True when it is worth asking the first two whether they are there before a reader is sent to either. Pure. */
int sources_are_doubtful(const struct source *s, size_t n);

/* The sources of a blob among the owners, in their order. Returns how many. states[i]: by owner; NULL: nobody was asked. */
size_t sources_find(const struct quorum *q, const enum blob_state states[OWNERS_MAX], struct source out[OWNERS_MAX]);

/* Asks the first two for HEAD of the blob at once and puts the faster first; both go behind the others when neither answers in time, which is short. */
void sources_race(struct quorum *q, const char *sha256, struct source *s, size_t n);

#endif
