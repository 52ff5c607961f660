#include "node/heartbeat.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "node/bell.h"
#include "node/entropy.h"
#include "node/settle.h"
#include "node/share.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 400u
#define CONNECT_MS 200u
#define PAUSE_MAX_MS 2000u /* between tries while nobody answers */
#define AFTER_NEWS_MS 150u
#define BODY_MAX 16384
#define ANSWER_MAX 65536

/* What one coordinator last said. */
struct contact {
    int joined;
    uint64_t view;
};

struct heartbeat {
    struct node *node;
    struct peer *peer; /* of the thread */
    struct contact contacts[MEMBERS_COORDINATORS_MAX];
    int had_news; /* the last beat's answers */
    int lonely;   /* nobody answered last time: said once */
    struct bell bell;
    int has_thread;
    pthread_t thread;
};

static enum err describe(struct node *n, struct buf *out)
{
    struct blobs_usage usage;
    struct member m;
    memset(&m, 0, sizeof(m));
    enum err e = blobs_usage(n->blobs, &usage);
    if (e)
        return e;
    snprintf(m.id, sizeof(m.id), "%s", n->self.id);
    snprintf(m.name, sizeof(m.name), "%s", n->self.name);
    snprintf(m.zone, sizeof(m.zone), "%s", n->self.zone);
    snprintf(m.url, sizeof(m.url), "%s", n->url);
    m.weight = n->self.weight;
    m.stores = n->stores;
    m.files = usage.files;
    m.bytes = usage.bytes;
    m.capacity_bytes = usage.capacity_bytes;
    m.free_bytes = node_is_suspect(n) ? 0 : usage.free_bytes;
    m.ring_epoch = ledger_epoch(n->ledger);
    settle_progress(n->settle, &m.move);
    m.load = http_load(n->server);
    m.quarantined = usage.quarantined;
    memcpy(m.machine, n->machine, sizeof(m.machine));
    memcpy(m.volume, n->volume, sizeof(m.volume));
    entropy_census(n->entropy, &m.census);
    m.shares = n->share != NULL;
    m.obtain_port = n->obtain_number;
    if (n->share)
        share_list_sum(share_files(n->share), &m.shared_files, m.share_digest);
    struct json *j = member_to_json(&m);
    json_set_bool(j, "suspect", node_is_suspect(n));
    e = json_print(j, out);
    json_free(j);
    return e;
}

/* Reads {"ring", "view", "leads", "listed"}; returns whether there is something new to ask for. */
static int is_news(struct heartbeat *h, size_t i, const struct peer_call *call, uint64_t asked_ms)
{
    struct json *j;
    uint64_t ring = 0, view = 0;
    if (json_parse(buf_str(&call->answer), call->answer.len, &j))
        return 0;
    int ok = !json_get_u64(j, "ring", UINT64_MAX, &ring) && !json_get_u64(j, "view", UINT64_MAX, &view);
    if (h->node->share)
        share_heard(h->node->share, i, json_get_bool(j, "leads", 0), json_get_str(j, "listed"), asked_ms);
    json_free(j);
    if (!ok)
        return 0;
    int news = !h->contacts[i].joined || view != h->contacts[i].view || ring > ledger_epoch(h->node->ledger) ||
               (ring == ledger_epoch(h->node->ledger) && ring > 0 && !ledger_is_committed(h->node->ledger));
    h->contacts[i].view = view;
    return news;
}

/* Takes the answers of a round. *answered is how many coordinators did. */
static int take_answers(struct heartbeat *h, const struct peer_call *calls, size_t n, uint64_t asked_ms, size_t *answered)
{
    int news = 0;
    *answered = 0;
    for (size_t i = 0; i < n; i++) {
        struct contact *contact = &h->contacts[i];
        const char *url = cluster_coordinator(h->node->cluster, i);
        if (calls[i].error || calls[i].status != 200) {
            if (!calls[i].error && calls[i].status < 500)
                log_write(LOG_WARN, "heartbeat", "%s refuses us: %ld %s", url, calls[i].status, buf_str(&calls[i].answer));
            else if (contact->joined)
                log_write(LOG_WARN, "heartbeat", "%s: %s", url, calls[i].error ? err_text(calls[i].error) : "it cannot take us now");
            contact->joined = 0;
            continue;
        }
        news |= is_news(h, i, &calls[i], asked_ms);
        if (!contact->joined)
            log_write(LOG_INFO, "join", "%s counts us in", url);
        contact->joined = 1;
        (*answered)++;
    }
    return news;
}

