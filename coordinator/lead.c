/* The thread that leads: after the lease was taken it gets itself an epoch from the nodes. In issue A that is all a leader commands. */
#include "coordinator/coordinator.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/peer/peer.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TIMEOUT_MS 600u
#define CONNECT_TIMEOUT_MS 300u
#define LINGER_MS 50u /* for those that are a little slower than the quorum */
#define RETRY_MS 500u
#define REFUSALS_MAX 4 /* tries in a row after refusals, each with a larger ballot */
#define SAY_EVERY_MS 30000u
#define ANSWER_MAX (RINGDOC_BYTES_MAX + 4096u)

struct lead {
    struct coordinator *c;
    struct peer *peer;
    struct takeover takeover;
    uint64_t term;    /* of the lease under which the present try runs */
    uint64_t said_ms; /* boot time when it was last said that no quorum answers, 0 = not in this term */
};

static int still_leads(struct lead *l)
{
    pthread_mutex_lock(&l->c->lock);
    int yes = coordinator_leads(l->c) && l->c->term == l->term && !l->c->stopping;
    pthread_mutex_unlock(&l->c->lock);
    return yes;
}

static int is_yes(const struct peer_call *call)
{
    return call->done && call->error == ERR_OK && call->status == 200;
}

static int enough(const struct peer_call *calls, size_t n, void *ctx)
{
    size_t yes = 0;
    for (size_t i = 0; i < n; i++)
        yes += (size_t)is_yes(&calls[i]);
    return yes >= *(const size_t *)ctx;
}

/* {"ballot": …} or {"ballot": …, "ring": …}. */
static enum err print_question(const struct takeover *t, struct buf *out)
{
    struct json *ballot = ballot_to_json(&t->ballot);
    enum err e = buf_add_str(out, "{\"ballot\":");
    if (e == ERR_OK)
        e = json_print(ballot, out);
    if (e == ERR_OK && t->phase == TAKEOVER_INSTALL)
        e = buf_addf(out, ",\"ring\":%s", t->doc->text);
    if (e == ERR_OK)
        e = buf_add_str(out, "}");
    json_free(ballot);
    return e;
}

/* The document of {"ring": document or null}; *out stays NULL without one. */
static enum err read_document(const struct json *answer, struct ringdoc **out)
{
    const struct json *ring = json_get(answer, "ring");
    if (json_is_null(ring))
        return ERR_OK;
    struct buf text;
    buf_init(&text, RINGDOC_BYTES_MAX);
    enum err e = json_print(ring, &text);
    if (e == ERR_OK)
        e = ringdoc_parse(buf_str(&text), text.len, out);
    buf_release(&text);
    return e;
}

/* A promise whose document cannot be read is no promise: the newest ring may be just that one. */
static enum err take_yes(struct takeover *t, struct takeover_question q, const char *id, const struct json *answer)
{
    struct ringdoc *doc = NULL;
    enum err e = q.phase == TAKEOVER_PROMISE ? read_document(answer, &doc) : ERR_OK;
    if (e == ERR_OK)
        e = takeover_yes(t, q, id, doc);
    ringdoc_free(doc);
    return e;
}

static void take_answer(struct takeover *t, struct takeover_question q, const char *id, const struct peer_call *call)
{
    struct json *answer;
    struct ballot promised;
    if (!call->done || call->error != ERR_OK || (call->status != 200 && call->status != 409))
        return;
    enum err e = json_parse(buf_str(&call->answer), call->answer.len, &answer);
    if (e == ERR_OK && call->status == 200)
        e = take_yes(t, q, id, answer);
    else if (e == ERR_OK && (e = ballot_from_json(json_get(answer, "promised"), &promised)) == ERR_OK)
        takeover_refused(t, q, &promised);
    if (e != ERR_OK)
        log_write(LOG_WARN, "lead", "%s answers something that cannot be read: %s", id, err_text(e));
    json_free(answer);
}

/* Where these nodes are; those whose address is not known cannot be asked and are left out. */
static size_t find_urls(struct lead *l, const char **ids, size_t n, char (*urls)[MEMBERS_URL_MAX])
{
    size_t found = 0;
    pthread_mutex_lock(&l->c->lock);
    for (size_t i = 0; i < n; i++) {
        const struct membership_node *node = membership_find(&l->c->membership, ids[i]);
        if (!node)
            continue;
        memcpy(urls[found], node->member.url, MEMBERS_URL_MAX);
        ids[found++] = ids[i];
    }
    pthread_mutex_unlock(&l->c->lock);
    return found;
}

/* Puts one question to some nodes and takes the answers. */
static enum err ask(struct lead *l, const char **ids, size_t n)
{
    struct takeover *t = &l->takeover;
    char urls[PEER_CALLS_MAX][MEMBERS_URL_MAX];
    struct peer_call calls[PEER_CALLS_MAX];
    struct takeover_question q = takeover_question(t);
    size_t missing = takeover_missing(t);
    struct peer_round round = {
        .timeout_ms = TIMEOUT_MS, .connect_timeout_ms = CONNECT_TIMEOUT_MS, .enough = enough, .ctx = &missing, .linger_ms = LINGER_MS};
    struct buf body;
    n = find_urls(l, ids, n, urls);
    if (n == 0)
        return ERR_OK;
    buf_init(&body, RINGDOC_BYTES_MAX + 1024);
    memset(calls, 0, sizeof calls);
    enum err e = print_question(t, &body);
    for (size_t i = 0; i < n; i++) {
        calls[i].base_url = urls[i];
        calls[i].method = "POST";
        calls[i].path = q.phase == TAKEOVER_PROMISE ? "/leader/promise" : "/leader/install";
        calls[i].epoch = t->doc->ring->epoch;
        calls[i].body = body.data;
        calls[i].body_len = body.len;
        calls[i].answer_max = ANSWER_MAX;
    }
    if (e == ERR_OK)
        e = peer_round(l->peer, &round, calls, n);
    for (size_t i = 0; e == ERR_OK && i < n; i++)
        take_answer(t, q, ids[i], &calls[i]);
    peer_calls_release(calls, n);
    buf_release(&body);
    return e;
}

