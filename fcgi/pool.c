#include "fcgi/pool.h"

#include "fcgi/front.h"
#include "lib/base/clock.h"
#include "lib/base/limits.h"
#include "lib/base/log.h"

#include <errno.h>
#include <fcgiapp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define STACK_BYTES (512u * 1024u)
#define WAKE_SIGNAL SIGUSR2 /* ends the read or accept of an idle thread */
#define ACCEPT_PAUSE_MS 20u /* after a failed accept: descriptors run out for a while, not for ever */
#define STOP_POLL_MS 10u
#define START_GRACE_MS 2000u /* for threads of a start that failed half-way */

enum thread_state { THREAD_IDLE, THREAD_BUSY, THREAD_GONE };

struct thread {
    struct pool *pool;
    pthread_t handle;
    struct worker worker;
    FCGX_Request request;
    _Atomic int state; /* enum thread_state */
};

struct pool {
    struct metrics *metrics;
    int listen_fd;
    _Atomic int stopping;
    unsigned n; /* threads that run */
    struct thread threads[];
};

enum err pool_global_init(void)
{
    return FCGX_Init() == 0 ? ERR_OK : ERR_INTERNAL;
}

/* ---- libfcgi as a transport ---- */

static const char *transport_param(void *ctx, const char *name)
{
    const FCGX_Request *q = ctx;
    return FCGX_GetParam(name, q->envp);
}

static long transport_read(void *ctx, void *into, size_t n)
{
    FCGX_Request *q = ctx;
    int got = FCGX_GetStr(into, n > (1u << 20) ? 1 << 20 : (int)n, q->in);
    return got == 0 && FCGX_GetError(q->in) != 0 ? -1 : got;
}

static enum err transport_write(void *ctx, const void *data, size_t n)
{
    FCGX_Request *q = ctx;
    const char *at = data;
    while (n > 0) {
        int part = n > (1u << 20) ? 1 << 20 : (int)n;
        if (FCGX_PutStr(at, part, q->out) != part)
            return ERR_IO;
        at += part;
        n -= (size_t)part;
    }
    return ERR_OK;
}

/* Ends the request. A connection on which body bytes are left must not be used again: libfcgi would read them as the records of the next request,
 * and they are the client's words. */
static void finish(FCGX_Request *q)
{
    if (FCGX_GetChar(q->in) == EOF && FCGX_GetError(q->in) == 0) {
        FCGX_Finish_r(q);
        return;
    }
    FCGX_FClose(q->err);
    FCGX_FClose(q->out);
    FCGX_Free(q, 1);
}

/* ---- one thread ---- */

static int is_stopping(const struct pool *p)
{
    return atomic_load(&p->stopping);
}

/* Waits for the next request: 1, or 0 when the pool stops. */
static int next_request(struct thread *t)
{
    int failed = 0;
    while (!is_stopping(t->pool)) {
        atomic_store(&t->state, THREAD_IDLE);
        int e = FCGX_Accept_r(&t->request);
        atomic_store(&t->state, THREAD_BUSY);
        if (e >= 0)
            return 1;
        if (is_stopping(t->pool))
            break;
        if (failed++ == 0)
            log_write(LOG_WARN, "accept", "no request could be taken: %s; trying on", strerror(-e));
        if (e == -EMFILE || e == -ENFILE)
            worker_rest(&t->worker); /* then one more descriptor at least is there */
        clock_sleep_ms(ACCEPT_PAUSE_MS);
    }
    return 0;
}

static void *run(void *arg)
{
    struct thread *t = arg;
    const struct transport transport = {transport_param, transport_read, transport_write, &t->request};
    while (next_request(t)) {
        /* libfcgi also hands out a request whose connection ended within its parameters. */
        if (FCGX_GetError(t->request.in) == 0)
            front_serve(&t->worker, t->pool->metrics, &transport);
        finish(&t->request);
    }
    FCGX_Free(&t->request, t->request.ipcFd >= 0);
    atomic_store(&t->state, THREAD_GONE);
    return NULL;
}

static enum err start_thread(struct pool *p, struct app *app, const pthread_attr_t *attr)
{
    struct thread *t = &p->threads[p->n];
    t->pool = p;
    atomic_init(&t->state, THREAD_BUSY);
    enum err e = worker_init(&t->worker, app);
    if (e)
        return e;
    if (FCGX_InitRequest(&t->request, p->listen_fd, FCGI_FAIL_ACCEPT_ON_INTR) != 0 || pthread_create(&t->handle, attr, run, t) != 0) {
        worker_release(&t->worker);
        return ERR_NOMEM;
    }
    p->n++;
    return ERR_OK;
}

/* ---- the pool ---- */

static void on_wake(int number)
{
    (void)number; /* the interrupted call is all that matters */
}

enum err pool_start(struct app *app, struct metrics *m, int listen_fd, unsigned n, struct pool **out)
{
    struct pool *p = calloc(1, sizeof(*p) + n * sizeof(p->threads[0]));
    if (!p)
        return ERR_NOMEM;
    p->metrics = m;
    p->listen_fd = listen_fd;
    struct sigaction wake = {.sa_handler = on_wake}; /* without SA_RESTART */
    sigemptyset(&wake.sa_mask);
    sigaction(WAKE_SIGNAL, &wake, NULL);
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES + LIMITS_STACK_MORE);
    enum err e = ERR_OK;
    for (unsigned i = 0; i < n && !e; i++)
        e = start_thread(p, app, &attr);
    pthread_attr_destroy(&attr);
    if (e) {
        pool_stop(p, START_GRACE_MS);
        return e;
    }
    atomic_store(&m->threads, n);
    *out = p;
    return ERR_OK;
}

/* Wakes the idle; true when all threads are gone. */
static int all_gone(struct pool *p)
{
    int gone = 1;
    for (unsigned i = 0; i < p->n; i++) {
        int state = atomic_load(&p->threads[i].state);
        if (state == THREAD_IDLE)
            pthread_kill(p->threads[i].handle, WAKE_SIGNAL);
        gone = gone && state == THREAD_GONE;
    }
    return gone;
}

int pool_stop(struct pool *p, unsigned grace_ms)
{
    atomic_store(&p->stopping, 1);
    shutdown(p->listen_fd, SHUT_RDWR); /* accept fails from now on */
    uint64_t end = clock_boot_ms() + grace_ms;
    while (!all_gone(p)) {
        if (clock_boot_ms() >= end)
            return 0;
        clock_sleep_ms(STOP_POLL_MS);
    }
    for (unsigned i = 0; i < p->n; i++) {
        pthread_join(p->threads[i].handle, NULL);
        worker_release(&p->threads[i].worker);
    }
    free(p);
    return 1;
}
