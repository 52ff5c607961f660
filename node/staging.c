#include "node/staging.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/num.h"
#include "node/bell.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define EXPIRE_MS 1000u

enum phase {
    COMING, /* in the hands of the thread that receives it */
    WHOLE,  /* in the table, nobody's */
    NAMED   /* in the hands of a thread that commits it */
};

struct staging_entry {
    struct staging *table;
    char id[MESSAGE_STAGING_ID_SIZE];
    char sha256[HASH_HEX_SIZE]; /* of a whole one */
    struct draft *draft;
    uint64_t whole_at_ms; /* boot clock */
    enum phase phase;
};

struct staging {
    struct blobs *blobs;
    struct verify *verify;
    struct bell bell; /* its lock guards all below, and the phase of each entry */
    struct staging_entry *entries[STAGING_MAX];
    uint64_t bytes;
    int has_thread;
    pthread_t thread;
};

/* Index of an id, or -1. */
static int find(const struct staging *s, const char *id)
{
    for (int i = 0; i < STAGING_MAX; i++)
        if (s->entries[i] && strcmp(s->entries[i]->id, id) == 0)
            return i;
    return -1;
}

static int find_free(const struct staging *s)
{
    for (int i = 0; i < STAGING_MAX; i++)
        if (!s->entries[i])
            return i;
    return -1;
}

/* Takes a place in the table and counts the bytes. */
static enum err enter(struct staging *s, struct staging_entry *e, uint64_t size, uint64_t capacity)
{
    pthread_mutex_lock(&s->bell.lock);
    int i = find_free(s);
    enum err err = find(s, e->id) >= 0 ? ERR_CONFLICT : i < 0 ? ERR_UNAVAILABLE : ERR_OK;
    if (!err && (size > capacity / STAGING_SHARE || s->bytes > capacity / STAGING_SHARE - size))
        err = ERR_FULL;
    if (!err) {
        s->entries[i] = e;
        s->bytes += size;
    }
    pthread_mutex_unlock(&s->bell.lock);
    return err;
}

/* Takes it out of the table; the caller holds the lock and frees it afterwards. */
static void leave_locked(struct staging *s, struct staging_entry *e)
{
    int i = find(s, e->id);
    s->entries[i] = NULL;
    s->bytes -= draft_size(e->draft);
}

static void entry_free(struct staging_entry *e)
{
    draft_free(e->draft);
    free(e);
}

enum err staging_begin(struct staging *s, const char *id, uint64_t size, struct staging_entry **out)
{
    struct blobs_usage usage;
    if (!num_is_hex(id, MESSAGE_STAGING_ID_SIZE - 1))
        return ERR_SYNTAX;
    enum err err = blobs_usage(s->blobs, &usage);
    if (err)
        return err;
    struct staging_entry *e = calloc(1, sizeof(*e));
    if (!e)
        return ERR_NOMEM;
    e->table = s;
    memcpy(e->id, id, sizeof(e->id));
    err = draft_new(s->blobs, size, &e->draft);
    if (!err)
        err = enter(s, e, size, usage.capacity_bytes);
    if (err)
        entry_free(e);
    else
        *out = e;
    return err;
}

enum err staging_piece(struct staging_entry *e, const void *data, size_t n)
{
    return draft_write(e->draft, data, n);
}

void staging_drop(struct staging_entry *e)
{
    pthread_mutex_lock(&e->table->bell.lock);
    leave_locked(e->table, e);
    pthread_mutex_unlock(&e->table->bell.lock);
    entry_free(e);
}

enum err staging_end(struct staging_entry *e, char sha256[HASH_HEX_SIZE])
{
    enum err err = draft_sync(e->draft, sha256);
    if (err) {
        staging_drop(e);
        return err;
    }
    pthread_mutex_lock(&e->table->bell.lock);
    memcpy(e->sha256, sha256, HASH_HEX_SIZE);
    e->whole_at_ms = clock_boot_ms();
    e->phase = WHOLE;
    pthread_mutex_unlock(&e->table->bell.lock);
    return ERR_OK;
}

enum err staging_commit(struct staging *s, const char *id, const char *sha256)
{
    struct staging_entry *e = NULL;
    pthread_mutex_lock(&s->bell.lock);
    int i = find(s, id);
    enum err err = i < 0 || s->entries[i]->phase != WHOLE ? ERR_NOT_FOUND : ERR_OK;
    if (!err && strcmp(s->entries[i]->sha256, sha256) != 0)
        err = ERR_INVALID;
    if (!err) {
        e = s->entries[i];
        e->phase = NAMED;
    }
    pthread_mutex_unlock(&s->bell.lock);
    if (err)
        return err;
    err = verify_put(s->verify, e->draft, sha256);
    pthread_mutex_lock(&s->bell.lock);
    if (err)
        e->phase = WHOLE;
    else
        leave_locked(s, e);
    pthread_mutex_unlock(&s->bell.lock);
    if (!err)
        entry_free(e);
    return err;
}

void staging_expire(struct staging *s, uint64_t before_ms)
{
    struct staging_entry *old[STAGING_MAX];
    int n = 0;
    pthread_mutex_lock(&s->bell.lock);
    for (int i = 0; i < STAGING_MAX; i++) {
        struct staging_entry *e = s->entries[i];
        if (e && e->phase == WHOLE && e->whole_at_ms < before_ms) {
            leave_locked(s, e);
            old[n++] = e;
        }
    }
    pthread_mutex_unlock(&s->bell.lock);
    for (int i = 0; i < n; i++) {
        log_write(LOG_INFO, "staging", "dropped %s: nobody named it for %u s", old[i]->id, STAGING_KEEP_MS / 1000u);
        entry_free(old[i]);
    }
}

static void *expire_now_and_then(void *ctx)
{
    struct staging *s = ctx;
    while (bell_wait(&s->bell, EXPIRE_MS, NULL)) {
        uint64_t now = clock_boot_ms();
        staging_expire(s, now > STAGING_KEEP_MS ? now - STAGING_KEEP_MS : 0);
    }
    return NULL;
}

enum err staging_open(struct blobs *blobs, struct verify *verify, struct staging **out)
{
    struct staging *s = calloc(1, sizeof(*s));
    if (!s)
        return ERR_NOMEM;
    s->blobs = blobs;
    s->verify = verify;
    bell_init(&s->bell);
    s->has_thread = pthread_create(&s->thread, NULL, expire_now_and_then, s) == 0;
    if (!s->has_thread) {
        staging_close(s);
        return ERR_NOMEM;
    }
    *out = s;
    return ERR_OK;
}

void staging_close(struct staging *s)
{
    if (!s)
        return;
    bell_stop(&s->bell);
    if (s->has_thread)
        pthread_join(s->thread, NULL);
    for (int i = 0; i < STAGING_MAX; i++)
        if (s->entries[i])
            entry_free(s->entries[i]);
    bell_release(&s->bell);
    free(s);
}
