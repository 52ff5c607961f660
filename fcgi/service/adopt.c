#include "fcgi/service/adopt.h"

#include "fcgi/service/adopt_inside.h"
#include "fcgi/service/wait.h"
#include "lib/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One file of the list. */
struct entry {
    char sha256[HASH_HEX_SIZE]; /* "": free */
    int waits;                  /* it has not been tried yet */
    uint64_t order;             /* who came first is first */
    uint64_t until_ms;          /* boot time; tried, and not again before */
};

struct adopter {
    pthread_t thread;
    pthread_mutex_t lock; /* all below but the worker */
    pthread_cond_t wake;
    struct entry at[ADOPT_WAITING_MAX];
    uint64_t orders;
    int stopping;
    struct worker worker; /* the thread's own */
};

/* ---- the list */

/* With the lock held: the entry of this hash, else one that is free or over; NULL when there is none. */
static struct entry *find_place(struct adopter *a, const char *sha256, uint64_t now_ms)
{
    struct entry *place = NULL;
    for (size_t i = 0; i < ADOPT_WAITING_MAX; i++) {
        struct entry *e = &a->at[i];
        if (strcmp(e->sha256, sha256) == 0)
            return e;
        if (place == NULL && (e->sha256[0] == '\0' || (!e->waits && e->until_ms <= now_ms)))
            place = e;
    }
    return place;
}

void adopt_offer(struct adopter *a, const char *sha256)
{
    uint64_t now_ms = clock_boot_ms();
    pthread_mutex_lock(&a->lock);
    struct entry *e = find_place(a, sha256, now_ms);
    if (e != NULL && !e->waits && e->until_ms <= now_ms) {
        *e = (struct entry){.waits = 1, .order = a->orders++};
        snprintf(e->sha256, sizeof(e->sha256), "%s", sha256);
        pthread_cond_signal(&a->wake);
    }
    pthread_mutex_unlock(&a->lock);
}

/* With the lock held: who came first of those that wait; NULL: nobody does. It counts as tried from now on, and whoever asks for it is put off until the try is long over. */
static struct entry *take_first(struct adopter *a)
{
    struct entry *first = NULL;
    for (size_t i = 0; i < ADOPT_WAITING_MAX; i++)
        if (a->at[i].waits && (first == NULL || a->at[i].order < first->order))
            first = &a->at[i];
    if (first != NULL) {
        first->waits = 0;
        first->until_ms = UINT64_MAX;
    }
    return first;
}

/* ---- the thread */

int adopt_is_stopping(struct adopter *a)
{
    pthread_mutex_lock(&a->lock);
    int stopping = a->stopping;
    pthread_mutex_unlock(&a->lock);
    return stopping;
}

static void *run(void *arg)
{
    struct adopter *a = arg;
    pthread_mutex_lock(&a->lock);
    while (!a->stopping) {
        struct entry *e = take_first(a);
        if (e == NULL) {
            pthread_cond_wait(&a->wake, &a->lock);
            continue;
        }
        char sha256[HASH_HEX_SIZE];
        memcpy(sha256, e->sha256, sizeof(sha256));
        pthread_mutex_unlock(&a->lock);
        adopt_take(a, &a->worker, sha256);
        arena_reset(&a->worker.arena);
        pthread_mutex_lock(&a->lock);
        e->until_ms = clock_boot_ms() + ADOPT_PAUSE_MS;
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

static void release(struct adopter *a)
{
    worker_release(&a->worker);
    pthread_cond_destroy(&a->wake);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

enum err adopt_start(struct app *app, struct adopter **out)
{
    struct adopter *a = calloc(1, sizeof(*a));
    if (a == NULL)
        return ERR_NOMEM;
    pthread_mutex_init(&a->lock, NULL);
    wait_cond_init(&a->wake);
    if (worker_init(&a->worker, app) != ERR_OK || pthread_create(&a->thread, NULL, run, a) != 0) {
        release(a);
        return ERR_NOMEM;
    }
    *out = a;
    return ERR_OK;
}

void adopt_stop(struct adopter *a)
{
    if (a == NULL)
        return;
    pthread_mutex_lock(&a->lock);
    a->stopping = 1;
    pthread_cond_signal(&a->wake);
    pthread_mutex_unlock(&a->lock);
    pthread_join(a->thread, NULL);
    release(a);
}
