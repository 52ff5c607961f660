/* libmicrohttpd as lib/http knows it, without sockets and threads. */
#include "tests/fuzz/fakes/connection.h"

#include <stdarg.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

struct MHD_Daemon {
    MHD_AccessHandlerCallback access;
    void *access_cls;
    MHD_RequestCompletedCallback completed;
    void *completed_cls;
    void *(*target)(void *cls, const char *uri, struct MHD_Connection *c);
    void *target_cls;
};

struct MHD_Response {
    unsigned holders;
    void *data; /* of a buffer; freed or only borrowed */
    int must_free;
    int fd; /* of a file, or -1 */
    uint64_t size, offset;
    MHD_ContentReaderCallback read;
    MHD_ContentReaderFreeCallback drop;
    void *cls;
    size_t piece;
    char type[64];
    struct buf headers;
};

static struct MHD_Daemon the_daemon; /* of the server that was started last */

/* ---- what lib/http calls: the server */

/* Steps over the options; those that matter are kept. NOLINTBEGIN(bugprone-branch-clone): the branches differ by the type that they step over. */
static void read_options(struct MHD_Daemon *d, va_list options)
{
    for (;;) {
        switch (va_arg(options, enum MHD_OPTION)) {
        case MHD_OPTION_END: return;
        case MHD_OPTION_NOTIFY_COMPLETED:
            d->completed = va_arg(options, MHD_RequestCompletedCallback);
            d->completed_cls = va_arg(options, void *);
            break;
        case MHD_OPTION_URI_LOG_CALLBACK:
            d->target = va_arg(options, void *(*)(void *, const char *, struct MHD_Connection *));
            d->target_cls = va_arg(options, void *);
            break;
        case MHD_OPTION_EXTERNAL_LOGGER:
        case MHD_OPTION_UNESCAPE_CALLBACK:
        case MHD_OPTION_NOTIFY_CONNECTION:
            (void)va_arg(options, void *);
            (void)va_arg(options, void *);
            break;
        case MHD_OPTION_CONNECTION_MEMORY_LIMIT:
        case MHD_OPTION_CONNECTION_MEMORY_INCREMENT:
        case MHD_OPTION_THREAD_STACK_SIZE: (void)va_arg(options, size_t); break;
        case MHD_OPTION_LISTEN_SOCKET: close(va_arg(options, int)); break;
        case MHD_OPTION_STRICT_FOR_CLIENT:
        case MHD_OPTION_CONNECTION_LIMIT:
        case MHD_OPTION_CONNECTION_TIMEOUT:
        case MHD_OPTION_PER_IP_CONNECTION_LIMIT:
        case MHD_OPTION_LISTENING_ADDRESS_REUSE: (void)va_arg(options, unsigned); break;
        case MHD_OPTION_HTTPS_MEM_KEY:
        case MHD_OPTION_HTTPS_MEM_CERT:
        case MHD_OPTION_HTTPS_MEM_TRUST:
        case MHD_OPTION_HTTPS_PRIORITIES: (void)va_arg(options, const char *); break;
        case MHD_OPTION_ARRAY: (void)va_arg(options, struct MHD_OptionItem *); break; /* those of TLS, which no target has */
        default: fprintf(stderr, "lib/http sets an option of libmicrohttpd that its stand-in does not know\n"); abort();
        }
    }
}
/* NOLINTEND(bugprone-branch-clone) */

struct MHD_Daemon *MHD_start_daemon(unsigned flags, uint16_t port, MHD_AcceptPolicyCallback accept, void *accept_cls,
    MHD_AccessHandlerCallback access, void *access_cls, ...)
{
    va_list options;
    (void)flags, (void)port, (void)accept, (void)accept_cls;
    the_daemon = (struct MHD_Daemon){.access = access, .access_cls = access_cls};
    va_start(options, access_cls);
    read_options(&the_daemon, options);
    va_end(options);
    return &the_daemon;
}

enum MHD_Result MHD_is_feature_supported(enum MHD_FEATURE feature)
{
    return feature == MHD_FEATURE_TLS ? MHD_NO : MHD_YES;
}

