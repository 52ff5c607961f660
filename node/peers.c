#include "node/peers.h"

#include <pthread.h>
#include <stdlib.h>

struct peers {
    struct sign_keys *keys;
    const struct tls *tls;
    pthread_mutex_t lock; /* guards the idle ones */
    struct peer *idle[PEERS_IDLE_MAX];
    size_t n_idle, idle_max; /* more are closed when they are given back */
};

struct peers *peers_new(struct sign_keys *keys, const struct tls *tls, unsigned idle_max)
{
    struct peers *p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    p->keys = keys;
    p->tls = tls;
    p->idle_max = idle_max && idle_max < PEERS_IDLE_MAX ? idle_max : PEERS_IDLE_MAX;
    pthread_mutex_init(&p->lock, NULL);
    return p;
}

void peers_free(struct peers *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n_idle; i++)
        peer_free(p->idle[i]);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

struct peer *peers_take(struct peers *p)
{
    struct peer *peer = NULL;
    pthread_mutex_lock(&p->lock);
    if (p->n_idle > 0)
        peer = p->idle[--p->n_idle];
    pthread_mutex_unlock(&p->lock);
    return peer ? peer : peer_new(p->keys, p->tls);
}

void peers_give(struct peers *p, struct peer *peer)
{
    pthread_mutex_lock(&p->lock);
    int kept = peer && p->n_idle < p->idle_max;
    if (kept)
        p->idle[p->n_idle++] = peer;
    pthread_mutex_unlock(&p->lock);
    if (!kept)
        peer_free(peer);
}
