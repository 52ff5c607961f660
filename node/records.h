/* The owner's rules of protocol.md P2 + P3 over the database: each message is one transaction in which stamp and ring number are checked and
 * everything is written. Blobs are no business of this file: they are on disk before a record that names them comes here.
 *
 * Refusals are answers, not errors: ERR_OK with answer->ok = 0 and answer->error one of
 *   ERR_FENCED      a larger stamp was promised (answer->promised says which)
 *   ERR_STALE_RING  the message names another ring than ours (answer->ring says which is ours)
 *   ERR_CONFLICT    this node does not own the course under the ring in force
 *   ERR_CLOCK       the stamp is more than 60 s ahead of our clock; answer->promised is then at least our own clock (pitfall 12)
 * Errors of every function: ERR_UNAVAILABLE (no ring yet, or the volume is suspect), ERR_FULL, ERR_IO, ERR_NOMEM, ERR_CORRUPT: nothing was written. */
#ifndef RB_NODE_RECORDS_H
#define RB_NODE_RECORDS_H

#include "lib/wire/message.h"
#include "node/ledger.h"

struct records {
    struct db *db;            /* borrowed */
    struct ledger *ledger;    /* borrowed */
    char self[RING_ID_MAX];   /* this node's id */
    uint64_t (*now_ms)(void); /* unix time; clock_unix_ms but in tests */
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

/* Merges a copied set, without direct bits, and a need for every blob whose missing[i] is set (missing may be NULL). Refused with ERR_STALE_RING when
 * the ring in force is not `ring` any more, with ERR_CONFLICT when we do not own the course. */
enum err records_copy(
    struct records *r, const char *key, uint64_t ring, const struct history *set, const unsigned char *missing) MUST_CHECK;

/* What is known of a course, whoever owns it: for GET /lookup. */
enum err records_look(struct records *r, const char *key, struct message_answer *answer) MUST_CHECK;

#endif
