/* A FastCGI request as handlers see it: path segments, query, headers, body; and the only ways to answer. Nothing in handler/ or service/ knows libfcgi. */
#ifndef RB_FCGI_REQUEST_H
#define RB_FCGI_REQUEST_H

#include "fcgi/service/app.h"
#include "fcgi/who.h"
#include "lib/base/buf.h"
#include "lib/wire/json.h"

struct request;
struct metrics; /* metrics.h */

struct worker *request_worker(const struct request *r);
struct arena *request_arena(const struct request *r);
struct metrics *request_metrics(const struct request *r);
/* As it was sent: "HEAD" stays "HEAD". */
const char *request_method(const struct request *r);
/* What the i-th `{}` of the route's pattern matched: decoded once; UTF-8 without NUL, may be empty. len may be NULL. */
const char *request_capture(const struct request *r, size_t i, size_t *len);
/* A query parameter, decoded; NULL when absent. The router has refused unknown and double ones already. */
const char *request_query(const struct request *r, const char *name);
/* A header field's value, NULL when absent ("" when it was sent empty): request_header(r, "If-Match"). Bytes as sent, without CR, LF and NUL. */
const char *request_header(const struct request *r, const char *name);
/* The number by which people and logs name this request; also in the Request-Id header of the answer. */
const char *request_id(const struct request *r);

/* Who asks, and the settings by which they were let in. On routes that are open to all: nobody, until request_find_who(). */
const struct asker *request_asker(const struct request *r);
/* For handlers of open routes that want to know all the same. A cookie that is good for nothing is nobody there (is_bad_cookie): the answer should take it away. Other
 * errors: the problem is answered already. */
enum err request_find_who(struct request *r) MUST_CHECK;
/* A header that takes the session's cookie away. */
void request_drop_cookie(struct request *r);
/* Answers 401, 403 and what else keeps somebody out; detail as in response_problem(). */
void request_refuse(struct request *r, enum err e, const char *detail);

/* What the audit log is to say besides (note.h): who asks, borrowed until the answer; a detail, copied and cut at 127 bytes: an id, never a secret. */
void request_note_who(struct request *r, const char *who);
void request_note_detail(struct request *r, const char *detail);

/* Body. content_length: ERR_LENGTH_REQUIRED, ERR_SYNTAX (not a plain number, or two of them), ERR_TOO_LARGE above max. */
enum err request_content_length(const struct request *r, uint64_t max, uint64_t *out) MUST_CHECK;
/* Reads up to n bytes of the body: 0 at its end, -1 when it ended before its Content-Length or the connection broke. Never gives more than Content-Length. */
long request_read(struct request *r, void *into, size_t n);

#define RESPONSE_TEXT_MAX (64u << 20) /* bytes of an answer that is made here: a course with the most records a history may have */

/* Answers: exactly one of these, once. Headers first. A name or value with control characters is dropped and logged. */
void response_header(struct request *r, const char *name, const char *value);
/* takes body. NULL, or a tree that lost memory: a 500 problem instead. */
void response_json(struct request *r, int status, struct json *body);
void response_text(struct request *r, int status, const char *type, const char *text, size_t len);
/* No body, no Content-Type but what was set as a header. */
void response_empty(struct request *r, int status);
/* application/problem+json (RFC 9457). detail: a sentence that a person understands, or NULL for the error's own text. 503 always gets a Retry-After: 2 s unless
 * one was set. */
void response_problem(struct request *r, enum err e, const char *detail);
/* The same in two steps, for problems with members of their own: begin makes the object, end takes and sends it. */
struct json *response_problem_begin(const struct request *r, enum err e, const char *detail);
void response_problem_end(struct request *r, enum err e, struct json *problem);

#endif
