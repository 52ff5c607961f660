/* What the node's requests lead to: one function a route, in the order of the table in server.c. Each takes the struct node as ctx and answers exactly once. */
#ifndef RB_NODE_HANDLE_H
#define RB_NODE_HANDLE_H

#include "node/node.h"

/* handle_records.c: messages about a course */
void handle_store(struct http_request *r, void *ctx);
void handle_prepare(struct http_request *r, void *ctx);
void handle_accept(struct http_request *r, void *ctx);
void handle_learn(struct http_request *r, void *ctx);
void handle_pull(struct http_request *r, void *ctx);
void handle_hint(struct http_request *r, void *ctx);
void handle_fetch(struct http_request *r, void *ctx);

/* handle_staging.c */
enum err handle_staging_begin(struct http_request *r, void *ctx, void **state);
enum err handle_staging_piece(void *state, const void *data, size_t n);
void handle_staging_drop(void *state);
void handle_staging(struct http_request *r, void *ctx);
void handle_staging_commit(struct http_request *r, void *ctx);

/* handle_blobs.c */
void handle_blob(struct http_request *r, void *ctx);

/* handle_cluster.c: the leader, and what people and tests look at */
void handle_promise(struct http_request *r, void *ctx);
void handle_install(struct http_request *r, void *ctx);
void handle_lookup(struct http_request *r, void *ctx);
void handle_inventory(struct http_request *r, void *ctx);
void handle_healthz(struct http_request *r, void *ctx);

/* Answers 503 when the volume is suspect and returns 1; else returns 0. For everything that writes. */
int handle_refuse_suspect(struct http_request *r, struct node *n);

#endif
