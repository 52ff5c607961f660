#include "lib/http/internal.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/wire/json.h"

#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PROBLEM_TYPE "application/problem+json"
#define PROBLEM_MAX 8192u
#define LINGER_MS 1000u

void http_add_header(struct http_request *r, const char *name, const char *value)
{
    struct http_pair pair;

    if (strpbrk(name, "\r\n") || strpbrk(value, "\r\n") || r->n_added == HTTP_HEADERS_MAX) {
        log_write(LOG_WARN, "http", "dropped a header: %s: %s", name, value);
        return;
    }
    pair = (struct http_pair){arena_strdup(&r->arena, name), arena_strdup(&r->arena, value)};
    if (!pair.name || !pair.value) {
        log_write(LOG_WARN, "http", "no memory for a header: %s", name);
        return;
    }
    r->added[r->n_added++] = pair;
}

/* Every answer passes here, once. */
void reply_set(struct http_request *r, int status, const char *type, struct MHD_Response *response)
{
    assert(!r->answered);
    r->answered = 1;
    r->status = (unsigned)status;
    r->response = response;
    if (type)
        http_add_header(r, "Content-Type", type);
}

void http_reply(struct http_request *r, int status, const char *type, const void *body, size_t len)
{
    /* libmicrohttpd only reads from it: MUST_COPY. */
    reply_set(r, status, type, MHD_create_response_from_buffer(len, (void *)(uintptr_t)body, MHD_RESPMEM_MUST_COPY));
}

static void reply_taken(struct http_request *r, int status, const char *type, struct buf *body)
{
    size_t len = body->len;
    char *data = buf_take(body);
    struct MHD_Response *response = data ? MHD_create_response_from_buffer(len, data, MHD_RESPMEM_MUST_FREE) : NULL;

    if (!response)
        free(data);
    reply_set(r, status, type, response);
}

void http_reply_json(struct http_request *r, int status, struct buf *body)
{
    reply_taken(r, status, "application/json", body);
}

/* RFC 9457. A detail that is not UTF-8 is left out: it would not be JSON. */
static enum err problem_print(enum err e, const char *detail, struct buf *out)
{
    char type[64];
    struct json *problem = json_object();
    enum err printed;

    snprintf(type, sizeof type, "urn:ringbinder:error:%s", err_code(e));
    json_set_str(problem, "type", type);
    json_set_str(problem, "title", err_text(e));
    json_set_u64(problem, "status", (uint64_t)err_http_status(e));
    if (detail && text_is_utf8(detail, strlen(detail)))
        json_set_str(problem, "detail", detail);
    printed = json_print(problem, out);
    json_free(problem);
    return printed;
}

/* Our time, signed, for a sender whose clock is off. */
static void add_clock(struct http_request *r)
{
    struct buf b;

    buf_init(&b, SIGN_HEADER_MAX);
    if (!sign_clock_make(&r->key, r->claim.nonce, clock_unix_ms(), &b))
        http_add_header(r, "RB-Clock", buf_str(&b));
    buf_release(&b);
}

void http_reply_problem(struct http_request *r, enum err e, const char *detail)
{
    struct buf b;

    buf_init(&b, PROBLEM_MAX);
    if (e == ERR_CLOCK && r->clock_refused)
        add_clock(r);
    if (err_http_status(e) == 401)
        http_add_header(r, "WWW-Authenticate", "RB1");
    if (problem_print(e, detail, &b))
        http_reply(r, err_http_status(e), NULL, "", 0);
    else
        reply_taken(r, err_http_status(e), PROBLEM_TYPE, &b);
    buf_release(&b);
}

static void tell_answered(const struct http_request *r, int status)
{
    const struct http_config *config = &r->server->config;

    if (config->answered)
        config->answered(config->ctx, r, status);
}

enum MHD_Result reply_queue(struct http_request *r)
{
    struct MHD_Response *response = r->response;
    enum MHD_Result ok = MHD_NO;

    r->stage = STAGE_END;
    tell_answered(r, (int)r->status);
    r->response = NULL;
    if (!response)
        return MHD_NO;
    for (size_t i = 0; i < r->n_added; i++) {
        if (MHD_add_response_header(response, r->added[i].name, r->added[i].value) != MHD_YES)
            log_write(LOG_WARN, "http", "dropped a header: %s: %s", r->added[i].name, r->added[i].value);
    }
    crowd_is_reading(r->place);
    ok = MHD_queue_response(r->connection, r->status, response);
    MHD_destroy_response(response);
    return ok;
}

static int socket_of(const struct http_request *r)
{
    return MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

void reply_cut(struct http_request *r, enum err e)
{
    struct buf body, head;
    int status = err_http_status(e);

    request_drop_state(r);
    r->stage = STAGE_END;
    r->cut = 1;
    tell_answered(r, status);
    buf_init(&body, PROBLEM_MAX);
    buf_init(&head, PROBLEM_MAX);
    if (!problem_print(e, NULL, &body) &&
        !buf_addf(&head, "HTTP/1.1 %d %s\r\nContent-Type: " PROBLEM_TYPE "\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", status,
            MHD_get_reason_phrase_for((unsigned)status), body.len, buf_str(&body))) {
        /* Nothing was sent on this request yet, so the socket's buffer takes these few bytes at once, or the client is gone. */
        if (secure_send(r->connection, socket_of(r), head.data, head.len) < 0)
            log_write(LOG_DEBUG, "http", "a refusal could not be sent");
    }
    buf_release(&head);
    buf_release(&body);
}

void reply_linger(struct http_request *r)
{
    uint64_t end_ms = clock_boot_ms() + LINGER_MS;
    struct pollfd p = {.fd = socket_of(r), .events = POLLIN};
    char waste[16384];

    shutdown(p.fd, SHUT_WR);
    for (uint64_t now_ms = clock_boot_ms(); now_ms < end_ms; now_ms = clock_boot_ms()) {
        if (poll(&p, 1, (int)(end_ms - now_ms)) <= 0 || recv(p.fd, waste, sizeof waste, MSG_DONTWAIT) <= 0)
            return;
    }
}
