#include "fcgi/service/commit.h"

#include "fcgi/service/courses.h"
#include "fcgi/service/decide.h"
#include "lib/base/id.h"
#include "lib/base/num.h"
#include "lib/store/index.h"

#include <string.h>

#define TURN_WAIT_MS 10000u /* fifty writers of one course on a slow machine */
#define PROBE_MS 300u
#define PROBE_FRESH_MS 1000u
#define RETRY_SOON_S 2u
#define RETRY_FULL_S 60u

void commit_upload_id(const char *uploader, const char *key, const char *idempotency_key, char out[RECORD_UPLOAD_ID_SIZE])
{
    uint8_t hash[HASH_SIZE];
    struct hash_ctx *h = idempotency_key == NULL ? NULL : hash_new();
    if (h == NULL) {
        id_random_hex(out, (RECORD_UPLOAD_ID_SIZE - 1) / 2);
        return;
    }
    hash_add(h, uploader, strlen(uploader) + 1);
    hash_add(h, key, strlen(key) + 1);
    hash_add(h, idempotency_key, strlen(idempotency_key));
    hash_end(h, hash);
    hash_free(h);
    num_hex(hash, (RECORD_UPLOAD_ID_SIZE - 1) / 2, out);
}

enum err commit_enter(struct change *c)
{
    struct quorum *q = c->q;
    unsigned budget_ms = payload_timeout_ms(c->payload, c->draft.size, q->w->app->settings.quorum_timeout_ms);
    enum err e = quorum_restart(q, budget_ms);
    /* Nobody queues for what cannot happen. */
    if (e == ERR_OK && !quorum_is_reachable(q))
        e = ERR_UNAVAILABLE;
    if (e == ERR_OK)
        e = courses_enter(q->w->app->queue, q->key, TURN_WAIT_MS);
    if (e != ERR_OK)
        return e;
    e = quorum_restart(q, budget_ms);
    if (e != ERR_OK)
        commit_leave(c);
    return e;
}

void commit_leave(const struct change *c)
{
    courses_leave(c->q->w->app->queue, c->q->key);
}

enum err commit_find_again(struct change *c, const struct pulled *p, const struct record **again)
{
    *again = NULL;
    const struct history_entry *e = history_find_upload(&p->all, c->draft.upload);
    if (e == NULL)
        return ERR_OK;
    if (!decide_same_change(&e->record, &c->draft))
        return ERR_INVALID;
    /* A record that came to some owners as a copy only is no proof that it was stored in time (protocol.md, pitfall 1). */
    struct tally direct = pull_showed(p, e->record.id, 1);
    if (e->record.conditional || tally_writes(&p->who, &direct)) {
        enum err failed = change_acknowledge_seen(c, &e->record, p->replies);
        return failed == ERR_OK ? ERR_CONFLICT : failed;
    }
    *again = &e->record;
    return ERR_OK;
}

static enum err fill_copies(const struct change *c, struct upload_result *out)
{
    struct arena *arena = &c->q->w->arena;
    for (size_t i = 0; i < c->q->owners.n; i++) {
        const struct ring_member *m = c->q->owners.at[i].member;
        /* Whoever is leaving its course is named only while it has the record. */
        if (!c->q->owners.who.at[i].now && c->state[i] != BLOB_STORED)
            continue;
        struct upload_copy *copy = &out->copies[out->n_copies++];
        copy->node = arena_strdup(arena, m->id);
        copy->name = arena_strdup(arena, m->name);
        copy->state = c->state[i];
        if (copy->node == NULL || copy->name == NULL)
            return ERR_NOMEM;
    }
    return ERR_OK;
}

/* The number of a record in a history; 0 when it is not there. */
static uint64_t version_in(const struct history *h, const struct record *r)
{
    const struct history_entry *entry = history_find(h, r->id);
    return entry == NULL ? 0 : history_version(h, (size_t)(entry - h->entries));
}

static uint64_t version_by_owners(struct quorum *q, const struct record *r)
{
    struct known known;
    enum err e = known_read(q, &known);
    uint64_t version = e == ERR_OK ? version_in(&known.history, r) : 0;
    if (e == ERR_OK || e == ERR_NOT_FOUND || e == ERR_UNAVAILABLE)
        known_release(&known);
    return version;
}

