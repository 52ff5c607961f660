#include "node/settle_inside.h"

#include "lib/base/id.h"
#include "lib/base/log.h"
#include "node/hints.h"
#include "node/settle_decide.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define TRIES 5          /* of prepare and accept in one round */
#define PAUSE_MAX_MS 40  /* between them, at random */
#define MESSAGE_MS 4000u /* for prepare; accept may have blobs to fetch */
#define ACCEPT_MS 20000u
#define BLOBS_MS 20000u /* and the time that the bytes take at BLOBS_BYTES_PER_MS */
#define BLOBS_BYTES_PER_MS 2048u
#define BLOBS_MS_MAX 1800000u
#define STRICT_ROUNDS 3 /* so many rounds wait for every living new owner; then a write quorum is enough, and hints see to the rest */

/* A course on its way. */
struct work {
    struct settle_course *course;
    struct owners o;
    int desk[OWNERS_MAX];                       /* where each owner is asked; -1: not at all */
    struct message_answer *answers[OWNERS_MAX]; /* promises of this try; owned */
    struct settle_decision decision;
    int is_decided;
    unsigned char oks[OWNERS_MAX];
    int lacks; /* a living new owner has not all blobs */
    int is_done;
};

/* A node and what it is asked about in one message. */
struct desk {
    char id[RING_ID_MAX];
    struct {
        struct work *work;
        size_t owner;
    } seats[SETTLE_BATCH];
    size_t n;
};

struct batch {
    struct settle_round *round;
    struct peer *peer;
    struct work work[SETTLE_BATCH];
    size_t n;
    struct desk desks[SETTLE_NODES_MAX];
    size_t n_desks;
    struct stamp ballot;
};

/* ---- ballots */

static struct stamp next_ballot(struct settle_ballots *b)
{
    pthread_mutex_lock(&b->lock);
    uint64_t clock = hlc_from_unix_ms((uint64_t)((int64_t)clock_unix_ms() + b->skew_ms));
    b->last = clock > b->last ? clock : b->last + 1;
    struct stamp s = {b->last, b->process};
    pthread_mutex_unlock(&b->lock);
    return s;
}

/* Learns from a refusal: larger than what was promised, or not so far ahead of that owner's clock. */
static void learn_from(struct settle_ballots *b, const struct message_answer *a)
{
    pthread_mutex_lock(&b->lock);
    if (a->error == ERR_FENCED && a->promised.clock > b->last)
        b->last = a->promised.clock;
    if (a->error == ERR_CLOCK) {
        b->skew_ms = (int64_t)hlc_to_unix_ms(a->promised.clock) - (int64_t)clock_unix_ms();
        /* Going back could draw a ballot a second time, if its other half stayed the same. */
        b->last = a->promised.clock;
        b->process = id_random_u64();
    }
    pthread_mutex_unlock(&b->lock);
}

/* ---- who is asked */

static int desk_of(struct batch *b, const char *id)
{
    if (settle_is_silent(b->round, id) || !settle_may_live(b->round, id))
        return -1;
    for (size_t i = 0; i < b->n_desks; i++)
        if (strcmp(b->desks[i].id, id) == 0)
            return (int)i;
    if (b->n_desks == SETTLE_NODES_MAX)
        return -1;
    memcpy(b->desks[b->n_desks].id, id, RING_ID_MAX);
    return (int)b->n_desks++;
}

static void clear_desks(struct batch *b)
{
    for (size_t i = 0; i < b->n_desks; i++)
        b->desks[i].n = 0;
}

static void seat(struct batch *b, struct work *w, size_t owner)
{
    if (w->desk[owner] < 0)
        return;
    struct desk *d = &b->desks[w->desk[owner]];
    assert(d->n < SETTLE_BATCH); /* an owner sits once for each course */
    d->seats[d->n].work = w;
    d->seats[d->n++].owner = owner;
}

/* A node that did not answer in time is left out for the rest of the round. */
static void leave_out(struct batch *b, const struct settle_call *call)
{
    if (call->error != ERR_TIMEOUT && call->error != ERR_UNAVAILABLE)
        return;
    settle_note_silent(b->round, call->id);
    for (size_t i = 0; i < b->n; i++)
        for (size_t k = 0; k < b->work[i].o.n; k++)
            if (strcmp(b->work[i].o.at[k].member->id, call->id) == 0)
                b->work[i].desk[k] = -1;
}

