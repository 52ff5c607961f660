#include "fcgi/service/courses.h"

#include "fcgi/service/wait.h"
#include "lib/base/hash.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 256

/* One thread that waits for its turn; lives on that thread's stack. */
struct waiter {
    struct waiter *next;
    pthread_cond_t turn;
    int mine;
};

/* A course somebody is at work on; it exists only as long as that. */
struct line {
    struct line *next;
    struct waiter *first, *last;
    char key[];
};

struct course_queue {
    pthread_mutex_t lock;
    struct line *buckets[BUCKETS];
};

struct course_queue *courses_new(void)
{
    struct course_queue *q = calloc(1, sizeof(*q));
    if (q != NULL)
        pthread_mutex_init(&q->lock, NULL);
    return q;
}

void courses_free(struct course_queue *q)
{
    if (q == NULL)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        assert(q->buckets[i] == NULL);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

/* The place of the course's line in its bucket: points to NULL when there is none. */
static struct line **find(struct course_queue *q, const char *key)
{
    struct line **at = &q->buckets[hash_ring_point(key, strlen(key)) % BUCKETS];
    while (*at != NULL && strcmp((*at)->key, key) != 0)
        at = &(*at)->next;
    return at;
}

static void unlink_waiter(struct line *l, struct waiter *me)
{
    struct waiter *before = NULL;
    for (struct waiter *w = l->first; w != me; w = w->next)
        before = w;
    if (before == NULL)
        l->first = me->next;
    else
        before->next = me->next;
    if (l->last == me)
        l->last = before;
}

static enum err wait_for_turn(struct course_queue *q, struct line *l, unsigned wait_ms)
{
    struct waiter me = {.mine = 0};
    wait_cond_init(&me.turn);
    if (l->last == NULL)
        l->first = &me;
    else
        l->last->next = &me;
    l->last = &me;

    struct timespec until = wait_until(wait_ms);
    int late = 0;
    while (!me.mine && !late)
        late = pthread_cond_timedwait(&me.turn, &q->lock, &until) != 0;
    /* A turn that came together with the time-out counts: the line was handed over to us. */
    if (!me.mine)
        unlink_waiter(l, &me);
    pthread_cond_destroy(&me.turn);
    return me.mine ? ERR_OK : ERR_UNAVAILABLE;
}

enum err courses_enter(struct course_queue *q, const char *key, unsigned wait_ms)
{
    enum err e = ERR_OK;
    pthread_mutex_lock(&q->lock);
    struct line **at = find(q, key);
    if (*at != NULL) {
        e = wait_for_turn(q, *at, wait_ms);
    } else {
        size_t n = strlen(key) + 1;
        struct line *l = calloc(1, sizeof(*l) + n);
        if (l == NULL) {
            e = ERR_NOMEM;
        } else {
            memcpy(l->key, key, n);
            *at = l;
        }
    }
    pthread_mutex_unlock(&q->lock);
    return e;
}

void courses_leave(struct course_queue *q, const char *key)
{
    pthread_mutex_lock(&q->lock);
    struct line **at = find(q, key);
    assert(*at != NULL);
    struct line *l = *at;
    struct waiter *next = l->first;
    if (next == NULL) {
        *at = l->next;
        free(l);
    } else {
        unlink_waiter(l, next);
        next->mine = 1;
        pthread_cond_signal(&next->turn);
    }
    pthread_mutex_unlock(&q->lock);
}
