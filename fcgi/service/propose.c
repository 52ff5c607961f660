/* Conditional changes: PREPARE, decide, ACCEPT; protocol.md P3. The deciding itself is pure and stands in decide.c. */
#include "fcgi/service/change.h"

#include "fcgi/service/decide.h"
#include "fcgi/service/known.h"
#include "fcgi/service/stamps.h"
#include "lib/base/log.h"

#include <assert.h>
#include <string.h>

#define PREPARE_LINGER_MS 50u /* more promises than W make the ACCEPT reach more owners at once */

struct proposal {
    struct change *c;
    struct stamp ballot;
    int everybody;
    int accept_sent; /* an ACCEPT of this upload's record may be somewhere, from now or from an earlier request */
    int visible;     /* one of this request may: "unknown" instead of "nothing visible" */
    struct quorum_reply promises[OWNERS_MAX];
};

enum verdict { DONE, AGAIN };

static unsigned timeout_ms(const struct proposal *p)
{
    return payload_timeout_ms(p->c->payload, p->c->draft.size, p->c->q->w->app->settings.quorum_timeout_ms);
}

/* Rule 1. */
static enum err prepare(struct proposal *p)
{
    struct quorum *q = p->c->q;
    p->ballot = stamps_next(q->w->app->stamps);
    struct message_request m = {.verb = MESSAGE_PREPARE, .ballot = p->ballot};
    struct quorum_round r = {
        .gate = 1, .end = QUORUM_WRITE, .timeout_ms = q->w->app->settings.quorum_timeout_ms, .linger_ms = PREPARE_LINGER_MS};
    /* Who could not take the bytes afterwards is not asked, unless they have to be carried to new owners anyway. */
    if (payload_reaches_quorum(p->c->payload, q))
        change_ask(p->c, &m, p->everybody, r.requests);
    else
        quorum_ask(q, &m, p->everybody, r.requests);
    return quorum_round(q, &r, p->promises);
}

static void fill_input(const struct proposal *p, struct decide_promise promises[OWNERS_MAX], struct decide_input *in)
{
    const struct change *c = p->c;
    *in = (struct decide_input){.promises = promises,
        .owners = &c->q->owners.who,
        .match = c->match,
        .match_record = c->match_record,
        .match_sha256 = c->match_sha256,
        .draft = &c->draft,
        .accept_sent = p->accept_sent};
    for (size_t i = 0; i < c->q->owners.n; i++) {
        const struct quorum_reply *r = &p->promises[i];
        if (!r->asked || r->error != ERR_OK)
            continue;
        promises[in->n++] = (struct decide_promise){.owner = i,
            .history = &r->answer.history,
            .has_slot = r->answer.has_slot,
            .slot_ballot = r->answer.slot_ballot,
            .slot = r->answer.has_slot && r->answer.slot_has_record ? &r->answer.slot_record : NULL};
    }
}

/* What this owner lacks of U: all of it when it has not promised. */
static enum err fill_known(const struct history *all, const struct quorum_reply *promise, struct history *known)
{
    enum err e = ERR_OK;
    for (size_t i = 0; i < all->n && e == ERR_OK; i++) {
        const struct record *r = &all->entries[i].record;
        if (promise->error != ERR_OK || history_find(&promise->answer.history, r->id) == NULL)
            e = history_add(known, r, 0);
    }
    return e;
}

