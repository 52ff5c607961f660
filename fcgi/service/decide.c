#include "fcgi/service/decide.h"

#include <assert.h>
#include <string.h>

/* The promises may be more than a quorum. Every quorum among them alone would be a sound base, so "all W showed" of the rules reads "at least W of them showed" here:
 * a slot (ballot, record) that W owners show was accepted by W owners, and a record that W owners have directly was stored on W owners. */

int decide_matches(enum upload_match match, struct stamp match_record, const char *match_sha256, const struct record *current)
{
    switch (match) {
    case MATCH_NOTHING: return 1;
    case MATCH_RECORD: return current != NULL && stamp_cmp(current->id, match_record) == 0;
    case MATCH_SHA256: return current != NULL && !record_is_tombstone(current) && strcmp(current->sha256, match_sha256) == 0;
    case MATCH_NONE: return current == NULL || record_is_tombstone(current);
    }
    return 0;
}

static int matches(const struct decide_input *in, const struct record *current)
{
    return decide_matches(in->match, in->match_record, in->match_sha256, current);
}

int decide_same_again(const struct record *current, const struct record *draft)
{
    if (current == NULL || record_is_tombstone(current) || draft->kind != RECORD_UPLOAD)
        return 0;
    struct record as_upload = *current; /* borrowed: what was restored counts like what was uploaded */
    as_upload.kind = RECORD_UPLOAD;
    return record_same_content(&as_upload, draft);
}

int decide_same_change(const struct record *a, const struct record *b)
{
    return record_same_content(a, b) && stamp_cmp(a->of, b->of) == 0;
}

/* The slot with the largest ballot, or NULL when no owner has one. */
static const struct decide_promise *largest_slot(const struct decide_input *in)
{
    const struct decide_promise *best = NULL;
    for (size_t i = 0; i < in->n; i++) {
        const struct decide_promise *p = &in->promises[i];
        if (p->has_slot && (best == NULL || stamp_cmp(p->slot_ballot, best->slot_ballot) > 0))
            best = p;
    }
    return best;
}

/* How many owners show exactly this slot. A ballot has one value only, so equal ballots are equal slots. */
static unsigned slot_count(const struct decide_input *in, struct stamp ballot)
{
    unsigned n = 0;
    for (size_t i = 0; i < in->n; i++)
        n += in->promises[i].has_slot && stamp_cmp(in->promises[i].slot_ballot, ballot) == 0;
    return n;
}

/* Known to be acknowledged or firm, so that a refusal may name it: conditional records are in R only when chosen. Nothing at all on a quorum is settled too. */
static int settled(const struct decide_input *in, const struct history *all, const struct record *current)
{
    if (current == NULL || current->conditional)
        return 1;
    const struct history_entry *e = history_find(all, current->id);
    return e != NULL && e->direct_seen >= in->quorum;
}

/* Rule 3. Only a record that is firm counts: of an unconditional try with the same upload id fewer than W owners may have taken notice. */
static const struct record *mine(const struct decide_input *in, const struct history *all)
{
    const struct history_entry *e = history_find_upload(all, in->draft->upload);
    return e != NULL && (e->record.conditional || e->direct_seen >= in->quorum) ? &e->record : NULL;
}

static void decide_on_current(const struct decide_input *in, struct decision *out)
{
    const struct record *current = history_current(&out->all);
    out->record = current;
    int firm = settled(in, &out->all, current);
    if (!matches(in, current)) {
        /* Rule 5. */
        out->step = !in->accept_sent && firm ? DECIDE_REFUSE : DECIDE_SETTLE;
        return;
    }
    /* Rule 4. The same content again changes nothing, and saying so needs what refusing needs: a current record that is settled. */
    if (!decide_same_again(current, in->draft))
        out->step = DECIDE_ACCEPT;
    else
        out->step = firm && !in->accept_sent ? DECIDE_SAME : DECIDE_SETTLE_SAME;
}

enum err decide(const struct decide_input *in, struct decision *out)
{
    assert(in->n >= in->quorum && in->quorum > 0 && in->match != MATCH_NOTHING);
    memset(out, 0, sizeof(*out));
    history_init(&out->all);

    /* Rule 2. */
    enum err e = ERR_OK;
    for (size_t i = 0; i < in->n && e == ERR_OK; i++)
        e = history_merge(&out->all, in->promises[i].history);
    if (e != ERR_OK)
        goto failed;
    const struct decide_promise *slot = largest_slot(in);
    if (slot != NULL && slot->slot != NULL && history_find(&out->all, slot->slot->id) == NULL) {
        if (slot_count(in, slot->slot_ballot) < in->quorum) {
            out->step = DECIDE_FINISH;
            out->record = slot->slot;
            return ERR_OK;
        }
        e = history_add(&out->all, slot->slot, 0);
        if (e != ERR_OK)
            goto failed;
        out->learned = slot->slot;
    }

    const struct record *own = mine(in, &out->all);
    if (own != NULL) {
        out->step = decide_same_change(own, in->draft) ? DECIDE_MINE : DECIDE_MISUSED;
        out->record = own;
        return ERR_OK;
    }
    decide_on_current(in, out);
    return ERR_OK;
failed:
    decide_release(out);
    return e;
}

void decide_release(struct decision *d)
{
    history_release(&d->all);
    d->record = NULL;
    d->learned = NULL;
}

enum err decide_still_matches(const struct decide_input *in, struct history *all, const struct record *finished, int *out)
{
    enum err e = history_add(all, finished, 0);
    if (e == ERR_OK)
        *out = matches(in, history_current(all));
    return e;
}
