#include "fcgi/front.h"

#include "lib/base/log.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define RETRY_AFTER_DEFAULT "2" /* seconds: about as long as a suspect node or a new leader takes */

struct status_text {
    int status;
    const char *text;
};

static const struct status_text statuses[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {500, "Internal Server Error"},
    {503, "Service Unavailable"},
    {507, "Insufficient Storage"},
};

static const char *status_text(int status)
{
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        if (statuses[i].status == status)
            return statuses[i].text;
    }
    return "Status";
}

/* Visible ASCII for a name; anything without control characters for a value (UTF-8 is percent-encoded by whoever puts it there). */
static int header_is_clean(const char *name, const char *value)
{
    if (!*name)
        return 0;
    for (const char *c = name; *c; c++) {
        if (*c <= ' ' || *c >= 0x7f || *c == ':')
            return 0;
    }
    for (const char *c = value; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return 0;
    }
    return 1;
}

void response_header(struct request *r, const char *name, const char *value)
{
    assert(!r->answered);
    if (!header_is_clean(name, value)) {
        log_write(LOG_ERROR, "header", "dropped a header with control characters: %s: %s", name, value);
        return;
    }
    if (buf_addf(&r->headers, "%s: %s\r\n", name, value)) {
        log_write(LOG_ERROR, "header", "dropped a header for want of room: %s", name);
        return;
    }
    if (strcmp(name, "Retry-After") == 0)
        r->retry_after_set = 1;
}

/* The only place where an answer leaves. A client that has gone away needs none, so a failed write ends it silently. */
static void finish(struct request *r, int status, const char *type, const char *body, size_t len)
{
    assert(!r->answered);
    assert(status >= 200 && status <= 599);
    int has_body = type != NULL;
    if (has_body) {
        char length[24];
        snprintf(length, sizeof(length), "%zu", len);
        response_header(r, "Content-Type", type);
        response_header(r, "Content-Length", length);
    }
    response_header(r, "Request-Id", r->id);
    r->answered = status;
    char first[64];
    int n = snprintf(first, sizeof(first), "Status: %d %s\r\n", status, status_text(status));
    const struct transport *t = r->transport;
    if (t->write(t->ctx, first, (size_t)n) || t->write(t->ctx, buf_str(&r->headers), r->headers.len) || t->write(t->ctx, "\r\n", 2))
        return;
    if (has_body && strcmp(request_method(r), "HEAD") != 0 && t->write(t->ctx, body, len))
        return;
}

/* Takes body. ERR_NOMEM when it, or a part of it, could not be had; then nothing was sent. */
static enum err send_json(struct request *r, int status, const char *type, struct json *body)
{
    struct buf text;
    buf_init(&text, RESPONSE_TEXT_MAX);
    enum err e = body ? json_print(body, &text) : ERR_NOMEM;
    if (!e)
        e = buf_add(&text, "\n", 1);
    if (!e) {
        response_header(r, "Cache-Control", "no-store");
        finish(r, status, type, text.data, text.len);
    }
    json_free(body);
    buf_release(&text);
    return e;
}

void response_json(struct request *r, int status, struct json *body)
{
    enum err e = send_json(r, status, "application/json", body);
    if (e)
        response_problem(r, e, NULL);
}

void response_text(struct request *r, int status, const char *type, const char *text, size_t len)
{
    finish(r, status, type, text, len);
}

void response_empty(struct request *r, int status)
{
    finish(r, status, NULL, NULL, 0);
}

struct json *response_problem_begin(const struct request *r, enum err e, const char *detail)
{
    int status = err_http_status(e);
    const char *sentence = detail ? detail : err_text(e);
    if (status >= 500)
        log_write(status == 500 ? LOG_ERROR : LOG_WARN, "answer", "%d %s for %s, request %s: %s", status, err_code(e), request_method(r),
            r->id, sentence);
    char type[64];
    snprintf(type, sizeof(type), "urn:ringbinder:error:%s", err_code(e));
    struct json *j = json_object();
    json_set_str(j, "type", type);
    json_set_str(j, "title", err_text(e));
    json_set_u64(j, "status", (uint64_t)status);
    json_set_str(j, "detail", sentence);
    json_set_str(j, "request_id", r->id);
    return j;
}

void response_problem_end(struct request *r, enum err e, struct json *problem)
{
    int status = err_http_status(e);
    if (status == 401)
        response_header(r, "WWW-Authenticate", "Bearer realm=\"ringbinder\"");
    if ((status == 503 || status == 429) && !r->retry_after_set)
        response_header(r, "Retry-After", RETRY_AFTER_DEFAULT);
    if (send_json(r, status, "application/problem+json", problem))
        response_empty(r, status); /* not even memory for a problem */
}

void response_problem(struct request *r, enum err e, const char *detail)
{
    response_problem_end(r, e, response_problem_begin(r, e, detail));
}
