/* How fast shared files are given out: a number of bytes a second for all downloads together, each in its turn. Thread-safe. */
#ifndef RB_NODE_SHARE_RATE_H
#define RB_NODE_SHARE_RATE_H

#include "lib/base/err.h"

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

struct share_rate {
    uint64_t bytes_per_s;
    pthread_mutex_t lock; /* guards the two below */
    pthread_cond_t stopped;
    uint64_t free_at_us; /* monotonic clock: when what was taken so far is used up */
    int stop;
};

/* bytes_per_s 0: as many as there are. */
void share_rate_init(struct share_rate *r, uint64_t bytes_per_s);
void share_rate_release(struct share_rate *r);
/* The largest piece that may be taken at once, so that turns are short: a twentieth of a second, at least 1 byte, at most max. */
size_t share_rate_piece(const struct share_rate *r, size_t max);
/* Waits for the turn to give out so many bytes. ERR_UNAVAILABLE: it was stopped. */
enum err share_rate_take(struct share_rate *r, size_t bytes) MUST_CHECK;
/* Ends all waiting. */
void share_rate_stop(struct share_rate *r);

#endif
