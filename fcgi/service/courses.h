/* The in-process queue of each course: changes of one course made by threads of one api wait for each other, first come first served, instead of
 * fencing each other at the owners. It saves work; nothing is right only because of it. */
#ifndef RB_FCGI_SERVICE_COURSES_H
#define RB_FCGI_SERVICE_COURSES_H

#include "lib/base/err.h"

struct course_queue;

/* NULL when out of memory. */
struct course_queue *courses_new(void);
/* Nobody may be waiting. */
void courses_free(struct course_queue *q);

/* Waits until this thread is the only one at work on the course, at most wait_ms: ERR_UNAVAILABLE then. ERR_NOMEM. */
enum err courses_enter(struct course_queue *q, const char *key, unsigned wait_ms) MUST_CHECK;
/* Lets the next one in. Only after a courses_enter() that gave ERR_OK, by the same thread. */
void courses_leave(struct course_queue *q, const char *key);

#endif
