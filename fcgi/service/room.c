#include "fcgi/service/room.h"

#include "fcgi/service/wait.h"

#include <assert.h>
#include <stdlib.h>

struct room {
    pthread_mutex_t lock;
    pthread_cond_t given;
    size_t max, used;
};

struct room *room_new(size_t max_bytes)
{
    struct room *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return NULL;
    pthread_mutex_init(&r->lock, NULL);
    wait_cond_init(&r->given);
    r->max = max_bytes;
    return r;
}

void room_free(struct room *r)
{
    if (r == NULL)
        return;
    assert(r->used == 0);
    pthread_cond_destroy(&r->given);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

enum err room_take(struct room *r, size_t n, unsigned wait_ms)
{
    struct timespec until = wait_until(wait_ms);
    assert(n <= r->max);
    pthread_mutex_lock(&r->lock);
    while (r->max - r->used < n)
        if (pthread_cond_timedwait(&r->given, &r->lock, &until) != 0)
            break;
    enum err e = r->max - r->used < n ? ERR_UNAVAILABLE : ERR_OK;
    if (e == ERR_OK)
        r->used += n;
    pthread_mutex_unlock(&r->lock);
    return e;
}

void room_give(struct room *r, size_t n)
{
    pthread_mutex_lock(&r->lock);
    assert(n <= r->used);
    r->used -= n;
    pthread_cond_broadcast(&r->given);
    pthread_mutex_unlock(&r->lock);
}
