#include "cli/api.h"

#include "lib/base/num.h"
#include "lib/base/sig.h"
#include "lib/base/text.h"

#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define BASE "/api/v1"
#define RETRY_AFTER_DEFAULT_S 1 /* after a broken connection, or an answer that does not say */

enum err api_path(struct buf *b, const char *pattern, ...)
{
    va_list ap;
    enum err e = ERR_OK;

    va_start(ap, pattern);
    while (!e && *pattern) {
        const char *hole = strstr(pattern, "{}");
        size_t len = hole ? (size_t)(hole - pattern) : strlen(pattern);
        e = buf_add(b, pattern, len);
        if (!e && hole) {
            const char *text = va_arg(ap, const char *);
            e = text_percent_encode(b, text, strlen(text));
        }
        pattern += hole ? len + 2 : len;
    }
    va_end(ap);
    return e;
}

enum err api_query(struct buf *b, const char *name, const char *value)
{
    enum err e;

    if (!value)
        return ERR_OK;
    e = buf_addf(b, "%c%s=", strchr(buf_str(b), '?') ? '&' : '?', name);
    return e ? e : text_percent_encode(b, value, strlen(value));
}

/* ---- what an answer means */

static enum err from_status(long status)
{
    /* Several errors share 409, 401, 500 and 503: the first row that fits is the plainest. */
    static const enum err plain[] = {ERR_SYNTAX, ERR_AUTH, ERR_DENIED, ERR_NOT_FOUND, ERR_METHOD, ERR_CONFLICT, ERR_GONE,
        ERR_LENGTH_REQUIRED, ERR_PRECONDITION, ERR_TOO_LARGE, ERR_URI_TOO_LONG, ERR_TYPE, ERR_RANGE, ERR_INVALID, ERR_RATE, ERR_UNAVAILABLE,
        ERR_FULL};

    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        if (err_http_status(plain[i]) == status)
            return plain[i];
    }
    return status == 502 ? ERR_UNAVAILABLE : status == 504 ? ERR_TIMEOUT : ERR_INTERNAL;
}

/* Our own problems name the error in their type; an nginx or a proxy in between tells by its status alone. */
static enum err from_answer(const struct client_answer *a)
{
    static const char ours[] = "urn:ringbinder:error:";
    struct json *problem;
    const char *type;
    enum err e = ERR_INTERNAL;

    if (a->status >= 200 && a->status <= 299)
        return ERR_OK;
    problem = api_problem(a);
    type = json_get_str(problem, "type");
    if (type && strncmp(type, ours, sizeof ours - 1) == 0)
        e = err_from_code(type + sizeof ours - 1);
    json_free(problem);
    return e == ERR_INTERNAL || e == ERR_OK ? from_status(a->status) : e;
}

/* ---- asking */

/* Seconds to wait before the next try, 0 when there is none. */
static unsigned retry_after_s(const struct api_call *call, enum err e, const struct client_answer *a)
{
    const struct client_request *q = &call->q;
    int reads = (strcmp(q->method, "GET") == 0 || strcmp(q->method, "HEAD") == 0) && !q->out_is_file;
    char text[16];
    uint64_t seconds;

    if ((!reads && !call->again) || sig_stopping())
        return 0;
    if (a->status == 0) /* no connection at all is told at once; one that broke is worth another */
        return e == ERR_UNAVAILABLE && a->headers.len > 0 ? RETRY_AFTER_DEFAULT_S : 0;
    if (a->status != 429 && a->status != 502 && a->status != 503)
        return 0;
    if (client_header(a, "Retry-After", text, sizeof text))
        return RETRY_AFTER_DEFAULT_S;
    if (num_parse_u64(text, API_RETRY_AFTER_MAX_S, &seconds))
        return 0;
    return seconds == 0 ? RETRY_AFTER_DEFAULT_S : (unsigned)seconds;
}

/* Comes back early when a stop is asked for. */
static void wait_s(unsigned seconds)
{
    struct pollfd stop = {.fd = sig_fd(), .events = POLLIN};

    poll(&stop, 1, (int)seconds * 1000);
}