/* One round of ACCEPT of a record, or of NONE (NULL), to the owners that promised and to those that may still answer. ERR_OK: a write quorum took it; ERR_FENCED: not. */
static enum err accept_value(
    struct proposal *p, const struct record *value, const struct payload *payload, const struct history *all, struct quorum_reply *replies)
{
    struct quorum *q = p->c->q;
    struct message_request requests[OWNERS_MAX];
    struct quorum_round r = {.bytes = payload->bytes,
        .bytes_len = payload->len,
        .gate = payload_reaches_quorum(payload, q), /* as in store_plain.c */
        .end = QUORUM_WRITE,
        .timeout_ms = timeout_ms(p),
        .linger_ms = CHANGE_LINGER_MS};
    struct message_request any = {.verb = MESSAGE_ACCEPT};
    enum err e = ERR_OK;
    quorum_ask(q, &any, p->everybody, r.requests);
    for (size_t i = 0; i < q->owners.n; i++) {
        requests[i] = (struct message_request){.verb = MESSAGE_ACCEPT, .ballot = p->ballot, .has_record = value != NULL};
        if (r.requests[i] == NULL || !payload_reaches(payload, q->owners.at[i].member->id) || e != ERR_OK) {
            r.requests[i] = NULL;
            continue;
        }
        if (value != NULL)
            requests[i].record = *value; /* borrowed */
        memcpy(requests[i].staging, payload->staging, sizeof(payload->staging));
        e = fill_known(all, &p->promises[i], &requests[i].known);
        r.requests[i] = &requests[i];
    }
    if (e == ERR_OK)
        e = quorum_round(q, &r, replies);
    for (size_t i = 0; i < q->owners.n; i++)
        history_release(&requests[i].known);
    if (e == ERR_OK && !quorum_writes(q, replies))
        e = quorum_bars(q, replies, ERR_FULL) ? ERR_FULL : ERR_FENCED;
    return e;
}

/* Rule 4. */
static enum err accept_mine(struct proposal *p, const struct decision *d)
{
    struct change *c = p->c;
    struct quorum_reply replies[OWNERS_MAX] = {{.asked = 0}};
    struct record mine = c->draft; /* borrows the draft's strings */
    mine.id = p->ballot;
    mine.conditional = 1;
    mine.parent = d->record == NULL ? STAMP_ZERO : d->record->id;
    p->accept_sent = 1;
    p->visible = 1;
    enum err e = accept_value(p, &mine, c->payload, &d->all, replies);
    c->may_be_there |= quorum_count(replies, ERR_OK) > 0 || quorum_count(replies, ERR_TIMEOUT) > 0;
    if (e == ERR_OK)
        e = change_acknowledge(c, &mine, replies);
    if (e == ERR_OK)
        change_learn(c->q, &mine);
    else if (e == ERR_FENCED)
        change_carry(c, &mine, replies);
    quorum_replies_release(replies);
    return e;
}

/* Rule 5, second half: with NONE accepted under this ballot, nothing of this upload can be chosen under an earlier one. */
static enum err accept_none(struct proposal *p, const struct decision *d)
{
    static const struct payload nothing;
    struct quorum_reply replies[OWNERS_MAX] = {{.asked = 0}};
    enum err e = accept_value(p, NULL, &nothing, &d->all, replies);
    quorum_replies_release(replies);
    return e;
}

/* The bytes of a foreign record come from an owner whose slot holds it, unless all that will be asked hold it. */
static enum err foreign_bytes(const struct proposal *p, const struct record *v, struct payload *out)
{
    const struct quorum *q = p->c->q;
    size_t holders = 0, holder = 0;
    memset(out, 0, sizeof(*out));
    if (record_is_tombstone(v))
        return ERR_OK;
    for (size_t i = 0; i < q->owners.n; i++) {
        const struct quorum_reply *r = &p->promises[i];
        if (r->error == ERR_OK && r->answer.has_slot && r->answer.slot_has_record && stamp_cmp(r->answer.slot_record.id, v->id) == 0) {
            holder = i;
            holders++;
        }
    }
    return holders >= q->owners.n ? ERR_OK : body_carry(p->c->q, v, holder, out);
}

/* Rule 6. *v_matters: the condition no longer holds with the finished record in place, so the upload is refused. */
static enum err finish(struct proposal *p, const struct decide_input *in, struct decision *d, int *refused)
{
    struct change *c = p->c;
    const struct record *v = d->record;
    struct quorum_reply replies[OWNERS_MAX] = {{.asked = 0}};
    struct payload payload;
    int still = 0;
    assert(v != NULL);
    enum err e = foreign_bytes(p, v, &payload);
    if (e == ERR_OK)
        e = accept_value(p, v, &payload, &d->all, replies);
    if (e != ERR_OK)
        goto out;
    change_learn(c->q, v);
    change_index(c->q->w, v);
    if (strcmp(v->upload, c->draft.upload) == 0) {
        e = decide_same_change(v, &c->draft) ? change_acknowledge(c, v, replies) : ERR_INVALID;
        goto out;
    }
    /* A finished record may lie below the one that is asked for, which is then still current: no reason to refuse, but to begin again. */
    e = decide_still_matches(in, &d->all, v, &still);
    *refused = e == ERR_OK && !still;
out:
    quorum_replies_release(replies);
    payload_release(&payload);
    return e;
}

