/* The leader's order to settle: who settles what falls to it under a joint ring (protocol.md P4.3), kept in the ledger's row, so that it outlives a restart. */
#ifndef RB_NODE_ORDERS_H
#define RB_NODE_ORDERS_H

#include "node/ledger.h"

struct order {
    struct ballot ballot;
    uint64_t epoch, seq;
    char (*movers)[RING_ID_MAX]; /* who counts as living; sorted, owned */
    size_t n_movers;
};

/* Reads {"ballot", "epoch", "seq", "movers": [id…]}. ERR_SYNTAX, ERR_NOMEM. To be released. */
enum err order_from_json(const struct json *j, struct order *out) MUST_CHECK;
void order_release(struct order *o);
/* The text of order_from_json(). ERR_NOMEM. */
enum err order_print(const struct order *o, struct buf *out) MUST_CHECK;
/* Whether this node is one of the movers; its first argument is a struct order: for owners_mover(). */
int order_counts(void *order, const char *id);

/* Keeps an order, as a COMMAND (ledger.h). One that is not newer (by ballot, then seq) than the one that is kept changes nothing and is ERR_OK. */
enum err order_keep(struct ledger *l, const struct order *o, struct ballot *promised, uint64_t *ring) MUST_CHECK;
/* The order that is kept. ERR_NOT_FOUND: none. To be released. */
enum err order_last(struct db *db, struct order *out) MUST_CHECK;

#endif
