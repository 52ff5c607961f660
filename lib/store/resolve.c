#include "lib/store/resolve.h"

#include "lib/base/clock.h"
#include "lib/store/address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* One name, shared by who asked and the thread that looks it up; the last of the two frees it. */
struct job {
    char host[ADDRESS_HOST_MAX]; /* never changes */
    pthread_mutex_t lock;        /* all below */
    pthread_cond_t ended;
    int refs, done;
    enum err error;
    char address[RESOLVE_TEXT_MAX];
};

struct resolve {
    struct job *jobs[RESOLVE_NAMES_MAX]; /* NULL = free */
};

static void unref(struct job *j)
{
    pthread_mutex_lock(&j->lock);
    int last = --j->refs == 0;
    pthread_mutex_unlock(&j->lock);
    if (!last)
        return;
    pthread_cond_destroy(&j->ended);
    pthread_mutex_destroy(&j->lock);
    free(j);
}

static const struct addrinfo *best_of(const struct addrinfo *found)
{
    for (const struct addrinfo *a = found; a; a = a->ai_next) {
        if (a->ai_family == AF_INET)
            return a;
    }
    return found;
}

static enum err look_up(const char *host, char out[RESOLVE_TEXT_MAX])
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *found;
    int status = getaddrinfo(host, NULL, &hints, &found);
    if (status == EAI_MEMORY)
        return ERR_NOMEM;
    if (status != 0)
        return ERR_NOT_FOUND;
    const struct addrinfo *best = best_of(found);
    assert(best); /* getaddrinfo() gives an address or an error */
    status = getnameinfo(best->ai_addr, best->ai_addrlen, out, RESOLVE_TEXT_MAX, NULL, 0, NI_NUMERICHOST);
    freeaddrinfo(found);
    return status == 0 ? ERR_OK : ERR_NOT_FOUND;
}

static void *run(void *arg)
{
    struct job *j = arg;
    char address[RESOLVE_TEXT_MAX] = "";
    enum err e = look_up(j->host, address);
    pthread_mutex_lock(&j->lock);
    j->error = e;
    memcpy(j->address, address, sizeof address);
    j->done = 1;
    pthread_cond_signal(&j->ended);
    pthread_mutex_unlock(&j->lock);
    unref(j);
    return NULL;
}

static struct job *job_new(const char *host)
{
    struct job *j = calloc(1, sizeof *j);
    if (!j)
        return NULL;
    snprintf(j->host, sizeof j->host, "%s", host);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&j->lock, NULL);
    pthread_cond_init(&j->ended, &monotonic);
    pthread_condattr_destroy(&monotonic);
    j->refs = 2;
    return j;
}

/* Starts the thread, in which no signal is handled: those are for the program's own threads. */
static enum err start(struct job *j)
{
    sigset_t all, before;
    pthread_t thread;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&thread, NULL, run, j);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed)
        return ERR_NOMEM;
    pthread_detach(thread);
    return ERR_OK;
}

/* The place of the name's job; it is started unless it runs already. */
static enum err find_or_start(struct resolve *r, const char *host, struct job ***out)
{
    struct job **place = NULL;
    for (size_t i = 0; i < RESOLVE_NAMES_MAX; i++) {
        if (r->jobs[i] && strcmp(r->jobs[i]->host, host) == 0) {
            *out = &r->jobs[i];
            return ERR_OK;
        }
        if (!r->jobs[i])
            place = &r->jobs[i];
    }
    if (!place)
        return ERR_UNAVAILABLE;
    struct job *j = job_new(host);
    if (!j)
        return ERR_NOMEM;
    enum err e = start(j);
    if (e != ERR_OK) {
        unref(j); /* the thread's part */
        unref(j);
        return e;
    }
    *place = j;
    *out = place;
    return ERR_OK;
}

static enum err await(struct job *j, uint64_t deadline_ms, char out[RESOLVE_TEXT_MAX])
{
    uint64_t now_ms = clock_boot_ms(), left_ms = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(left_ms / 1000);
    until.tv_nsec += (long)(left_ms % 1000) * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&j->lock);
    while (!j->done && pthread_cond_timedwait(&j->ended, &j->lock, &until) == 0)
        continue;
    enum err e = j->done ? j->error : ERR_TIMEOUT;
    if (e == ERR_OK)
        memcpy(out, j->address, RESOLVE_TEXT_MAX);
    pthread_mutex_unlock(&j->lock);
    return e;
}

struct resolve *resolve_new(void)
{
    return calloc(1, sizeof(struct resolve));
}

void resolve_free(struct resolve *r)
{
    for (size_t i = 0; r && i < RESOLVE_NAMES_MAX; i++) {
        if (r->jobs[i])
            unref(r->jobs[i]);
    }
    free(r);
}

static int is_numeric(const char *host)
{
    struct in6_addr any;
    return inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1;
}

enum err resolve_host(struct resolve *r, const char *host, uint64_t deadline_ms, char out[RESOLVE_TEXT_MAX])
{
    if (is_numeric(host)) {
        snprintf(out, RESOLVE_TEXT_MAX, "%s", host);
        return ERR_OK;
    }
    if (strlen(host) >= ADDRESS_HOST_MAX)
        return ERR_NOT_FOUND;
    struct job **place;
    enum err e = find_or_start(r, host, &place);
    if (e != ERR_OK)
        return e;
    e = await(*place, deadline_ms, out);
    if (e == ERR_TIMEOUT)
        return e;
    unref(*place);
    *place = NULL;
    return e;
}
