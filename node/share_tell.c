#include "node/share_tell.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "node/bell.h"
#include "node/node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 5000u
#define CONNECT_MS 300u
#define TOGETHER_MS 30u       /* what changes so soon after the last delta goes with the next */
#define RETRY_MS 300u         /* doubled with each failure, up to one of these: */
#define RETRY_MAX_MS 2000u    /* nobody answers, or not now */
#define REFUSED_MAX_MS 10000u /* the answer is no */
#define BLAMED_TOGETHER 10u   /* files refused one after the other, until it looks as if all were */
#define IDLE_MS 60000u
#define ANSWER_MAX 65536u

/* What the coordinators said last; guarded by the bell's lock. */
struct heard {
    long leader; /* its number; -1: none that we know of */
    int known;   /* whether it said what is listed */
    int taken;   /* and the thread went by that already */
    char listed[SHARED_DIGEST_HEX_SIZE];
    uint64_t asked_ms;
};

struct share_tell {
    struct node *node;
    struct share_list *list;
    struct peer *peer;        /* of the thread, like all up to the bell */
    struct shared_delta last; /* sent, without an answer that says what became of it */
    int last_sent;
    uint64_t told_ms; /* boot clock: when the index last answered */
    long refusal;     /* the last status that said no: said once */
    long tried;       /* the leader that was tried last */
    unsigned failed;  /* tries of it in a row that led nowhere */
    uint64_t due_ms;  /* boot clock: no try before */
    size_t most;      /* names in a delta: fewer while it is looked for which of them is refused */
    unsigned blamed;  /* files refused since one was taken */
    int full;         /* the last delta had no room for all: the next one follows at once */
    int whole;        /* all is being told anew */
    int begun;        /* guarded by the bell's lock, like the next */
    struct heard heard;
    struct bell bell;
    int has_thread;
    pthread_t thread;
};

enum verdict { IDLE, AGAIN, RETRY, TOO_SOON };

/* ---- one delta */

static void forget_last(struct share_tell *t)
{
    if (t->last_sent)
        shared_delta_release(&t->last);
    t->last_sent = 0;
}

static void tell_anew(struct share_tell *t)
{
    forget_last(t);
    share_list_told_nothing(t->list);
    t->whole = 1;
}

/* The index took the last delta. */
static void took_last(struct share_tell *t)
{
    uint64_t files;
    if (share_list_told(t->list, &t->last) != ERR_OK)
        log_write(LOG_WARN, "share", "out of memory; all is told anew");
    forget_last(t);
    t->blamed = 0;
    t->most = t->most < SHARED_DELTA_FILES / 2 ? 2 * t->most : SHARED_DELTA_FILES;
    /* Hashes that are known only now follow as changes. */
    if (t->whole && share_list_names_are_told(t->list, &files)) {
        log_write(LOG_INFO, "share", "the whole list of %llu files was told anew", (unsigned long long)files);
        t->whole = 0;
    }
}

/* The index has a list with this digest; "" is none. Returns whether that is one from which we know the way. */
static int stands_at(struct share_tell *t, const char *listed)
{
    char told[SHARED_DIGEST_HEX_SIZE];
    share_list_told_digest(t->list, told);
    if (*listed && strcmp(listed, told) == 0) {
        forget_last(t);
        return 1;
    }
    if (t->last_sent && strcmp(listed, t->last.digest) == 0) {
        took_last(t);
        return 1;
    }
    if (*listed && share_list_told_all(t->list, listed)) {
        forget_last(t);
        t->whole = 0;
        return 1;
    }
    return 0;
}

/* 409: it does not lead, or the list is not at our base. */
static enum verdict refused(struct share_tell *t, const struct json *answer)
{
    const char *listed = json_get_str(answer, "listed");
    if (!listed) {
        pthread_mutex_lock(&t->bell.lock);
        t->heard.leader = -1; /* the next heartbeat tells who does */
        pthread_mutex_unlock(&t->bell.lock);
        return IDLE;
    }
    if (!stands_at(t, listed))
        tell_anew(t);
    return AGAIN;
}

