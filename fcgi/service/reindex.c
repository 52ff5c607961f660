#include "fcgi/service/reindex.h"

#include "fcgi/service/wait.h"
#include "lib/base/log.h"
#include "lib/store/index.h"

#include <stdlib.h>

#define PAUSE_MS 1000u

/* A ring of records, oldest at `first`. */
struct index_retry {
    pthread_t thread;
    pthread_mutex_t lock; /* all below but the store */
    pthread_cond_t wake;
    struct record *records; /* REINDEX_MAX of them */
    size_t first, n;
    int stopping;
    struct store *store; /* the thread's own */
};

/* With the lock held: takes the oldest out. */
static struct record take(struct index_retry *r)
{
    struct record out = r->records[r->first];
    r->first = (r->first + 1) % REINDEX_MAX;
    r->n--;
    return out;
}

/* Puts back at the front what could not be added; a list that filled up meanwhile has no place for the oldest. */
static void put_back(struct index_retry *r, struct record *record)
{
    pthread_mutex_lock(&r->lock);
    if (r->n == REINDEX_MAX) {
        record_release(record);
    } else {
        r->first = (r->first + REINDEX_MAX - 1) % REINDEX_MAX;
        r->records[r->first] = *record;
        r->n++;
    }
    pthread_mutex_unlock(&r->lock);
}

/* Adds what waits until the index does not answer. A record that the index refuses for what it is would be refused for ever: it is dropped. */
static void work(struct index_retry *r)
{
    for (;;) {
        pthread_mutex_lock(&r->lock);
        int stop = r->n == 0 || r->stopping;
        struct record record = {.size = 0};
        if (!stop)
            record = take(r);
        pthread_mutex_unlock(&r->lock);
        if (stop)
            return;
        enum err e = index_add(r->store, &record, 1, record_kind_name(record.kind));
        if (e == ERR_UNAVAILABLE || e == ERR_TIMEOUT || e == ERR_FULL || e == ERR_NOMEM) {
            put_back(r, &record);
            return;
        }
        if (e != ERR_OK)
            log_write(LOG_ERROR, "index", "a record of %s is refused by the index: %s", record.key, err_text(e));
        record_release(&record);
    }
}

static void *run(void *arg)
{
    struct index_retry *r = arg;
    pthread_mutex_lock(&r->lock);
    while (!r->stopping) {
        struct timespec until = wait_until(PAUSE_MS);
        while (!r->stopping && pthread_cond_timedwait(&r->wake, &r->lock, &until) == 0)
            continue;
        pthread_mutex_unlock(&r->lock);
        work(r);
        pthread_mutex_lock(&r->lock);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

static void release(struct index_retry *r)
{
    while (r->n > 0) {
        struct record record = take(r);
        record_release(&record);
    }
    store_free(r->store);
    free(r->records);
    pthread_cond_destroy(&r->wake);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

enum err reindex_start(struct app *a, struct index_retry **out)
{
    struct index_retry *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return ERR_NOMEM;
    pthread_mutex_init(&r->lock, NULL);
    wait_cond_init(&r->wake);
    r->records = calloc(REINDEX_MAX, sizeof(*r->records));
    r->store = store_new(&a->settings.redis);
    if (r->records == NULL || r->store == NULL || pthread_create(&r->thread, NULL, run, r) != 0) {
        release(r);
        return ERR_NOMEM;
    }
    *out = r;
    return ERR_OK;
}

void reindex_stop(struct index_retry *r)
{
    if (r == NULL)
        return;
    pthread_mutex_lock(&r->lock);
    r->stopping = 1;
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
    release(r);
}

void reindex_add(struct index_retry *r, const struct record *record)
{
    struct record copy, dropped = {.size = 0};
    int drop = 0;
    if (record_copy(&copy, record) != ERR_OK) {
        log_write(LOG_ERROR, "index", "no memory to index a record of %s later", record->key);
        return;
    }
    pthread_mutex_lock(&r->lock);
    if (r->n == REINDEX_MAX) {
        dropped = take(r);
        drop = 1;
    }
    int first = r->n == 0;
    r->records[(r->first + r->n++) % REINDEX_MAX] = copy;
    pthread_mutex_unlock(&r->lock);
    if (first)
        log_write(LOG_WARN, "index", "records wait for the index, the first one is of %s", record->key);
    if (drop) {
        log_write(LOG_ERROR, "index", "the list of records to index is full: one of %s is left to the leader's next sweep", dropped.key);
        record_release(&dropped);
    }
}

size_t reindex_waiting(struct index_retry *r)
{
    pthread_mutex_lock(&r->lock);
    size_t n = r->n;
    pthread_mutex_unlock(&r->lock);
    return n;
}
