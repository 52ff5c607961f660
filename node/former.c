#include "node/former.h"

#include "lib/base/log.h"
#include "node/former_inside.h"
#include "node/rows.h"
#include "node/wanted.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAUSE_MIN_MS 1000u
#define PAUSE_MAX_MS 15000u /* between rounds that could not let go of everything */
#define KEYS_BATCH 256
#define PUSH_EVERY 4 /* rounds: the owners' own ways come first */
#define LEFT_MAX 65536u

struct former {
    struct node *node;
    struct bell bell;
    uint64_t epoch;  /* of the ring that the rounds are about */
    unsigned rounds; /* under it */
    /* Blobs of dropped courses that somebody looked at a moment ago: tried again. What does not fit is left to the collection. */
    char (*left)[HASH_HEX_SIZE];
    size_t n_left;
    int has_thread;
    pthread_t thread;
};

/* ---- blobs */

static enum err is_named(struct node *n, const char *sha256, int *named)
{
    struct db_conn *c;
    struct wanted how;
    enum err e = db_read_begin(n->db, &c);
    if (e)
        return e;
    e = wanted_blob(c, sha256, node_deleted_before(n), &how);
    db_read_end(c);
    *named = how.named;
    return e;
}

/* Returns whether there is no more to do about this blob. */
static int let_go(struct node *n, const char *sha256)
{
    int named = 1;
    enum err e = is_named(n, sha256, &named);
    if (!e && !named)
        e = verify_remove(n->verify, sha256);
    if (e && e != ERR_NOT_FOUND && e != ERR_CONFLICT)
        log_write(LOG_WARN, "former", "blob %s: %s", sha256, err_text(e));
    return e != ERR_CONFLICT;
}

static void remember(struct former *f, const char *sha256)
{
    if (!f->left)
        f->left = calloc(LEFT_MAX, sizeof(*f->left));
    if (f->left && f->n_left < LEFT_MAX)
        memcpy(f->left[f->n_left++], sha256, HASH_HEX_SIZE);
}

static void try_again(struct former *f)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->n_left; i++)
        if (!let_go(f->node, f->left[i]))
            memmove(f->left[kept++], f->left[i], HASH_HEX_SIZE);
    f->n_left = kept;
    if (kept == 0) {
        free(f->left);
        f->left = NULL;
    }
}

/* ---- courses */

/* Not under another ring than the owners were asked under: the course may be ours again. */
static enum err drop_in(struct former *f, struct db_conn *c, const struct former_course *courses, size_t n)
{
    enum err e = ledger_epoch(f->node->ledger) == f->epoch ? ERR_OK : ERR_STALE_RING;
    for (size_t i = 0; i < n && !e; i++)
        if (courses[i].is_free)
            e = rows_drop(c, courses[i].key);
    return e;
}

static enum err drop_free(struct former *f, const struct former_course *courses, size_t n, uint64_t *dropped)
{
    struct db_conn *c;
    size_t n_free = 0;
    for (size_t i = 0; i < n; i++)
        n_free += courses[i].is_free != 0;
    if (n_free == 0)
        return ERR_OK;
    enum err e = db_write_begin(f->node->db, &c);
    if (!e)
        e = db_write_end(c, drop_in(f, c, courses, n));
    if (e)
        return e;
    *dropped += n_free;
    for (size_t i = 0; i < n; i++) {
        const struct history *h = &courses[i].answer.history;
        for (size_t k = 0; courses[i].is_free && k < h->n; k++)
            if (h->entries[k].record.sha256[0] != '\0' && !let_go(f->node, h->entries[k].record.sha256))
                remember(f, h->entries[k].record.sha256);
    }
    return ERR_OK;
}

/* Loads the courses of some keys that are not this node's; takes the keys. */
static enum err load(struct node *n, const struct ringdoc *doc, char **keys, size_t n_keys, struct former_course *out, size_t *n_out)
{
    enum err e = ERR_OK;
    *n_out = 0;
    for (size_t i = 0; i < n_keys; i++) {
        struct former_course *c = &out[*n_out];
        memset(c, 0, sizeof(*c));
        c->key = keys[i];
        owners_of_key(doc, c->key, &c->o);
        if (!e && owners_place(&c->o, n->self.id) < 0) {
            message_answer_init(&c->answer);
            (*n_out)++;
            e = records_look(&n->records, c->key, &c->answer);
        } else {
            free(c->key);
        }
    }
    return e;
}

static void release(struct former_course *courses, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(courses[i].key);
        message_answer_release(&courses[i].answer);
    }
}

static enum err read_keys(struct node *n, const char *after, char **keys, size_t *count)
{
    struct db_conn *c;
    enum err e = db_read_begin(n->db, &c);
    if (e)
        return e;
    e = rows_keys(c, after, keys, KEYS_BATCH, count);
    db_read_end(c);
    return e;
}

