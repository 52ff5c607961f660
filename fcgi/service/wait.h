/* Waiting with a time-out by the monotonic clock, which nobody sets. */
#ifndef RB_FCGI_SERVICE_WAIT_H
#define RB_FCGI_SERVICE_WAIT_H

#include <pthread.h>
#include <time.h>

/* A condition variable whose time-outs are wait_until()'s. */
void wait_cond_init(pthread_cond_t *cond);
/* The moment ms milliseconds from now, for pthread_cond_timedwait(). */
struct timespec wait_until(unsigned ms);

#endif
