#include "fcgi/service/pull.h"

#define QUORUM_LINGER_MS 30u
#define UNUSABLE_LINGER_MS 250u /* how long those are waited for who are not expected to answer */

/* A slot that W owners show is a chosen record, even when nobody was told (protocol.md, pitfall 7). */
static enum err add_chosen_slots(struct pulled *p)
{
    for (size_t i = 0; i < p->n_owners; i++) {
        const struct message_answer *a = &p->replies[i].answer;
        if (p->replies[i].error != ERR_OK || !a->has_slot || !a->slot_has_record || history_find(&p->all, a->slot_record.id) != NULL)
            continue;
        unsigned same = 0;
        for (size_t j = 0; j < p->n_owners; j++) {
            const struct message_answer *b = &p->replies[j].answer;
            same += p->replies[j].error == ERR_OK && b->has_slot && stamp_cmp(a->slot_ballot, b->slot_ballot) == 0;
        }
        if (same < p->quorum)
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
    for (size_t i = 0; i < p->n_owners && e == ERR_OK; i++) {
        if (p->replies[i].error != ERR_OK)
            continue;
        p->n_answered++;
        e = history_merge(&p->all, &p->replies[i].answer.history);
    }
    return e == ERR_OK ? add_chosen_slots(p) : e;
}

static enum err ask(struct quorum *q, enum pull_want want, unsigned timeout_ms, struct pulled *out)
{
    struct message_request m;
    message_request_init(&m, MESSAGE_PULL);
    struct quorum_round r = {.timeout_ms = timeout_ms, .linger_ms = QUORUM_LINGER_MS};
    size_t usable = quorum_usable(q);
    quorum_ask(q, &m, 0, r.requests);
    if (want == PULL_QUORUM) {
        r.enough = q->owners.quorum;
    } else if (usable > 0 && usable < q->owners.quorum) {
        r.enough = usable;
        r.linger_ms = UNUSABLE_LINGER_MS;
    }
    out->n_owners = q->owners.n;
    out->quorum = q->owners.quorum;
    return quorum_round(q, &r, out->replies);
}

enum err pull(struct quorum *q, enum pull_want want, unsigned timeout_ms, struct pulled *out)
{
    *out = (struct pulled){.n_owners = 0};
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

int pull_is_visible(const struct history_entry *e, size_t n_owners, size_t n_answered, uint32_t quorum)
{
    return e->record.conditional || e->seen + (n_owners - n_answered) >= quorum;
}

enum err pull_visible(const struct pulled *p, struct history *out)
{
    enum err e = ERR_OK;
    for (size_t i = 0; i < p->all.n && e == ERR_OK; i++)
        if (pull_is_visible(&p->all.entries[i], p->n_owners, p->n_answered, p->quorum))
            e = history_add(out, &p->all.entries[i].record, 0);
    return e;
}

int pull_proves_absence(const struct pulled *p)
{
    return p->n_answered + p->quorum > p->n_owners;
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
