/* The owner's rules of protocol.md P2 + P3 over the database: each message is one transaction in which stamp and ring number are checked and
 * everything is written. Blobs are no business of this file: they are on disk before a record that names them comes here.
 *
 * Refusals are answers, not errors: ERR_OK with answer->ok = 0 and answer->error one of
 *   ERR_FENCED      a larger stamp was promised (answer->promised says which)
 *   ERR_STALE_RING  the message names another ring than ours (answer->ring says which is ours)
 *   ERR_CONFLICT    this node neither owns the course under the ring in force nor, when that is joint, owned it before
 *   ERR_CLOCK       the stamp is more than 60 s ahead of our clock; answer->promised is then at least our own clock (pitfall 12)
 * Errors of every function: ERR_UNAVAILABLE (no ring yet, or the volume is suspect), ERR_FULL, ERR_IO, ERR_NOMEM, ERR_CORRUPT: nothing was written. */
#ifndef RB_NODE_RECORDS_H
#define RB_NODE_RECORDS_H

#include "lib/wire/message.h"
#include "node/ledger.h"

#include <stdatomic.h>

#define RECORDS_DROPS 256 /* counters of dropped courses */

struct records {
    struct db *db;            /* borrowed */
    struct ledger *ledger;    /* borrowed */
    char self[RING_ID_MAX];   /* this node's id */
    uint64_t (*now_ms)(void); /* unix time; clock_unix_ms but in tests */
    atomic_uint_fast64_t drops[RECORDS_DROPS];
};

void records_init(struct records *r, struct db *db, struct ledger *ledger, const char *self);

/* Looks, without writing, whether STORE or ACCEPT would be refused as things are: promised stamps only grow, so a refusal stays one, and the blob
 * of a refused message need not be written. answer->ok is 1 when it may go on. */
enum err records_check(struct records *r, const struct message_request *m, struct message_answer *answer) MUST_CHECK;

enum err records_store(struct records *r, const struct message_request *m, struct message_answer *answer) MUST_CHECK;
enum err records_prepare(struct records *r, const struct message_request *m, struct message_answer *answer) MUST_CHECK;
enum err records_accept(struct records *r, const struct message_request *m, struct message_answer *answer) MUST_CHECK;
/* blob_missing: the record's blob is not here: a need is written with it. */
enum err records_learn(struct records *r, const struct message_request *m, int blob_missing, struct message_answer *answer) MUST_CHECK;
/* The whole set, with slot and promise. */
enum err records_pull(struct records *r, const struct message_request *m, struct message_answer *answer) MUST_CHECK;

/* PREPARE and ACCEPT inside a transaction of the caller, for many courses in one. */
enum err records_prepare_in(
    struct records *r, struct db_conn *c, const struct message_request *m, struct message_answer *answer) MUST_CHECK;
enum err records_accept_in(struct records *r, struct db_conn *c, const struct message_request *m, struct message_answer *answer) MUST_CHECK;

/* How often a course like this one was dropped since the start: to be read before a set is asked for, and given to records_copy(). */
uint64_t records_drops(struct records *r, const char *key);

/* A set that another owner showed. */
struct records_copied {
    const char *key;
    uint64_t ring;  /* under which it was asked for */
    uint64_t drops; /* records_drops() before it was asked for */
    const struct history *set;
    const unsigned char *missing; /* whose blobs are not here and become needs; NULL = none */
};
/* Merges it, without direct bits, and writes the needs. Refused with ERR_STALE_RING when another ring is in force, with ERR_CONFLICT when we do not own
 * the course, with ERR_GONE when a drop came between (P6.3): ask again. */
enum err records_copy(struct records *r, const struct records_copied *copied) MUST_CHECK;

/* The leader's order to drop a deleted course (P6.2). */
struct records_drop {
    struct ballot ballot;
    uint64_t epoch;
    const char *key;
    struct stamp tombstone; /* the current record */
    struct stamp floor;     /* the largest stamp that any owner promised or accepted for it; zero = not told */
};
/* The tombstone, all it covers and the course's row go in one transaction, and the floor rises above all of it. ERR_OK also when there is no row (any more). ERR_FENCED as
 * ledger_command(). ERR_CONFLICT: the current record is not exactly that tombstone of a whole course, a slot may hold something newer, we are no owner, or the owners are
 * changing. */
enum err records_drop(struct records *r, const struct records_drop *order, struct ballot *promised, uint64_t *ring) MUST_CHECK;

/* The set of a course as it is in this transaction, added to *out. ERR_CORRUPT, ERR_IO, ERR_NOMEM. */
enum err records_history(struct db_conn *c, const char *key, struct history *out) MUST_CHECK;

/* The same with the slot, into an initialised answer, whose other fields stay. */
enum err records_load(struct db_conn *c, const char *key, struct message_answer *answer) MUST_CHECK;

/* What is known of a course, whoever owns it: for GET /lookup. */
enum err records_look(struct records *r, const char *key, struct message_answer *answer) MUST_CHECK;

#endif