static enum err prepare(const struct cli *c, const char *path, struct client_request *q, char url[CLIENT_URL_MAX], const char **headers,
    char authorization[CLIENT_LINE_MAX])
{
    size_t n = q->n_headers;

    assert(n < CLIENT_HEADERS_SENT_MAX);
    if (snprintf(url, CLIENT_URL_MAX, "%s" BASE "%s", c->url, path) >= CLIENT_URL_MAX)
        return ERR_TOO_LARGE;
    for (size_t i = 0; i < n; i++)
        headers[i] = q->headers[i];
    if (c->token) {
        if (snprintf(authorization, CLIENT_LINE_MAX, "Authorization: Bearer %s", c->token) >= CLIENT_LINE_MAX)
            return ERR_TOO_LARGE;
        headers[n++] = authorization;
    }
    q->url = url;
    q->headers = headers;
    q->n_headers = n;
    return ERR_OK;
}

enum err api_base(const struct cli *c, struct buf *url, struct buf *authorization)
{
    enum err e = buf_addf(url, "%s" BASE, c->url);

    return e || !c->token ? e : buf_addf(authorization, "Bearer %s", c->token);
}

enum err api_do(struct cli *c, struct api_call *call, struct client_answer *a)
{
    char url[CLIENT_URL_MAX], authorization[CLIENT_LINE_MAX], why[1024];
    const char *headers[CLIENT_HEADERS_SENT_MAX];
    struct client_request q = call->q;
    enum err e = prepare(c, call->path, &q, url, headers, authorization);

    *a = (struct client_answer){0};
    if (e)
        return out_fail(&c->out, e, "The address or the token is too long.");
    if (q.answer_max == 0)
        q.answer_max = API_ANSWER_MAX;
    for (unsigned tries = 1;; tries++) {
        unsigned seconds;
        e = client_do(c->client, &q, a);
        if (!e)
            e = from_answer(a);
        seconds = e && tries < API_TRIES ? retry_after_s(call, e, a) : 0;
        if (seconds == 0)
            break;
        client_answer_release(a);
        wait_s(seconds);
    }
    if (e && !call->quiet) {
        api_explain(c, e, a, why, sizeof why);
        out_fail(&c->out, e, "%s", why);
    }
    return e;
}

static enum err read_answer(const struct cli *c, const struct client_answer *a, struct json **out)
{
    enum err e;

    if (a->body.len == 0) {
        *out = NULL;
        return ERR_OK;
    }
    e = json_parse(a->body.data, a->body.len, out);
    return e ? out_fail(&c->out, ERR_INTERNAL, "%s answered with something that is no JSON: is it a Ringbinder?", c->url) : ERR_OK;
}

enum err api_json(struct cli *c, const char *method, const char *path, const struct json *body, struct json **out)
{
    static const char *const headers[] = {"Content-Type: application/json"};
    struct api_call call = {.q = {.method = method}, .path = path};
    struct client_answer a = {0};
    struct buf text;
    enum err e = ERR_OK;

    buf_init(&text, API_PATH_MAX);
    if (body) {
        e = json_print(body, &text);
        call.q.headers = headers;
        call.q.n_headers = 1;
        call.q.body = text.data;
        call.q.body_len = text.len;
    }
    if (e)
        out_fail(&c->out, e, "%s", err_text(e));
    else
        e = api_do(c, &call, &a);
    if (!e)
        e = read_answer(c, &a, out);
    client_answer_release(&a);
    buf_release(&text);
    return e;
}

enum err api_get(struct cli *c, const char *path, struct json **out)
{
    enum err e = api_json(c, "GET", path, NULL, out);

    if (!e && !json_is_object(*out)) {
        json_free(*out);
        *out = NULL;
        e = out_fail(&c->out, ERR_INTERNAL, "%s gave an empty answer: is it a Ringbinder?", c->url);
    }
    return e;
}
