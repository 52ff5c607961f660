/* Unconditional changes: one round of STORE, protocol.md P2. */
#include "fcgi/service/change.h"

#include "fcgi/service/stamps.h"

#include <string.h>

/* What is known while trying. */
struct attempt {
    struct change *c;
    struct record record; /* borrows the draft's strings */
    int everybody;        /* also ask owners that the view calls unusable */
    int sent;             /* some owner may have taken one of the records */
    struct quorum_reply replies[OWNERS_MAX];
};

static enum err store_round(struct attempt *a)
{
    struct change *c = a->c;
    struct quorum *q = c->q;
    struct message_request m = {.verb = MESSAGE_STORE, .has_record = 1, .record = a->record};
    struct quorum_round r = {
        .bytes = c->payload->bytes,
        .bytes_len = c->payload->len,
        .gate = payload_reaches_quorum(c->payload, q), /* else: to some first, and from there to the others (change_carry) */
        .end = QUORUM_WRITE,
        .timeout_ms = payload_timeout_ms(c->payload, c->draft.size, q->w->app->settings.quorum_timeout_ms),
        .linger_ms = CHANGE_LINGER_MS,
    };
    if (c->payload->staging[0] != '\0')
        memcpy(m.staging, c->payload->staging, sizeof(m.staging));
    change_ask(c, &m, a->everybody, r.requests);
    return quorum_round(q, &r, a->replies);
}

/* Nothing that was sent now can have had an effect: no owner was reached, or all refused. */
static int without_effect(const struct quorum_reply *replies)
{
    return quorum_count(replies, ERR_OK) == 0 && quorum_count(replies, ERR_TIMEOUT) == 0;
}

static void new_record(struct attempt *a)
{
    a->record.id = stamps_next(a->c->q->w->app->stamps);
}

enum verdict { ACKNOWLEDGED, AGAIN, OVER };

/* What the replies of one round ask for. *e is the end when it is OVER. */
static enum verdict judge(struct attempt *a, enum err *e)
{
    struct change *c = a->c;
    const struct quorum_reply *r = a->replies;
    if (quorum_writes(c->q, r)) {
        *e = change_acknowledge(c, &a->record, r);
        return ACKNOWLEDGED;
    }
    a->sent |= !without_effect(r);
    c->may_be_there |= a->sent;
    if (quorum_bars(c->q, r, ERR_FULL)) {
        *e = ERR_FULL;
        return OVER;
    }
    if (quorum_bars(c->q, r, ERR_NOT_FOUND)) {
        *e = a->sent ? ERR_TIMEOUT : ERR_GONE;
        return OVER;
    }
    if (quorum_count(r, ERR_STALE_RING) > 0 || quorum_count(r, ERR_CONFLICT) > 0) {
        *e = quorum_renew(c->q);
        return *e == ERR_OK ? AGAIN : OVER;
    }
    if (quorum_count(r, ERR_FENCED) > 0 || quorum_count(r, ERR_CLOCK) > 0) {
        /* P2 rule 3. The clock was raised (or rebased) when the answers were read. */
        new_record(a);
        change_lock(c);
        change_pause();
        return AGAIN;
    }
    if (change_carry(c, &a->record, r))
        return AGAIN;
    /* Late or nobody there: the same record again is harmless (a repeated STORE is answered again), now to everybody; but only once when nobody is there. */
    *e = ERR_UNAVAILABLE;
    if (a->everybody && without_effect(r))
        return OVER;
    a->everybody = 1;
    return AGAIN;
}

enum err store_plain(struct change *c, const struct record *again)
{
    struct attempt a = {.c = c, .record = c->draft};
    enum err e = ERR_UNAVAILABLE;
    a.record.conditional = 0;
    if (again != NULL)
        a.record = *again;
    else
        new_record(&a);
    if (!quorum_is_reachable(c->q))
        return ERR_UNAVAILABLE;
    enum verdict v = AGAIN;
    for (int i = 0; i < CHANGE_TRIES_MAX && v == AGAIN; i++) {
        e = store_round(&a);
        v = e == ERR_OK ? judge(&a, &e) : OVER;
        quorum_replies_release(a.replies);
    }
    /* Out of tries, of time or of owners: what may have been taken somewhere may still show up. */
    if (v == AGAIN || e == ERR_UNAVAILABLE || e == ERR_TIMEOUT)
        return a.sent ? ERR_TIMEOUT : ERR_UNAVAILABLE;
    return e;
}
