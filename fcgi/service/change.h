/* One change of a course on its way: what uploads, deletes and restores share. store_plain.c and propose.c bring it to the owners. */
#ifndef RB_FCGI_SERVICE_CHANGE_H
#define RB_FCGI_SERVICE_CHANGE_H

#include "fcgi/service/body.h"

#define CHANGE_TRIES_MAX 8
#define CHANGE_LINGER_MS 300u /* how long an owner that is the last to answer is waited for */

struct change {
    struct quorum *q;
    struct record draft; /* everything but id, parent and conditional; owned by the use case */
    struct payload *payload;
    enum upload_match match;
    struct stamp match_record;
    const char *match_sha256;
    int asked_before; /* an Idempotency-Key came along: earlier requests may have tried the same upload */

    /* What it came to. */
    enum blob_state state[OWNERS_MAX]; /* by owner of q: who has the record on disk */
    struct record done;                /* owned: change_release; the acknowledged record */
    int has_done;
    int may_be_there; /* some owner may have taken a record of it, whatever else is said of it */
    char lock[33];    /* the token of the Redis lock we hold, or "" */
};

/* Frees `done` and gives the lock back; draft and payload are the use case's. */
void change_release(struct change *c);

/* Takes the course's lock in Redis, for a moment at most: it spares rivals a chase and protects nothing. Skipped as often as the settings say. */
void change_lock(struct change *c);
/* Sleeps the random 5 to 50 ms between two tries. */
void change_pause(void);

/* Fills requests with the owners that can take the record with the change's payload. */
void change_ask(const struct change *c, const struct message_request *m, int everybody, const struct message_request *requests[OWNERS_MAX]);

/* A ring change made owners of nodes that never got the staged bytes: when some owner has taken the record by now (replies), they are carried from it to all others, for the next
 * try. True when that was done. */
int change_carry(struct change *c, const struct record *r, const struct quorum_reply *replies);

/* Notes the acknowledged record and who has it. ERR_NOMEM. */
enum err change_acknowledge(struct change *c, const struct record *r, const struct quorum_reply *replies) MUST_CHECK;

/* The same for a record that was stored before: who has it is read from answers to PULL. */
enum err change_acknowledge_seen(struct change *c, const struct record *r, const struct quorum_reply *replies) MUST_CHECK;

/* Tells owners that a conditional record is chosen. Waits until a write quorum wrote it down, so that reads by union find it; failing that is no error. */
void change_learn(struct quorum *q, const struct record *r);
/* Asks an owner that has the record to see to those that lack it. */
void change_hint(const struct change *c);
/* Adds the record to the index and the event stream, or to the retry list. */
void change_index(struct worker *w, const struct record *r);

/* store_plain.c: protocol.md P2, unconditional. `again`: a record of an earlier request with the same upload id, to be tried first; or NULL.
 * ERR_OK: change.done; ERR_UNAVAILABLE: nothing visible; ERR_TIMEOUT: not known; ERR_FULL: see may_be_there; ERR_GONE: too few owners have the bytes, and nobody took it; ERR_NOMEM. */
enum err store_plain(struct change *c, const struct record *again) MUST_CHECK;

/* propose.c: protocol.md P3, rules 1 to 7. As above, and ERR_PRECONDITION; ERR_INVALID: the upload id was used for something else. *unchanged: nothing had to be stored. */
enum err propose(struct change *c, int *unchanged) MUST_CHECK;

#endif
