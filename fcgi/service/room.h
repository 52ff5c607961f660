/* Room for upload bodies that are held in memory: all threads together never hold more than so many bytes; who finds no room waits. */
#ifndef RB_FCGI_SERVICE_ROOM_H
#define RB_FCGI_SERVICE_ROOM_H

#include "lib/base/err.h"

#include <stddef.h>

struct room;

/* NULL when out of memory. */
struct room *room_new(size_t max_bytes);
void room_free(struct room *r);

/* Takes n bytes of it, waiting at most wait_ms: ERR_UNAVAILABLE then. n may not be more than the maximum. */
enum err room_take(struct room *r, size_t n, unsigned wait_ms) MUST_CHECK;
void room_give(struct room *r, size_t n);

#endif
