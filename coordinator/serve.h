/* What a coordinator answers over HTTP (docs/inside.md). Everything here comes from memory: no answer waits for Redis or a node. What people ask of the ring is in
 * admin.h, what peers tell of their files in files.h. */
#ifndef RB_COORDINATOR_SERVE_H
#define RB_COORDINATOR_SERVE_H

#include "coordinator/coordinator.h"
#include "lib/base/limits.h"
#include "lib/http/http.h"

/* The largest ring's nodes, kept alive, and the api's threads. */
#define SERVE_CONNECTIONS_MAX 2048u
/* How many connections a coordinator that may have so much can serve at once: SERVE_CONNECTIONS_MAX at most, and a few whatever the limits. */
unsigned serve_connections(const struct limits *l);

/* Starts serving at settings->listen. ERR_INVALID: not ADDR:PORT; ERR_IO: the port is taken. http_stop() ends it. */
enum err serve_start(struct coordinator *c, struct http_server **out) MUST_CHECK;

/* (locked) {"name", "url", "epoch"} of who leads, or NULL when nobody does as far as we know. Ours counts while our own clock says so. */
struct json *serve_leader_json(const struct coordinator *c);
/* 409 {"leader": that, or null}: the answer of one who does not lead to what only a leader may do. */
void serve_reply_leader(struct http_request *r, struct coordinator *c);

#endif
