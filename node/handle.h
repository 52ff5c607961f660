/* What the node's requests lead to: one function a route, in the order of the table in server.c. Each takes the struct node as ctx and answers exactly once. */
#ifndef RB_NODE_HANDLE_H
#define RB_NODE_HANDLE_H

#include "lib/wire/json.h"
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

/* handle_files.c: the shared folder */
void handle_file(struct http_request *r, void *ctx);
void handle_files(struct http_request *r, void *ctx);

/* handle_entropy.c */
void handle_entropy_look(struct http_request *r, void *ctx);
void handle_entropy_keys(struct http_request *r, void *ctx);

/* handle_leader.c */
void handle_promise(struct http_request *r, void *ctx);
void handle_install(struct http_request *r, void *ctx);
void handle_command(struct http_request *r, void *ctx);
void handle_ring(struct http_request *r, void *ctx);

/* handle_settle.c: between nodes, while courses move */
void handle_settle_list(struct http_request *r, void *ctx);
void handle_settle_blobs(struct http_request *r, void *ctx);
void handle_settle_prepare(struct http_request *r, void *ctx);
void handle_settle_accept(struct http_request *r, void *ctx);
void handle_settle_holds(struct http_request *r, void *ctx);

/* handle_courses.c: whole lists, for the leader and for sweeps */
void handle_courses(struct http_request *r, void *ctx);
void handle_holdings(struct http_request *r, void *ctx);
void handle_deleted(struct http_request *r, void *ctx);

/* handle_cluster.c: what people and tests look at */
void handle_lookup(struct http_request *r, void *ctx);
void handle_inventory(struct http_request *r, void *ctx);
void handle_scrub(struct http_request *r, void *ctx);
void handle_healthz(struct http_request *r, void *ctx);

/* handle_heads.c: the newest lines of others' audit logs */
void handle_head(struct http_request *r, void *ctx);
void handle_heads(struct http_request *r, void *ctx);

/* handle_part.c: whether the asker may read `what` ("blob:…", "file:…") here, by a capability or by a signature of the cluster; *is_signed (may be NULL) tells by which. */
enum err handle_authorize(struct http_request *r, struct node *n, const char *what, int *is_signed) MUST_CHECK;
/* Goes by Range and the conditions: adds the headers and returns 200 or 206 with the part to send, or answers 304 or 416 itself and returns 0. etag has its quotes; modified_s 0: none. */
int handle_part(struct http_request *r, const char *etag, uint64_t size, uint64_t modified_s, uint64_t *first, uint64_t *len);
/* Answers with a JSON value and frees it. */
void handle_reply_json(struct http_request *r, int status, struct json *j);
/* Answers 503 and returns 1 when the volume is suspect, or this node stores nothing (--store 0); else returns 0. For everything that writes. */
int handle_refuse_writes(struct http_request *r, struct node *n);

#endif
