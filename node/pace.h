/* The pace of copying for ring changes: a number of bytes a second, and less while people's requests are being served. Thread-safe. */
#ifndef RB_NODE_PACE_H
#define RB_NODE_PACE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

struct pace {
    uint64_t bytes_per_s;
    pthread_mutex_t lock;  /* guards free_at_us */
    uint64_t free_at_us;   /* monotonic clock: when what was taken so far is used up */
    atomic_uint people;    /* requests of people under way */
    atomic_ullong seen_us; /* monotonic clock: when the last one began */
};

/* bytes_per_s 0: as many as there are. */
void pace_init(struct pace *p, uint64_t bytes_per_s);
void pace_release(struct pace *p);

/* Around each request that a person may be waiting for. */
void pace_begin(struct pace *p);
void pace_end(struct pace *p);
/* How many there are. */
unsigned pace_people(struct pace *p);

/* Waits for the turn to copy so many bytes; and, while people are about (a request of theirs is under way, or began in the last PACE_ABOUT_MS), PACE_YIELD_MS more: each copy
 * costs the disk a few flushes, whatever its size. */
#define PACE_YIELD_MS 12u
#define PACE_ABOUT_MS 250u
void pace_take(struct pace *p, uint64_t bytes);

#endif
