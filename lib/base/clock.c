#include "lib/base/clock.h"

#include "lib/base/id.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define COUNTER_BITS 12
/* No clock gets here before the year 2112; a value in this last stretch is ignored, so that counting on can never wrap. */
#define CLOCK_MAX (UINT64_MAX - (UINT64_C(1) << 32))

static struct timespec now(clockid_t id)
{
    struct timespec t;
    if (clock_gettime(id, &t) != 0)
        abort(); /* only for clocks that the kernel does not have */
    return t;
}

uint64_t clock_unix_ms(void)
{
    return clock_unix_us() / 1000;
}

uint64_t clock_unix_us(void)
{
    struct timespec t = now(CLOCK_REALTIME);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t clock_boot_ms(void)
{
    struct timespec t = now(CLOCK_BOOTTIME);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void clock_sleep_ms(uint64_t ms)
{
    struct timespec left = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
        continue;
}

void hlc_init(struct hlc *c)
{
    pthread_mutex_init(&c->lock, NULL);
    c->last = 0;
    c->process = id_random_u64();
}

void hlc_release(struct hlc *c)
{
    pthread_mutex_destroy(&c->lock);
}

struct stamp hlc_next(struct hlc *c)
{
    uint64_t wall = clock_unix_us() << COUNTER_BITS;
    pthread_mutex_lock(&c->lock);
    c->last = wall > c->last ? wall : c->last + 1;
    struct stamp s = {.clock = c->last, .process = c->process};
    pthread_mutex_unlock(&c->lock);
    return s;
}

void hlc_see(struct hlc *c, struct stamp s)
{
    if (s.clock > CLOCK_MAX)
        return;
    pthread_mutex_lock(&c->lock);
    if (s.clock > c->last)
        c->last = s.clock;
    pthread_mutex_unlock(&c->lock);
}

uint64_t hlc_from_unix_ms(uint64_t unix_ms)
{
    return unix_ms * 1000 << COUNTER_BITS;
}

uint64_t hlc_to_unix_ms(uint64_t clock)
{
    return (clock >> COUNTER_BITS) / 1000;
}
