#include "lib/sign/keys.h"

#include <stdlib.h>
#include <string.h>

struct sign_keys {
    char self[SIGN_SENDER_MAX];
    int has_master;
    struct sign_key master;
    struct sign_key own; /* what comes in is checked with keys that follow from it */
    struct sign_key to_coordinators;
    pthread_mutex_t lock; /* guards what follows */
    struct sign_pair *pairs;
    size_t n_pairs; /* in the order of their nodes */
};

/* Everything but the keys. NULL: out of memory, or no sender of these roles. */
static struct sign_keys *make(const char *self, unsigned roles)
{
    struct sign_keys *k;
    enum sign_role role;

    if (strlen(self) >= SIGN_SENDER_MAX || sign_role_of(self, &role, NULL) || !(role & roles))
        return NULL;
    k = calloc(1, sizeof *k);
    if (!k)
        return NULL;
    memcpy(k->self, self, strlen(self) + 1);
    pthread_mutex_init(&k->lock, NULL);
    return k;
}

struct sign_keys *sign_keys_master(const struct sign_key *master, const char *self)
{
    struct sign_keys *k = make(self, SIGN_COORDINATOR | SIGN_API | SIGN_TOOL);

    if (!k)
        return NULL;
    k->has_master = 1;
    k->master = *master;
    sign_coordinators_key(master, &k->own);
    sign_pair_key(&k->own, self, &k->to_coordinators);
    return k;
}

struct sign_keys *sign_keys_node(const char *id, const struct sign_key *own, const struct sign_key *to_coordinators)
{
    static const char role[] = "node:";
    char self[SIGN_SENDER_MAX];
    struct sign_keys *k;

    if (strlen(id) > sizeof self - sizeof role)
        return NULL;
    memcpy(self, role, sizeof role - 1);
    memcpy(self + sizeof role - 1, id, strlen(id) + 1);
    k = make(self, SIGN_NODE);
    if (!k)
        return NULL;
    k->own = *own;
    k->to_coordinators = *to_coordinators;
    return k;
}

static void free_pairs(struct sign_pair *pairs, size_t n)
{
    if (pairs)
        explicit_bzero(pairs, n * sizeof *pairs);
    free(pairs);
}

void sign_keys_free(struct sign_keys *k)
{
    if (!k)
        return;
    free_pairs(k->pairs, k->n_pairs);
    pthread_mutex_destroy(&k->lock);
    explicit_bzero(k, sizeof *k);
    free(k);
}

const char *sign_keys_self(const struct sign_keys *k)
{
    return k->self;
}

enum err sign_keys_from(const struct sign_keys *k, const char *sender, struct sign_key *out)
{
    enum sign_role role;

    if (strlen(sender) >= SIGN_SENDER_MAX || sign_role_of(sender, &role, NULL))
        return ERR_AUTH;
    sign_pair_key(&k->own, sender, out);
    return ERR_OK;
}

static int by_node(const void *a, const void *b)
{
    return strcmp(((const struct sign_pair *)a)->node, ((const struct sign_pair *)b)->node);
}

/* (locked) */
static const struct sign_pair *find(const struct sign_keys *k, const char *node)
{
    size_t low = 0, high = k->n_pairs;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(node, k->pairs[middle].node);
        if (order == 0)
            return &k->pairs[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* From the master: K(node), then the pair. */
static enum err derive_to(const struct sign_keys *k, const char *node, struct sign_key *out)
{
    struct sign_key receiver;

    sign_node_key(&k->master, node, &receiver);
    sign_pair_key(&receiver, k->self, out);
    explicit_bzero(&receiver, sizeof receiver);
    return ERR_OK;
}

enum err sign_keys_to(struct sign_keys *k, const char *node, struct sign_key *out)
{
    const struct sign_pair *pair;

    if (!node) {
        *out = k->to_coordinators;
        return ERR_OK;
    }
    if (strlen(node) >= SIGN_SENDER_MAX)
        return ERR_NOT_FOUND;
    if (k->has_master)
        return derive_to(k, node, out);
    pthread_mutex_lock(&k->lock);
    pair = find(k, node);
    if (pair)
        *out = pair->key;
    pthread_mutex_unlock(&k->lock);
    return pair ? ERR_OK : ERR_NOT_FOUND;
}

int sign_keys_knows(struct sign_keys *k, const char *node)
{
    int known;

    if (k->has_master)
        return 1;
    pthread_mutex_lock(&k->lock);
    known = find(k, node) != NULL;
    pthread_mutex_unlock(&k->lock);
    return known;
}

enum err sign_keys_of(const struct sign_keys *k, const char *node, struct sign_key *out)
{
    if (k->has_master && strlen(node) < SIGN_SENDER_MAX)
        sign_node_key(&k->master, node, out);
    else if (!k->has_master && strcmp(strchr(k->self, ':') + 1, node) == 0)
        *out = k->own;
    else
        return ERR_NOT_FOUND;
    return ERR_OK;
}

enum err sign_keys_learn(struct sign_keys *k, const struct sign_pair *pairs, size_t n)
{
    struct sign_pair *copy, *old;
    size_t n_old;

    if (k->has_master)
        return ERR_INVALID;
    if (n > SIGN_PAIRS_MAX)
        return ERR_TOO_LARGE;
    copy = calloc(n + 1, sizeof *copy);
    if (!copy)
        return ERR_NOMEM;
    if (n > 0)
        memcpy(copy, pairs, n * sizeof *copy);
    qsort(copy, n, sizeof *copy, by_node);
    pthread_mutex_lock(&k->lock);
    old = k->pairs;
    n_old = k->n_pairs;
    k->pairs = copy;
    k->n_pairs = n;
    pthread_mutex_unlock(&k->lock);
    free_pairs(old, n_old);
    return ERR_OK;
}