void MHD_stop_daemon(struct MHD_Daemon *d)
{
    *d = (struct MHD_Daemon){0};
}

/* ---- the connection */

const char *MHD_lookup_connection_value(struct MHD_Connection *c, enum MHD_ValueKind kind, const char *key)
{
    FUZZ_CHECK(kind == MHD_HEADER_KIND);
    for (size_t i = 0; i < c->n_headers; i++)
        if (strcasecmp(c->headers[i].name, key) == 0)
            return c->headers[i].value;
    return NULL;
}

int MHD_get_connection_values(struct MHD_Connection *c, enum MHD_ValueKind kind, MHD_KeyValueIterator each, void *cls)
{
    size_t i = 0;
    FUZZ_CHECK(kind == MHD_HEADER_KIND);
    while (i < c->n_headers && (!each || each(cls, kind, c->headers[i].name, c->headers[i].value) == MHD_YES))
        i++;
    return (int)i;
}

const union MHD_ConnectionInfo *MHD_get_connection_info(struct MHD_Connection *c, enum MHD_ConnectionInfoType type, ...)
{
    if (type == MHD_CONNECTION_INFO_CLIENT_ADDRESS) {
        c->info.client_addr = (struct sockaddr *)&c->peer;
        return &c->info;
    }
    if (type == MHD_CONNECTION_INFO_GNUTLS_SESSION || type == MHD_CONNECTION_INFO_SOCKET_CONTEXT)
        return NULL; /* a plain one, that nobody counts */
    FUZZ_CHECK(type == MHD_CONNECTION_INFO_CONNECTION_FD);
    if (c->socket[0] < 0) {
        FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, c->socket) == 0);
        shutdown(c->socket[1], SHUT_WR); /* the client has said all it has to say */
    }
    c->info.connect_fd = c->socket[0];
    return &c->info;
}

/* ---- answers */

static struct MHD_Response *new_response(uint64_t size)
{
    struct MHD_Response *r = calloc(1, sizeof(*r));
    FUZZ_CHECK(r);
    r->holders = 1;
    r->size = size;
    r->fd = -1;
    buf_init(&r->headers, 64u << 10);
    return r;
}

struct MHD_Response *MHD_create_response_from_buffer(size_t size, void *data, enum MHD_ResponseMemoryMode mode)
{
    struct MHD_Response *r = new_response(size);
    r->must_free = 1;
    r->data = data;
    if (mode == MHD_RESPMEM_MUST_COPY) {
        r->data = malloc(size + 1);
        FUZZ_CHECK(r->data);
        if (size > 0)
            memcpy(r->data, data, size);
    }
    FUZZ_CHECK(mode != MHD_RESPMEM_PERSISTENT);
    return r;
}

struct MHD_Response *MHD_create_response_from_fd_at_offset64(uint64_t size, int fd, uint64_t offset)
{
    struct MHD_Response *r = new_response(size);
    r->fd = fd;
    r->offset = offset;
    return r;
}

struct MHD_Response *MHD_create_response_from_callback(
    uint64_t size, size_t block, MHD_ContentReaderCallback read, void *cls, MHD_ContentReaderFreeCallback drop)
{
    struct MHD_Response *r = new_response(size);
    r->read = read;
    r->drop = drop;
    r->cls = cls;
    r->piece = block;
    return r;
}

/* No answer says more or other headers than its maker meant. */
enum MHD_Result MHD_add_response_header(struct MHD_Response *r, const char *name, const char *value)
{
    FUZZ_CHECK(*name && !strpbrk(name, "\r\n: ") && !strpbrk(value, "\r\n"));
    if (strcasecmp(name, "Content-Type") == 0)
        snprintf(r->type, sizeof(r->type), "%s", value);
    FUZZ_CHECK(buf_addf(&r->headers, "%s: %s\r\n", name, value) == ERR_OK);
    return MHD_YES;
}

enum MHD_Result MHD_queue_response(struct MHD_Connection *c, unsigned status, struct MHD_Response *r)
{
    FUZZ_CHECK(!c->response); /* one request, one answer */
    FUZZ_CHECK(status >= 200 && status <= 599);
    r->holders++;
    c->response = r;
    c->status = status;
    return MHD_YES;
}