/* The number people see: by the index, or by the owners when it is away or not believed; 0 when nobody can tell. */
static uint64_t version_of(struct quorum *q, const struct record *r)
{
    struct store *s = worker_store(q->w);
    struct history h;
    uint64_t version = 0;
    enum err e = s == NULL ? ERR_UNAVAILABLE : worker_store_said(q->w, index_version(s, r->key, r->id, &version));
    if (e == ERR_OK)
        return version;
    if (e != ERR_NOT_FOUND)
        return version_by_owners(q, r);
    /* A newer one came in between, or this is a late one. */
    history_init(&h);
    e = worker_store_said(q->w, index_history(s, r->key, &h));
    if (e == ERR_OK)
        version = version_in(&h, r);
    history_release(&h);
    return version > 0 ? version : version_by_owners(q, r);
}

/* Moves the acknowledged record into the result. */
static enum err fill_result(struct change *c, enum upload_outcome outcome, struct upload_result *out)
{
    out->outcome = outcome;
    out->record = c->done;
    c->has_done = 0;
    enum err e = fill_copies(c, out); /* before the owners are asked anything more, which may change who they are */
    out->version = version_of(c->q, &out->record);
    return e;
}

enum err commit(struct change *c, const struct record *again, struct upload_result *out)
{
    int unchanged = 0;
    enum err e = ERR_OK;
    if (!c->has_done)
        e = c->match == MATCH_NOTHING ? store_plain(c, again) : propose(c, &unchanged);
    if (e == ERR_FULL && c->may_be_there)
        out->detail = "Too few of the machines that keep this course have room. One that has may have taken this all the same: it is not "
                      "known whether it will show up. "
                      "Ask again with the same Idempotency-Key.";
    if (e != ERR_OK)
        return e;
    change_hint(c);
    if (!unchanged)
        change_index(c->q->w, &c->done);
    return fill_result(c, unchanged ? UPLOAD_UNCHANGED : UPLOAD_CREATED, out);
}

enum err commit_unchanged(struct change *c, const struct record *current, const struct quorum_reply *replies, struct upload_result *out)
{
    enum err e = change_acknowledge_seen(c, current, replies);
    return e == ERR_OK ? fill_result(c, UPLOAD_UNCHANGED, out) : e;
}

static const char *sentence(struct quorum *q, enum err e, unsigned of, const struct upload_result *out)
{
    switch (e) {
    case ERR_UNAVAILABLE:
        if (q->owners.n == 0)
            return "It is not known yet which machines keep this course. Nothing was changed.";
        if (out->can_write >= out->needed)
            return "The machines that keep this course were too busy with other changes of it. Nothing was changed.";
        return arena_printf(&q->w->arena,
            "Only %u of the %u machines that keep this course can write right now, and %u are needed. Nothing was changed.", out->can_write,
            of, out->needed);
    case ERR_TIMEOUT:
        return "Too few machines answered in time: it is not known whether this was stored. Ask again with the same Idempotency-Key.";
    case ERR_PRECONDITION: return "The course has changed in the meantime. Nothing of this request was stored.";
    case ERR_INVALID: return "This Idempotency-Key was used for another upload of the same course.";
    case ERR_FULL: return "The machines that keep this course are full. Nothing was changed.";
    case ERR_GONE: return "No machine has the bytes of that version any more.";
    default: return NULL;
    }
}

enum err commit_explain(struct quorum *q, enum err e, struct upload_result *out)
{
    struct tally there = {.has = {0}};
    if (e == ERR_UNAVAILABLE || e == ERR_TIMEOUT) {
        int fresh = q->probed_at_ms != 0 && clock_boot_ms() - q->probed_at_ms < PROBE_FRESH_MS;
        if (q->view != NULL)
            there = fresh ? q->probed : quorum_probe(q, PROBE_MS);
        out->retry_after_s = RETRY_SOON_S;
    }
    struct tally_words words = tally_words(&q->owners.who, &there);
    out->can_write = words.can;
    out->needed = words.needed;
    if (e == ERR_FULL)
        out->retry_after_s = RETRY_FULL_S;
    if (e != ERR_OK && out->detail == NULL)
        out->detail = sentence(q, e, words.of, out);
    return e;
}

void upload_result_release(struct upload_result *r)
{
    record_release(&r->record);
}
