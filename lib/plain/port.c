#include "lib/plain/port.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/num.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 512
#define ACCEPT_PAUSE_MS 100u /* after a connection could not be taken, for want of descriptors */
#define KEEPALIVE_IDLE_S 30  /* a machine that is gone is noticed after about a minute */
#define KEEPALIVE_EVERY_S 10
#define KEEPALIVE_COUNT 3
#define LINGER_BYTES_MAX (1u << 20)

struct port {
    const struct port_calls *calls;
    void *ctx;
    int listen_fd, stop_fd;
    pthread_t thread;
    struct port_conn *conns[PORT_CONNECTIONS_MAX];
    size_t n;
    uint64_t accept_at_ms, tick_at_ms;
};

/* ---- one connection */

static void put_off(struct port_conn *c, uint64_t ms)
{
    c->due_ms = clock_boot_ms() + ms;
}

static void set_number(int fd, int level, int name, int value)
{
    int rc = setsockopt(fd, level, name, &value, sizeof value);
    (void)rc; /* these make it better, none is needed */
}

static void tune(int fd)
{
    set_number(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_number(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_number(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
    set_number(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_EVERY_S);
    set_number(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT);
}

static void write_host(const struct sockaddr_storage *a, char out[PORT_HOST_SIZE])
{
    char text[INET6_ADDRSTRLEN] = "";
    if (a->ss_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)a)->sin_addr, text, sizeof text);
    else
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)a)->sin6_addr, text, sizeof text);
    snprintf(out, PORT_HOST_SIZE, a->ss_family == AF_INET ? "%s" : "[%s]", text);
}

static void drop(struct port *p, struct port_conn *c)
{
    size_t i = 0;
    while (p->conns[i] != c)
        i++;
    p->conns[i] = p->conns[--p->n];
    if (c->fd >= 0) {
        if (p->calls->gone)
            p->calls->gone(p->ctx, c);
        close(c->fd);
    }
    plain_release(&c->in);
    buf_release(&c->out);
    free(c);
}

/* From now on it is only told what is in `out`, then it is over. */
static void begin_end(struct port_conn *c)
{
    c->ending = 1;
    put_off(c, PORT_HALF_MAX_MS);
}

enum port_verdict port_refuse(struct port_conn *c, const char *why)
{
    char text[256];
    snprintf(text, sizeof text, "ERROR %s", why);
    enum err e = plain_say(&c->out, c->in.form, text);
    (void)e; /* without room for the reason it ends all the same */
    return PORT_END;
}

int port_take(struct port_conn *c)
{
    int fd = c->fd;
    c->fd = -1;
    return fd;
}

