/* The node's HTTP server: its route table and its limits. */
#ifndef RB_NODE_SERVER_H
#define RB_NODE_SERVER_H

#include "lib/base/limits.h"
#include "node/node.h"

#define SERVER_CONNECTIONS_MAX 400u
/* How many connections a node that may have so much can serve at once: SERVER_CONNECTIONS_MAX at most, and a few whatever the limits. */
unsigned server_connections(const struct limits *l);

/* Serves n at n's address. connections_max: 0 is SERVER_CONNECTIONS_MAX. ERR_INVALID: listen is not ADDR:PORT. ERR_IO: the port is taken. */
enum err server_start(struct node *n, const char *listen, unsigned connections_max, struct http_server **out) MUST_CHECK;

#endif
