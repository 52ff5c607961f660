#include "fcgi/service/change.h"

#include "fcgi/service/pull.h"
#include "fcgi/service/reindex.h"
#include "lib/base/id.h"
#include "lib/base/log.h"
#include "lib/store/index.h"
#include "lib/store/lock.h"

#include <string.h>

#define LOCK_TTL_MS 3000u
#define LOCK_WAIT_MS 500u
#define LEARN_MS 700u
#define LEARN_LINGER_MS 20u
#define HINT_MS 500u

void change_release(struct change *c)
{
    if (c->lock[0] != '\0') {
        struct store *s = worker_store(c->q->w);
        enum err e = s == NULL ? ERR_UNAVAILABLE : worker_store_said(c->q->w, lock_course_release(s, c->q->key, c->lock));
        if (e != ERR_OK)
            log_write(LOG_DEBUG, "lock", "the lock of %s was not given back (%s); it runs out by itself", c->q->key, err_code(e));
        c->lock[0] = '\0';
    }
    if (c->has_done)
        record_release(&c->done);
    c->has_done = 0;
}

void change_lock(struct change *c)
{
    struct worker *w = c->q->w;
    struct store *s = worker_store(w);
    char token[LOCK_TOKEN_SIZE];
    unsigned left = quorum_left_ms(c->q) / 2;
    if (c->lock[0] != '\0' || s == NULL || id_random_below(100) < w->app->settings.lock_skip_percent)
        return;
    id_random_hex(token, (LOCK_TOKEN_SIZE - 1) / 2);
    enum err e = lock_course_take(s, c->q->key, token, LOCK_TTL_MS, left < LOCK_WAIT_MS ? left : LOCK_WAIT_MS);
    if (worker_store_said(w, e) == ERR_OK)
        memcpy(c->lock, token, sizeof(token));
}

void change_pause(void)
{
    clock_sleep_ms(5 + id_random_below(46));
}

void change_ask(const struct change *c, const struct message_request *m, int everybody, const struct message_request *requests[OWNERS_MAX])
{
    quorum_ask(c->q, m, everybody, requests);
    for (size_t i = 0; i < c->q->owners.n; i++)
        if (!payload_reaches(c->payload, c->q->owners.at[i].member->id))
            requests[i] = NULL;
}

int change_carry(struct change *c, const struct record *r, const struct quorum_reply *replies)
{
    const struct view_owners *o = &c->q->owners;
    struct payload carried;
    size_t holder = 0;
    uint64_t began_ms = clock_boot_ms();
    if (payload_reaches_quorum(c->payload, c->q))
        return 0;
    while (holder < o->n && (!replies[holder].asked || replies[holder].error != ERR_OK))
        holder++;
    if (holder == o->n)
        return 0;
    enum err e = body_carry(c->q, r, holder, &carried);
    if (e != ERR_OK) {
        log_write(LOG_WARN, "carry", "the bytes of %s do not reach its new owners: %s", c->q->key, err_text(e));
        return 0;
    }
    payload_release(c->payload);
    *c->payload = carried;
    c->q->deadline_ms += clock_boot_ms() - began_ms; /* it took as long as the file is large */
    return 1;
}

enum err change_acknowledge(struct change *c, const struct record *r, const struct quorum_reply *replies)
{
    enum err e = record_copy(&c->done, r);
    if (e != ERR_OK)
        return e;
    c->has_done = 1;
    for (size_t i = 0; i < c->q->owners.n; i++) {
        if (replies[i].asked && replies[i].error == ERR_OK)
            c->state[i] = BLOB_STORED;
        else
            c->state[i] = replies[i].error == ERR_TIMEOUT ? BLOB_UNKNOWN : BLOB_MISSING;
    }
    return ERR_OK;
}

enum err change_acknowledge_seen(struct change *c, const struct record *r, const struct quorum_reply *replies)
{
    enum err e = record_copy(&c->done, r);
    if (e != ERR_OK)
        return e;
    c->has_done = 1;
    for (size_t i = 0; i < c->q->owners.n; i++)
        c->state[i] = pull_blob_state(&replies[i], r->id, NULL);
    return ERR_OK;
}

void change_learn(struct quorum *q, const struct record *r)
{
    struct message_request m = {.verb = MESSAGE_LEARN, .has_record = 1, .record = *r}; /* borrowed */
    struct quorum_round round = {.end = QUORUM_WRITE, .timeout_ms = LEARN_MS, .linger_ms = LEARN_LINGER_MS};
    struct quorum_reply replies[OWNERS_MAX];
    quorum_ask(q, &m, 0, round.requests);
    enum err e = quorum_round(q, &round, replies);
    if (e != ERR_OK || !quorum_writes(q, replies))
        log_write(LOG_WARN, "learn",
            "too few owners of %s were told that a record was chosen; their slots still hold it, the next conditional request tells them",
            q->key);
    quorum_replies_release(replies);
}

/* Hands all hints to one owner. Returns how many it did not take. */
static size_t hint_at(const struct change *c, size_t keeper)
{
    struct quorum *q = c->q;
    size_t left = 0;
    for (size_t i = 0; i < q->owners.n; i++) {
        if (c->state[i] == BLOB_STORED)
            continue;
        struct message_request m = {.verb = MESSAGE_HINT};
        struct quorum_round round = {.timeout_ms = HINT_MS};
        struct quorum_reply replies[OWNERS_MAX];
        memcpy(m.target, q->owners.at[i].member->id, sizeof(m.target));
        round.requests[keeper] = &m;
        enum err e = quorum_round(q, &round, replies);
        left += e != ERR_OK || replies[keeper].error != ERR_OK;
        quorum_replies_release(replies);
    }
    return left;
}

void change_hint(const struct change *c)
{
    const struct quorum *q = c->q;
    size_t lacking = 0;
    for (size_t i = 0; i < q->owners.n; i++)
        lacking += c->state[i] != BLOB_STORED;
    for (size_t i = 0; i < q->owners.n && lacking > 0; i++)
        if (c->state[i] == BLOB_STORED)
            lacking = hint_at(c, i);
    if (lacking > 0)
        log_write(
            LOG_WARN, "hint", "no owner of %s took the hint that another missed a record; the next hint for that course brings it", q->key);
}

void change_index(struct worker *w, const struct record *r)
{
    struct store *s = worker_store(w);
    enum err e = s == NULL ? ERR_UNAVAILABLE : worker_store_said(w, index_add(s, r, 1, record_kind_name(r->kind)));
    if (e != ERR_OK)
        reindex_add(w->app->retry, r);
}
