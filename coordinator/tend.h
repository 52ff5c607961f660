/* The thread that tends the index while we lead: rebuilds it when it was not built for this Redis process, sweeps it now and then, and lets deleted files go.
 *
 * tend.c     when to do what; who lives and where
 * scan       pure: what all nodes hold, merged course by course
 * rebuild.c  the scan's pages from the nodes, and its courses into the index (protocol.md P5)
 * purge.c    deleted files that nobody needs to remember any more (protocol.md P6) */
#ifndef RB_COORDINATOR_TEND_H
#define RB_COORDINATOR_TEND_H

#include "coordinator/coordinator.h"
#include "lib/peer/peer.h"
#include "lib/store/mark.h"

#define TEND_PURGE_PENDING_MAX 1024u

/* A delete record that all owners hold, and that not all of them have dropped yet. */
struct tend_drop {
    char *key;
    struct stamp tombstone;
    struct stamp floor; /* nothing up to it is taken of the course again: the largest stamp that any owner promised there */
    uint64_t epoch;     /* of the ring whose owners were asked */
};

struct tend {
    struct coordinator *c;
    struct store *store;
    struct peer *peer;
    uint64_t term;                              /* of the lease under which we work */
    struct ballot ballot;                       /* of that term */
    struct mark_hold hold;                      /* what this term's last rebuild or sweep began with; "" = none yet */
    int rebuilding;                             /* the index was cleared under the hold and is not whole yet */
    int away;                                   /* Redis did not answer since the last sweep */
    int swept;                                  /* a rebuild or sweep was through since this term's epoch began */
    uint64_t sweep_at_ms, purge_at_ms, said_ms; /* boot time */
    struct tend_drop drops[TEND_PURGE_PENDING_MAX];
    size_t n_drops;
};

/* The nodes that a document names, live, and have an address. */
struct tend_nodes {
    struct ringdoc *doc;      /* owned: the ring as we know it */
    char (*ids)[RING_ID_MAX]; /* owned, like urls; n of them */
    char (*urls)[MEMBERS_URL_MAX];
    size_t n;
};
/* ERR_NOMEM. *out: tend_nodes_release. */
enum err tend_nodes_read(const struct tend *t, struct tend_nodes *out) MUST_CHECK;
void tend_nodes_release(struct tend_nodes *n);
/* The place of a node among them, or -1. */
long tend_nodes_find(const struct tend_nodes *n, const char *id);

/* Whether we still lead under this term's ballot, and are not to stop. To be asked before every step that has an effect. */
int tend_may(const struct tend *t);
/* True at most once in 10 s: for log lines about something that lasts. */
int tend_may_say(struct tend *t);

/* rebuild.c. Rebuilds the index: begins it unless this term's rebuild was begun already, scans, adds, and marks it when enough nodes told everything.
 * ERR_UNAVAILABLE: too few did, to be tried again; ERR_STALE_INDEX: Redis was wiped or is another process, or somebody else has begun; ERR_FENCED: we lead no
 * more; errors of conn.h; ERR_NOMEM. */
enum err rebuild_run(struct tend *t) MUST_CHECK;
/* The same scan into an index that is believed: only adds. Errors as above; ERR_UNAVAILABLE: what was found is added all the same. */
enum err rebuild_sweep(struct tend *t) MUST_CHECK;

/* purge.c. One round: drops that did not reach everybody once more, then deleted files that are old enough. Wants a hold of this term. Errors as above. */
enum err purge_round(struct tend *t) MUST_CHECK;

/* Thread body; arg is the coordinator. Ends soon after stopping was set and changed was signalled. */
void *tend_run(void *arg);

#endif