/* 400: this delta will never be taken, so it is not sent again. Half of it is, and so on down to the file that is to blame; all others are told without it. */
static enum verdict look_for_blame(struct share_tell *t, const struct peer_call *call)
{
    size_t names = t->last.n_add + t->last.n_remove;
    t->most = names > 1 ? names / 2 : 1;
    if (names > 1) {
        forget_last(t);
        return AGAIN;
    }
    if (t->last.n_remove == 1) {
        log_write(LOG_WARN, "share", "that %s is gone is refused: %ld %s", t->last.remove[0], call->status, buf_str(&call->answer));
        tell_anew(t); /* which takes it out as well */
        return RETRY;
    }
    if (share_list_leave_out(t->list, &t->last.add[0]))
        log_write(LOG_WARN, "share", "%s is not listed until it changes, for it is refused: %ld %s", t->last.add[0].name, call->status,
            buf_str(&call->answer));
    forget_last(t);
    return ++t->blamed < BLAMED_TOGETHER ? AGAIN : RETRY;
}

static enum verdict take_answer(struct share_tell *t, const struct peer_call *call)
{
    struct json *answer = NULL;
    enum verdict v = RETRY;
    if (call->error || json_parse(buf_str(&call->answer), call->answer.len, &answer) != ERR_OK) {
        t->refusal = 0;
        return RETRY; /* whether it came through is seen by the next answer */
    }
    const char *listed = json_get_str(answer, "listed");
    t->told_ms = clock_boot_ms();
    if (call->status == 409) {
        v = refused(t, answer);
    } else if (call->status == 200 && listed) {
        if (!stands_at(t, listed))
            tell_anew(t);
        v = AGAIN;
    } else if (call->status == 400 && t->last.n_add + t->last.n_remove > 0) {
        v = look_for_blame(t, call);
    } else if (call->status != 503 && call->status != t->refusal) {
        log_write(LOG_WARN, "share", "the list is refused: %ld %s", call->status, buf_str(&call->answer));
    }
    t->refusal = v == RETRY ? call->status : 0;
    json_free(answer);
    return v;
}

static enum verdict send_last(struct share_tell *t, size_t leader)
{
    struct buf body;
    buf_init(&body, SHARED_DELTA_BYTES);
    enum err e = shared_delta_print(&t->last, &body);
    struct peer_call call = {.base_url = cluster_coordinator(t->node->cluster, leader),
        .method = "POST",
        .path = "/files",
        .epoch = ledger_epoch(t->node->ledger),
        .body = body.data,
        .body_len = body.len,
        .answer_max = ANSWER_MAX};
    struct peer_round round = {.timeout_ms = TIMEOUT_MS, .connect_timeout_ms = CONNECT_MS};
    if (!e)
        e = peer_round(t->peer, &round, &call, 1);
    enum verdict v = e ? RETRY : take_answer(t, &call);
    if (!e)
        peer_calls_release(&call, 1);
    buf_release(&body);
    return v;
}

/* Sends the next delta; one whose fate is not known is sent again as it was: the digests tell whether it had come through. */
static enum verdict tell(struct share_tell *t, size_t leader)
{
    if (!t->last_sent) {
        shared_delta_init(&t->last);
        t->last_sent = 1;
        if (share_list_delta(t->list, t->most, &t->last) != ERR_OK) {
            forget_last(t);
            return RETRY;
        }
        t->full = t->last.n_add + t->last.n_remove == t->most || t->last.json_bytes > SHARED_DELTA_BYTES / 2;
    }
    return send_last(t, leader);
}

/* ---- when */

/* What was heard, and that it was taken. */
static struct heard look_around(struct share_tell *t)
{
    pthread_mutex_lock(&t->bell.lock);
    struct heard h = t->heard;
    if (!t->begun)
        h.leader = -1;
    else
        t->heard.taken = 1;
    pthread_mutex_unlock(&t->bell.lock);
    return h;
}

/* Heartbeats ring the bell, too, so the time of the next try is kept; another leader is tried at once. */
static int is_too_soon(struct share_tell *t)
{
    pthread_mutex_lock(&t->bell.lock);
    long leader = t->heard.leader;
    pthread_mutex_unlock(&t->bell.lock);
    if (leader != t->tried) {
        t->tried = leader;
        t->failed = 0;
        t->due_ms = 0;
    }
    return clock_boot_ms() < t->due_ms;
}

