#include "fcgi/service/pull.h"

#define QUORUM_LINGER_MS 30u
#define UNUSABLE_LINGER_MS 250u /* how long those are waited for who are not expected to answer */

static int has_slot_record(const struct quorum_reply *r)
{
    return r->error == ERR_OK && r->answer.has_slot && r->answer.slot_has_record;
}

/* A slot that a whole write quorum shows is a chosen record, even when nobody was told (protocol.md, pitfall 7). */
static enum err add_chosen_slots(struct pulled *p)
{
    for (size_t i = 0; i < p->who.n; i++) {
        const struct message_answer *a = &p->replies[i].answer;
        if (!has_slot_record(&p->replies[i]) || history_find(&p->all, a->slot_record.id) != NULL)
            continue;
        struct tally same = {.has = {0}};
        for (size_t j = 0; j < p->who.n; j++)
            same.has[j] = has_slot_record(&p->replies[j]) && stamp_cmp(a->slot_ballot, p->replies[j].answer.slot_ballot) == 0;
        if (!tally_writes(&p->who, &same))
            continue;
        enum err e = history_add(&p->all, &a->slot_record, 0);
        if (e != ERR_OK)
            return e;
    }
    return ERR_OK;
}

static enum err collect(struct pulled *p)
{
    enum err e = ERR_OK;
    p->answered = quorum_said(p->replies, ERR_OK);
    for (size_t i = 0; i < p->who.n && e == ERR_OK; i++)
        if (p->answered.has[i])
            e = history_merge(&p->all, &p->replies[i].answer.history);
    return e == ERR_OK ? add_chosen_slots(p) : e;
}

static enum err ask(struct quorum *q, enum pull_want want, unsigned timeout_ms, struct pulled *out)
{
    struct message_request m;
    message_request_init(&m, MESSAGE_PULL);
    struct quorum_round r = {.timeout_ms = timeout_ms, .linger_ms = QUORUM_LINGER_MS};
    struct tally usable = quorum_usable(q);
    quorum_ask(q, &m, 0, r.requests);
    if (want == PULL_QUORUM) {
        r.end = QUORUM_WRITE;
    } else if (tally_count(&usable) > 0 && !tally_writes(&q->owners.who, &usable)) {
        r.end = QUORUM_USABLE;
        r.linger_ms = UNUSABLE_LINGER_MS;
    }
    out->who = q->owners.who;
    return quorum_round(q, &r, out->replies);
}

enum err pull(struct quorum *q, enum pull_want want, unsigned timeout_ms, struct pulled *out)
{
    *out = (struct pulled){.who.n = 0};
    history_init(&out->all);
    enum err e = ask(q, want, timeout_ms, out);
    if (e == ERR_OK && quorum_count(out->replies, ERR_STALE_RING) > 0) {
        quorum_replies_release(out->replies);
        e = quorum_renew(q);
        if (e == ERR_OK)
            e = ask(q, want, timeout_ms, out);
    }
    if (e == ERR_TIMEOUT) /* the budget was used up: nobody answered */
        e = ERR_OK;
    if (e == ERR_OK)
        e = collect(out);
    if (e != ERR_OK)
        pull_release(out);
    return e;
}

void pull_release(struct pulled *p)
{
    quorum_replies_release(p->replies);
    history_release(&p->all);
}

struct tally pull_showed(const struct pulled *p, struct stamp id, int directly)
{
    struct tally t = {.has = {0}};
    for (size_t i = 0; i < p->who.n; i++) {
        const struct history_entry *e = p->answered.has[i] ? history_find(&p->replies[i].answer.history, id) : NULL;
        t.has[i] = e != NULL && (!directly || e->direct);
    }
    return t;
}

struct tally pull_stored(const struct pulled *p, struct stamp id)
{
    struct tally t = {.has = {0}};
    for (size_t i = 0; i < p->who.n; i++)
        t.has[i] = pull_blob_state(&p->replies[i], id, NULL) == BLOB_STORED;
    return t;
}

static int is_visible(const struct pulled *p, const struct record *r)
{
    if (r->conditional)
        return 1;
    struct tally may = pull_showed(p, r->id, 0);
    for (size_t i = 0; i < p->who.n; i++)
        may.has[i] |= !p->answered.has[i];
    return tally_holds(&p->who, &may);
}

enum err pull_visible(const struct pulled *p, struct history *out)
{
    enum err e = ERR_OK;
    for (size_t i = 0; i < p->all.n && e == ERR_OK; i++)
        if (is_visible(p, &p->all.entries[i].record))
            e = history_add(out, &p->all.entries[i].record, 0);
    return e;
}

int pull_proves_absence(const struct pulled *p)
{
    return tally_proves_absence(&p->who, &p->answered);
}

enum blob_state pull_blob_state(const struct quorum_reply *reply, struct stamp id, uint64_t *verified_at_ms)
{
    if (reply->error != ERR_OK)
        return BLOB_UNKNOWN;
    const struct message_answer *a = &reply->answer;
    const struct history_entry *e = history_find(&a->history, id);
    if (e != NULL && a->blobs == NULL) /* a promise tells no states */
        return BLOB_UNKNOWN;
    if (e != NULL) {
        size_t i = (size_t)(e - a->history.entries);
        if (verified_at_ms != NULL && a->verified_at_ms != NULL)
            *verified_at_ms = a->verified_at_ms[i];
        return a->blobs[i];
    }
    /* An ACCEPTed record that its owner was not told to be chosen is on its disk all the same. */
    if (a->has_slot && a->slot_has_record && stamp_cmp(a->slot_record.id, id) == 0)
        return BLOB_STORED;
    return BLOB_MISSING;
}
