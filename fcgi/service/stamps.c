#include "fcgi/service/stamps.h"

#include "lib/base/id.h"

#include <stdlib.h>

/* While rebased, time runs by the boot clock from `base`: the wall clock is what cannot be trusted then. The new process id keeps the stamps
 * unique although their clock values lie below ones this process has used. */
struct stamps {
    struct hlc clock;
    pthread_mutex_t lock; /* everything below */
    int rebased;
    uint64_t base; /* clock value at base_boot_ms */
    uint64_t base_boot_ms;
    uint64_t last; /* largest clock value used or seen since */
    uint64_t process;
    uint64_t rebases;
};

struct stamps *stamps_new(void)
{
    struct stamps *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return NULL;
    hlc_init(&s->clock);
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

void stamps_free(struct stamps *s)
{
    if (s == NULL)
        return;
    pthread_mutex_destroy(&s->lock);
    hlc_release(&s->clock);
    free(s);
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Draws below the hybrid clock when that is still too far ahead, else ends the rebasing. */
static struct stamp next_rebased(struct stamps *s, struct stamp wall)
{
    uint64_t elapsed_ms = clock_boot_ms() - s->base_boot_ms;
    uint64_t now = s->base + hlc_from_unix_ms(elapsed_ms);
    uint64_t allowed = now + hlc_from_unix_ms(HLC_SKEW_MAX_MS / 2);
    if (wall.clock > s->last && wall.clock <= allowed) {
        s->rebased = 0;
        return wall;
    }
    s->last = max_u64(now, s->last + 1);
    return (struct stamp){s->last, s->process};
}

struct stamp stamps_next(struct stamps *s)
{
    struct stamp wall = hlc_next(&s->clock);
    pthread_mutex_lock(&s->lock);
    struct stamp out = s->rebased ? next_rebased(s, wall) : wall;
    pthread_mutex_unlock(&s->lock);
    return out;
}

void stamps_see(struct stamps *s, struct stamp seen)
{
    hlc_see(&s->clock, seen);
    pthread_mutex_lock(&s->lock);
    if (s->rebased)
        s->last = max_u64(s->last, seen.clock);
    pthread_mutex_unlock(&s->lock);
}

void stamps_too_far(struct stamps *s, struct stamp shown)
{
    pthread_mutex_lock(&s->lock);
    s->rebased = 1;
    s->rebases++;
    s->base = shown.clock;
    s->base_boot_ms = clock_boot_ms();
    s->last = shown.clock;
    s->process = id_random_u64();
    pthread_mutex_unlock(&s->lock);
}

uint64_t stamps_rebases(struct stamps *s, int *now)
{
    pthread_mutex_lock(&s->lock);
    uint64_t n = s->rebases;
    *now = s->rebased;
    pthread_mutex_unlock(&s->lock);
    return n;
}