/* Asks each desk where somebody sits, with what `body` makes of it, and hands the answers to `take` (answer NULL: none came). */
static enum err ask(struct batch *b, enum settle_verb verb, unsigned timeout_ms, struct json *(*body)(struct batch *, struct desk *),
    void (*take)(struct batch *, struct desk *, const struct json *answer))
{
    struct settle_call *calls = calloc(SETTLE_NODES_MAX, sizeof(*calls));
    struct desk *asked[SETTLE_NODES_MAX];
    size_t n = 0;
    if (!calls)
        return ERR_NOMEM;
    for (size_t i = 0; i < b->n_desks; i++) {
        if (b->desks[i].n == 0)
            continue;
        memcpy(calls[n].id, b->desks[i].id, RING_ID_MAX);
        calls[n].body = body(b, &b->desks[i]);
        asked[n++] = &b->desks[i];
    }
    settle_ask(b->round->node, b->round->ring, b->peer, verb, calls, n, timeout_ms);
    enum err e = ERR_OK;
    for (size_t i = 0; i < n; i++) {
        if (calls[i].error)
            log_write(LOG_DEBUG, "settle", "%s: %s", calls[i].id, err_text(calls[i].error));
        leave_out(b, &calls[i]);
        if (calls[i].error && strcmp(calls[i].id, b->round->node->self.id) == 0 && calls[i].error != ERR_STALE_RING)
            e = calls[i].error;
        take(b, asked[i], calls[i].error ? NULL : calls[i].answer);
    }
    settle_calls_release(calls, n);
    free(calls);
    return e;
}

/* ---- blobs */

static struct json *blobs_body(struct batch *b, struct desk *d)
{
    struct json *body = json_object(), *blobs = json_array();
    (void)b;
    for (size_t i = 0; i < d->n; i++) {
        const struct settle_course *c = d->seats[i].work->course;
        for (size_t k = 0; k < c->n_blobs; k++) {
            struct json *blob = json_object();
            json_set_str(blob, "key", c->key);
            json_set_str(blob, "sha256", c->blobs[k].sha256);
            json_set_u64(blob, "size", c->blobs[k].size);
            json_append(blobs, blob);
        }
    }
    json_set(body, "blobs", blobs);
    return body;
}

static int names(const struct json *list, const struct settle_course *c)
{
    for (const struct json *item = json_first(list); item; item = json_next(item))
        for (size_t i = 0; i < c->n_blobs; i++)
            if (json_as_str(item) && strcmp(json_as_str(item), c->blobs[i].sha256) == 0)
                return 1;
    return 0;
}

/* Who lacks nothing leaves its seat; the others stay for another question, if this one brought something. */
static void take_blobs(struct batch *b, struct desk *d, const struct json *answer)
{
    uint64_t copied = 0;
    size_t kept = 0;
    (void)b;
    int is_answer = answer && !json_get_u64(answer, "copied", UINT64_MAX, &copied);
    for (size_t i = 0; i < d->n; i++) {
        int lacks = !is_answer || names(json_get(answer, "lack"), d->seats[i].work->course);
        if (lacks && copied > 0)
            d->seats[kept++] = d->seats[i];
        else if (lacks)
            d->seats[i].work->lacks = 1;
    }
    d->n = kept;
}

static unsigned blobs_timeout(const struct batch *b)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < b->n; i++)
        for (size_t k = 0; k < b->work[i].course->n_blobs; k++)
            bytes += b->work[i].course->blobs[k].size;
    uint64_t ms = BLOBS_MS + bytes / BLOBS_BYTES_PER_MS;
    return (unsigned)(ms < BLOBS_MS_MAX ? ms : BLOBS_MS_MAX);
}

static int somebody_sits(const struct batch *b)
{
    for (size_t i = 0; i < b->n_desks; i++)
        if (b->desks[i].n > 0)
            return 1;
    return 0;
}

