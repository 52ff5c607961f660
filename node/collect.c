#include "node/collect.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "node/bell.h"
#include "node/wanted.h"

#include <pthread.h>
#include <stdlib.h>

#define ROUND_MIN_MS 1000u
#define ROUND_MAX_MS 3600000u
#define ROUNDS_PER_AGE 24u
#define TICK_MS 1000u
#define SWEEP_AFTER_MS 30000u /* a new ring: time for those who were owners to let go of their courses first */
#define PAUSE_EVERY 256       /* blobs looked at before others get their turn */

struct collect {
    struct node *node;
    uint64_t age_ms;
    uint64_t looked;             /* blobs, in this round */
    uint64_t serving;            /* epoch of the stable ring last seen; 0 = none yet */
    uint64_t since_ms, sweep_ms; /* unix: when it was seen first; boot: when that is swept, 0 = it was */
    uint64_t born_before_ms;     /* unix: in this round blobs from before that are old at any age */
    struct bell bell;            /* its lock guards the counts */
    struct collect_counts counts;
    int has_thread;
    pthread_t thread;
};

static int is_old(const struct collect *c, const struct stat *st)
{
    /* The change time: a name, or a byte, that came later makes it young again. */
    uint64_t changed_ms = (uint64_t)st->st_ctim.tv_sec * 1000u + (uint64_t)st->st_ctim.tv_nsec / 1000000u;
    return changed_ms < c->born_before_ms || changed_ms + c->age_ms < clock_unix_ms();
}

static enum err is_wanted(struct node *n, const char *sha256, int *out)
{
    struct db_conn *conn;
    struct wanted how;
    enum err e = db_read_begin(n->db, &conn);
    if (e)
        return e;
    e = wanted_blob(conn, sha256, node_deleted_before(n), &how);
    db_read_end(conn);
    *out = how.wanted;
    return e;
}

static enum err look_at(void *ctx, const char *sha256, const char *path, const struct stat *st)
{
    struct collect *c = ctx;
    int wanted = 1;
    (void)path;
    if (c->looked++ % PAUSE_EVERY == PAUSE_EVERY - 1 && !bell_wait(&c->bell, 1, NULL))
        return ERR_GONE;
    if (!is_old(c, st))
        return ERR_OK;
    enum err e = is_wanted(c->node, sha256, &wanted);
    if (e || wanted)
        return e;
    e = verify_remove(c->node->verify, sha256);
    if (e)
        return e == ERR_CONFLICT || e == ERR_NOT_FOUND ? ERR_OK : e;
    log_write(LOG_INFO, "collect", "nobody wants blob %s; removed", sha256);
    pthread_mutex_lock(&c->bell.lock);
    c->counts.files++;
    c->counts.bytes += (uint64_t)st->st_size;
    pthread_mutex_unlock(&c->bell.lock);
    return ERR_OK;
}

/* Whether the ring in force is a stable one; notes when it is a new one. While courses move, blobs are here before the records that name them. */
static int is_stable(struct collect *c)
{
    struct ledger_ring *ring = ledger_hold(c->node->ledger);
    int stable = ring && !ringdoc_is_joint(ring->doc);
    if (stable && ring->doc->ring->epoch != c->serving) {
        c->serving = ring->doc->ring->epoch;
        c->since_ms = clock_unix_ms();
        c->sweep_ms = clock_boot_ms() + SWEEP_AFTER_MS;
    }
    ledger_drop(ring);
    return stable;
}

static void walk(struct collect *c)
{
    c->looked = 0;
    enum err e = blobs_walk(c->node->blobs, look_at, c);
    if (e && e != ERR_GONE)
        log_write(LOG_WARN, "collect", "the round was broken off: %s", err_text(e));
}

static void *run(void *ctx)
{
    struct collect *c = ctx;
    uint64_t period_ms = c->age_ms / ROUNDS_PER_AGE, next_ms = 0;
    period_ms = period_ms < ROUND_MIN_MS ? ROUND_MIN_MS : period_ms > ROUND_MAX_MS ? ROUND_MAX_MS : period_ms;
    next_ms = clock_boot_ms() + period_ms;
    while (bell_wait(&c->bell, TICK_MS, NULL)) {
        int sweep = is_stable(c) && c->sweep_ms > 0 && c->sweep_ms <= clock_boot_ms();
        if (!is_stable(c) || node_is_suspect(c->node) || (!sweep && clock_boot_ms() < next_ms))
            continue;
        c->born_before_ms = sweep ? c->since_ms : 0;
        if (sweep)
            c->sweep_ms = 0;
        walk(c);
        next_ms = clock_boot_ms() + period_ms;
    }
    return NULL;
}

enum err collect_start(struct node *n, uint64_t age_s, struct collect **out)
{
    struct collect *c = calloc(1, sizeof(*c));
    if (!c)
        return ERR_NOMEM;
    c->node = n;
    c->age_ms = age_s * 1000u;
    bell_init(&c->bell);
    if (age_s > 0) {
        c->has_thread = pthread_create(&c->thread, NULL, run, c) == 0;
        if (!c->has_thread) {
            collect_free(c);
            return ERR_NOMEM;
        }
    }
    *out = c;
    return ERR_OK;
}

void collect_stop(struct collect *c)
{
    if (c)
        bell_stop(&c->bell);
}

void collect_free(struct collect *c)
{
    if (!c)
        return;
    collect_stop(c);
    if (c->has_thread)
        pthread_join(c->thread, NULL);
    bell_release(&c->bell);
    free(c);
}

void collect_look(struct collect *c, struct collect_counts *out)
{
    pthread_mutex_lock(&c->bell.lock);
    *out = c->counts;
    pthread_mutex_unlock(&c->bell.lock);
}
