#include "node/obtain_port.h"

#include "lib/base/limits.h"
#include "lib/base/log.h"
#include "lib/plain/port.h"
#include "node/share.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIECE_BYTES (64u << 10)
#define STACK_BYTES (256u << 10)

struct obtain_port {
    struct share *share;
    struct port *port;
    pthread_mutex_t lock; /* guards what is below */
    pthread_cond_t ended;
    int fds[OBTAIN_DOWNLOADS_MAX]; /* of the downloads under way */
    size_t n;
    int stopping;
};

/* One download, on a thread of its own. */
struct download {
    struct obtain_port *o;
    int fd;
    enum plain_form form;
    char name[PLAIN_LINE_MAX + 1];
};

/* ---- sending */

static enum err send_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return errno == EAGAIN ? ERR_TIMEOUT : ERR_IO;
        bytes += sent;
        n -= (size_t)sent;
    }
    return ERR_OK;
}

/* What is said before the bytes: size is NULL when there is no such file. */
static enum err send_head(const struct download *d, const uint64_t *size)
{
    char text[32];
    struct buf head;
    buf_init(&head, PORT_OUT_MAX);
    if (size && d->form == PLAIN_LINES)
        snprintf(text, sizeof text, "True %llu", (unsigned long long)*size);
    else
        snprintf(text, sizeof text, size ? "True" : "False");
    enum err e = plain_say(&head, d->form, text);
    if (e == ERR_OK)
        e = send_all(d->fd, head.data, head.len);
    buf_release(&head);
    return e;
}

static enum err send_bytes(const struct download *d, struct share_read *read)
{
    char *piece = malloc(PIECE_BYTES);
    enum err e = piece ? send_head(d, &share_read_stat(read)->size) : ERR_NOMEM;
    for (size_t n = 1; e == ERR_OK && n > 0;) {
        e = share_read_next(read, piece, PIECE_BYTES, &n);
        if (e == ERR_OK && n > 0)
            e = send_all(d->fd, piece, n);
    }
    free(piece);
    return e;
}

/* Opened here and not on the port's thread: a file that is being changed is waited for. */
static enum err send_file(const struct download *d)
{
    struct share_read *read = NULL;
    enum err e = share_read_open(d->o->share, d->name, &read);
    if (e == ERR_NOT_FOUND || e == ERR_SYNTAX)
        return send_head(d, NULL);
    if (e == ERR_OK)
        e = send_bytes(d, read);
    share_read_free(read);
    return e;
}

/* The end of a file in pickles is the end of the connection: one that broke off must not look like one that is whole. */
static void mark_broken(int fd)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) != 0)
        log_write(LOG_WARN, "obtain", "a broken download could not be marked as such");
}

static void make_blocking(int fd)
{
    struct timeval stall = {.tv_sec = OBTAIN_STALL_MS / 1000u};
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) != 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &stall, sizeof stall) != 0)
        log_write(LOG_WARN, "obtain", "a connection cannot wait for its reader: %s", strerror(errno));
}

/* ---- the downloads under way */

static int enter(struct obtain_port *o, int fd)
{
    pthread_mutex_lock(&o->lock);
    int has_room = !o->stopping && o->n < OBTAIN_DOWNLOADS_MAX;
    if (has_room)
        o->fds[o->n++] = fd;
    pthread_mutex_unlock(&o->lock);
    return has_room;
}

/* Before the descriptor is closed: from then on stop leaves it alone. */
static void forget(struct obtain_port *o, int fd)
{
    pthread_mutex_lock(&o->lock);
    for (size_t i = 0; i < o->n; i++) {
        if (o->fds[i] == fd)
            o->fds[i] = -1;
    }
    pthread_mutex_unlock(&o->lock);
}

/* The last thing a download does. */
static void leave(struct obtain_port *o)
{
    pthread_mutex_lock(&o->lock);
    size_t i = 0;
    while (o->fds[i] != -1)
        i++;
    o->fds[i] = o->fds[--o->n];
    pthread_cond_broadcast(&o->ended);
    pthread_mutex_unlock(&o->lock);
}

