/* Calls of the REST interface: one place for the address, the token, trying again, and for putting its problems into words. */
#ifndef RB_CLI_API_H
#define RB_CLI_API_H

#include "cli/cli.h"
#include "lib/wire/json.h"

#define API_PATH_MAX 8192          /* bytes of a path with its query */
#define API_ANSWER_MAX (64u << 20) /* bytes of a JSON answer */
#define API_TRIES 3                /* of what may be asked again: see api_do */
#define API_RETRY_AFTER_MAX_S 10   /* a longer wait that a front asks for is not waited for */

/* A path below /api/v1, built piece by piece: api_path(&b, "/courses/{}/syllabus", course) puts each text percent-encoded where {} stands. ERR_NOMEM past API_PATH_MAX. */
enum err api_path(struct buf *b, const char *pattern, ...) MUST_CHECK;
/* Appends "?name=value" or "&name=value", encoded; nothing for NULL. */
enum err api_query(struct buf *b, const char *name, const char *value) MUST_CHECK;

/* One call. `q` has everything but url and the Authorization line; headers, body and watch are the caller's. It is tried up to API_TRIES times while nobody took it
 * (429, 503 with a Retry-After of at most API_RETRY_AFTER_MAX_S; a broken connection), when it is a GET or HEAD into memory or `again` says that twice is as good as once.
 * ERR_OK only for 2xx; else what went wrong was said on standard error in plain words and the error for the exit code is given back. *a is filled in every case
 * and the caller's: client_answer_release. `quiet` leaves the saying to the caller (api_explain). */
struct api_call {
    struct client_request q;
    const char *path; /* by api_path; used below url + "/api/v1" */
    int again;
    int quiet;
};
enum err api_do(struct cli *c, struct api_call *call, struct client_answer *a) MUST_CHECK;
/* For who asks the front by other means: appends its address with /api/v1, and the value of Authorization (nothing without a token). ERR_NOMEM. */
enum err api_base(const struct cli *c, struct buf *url, struct buf *authorization) MUST_CHECK;
/* The sentence for an answer that api_do gave back with e, for people: the problem's detail, or what the connection said. Never empty; into text. */
void api_explain(const struct cli *c, enum err e, const struct client_answer *a, char *text, size_t size);

/* An answer's body as a problem (RFC 9457), NULL when it is no JSON object. The caller's: json_free. */
struct json *api_problem(const struct client_answer *a);

/* A JSON call: method and path, an optional body (NULL: none; stays the caller's); *out is the caller's (json_free), NULL for an empty answer (204). Errors are said. */
enum err api_json(struct cli *c, const char *method, const char *path, const struct json *body, struct json **out) MUST_CHECK;
enum err api_get(struct cli *c, const char *path, struct json **out) MUST_CHECK;
/* All pages of a list (path without limit and cursor), at most max items, as {"items": […]}; *more (or NULL) says whether there are more. */
enum err api_list(struct cli *c, const char *path, size_t max, struct json **out, int *more) MUST_CHECK;

#endif