/* One batch of keys. *after moves on. */
static enum err see_to_batch(
    struct former *f, const struct ledger_ring *ring, struct peer *peer, char *after, size_t *count, uint64_t *left, uint64_t *dropped)
{
    char *keys[KEYS_BATCH];
    size_t n = 0;
    struct former_course *courses = calloc(KEYS_BATCH, sizeof(*courses));
    enum err e = courses ? read_keys(f->node, after, keys, count) : ERR_NOMEM;
    if (e) {
        free(courses);
        return e;
    }
    if (*count > 0)
        snprintf(after, NAME_KEY_BYTES_MAX + 1, "%s", keys[*count - 1]);
    uint64_t before = *dropped;
    e = load(f->node, ring->doc, keys, *count, courses, &n);
    if (!e && n > 0)
        e = former_ask(f->node, ring, peer, courses, n, f->rounds % PUSH_EVERY == PUSH_EVERY - 1);
    if (!e)
        e = drop_free(f, courses, n, dropped);
    *left += n - (*dropped - before);
    release(courses, n);
    free(courses);
    return e;
}

static enum err see_to_all(struct former *f, const struct ledger_ring *ring, struct peer *peer, uint64_t *left)
{
    char after[NAME_KEY_BYTES_MAX + 1] = "";
    size_t count = KEYS_BATCH;
    uint64_t dropped = 0;
    enum err e = ERR_OK;
    while (!e && count == KEYS_BATCH && !bell_is_stopping(&f->bell))
        e = see_to_batch(f, ring, peer, after, &count, left, &dropped);
    if (dropped > 0)
        log_write(LOG_INFO, "former", "%llu courses are their owners' alone now; %llu are kept until those have them",
            (unsigned long long)dropped, (unsigned long long)*left);
    return e;
}

/* *left is how many courses are still kept for others. ERR_UNAVAILABLE: the ring in force is not stable, or not known to be committed. */
static enum err go_round(struct former *f, uint64_t *left)
{
    struct ledger_ring *ring = ledger_hold(f->node->ledger);
    *left = 0;
    if (!ring || !ring->committed || ringdoc_is_joint(ring->doc)) {
        ledger_drop(ring);
        return ERR_UNAVAILABLE;
    }
    if (f->epoch != ring->doc->ring->epoch)
        f->rounds = 0;
    f->epoch = ring->doc->ring->epoch;
    try_again(f);
    struct peer *peer = peers_take(f->node->peers);
    enum err e = peer ? see_to_all(f, ring, peer, left) : ERR_NOMEM;
    peers_give(f->node->peers, peer);
    f->rounds++;
    ledger_drop(ring);
    return e;
}

/* A round that left nothing need not be repeated until the ring changes: nobody writes courses here that are others'. */
static void *run(void *ctx)
{
    struct former *f = ctx;
    uint64_t left = 0, done_epoch = 0;
    unsigned pause_ms = PAUSE_MIN_MS;
    while (bell_wait(&f->bell, pause_ms, NULL)) {
        uint64_t epoch = ledger_epoch(f->node->ledger);
        if (node_is_suspect(f->node) || (epoch == done_epoch && f->n_left == 0)) {
            pause_ms = PAUSE_MIN_MS;
            continue;
        }
        enum err e = go_round(f, &left);
        if (e && e != ERR_UNAVAILABLE && e != ERR_STALE_RING)
            log_write(LOG_WARN, "former", "%s", err_text(e));
        done_epoch = !e && left == 0 ? f->epoch : 0;
        pause_ms = e || left > 0 || f->n_left > 0 ? pause_ms * 2 : PAUSE_MIN_MS;
        if (pause_ms > PAUSE_MAX_MS || e == ERR_UNAVAILABLE)
            pause_ms = e == ERR_UNAVAILABLE ? PAUSE_MIN_MS : PAUSE_MAX_MS;
    }
    return NULL;
}

enum err former_start(struct node *n, struct former **out)
{
    struct former *f = calloc(1, sizeof(*f));
    if (!f)
        return ERR_NOMEM;
    f->node = n;
    bell_init(&f->bell);
    f->has_thread = pthread_create(&f->thread, NULL, run, f) == 0;
    if (!f->has_thread) {
        former_free(f);
        return ERR_NOMEM;
    }
    *out = f;
    return ERR_OK;
}

void former_stop(struct former *f)
{
    if (f)
        bell_stop(&f->bell);
}

void former_free(struct former *f)
{
    if (!f)
        return;
    former_stop(f);
    if (f->has_thread)
        pthread_join(f->thread, NULL);
    bell_release(&f->bell);
    free(f->left);
    free(f);
}
