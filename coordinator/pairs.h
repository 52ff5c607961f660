/* GET /pairs: the keys of a node's messages to all other nodes (lib/sign/keys.h), sealed so that nobody but this node can read them. */
#ifndef RB_COORDINATOR_PAIRS_H
#define RB_COORDINATOR_PAIRS_H

#include "lib/http/http.h"

/* ctx: the struct coordinator. Any coordinator answers, whether it leads or not: what it says follows from the master key and from who is known here. */
void pairs_handle(struct http_request *r, void *ctx);

#endif
