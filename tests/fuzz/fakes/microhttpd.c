/* libmicrohttpd as lib/http knows it, without sockets and threads; and the requests that it hands on (http.h). */
#include "tests/fuzz/fakes/http.h"

#include "lib/base/clock.h"
#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/wire/frame.h"
#include "lib/wire/json.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADERS_MAX 16
#define BODY_MAX (64u << 10) /* of an answer that is looked at */

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

struct header {
    char *name, *value;
};

struct MHD_Connection {
    struct header headers[HEADERS_MAX];
    size_t n_headers;
    int socket[2]; /* made when somebody asks for it */
    struct sockaddr_in peer;
    union MHD_ConnectionInfo info;
    struct MHD_Response *response;
    unsigned status;
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

struct fake_request {
    const char *method, *target;
    const char *body;
    size_t len, piece, cut; /* cut: bytes after which the client goes away */
    uint64_t late_ms;       /* signed so long ago */
};

/* The call-backs in libmicrohttpd's order. Returns when the request is over. */
static void serve(struct MHD_Connection *c, const struct fake_request *q, struct http_answer *out)
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

/* ---- the text of a request */

static void add_header(struct MHD_Connection *c, const char *name, const char *value)
{
    FUZZ_CHECK(c->n_headers < HEADERS_MAX);
    struct header *h = &c->headers[c->n_headers++];
    h->name = strdup(name);
    h->value = strdup(value);
    FUZZ_CHECK(h->name && h->value);
}

/* The key of messages from a sender to who is asked, as that one derives it. */
static void pair_key(const struct http_fuzz *f, const char *sender, struct sign_key *out)
{
    struct sign_key receiver;
    if (f->receiver)
        sign_node_key(&f->master, f->receiver, &receiver);
    else
        sign_coordinators_key(&f->master, &receiver);
    sign_pair_key(&receiver, sender, out);
}

/* A good signature, of a nonce that was not used before. */
static void sign(struct MHD_Connection *c, const struct http_fuzz *f, const char *role, const struct fake_request *q, int is_stream)
{
    static uint64_t nonces;
    char sender[SIGN_SENDER_MAX], hash[HASH_HEX_SIZE] = "stream";
    struct sign_key key;
    struct buf b;
    struct sign_input in = {.method = q->method,
        .path = q->target,
        .body_hash = hash,
        .sender = sender,
        .time_ms = clock_unix_ms() - q->late_ms,
        .epoch = f->epoch};
    if (strncmp(role, "node:", 5) == 0)
        snprintf(sender, sizeof(sender), "%s", role);
    else
        snprintf(sender, sizeof(sender), "%s:%s", role, strcmp(role, "node") == 0 ? f->node : "fuzz");
    snprintf(in.nonce, sizeof(in.nonce), "%032llx", (unsigned long long)++nonces);
    if (!is_stream)
        hash_sha256_hex(q->body, q->len, hash);
    pair_key(f, sender, &key);
    buf_init(&b, SIGN_HEADER_MAX + 2 * strlen(q->target));
    if (sign_make(&key, &in, &b) == ERR_OK)
        add_header(c, "Authorization", b.data);
    buf_release(&b);
}

/* A capability for the last segment of the target. */
static void permit(struct MHD_Connection *c, const struct http_fuzz *f, const char *kind, const char *target)
{
    const char *last = strrchr(target, '/');
    size_t len = last ? strcspn(last + 1, "?") : 0, n = 0;
    struct sign_key key;
    struct buf what, header;
    buf_init(&what, 16384);
    buf_init(&header, SIGN_HEADER_MAX);
    char *name = malloc(len + 1);
    FUZZ_CHECK(name && buf_addf(&what, "%s:", kind) == ERR_OK);
    if (f->receiver && last && text_percent_decode(last + 1, len, 0, name, &n) == ERR_OK && buf_add(&what, name, n) == ERR_OK) {
        sign_node_key(&f->master, f->receiver, &key);
        if (sign_capability_make(&key, f->receiver, buf_str(&what), clock_unix_ms() / 1000 + 30, &header) == ERR_OK)
            add_header(c, "Authorization", header.data);
    }
    free(name);
    buf_release(&what);
    buf_release(&header);
}

/* Takes a line of the headers; q gets what is none. */
static void take_header(struct MHD_Connection *c, char *line, struct fake_request *q)
{
    char *colon = strchr(line, ':');
    if (!colon || colon == line || c->n_headers + 3 >= HEADERS_MAX)
        return;
    *colon = '\0';
    const char *value = colon + 1 + strspn(colon + 1, " \t");
    if (strcmp(line, "Cut") == 0)
        q->cut = (size_t)strtoul(value, NULL, 10);
    else if (strcmp(line, "Late") == 0)
        q->late_ms = strtoul(value, NULL, 10) % 1000000;
    else
        add_header(c, line, value);
}

/* Makes the frame that a body's first line and the rest stand for. */
static void make_frame(const uint8_t *data, size_t size, struct buf *out)
{
    const uint8_t *end = memchr(data, '\n', size);
    size_t head = end ? (size_t)(end - data) : size;
    FUZZ_CHECK(frame_head(out, (const char *)data, head) == ERR_OK);
    if (end)
        FUZZ_CHECK(buf_add(out, end + 1, size - head - 1) == ERR_OK);
}

/* What every answer is held to. */
static void check_answer(const struct fake_request *q, const struct http_answer *a)
{
    FUZZ_CHECK(a->status != 500); /* whatever comes from outside: there is a better word for it */
    if (a->wants_more || strcmp(q->method, "HEAD") == 0 ||
        (strcmp(a->type, "application/json") != 0 && strcmp(a->type, "application/problem+json") != 0))
        return;
    struct json *j = NULL;
    FUZZ_CHECK(json_parse(buf_str(&a->body), a->body.len, &j) == ERR_OK);
    FUZZ_CHECK(strcmp(a->type, "application/json") == 0 || (a->status >= 400 && json_get_str(j, "title")));
    json_free(j);
}

/* The headers and the body behind the request's line; size: of this request alone. */
static void play_one(
    const struct http_fuzz *f, const char *role, struct fake_request *q, const uint8_t *data, size_t size, struct http_answer *a)
{
    struct MHD_Connection c = {.socket = {-1, -1}, .peer = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}}};
    struct buf frame;
    buf_init(&frame, 4u << 20);
    q->cut = SIZE_MAX;
    while (size > 0) {
        char *line = fuzz_line(&data, &size);
        int last = *line == '\0';
        take_header(&c, line, q);
        free(line);
        if (last)
            break;
    }
    q->piece = 1 + size % 61;
    q->body = (const char *)data;
    q->len = size;
    if (strcmp(q->method, "FRAME") == 0) {
        make_frame(data, size, &frame);
        q->method = "POST";
        q->body = frame.data;
        q->len = frame.len;
        q->piece = frame.len;
    }
    char length[24];
    snprintf(length, sizeof(length), "%zu", q->len);
    if (!MHD_lookup_connection_value(&c, MHD_HEADER_KIND, "Content-Length") && (q->len > 0 || strcmp(q->method, "GET") != 0))
        add_header(&c, "Content-Length", length);
    a->is_signed = strcmp(role, "none") != 0;
    if (strcmp(role, "blob") == 0 || strcmp(role, "file") == 0)
        permit(&c, f, role, q->target);
    else if (a->is_signed)
        sign(&c, f, role, q, strcmp(q->method, "PUT") == 0);
    /* As libmicrohttpd does: no more of a body than was announced, and no end of it before that. */
    uint64_t announced = 0;
    const char *said = MHD_lookup_connection_value(&c, MHD_HEADER_KIND, "Content-Length");
    if (said && num_parse_u64(said, UINT64_MAX, &announced) == ERR_OK && announced != q->len) {
        if (announced < q->len)
            q->len = (size_t)announced;
        else
            q->cut = q->cut < q->len ? q->cut : q->len, q->len = q->len + 1;
    } else if (!said) {
        q->len = 0;
    }
    serve(&c, q, a);
    check_answer(q, a);
    if (c.response)
        MHD_destroy_response(c.response);
    for (size_t i = 0; i < c.n_headers; i++) {
        free(c.headers[i].name);
        free(c.headers[i].value);
    }
    if (c.socket[0] >= 0) {
        close(c.socket[0]);
        close(c.socket[1]);
    }
    buf_release(&frame);
}