void MHD_destroy_response(struct MHD_Response *r)
{
    if (--r->holders > 0)
        return;
    if (r->must_free)
        free(r->data);
    if (r->fd >= 0)
        close(r->fd);
    if (r->drop)
        r->drop(r->cls);
    buf_release(&r->headers);
    free(r);
}

const char *MHD_get_reason_phrase_for(unsigned status)
{
    (void)status;
    return "Reason";
}

/* ---- one request */

/* What a client sees of the answer's bytes; a file must have all that was promised. */
static void read_answer(struct MHD_Response *r, struct http_answer *out)
{
    char piece[4096];
    uint64_t at = 0;
    memcpy(out->type, r->type, sizeof(out->type));
    while (at < r->size && out->body.len < BODY_MAX) {
        ssize_t n;
        if (r->read)
            n = r->read(r->cls, at, piece, sizeof(piece));
        else if (r->fd >= 0)
            n = pread(r->fd, piece, sizeof(piece) < r->size - at ? sizeof(piece) : (size_t)(r->size - at), (off_t)(r->offset + at));
        else
            n = (ssize_t)(sizeof(piece) < r->size - at ? sizeof(piece) : r->size - at);
        if (r->read && n < 0)
            return; /* a source may fail; the connection breaks */
        FUZZ_CHECK(n > 0 && (uint64_t)n <= r->size - at);
        FUZZ_CHECK(buf_add(&out->body, r->data ? (const char *)r->data + at : piece, (size_t)n) == ERR_OK);
        at += (uint64_t)n;
    }
    out->wants_more = at < r->size;
}

/* A refusal in the middle of a body, which lib/http writes to the socket itself. */
static void read_cut(struct MHD_Connection *c, struct http_answer *out)
{
    char text[8192];
    ssize_t n = c->socket[0] >= 0 ? recv(c->socket[1], text, sizeof(text) - 1, MSG_DONTWAIT) : -1;
    if (n <= 0)
        return;
    text[n] = '\0';
    const char *body = strstr(text, "\r\n\r\n");
    FUZZ_CHECK(strncmp(text, "HTTP/1.1 ", 9) == 0 && body);
    out->status = (int)strtol(text + 9, NULL, 10);
    snprintf(out->type, sizeof(out->type), "application/problem+json");
    FUZZ_CHECK(buf_add_str(&out->body, body + 4) == ERR_OK);
}

void connection_serve(struct MHD_Connection *c, const struct fake_request *q, struct http_answer *out)
{
    struct MHD_Daemon *d = &the_daemon;
    void *state = d->target(d->target_cls, q->target, c);
    size_t none = 0, until = q->cut < q->len ? q->cut : q->len;
    enum MHD_Result ok = d->access(d->access_cls, c, q->target, q->method, "HTTP/1.1", NULL, &none, &state);
    for (size_t at = 0; ok == MHD_YES && !c->response && at < until;) {
        size_t n = until - at < q->piece ? until - at : q->piece, left = n;
        char *exact = malloc(n);
        FUZZ_CHECK(exact);
        memcpy(exact, q->body + at, n);
        ok = d->access(d->access_cls, c, q->target, q->method, "HTTP/1.1", exact, &left, &state);
        FUZZ_CHECK(left == 0 || ok == MHD_NO);
        free(exact);
        at += n;
    }
    int gone = until < q->len;
    if (ok == MHD_YES && !c->response && !gone)
        ok = d->access(d->access_cls, c, q->target, q->method, "HTTP/1.1", NULL, &none, &state);
    if (c->response && ok == MHD_YES) {
        out->status = (int)c->status;
        read_answer(c->response, out);
    }
    d->completed(d->completed_cls, c, &state,
        c->response && ok == MHD_YES ? MHD_REQUEST_TERMINATED_COMPLETED_OK : MHD_REQUEST_TERMINATED_CLIENT_ABORT);
    FUZZ_CHECK(!state);
    if (!c->response)
        read_cut(c, out);
    FUZZ_CHECK(out->status || gone);
}
