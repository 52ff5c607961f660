/* Who this node is: DATA/node.json, written once by --init, and DATA/marker.json, by which a database that is missing or older than it should be is told
 * (protocol.md, pitfall 5: such a node has forgotten promises, so it must be made new).
 *
 * node.json   {"id", "name", "zone", "weight"}
 * marker.json {"id", "starts"}: how often this node was started; never more than the database counts */
#ifndef RB_NODE_IDENTITY_H
#define RB_NODE_IDENTITY_H

#include "lib/ring/ring.h"
#include "node/db.h"

struct buf;

/* Draws the id, makes the database, writes node.json last, and appends its JSON line to `line`. Done before: only appends the line. A database that
 * is there without a node.json belonged to another life: it is moved to DATA/quarantine. ERR_INVALID: bad name, zone or weight. ERR_IO, ERR_FULL. */
enum err identity_init(const char *data, const char *name, const char *zone, uint64_t weight, struct buf *line) MUST_CHECK;
/* The same for a node that was given its id and zone, as by a join token. ERR_CONFLICT: the folder is another node's. */
enum err identity_take(const char *data, const struct ring_member *self, struct buf *line) MUST_CHECK;
/* ERR_NOT_FOUND: no node.json. ERR_CORRUPT: it is not one. */
enum err identity_read(const char *data, struct ring_member *out) MUST_CHECK;
/* Makes sure that the database is this node's and as new as the marker says, counts one more start in both. ERR_CORRUPT, said in the log: it is not. */
enum err identity_claim(const char *data, const struct ring_member *self, struct db *db) MUST_CHECK;

#endif
