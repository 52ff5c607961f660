/* Start, stop, and the three call-backs by which libmicrohttpd drives a request. */
#include "lib/http/internal.h"

#include "lib/base/clock.h"
#include "lib/base/limits.h"
#include "lib/base/log.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_DEFAULT 512u
#define TIMEOUT_DEFAULT_S 30u
#define MEMORY_DEFAULT (64u << 10) /* the request target and all headers must fit into half of it */
#define STACK_BYTES (512u << 10)
#define BACKLOG 1024
#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3" /* both ends are ours */
#define READING_MS 30000u                          /* whoever reads one answer for longer may have to leave for others */
#define ACCEPT_PAUSE_MS 20u                        /* descriptors run out for a while, not for ever */

/* The request's life starts with its request line: this is the one place where libmicrohttpd shows the raw target. NULL ends the connection. */
static void *on_target(void *cls, const char *uri, struct MHD_Connection *connection)
{
    return secure_is_proven(cls, connection) ? request_new(cls, connection, uri) : NULL;
}

/* Targets are decoded in path.c, once and segment by segment; libmicrohttpd must leave them alone. */
static size_t on_unescape(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls;
    (void)connection;
    return strlen(text);
}

static struct crowd_place *place_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info ? info->socket_context : NULL;
}

/* A connection begins, or its socket is about to be closed. */
static void on_connection(void *cls, struct MHD_Connection *connection, void **context, enum MHD_ConnectionNotificationCode code)
{
    struct http_server *s = cls;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        secure_on_connection(s, connection);
        *context = crowd_enter(s->crowd, MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd);
        clock_sleep_ms(crowd_pause_ms(s->crowd)); /* this is the accepting thread */
    } else {
        if (crowd_leave(*context))
            limits_give_back();
    }
}

/* Called with the headers, then with each part of the body, then once without data. An answer given on the first call closes the connection, so a
 * request without a body is answered on the last one, even when it is refused. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
    const char *data, size_t *n, void **con_cls)
{
    struct http_server *s = cls;
    struct http_request *r = *con_cls;

    (void)connection;
    (void)url;
    (void)version;
    if (!r)
        return MHD_NO;
    if (r->stage == STAGE_HEADERS) {
        r->stage = STAGE_BODY;
        r->place = place_of(connection);
        crowd_is_busy(r->place);
        atomic_fetch_add(&s->under_way, 1);
        request_begin(r, method);
        if (!r->answered || !r->cut)
            return MHD_YES;
        return reply_queue(r);
    }
    if (*n > 0) {
        enum err e = request_piece(r, data, *n);
        *n = 0;
        if (!e)
            return MHD_YES;
        reply_cut(r, e);
        return MHD_NO;
    }
    if (!r->answered)
        request_end(r);
    return reply_queue(r);
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **con_cls, enum MHD_RequestTerminationCode code)
{
    struct http_server *s = cls;
    struct http_request *r = *con_cls;

    (void)connection;
    if (!r)
        return;
    if (r->stage != STAGE_HEADERS)
        atomic_fetch_sub(&s->under_way, 1);
    if (r->cut && code != MHD_REQUEST_TERMINATED_DAEMON_SHUTDOWN)
        reply_linger(r);
    crowd_is_idle(r->place);
    request_free(r);
    *con_cls = NULL;
}

/* What libmicrohttpd has to say is about clients that went away or spoke badly: nothing for an operator. But this is also the only place where it tells that there was no descriptor,
 * or no memory for a thread, for the next connection. It tries again when one ends; when there is none, at once and for ever: so its accepting thread, which calls this, is held up. */
__attribute__((format(printf, 2, 0))) static void on_log(void *cls, const char *fmt, va_list ap)
{
    struct http_server *s = cls;
    char text[512];

    vsnprintf(text, sizeof text, fmt, ap);
    if (strstr(text, "system resource")) {
        crowd_thin(s->crowd);
        clock_sleep_ms(ACCEPT_PAUSE_MS);
    }
    text[strcspn(text, "\n")] = '\0';
    log_write(LOG_DEBUG, "http", "%s", text);
}

static enum err parse_address(const char *address, uint16_t port, struct sockaddr_storage *out, socklen_t *len)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        *len = sizeof *v4;
        return ERR_OK;
    }
    if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        *len = sizeof *v6;
        return ERR_OK;
    }
    return ERR_INVALID;
}

static enum err listen_on(const char *address, uint16_t port, int *out_fd, uint16_t *out_port)
{
    struct sockaddr_storage a;
    socklen_t len;
    int on = 1;
    int fd;
    enum err e = parse_address(address, port, &a, &len);

