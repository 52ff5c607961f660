/* The ledger: the promised leader ballot and the newest ring document (protocol.md P1, "Node's disk"), in one row of the database. The ring in
 * force is the newest one installed; it changes only while the writer's lock is held, so that whoever holds a write transaction sees one ring. */
#ifndef RB_NODE_LEDGER_H
#define RB_NODE_LEDGER_H

#include "lib/wire/ringdoc.h"
#include "node/db.h"

struct ledger;

/* A ring document that is shared by those who hold it; never changed. */
struct ledger_ring {
    const struct ringdoc *doc;
};

/* Reads the row; db is borrowed and outlives it. ERR_CORRUPT, ERR_IO, ERR_NOMEM. */
enum err ledger_open(struct db *db, struct ledger **out) MUST_CHECK;
void ledger_close(struct ledger *l);

/* The ring in force, held until ledger_drop(); NULL when this node has never seen one. */
struct ledger_ring *ledger_hold(struct ledger *l);
void ledger_drop(struct ledger_ring *ring); /* NULL is fine */
/* Its number, 0 when there is none. */
uint64_t ledger_epoch(struct ledger *l);

/* PROMISE: b must be strictly larger than what was promised. On ERR_OK *ring (NULL when there is none) is the caller's to drop. ERR_FENCED: *promised says
 * by what. Other errors: nothing was written. */
enum err ledger_promise(struct ledger *l, const struct ballot *b, struct ledger_ring **ring, struct ballot *promised) MUST_CHECK;
/* INSTALL: b at least as large as what was promised, and the document newer, or of the same epoch under a ballot that is at least as large as its.
 * ERR_FENCED as above. */
enum err ledger_install(struct ledger *l, const struct ballot *b, const struct ringdoc *doc, struct ballot *promised) MUST_CHECK;
/* Takes a ring that a coordinator shows (the founding document, or one this node slept through) when it is newer than ours; promises nothing.
 * ERR_OK also when it is not newer. */
enum err ledger_adopt(struct ledger *l, const struct ringdoc *doc) MUST_CHECK;

#endif