static enum verdict turn(struct share_tell *t)
{
    char told[SHARED_DIGEST_HEX_SIZE];
    if (is_too_soon(t))
        return TOO_SOON;
    struct heard heard = look_around(t);
    /* While the leader cannot say what is listed, it cannot take anything either. */
    if (heard.leader < 0 || !heard.known)
        return IDLE;
    /* What it says only counts when it was asked after our own last word. */
    int differs = !heard.taken && heard.asked_ms >= t->told_ms && !stands_at(t, heard.listed);
    share_list_told_digest(t->list, told);
    if (*told == '\0' && !t->whole)
        tell_anew(t);
    /* With nothing to tell, an empty delta asks whether the difference is real: a leader's word may be a moment old. */
    return differs || t->last_sent || share_list_has_news(t->list) ? tell(t, (size_t)heard.leader) : IDLE;
}

/* How long nothing is to be done after this turn, unless the bell rings. */
static uint64_t pause_ms(struct share_tell *t, enum verdict v)
{
    uint64_t now_ms = clock_boot_ms(), most_ms = t->refusal && t->refusal != 503 ? REFUSED_MAX_MS : RETRY_MAX_MS, ms = RETRY_MS;
    if (v == TOO_SOON)
        return t->due_ms > now_ms ? t->due_ms - now_ms : 0;
    if (v != RETRY) {
        t->failed = 0;
        return v == IDLE ? IDLE_MS : t->full ? 0 : TOGETHER_MS;
    }
    for (unsigned i = 0; i < t->failed && ms < most_ms; i++)
        ms *= 2;
    t->failed++;
    ms = ms < most_ms ? ms : most_ms;
    t->due_ms = now_ms + ms;
    return ms;
}

static void *run(void *ctx)
{
    struct share_tell *t = ctx;
    uint64_t wait_ms = IDLE_MS;
    while (bell_wait(&t->bell, wait_ms, NULL))
        wait_ms = pause_ms(t, turn(t));
    return NULL;
}

/* ---- from other threads */

void share_tell_begin(struct share_tell *t)
{
    pthread_mutex_lock(&t->bell.lock);
    t->begun = 1;
    bell_ring_locked(&t->bell);
    pthread_mutex_unlock(&t->bell.lock);
}

void share_tell_wake(struct share_tell *t)
{
    bell_ring(&t->bell);
}

void share_tell_heard(struct share_tell *t, size_t coordinator, int leads, const char *listed, uint64_t asked_ms)
{
    pthread_mutex_lock(&t->bell.lock);
    struct heard *h = &t->heard;
    if (leads) {
        *h = (struct heard){.leader = (long)coordinator, .known = listed != NULL, .asked_ms = asked_ms};
        if (listed)
            snprintf(h->listed, sizeof(h->listed), "%s", listed);
        bell_ring_locked(&t->bell);
    } else if (h->leader == (long)coordinator) {
        h->leader = -1;
    }
    pthread_mutex_unlock(&t->bell.lock);
}

/* ---- life */

enum err share_tell_start(struct node *n, struct share_list *list, struct share_tell **out)
{
    struct share_tell *t = calloc(1, sizeof(*t));
    if (!t)
        return ERR_NOMEM;
    t->node = n;
    t->list = list;
    t->heard.leader = t->tried = -1;
    t->most = SHARED_DELTA_FILES;
    bell_init(&t->bell);
    t->peer = peer_new(n->keys, n->tls);
    t->has_thread = t->peer && pthread_create(&t->thread, NULL, run, t) == 0;
    if (!t->has_thread) {
        share_tell_free(t);
        return ERR_NOMEM;
    }
    *out = t;
    return ERR_OK;
}

void share_tell_stop(struct share_tell *t)
{
    if (!t || !t->has_thread)
        return;
    bell_stop(&t->bell);
    pthread_join(t->thread, NULL);
    t->has_thread = 0;
}

void share_tell_free(struct share_tell *t)
{
    if (!t)
        return;
    share_tell_stop(t);
    forget_last(t);
    peer_free(t->peer);
    bell_release(&t->bell);
    free(t);
}
