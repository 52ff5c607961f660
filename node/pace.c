#include "node/pace.h"

#include "lib/base/clock.h"

#include <time.h>

#define BURST_US 250000u /* what was not used is kept for so long */

void pace_init(struct pace *p, uint64_t bytes_per_s)
{
    p->bytes_per_s = bytes_per_s > 0 ? bytes_per_s : UINT64_MAX;
    pthread_mutex_init(&p->lock, NULL);
    p->free_at_us = 0;
    atomic_init(&p->people, 0);
    atomic_init(&p->seen_us, 0);
}

void pace_release(struct pace *p)
{
    pthread_mutex_destroy(&p->lock);
}

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

void pace_begin(struct pace *p)
{
    atomic_fetch_add(&p->people, 1);
    atomic_store(&p->seen_us, now_us());
}

void pace_end(struct pace *p)
{
    atomic_fetch_sub(&p->people, 1);
}

unsigned pace_people(struct pace *p)
{
    return atomic_load(&p->people);
}

void pace_take(struct pace *p, uint64_t bytes)
{
    uint64_t now = now_us();
    pthread_mutex_lock(&p->lock);
    uint64_t earliest = now > BURST_US ? now - BURST_US : 0;
    uint64_t start = p->free_at_us > earliest ? p->free_at_us : earliest;
    p->free_at_us = start + (uint64_t)((double)bytes * 1e6 / (double)p->bytes_per_s);
    pthread_mutex_unlock(&p->lock);
    if (start > now)
        clock_sleep_ms((start - now) / 1000u);
    if (pace_people(p) > 0 || atomic_load(&p->seen_us) + PACE_ABOUT_MS * 1000u > now_us())
        clock_sleep_ms(PACE_YIELD_MS);
}