static void *run_download(void *arg)
{
    struct download *d = arg;
    struct obtain_port *o = d->o;
    int fd = d->fd;
    make_blocking(fd);
    enum err e = send_file(d);
    free(d);
    if (e == ERR_OK)
        port_linger(fd);
    else
        mark_broken(fd);
    if (e == ERR_CONFLICT)
        log_write(LOG_INFO, "obtain", "a file changed while it was given out; the download was broken off");
    forget(o, fd);
    close(fd);
    leave(o);
    return NULL;
}

/* The thread owns d from its start on. */
static enum err start_thread(struct download *d)
{
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_BYTES + LIMITS_STACK_MORE);
    int rc = pthread_create(&thread, &attributes, run_download, d);
    pthread_attr_destroy(&attributes);
    return rc == 0 ? ERR_OK : ERR_NOMEM;
}

/* ---- what is said on the port */

/* Hands the connection to a thread of its own. */
static enum port_verdict obtain(struct obtain_port *o, struct port_conn *c, const struct plain_command *command)
{
    struct download *d = calloc(1, sizeof *d);
    if (!d)
        return port_refuse(c, "out of memory");
    if (!enter(o, c->fd)) {
        free(d);
        return port_refuse(c, "too many downloads at once; try again");
    }
    *d = (struct download){.o = o, .fd = c->fd, .form = c->in.form};
    memcpy(d->name, command->name, command->name_len); /* a message is no longer than that, and the rest is zero */
    if (start_thread(d) == ERR_OK) {
        (void)port_take(c);
        return PORT_TAKEN;
    }
    forget(o, c->fd);
    leave(o);
    free(d);
    return port_refuse(c, "out of memory");
}

/* Nothing is said first: whoever comes knows what he wants. */
static enum port_verdict on_greet(void *ctx, struct port_conn *c)
{
    (void)ctx;
    (void)c;
    return PORT_GO_ON;
}

static enum port_verdict on_said(void *ctx, struct port_conn *c, const struct pickle *message)
{
    struct plain_command command;
    enum err e = message->kind == PICKLE_TEXT ? plain_command(message->text, message->text_len, &command) : ERR_SYNTAX;
    if (e != ERR_OK)
        return port_refuse(c, e == ERR_SYNTAX ? "unknown command" : "the command is not complete");
    switch (command.word) {
    case PLAIN_OBTAIN: return obtain(ctx, c, &command);
    case PLAIN_EXIT: return PORT_END;
    default: return port_refuse(c, "a peer knows OBTAIN and EXIT only");
    }
}

/* ---- start and stop */

enum err obtain_port_start(struct share *share, const char *listen, uint16_t number, struct obtain_port **out)
{
    static const struct port_calls calls = {.greet = on_greet, .said = on_said};
    struct obtain_port *o = calloc(1, sizeof *o);
    if (!o)
        return ERR_NOMEM;
    o->share = share;
    pthread_mutex_init(&o->lock, NULL);
    pthread_cond_init(&o->ended, NULL);
    enum err e = port_start(listen, number, &calls, o, &o->port);
    if (e == ERR_OK) {
        *out = o;
        return ERR_OK;
    }
    pthread_cond_destroy(&o->ended);
    pthread_mutex_destroy(&o->lock);
    free(o);
    return e;
}

void obtain_port_stop(struct obtain_port *o)
{
    if (!o)
        return;
    port_stop(o->port);
    pthread_mutex_lock(&o->lock);
    o->stopping = 1;
    for (size_t i = 0; i < o->n; i++) {
        if (o->fds[i] >= 0)
            shutdown(o->fds[i], SHUT_RDWR);
    }
    while (o->n > 0)
        pthread_cond_wait(&o->ended, &o->lock);
    pthread_mutex_unlock(&o->lock);
    pthread_cond_destroy(&o->ended);
    pthread_mutex_destroy(&o->lock);
    free(o);
}
