#include "lib/audit/ship.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/peer/peer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RETRY_MS 1000u
#define SAY_AFTER_MS 30000u
#define SAY_EVERY_MS 300000u
#define BODY_MAX 2048u
#define ANSWER_MAX 4096u

struct audit_ship {
    struct audit_ship_settings settings;
    struct peer *peer; /* the thread's */
    pthread_mutex_t lock;
    pthread_cond_t work;
    pthread_t thread;
    uint64_t said_ms; /* the thread's */

    /* under the lock */
    struct audit_head waiting[AUDIT_SHIP_WAITING_MAX]; /* the oldest first */
    size_t n;
    uint64_t since_ms; /* boot time at which the oldest came; while n > 0 */
    int stopping;
};

void audit_ship_head(void *ship, const struct audit_head *head)
{
    struct audit_ship *s = ship;
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    if (s->n == 0)
        s->since_ms = clock_boot_ms();
    if (s->n == AUDIT_SHIP_WAITING_MAX)
        memmove(&s->waiting[0], &s->waiting[1], --s->n * sizeof s->waiting[0]);
    s->waiting[s->n++] = *head;
    pthread_cond_signal(&s->work);
    pthread_mutex_unlock(&s->lock);
}

uint64_t audit_ship_waits_s(struct audit_ship *s)
{
    if (!s)
        return 0;
    pthread_mutex_lock(&s->lock);
    uint64_t ms = s->n > 0 ? clock_boot_ms() - s->since_ms : 0;
    pthread_mutex_unlock(&s->lock);
    return ms / 1000;
}

/* ---- the thread */

static enum err print_head(const struct audit_head *head, struct buf *out)
{
    struct json *j = audit_head_to_json(head);
    enum err e = json_print(j, out);
    json_free(j);
    return e;
}

/* A node that has another h for this line: somebody wrote two pasts. It keeps the first, so telling it again changes nothing. */
static void say_conflict(const struct audit_head *head, const struct audit_target *at)
{
    log_write(LOG_ERROR, "audit", "%s has another line %llu of chain %s of %s than we have", at->id, (unsigned long long)head->n,
        head->chain, head->process);
}

/* One call to each of the n targets; how many have the head now. */
static size_t call(
    struct audit_ship *s, const struct audit_head *head, const struct buf *body, const struct audit_target *targets, size_t n)
{
    struct peer_call calls[AUDIT_SHIP_TARGETS_MAX];
    struct peer_round round = {.timeout_ms = AUDIT_SHIP_TIMEOUT_MS, .connect_timeout_ms = AUDIT_SHIP_TIMEOUT_MS / 2};
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        calls[i] = (struct peer_call){.base_url = targets[i].url,
            .method = "POST",
            .path = "/audit/head",
            .to = targets[i].id,
            .body = body->data,
            .body_len = body->len,
            .answer_max = ANSWER_MAX};
    }
    if (peer_round(s->peer, &round, calls, n) != ERR_OK)
        return 0;
    for (size_t i = 0; i < n; i++) {
        if (calls[i].error == ERR_OK && calls[i].status == 409)
            say_conflict(head, &targets[i]);
        kept += calls[i].error == ERR_OK && (calls[i].status == 200 || calls[i].status == 409);
    }
    peer_calls_release(calls, n);
    return kept;
}

/* Each sender has an order of its own, and always the same one: so heads of one process lie on the same nodes, and those of many are spread. */
struct ranked {
    struct audit_target target;
    uint64_t rank;
};

static int by_rank(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    return x->rank < y->rank ? -1 : x->rank > y->rank;
}

static void put_in_order(const char *sender, struct audit_target *targets, size_t n)
{
    struct ranked ranked[AUDIT_SHIP_TARGETS_MAX];
    char text[SIGN_SENDER_MAX + AUDIT_ID_SIZE];
    for (size_t i = 0; i < n; i++) {
        int len = snprintf(text, sizeof text, "%s/%s", sender, targets[i].id);
        ranked[i].target = targets[i];
        ranked[i].rank = hash_ring_point(text, (size_t)len < sizeof text ? (size_t)len : sizeof text - 1);
    }
    qsort(ranked, n, sizeof ranked[0], by_rank);
    for (size_t i = 0; i < n; i++)
        targets[i] = ranked[i].target;
}

