#include "node/share_hash.h"

#include "lib/base/limits.h"
#include "lib/base/log.h"
#include "node/bell.h"
#include "node/share_kept.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH_FILES 64u           /* files whose hashes are written down in one transaction */
#define BATCH_BYTES (1u << 20)    /* and the bytes of their block hashes */
#define BATCH_READ (256ull << 20) /* and of themselves: a large file's hash waits for no others */
#define IDLE_MS 60000u
#define PAUSE_MS 1000u /* after something could not be had */

struct hashed {
    char name[SHARED_NAME_MAX + 1];
    struct share_stat st;
    struct blocks blocks;
};

struct share_hash {
    struct share_folder *folder;
    struct share_list *list;
    struct db *db;
    void (*told)(void *ctx);
    void *ctx;
    struct hashed batch[BATCH_FILES];
    size_t n;
    atomic_int prune;
    struct bell bell;
    int has_thread;
    pthread_t thread;
};

static int go_on(void *ctx)
{
    struct share_hash *h = ctx;
    return !bell_is_stopping(&h->bell);
}

/* ERR_CONFLICT: it is not, or does not stay, the file that was listed; who changes the list lets it wait again. */
static enum err hash_one(struct share_hash *h, struct hashed *f)
{
    struct stat st;
    int fd = -1;
    enum err e = share_folder_open(h->folder, f->name, &fd, &st);
    if (e)
        return e == ERR_NOT_FOUND ? ERR_CONFLICT : e;
    struct share_stat before = share_stat_of(&st), after;
    if (!share_stat_same(&before, &f->st))
        e = ERR_CONFLICT;
    if (!e)
        e = blocks_read(fd, f->st.size, go_on, h, &f->blocks);
    if (!e && fstat(fd, &st) != 0)
        e = ERR_IO;
    after = share_stat_of(&st);
    close(fd);
    if (!e && !share_stat_same(&after, &f->st))
        e = ERR_CONFLICT;
    if (e)
        blocks_release(&f->blocks);
    return e;
}

/* Fills the batch. Returns 0 when something could not be had and it is better to pause. */
static int fill(struct share_hash *h)
{
    uint64_t kept = 0, read = 0;
    while (h->n < BATCH_FILES && kept < BATCH_BYTES && read < BATCH_READ && go_on(h)) {
        struct hashed *f = &h->batch[h->n];
        memset(&f->blocks, 0, sizeof(f->blocks));
        if (!share_list_next(h->list, f->name, &f->st))
            return 1;
        enum err e = hash_one(h, f);
        if (e == ERR_UNAVAILABLE || e == ERR_NOMEM) {
            share_list_again(h->list, f->name);
            return 0;
        }
        if (e == ERR_IO)
            log_write(LOG_WARN, "share", "%s cannot be read; it is listed without its hash", f->name);
        if (e)
            continue;
        kept += f->blocks.n * HASH_SIZE;
        read += f->st.size;
        h->n++;
    }
    return 1;
}

static enum err write_down(struct share_hash *h)
{
    struct db_conn *c;
    enum err e = db_write_begin(h->db, &c);
    if (e)
        return e;
    for (size_t i = 0; i < h->n && !e; i++)
        e = share_kept_put(c, h->batch[i].name, &h->batch[i].st, &h->batch[i].blocks);
    return db_write_end(c, e);
}

/* Writes the batch down and shows it. Returns 0 when that failed: its files wait again. */
static int publish(struct share_hash *h)
{
    enum err e = h->n > 0 ? write_down(h) : ERR_OK;
    if (e)
        log_write(LOG_WARN, "share", "the hashes of %zu files could not be written down: %s", h->n, err_text(e));
    for (size_t i = 0; i < h->n; i++) {
        struct hashed *f = &h->batch[i];
        if (e)
            share_list_again(h->list, f->name);
        else
            share_list_hashed(h->list, f->name, &f->st, f->blocks.sha256);
        blocks_release(&f->blocks);
    }
    if (h->n > 0 && !e)
        h->told(h->ctx);
    h->n = 0;
    return !e;
}

/* An empty list is left alone: its folder may have gone for a while. */
static void prune(struct share_hash *h)
{
    uint64_t files;
    char digest[SHARED_DIGEST_HEX_SIZE];
    share_list_sum(h->list, &files, digest);
    enum err e = files > 0 ? share_kept_prune(h->db, h->list) : ERR_OK;
    if (e)
        log_write(LOG_WARN, "share", "old hashes could not be forgotten: %s", err_text(e));
}

static void *run(void *ctx)
{
    struct share_hash *h = ctx;
    uint64_t wait_ms = 0;
    limits_give_way();
    while (bell_wait(&h->bell, wait_ms, NULL)) {
        int filled = fill(h), some = h->n > 0, written = publish(h);
        wait_ms = !filled || !written ? PAUSE_MS : some ? 0 : IDLE_MS;
        if (wait_ms == IDLE_MS && atomic_exchange(&h->prune, 0))
            prune(h);
    }
    return NULL;
}

enum err share_hash_start(
    struct share_folder *folder, struct share_list *list, struct db *db, void (*told)(void *ctx), void *ctx, struct share_hash **out)
{
    struct share_hash *h = calloc(1, sizeof(*h));
    if (!h)
        return ERR_NOMEM;
    h->folder = folder;
    h->list = list;
    h->db = db;
    h->told = told;
    h->ctx = ctx;
    bell_init(&h->bell);
    h->has_thread = pthread_create(&h->thread, NULL, run, h) == 0;
    if (!h->has_thread) {
        share_hash_free(h);
        return ERR_NOMEM;
    }
    *out = h;
    return ERR_OK;
}

void share_hash_wake(struct share_hash *h)
{
    bell_ring(&h->bell);
}

void share_hash_prune(struct share_hash *h)
{
    atomic_store(&h->prune, 1);
    bell_ring(&h->bell);
}

void share_hash_stop(struct share_hash *h)
{
    if (!h || !h->has_thread)
        return;
    bell_stop(&h->bell);
    pthread_join(h->thread, NULL);
    h->has_thread = 0;
}

void share_hash_free(struct share_hash *h)
{
    if (!h)
        return;
    share_hash_stop(h);
    bell_release(&h->bell);
    free(h);
}
