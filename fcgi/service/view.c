#include "fcgi/service/view.h"

#include "fcgi/service/askaround.h"
#include "fcgi/service/picture.h"
#include "fcgi/service/stamps.h"
#include "fcgi/service/wait.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/store/index.h"
#include "lib/store/mark.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLL_MS 250u
#define FIRST_WAIT_MS 1500u
#define STORE_TIMEOUT_MS 400u
#define COORDINATOR_TIMEOUT_MS 500u
#define NODES_TIMEOUT_MS 300u
#define ANSWER_MAX (8u << 20)
#define URLS_MAX 16
#define PATH_BYTES 4096

/* A picture and how many hold it; the keeper itself holds the newest. */
struct counted {
    struct view view; /* first: a struct view * is a struct counted * */
    unsigned refs;
};

struct view_keeper {
    struct contacts *contacts; /* the app's, as the next */
    struct stamps *stamps;
    pthread_t thread;
    atomic_int store_up;

    pthread_mutex_t lock; /* everything down to `stopping` */
    pthread_cond_t wake;  /* for the thread: somebody wants a refresh, or the end */
    pthread_cond_t fresh; /* for those who wait: `done` grew */
    struct counted *now;
    uint64_t wanted, done; /* refreshes asked for, and those that began after being asked for and ended */
    uint64_t heard_epoch;  /* of a ring that an owner spoke of; 0: nobody did since we last looked for one */
    int stopping;

    /* The thread's own. */
    struct store *store;
    struct peer *peer;
    char *urls; /* the coordinators' list, cut into pieces */
    const char *url[URLS_MAX];
    size_t n_urls, next_url;
    char path[PATH_BYTES];
    uint8_t saved[HASH_SIZE];
};

/* ---- pictures */

const struct view *view_get(struct view_keeper *k)
{
    pthread_mutex_lock(&k->lock);
    struct counted *c = k->now;
    c->refs++;
    pthread_mutex_unlock(&k->lock);
    return &c->view;
}

static void drop(struct view_keeper *k, struct counted *c)
{
    pthread_mutex_lock(&k->lock);
    int last = --c->refs == 0;
    pthread_mutex_unlock(&k->lock);
    if (!last)
        return;
    members_release(&c->view.members);
    free(c->view.share);
    free(c);
}

void view_put(struct view_keeper *k, const struct view *v)
{
    drop(k, (struct counted *)(uintptr_t)v);
}

static int64_t ahead_ms(void *ctx, const char *id)
{
    return contacts_get(ctx, id).ahead_ms;
}

/* What follows from the members, and what Redis says of the index. */
static void survey(struct view_keeper *k, struct view *v, enum survey_index index)
{
    struct survey_clocks clocks = {
        .ahead_ms = ahead_ms, .ctx = k->contacts, .heard_at_ms = index == SURVEY_INDEX_AWAY ? 0 : v->taken_at_ms};
    stamps_rebases(k->stamps, &clocks.rebased);
    survey_make(&v->members, &clocks, &v->survey);
    v->survey.index = index;
    v->survey.courses_known = index != SURVEY_INDEX_AWAY && index_count(k->store, &v->survey.courses) == ERR_OK;
    if (v->ring != NULL)
        survey_shares(v->ring, v->share);
}

/* Takes the members, also when there is no memory: the old picture stays then. */
static void publish(struct view_keeper *k, struct members *m, uint64_t taken_at_ms, enum survey_index index)
{
    struct counted *c = calloc(1, sizeof(*c));
    double *share = m->ring == NULL ? NULL : calloc(m->ring->ring->n_members, sizeof(*share));
    if (c == NULL || (m->ring != NULL && share == NULL)) {
        members_release(m);
        free(share);
        free(c);
        return;
    }
    c->view = (struct view){.members = *m, .taken_at_ms = taken_at_ms, .store_up = index != SURVEY_INDEX_AWAY, .share = share};
    c->view.ring = m->ring == NULL ? NULL : m->ring->ring;
    c->refs = 1;
    survey(k, &c->view, index);
    pthread_mutex_lock(&k->lock);
    struct counted *old = k->now;
    k->now = c;
    pthread_mutex_unlock(&k->lock);
    if (old != NULL)
        drop(k, old);
}

/* ---- refreshing */

