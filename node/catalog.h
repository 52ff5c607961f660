/* The catalog: what this node has of each course, in memory: a digest of its records, how many live versions there are and how many of their blobs are here, and who owns
 * it. Anti-entropy compares the digests, the census counts the rest; neither reads the database for what did not change.
 *
 * It can not miss a change: triggers on the writing connection note each course that a transaction touches, whoever wrote it, and the note is handed over when
 * the transaction ended. catalog_refresh() reads the courses noted since the last one, so that its cost goes with what changed. Thread-safe. */
#ifndef RB_NODE_CATALOG_H
#define RB_NODE_CATALOG_H

#include "node/db.h"
#include "node/ledger.h"

#define CATALOG_BUCKETS 1024u /* equal arcs of the ring's points */

struct catalog;

struct catalog_course {
    char *key;
    uint64_t point;   /* on the ring */
    uint64_t digest;  /* of the key and the ids in R, 0 when R is empty; equal sets have equal digests */
    uint32_t records; /* in R */
    uint32_t live;    /* versions whose bytes may be read */
    uint32_t here;    /* those of them whose blob is here, as far as this node knows */
    int is_live;      /* the current record is a version */
    int current_here; /* and its blob is here */
    int open_slot;    /* the slot holds a record that is not in R */
    uint64_t slot_ms; /* when its ballot was drawn, unix ms */
    uint32_t n_owners;
    uint16_t owners[RING_K_MAX]; /* indexes into the members of the acting ring, host first */
};

/* The ring by which courses have owners here: the one in force; in a joint document the ring before, whose owners hold all that was acknowledged (the new ones
 * get theirs by settling, protocol.md P4). */
struct catalog_ring {
    const struct ring *ring;
    uint64_t epoch;  /* of the document in force */
    uint64_t serial; /* another one for each document that came: one number may have two before it is committed */
    long self;       /* this node's place among its members, -1 when it is none */
};

/* db and ledger are borrowed and outlive it; self is this node's id. Nothing is read yet. ERR_IO, ERR_NOMEM. */
enum err catalog_open(struct db *db, struct ledger *ledger, const char *self, struct catalog **out) MUST_CHECK;
/* No more writes come to the database. NULL is fine. */
void catalog_close(struct catalog *c);

/* Brings it up to what was committed before the call, and to the ring in force. The first one reads all. ERR_UNAVAILABLE: no ring yet. ERR_IO, ERR_CORRUPT,
 * ERR_NOMEM: the next one reads all again. */
enum err catalog_refresh(struct catalog *c) MUST_CHECK;
/* Grows with every course that changed and with every ring; 0 before the first refresh. */
uint64_t catalog_generation(struct catalog *c);

/* Calls `each` for the courses of one bucket, or of all with CATALOG_BUCKETS, under the catalog's lock: it may copy, not wait. */
void catalog_each(struct catalog *c, unsigned bucket,
    void (*each)(void *ctx, const struct catalog_ring *ring, const struct catalog_course *course), void *ctx);
/* Calls `look` with the acting ring under the same lock; its ring is NULL before the first refresh. */
void catalog_with_ring(struct catalog *c, void (*look)(void *ctx, const struct catalog_ring *ring), void *ctx);
/* The digest of one course, 0 when there is none. */
uint64_t catalog_digest(struct catalog *c, const char *key);
/* The bucket of a point. */
unsigned catalog_bucket(uint64_t point);

/* catalog_read.c: what a course is in this transaction: everything but key and owners. ERR_IO, ERR_CORRUPT, ERR_NOMEM. */
enum err catalog_read(struct db_conn *conn, const char *key, struct catalog_course *out) MUST_CHECK;
/* The digest that a set has. Pure. */
struct history;
uint64_t catalog_digest_of(const char *key, const struct history *h);

#endif
