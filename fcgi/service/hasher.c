#include "fcgi/service/hasher.h"

#include "fcgi/service/wait.h"
#include "lib/base/limits.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum job_state { JOB_WAITS, JOB_BEGUN, JOB_DONE };

/* One password. It lives on the stack of whoever waits for it. */
struct job {
    const char *hash; /* to compare with; with `out` unused */
    char *out;        /* where a new hash goes, or NULL: compare */
    const char *password;
    size_t len;
    enum job_state state;
    enum err error;
    struct job *next;
};

struct hasher {
    pthread_mutex_t lock;
    pthread_cond_t come, done; /* a job came, or the end; a job is done */
    struct job *first, **last; /* those that wait */
    unsigned waiting, waiting_max, n_threads;
    int stopping;
    pthread_t threads[];
};

static enum err work(const struct job *j)
{
    return j->out ? password_hash(j->password, j->len, j->out) : password_verify(j->hash, j->password, j->len);
}

static struct job *take_first(struct hasher *h)
{
    struct job *j = h->first;
    h->first = j->next;
    if (h->first == NULL)
        h->last = &h->first;
    h->waiting--;
    j->state = JOB_BEGUN;
    return j;
}

static void *run(void *arg)
{
    struct hasher *h = arg;
    limits_give_way();
    pthread_mutex_lock(&h->lock);
    for (;;) {
        while (h->first == NULL && !h->stopping)
            pthread_cond_wait(&h->come, &h->lock);
        if (h->stopping)
            break;
        struct job *j = take_first(h);
        pthread_mutex_unlock(&h->lock);
        enum err e = work(j);
        pthread_mutex_lock(&h->lock);
        j->error = e;
        j->state = JOB_DONE;
        pthread_cond_broadcast(&h->done);
    }
    pthread_mutex_unlock(&h->lock);
    return NULL;
}

struct hasher *hasher_new(unsigned threads, unsigned waiting_max)
{
    assert(threads > 0 && waiting_max > 0);
    struct hasher *h = calloc(1, sizeof(*h) + threads * sizeof(h->threads[0]));
    if (h == NULL)
        return NULL;
    pthread_mutex_init(&h->lock, NULL);
    wait_cond_init(&h->come);
    wait_cond_init(&h->done);
    h->last = &h->first;
    h->waiting_max = waiting_max;
    while (h->n_threads < threads && pthread_create(&h->threads[h->n_threads], NULL, run, h) == 0)
        h->n_threads++;
    if (h->n_threads == threads)
        return h;
    hasher_free(h);
    return NULL;
}

void hasher_free(struct hasher *h)
{
    if (h == NULL)
        return;
    pthread_mutex_lock(&h->lock);
    h->stopping = 1;
    pthread_cond_broadcast(&h->come);
    pthread_mutex_unlock(&h->lock);
    for (unsigned i = 0; i < h->n_threads; i++)
        pthread_join(h->threads[i], NULL);
    pthread_cond_destroy(&h->done);
    pthread_cond_destroy(&h->come);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

/* Takes a job that still waits out of the line. */
static void give_up(struct hasher *h, struct job *j)
{
    struct job **link = &h->first;
    while (*link != j)
        link = &(*link)->next;
    *link = j->next;
    if (j->next == NULL)
        h->last = link;
    h->waiting--;
    j->error = ERR_UNAVAILABLE;
}

static enum err stand_in_line(struct hasher *h, struct job *j)
{
    struct timespec until = wait_until(HASHER_WAIT_MS);
    int late = 0;
    pthread_mutex_lock(&h->lock);
    if (h->waiting >= h->waiting_max) {
        pthread_mutex_unlock(&h->lock);
        return ERR_UNAVAILABLE;
    }
    *h->last = j;
    h->last = &j->next;
    h->waiting++;
    pthread_cond_signal(&h->come);
    while (j->state == JOB_WAITS && late != ETIMEDOUT)
        late = pthread_cond_timedwait(&h->done, &h->lock, &until);
    if (j->state == JOB_WAITS)
        give_up(h, j);
    while (j->state == JOB_BEGUN)
        pthread_cond_wait(&h->done, &h->lock);
    pthread_mutex_unlock(&h->lock);
    return j->error;
}

enum err hasher_hash(struct hasher *h, const char *password, size_t len, char out[PASSWORD_HASH_SIZE])
{
    return stand_in_line(h, &(struct job){.out = out, .password = password, .len = len});
}

enum err hasher_verify(struct hasher *h, const char *hash, const char *password, size_t len)
{
    return stand_in_line(h, &(struct job){.hash = hash, .password = password, .len = len});
}

int hasher_is_full(struct hasher *h)
{
    pthread_mutex_lock(&h->lock);
    int full = h->waiting >= h->waiting_max;
    pthread_mutex_unlock(&h->lock);
    return full;
}