    if (e)
        return e;
    fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return ERR_IO;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) || bind(fd, (struct sockaddr *)&a, len) || listen(fd, BACKLOG) ||
        getsockname(fd, (struct sockaddr *)&a, &len)) {
        close(fd);
        return ERR_IO;
    }
    *out_fd = fd;
    *out_port = ntohs(a.ss_family == AF_INET ? ((struct sockaddr_in *)&a)->sin_port : ((struct sockaddr_in6 *)&a)->sin6_port);
    return ERR_OK;
}

/* libmicrohttpd takes the texts as pointers that stay, and only reads them. */
static void add_tls(const struct tls *t, struct MHD_OptionItem options[static 5])
{
    const struct {
        enum MHD_OPTION option;
        const char *text;
    } rows[] = {{MHD_OPTION_HTTPS_MEM_KEY, tls_key(t, NULL)}, {MHD_OPTION_HTTPS_MEM_CERT, tls_cert(t, NULL)},
        {MHD_OPTION_HTTPS_MEM_TRUST, tls_ca(t, NULL)}, {MHD_OPTION_HTTPS_PRIORITIES, PRIORITIES}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        options[i] = (struct MHD_OptionItem){rows[i].option, 0, (void *)(uintptr_t)rows[i].text};
    options[sizeof rows / sizeof *rows] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
}

/* Takes listen_fd in any case. */
static struct MHD_Daemon *start_daemon(struct http_server *s, int listen_fd)
{
    const struct http_config *c = &s->config;
    struct MHD_OptionItem tls[] = {{MHD_OPTION_END, 0, NULL}, {MHD_OPTION_END, 0, NULL}, {MHD_OPTION_END, 0, NULL},
        {MHD_OPTION_END, 0, NULL}, {MHD_OPTION_END, 0, NULL}};
    unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_ITC | MHD_USE_ERROR_LOG;
    if (c->tls) {
        flags |= MHD_USE_TLS;
        add_tls(c->tls, tls);
    }
    struct MHD_Daemon *d = MHD_start_daemon(flags, 0, NULL, NULL, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, on_log, s,
        MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_URI_LOG_CALLBACK, on_target, s, MHD_OPTION_UNESCAPE_CALLBACK, on_unescape, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_CONNECTION_LIMIT, c->connections_max,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, c->connections_per_ip_max, MHD_OPTION_CONNECTION_TIMEOUT, c->timeout_s,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, c->memory_per_connection, MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK_BYTES + LIMITS_STACK_MORE,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);

    if (!d)
        close(listen_fd);
    return d;
}

static void fill_defaults(struct http_config *c)
{
    if (c->connections_max == 0)
        c->connections_max = CONNECTIONS_DEFAULT;
    if (c->timeout_s == 0)
        c->timeout_s = TIMEOUT_DEFAULT_S;
    if (c->memory_per_connection == 0)
        c->memory_per_connection = MEMORY_DEFAULT;
}

static void release(struct http_server *s)
{
    crowd_free(s->crowd);
    sign_nonces_free(s->nonces);
    free(s);
}

enum err http_start(const struct http_config *config, struct http_server **out)
{
    struct http_server *s;
    int listen_fd;
    enum err e;

    for (size_t i = 0; i < config->n_routes; i++) {
        if (config->routes[i].auth != HTTP_AUTH_NONE && (!config->keys || !config->routes[i].from))
            return ERR_INVALID;
    }
    if (config->tls && MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES)
        return ERR_INTERNAL;
    s = calloc(1, sizeof *s);
    if (!s)
        return ERR_NOMEM;
    s->config = *config;
    fill_defaults(&s->config);
    s->started_ms = clock_unix_ms();
    s->nonces = sign_nonces_new();
    s->crowd = crowd_new(s->config.connections_max, READING_MS);
    e = s->nonces && s->crowd ? listen_on(config->address, config->port, &listen_fd, &s->port) : ERR_NOMEM;
    if (!e) {
        s->daemon = start_daemon(s, listen_fd);
        e = s->daemon ? ERR_OK : ERR_IO;
    }
    if (e) {
        release(s);
        return e;
    }
    *out = s;
    return ERR_OK;
}

void http_stop(struct http_server *s)
{
    if (!s)
        return;
    MHD_stop_daemon(s->daemon);
    release(s);
}

unsigned http_load(const struct http_server *s)
{
    return atomic_load(&s->under_way);
}

uint16_t http_port(const struct http_server *s)
{
    return s->port;
}