/* The record was stored before. Promises do not tell who has its bytes, so the owners are asked. */
static enum err acknowledge_found(struct proposal *p, const struct record *r)
{
    struct pulled pulled;
    enum err e = pull(p->c->q, PULL_USABLE, KNOWN_TIMEOUT_MS, &pulled);
    if (e != ERR_OK)
        return e;
    e = change_acknowledge_seen(p->c, r, pulled.replies);
    pull_release(&pulled);
    return e;
}

/* Does what was decided. AGAIN: rule 7. */
static enum verdict act(struct proposal *p, const struct decide_input *in, struct decision *d, int *unchanged, enum err *e)
{
    int refused = 0;
    if (d->learned != NULL) {
        change_learn(p->c->q, d->learned);
        change_index(p->c->q->w, d->learned);
    }
    switch (d->step) {
    case DECIDE_MINE: *e = acknowledge_found(p, d->record); return DONE;
    case DECIDE_MISUSED: *e = ERR_INVALID; return DONE;
    case DECIDE_SETTLE_SAME:
        *e = accept_none(p, d);
        if (*e != ERR_OK)
            return AGAIN;
        /* fall through */
    case DECIDE_SAME:
        *unchanged = 1;
        *e = acknowledge_found(p, d->record);
        return DONE;
    case DECIDE_REFUSE: *e = ERR_PRECONDITION; return DONE;
    case DECIDE_SETTLE:
        *e = accept_none(p, d);
        if (*e != ERR_OK)
            return AGAIN;
        *e = ERR_PRECONDITION;
        return DONE;
    case DECIDE_ACCEPT: *e = accept_mine(p, d); return *e == ERR_OK ? DONE : AGAIN;
    case DECIDE_FINISH:
        *e = finish(p, in, d, &refused);
        if (refused)
            *e = ERR_PRECONDITION;
        return refused || p->c->has_done || *e == ERR_INVALID ? DONE : AGAIN;
    }
    return AGAIN;
}

/* One try from rule 1 on. */
static enum verdict try_once(struct proposal *p, int *unchanged, enum err *e)
{
    struct quorum *q = p->c->q;
    struct decide_promise promises[OWNERS_MAX];
    struct decide_input in;
    struct decision d;
    *e = prepare(p);
    if (*e != ERR_OK)
        return DONE;
    fill_input(p, promises, &in);
    if (quorum_writes(q, p->promises)) {
        *e = decide(&in, &d);
        if (*e != ERR_OK)
            return DONE;
        enum verdict v = act(p, &in, &d, unchanged, e);
        decide_release(&d);
        return v;
    }
    if (quorum_count(p->promises, ERR_STALE_RING) > 0 || quorum_count(p->promises, ERR_CONFLICT) > 0) {
        *e = quorum_renew(q);
        return *e == ERR_OK ? AGAIN : DONE;
    }
    *e = ERR_UNAVAILABLE;
    int fenced = quorum_count(p->promises, ERR_FENCED) > 0 || quorum_count(p->promises, ERR_CLOCK) > 0;
    if (p->everybody && !fenced && quorum_count(p->promises, ERR_TIMEOUT) == 0)
        return DONE;
    p->everybody = 1;
    return AGAIN;
}

enum err propose(struct change *c, int *unchanged)
{
    struct proposal p = {.c = c, .accept_sent = c->asked_before};
    enum err e = ERR_UNAVAILABLE;
    enum verdict v = AGAIN;
    *unchanged = 0;
    if (!quorum_is_reachable(c->q))
        return ERR_UNAVAILABLE;
    change_lock(c);
    for (int i = 0; i < CHANGE_TRIES_MAX && v == AGAIN; i++) {
        if (i > 0)
            change_pause();
        v = try_once(&p, unchanged, &e);
        quorum_replies_release(p.promises);
    }
    if (v == DONE && e != ERR_UNAVAILABLE && e != ERR_TIMEOUT)
        return e;
    if (e == ERR_NOMEM || e == ERR_FULL || e == ERR_TOO_LARGE)
        return e;
    return p.visible ? ERR_TIMEOUT : ERR_UNAVAILABLE;
}
