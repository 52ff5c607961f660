#include "node/share_rate.h"

#include <time.h>

#define BURST_US 50000u /* what was not used is kept for so long */
#define TURNS_PER_S 20u

void share_rate_init(struct share_rate *r, uint64_t bytes_per_s)
{
    pthread_condattr_t monotonic;
    r->bytes_per_s = bytes_per_s;
    r->free_at_us = 0;
    r->stop = 0;
    pthread_mutex_init(&r->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&r->stopped, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

void share_rate_release(struct share_rate *r)
{
    pthread_cond_destroy(&r->stopped);
    pthread_mutex_destroy(&r->lock);
}

size_t share_rate_piece(const struct share_rate *r, size_t max)
{
    uint64_t piece = r->bytes_per_s / TURNS_PER_S;
    if (r->bytes_per_s == 0 || piece >= max)
        return max;
    return piece > 0 ? (size_t)piece : 1;
}

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

enum err share_rate_take(struct share_rate *r, size_t bytes)
{
    if (r->bytes_per_s == 0)
        return ERR_OK;
    pthread_mutex_lock(&r->lock);
    uint64_t now = now_us(), earliest = now > BURST_US ? now - BURST_US : 0;
    uint64_t start_us = r->free_at_us > earliest ? r->free_at_us : earliest;
    r->free_at_us = start_us + (uint64_t)((double)bytes * 1e6 / (double)r->bytes_per_s);
    struct timespec until = {.tv_sec = (time_t)(start_us / 1000000u), .tv_nsec = (long)(start_us % 1000000u * 1000u)};
    int rc = 0;
    while (!r->stop && rc == 0 && now_us() < start_us)
        rc = pthread_cond_timedwait(&r->stopped, &r->lock, &until);
    enum err e = r->stop ? ERR_UNAVAILABLE : ERR_OK;
    pthread_mutex_unlock(&r->lock);
    return e;
}

void share_rate_stop(struct share_rate *r)
{
    pthread_mutex_lock(&r->lock);
    r->stop = 1;
    pthread_cond_broadcast(&r->stopped);
    pthread_mutex_unlock(&r->lock);
}