/* Cuts the line "ROLE METHOD TARGET" in three; 0 when it is not so. */
static int cut_line(char *line, char **role, char **method, char **target)
{
    *role = line;
    *method = strchr(line, ' ');
    if (!*method)
        return 0;
    *(*method)++ = '\0';
    *target = strchr(*method, ' ');
    if (!*target)
        return 0;
    *(*target)++ = '\0';
    return **method != '\0';
}

static int is_role(const char *word)
{
    static const char *const words[] = {"none", "api", "tool", "node", "coordinator", "blob", "file"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(word, words[i]) == 0)
            return 1;
    return strncmp(word, "node:", 5) == 0 && word[5] && strlen(word) < SIGN_SENDER_MAX;
}

void http_fuzz_play(
    const struct http_fuzz *f, const uint8_t *data, size_t size, void (*each)(const char *line, const struct http_answer *answer))
{
    static const char next[] = "\n%%\n";
    for (int i = 0; i < HTTP_FUZZ_REQUESTS && size > 0; i++) {
        const uint8_t *end = memmem(data, size, next, sizeof(next) - 1);
        size_t own = end ? (size_t)(end - data) : size;
        const uint8_t *rest = data;
        size_t left = own;
        char *line = fuzz_line(&rest, &left), *whole = strdup(line), *role, *method, *target;
        FUZZ_CHECK(whole);
        if (cut_line(line, &role, &method, &target) && is_role(role)) {
            struct fake_request q = {.method = method, .target = target};
            struct http_answer a = {.status = 0};
            buf_init(&a.body, BODY_MAX + 8192);
            play_one(f, role, &q, rest, left, &a);
            if (getenv("FUZZ_SHOW"))
                fprintf(stderr, "%s: %d %.300s\n", whole, a.status, buf_str(&a.body));
            if (each)
                each(whole, &a);
            buf_release(&a.body);
        }
        free(line);
        free(whole);
        own += end ? sizeof(next) - 1 : 0;
        data += own;
        size -= own;
    }
}