/* One try with one ballot, until its phase says how it ended or nobody is left to ask. */
static enum err try_once(struct lead *l)
{
    struct ringdoc *known = NULL;
    const char *ids[PEER_CALLS_MAX];
    pthread_mutex_lock(&l->c->lock);
    enum err e = ringdoc_copy(l->c->ring, &known);
    pthread_mutex_unlock(&l->c->lock);
    if (e == ERR_OK)
        e = takeover_begin(&l->takeover, known);
    ringdoc_free(known);
    while (e == ERR_OK && still_leads(l)) {
        size_t n = takeover_next(&l->takeover, ids, PEER_CALLS_MAX);
        if (n == 0)
            break;
        e = ask(l, ids, n);
    }
    return e;
}

/* The round went through. Everything that follows from it is void when the term ended meanwhile. */
static enum err finish(struct lead *l)
{
    struct ringdoc *doc = NULL;
    uint64_t counter = l->takeover.ballot.counter, one = 1;
    enum err e = takeover_result(&l->takeover, &doc);
    if (e != ERR_OK)
        return e;
    struct coordinator *c = l->c;
    pthread_mutex_lock(&c->lock);
    int in_time = coordinator_leads(c) && c->term == l->term;
    coordinator_adopt(c, doc);
    if (in_time) {
        c->led_term = l->term;
        c->led_epoch = counter;
        c->publish_now = 1;
        coordinator_event(c, "leader", c->settings->name);
        pthread_cond_broadcast(&c->changed);
    }
    pthread_mutex_unlock(&c->lock);
    if (!in_time)
        return ERR_OK;
    log_write(LOG_INFO, "lead", "leads with epoch %llu", (unsigned long long)counter);
    ssize_t written = write(c->wake_fd, &one, sizeof one);
    (void)written; /* a full counter has woken it already */
    return ERR_OK;
}

static void say_waiting(struct lead *l)
{
    uint64_t now_ms = clock_boot_ms();
    if (l->said_ms && now_ms - l->said_ms < SAY_EVERY_MS)
        return;
    l->said_ms = now_ms;
    log_write(LOG_WARN, "lead", "holds the lease and waits for nodes: %zu more of the ring's %zu must answer",
        takeover_missing(&l->takeover), l->takeover.doc->ring->n_members);
}

static void take_over(struct lead *l)
{
    for (int refusals = 0; refusals < REFUSALS_MAX; refusals++) {
        enum err e = try_once(l);
        if (e != ERR_OK) {
            log_write(LOG_ERROR, "lead", "the promise round failed: %s", err_text(e));
            return;
        }
        if (!still_leads(l))
            return;
        if (l->takeover.phase == TAKEOVER_DONE) {
            e = finish(l);
            if (e != ERR_OK)
                log_write(LOG_ERROR, "lead", "the ring was installed but not taken over here: %s", err_text(e));
            return;
        }
        if (l->takeover.phase != TAKEOVER_REFUSED) {
            say_waiting(l);
            return;
        }
        log_write(LOG_INFO, "lead", "a node has promised %llu: again with a larger ballot", (unsigned long long)l->takeover.largest);
    }
}

/* (locked) */
static int has_work(const struct coordinator *c)
{
    return coordinator_leads(c) && c->led_term != c->term;
}

/* Waits for a term that has no epoch yet, and between tries; returns 0 when it is time to end. */
static int wait_for_work(struct lead *l, uint64_t not_before_ms)
{
    struct coordinator *c = l->c;
    struct timespec until;
    pthread_mutex_lock(&c->lock);
    while (!c->stopping && (!has_work(c) || (c->term == l->term && clock_boot_ms() < not_before_ms))) {
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += (long)COORDINATOR_TICK_MS * 1000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&c->changed, &c->lock, &until);
    }
    if (c->term != l->term)
        l->said_ms = 0;
    l->term = c->term;
    int go_on = !c->stopping;
    pthread_mutex_unlock(&c->lock);
    return go_on;
}

void *lead_run(void *arg)
{
    struct lead l = {.c = arg};
    uint64_t not_before_ms = 0;
    l.peer = peer_new(&l.c->key, l.c->settings->name);
    if (!l.peer) {
        log_write(LOG_ERROR, "lead", "out of memory: this coordinator cannot lead");
        return NULL;
    }
    takeover_init(&l.takeover, l.c->settings->name, l.c->start);
    while (wait_for_work(&l, not_before_ms)) {
        take_over(&l);
        not_before_ms = clock_boot_ms() + RETRY_MS;
    }
    takeover_release(&l.takeover);
    peer_free(l.peer);
    return NULL;
}