/* The coordinator that answered last is asked first. */
static enum err ask_coordinators(struct view_keeper *k, const struct view *before, struct members *out)
{
    enum err e = ERR_UNAVAILABLE;
    for (size_t i = 0; i < k->n_urls && e != ERR_OK; i++) {
        struct peer_call call = {.base_url = k->url[k->next_url],
            .method = "GET",
            .path = "/ring",
            .epoch = before->ring == NULL ? 0 : before->ring->epoch,
            .answer_max = ANSWER_MAX};
        e = peer_call(k->peer, &call, COORDINATOR_TIMEOUT_MS);
        if (e == ERR_OK)
            e = call.error;
        if (e == ERR_OK && call.status != 200)
            e = ERR_UNAVAILABLE;
        if (e == ERR_OK)
            e = picture_from_coordinator(buf_str(&call.answer), call.answer.len, &before->members, out);
        peer_calls_release(&call, 1);
        if (e != ERR_OK)
            k->next_url = (k->next_url + 1) % k->n_urls;
    }
    return e;
}

static void save(struct view_keeper *k, const struct members *m)
{
    uint8_t digest[HASH_SIZE];
    picture_digest(m, digest);
    if (m->ring == NULL || memcmp(digest, k->saved, HASH_SIZE) == 0)
        return;
    enum err e = picture_save(k->path, m);
    if (e != ERR_OK)
        log_write(LOG_WARN, "view", "%s cannot be written: %s", k->path, err_text(e));
    memcpy(k->saved, digest, HASH_SIZE);
}

/* An owner spoke of a newer ring than this: the nodes are asked for it, once. */
static void look_for_newer(struct view_keeper *k, struct members *m)
{
    struct ringdoc *ring;
    pthread_mutex_lock(&k->lock);
    uint64_t heard = k->heard_epoch;
    k->heard_epoch = 0;
    pthread_mutex_unlock(&k->lock);
    if (m->ring == NULL || m->ring->ring->epoch >= heard || askaround_ring(k->peer, m, NODES_TIMEOUT_MS, &ring) != ERR_OK)
        return;
    log_write(LOG_INFO, "view", "ring %llu by the nodes' own word", (unsigned long long)ring->ring->epoch);
    picture_take_ring(m, ring);
}

/* An alive key that is missing says nothing while Redis was wiped or restarted less than a heartbeat's time to live ago (architecture.md, "The ring"). */
static void doubt_silence(struct view_keeper *k, struct members *m, const struct members *before, enum survey_index *index)
{
    struct mark mark;
    enum err e = mark_read(k->store, &mark);
    if (e != ERR_OK || !mark_is_settled(k->store, &mark, MEMBERS_TTL_MS))
        picture_keep_living(m, before);
    *index = e == ERR_OK && mark_is_ready(k->store, &mark) ? SURVEY_INDEX_READY : SURVEY_INDEX_REBUILDING;
}

/* Redis, else a coordinator, else the picture before with nothing but the news that Redis is away. */
static void refresh(struct view_keeper *k)
{
    const struct view *before = view_get(k);
    struct members m;
    uint64_t now_ms = clock_unix_ms();
    enum survey_index index = SURVEY_INDEX_AWAY;
    enum err e = members_read(k->store, &m);
    int store_up = e == ERR_OK;
    if (store_up) {
        e = picture_complete(&m, &before->members);
        if (e == ERR_OK)
            doubt_silence(k, &m, &before->members, &index);
        else
            members_release(&m);
    } else {
        /* Said before the coordinators are asked, which may take a while. */
        atomic_store(&k->store_up, 0);
        e = ask_coordinators(k, before, &m);
    }
    if (e != ERR_OK) {
        now_ms = before->taken_at_ms;
        e = picture_copy(&before->members, &m);
    }
    if (e == ERR_OK) {
        look_for_newer(k, &m);
        save(k, &m);
    }
    view_put(k, before);
    atomic_store(&k->store_up, store_up);
    if (e == ERR_OK)
        publish(k, &m, now_ms, index);
}

static void *run(void *arg)
{
    struct view_keeper *k = arg;
    pthread_mutex_lock(&k->lock);
    while (!k->stopping) {
        uint64_t answers = k->wanted;
        pthread_mutex_unlock(&k->lock);
        refresh(k);
        pthread_mutex_lock(&k->lock);
        k->done = answers;
        pthread_cond_broadcast(&k->fresh);
        struct timespec until = wait_until(POLL_MS);
        while (!k->stopping && k->wanted == k->done)
            if (pthread_cond_timedwait(&k->wake, &k->lock, &until) != 0)
                break;
    }
    pthread_mutex_unlock(&k->lock);
    return NULL;
}