/* Brings the blobs to the living new owners. */
static enum err bring_blobs(struct batch *b)
{
    enum err e = ERR_OK;
    clear_desks(b);
    for (size_t i = 0; i < b->n; i++)
        for (size_t k = 0; k < b->work[i].o.n; k++)
            if (b->work[i].course->n_blobs > 0 && b->work[i].o.at[k].now && !b->work[i].o.at[k].before)
                seat(b, &b->work[i], k);
    while (!e && somebody_sits(b) && settle_round_goes_on(b->round))
        e = ask(b, SETTLE_BLOBS, blobs_timeout(b), blobs_body, take_blobs);
    return e;
}

/* ---- prepare */

static struct json *message_json(
    struct batch *b, const struct work *w, enum message_verb verb, const struct record *value, const struct history *known)
{
    struct message_request m;
    message_request_init(&m, verb);
    m.ring = b->round->ring->doc->ring->epoch;
    m.key = w->course->key;
    m.ballot = b->ballot;
    m.has_record = value != NULL;
    if (value)
        m.record = *value; /* borrowed: only printed */
    if (known)
        m.known = *known;
    return message_request_to_json(&m);
}

static struct json *prepare_body(struct batch *b, struct desk *d)
{
    struct json *body = json_object(), *items = json_array();
    for (size_t i = 0; i < d->n; i++)
        json_append(items, message_json(b, d->seats[i].work, MESSAGE_PREPARE, NULL, NULL));
    json_set(body, "items", items);
    return body;
}

/* Calls each for the answers of a batch, in the order of the seats. */
static void each_answer(struct batch *b, struct desk *d, const struct json *answer,
    void (*each)(struct batch *, struct work *, size_t owner, struct message_answer *))
{
    const struct json *list = json_get(answer, "answers");
    size_t i = 0;
    if (!json_is_array(list) || json_count(list) != d->n)
        return;
    for (const struct json *item = json_first(list); item; item = json_next(item), i++) {
        struct message_answer a;
        if (message_answer_from_json(item, &a) != ERR_OK)
            continue;
        if (!a.ok)
            learn_from(&b->round->s->ballots, &a);
        each(b, d->seats[i].work, d->seats[i].owner, &a);
        message_answer_release(&a);
    }
}

static void take_promise(struct batch *b, struct work *w, size_t owner, struct message_answer *a)
{
    (void)b;
    if (!a->ok)
        return;
    w->answers[owner] = malloc(sizeof(*a));
    if (!w->answers[owner])
        return;
    *w->answers[owner] = *a;
    message_answer_init(a); /* taken */
}

static void take_promises(struct batch *b, struct desk *d, const struct json *answer)
{
    each_answer(b, d, answer, take_promise);
}

static void forget_promises(struct work *w)
{
    for (size_t i = 0; i < OWNERS_MAX; i++) {
        if (w->answers[i])
            message_answer_release(w->answers[i]);
        free(w->answers[i]);
        w->answers[i] = NULL;
    }
    if (w->is_decided)
        settle_decision_release(&w->decision);
    w->is_decided = 0;
    memset(w->oks, 0, sizeof(w->oks));
}

static int is_wanted(const struct batch *b, const struct work *w)
{
    return !w->is_done && !(w->lacks && b->round->tries < STRICT_ROUNDS);
}

static enum err prepare(struct batch *b)
{
    clear_desks(b);
    b->ballot = next_ballot(&b->round->s->ballots);
    for (size_t i = 0; i < b->n; i++) {
        struct work *w = &b->work[i];
        if (w->is_done)
            continue;
        forget_promises(w);
        for (size_t k = 0; k < w->o.n && is_wanted(b, w); k++)
            seat(b, w, k);
    }
    enum err e = ask(b, SETTLE_PREPARE, MESSAGE_MS, prepare_body, take_promises);
    for (size_t i = 0; i < b->n && !e; i++) {
        struct work *w = &b->work[i];
        if (w->is_done)
            continue;
        e = settle_decide(&w->o, (const struct message_answer *const *)w->answers, &w->decision);
        w->is_decided = !e;
        if (e == ERR_UNAVAILABLE)
            e = ERR_OK;
    }
    return e;
}

/* ---- accept */

