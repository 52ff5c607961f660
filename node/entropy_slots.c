#include "node/entropy_inside.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/wire/owners.h"
#include "node/fetch.h"
#include "node/repair.h"

#include <stdlib.h>
#include <string.h>

#define TOGETHER 64u /* looked at in one go */

/* Keys of courses whose slot holds a record that R does not. */
struct open_slots {
    uint64_t before_ms;
    char *keys[TOGETHER];
    size_t n;
};

static void add_open(void *ctx, const struct catalog_ring *ring, const struct catalog_course *course)
{
    struct open_slots *open = ctx;
    if (course->open_slot && course->slot_ms < open->before_ms && open->n < TOGETHER && entropy_owns(course, ring->self)) {
        open->keys[open->n] = strdup(course->key);
        open->n += open->keys[open->n] != NULL;
    }
}

/* What the owners of a course show. */
struct showing {
    struct owners owners;
    struct message_answer mine;
    unsigned char same[OWNERS_MAX]; /* shows our slot: the same ballot and the same record */
    int in_a_set;                   /* some owner has the record in R: it comes by pulling from there */
};

static int shows_ours(const struct message_answer *mine, const struct message_answer *a)
{
    return a->has_slot && a->slot_has_record && stamp_cmp(a->slot_ballot, mine->slot_ballot) == 0 &&
           stamp_cmp(a->slot_record.id, mine->slot_record.id) == 0;
}

static void ask_owner(struct entropy *e, struct peer *peer, const char *key, uint64_t ring, struct showing *s, size_t i)
{
    struct message_answer a;
    const char *id = s->owners.at[i].member->id;
    if (strcmp(id, e->node->self.id) == 0) {
        s->same[i] = 1;
        return;
    }
    if (cluster_lives(e->node->cluster, id) == 0)
        return;
    message_answer_init(&a);
    if (fetch_set(e->node, peer, id, ring, key, &a) == ERR_OK && a.ok) {
        s->same[i] = (unsigned char)shows_ours(&s->mine, &a);
        s->in_a_set |= history_find(&a.history, s->mine.slot_record.id) != NULL;
    }
    message_answer_release(&a);
}

/* Takes a chosen record into R, as LEARN would. From here the neighbours pull it. */
static enum err learn(struct entropy *e, const char *key, uint64_t ring, const struct record *record)
{
    struct message_request m;
    struct message_answer a;
    message_request_init(&m, MESSAGE_LEARN);
    message_answer_init(&a);
    m.ring = ring;
    m.key = strdup(key);
    enum err err = m.key ? record_copy(&m.record, record) : ERR_NOMEM;
    m.has_record = !err;
    if (!err)
        err = records_learn(&e->node->records, &m, 0, &a);
    if (!err && !a.ok)
        err = a.error;
    message_answer_release(&a);
    message_request_release(&m);
    return err;
}

/* Looks at one slot; returns whether its record was made firm. */
static int close_slot(struct entropy *e, struct peer *peer, const char *key)
{
    struct showing s;
    struct ledger_ring *ring = ledger_hold(e->node->ledger);
    if (!ring)
        return 0;
    memset(&s, 0, sizeof(s));
    message_answer_init(&s.mine);
    owners_of_key(ring->doc, key, &s.owners);
    enum err err = records_look(&e->node->records, key, &s.mine);
    int is_open = !err && s.mine.has_slot && s.mine.slot_has_record && !history_find(&s.mine.history, s.mine.slot_record.id);
    for (size_t i = 0; i < s.owners.n && is_open; i++)
        ask_owner(e, peer, key, ring->doc->ring->epoch, &s, i);
    int is_chosen = is_open && (s.in_a_set || owners_write_missing(&s.owners, s.same) == 0);
    if (is_chosen)
        err = learn(e, key, ring->doc->ring->epoch, &s.mine.slot_record);
    if (err)
        log_write(LOG_WARN, "entropy", "the slot of %s: %s", key, err_text(err));
    message_answer_release(&s.mine);
    ledger_drop(ring);
    return is_chosen && !err;
}

void entropy_close_slots(struct entropy *e, struct peer *peer)
{
    uint64_t learned = 0;
    struct open_slots open = {.before_ms = clock_unix_ms() - ENTROPY_SLOT_LOOKS * e->look_ms};
    catalog_each(e->catalog, CATALOG_BUCKETS, add_open, &open);
    for (size_t i = 0; i < open.n; i++) {
        if (!bell_is_stopping(&e->mender))
            learned += (uint64_t)close_slot(e, peer, open.keys[i]);
        free(open.keys[i]);
    }
    if (learned)
        log_write(LOG_INFO, "entropy", "%llu chosen records made firm", (unsigned long long)learned);
    pthread_mutex_lock(&e->looker.lock);
    e->counts.learned += learned;
    pthread_mutex_unlock(&e->looker.lock);
}
