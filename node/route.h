/* Peer-to-peer lookup: a course's owner is found by going from node to node along the fingers of the Chord view (lib/ring/fingers.h), as Stoica et al. (2001), §4, do it;
 * with nothing but the ring and the addresses that each node keeps on its disk, so also when no coordinator and no Redis is there.
 *
 * GET /lookup/{key}?route=1&hops=NAME,NAME…&ms=N: an owner answers itself; another node forwards to its best finger, to the next best when that one does not answer, and
 * once all towards the first owner failed, towards the next owner. `hops` are the nodes the question has passed, `ms` how long its sender waits: each hop keeps a
 * quarter of that for another try. The ring is the acting one (catalog.h): its owners have what was acknowledged. */
#ifndef RB_NODE_ROUTE_H
#define RB_NODE_ROUTE_H

#include "lib/ring/fingers.h"
#include "node/node.h"

#define ROUTE_MS_DEFAULT 8000u
#define ROUTE_MS_MAX 30000u
#define ROUTE_ANSWER_MAX MESSAGE_BODY_MAX

struct route {
    char hops[FINGERS_HOPS_MAX][RING_NAME_MAX]; /* passed so far, the first asked first */
    size_t n_hops;
    uint64_t ms; /* left */
};

/* Reads the two parameters; NULL stands for a question that begins here. ERR_SYNTAX: no names, or no number. ERR_CONFLICT: `self` was passed before, or there are more hops than
 * any lookup takes. *out is whole on ERR_OK. Pure. */
enum err route_read(const char *hops, const char *ms, const char *self, struct route *out) MUST_CHECK;
/* Whether this node owns the course. ERR_UNAVAILABLE: no ring yet. */
enum err route_is_here(struct node *n, const char *key, int *out) MUST_CHECK;
/* Asks on; *out gets the owner's JSON. ERR_UNAVAILABLE: nobody who could be asked knew the way in time. ERR_NOMEM. */
enum err route_ask_on(struct node *n, const char *key, const struct route *so_far, struct buf *out) MUST_CHECK;

#endif
