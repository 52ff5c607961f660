#include "node/share_list_inside.h"

#include "lib/base/id.h"
#include "lib/base/num.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_MS 1000000u

static uint64_t to_ns(struct timespec t)
{
    return t.tv_sec < 0 ? 0 : (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

struct share_stat share_stat_of(const struct stat *st)
{
    return (struct share_stat){(uint64_t)st->st_size, to_ns(st->st_mtim), to_ns(st->st_ctim), st->st_ino};
}

int share_stat_same(const struct share_stat *a, const struct share_stat *b)
{
    return a->size == b->size && a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns && a->inode == b->inode;
}

uint64_t share_stat_age_ms(const struct share_stat *st)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    uint64_t now = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec, age = UINT64_MAX;
    if (now >= st->mtime_ns && now - st->mtime_ns < age)
        age = now - st->mtime_ns;
    if (now >= st->ctime_ns && now - st->ctime_ns < age)
        age = now - st->ctime_ns;
    return age / 1000000u;
}

/* ---- queues */

static void link_init(struct share_link *l)
{
    l->before = l->after = l;
}

int share_link_in(const struct share_link *l)
{
    return l->after != l;
}

void share_link_add(struct share_link *queue, struct share_link *l)
{
    if (share_link_in(l))
        return;
    l->before = queue->before;
    l->after = queue;
    queue->before->after = l;
    queue->before = l;
}

void share_link_take(struct share_link *l)
{
    l->before->after = l->after;
    l->after->before = l->before;
    link_init(l);
}

/* ---- the skip list; all under the lock */

void share_list_path(struct share_list *l, const char *name, struct share_entry **path[SHARE_LEVELS])
{
    struct share_entry **links = l->first;
    for (int level = SHARE_LEVELS - 1; level >= 0; level--) {
        while (links[level] && strcmp(links[level]->name, name) < 0)
            links = links[level]->next;
        path[level] = &links[level];
    }
}

/* The first entry not before this name, or NULL. */
static struct share_entry *seek(struct share_list *l, const char *name)
{
    struct share_entry **path[SHARE_LEVELS];
    share_list_path(l, name, path);
    return *path[0];
}

struct share_entry *share_list_find(struct share_list *l, const char *name)
{
    struct share_entry *e = seek(l, name);
    return e && strcmp(e->name, name) == 0 ? e : NULL;
}

/* xorshift64: heights need no better. */
static uint8_t draw_levels(struct share_list *l)
{
    uint8_t levels = 1;
    l->random ^= l->random << 13;
    l->random ^= l->random >> 7;
    l->random ^= l->random << 17;
    for (uint64_t r = l->random; levels < SHARE_LEVELS && (r & 3) == 0; r >>= 2)
        levels++;
    return levels;
}

struct share_entry *share_list_make(struct share_list *l, const char *name)
{
    struct share_entry **path[SHARE_LEVELS];
    share_list_path(l, name, path);
    if (*path[0] && strcmp((*path[0])->name, name) == 0)
        return *path[0];
    uint8_t levels = draw_levels(l);
    size_t links = levels * sizeof(struct share_entry *), len = strlen(name) + 1;
    struct share_entry *e = calloc(1, sizeof(*e) + links + len);
    if (!e)
        return NULL;
    char *copy = (char *)e->next + links;
    memcpy(copy, name, len);
    e->name = copy;
    e->levels = levels;
    link_init(&e->news);
    link_init(&e->todo);
    for (int level = 0; level < levels; level++) {
        e->next[level] = *path[level];
        *path[level] = e;
    }
    return e;
}

static void drop(struct share_list *l, struct share_entry *e)
{
    struct share_entry **path[SHARE_LEVELS];
    share_list_path(l, e->name, path);
    for (int level = 0; level < e->levels; level++)
        *path[level] = e->next[level];
    share_link_take(&e->news);
    share_link_take(&e->todo);
    free(e);
}

void share_list_settle(struct share_list *l, struct share_entry *e)
{
    static const struct shared_digest none;
    uint8_t fresh = e->here && !e->refused && memcmp(&e->told, &none, sizeof(none)) == 0;
    l->fresh = l->fresh + fresh - e->fresh;
    e->fresh = fresh;
    if (memcmp(&e->now, &e->told, sizeof(e->now)) != 0)
        share_link_add(&l->news, &e->news);
    else if (share_link_in(&e->news))
        share_link_take(&e->news);
    if (!e->here && !share_link_in(&e->news))
        drop(l, e);
}

struct shared_file share_list_file(const struct share_entry *e)
{
    /* Nobody writes into it: the struct has no const name because its usual owner frees it. */
    struct shared_file f = {.name = (char *)(uintptr_t)e->name, .size = e->st.size, .mtime_ms = e->st.mtime_ns / NS_PER_MS};
    if (e->hashed)
        num_hex(e->sha256, HASH_SIZE, f.sha256);
    return f;
}

/* Brings the digest in step with the entry. */
static void recount(struct share_list *l, struct share_entry *e)
{
    struct shared_digest now = {0};
    if (e->here && !e->refused) {
        struct shared_file f = share_list_file(e);
        shared_digest_toggle(&now, &f);
    }
    for (size_t i = 0; i < SHARED_DIGEST_SIZE; i++)
        l->now.bytes[i] ^= (uint8_t)(e->now.bytes[i] ^ now.bytes[i]);
    e->now = now;
}

void share_list_set_refused(struct share_list *l, struct share_entry *e, int refused)
{
    e->refused = refused != 0;
    recount(l, e);
    share_list_settle(l, e);
}

static void leave(struct share_list *l, struct share_entry *e)
{
    if (!e->here)
        return;
    e->here = e->hashed = e->touched = e->refused = 0;
    l->files--;
    if (share_link_in(&e->todo))
        share_link_take(&e->todo);
    recount(l, e);
    share_list_settle(l, e);
}

static void set_hash(struct share_list *l, struct share_entry *e, const uint8_t *sha256)
{
    e->hashed = sha256 != NULL;
    if (sha256)
        memcpy(e->sha256, sha256, HASH_SIZE);
    if (sha256 && share_link_in(&e->todo))
        share_link_take(&e->todo);
    if (!sha256)
        share_link_add(&l->todo, &e->todo);
    recount(l, e);
    share_list_settle(l, e);
}

/* ---- what is in the folder */

static enum err put(struct share_list *l, const char *name, const struct share_stat *st, const uint8_t *sha256)
{
    struct share_entry *e = share_list_find(l, name);
    if ((!e || !e->here) && l->files == SHARED_FILES_MAX)
        return ERR_FULL;
    if (!e)
        e = share_list_make(l, name);
    if (!e)
        return ERR_NOMEM;
    e->sweep = l->sweep;
    int same = e->here && !e->touched && share_stat_same(&e->st, st);
    if (same && (e->hashed || !sha256))
        return ERR_OK;
    l->files += !e->here;
    e->here = 1;
    e->touched = 0;
    e->refused = e->refused && same;
    e->st = *st;
    set_hash(l, e, sha256);
    return ERR_OK;
}

enum err share_list_put(struct share_list *l, const char *name, const struct share_stat *st, const uint8_t *sha256)
{
    pthread_mutex_lock(&l->lock);
    enum err e = put(l, name, st, sha256);
    pthread_mutex_unlock(&l->lock);
    return e;
}

void share_list_remove(struct share_list *l, const char *name)
{
    pthread_mutex_lock(&l->lock);
    struct share_entry *e = share_list_find(l, name);
    if (e)
        leave(l, e);
    pthread_mutex_unlock(&l->lock);
}

static int is_below(const char *name, const char *folder, size_t len)
{
    return len == 0 || (strncmp(name, folder, len) == 0 && name[len] == '/');
}

/* Takes off what is below a folder; with a sweep only what that did not see. */
static void remove_below(struct share_list *l, const char *folder, int swept)
{
    char from[SHARED_NAME_MAX + 2];
    size_t len = strnlen(folder, SHARED_NAME_MAX);
    memcpy(from, folder, len);
    from[len] = '/';
    from[len + 1] = '\0';
    pthread_mutex_lock(&l->lock);
    struct share_entry *e = len == 0 ? l->first[0] : seek(l, from), *next;
    for (; e && is_below(e->name, folder, len); e = next) {
        next = e->next[0];
        if (!swept || e->sweep != l->sweep)
            leave(l, e);
    }
    pthread_mutex_unlock(&l->lock);
}

void share_list_remove_below(struct share_list *l, const char *folder)
{
    remove_below(l, folder, 0);
}

void share_list_touch(struct share_list *l, const char *name)
{
    pthread_mutex_lock(&l->lock);
    struct share_entry *e = share_list_find(l, name);
    if (e)
        e->touched = 1;
    pthread_mutex_unlock(&l->lock);
}

void share_list_sweep_begin(struct share_list *l)
{
    pthread_mutex_lock(&l->lock);
    l->sweep++;
    pthread_mutex_unlock(&l->lock);
}

void share_list_keep(struct share_list *l, const char *name)
{
    pthread_mutex_lock(&l->lock);
    struct share_entry *e = share_list_find(l, name);
    if (e)
        e->sweep = l->sweep;
    pthread_mutex_unlock(&l->lock);
}

void share_list_sweep_end(struct share_list *l, const char *folder)
{
    remove_below(l, folder, 1);
}

/* ---- asking */

enum err share_list_get(struct share_list *l, const char *name, struct share_stat *st, char sha256[HASH_HEX_SIZE])
{
    pthread_mutex_lock(&l->lock);
    const struct share_entry *e = share_list_find(l, name);
    int there = e && e->here, touched = there && e->touched;
    if (there && !touched) {
        struct shared_file f = share_list_file(e);
        *st = e->st;
        memcpy(sha256, f.sha256, HASH_HEX_SIZE);
    }
    pthread_mutex_unlock(&l->lock);
    return touched ? ERR_UNAVAILABLE : there ? ERR_OK : ERR_NOT_FOUND;
}

void share_list_sum(struct share_list *l, uint64_t *files, char digest[SHARED_DIGEST_HEX_SIZE])
{
    pthread_mutex_lock(&l->lock);
    *files = l->files;
    shared_digest_hex(&l->now, digest);
    pthread_mutex_unlock(&l->lock);
}

enum err share_list_page(
    struct share_list *l, const char *after, size_t limit, enum err (*each)(void *ctx, const struct shared_file *f), void *ctx)
{
    enum err e = ERR_OK;
    pthread_mutex_lock(&l->lock);
    struct share_entry *at = seek(l, after);
    if (at && strcmp(at->name, after) == 0)
        at = at->next[0];
    for (; at && limit > 0 && !e; at = at->next[0]) {
        if (!at->here)
            continue;
        struct shared_file f = share_list_file(at);
        e = each(ctx, &f);
        limit--;
    }
    pthread_mutex_unlock(&l->lock);
    return e;
}

/* ---- hashing */

int share_list_next(struct share_list *l, char name[SHARED_NAME_MAX + 1], struct share_stat *st)
{
    pthread_mutex_lock(&l->lock);
    int any = share_link_in(&l->todo);
    if (any) {
        struct share_entry *e = SHARE_ENTRY(l->todo.after, todo);
        share_link_take(&e->todo);
        memcpy(name, e->name, strlen(e->name) + 1);
        *st = e->st;
    }
    pthread_mutex_unlock(&l->lock);
    return any;
}

void share_list_again(struct share_list *l, const char *name)
{
    pthread_mutex_lock(&l->lock);
    struct share_entry *e = share_list_find(l, name);
    if (e && e->here && !e->hashed)
        share_link_add(&l->todo, &e->todo);
    pthread_mutex_unlock(&l->lock);
}

void share_list_hashed(struct share_list *l, const char *name, const struct share_stat *st, const uint8_t sha256[HASH_SIZE])
{
    pthread_mutex_lock(&l->lock);
    struct share_entry *e = share_list_find(l, name);
    if (e && e->here && !e->hashed && !e->touched && share_stat_same(&e->st, st))
        set_hash(l, e, sha256);
    pthread_mutex_unlock(&l->lock);
}

void share_list_doubt(struct share_list *l, const char *name)
{
    pthread_mutex_lock(&l->lock);
    struct share_entry *e = share_list_find(l, name);
    if (e && e->here)
        set_hash(l, e, NULL);
    pthread_mutex_unlock(&l->lock);
}

/* ---- life */

struct share_list *share_list_new(void)
{
    struct share_list *l = calloc(1, sizeof(*l));
    if (!l)
        return NULL;
    pthread_mutex_init(&l->lock, NULL);
    link_init(&l->news);
    link_init(&l->todo);
    id_random(&l->random, sizeof(l->random));
    l->random |= 1; /* xorshift never leaves zero */
    return l;
}

void share_list_free(struct share_list *l)
{
    if (!l)
        return;
    for (struct share_entry *e = l->first[0], *next; e; e = next) {
        next = e->next[0];
        free(e);
    }
    pthread_mutex_destroy(&l->lock);
    free(l);
}
