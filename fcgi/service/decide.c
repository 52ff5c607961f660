#include "fcgi/service/decide.h"

#include "fcgi/service/tally.h"

#include <assert.h>
#include <string.h>

/* The promises may be more than a quorum. Every quorum among them alone would be a sound base, so "all W showed" of the rules reads "a write quorum of them showed" here:
 * a slot (ballot, record) that a write quorum shows was accepted by one, and a record that one has directly was stored on one. In a joint ring that takes W of both
 * rings; what was chosen or stored under the ring before only then merely "may be", which is always safe: it is finished or settled once more. */

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

/* A whole write quorum shows exactly this slot. A ballot has one value only, so equal ballots are equal slots. */
static int is_chosen(const struct decide_input *in, struct stamp ballot)
{
    struct tally same = {.has = {0}};
    for (size_t i = 0; i < in->n; i++)
        same.has[in->promises[i].owner] = in->promises[i].has_slot && stamp_cmp(in->promises[i].slot_ballot, ballot) == 0;
    return tally_writes(in->owners, &same);
}

/* A whole write quorum took this record by STORE. */
static int is_stored(const struct decide_input *in, struct stamp id)
{
    struct tally direct = {.has = {0}};
    for (size_t i = 0; i < in->n; i++) {
        const struct history_entry *e = history_find(in->promises[i].history, id);
        direct.has[in->promises[i].owner] = e != NULL && e->direct;
    }
    return tally_writes(in->owners, &direct);
}

/* Known to be acknowledged or firm, so that a refusal may name it: conditional records are in R only when chosen. Nothing at all on a quorum is settled too. */
static int settled(const struct decide_input *in, const struct record *current)
{
    return current == NULL || current->conditional || is_stored(in, current->id);
}

/* Rule 3. Only a record that is firm counts: of an unconditional try with the same upload id fewer than W owners may have taken notice. */
static const struct record *mine(const struct decide_input *in, const struct history *all)
{
    const struct history_entry *e = history_find_upload(all, in->draft->upload);
    return e != NULL && (e->record.conditional || is_stored(in, e->record.id)) ? &e->record : NULL;
}

/* Decides by rule 3 when it applies to what is known so far. */
static int is_found(const struct decide_input *in, struct decision *out)
{
    const struct record *own = mine(in, &out->all);
    if (own == NULL)
        return 0;
    out->step = decide_same_change(own, in->draft) ? DECIDE_MINE : DECIDE_MISUSED;
    out->record = own;
    return 1;
}

static void decide_on_current(const struct decide_input *in, struct decision *out)
{
    const struct record *current = history_current(&out->all);
    out->record = current;
    int firm = settled(in, current);
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

static int are_quorum(const struct decide_input *in)
{
    struct tally promised = {.has = {0}};
    for (size_t i = 0; i < in->n; i++)
        promised.has[in->promises[i].owner] = 1;
    return in->n > 0 && tally_writes(in->owners, &promised);
}

enum err decide(const struct decide_input *in, struct decision *out)
{
    assert(in->match != MATCH_NOTHING && are_quorum(in));
    memset(out, 0, sizeof(*out));
    history_init(&out->all);

    /* Rule 2. */
    enum err e = ERR_OK;
    for (size_t i = 0; i < in->n && e == ERR_OK; i++)
        e = history_merge(&out->all, in->promises[i].history);
    if (e != ERR_OK)
        goto failed;
    /* Rule 3 comes before rule 6: somebody else may have finished an earlier try of mine, and a third one's claim may be unfinished on top of it. To finish that one
     * and be refused by it would deny a record that is in the history. */
    if (is_found(in, out))
        return ERR_OK;
    const struct decide_promise *slot = largest_slot(in);
    if (slot != NULL && slot->slot != NULL && history_find(&out->all, slot->slot->id) == NULL) {
        if (!is_chosen(in, slot->slot_ballot)) {
            out->step = DECIDE_FINISH;
            out->record = slot->slot;
            return ERR_OK;
        }
        e = history_add(&out->all, slot->slot, 0);
        if (e != ERR_OK)
            goto failed;
        out->learned = slot->slot;
        if (is_found(in, out))
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
