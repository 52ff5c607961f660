/* A FastCGI request as handlers see it: path segments, query, headers, body; and the only ways to answer. libfcgi lives in the files of this folder, never in handler/ or service/. */
#ifndef RB_FCGI_REQUEST_H
#define RB_FCGI_REQUEST_H

#include "fcgi/service/app.h"
#include "lib/base/buf.h"
#include "lib/wire/json.h"

struct request;

#define REQUEST_SEGMENTS_MAX 8
#define REQUEST_PARAMS_MAX 32

struct worker *request_worker(const struct request *r);
struct arena *request_arena(const struct request *r);
const char *request_method(const struct request *r);
/* What `{}` of the route's pattern matched: decoded once; may hold any byte but NUL. len may be NULL. */
const char *request_capture(const struct request *r, size_t i, size_t *len);
/* A query parameter, decoded; NULL when absent. The router has refused unknown and double ones already. */
const char *request_query(const struct request *r, const char *name);
const char *request_header(const struct request *r, const char *name); /* "If-Match" */
const char *request_id(const struct request *r);
const char *request_base_url(const struct request *r);                 /* "http://host:port", for Location */

/* Body. content_length: ERR_LENGTH_REQUIRED, ERR_SYNTAX (not a number, two of them), ERR_TOO_LARGE above max. */
enum err request_content_length(const struct request *r, uint64_t max, uint64_t *out) MUST_CHECK;
/* Reads up to n bytes of the body: 0 at its end, -1 when the client's body ended early or the connection broke. */
long request_read(struct request *r, void *into, size_t n);

/* Answers: exactly one of these, once. Headers first. Values with control characters are refused (assert in debug, dropped and logged in release). */
void response_header(struct request *r, const char *name, const char *value);
void response_json(struct request *r, int status, struct json *body);   /* takes body; NULL or lost memory: 500 problem */
void response_text(struct request *r, int status, const char *type, const char *text, size_t len);
void response_empty(struct request *r, int status);
/* application/problem+json; detail: a sentence that a person understands, or NULL for the error's text. extra: members to add, taken; or NULL. */
void response_problem(struct request *r, enum err e, const char *detail, struct json *extra);

#endif
