/* A bell: how background threads wait for work, for a pause to be over, or for the end. One lock, one condition on the monotonic clock. */
#ifndef RB_NODE_BELL_H
#define RB_NODE_BELL_H

#include <pthread.h>
#include <stdint.h>

struct bell {
    pthread_mutex_t lock; /* the owner may guard its own things with it too */
    pthread_cond_t rung;
    int ringing; /* rung since the last wait */
    int stop;
};

void bell_init(struct bell *b);
void bell_release(struct bell *b);
/* Waits until it is rung, at most ms. Returns 0 once it is time to stop, else 1. *called (may be NULL) says whether it was rung. */
int bell_wait(struct bell *b, uint64_t ms, int *called);
/* The same for who holds the lock. */
int bell_wait_locked(struct bell *b, uint64_t ms, int *called);
/* Wakes one who waits; when nobody does, the next wait returns at once. */
void bell_ring(struct bell *b);
void bell_ring_locked(struct bell *b);
/* Asks everybody who waits, now or later, to stop. */
void bell_stop(struct bell *b);
int bell_is_stopping(struct bell *b);

#endif
