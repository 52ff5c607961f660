/* The node's HTTP server: its route table and its limits. */
#ifndef RB_NODE_SERVER_H
#define RB_NODE_SERVER_H

#include "node/node.h"

/* Serves n at n's address. ERR_INVALID: listen is not ADDR:PORT. ERR_IO: the port is taken. */
enum err server_start(struct node *n, const char *listen, struct http_server **out) MUST_CHECK;

#endif
