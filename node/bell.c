#include "node/bell.h"

#include <time.h>

void bell_init(struct bell *b)
{
    pthread_condattr_t monotonic;
    pthread_mutex_init(&b->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&b->rung, &monotonic);
    pthread_condattr_destroy(&monotonic);
    b->ringing = 0;
    b->stop = 0;
}

void bell_release(struct bell *b)
{
    pthread_cond_destroy(&b->rung);
    pthread_mutex_destroy(&b->lock);
}

static struct timespec in_ms(uint64_t ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    uint64_t ns = (uint64_t)t.tv_nsec + ms % 1000u * 1000000u;
    t.tv_sec += (time_t)(ms / 1000u + ns / 1000000000u);
    t.tv_nsec = (long)(ns % 1000000000u);
    return t;
}

int bell_wait_locked(struct bell *b, uint64_t ms, int *called)
{
    struct timespec until = in_ms(ms);
    int rc = 0;
    while (!b->stop && !b->ringing && rc == 0)
        rc = pthread_cond_timedwait(&b->rung, &b->lock, &until);
    if (called)
        *called = b->ringing;
    b->ringing = 0;
    return !b->stop;
}

int bell_wait(struct bell *b, uint64_t ms, int *called)
{
    pthread_mutex_lock(&b->lock);
    int go = bell_wait_locked(b, ms, called);
    pthread_mutex_unlock(&b->lock);
    return go;
}

void bell_ring_locked(struct bell *b)
{
    b->ringing = 1;
    pthread_cond_signal(&b->rung);
}

void bell_ring(struct bell *b)
{
    pthread_mutex_lock(&b->lock);
    bell_ring_locked(b);
    pthread_mutex_unlock(&b->lock);
}

void bell_stop(struct bell *b)
{
    pthread_mutex_lock(&b->lock);
    b->stop = 1;
    pthread_cond_broadcast(&b->rung);
    pthread_mutex_unlock(&b->lock);
}

int bell_is_stopping(struct bell *b)
{
    pthread_mutex_lock(&b->lock);
    int stop = b->stop;
    pthread_mutex_unlock(&b->lock);
    return stop;
}
