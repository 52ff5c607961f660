/* What the mover's files share; for node/settle*.c only. */
#ifndef RB_NODE_SETTLE_INSIDE_H
#define RB_NODE_SETTLE_INSIDE_H

#include "lib/base/clock.h"
#include "lib/name/name.h"
#include "lib/wire/owners.h"
#include "node/bell.h"
#include "node/ledger.h"
#include "node/orders.h"
#include "node/settle.h"
#include "node/settle_serve.h"

#define SETTLE_WORKERS 2
#define SETTLE_BATCH 32                 /* courses that are settled together */
#define SETTLE_BATCH_RECORDS 1000       /* their records, about 1 MiB of messages; a course alone may have more */
#define SETTLE_BATCH_BYTES (16u << 20)  /* their blobs; a course alone may have more */
#define SETTLE_NODES_MAX PEER_CALLS_MAX /* that one batch concerns */

/* The stamps of a mover's ballots. */
struct settle_ballots {
    pthread_mutex_t lock;
    uint64_t process, last;
    int64_t skew_ms; /* what owners' clocks are ahead of ours, when one refused us for being ahead of it: negative */
};

struct settle {
    struct node *node;
    struct bell bell; /* its lock guards progress */
    struct member_move progress;
    struct settle_ballots ballots;
    int has_thread;
    pthread_t thread;
};

/* A course that is to be settled. */
struct settle_blob {
    char sha256[HASH_HEX_SIZE];
    uint64_t size;
};
struct settle_course {
    char *key;
    uint64_t records;
    struct settle_blob *blobs;
    size_t n_blobs;
};
void settle_course_release(struct settle_course *c);

/* One round: everything that falls to this node under one order, from the lists of the owners before. */
struct settle_round {
    struct settle *s;
    struct node *node;
    struct ledger_ring *ring; /* joint and committed; held */
    struct order order;
    unsigned tries; /* rounds before this one under the same order */
    struct settle_lists *lists;
    atomic_int error;            /* of this node's own disk or memory: the round ends */
    pthread_mutex_t lock;        /* guards all below */
    size_t failed;               /* courses that were not settled this time */
    char (*silent)[RING_ID_MAX]; /* nodes that did not answer in time: not asked again in this round */
    size_t n_silent;
};
/* Whether the round is still about the ring and the order in force. */
int settle_round_goes_on(struct settle_round *r);
int settle_is_silent(struct settle_round *r, const char *id);
void settle_note_silent(struct settle_round *r, const char *id);
/* Whether to ask a node at all: the movers of the order live; of others we know what the coordinators say. */
int settle_may_live(struct settle_round *r, const char *id);

/* ---- settle_lists.c: the lists of the owners before, merged by key */
struct settle_lists;
enum err settle_lists_new(struct settle_round *r, struct settle_lists **out) MUST_CHECK;
void settle_lists_free(struct settle_lists *l);
/* The next courses of the round, at most max, within the limits of a batch; *n is 0 at the end. Each is to be released. Thread-safe. */
enum err settle_lists_next(struct settle_lists *l, struct peer *peer, struct settle_course *out, size_t max, size_t *n) MUST_CHECK;
/* After the end: whether W of the owners before gave their whole list, for every moving arc that falls to this node. */
int settle_lists_cover(struct settle_lists *l);

/* ---- settle_call.c: one message to several nodes at once */
struct settle_call {
    char id[RING_ID_MAX];
    struct json *body;   /* without "ring" and "doc", which are added; owned */
    struct json *answer; /* owned; NULL: none came, see error */
    enum err error;      /* ERR_STALE_RING, ERR_UNAVAILABLE, ERR_TIMEOUT, … */
};
/* Sends each call's body to its node (this node answers itself directly) as POST /settle/{verb}. Never fails as a whole: each call tells its own end. */
enum settle_verb { SETTLE_LIST, SETTLE_BLOBS, SETTLE_PREPARE, SETTLE_ACCEPT, SETTLE_HOLDS };
void settle_ask(struct node *n, const struct ledger_ring *ring, struct peer *peer, enum settle_verb verb, struct settle_call *calls,
    size_t n_calls, unsigned timeout_ms);
void settle_calls_release(struct settle_call *calls, size_t n);

/* ---- settle_batch.c: blobs, prepare, accept */
/* Settles courses; counts what it could not in the round. Errors are this node's own. */
enum err settle_batch(struct settle_round *r, struct peer *peer, struct settle_course *courses, size_t n) MUST_CHECK;

/* ---- settle_rows.c: what is settled, written down */
/* Sets done[i] for the courses that were settled under this epoch. */
enum err settle_rows_find(struct db *db, uint64_t epoch, const struct settle_course *courses, size_t n, unsigned char *done) MUST_CHECK;
/* Writes courses down as settled; and forgets those of other epochs. */
enum err settle_rows_add(
    struct db *db, uint64_t epoch, const struct settle_course *courses, const unsigned char *done, size_t n) MUST_CHECK;
enum err settle_rows_forget(struct db *db, uint64_t epoch) MUST_CHECK;

/* ---- settle_count.c: progress */
/* Counts what a round has to do, and what of it is done. */
enum err settle_count_begin(struct settle_round *r, struct peer *peer) MUST_CHECK;
void settle_count_done(struct settle_round *r, const struct settle_course *c);

#endif