/* One round to all coordinators: "/leave", or NULL for join or heartbeat as each needs. */
static enum err tell_all(struct heartbeat *h, const char *path, const struct buf *body, size_t *answered, int *news)
{
    struct cluster *cluster = h->node->cluster;
    struct peer_call calls[MEMBERS_COORDINATORS_MAX];
    struct peer_round round = {.timeout_ms = TIMEOUT_MS, .connect_timeout_ms = CONNECT_MS};
    size_t n = cluster_coordinators(cluster);
    uint64_t asked_ms = clock_boot_ms();
    memset(calls, 0, sizeof(calls));
    for (size_t i = 0; i < n; i++) {
        calls[i].base_url = cluster_coordinator(cluster, i);
        calls[i].method = "POST";
        calls[i].path = path ? path : h->contacts[i].joined ? "/heartbeat" : "/join";
        calls[i].epoch = ledger_epoch(h->node->ledger);
        calls[i].body = body->data;
        calls[i].body_len = body->len;
        calls[i].answer_max = ANSWER_MAX;
    }
    enum err e = peer_round(h->peer, &round, calls, n);
    if (!e && !path)
        *news = take_answers(h, calls, n, asked_ms, answered);
    peer_calls_release(calls, n);
    return e;
}

/* Beats once; returns how many coordinators answered. */
static size_t beat(struct heartbeat *h)
{
    struct buf body;
    size_t answered = 0;
    int news = 0;
    buf_init(&body, BODY_MAX);
    enum err e = describe(h->node, &body);
    if (!e)
        e = tell_all(h, NULL, &body, &answered, &news);
    buf_release(&body);
    if (e)
        log_write(LOG_ERROR, "heartbeat", "%s", err_text(e));
    if (answered > 0)
        cluster_heard(h->node->cluster);
    if (news && cluster_refresh(h->node->cluster, h->peer) != ERR_OK) {
        /* Ask again at the next beat. */
        for (size_t i = 0; i < MEMBERS_COORDINATORS_MAX; i++)
            h->contacts[i].view = UINT64_MAX;
    }
    if (news)
        entropy_wake(h->node->entropy);
    h->had_news = news;
    return answered;
}

static void *run(void *ctx)
{
    struct heartbeat *h = ctx;
    uint64_t period_ms = HEARTBEAT_MS, wait_ms;
    do {
        uint64_t began = clock_boot_ms();
        size_t answered = beat(h);
        if (answered == 0 && !h->lonely)
            log_write(LOG_WARN, "lonely", "no coordinator answers; serving on, and asking again");
        if (answered > 0 && h->lonely)
            log_write(LOG_INFO, "lonely", "a coordinator answers again");
        h->lonely = answered == 0;
        period_ms = answered > 0 ? HEARTBEAT_MS : period_ms * 2 < PAUSE_MAX_MS ? period_ms * 2 : PAUSE_MAX_MS;
        /* What a death or a return changes in our own counts is told without waiting for the next beat. */
        if (h->had_news)
            period_ms = AFTER_NEWS_MS;
        uint64_t took = clock_boot_ms() - began;
        wait_ms = took < period_ms ? period_ms - took : 0;
    } while (bell_wait(&h->bell, wait_ms, NULL));
    return NULL;
}

enum err heartbeat_start(struct node *n, struct heartbeat **out)
{
    struct heartbeat *h = calloc(1, sizeof(*h));
    if (!h)
        return ERR_NOMEM;
    h->node = n;
    bell_init(&h->bell);
    h->peer = peer_new(n->keys, n->tls);
    h->has_thread = h->peer && pthread_create(&h->thread, NULL, run, h) == 0;
    if (!h->has_thread) {
        heartbeat_free(h);
        return ERR_NOMEM;
    }
    *out = h;
    return ERR_OK;
}

static void say_goodbye(struct heartbeat *h)
{
    struct buf body;
    size_t answered = 0;
    int news = 0;
    buf_init(&body, BODY_MAX);
    enum err e = buf_addf(&body, "{\"id\":\"%s\"}", h->node->self.id);
    if (!e)
        e = tell_all(h, "/leave", &body, &answered, &news);
    if (e)
        log_write(LOG_WARN, "leave", "%s", err_text(e));
    buf_release(&body);
}

void heartbeat_free(struct heartbeat *h)
{
    if (!h)
        return;
    bell_stop(&h->bell);
    if (h->has_thread) {
        pthread_join(h->thread, NULL);
        say_goodbye(h);
    }
    peer_free(h->peer);
    bell_release(&h->bell);
    free(h);
}
