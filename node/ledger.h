/* The ledger: the promised leader ballot, and the newest ring document (protocol.md P1, "Node's disk"), in one row of the database. The ring in
 * force is the newest one installed; it changes only while the writer's lock is held, so that whoever holds a write transaction sees one ring.
 *
 * With a newer ring, the courses go that this node must not know any more (P4.2): it keeps a course only when it owned it under the ring it had (a joint one's owners
 * now count too), and, when the new ring is joint, also under the ring that is being left. A node that has not even the
 * stable ring from which the change began keeps nothing: it was no member that stays, or the change would have waited for it. So whoever becomes an owner begins without
 * records of an earlier life. */
#ifndef RB_NODE_LEDGER_H
#define RB_NODE_LEDGER_H

#include "lib/base/hash.h"
#include "lib/wire/ringdoc.h"
#include "node/db.h"

struct ledger;

/* A ring document that is shared by those who hold it; never changed. */
struct ledger_ring {
    const struct ringdoc *doc;
    int committed;                   /* known to be: a coordinator, or a node that knows, showed it */
    char fingerprint[HASH_HEX_SIZE]; /* of all but its ballot: two documents of one number may differ while none is committed */
};

/* Reads the row; db is borrowed and outlives it. ERR_CORRUPT, ERR_IO, ERR_NOMEM. */
enum err ledger_open(struct db *db, struct ledger **out) MUST_CHECK;
void ledger_close(struct ledger *l);

/* The ring in force, held until ledger_drop(); NULL when this node has never seen one. */
struct ledger_ring *ledger_hold(struct ledger *l);
void ledger_drop(struct ledger_ring *ring); /* NULL is fine */
/* Its number, 0 when there is none. */
uint64_t ledger_epoch(struct ledger *l);
/* Whether it is known to be committed. */
int ledger_is_committed(struct ledger *l);

/* PROMISE: b must be strictly larger than what was promised. On ERR_OK *ring (NULL when there is none) is the caller's to drop. ERR_FENCED: *promised says
 * by what. Other errors: nothing was written. */
enum err ledger_promise(struct ledger *l, const struct ballot *b, struct ledger_ring **ring, struct ballot *promised) MUST_CHECK;
/* INSTALL: b at least as large as what was promised, and the document newer, or of the same epoch under a ballot that is at least as large as its.
 * ERR_FENCED as above. */
enum err ledger_install(struct ledger *l, const struct ballot *b, const struct ringdoc *doc, struct ballot *promised) MUST_CHECK;
/* Takes a ring that is committed (the founding document, one this node slept through, or its own, which it then knows to be committed) when it is newer than ours, or
 * ours is another one of the same number, which can then never be committed; promises nothing. ERR_OK also when it is older. ERR_CONFLICT: of the same number,
 * different, and under a smaller ballot: that cannot be. */
enum err ledger_adopt(struct ledger *l, const struct ringdoc *doc) MUST_CHECK;

/* COMMAND: runs effect(c, ctx) in a transaction in which b and epoch were checked (b at least what was promised, epoch our ring's); what it returns is returned, and
 * rolls back when it is no ERR_OK. ERR_FENCED: *promised and *ring say by what; effect did not run. */
enum err ledger_command(struct ledger *l, const struct ballot *b, uint64_t epoch, enum err (*effect)(struct db_conn *c, void *ctx),
    void *ctx, struct ballot *promised, uint64_t *ring) MUST_CHECK;

#endif
