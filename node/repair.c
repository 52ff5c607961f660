#include "node/repair.h"

#include "lib/base/log.h"
#include "node/bell.h"
#include "node/fetch.h"
#include "node/needs.h"
#include "node/wanted.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PAUSE_MIN_MS 500u
#define PAUSE_MAX_MS 10000u /* between rounds in which nothing could be had */
#define BATCH 32

struct repair {
    struct node *node;
    struct bell bell; /* its lock guards all below */
    char checks[REPAIR_CHECKS_MAX][HASH_HEX_SIZE];
    size_t n_checks;
    int has_thread;
    pthread_t thread;
};

/* A need whose records are all gone, or were deleted long ago, is none any more. */
static enum err check_wanted(struct node *n, const struct need *need, int *out)
{
    struct db_conn *c;
    struct wanted how;
    enum err e = db_read_begin(n->db, &c);
    if (e)
        return e;
    e = wanted_blob(c, need->sha256, node_deleted_before(n), &how);
    db_read_end(c);
    *out = how.wanted;
    return e;
}

/* Returns whether the blob is here now, or not wanted. */
static int mend(struct node *n, struct peer *peer, const struct need *need)
{
    int is_wanted = 1;
    enum err e = check_wanted(n, need, &is_wanted);
    if (!e && !is_wanted)
        return needs_remove(n->db, need->sha256) == ERR_OK;
    if (!e)
        e = fetch_if_missing(n, peer, need->key, need->sha256, need->size, NULL);
    if (!e)
        e = needs_remove(n->db, need->sha256);
    if (!e)
        log_write(LOG_INFO, "repair", "blob %s is here again", need->sha256);
    else
        log_write(LOG_DEBUG, "repair", "blob %s: %s", need->sha256, err_text(e));
    return !e;
}

/* One pass over all needs. *left is how many could not be met. */
static enum err mend_all(struct repair *r, size_t *mended, size_t *left)
{
    struct node *n = r->node;
    struct need needs[BATCH];
    char after[HASH_HEX_SIZE] = "";
    struct peer *peer = peers_take(n->peers);
    size_t count = BATCH;
    enum err e = peer ? ERR_OK : ERR_NOMEM;
    *mended = *left = 0;
    while (!e && count == BATCH) {
        e = needs_list(n->db, after, needs, BATCH, &count);
        for (size_t i = 0; i < count && !e; i++) {
            if (!bell_is_stopping(&r->bell) && mend(n, peer, &needs[i]))
                (*mended)++;
            else
                (*left)++;
            memcpy(after, needs[i].sha256, sizeof(after));
            free(needs[i].key);
        }
    }
    peers_give(n->peers, peer);
    return e;
}

/* Takes one waiting check; 0 when there is none. */
static int next_check(struct repair *r, char sha256[HASH_HEX_SIZE])
{
    pthread_mutex_lock(&r->bell.lock);
    int any = r->n_checks > 0 && !r->bell.stop;
    if (any)
        memcpy(sha256, r->checks[--r->n_checks], HASH_HEX_SIZE);
    pthread_mutex_unlock(&r->bell.lock);
    return any;
}

static void check_all(struct repair *r)
{
    char sha256[HASH_HEX_SIZE];
    while (next_check(r, sha256)) {
        enum err e = verify_check(r->node->verify, sha256);
        if (e && e != ERR_CORRUPT && e != ERR_NOT_FOUND)
            log_write(LOG_WARN, "repair", "blob %s could not be checked: %s", sha256, err_text(e));
    }
}

static void *run(void *ctx)
{
    struct repair *r = ctx;
    struct node *n = r->node;
    unsigned pause_ms = PAUSE_MIN_MS;
    int called = 1;
    while (bell_wait(&r->bell, pause_ms, &called)) {
        size_t mended, left;
        check_all(r);
        enum err e = mend_all(r, &mended, &left);
        if (e)
            log_write(LOG_WARN, "repair", "%s", err_text(e));
        /* Copies that vanished were counted as here until others took their names. */
        if (!e && mended > 0 && left == 0)
            e = blobs_recount(n->blobs);
        if (called || mended > 0 || (!e && left == 0))
            pause_ms = PAUSE_MIN_MS;
        else
            pause_ms = pause_ms * 2 < PAUSE_MAX_MS ? pause_ms * 2 : PAUSE_MAX_MS;
    }
    return NULL;
}

void repair_wake(struct repair *r)
{
    bell_ring(&r->bell);
}

void repair_check(struct repair *r, const char *sha256)
{
    pthread_mutex_lock(&r->bell.lock);
    int full = r->n_checks == REPAIR_CHECKS_MAX;
    for (size_t i = 0; i < r->n_checks && !full; i++)
        full = strcmp(r->checks[i], sha256) == 0;
    if (!full)
        memcpy(r->checks[r->n_checks++], sha256, HASH_HEX_SIZE);
    pthread_mutex_unlock(&r->bell.lock);
    bell_ring(&r->bell);
}

int repair_lost(struct repair *r, const char *sha256, int bad)
{
    int is_named = 0;
    enum err e = needs_add_known(r->node->db, sha256, bad, node_deleted_before(r->node), &is_named);
    if (e && e != ERR_NOT_FOUND)
        log_write(LOG_ERROR, "repair", "the loss of blob %s could not be written down: %s", sha256, err_text(e));
    if (!e)
        repair_wake(r);
    return e != ERR_NOT_FOUND;
}

static void on_loss(void *ctx, const char *sha256, int bad)
{
    repair_lost(ctx, sha256, bad);
}

enum err repair_start(struct node *n, struct repair **out)
{
    struct repair *r = calloc(1, sizeof(*r));
    if (!r)
        return ERR_NOMEM;
    r->node = n;
    bell_init(&r->bell);
    verify_on_loss(n->verify, on_loss, r);
    r->has_thread = pthread_create(&r->thread, NULL, run, r) == 0;
    if (!r->has_thread) {
        repair_free(r);
        return ERR_NOMEM;
    }
    *out = r;
    return ERR_OK;
}

void repair_stop(struct repair *r)
{
    if (!r)
        return;
    bell_stop(&r->bell);
}

void repair_free(struct repair *r)
{
    if (!r)
        return;
    repair_stop(r);
    if (r->has_thread)
        pthread_join(r->thread, NULL);
    bell_release(&r->bell);
    free(r);
}
