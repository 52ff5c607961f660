#include "node/entropy_inside.h"

#include "lib/base/clock.h"
#include "lib/base/id.h"
#include "lib/base/log.h"
#include "node/fetch.h"
#include "node/repair.h"

#include <string.h>

#define LOOKS_PATIENT 6u /* for so many looks an owner that has more records than its neighbour waits for that one to pull */

/* ---- pulling from a neighbour */

/* Whose turn it is: a neighbour that lives, was looked at and is due; -1 when there is none. Under the lock. */
static long next_due(const struct entropy *e)
{
    uint64_t now = clock_boot_ms();
    for (size_t i = 0; i < e->n; i++) {
        const struct entropy_neighbour *n = &e->neighbours[i];
        if ((long)i != e->self && n->lives && n->answered && n->mend_ms <= now)
            return (long)i;
    }
    return -1;
}

static int is_worth_pulling(const struct entropy_fact *f, int came_back)
{
    if (!f->differs || f->digest == 0)
        return 0;
    if (f->records < f->my_records && f->looks < LOOKS_PATIENT)
        return 0;
    return came_back || f->looks >= ENTROPY_LASTING_LOOKS;
}

/* Takes the work of one neighbour: copies of the facts that are to be pulled. */
static int take_work(struct entropy *e, char id[RING_ID_MAX], struct entropy_facts *out)
{
    pthread_mutex_lock(&e->looker.lock);
    long i = next_due(e);
    if (i >= 0) {
        struct entropy_neighbour *n = &e->neighbours[i];
        memcpy(id, n->id, RING_ID_MAX);
        for (size_t f = 0; f < n->facts.n; f++)
            if (is_worth_pulling(&n->facts.at[f], n->came_back) && entropy_fact_add(out, &n->facts.at[f]) != ERR_OK)
                break;
        n->came_back = 0;
        n->mend_ms = clock_boot_ms() + e->period_ms * 3 / 4 + id_random_below(e->period_ms / 2 + 1);
    }
    pthread_mutex_unlock(&e->looker.lock);
    return i >= 0;
}

/* As long as something could be pulled there may be more: the next looks will tell. */
static void note_pulled(struct entropy *e, const char *id, uint64_t pulled)
{
    pthread_mutex_lock(&e->looker.lock);
    e->counts.pulled += pulled;
    for (size_t i = 0; i < e->n && pulled; i++)
        if (strcmp(e->neighbours[i].id, id) == 0)
            e->neighbours[i].mend_ms = clock_boot_ms() + 2 * e->look_ms;
    pthread_mutex_unlock(&e->looker.lock);
}

int entropy_mend(struct entropy *e, struct peer *peer)
{
    char id[RING_ID_MAX];
    struct entropy_facts work = {0};
    uint64_t pulled = 0, failed = 0;
    enum err why = ERR_OK;
    if (!take_work(e, id, &work))
        return 0;
    for (size_t i = 0; i < work.n && !bell_is_stopping(&e->mender); i++) {
        /* A hint may have been quicker. */
        if (catalog_refresh(e->catalog) == ERR_OK && catalog_digest(e->catalog, work.at[i].key) == work.at[i].digest)
            continue;
        enum err err = fetch_course(e->node, peer, work.at[i].key, id);
        if (!err) {
            pulled++;
            continue;
        }
        failed++;
        why = err;
        if (err == ERR_UNAVAILABLE || err == ERR_TIMEOUT || err == ERR_STALE_RING)
            break;
    }
    if (pulled || failed)
        log_write(LOG_INFO, "entropy", "%s: %zu courses differed, %llu pulled, %llu not%s%s", id, work.n, (unsigned long long)pulled,
            (unsigned long long)failed, failed ? ": " : "", failed ? err_text(why) : "");
    entropy_facts_clear(&work);
    if (pulled)
        repair_wake(e->node->repair);
    note_pulled(e, id, pulled);
    return 1;
}
