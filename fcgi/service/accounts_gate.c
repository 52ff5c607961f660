/* The gate before password hashes: few at once, a bounded line before it. */
#include "fcgi/service/accounts_inside.h"

#include "fcgi/service/wait.h"

#include <errno.h>
#include <stdlib.h>

struct accounts_gate {
    pthread_mutex_t lock;
    pthread_cond_t free;
    unsigned inside, waiting;
};

struct accounts_gate *accounts_gate_new(void)
{
    struct accounts_gate *g = calloc(1, sizeof(*g));
    if (g == NULL)
        return NULL;
    pthread_mutex_init(&g->lock, NULL);
    wait_cond_init(&g->free);
    return g;
}

void accounts_gate_free(struct accounts_gate *g)
{
    if (g == NULL)
        return;
    pthread_cond_destroy(&g->free);
    pthread_mutex_destroy(&g->lock);
    free(g);
}

enum err accounts_gate_enter(struct accounts_gate *g, unsigned wait_ms)
{
    struct timespec until = wait_until(wait_ms);
    int late = 0;
    pthread_mutex_lock(&g->lock);
    enum err e = g->inside >= ACCOUNTS_HASHES && g->waiting >= ACCOUNTS_WAITING_MAX ? ERR_UNAVAILABLE : ERR_OK;
    if (e == ERR_OK) {
        g->waiting++;
        while (g->inside >= ACCOUNTS_HASHES && late != ETIMEDOUT)
            late = pthread_cond_timedwait(&g->free, &g->lock, &until);
        g->waiting--;
        e = g->inside >= ACCOUNTS_HASHES ? ERR_UNAVAILABLE : ERR_OK;
    }
    g->inside += e == ERR_OK;
    pthread_mutex_unlock(&g->lock);
    return e;
}

void accounts_gate_leave(struct accounts_gate *g)
{
    pthread_mutex_lock(&g->lock);
    g->inside--;
    pthread_cond_signal(&g->free);
    pthread_mutex_unlock(&g->lock);
}

enum err accounts_hash(struct worker *w, const char *password, size_t len, char out[PASSWORD_HASH_SIZE])
{
    enum err e = accounts_gate_enter(w->app->gate, ACCOUNTS_HASH_WAIT_MS);
    if (e != ERR_OK)
        return e;
    e = password_hash(password, len, out);
    accounts_gate_leave(w->app->gate);
    return e;
}

enum err accounts_check_hash(struct worker *w, const char *hash, const char *password, size_t len)
{
    enum err e = accounts_gate_enter(w->app->gate, ACCOUNTS_HASH_WAIT_MS);
    if (e != ERR_OK)
        return e;
    e = password_verify(hash, password, len);
    accounts_gate_leave(w->app->gate);
    return e;
}
