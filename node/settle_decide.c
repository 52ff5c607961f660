#include "node/settle_decide.h"

#include <string.h>

/* The slot with the largest ballot. A ballot has one value only, so equal ballots are equal slots. NULL when nobody has a slot. */
static const struct message_answer *largest_slot(const struct owners *o, const struct message_answer *const answers[OWNERS_MAX])
{
    const struct message_answer *best = NULL;
    for (size_t i = 0; i < o->n; i++)
        if (answers[i] && answers[i]->has_slot && (!best || stamp_cmp(answers[i]->slot_ballot, best->slot_ballot) > 0))
            best = answers[i];
    return best;
}

/* Whether those who showed this slot are a write quorum by themselves: then its record is chosen. Such a quorum would have been a sound base of its own, of which "all
 * answers showed it". */
static int is_chosen(const struct owners *o, const struct message_answer *const answers[OWNERS_MAX], struct stamp ballot)
{
    unsigned char showed[OWNERS_MAX] = {0};
    for (size_t i = 0; i < o->n; i++)
        showed[i] = answers[i] && answers[i]->has_slot && stamp_cmp(answers[i]->slot_ballot, ballot) == 0;
    return owners_write_missing(o, showed) == 0;
}

enum err settle_decide(const struct owners *o, const struct message_answer *const answers[OWNERS_MAX], struct settle_decision *out)
{
    unsigned char promised[OWNERS_MAX] = {0};
    enum err e = ERR_OK;
    for (size_t i = 0; i < o->n; i++)
        promised[i] = answers[i] != NULL;
    if (owners_write_missing(o, promised) > 0)
        return ERR_UNAVAILABLE;
    memset(out, 0, sizeof(*out));
    history_init(&out->all);
    for (size_t i = 0; i < o->n && !e; i++)
        if (answers[i])
            e = history_merge(&out->all, &answers[i]->history);
    const struct message_answer *slot = largest_slot(o, answers);
    if (!e && slot && slot->slot_has_record && !history_find(&out->all, slot->slot_record.id)) {
        if (is_chosen(o, answers, slot->slot_ballot))
            e = history_add(&out->all, &slot->slot_record, 0);
        else
            out->value = &slot->slot_record;
    }
    if (e)
        settle_decision_release(out);
    return e;
}

void settle_decision_release(struct settle_decision *d)
{
    history_release(&d->all);
    d->value = NULL;
}

enum err settle_lacks(const struct history *all, const struct history *has, struct history *out)
{
    enum err e = ERR_OK;
    for (size_t i = 0; i < all->n && !e; i++)
        if (!history_find(has, all->entries[i].record.id))
            e = history_add(out, &all->entries[i].record, 0);
    return e;
}
