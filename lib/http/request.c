/* A request from its request line to its handler. */
#include "lib/http/internal.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/num.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

/* A body that took longer than the idle time-out must have come at least this fast, or its sender holds a thread for nothing. */
#define PACE_MIN_BYTES_PER_S 1024u

struct http_request *request_new(struct http_server *s, struct MHD_Connection *c, const char *target)
{
    struct http_request *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->server = s;
    r->connection = c;
    arena_init(&r->arena, HTTP_ARENA_MAX);
    buf_init(&r->body, 0);
    if (strnlen(target, HTTP_PATH_MAX + 1) <= HTTP_PATH_MAX) {
        r->target = arena_strdup(&r->arena, target);
        if (!r->target) {
            free(r);
            return NULL;
        }
    }
    return r;
}

void request_drop_state(struct http_request *r)
{
    void *state = r->state;

    r->state = NULL;
    if (state && !r->handed && r->route->drop)
        r->route->drop(state);
}

void request_free(struct http_request *r)
{
    request_drop_state(r);
    if (r->response)
        MHD_destroy_response(r->response);
    hash_free(r->hash);
    buf_release(&r->body);
    arena_release(&r->arena);
    free(r);
}

/* RFC 9110 §5.6.2. libmicrohttpd takes "Transfer-Encoding : chunked" for a header whose name ends with a space. */
static int is_token(const char *name)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    return *name && name[strspn(name, token)] == '\0';
}

struct framing {
    unsigned lengths, codings, bad_names;
};

static enum MHD_Result look_at_header(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct framing *f = cls;

    (void)kind;
    (void)value;
    f->lengths += strcasecmp(name, "Content-Length") == 0;
    f->codings += strcasecmp(name, "Transfer-Encoding") == 0;
    f->bad_names += !is_token(name);
    return MHD_YES;
}

/* Where the body ends must be beyond doubt (RFC 9112 §6.3): no transfer coding, at most one length, in digits, and a length for what sends a body. */
static enum err read_framing(struct http_request *r)
{
    struct framing f = {0};

    MHD_get_connection_values(r->connection, MHD_HEADER_KIND, look_at_header, &f);
    r->framing_lost = 1;
    if (f.codings > 0 || f.lengths > 1 || f.bad_names > 0)
        return ERR_SYNTAX;
    r->has_length = f.lengths == 1;
    if (r->has_length && num_parse_u64(http_header(r, "Content-Length"), INT64_MAX, &r->length))
        return ERR_SYNTAX;
    if (!r->has_length && (strcmp(r->method, "PUT") == 0 || strcmp(r->method, "POST") == 0))
        return ERR_LENGTH_REQUIRED;
    r->framing_lost = 0;
    return ERR_OK;
}

/* A sender that counts answers names whom it asks: another node may have come to live at this address. */
static int is_for_us(const struct http_request *r)
{
    const char *self = r->server->config.self, *to = self ? http_header(r, "RB-To") : NULL;

    return !to || strcmp(to, self) == 0;
}

/* What a request must pass before a byte of its body is read. */
static enum err admit(struct http_request *r, const char **detail)
{
    enum err e = read_framing(r);

    if (e) {
        *detail =
            e == ERR_SYNTAX ? "the end of the body is in doubt: one Content-Length in digits is taken, Transfer-Encoding is not" : NULL;
        return e;
    }
    e = path_match(r);
    if (!e && !is_for_us(r))
        e = ERR_MISDIRECTED;
    if (!e && r->route->auth == HTTP_AUTH_SIGNED)
        e = http_check_signature(r);
    if (e)
        return e;
    if (r->length > r->route->body_max && (!r->route->begin || r->route->body_max > 0))
        return ERR_TOO_LARGE;
    r->body.max = r->route->body_max;
    /* All at once: pages are only taken as they are filled, and growing would copy. */
    return r->route->begin ? ERR_OK : buf_reserve(&r->body, (size_t)r->length);
}

void request_begin(struct http_request *r, const char *method)
{
    const char *detail = NULL;
    enum err e;

    r->method = method;
    r->body_started_ms = clock_boot_ms();
    e = admit(r, &detail);
    if (!e && r->route->begin)
        e = r->route->begin(r, r->server->config.ctx, &r->state);
    if (e && !r->answered)
        http_reply_problem(r, e, detail);
    r->cut = r->answered && (r->length > 0 || r->framing_lost);
}

static int is_too_slow(const struct http_request *r)
{
    uint64_t passed_ms = clock_boot_ms() - r->body_started_ms;

    return passed_ms > r->server->config.timeout_s * 1000u && r->received * 1000 < passed_ms * PACE_MIN_BYTES_PER_S;
}

enum err request_piece(struct http_request *r, const void *data, size_t n)
{
    r->received += n;
    if (r->received < r->length && is_too_slow(r))
        return ERR_TIMEOUT;
    if (r->route->auth != HTTP_AUTH_NONE && !auth_is_stream(r)) {
        if (!r->hash)
            r->hash = hash_new();
        if (!r->hash)
            return ERR_NOMEM;
        hash_add(r->hash, data, n);
    }
    if (r->route->begin)
        return r->route->piece(r->state, data, n);
    return buf_add(&r->body, data, n);
}

void request_end(struct http_request *r)
{
    enum err e;

    r->whole = 1;
    e = auth_check_body(r);
    if (e) {
        http_reply_problem(r, e, "the body is not what was signed");
        return;
    }
    r->handed = 1;
    r->route->handle(r, r->server->config.ctx);
    if (!r->answered) {
        log_write(LOG_ERROR, "http", "no answer from the handler of %s %s", r->method, r->route->pattern);
        http_reply_problem(r, ERR_INTERNAL, NULL);
    }
}

const char *http_method(const struct http_request *r)
{
    return r->method;
}

const char *http_path(const struct http_request *r)
{
    return r->target;
}

const char *http_capture(const struct http_request *r, size_t i)
{
    return i < r->n_captures ? r->captures[i] : NULL;
}

const char *http_header(const struct http_request *r, const char *name)
{
    return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

const void *http_body(const struct http_request *r, size_t *len)
{
    *len = r->body.len;
    return buf_str(&r->body);
}

uint64_t http_content_length(const struct http_request *r, int *known)
{
    *known = r->has_length;
    return r->length;
}

void *http_state(const struct http_request *r)
{
    return r->state;
}

const struct http_route *http_found_route(const struct http_request *r)
{
    return r->route;
}

void http_peer(const struct http_request *r, char out[HTTP_PEER_SIZE])
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info ? info->client_addr : NULL;
    const char *text = NULL;

    if (address && address->sa_family == AF_INET)
        text = inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr, out, HTTP_PEER_SIZE);
    else if (address && address->sa_family == AF_INET6)
        text = inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, out, HTTP_PEER_SIZE);
    if (!text)
        memcpy(out, "-", 2);
}

const char *http_claimed_sender(const struct http_request *r)
{
    return r->claim.sender;
}