static struct json *accept_body(struct batch *b, struct desk *d)
{
    struct json *body = json_object(), *items = json_array();
    for (size_t i = 0; i < d->n; i++) {
        const struct work *w = d->seats[i].work;
        struct history known;
        history_init(&known);
        enum err e = settle_lacks(&w->decision.all, &w->answers[d->seats[i].owner]->history, &known);
        json_append(items, e ? NULL : message_json(b, w, MESSAGE_ACCEPT, w->decision.value, &known));
        history_release(&known);
    }
    json_set(body, "items", items);
    return body;
}

static void take_ok(struct batch *b, struct work *w, size_t owner, struct message_answer *a)
{
    (void)b;
    w->oks[owner] = a->ok != 0;
}

static void take_oks(struct batch *b, struct desk *d, const struct json *answer)
{
    each_answer(b, d, answer, take_ok);
}

/* A record that may have been chosen was accepted instead of NONE: now it is chosen, and the next try finds it so. */
static enum err accept(struct batch *b)
{
    clear_desks(b);
    for (size_t i = 0; i < b->n; i++)
        for (size_t k = 0; k < b->work[i].o.n; k++)
            if (!b->work[i].is_done && b->work[i].is_decided && b->work[i].answers[k])
                seat(b, &b->work[i], k);
    if (!somebody_sits(b))
        return ERR_OK;
    enum err e = ask(b, SETTLE_ACCEPT, ACCEPT_MS, accept_body, take_oks);
    for (size_t i = 0; i < b->n; i++) {
        struct work *w = &b->work[i];
        w->is_done |= w->is_decided && !w->decision.value && owners_write_missing(&w->o, w->oks) == 0;
    }
    return e;
}

/* ---- the batch */

/* A living owner that missed it is told to pull. */
static enum err leave_hints(struct batch *b, const struct work *w)
{
    struct node *n = b->round->node;
    enum err e = ERR_OK;
    for (size_t i = 0; i < w->o.n && !e; i++) {
        const char *id = w->o.at[i].member->id;
        if (w->o.at[i].now && !w->oks[i] && strcmp(id, n->self.id) != 0 && order_counts(&b->round->order, id))
            e = hints_write(n->db, id, w->course->key);
    }
    return e;
}

static enum err write_down(struct batch *b, struct settle_course *courses)
{
    unsigned char done[SETTLE_BATCH] = {0};
    size_t n_done = 0;
    enum err e = ERR_OK;
    for (size_t i = 0; i < b->n && !e; i++) {
        done[i] = b->work[i].is_done != 0;
        n_done += done[i];
        if (done[i])
            e = leave_hints(b, &b->work[i]);
    }
    if (!e && n_done > 0)
        e = settle_rows_add(b->round->node->db, b->round->ring->doc->ring->epoch, courses, done, b->n);
    for (size_t i = 0; i < b->n && !e; i++)
        if (done[i])
            settle_count_done(b->round, b->work[i].course);
    pthread_mutex_lock(&b->round->lock);
    b->round->failed += b->n - n_done;
    pthread_mutex_unlock(&b->round->lock);
    return e;
}

static int is_over(const struct batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        if (is_wanted(b, &b->work[i]))
            return 0;
    return 1;
}

static enum err settle_all(struct batch *b)
{
    enum err e = bring_blobs(b);
    for (int i = 0; i < TRIES && !e && !is_over(b) && settle_round_goes_on(b->round); i++) {
        if (i > 0)
            clock_sleep_ms(id_random_below(PAUSE_MAX_MS));
        e = prepare(b);
        if (!e)
            e = accept(b);
    }
    return e;
}

enum err settle_batch(struct settle_round *r, struct peer *peer, struct settle_course *courses, size_t n)
{
    struct batch *b = calloc(1, sizeof(*b));
    if (!b)
        return ERR_NOMEM;
    assert(n <= SETTLE_BATCH);
    b->round = r;
    b->peer = peer;
    b->n = n;
    for (size_t i = 0; i < n; i++) {
        struct work *w = &b->work[i];
        w->course = &courses[i];
        owners_of_key(r->ring->doc, courses[i].key, &w->o);
        for (size_t k = 0; k < w->o.n; k++)
            w->desk[k] = desk_of(b, w->o.at[k].member->id);
    }
    enum err e = settle_all(b);
    if (!e)
        e = write_down(b, courses);
    for (size_t i = 0; i < n; i++)
        forget_promises(&b->work[i]);
    free(b);
    return e;
}
