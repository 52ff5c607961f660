/* The disk's limit for three durable copies: N clients append the same bodies to three logs; each log's own thread gathers what is waiting, writes it and
 * calls fdatasync once for all of it. A request is done when all three logs have it on disk.
 *
 *   disklog FOLDER SIZE CLIENTS REQUESTS          prints one JSON line like load */
#include "lib/base/num.h"
#include "tests/bench/figures.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { LOGS = 3, CLIENTS_MAX = 256 };

struct request {
    unsigned open; /* logs that still have to write it; guarded by lock */
    pthread_mutex_t lock;
    pthread_cond_t done;
};

struct log {
    int fd;
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct request *waiting[CLIENTS_MAX];
    unsigned n;
    int stopping;
};

static struct {
    struct log logs[LOGS];
    char *body;
    size_t size;
    uint64_t requests;
    _Atomic uint64_t next, errors;
    double *latency_ms;
} the;

static int write_all(int fd, const char *data, size_t n)
{
    while (n > 0) {
        ssize_t put = write(fd, data, n);
        if (put <= 0)
            return -1;
        data += put, n -= (size_t)put;
    }
    return 0;
}

static void finish(struct request *r)
{
    pthread_mutex_lock(&r->lock);
    if (--r->open == 0)
        pthread_cond_signal(&r->done);
    pthread_mutex_unlock(&r->lock);
}

static void *run_log(void *arg)
{
    struct log *l = arg;
    struct request *batch[CLIENTS_MAX];
    for (;;) {
        pthread_mutex_lock(&l->lock);
        while (l->n == 0 && !l->stopping)
            pthread_cond_wait(&l->filled, &l->lock);
        unsigned n = l->n;
        memcpy(batch, l->waiting, n * sizeof *batch);
        l->n = 0;
        pthread_mutex_unlock(&l->lock);
        if (n == 0)
            return NULL;
        for (unsigned i = 0; i < n; i++)
            if (write_all(l->fd, the.body, the.size) != 0)
                atomic_fetch_add(&the.errors, 1);
        if (fdatasync(l->fd) != 0)
            atomic_fetch_add(&the.errors, 1);
        for (unsigned i = 0; i < n; i++)
            finish(batch[i]);
    }
}

static void append_to_all(struct request *r)
{
    r->open = LOGS;
    for (int i = 0; i < LOGS; i++) {
        struct log *l = &the.logs[i];
        pthread_mutex_lock(&l->lock);
        l->waiting[l->n++] = r;
        pthread_cond_signal(&l->filled);
        pthread_mutex_unlock(&l->lock);
    }
    pthread_mutex_lock(&r->lock);
    while (r->open > 0)
        pthread_cond_wait(&r->done, &r->lock);
    pthread_mutex_unlock(&r->lock);
}

static void *run_client(void *arg)
{
    struct request r = {.lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER};
    for (uint64_t j; (j = atomic_fetch_add(&the.next, 1)) < the.requests;) {
        double started = figures_now_s();
        append_to_all(&r);
        the.latency_ms[j] = (figures_now_s() - started) * 1e3;
    }
    return arg;
}

static int open_logs(const char *folder, pthread_t *threads)
{
    for (int i = 0; i < LOGS; i++) {
        char path[4096];
        struct log *l = &the.logs[i];
        snprintf(path, sizeof path, "%s/disklog.%d", folder, i);
        l->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
        unlink(path); /* the space goes back when the program ends, however it ends */
        pthread_mutex_init(&l->lock, NULL);
        pthread_cond_init(&l->filled, NULL);
        if (l->fd < 0 || pthread_create(&threads[i], NULL, run_log, l) != 0)
            return -1;
    }
    return 0;
}

static void stop_logs(pthread_t *threads)
{
    for (int i = 0; i < LOGS; i++) {
        pthread_mutex_lock(&the.logs[i].lock);
        the.logs[i].stopping = 1;
        pthread_cond_signal(&the.logs[i].filled);
        pthread_mutex_unlock(&the.logs[i].lock);
        pthread_join(threads[i], NULL);
    }
}

int main(int argc, char **argv)
{
    uint64_t size = 0, clients = 0;
    pthread_t logs[LOGS], threads[CLIENTS_MAX];
    if (argc != 5 || num_parse_u64(argv[2], 1u << 30, &size) != ERR_OK || num_parse_u64(argv[3], CLIENTS_MAX, &clients) != ERR_OK ||
        num_parse_u64(argv[4], 1u << 30, &the.requests) != ERR_OK || clients == 0 || the.requests == 0) {
        fprintf(stderr, "usage: disklog FOLDER SIZE CLIENTS REQUESTS\n");
        return 2;
    }
    the.size = size;
    the.body = malloc(size);
    the.latency_ms = calloc(the.requests, sizeof *the.latency_ms);
    if (!the.body || !the.latency_ms || open_logs(argv[1], logs) != 0)
        return 2;
    memset(the.body, 'x', size);
    double started = figures_now_s();
    for (uint64_t i = 0; i < clients; i++)
        if (pthread_create(&threads[i], NULL, run_client, NULL) != 0)
            return 2;
    for (uint64_t i = 0; i < clients; i++)
        pthread_join(threads[i], NULL);
    double seconds = figures_now_s() - started;
    stop_logs(logs);
    figures_print(the.latency_ms, the.requests, atomic_load(&the.errors), seconds, the.size);
    return 0;
}