/* Whether enough nodes have it: first as many as are needed are asked, then, for each that failed, the next. */
static int tell(struct audit_ship *s, const struct audit_head *head)
{
    struct audit_target targets[AUDIT_SHIP_TARGETS_MAX];
    size_t need = 1, kept = 0, asked = 0, n = s->settings.targets(s->settings.ctx, targets, AUDIT_SHIP_TARGETS_MAX, &need);
    struct buf body;
    put_in_order(sign_keys_self(s->settings.keys), targets, n);
    buf_init(&body, BODY_MAX);
    if (print_head(head, &body) == ERR_OK) {
        while (kept < need && asked < n) {
            size_t more = need - kept < n - asked ? need - kept : n - asked;
            kept += call(s, head, &body, targets + asked, more);
            asked += more;
        }
    }
    buf_release(&body);
    return kept >= need;
}

static void say_waiting(struct audit_ship *s, uint64_t since_ms)
{
    uint64_t now_ms = clock_boot_ms();
    if (now_ms - since_ms < SAY_AFTER_MS || (s->said_ms && now_ms - s->said_ms < SAY_EVERY_MS))
        return;
    s->said_ms = now_ms;
    log_write(LOG_WARN, "audit", "for %llu s too few nodes take the head of the audit log; it goes on without",
        (unsigned long long)(now_ms - since_ms) / 1000);
}

/* (locked) Until there is a head, or for the pause before the next try. */
static void wait_for_work(struct audit_ship *s, int again)
{
    struct timespec until;
    while (!again && s->n == 0 && !s->stopping)
        pthread_cond_wait(&s->work, &s->lock);
    if (!again || s->stopping)
        return;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += RETRY_MS / 1000;
    while (!s->stopping && pthread_cond_timedwait(&s->work, &s->lock, &until) == 0)
        continue;
}

/* (locked) The head that was told leaves, and all that are older. */
static void told(struct audit_ship *s, const struct audit_head *head)
{
    size_t i = s->n;
    while (i > 0 && (strcmp(s->waiting[i - 1].chain, head->chain) != 0 || s->waiting[i - 1].n > head->n))
        i--;
    memmove(&s->waiting[0], &s->waiting[i], (s->n - i) * sizeof s->waiting[0]);
    s->n -= i;
    s->since_ms = clock_boot_ms();
}

static void *run(void *arg)
{
    struct audit_ship *s = arg;
    int again = 0, stopping = 0;
    while (!stopping) {
        pthread_mutex_lock(&s->lock);
        wait_for_work(s, again);
        stopping = s->stopping;
        size_t n = s->n;
        uint64_t since_ms = s->since_ms;
        struct audit_head head = n > 0 ? s->waiting[0] : (struct audit_head){.n = 0};
        pthread_mutex_unlock(&s->lock);
        if (n == 0)
            continue;
        again = !tell(s, &head);
        if (again) {
            say_waiting(s, since_ms);
            continue;
        }
        pthread_mutex_lock(&s->lock);
        told(s, &head);
        stopping &= s->n == 0; /* the last one is worth the most */
        pthread_mutex_unlock(&s->lock);
    }
    return NULL;
}

/* ---- open and close */

static void dispose(struct audit_ship *s)
{
    peer_free(s->peer);
    pthread_cond_destroy(&s->work);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

enum err audit_ship_open(const struct audit_ship_settings *settings, struct audit_ship **out)
{
    pthread_condattr_t attributes;
    struct audit_ship *s = calloc(1, sizeof *s);
    if (!s)
        return ERR_NOMEM;
    s->settings = *settings;
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&s->work, &attributes);
    pthread_condattr_destroy(&attributes);
    s->peer = peer_new(settings->keys, settings->tls);
    if (!s->peer || pthread_create(&s->thread, NULL, run, s) != 0) {
        dispose(s);
        return ERR_NOMEM;
    }
    *out = s;
    return ERR_OK;
}

void audit_ship_close(struct audit_ship *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->stopping = 1;
    pthread_cond_signal(&s->work);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    dispose(s);
}
