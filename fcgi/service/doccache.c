#include "fcgi/service/doccache.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define CHAINS 4096u

struct text {
    char sha256[HASH_HEX_SIZE];
    size_t len;
    struct text *chain;         /* of the same bucket */
    struct text *newer, *older; /* by when they were asked for */
    char bytes[];
};

struct doccache {
    pthread_mutex_t lock;
    size_t docs_max, bytes_max;
    size_t n, bytes;
    struct text *newest, *oldest;
    struct text *chains[CHAINS];
};

struct doccache *doccache_new(size_t docs_max, size_t bytes_max)
{
    struct doccache *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return NULL;
    pthread_mutex_init(&c->lock, NULL);
    c->docs_max = docs_max;
    c->bytes_max = bytes_max;
    return c;
}

/* A hash is evenly spread: its first digits choose the bucket. */
static struct text **chain_of(struct doccache *c, const char *sha256)
{
    uint32_t h = 0;
    for (size_t i = 0; i < 8 && sha256[i] != '\0'; i++)
        h = h * 31u + (unsigned char)sha256[i];
    return &c->chains[h % CHAINS];
}

static struct text *find(struct doccache *c, const char *sha256)
{
    struct text *t = *chain_of(c, sha256);
    while (t != NULL && strcmp(t->sha256, sha256) != 0)
        t = t->chain;
    return t;
}

static void unlink_text(struct doccache *c, struct text *t)
{
    if (t->newer != NULL)
        t->newer->older = t->older;
    else
        c->newest = t->older;
    if (t->older != NULL)
        t->older->newer = t->newer;
    else
        c->oldest = t->newer;
}

static void link_newest(struct doccache *c, struct text *t)
{
    t->newer = NULL;
    t->older = c->newest;
    if (c->newest != NULL)
        c->newest->newer = t;
    else
        c->oldest = t;
    c->newest = t;
}

static void drop_oldest(struct doccache *c)
{
    struct text *t = c->oldest;
    assert(t != NULL && t->older == NULL);
    struct text **link = chain_of(c, t->sha256);
    while (*link != t) {
        assert(*link != NULL); /* each text is in its chain */
        link = &(*link)->chain;
    }
    *link = t->chain;
    unlink_text(c, t);
    c->n--;
    c->bytes -= t->len;
    explicit_bzero(t->bytes, t->len); /* documents hold hashes of passwords */
    free(t);
}

void doccache_free(struct doccache *c)
{
    if (c == NULL)
        return;
    while (c->oldest != NULL)
        drop_oldest(c);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

enum err doccache_get(struct doccache *c, const char *sha256, struct buf *out)
{
    pthread_mutex_lock(&c->lock);
    struct text *t = find(c, sha256);
    enum err e = t == NULL ? ERR_NOT_FOUND : buf_add(out, t->bytes, t->len);
    if (t != NULL) {
        unlink_text(c, t);
        link_newest(c, t);
    }
    pthread_mutex_unlock(&c->lock);
    return e;
}

void doccache_put(struct doccache *c, const char *sha256, const char *text, size_t len)
{
    if (len > c->bytes_max || c->docs_max == 0)
        return;
    struct text *t = malloc(sizeof(*t) + len);
    if (t == NULL)
        return;
    memset(t, 0, sizeof(*t));
    strncpy(t->sha256, sha256, sizeof(t->sha256) - 1);
    t->len = len;
    memcpy(t->bytes, text, len);
    pthread_mutex_lock(&c->lock);
    if (find(c, sha256) == NULL) {
        while (c->n >= c->docs_max || c->bytes + len > c->bytes_max)
            drop_oldest(c);
        struct text **chain = chain_of(c, sha256);
        t->chain = *chain;
        *chain = t;
        link_newest(c, t);
        c->n++;
        c->bytes += len;
        t = NULL;
    }
    pthread_mutex_unlock(&c->lock);
    free(t); /* it was there already */
}

size_t doccache_count(struct doccache *c, size_t *bytes)
{
    pthread_mutex_lock(&c->lock);
    size_t n = c->n;
    *bytes = c->bytes;
    pthread_mutex_unlock(&c->lock);
    return n;
}