/* Sends what it takes. Returns 0 when the connection is no more. */
static int flush(struct port_conn *c)
{
    size_t sent = 0;
    while (sent < c->out.len) {
        ssize_t n = send(c->fd, c->out.data + sent, c->out.len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            return 0;
        if (n <= 0)
            break;
        sent += (size_t)n;
    }
    if (sent == c->out.len) {
        buf_release(&c->out);
    } else if (sent > 0) {
        memmove(c->out.data, c->out.data + sent, c->out.len - sent);
        buf_truncate(&c->out, c->out.len - sent);
    }
    if (sent > 0 && (c->out.len > 0 || c->ending))
        put_off(c, PORT_HALF_MAX_MS);
    if (c->ending && c->out.len == 0 && !c->shut) {
        shutdown(c->fd, SHUT_WR);
        c->shut = 1;
        put_off(c, PORT_LINGER_MS);
    }
    return 1;
}

/* Whether the connection goes on as before. */
static int obey(struct port_conn *c, enum port_verdict v)
{
    if (v == PORT_END)
        begin_end(c);
    return v == PORT_GO_ON;
}

static int greet(struct port *p, struct port_conn *c)
{
    if (c->greeted)
        return 1;
    c->greeted = 1;
    return obey(c, p->calls->greet(p->ctx, c));
}

static const char *why_refused(enum err e)
{
    switch (e) {
    case ERR_TOO_LARGE: return "the message is too long";
    case ERR_SYNTAX: return "this is no message of the protocol";
    default: return err_text(e);
    }
}

/* Hands over the whole messages that are there, as far as there is room for the answers. */
static void hand_over(struct port *p, struct port_conn *c)
{
    struct pickle message;
    enum err e = ERR_OK;
    int goes_on = greet(p, c);
    while (goes_on && c->out.len < PORT_OUT_MAX / 4 && (e = plain_next(&c->in, &message)) == ERR_OK) {
        c->spoke = 1;
        goes_on = obey(c, p->calls->said(p->ctx, c, &message));
        put_off(c, PORT_SILENT_MAX_MS);
        c->half = 0;
    }
    if (goes_on && p->calls->rest)
        goes_on = obey(c, p->calls->rest(p->ctx, c));
    if (goes_on && e != ERR_OK && e != ERR_NOT_FOUND)
        goes_on = obey(c, port_refuse(c, why_refused(e)));
    if (!goes_on || e != ERR_NOT_FOUND)
        return;
    /* The time of a message counts from its first byte: one that comes a byte at a time ends too. */
    size_t half = plain_half(&c->in);
    if (half > 0 && c->half == 0)
        put_off(c, PORT_HALF_MAX_MS);
    c->half = half;
}

/* Reads once. Returns 0 when the other side is gone. */
static int take_in(struct port *p, struct port_conn *c)
{
    char bytes[PLAIN_PIECE_MAX];
    ssize_t n = recv(c->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if (n == 0)
        return 0;
    if (c->ending)
        return 1; /* nobody listens any more */
    enum err e = plain_feed(&c->in, bytes, (size_t)n);
    if (e != ERR_OK)
        return 0;
    hand_over(p, c);
    return 1;
}

/* What poll said of it. Returns 0 when it is over. */
static int serve(struct port *p, struct port_conn *c, short events)
{
    int had_answers = c->out.len > 0;
    if ((events & (POLLERR | POLLNVAL)) && !(events & POLLIN))
        return 0;
    if ((events & (POLLIN | POLLHUP)) && !take_in(p, c))
        return 0;
    if (c->fd >= 0 && c->out.len > 0 && !flush(c))
        return 0;
    /* Commands that waited for room. */
    if (c->fd >= 0 && had_answers && c->out.len == 0 && !c->ending) {
        hand_over(p, c);
        if (c->fd >= 0 && c->out.len > 0 && !flush(c))
            return 0;
    }
    return c->fd >= 0 && (!c->ending || c->out.len > 0 || c->shut || flush(c));
}

/* Its time has come: silent ones are greeted once, then they end. Returns 0 when it is over. */
static int on_time(struct port *p, struct port_conn *c)
{
    if (!c->greeted) {
        put_off(c, PORT_SILENT_MAX_MS);
        if (c->in.form == PLAIN_UNKNOWN)
            (void)greet(p, c);
        return c->fd >= 0 && flush(c);
    }
    if (c->stays && !c->ending && c->half == 0 && c->out.len == 0) {
        put_off(c, PORT_SILENT_MAX_MS);
        return 1;
    }
    if (c->ending || c->out.len > 0)
        return 0;
    (void)obey(c, port_refuse(c, c->half ? "the message does not end" : "nothing was said for too long"));
    return flush(c);
}

/* ---- new ones */

static struct port_conn *oldest_silent(const struct port *p)
{
    struct port_conn *found = NULL;
    for (size_t i = 0; i < p->n; i++) {
        struct port_conn *c = p->conns[i];
        if (!c->spoke && !c->stays && (!found || c->since_ms < found->since_ms))
            found = c;
    }
    return found;
}

static int make_room(struct port *p, int fd)
{
    static const char full[] = "ERROR too many connections\n";
    struct port_conn *silent = p->n < PORT_CONNECTIONS_MAX ? NULL : oldest_silent(p);
    if (silent)
        drop(p, silent);
    if (p->n < PORT_CONNECTIONS_MAX)
        return 1;
    ssize_t sent = send(fd, full, sizeof full - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent; /* it ends in any case */
    return 0;
}

/* Returns 0 when nobody waits any more. */
static int take_one(struct port *p)
{
    struct sockaddr_storage from = {0};
    socklen_t len = sizeof from;
    int fd = accept4(p->listen_fd, (struct sockaddr *)&from, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
            p->accept_at_ms = clock_boot_ms() + ACCEPT_PAUSE_MS;
        return 0;
    }
    struct port_conn *c = make_room(p, fd) ? calloc(1, sizeof *c) : NULL;
    if (!c) {
        close(fd);
        return 1;
    }
    tune(fd);
    c->fd = fd;
    c->since_ms = clock_boot_ms();
    put_off(c, PORT_FORM_WAIT_MS);
    plain_init(&c->in);
    buf_init(&c->out, PORT_OUT_MAX);
    write_host(&from, c->host);
    p->conns[p->n++] = c;
    return 1;
}

/* ---- the thread */

static short wanted(const struct port_conn *c)
{
    if (c->out.len == 0)
        return POLLIN;
    return c->ending ? POLLIN | POLLOUT : POLLOUT;
}

/* Fills what poll looks at; returns for how long it may look. */
static int prepare(const struct port *p, struct pollfd *fds, uint64_t now_ms)
{
    int accepts = now_ms >= p->accept_at_ms;
    uint64_t due_ms = accepts ? UINT64_MAX : p->accept_at_ms;
    fds[0] = (struct pollfd){.fd = p->stop_fd, .events = POLLIN};
    fds[1] = (struct pollfd){.fd = accepts ? p->listen_fd : -1, .events = POLLIN};
    if (p->calls->tick && p->tick_at_ms < due_ms)
        due_ms = p->tick_at_ms;
    for (size_t i = 0; i < p->n; i++) {
        fds[2 + i] = (struct pollfd){.fd = p->conns[i]->fd, .events = wanted(p->conns[i])};
        if (p->conns[i]->due_ms < due_ms)
            due_ms = p->conns[i]->due_ms;
    }
    if (due_ms == UINT64_MAX)
        return -1;
    return due_ms > now_ms ? (int)(due_ms - now_ms) : 0;
}

/* Downwards: a connection that is dropped gives its place to the last one, which was served already. */
static void serve_all(struct port *p, const struct pollfd *fds)
{
    uint64_t now_ms = clock_boot_ms();
    for (size_t i = p->n; i-- > 0;) {
        struct port_conn *c = p->conns[i];
        int lives = fds[2 + i].revents ? serve(p, c, fds[2 + i].revents) : 1;
        if (lives && now_ms >= c->due_ms)
            lives = on_time(p, c);
        if (!lives)
            drop(p, c);
    }
}

static void *run(void *arg)
{
    struct port *p = arg;
    struct pollfd fds[PORT_CONNECTIONS_MAX + 2];
    for (;;) {
        uint64_t now_ms = clock_boot_ms();
        if (p->calls->tick && now_ms >= p->tick_at_ms) {
            p->calls->tick(p->ctx);
            now_ms = clock_boot_ms();
            p->tick_at_ms = now_ms + PORT_TICK_MS;
        }
        int timeout_ms = prepare(p, fds, now_ms);
        if (poll(fds, 2 + p->n, timeout_ms) < 0)
            continue; /* interrupted: the answers are not filled */
        if (fds[0].revents)
            break;
        serve_all(p, fds);
        while (fds[1].revents && take_one(p))
            continue;
    }
    while (p->n > 0)
        drop(p, p->conns[p->n - 1]);
    return NULL;
}

/* ---- start and stop */

static enum err parse_address(const char *listen, uint16_t number, struct sockaddr_storage *out, socklen_t *len)
{
    char host[INET6_ADDRSTRLEN];
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    const char *colon = strrchr(listen, ':');
    int brackets = listen[0] == '[';
    size_t n = colon ? (size_t)(colon - listen) : 0;
    memset(out, 0, sizeof *out);
    if (n < (brackets ? 3u : 1u) || n - (brackets ? 2 : 0) >= sizeof host || (brackets && listen[n - 1] != ']'))
        return ERR_INVALID;
    snprintf(host, sizeof host, "%.*s", (int)(n - (brackets ? 2 : 0)), listen + brackets);
    if (!brackets && inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(number);
        *len = sizeof *v4;
        return ERR_OK;
    }
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) != 1)
        return ERR_INVALID;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(number);
    *len = sizeof *v6;
    return ERR_OK;
}

static enum err listen_at(const char *listen_text, uint16_t number, int *out)
{
    struct sockaddr_storage a;
    socklen_t len;
    enum err e = parse_address(listen_text, number, &a, &len);
    if (e != ERR_OK)
        return e;
    int fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return ERR_IO;
    set_number(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (bind(fd, (struct sockaddr *)&a, len) || listen(fd, BACKLOG)) {
        close(fd);
        return ERR_IO;
    }
    *out = fd;
    return ERR_OK;
}

enum err port_start(const char *listen_text, uint16_t number, const struct port_calls *calls, void *ctx, struct port **out)
{
    struct port *p = calloc(1, sizeof *p);
    if (!p)
        return ERR_NOMEM;
    *p = (struct port){.calls = calls, .ctx = ctx, .listen_fd = -1};
    p->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    enum err e = p->stop_fd < 0 ? ERR_IO : listen_at(listen_text, number, &p->listen_fd);
    if (e == ERR_OK && pthread_create(&p->thread, NULL, run, p) != 0)
        e = ERR_NOMEM;
    if (e == ERR_OK) {
        *out = p;
        return ERR_OK;
    }
    if (p->listen_fd >= 0)
        close(p->listen_fd);
    if (p->stop_fd >= 0)
        close(p->stop_fd);
    free(p);
    return e;
}

void port_stop(struct port *p)
{
    if (!p)
        return;
    ssize_t n = write(p->stop_fd, &(uint64_t){1}, sizeof(uint64_t));
    assert(n == (ssize_t)sizeof(uint64_t)); /* an eventfd takes the first number always */
    pthread_join(p->thread, NULL);
    close(p->listen_fd);
    close(p->stop_fd);
    free(p);
}

void port_linger(int fd)
{
    char bytes[4096];
    uint64_t until_ms = clock_boot_ms() + PORT_LINGER_MS, now_ms;
    size_t read = 0;
    shutdown(fd, SHUT_WR);
    while ((now_ms = clock_boot_ms()) < until_ms && read < LINGER_BYTES_MAX) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, (int)(until_ms - now_ms)) <= 0)
            continue;
        ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (n <= 0)
            break;
        read += (size_t)n;
    }
}
