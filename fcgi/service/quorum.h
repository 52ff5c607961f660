/* Rounds to the owners of one course: one message to all that are to be asked, and what each of them said. The only place of the service that speaks
 * to nodes about records. */
#ifndef RB_FCGI_SERVICE_QUORUM_H
#define RB_FCGI_SERVICE_QUORUM_H

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
    size_t probed;         /* what the last quorum_probe() found */
    uint64_t probed_at_ms; /* boot time; 0 = never */
};

/* Finds the owners; the whole use case may take budget_ms. ERR_UNAVAILABLE: no ring known. */
enum err quorum_open(struct worker *w, const char *key, unsigned budget_ms, struct quorum *q) MUST_CHECK;
void quorum_close(struct quorum *q);
/* A new budget and the newest view: after the body was read, which took as long as the client did. ERR_UNAVAILABLE. */
enum err quorum_restart(struct quorum *q, unsigned budget_ms) MUST_CHECK;
/* After ERR_STALE_RING: waits for a newer view and takes its owners. */
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

struct quorum_round {
    /* By owner; NULL: not asked. ring, key and (for PULL) target are filled in on the way. The same pointer may stand at several owners. */
    const struct message_request *requests[RING_K_MAX];
    const void *bytes; /* sent behind every request */
    size_t bytes_len;
    size_t gate;   /* nothing is sent unless so many can be reached; 0 = no gate */
    size_t enough; /* oks after which the round ends (or when so many cannot come any more); 0 = wait for all */
    unsigned timeout_ms, linger_ms;
};

/* Does the round and tells the view who answered. replies has room for all owners. ERR_NOMEM, ERR_TIMEOUT (the deadline was past, nothing sent). */
enum err quorum_round(struct quorum *q, const struct quorum_round *r, struct quorum_reply *replies) MUST_CHECK;
void quorum_replies_release(struct quorum_reply *replies);

/* Puts the request at the owners to ask: the usable ones when they can be a write quorum, else everybody with an address (a heartbeat may lag). Returns how many. */
size_t quorum_ask(
    const struct quorum *q, const struct message_request *m, int everybody, const struct message_request *requests[RING_K_MAX]);

/* How many owners the view calls usable. */
size_t quorum_usable(const struct quorum *q);
/* How many owners can be counted on: the usable ones when they are a write quorum, else those that answer quorum_probe(). To be asked before anything is sent that
 * would have an effect, so that with too few nothing half-done is left anywhere. */
size_t quorum_reachable(struct quorum *q);

/* Asks all owners whether they are there, without any effect; how many answered within timeout_ms. The view learns it too. */
size_t quorum_probe(struct quorum *q, unsigned timeout_ms);

/* How many of the replies are `error`. */
size_t quorum_count(const struct quorum_reply *replies, enum err error);

#endif
