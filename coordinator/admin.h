/* What people ask of the ring, over HTTP: drain, undrain, remove a node, another number of copies. Only who leads with an epoch answers; the others say who does.
 * An answer may wait for what the nodes tell and for Redis. */
#ifndef RB_COORDINATOR_ADMIN_H
#define RB_COORDINATOR_ADMIN_H

#include "coordinator/coordinator.h"
#include "lib/http/http.h"

#define ADMIN_BODY_MAX 1024u

/* POST /admin/{}: {"node", "dry_run"?, "force"?} for drain, undrain and remove; {"k", "dry_run"?} for replication. ctx is the coordinator. */
void admin_handle(struct http_request *r, void *ctx);

/* The id that a name or an id means here: a member's first, then that of a node that lives, then of one that is away. (locked) ERR_NOT_FOUND. */
enum err admin_find(const struct coordinator *c, const char *node, char id[RING_ID_MAX]) MUST_CHECK;

#endif
