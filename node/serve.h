/* Giving a blob out: nobody takes bytes that were changed under the reader for the blob. */
#ifndef RB_NODE_SERVE_H
#define RB_NODE_SERVE_H

#include "lib/http/http.h"
#include "node/verify.h"

struct serve;

/* Opens a blob as verify_get() does, with its errors and ERR_NOMEM. A small one is in memory from then on, and a change while it was read is met by looking again. */
enum err serve_open(struct verify *v, const char *sha256, struct serve **out) MUST_CHECK;
void serve_free(struct serve *s); /* NULL is fine */

uint64_t serve_size(const struct serve *s);
int serve_fd(const struct serve *s); /* borrowed */

/* Answers with `len` bytes from `first`; takes s. When a large blob is changed meanwhile the connection breaks before its last byte. */
void serve_reply(struct serve *s, struct http_request *r, int status, uint64_t first, uint64_t len);

#endif