void view_refresh(struct view_keeper *k, uint64_t epoch, unsigned wait_ms)
{
    struct timespec until = wait_until(wait_ms);
    pthread_mutex_lock(&k->lock);
    if (epoch > k->heard_epoch)
        k->heard_epoch = epoch;
    uint64_t mine = ++k->wanted;
    pthread_cond_signal(&k->wake);
    while (k->done < mine)
        if (pthread_cond_timedwait(&k->fresh, &k->lock, &until) != 0)
            break;
    pthread_mutex_unlock(&k->lock);
}

/* ---- start and stop */

static enum err cut_urls(struct view_keeper *k, const char *list)
{
    k->urls = strdup(list == NULL ? "" : list);
    if (k->urls == NULL)
        return ERR_NOMEM;
    char *rest = NULL;
    for (char *url = strtok_r(k->urls, ", ", &rest); url != NULL; url = strtok_r(NULL, ", ", &rest)) {
        if (k->n_urls == URLS_MAX)
            return ERR_INVALID;
        k->url[k->n_urls++] = url;
    }
    return ERR_OK;
}

static void load(struct view_keeper *k)
{
    struct members m = {.n_nodes = 0};
    enum err e = picture_load(k->path, &m);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        log_write(LOG_WARN, "view", "%s cannot be read: %s", k->path, err_text(e));
    if (e == ERR_OK)
        picture_digest(&m, k->saved);
    publish(k, &m, 0, SURVEY_INDEX_AWAY);
}

static void release(struct view_keeper *k)
{
    if (k->now != NULL)
        drop(k, k->now);
    store_free(k->store);
    peer_free(k->peer);
    free(k->urls);
    pthread_cond_destroy(&k->wake);
    pthread_cond_destroy(&k->fresh);
    pthread_mutex_destroy(&k->lock);
    free(k);
}

enum err view_start(struct app *a, struct view_keeper **out)
{
    struct view_keeper *k = calloc(1, sizeof(*k));
    if (k == NULL)
        return ERR_NOMEM;
    pthread_mutex_init(&k->lock, NULL);
    k->contacts = a->contacts;
    k->stamps = a->stamps;
    wait_cond_init(&k->wake);
    wait_cond_init(&k->fresh);
    struct store_config redis = a->settings.redis;
    redis.connect_timeout_ms = STORE_TIMEOUT_MS;
    redis.timeout_ms = STORE_TIMEOUT_MS;
    k->store = store_new(&redis);
    k->peer = peer_new(a->keys, a->tls);
    enum err e = k->store == NULL || k->peer == NULL ? ERR_NOMEM : cut_urls(k, a->settings.coordinators);
    if (e == ERR_OK && snprintf(k->path, sizeof(k->path), "%s/ring.json", a->settings.data) >= PATH_BYTES)
        e = ERR_INVALID;
    if (e == ERR_OK) {
        load(k);
        if (k->now == NULL)
            e = ERR_NOMEM;
    }
    if (e == ERR_OK && pthread_create(&k->thread, NULL, run, k) != 0)
        e = ERR_NOMEM;
    if (e != ERR_OK) {
        release(k);
        return e;
    }
    /* Without Redis and coordinators the picture from the disk has to do. */
    view_refresh(k, 0, FIRST_WAIT_MS);
    *out = k;
    return ERR_OK;
}

void view_stop(struct view_keeper *k)
{
    if (k == NULL)
        return;
    pthread_mutex_lock(&k->lock);
    k->stopping = 1;
    pthread_cond_signal(&k->wake);
    pthread_mutex_unlock(&k->lock);
    pthread_join(k->thread, NULL);
    release(k);
}

/* ---- what requests learn on their way */

int view_store_up(struct view_keeper *k)
{
    return atomic_load(&k->store_up);
}

void view_store_failed(struct view_keeper *k)
{
    atomic_store(&k->store_up, 0);
}

enum err view_owners(struct view_keeper *k, const struct view *v, const char *key, struct view_owners *out)
{
    if (v->ring == NULL)
        return ERR_UNAVAILABLE;
    *out = (struct view_owners){.epoch = v->ring->epoch};
    owners_of_key(v->members.ring, key, &out->who);
    out->n = out->who.n;
    for (size_t i = 0; i < out->n; i++) {
        struct view_owner *o = &out->at[i];
        o->member = out->who.at[i].member;
        o->node = picture_node(&v->members, o->member->id);
        o->contact = contacts_get(k->contacts, o->member->id);
        o->usable = o->node != NULL && o->node->alive && !o->contact.suspect;
    }
    return ERR_OK;
}
