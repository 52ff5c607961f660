/* What a coordinator answers over HTTP (docs/inside.md). Everything comes from memory: no answer waits for Redis or a node. */
#ifndef RB_COORDINATOR_SERVE_H
#define RB_COORDINATOR_SERVE_H

#include "coordinator/coordinator.h"
#include "lib/http/http.h"

/* Starts serving at settings->listen. ERR_INVALID: not ADDR:PORT; ERR_IO: the port is taken. http_stop() ends it. */
enum err serve_start(struct coordinator *c, struct http_server **out) MUST_CHECK;

#endif
