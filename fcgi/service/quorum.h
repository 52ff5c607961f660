/* Rounds to the owners of one course: one message to all that are to be asked, and what each of them said. The only place of the service that speaks
 * to nodes about records. */
#ifndef RB_FCGI_SERVICE_QUORUM_H
#define RB_FCGI_SERVICE_QUORUM_H

#include "fcgi/service/tally.h"
#include "fcgi/service/view.h"
#include "lib/base/clock.h"
#include "lib/wire/message.h"

/* One use case's hold on the owners of its course. */
struct quorum {
    struct worker *w;
    const char *key;         /* borrowed */
    const char *path_key;    /* percent-encoded; arena */
    const struct view *view; /* held */
    struct view_owners owners;
    uint64_t deadline_ms;  /* boot time: no round goes on past it */
    uint64_t shown_epoch;  /* of the newest ring that an owner spoke of when it refused ours; 0 = none did */
    struct tally probed;   /* what the last quorum_probe() found */
    uint64_t probed_at_ms; /* boot time; 0 = never */
};

/* Finds the owners; the whole use case may take budget_ms. ERR_UNAVAILABLE: no ring known. */
enum err quorum_open(struct worker *w, const char *key, unsigned budget_ms, struct quorum *q) MUST_CHECK;
void quorum_close(struct quorum *q);
/* A new budget and the newest view: after the body was read, which took as long as the client did. ERR_UNAVAILABLE. */
enum err quorum_restart(struct quorum *q, unsigned budget_ms) MUST_CHECK;
/* After ERR_STALE_RING or ERR_CONFLICT: waits for a newer view and takes its owners. Their places are others now: replies and tallies from before mean nothing any more. */
enum err quorum_renew(struct quorum *q) MUST_CHECK;
/* Milliseconds until the deadline, 0 when it is past. */
unsigned quorum_left_ms(const struct quorum *q);

/* What one owner said. */
struct quorum_reply {
    int asked;
    int done; /* it answered: `answer` says what */
    /* ERR_OK; ERR_UNAVAILABLE: nothing was sent; ERR_TIMEOUT: not known whether it did; else its own word (ERR_FENCED, ERR_STALE_RING, ERR_CLOCK, ERR_CONFLICT, ERR_FULL, ERR_NOT_FOUND …) */
    enum err error;
    struct message_answer answer; /* owned: quorum_replies_release */
};

/* What a round waits for; linger_ms more are then given to the others. */
enum quorum_end {
    QUORUM_ALL,   /* for all that were asked */
    QUORUM_WRITE, /* for the oks of a write quorum, or until so many cannot come any more */
    QUORUM_USABLE /* for the owners that the view calls usable */
};

struct quorum_round {
    /* By owner; NULL: not asked. ring, key and (for PULL) target are filled in on the way. The same pointer may stand at several owners. */
    const struct message_request *requests[OWNERS_MAX];
    const void *bytes; /* sent behind every request */
    size_t bytes_len;
    int gate; /* nothing is sent unless a write quorum can be reached */
    enum quorum_end end;
    unsigned timeout_ms, linger_ms;
};

/* Does the round and tells the view who answered. replies has room for all owners. ERR_NOMEM, ERR_TIMEOUT (the deadline was past, nothing sent). */
enum err quorum_round(struct quorum *q, const struct quorum_round *r, struct quorum_reply *replies) MUST_CHECK;
void quorum_replies_release(struct quorum_reply *replies);

/* Puts the request at the owners to ask: the usable ones when they can be a write quorum, else everybody with an address (a heartbeat may lag). Returns how many. */
size_t quorum_ask(
    const struct quorum *q, const struct message_request *m, int everybody, const struct message_request *requests[OWNERS_MAX]);

/* The owners that the view calls usable. */
struct tally quorum_usable(const struct quorum *q);
/* True when a write quorum can be counted on: of the usable owners, else of those that answer quorum_probe(). To be asked before anything is sent that
 * would have an effect, so that with too few nothing half-done is left anywhere. */
int quorum_is_reachable(struct quorum *q);

/* Asks all owners whether they are there, without any effect; who answered within timeout_ms. The view learns it too. */
struct tally quorum_probe(struct quorum *q, unsigned timeout_ms);

/* After a signed call to an owner: what it says of that node's clock. Capabilities, which it judges by the same clock, are made by other workers too. */
void quorum_learn_clock(struct quorum *q, size_t owner, const struct peer_call *call);

/* The owners whose reply is `error`; how many they are; whether they are a write quorum; whether they leave none. */
struct tally quorum_said(const struct quorum_reply *replies, enum err error);
size_t quorum_count(const struct quorum_reply *replies, enum err error);
int quorum_writes(const struct quorum *q, const struct quorum_reply *replies);
int quorum_bars(const struct quorum *q, const struct quorum_reply *replies, enum err error);

#endif
