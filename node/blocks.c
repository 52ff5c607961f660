#include "node/blocks.h"

#include "lib/base/fs.h"
#include "lib/base/num.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES (256u << 10) /* divides every length of a block */

/* A reading under way. */
struct reading {
    int fd;
    unsigned char *buffer;
    struct hash_ctx *whole, *block;
};

static enum err read_block(struct reading *r, uint64_t from, uint64_t len, int (*go_on)(void *ctx), void *ctx, uint8_t out[HASH_SIZE])
{
    hash_reset(r->block);
    for (uint64_t at = 0; at < len;) {
        size_t n = len - at < READ_BYTES ? (size_t)(len - at) : READ_BYTES;
        if (go_on && !go_on(ctx))
            return ERR_UNAVAILABLE;
        enum err e = fs_read_at(r->fd, r->buffer, n, from + at);
        if (e)
            return e;
        hash_add(r->block, r->buffer, n);
        hash_add(r->whole, r->buffer, n);
        at += n;
    }
    hash_end(r->block, out);
    return ERR_OK;
}

static enum err read_all(struct reading *r, int (*go_on)(void *ctx), void *ctx, struct blocks *b)
{
    uint64_t length = shared_block_bytes(b->size), at = 0;
    enum err e = ERR_OK;
    unsigned char more;
    posix_fadvise(r->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    for (size_t i = 0; i < b->n && !e; i++, at += length)
        e = read_block(r, at, b->size - at < length ? b->size - at : length, go_on, ctx, b->hashes[i]);
    if (!e && pread(r->fd, &more, 1, (off_t)b->size) != 0)
        e = ERR_CONFLICT;
    if (!e)
        hash_end(r->whole, b->sha256);
    return e;
}

enum err blocks_read(int fd, uint64_t size, int (*go_on)(void *ctx), void *ctx, struct blocks *out)
{
    struct blocks b = {.size = size, .n = shared_block_count(size)};
    struct reading r = {.fd = fd, .buffer = malloc(READ_BYTES), .whole = hash_new(), .block = hash_new()};
    b.hashes = calloc(b.n + 1, sizeof(*b.hashes));
    enum err e = b.hashes && r.buffer && r.whole && r.block ? ERR_OK : ERR_NOMEM;
    if (!e)
        e = read_all(&r, go_on, ctx, &b);
    free(r.buffer);
    hash_free(r.whole);
    hash_free(r.block);
    if (e)
        blocks_release(&b);
    else
        *out = b;
    return e;
}

void blocks_release(struct blocks *b)
{
    free(b->hashes);
    memset(b, 0, sizeof(*b));
}

struct json *blocks_to_json(const struct blocks *b, const char *name)
{
    char hex[HASH_HEX_SIZE];
    struct json *j = json_object(), *list = json_array();
    for (size_t i = 0; i < b->n; i++) {
        num_hex(b->hashes[i], HASH_SIZE, hex);
        json_append(list, json_string(hex));
    }
    num_hex(b->sha256, HASH_SIZE, hex);
    if (name)
        json_set_str(j, "name", name);
    json_set_u64(j, "size", b->size);
    json_set_str(j, "sha256", hex);
    json_set_u64(j, "block_bytes", shared_block_bytes(b->size));
    json_set(j, "blocks", list);
    return j;
}

/* ---- cache */

struct blocks_cache {
    pthread_mutex_t lock; /* guards all below; held while a file is read, so that ten askers cost one reading */
    struct blocks kept[BLOCKS_CACHE_ENTRIES];
    uint64_t used[BLOCKS_CACHE_ENTRIES], clock;
};

struct blocks_cache *blocks_cache_new(void)
{
    struct blocks_cache *c = calloc(1, sizeof(*c));
    if (c)
        pthread_mutex_init(&c->lock, NULL);
    return c;
}

void blocks_cache_free(struct blocks_cache *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < BLOCKS_CACHE_ENTRIES; i++)
        blocks_release(&c->kept[i]);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static enum err copy(const struct blocks *from, struct blocks *out)
{
    struct blocks b = *from;
    b.hashes = calloc(b.n + 1, sizeof(*b.hashes));
    if (!b.hashes)
        return ERR_NOMEM;
    memcpy(b.hashes, from->hashes, b.n * sizeof(*b.hashes));
    *out = b;
    return ERR_OK;
}

/* The place of a hash, or of what was not asked for the longest. */
static size_t place_for(const struct blocks_cache *c, const uint8_t sha256[HASH_SIZE])
{
    size_t oldest = 0;
    for (size_t i = 0; i < BLOCKS_CACHE_ENTRIES; i++) {
        if (c->kept[i].hashes && memcmp(c->kept[i].sha256, sha256, HASH_SIZE) == 0)
            return i;
        if (c->used[i] < c->used[oldest])
            oldest = i;
    }
    return oldest;
}

static enum err get_locked(struct blocks_cache *c, const uint8_t sha256[HASH_SIZE], int fd, uint64_t size, struct blocks *out)
{
    size_t i = place_for(c, sha256);
    if (!c->kept[i].hashes || memcmp(c->kept[i].sha256, sha256, HASH_SIZE) != 0) {
        struct blocks fresh;
        enum err e = blocks_read(fd, size, NULL, NULL, &fresh);
        if (!e && memcmp(fresh.sha256, sha256, HASH_SIZE) != 0) {
            blocks_release(&fresh);
            e = ERR_CORRUPT;
        }
        if (e)
            return e;
        blocks_release(&c->kept[i]);
        c->kept[i] = fresh;
    }
    c->used[i] = ++c->clock;
    return copy(&c->kept[i], out);
}

enum err blocks_cache_get(struct blocks_cache *c, const char *sha256, int fd, uint64_t size, struct blocks *out)
{
    uint8_t raw[HASH_SIZE];
    enum err e = num_unhex(sha256, raw, HASH_SIZE);
    if (e)
        return e;
    pthread_mutex_lock(&c->lock);
    e = get_locked(c, raw, fd, size, out);
    pthread_mutex_unlock(&c->lock);
    return e;
}
