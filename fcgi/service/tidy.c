#include "fcgi/service/tidy.h"

#include "fcgi/service/pending.h"
#include "fcgi/service/wait.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 100u

struct tidy {
    struct app *app;
    pthread_t thread;
    pthread_mutex_t lock; /* guards stopping */
    pthread_cond_t wake;
    int stopping;
};

/* ---- what is over */

static int begins(const char *key, const char *prefix)
{
    return strncmp(key, prefix, strlen(prefix)) == 0;
}

static uint64_t end_of(int over, uint64_t written_ms, uint64_t expires_ms)
{
    return over ? written_ms : expires_ms;
}

enum err tidy_ended(const char *key, const struct sysdoc *d, uint64_t *ended_ms)
{
    struct docs_token t;
    struct docs_link l;
    struct docs_join j;
    enum err e = ERR_INVALID;
    if (begins(key, DOCS_TOKEN_PREFIX)) {
        e = docs_token_from_json(d->doc, &t);
        if (e == ERR_OK)
            *ended_ms = end_of(t.revoked, d->at_ms, t.expires_at_ms);
    } else if (begins(key, DOCS_LINK_PREFIX)) {
        e = docs_link_from_json(d->doc, &l);
        if (e == ERR_OK)
            *ended_ms = end_of(l.revoked, d->at_ms, l.expires_at_ms);
    } else if (begins(key, DOCS_JOIN_PREFIX)) {
        e = docs_join_from_json(d->doc, &j);
        if (e == ERR_OK)
            *ended_ms = end_of(j.used_at_ms != 0, d->at_ms, j.expires_at_ms);
    }
    return e;
}

static int is_past(uint64_t ended_ms, uint64_t kept_s, uint64_t now_ms)
{
    return ended_ms != 0 && ended_ms + kept_s * 1000u <= now_ms;
}

/* ---- one document */

/* Removed only as it was read: who revives it in between keeps it. */
static enum err tidy_document(struct worker *w, const char *key, uint64_t now_ms, uint64_t *removed)
{
    struct sysdoc d;
    uint64_t ended_ms;
    enum err e = sysdoc_read(w, key, &d);
    if (e != ERR_OK)
        return e;
    e = tidy_ended(key, &d, &ended_ms);
    struct stamp record = d.record;
    sysdoc_release(&d);
    if (e != ERR_OK || !is_past(ended_ms, TIDY_KEPT_S, now_ms))
        return e;
    e = sysdoc_remove(w, key, &record, "");
    *removed += e == ERR_OK;
    return e;
}

static enum err tidy_pending(struct worker *w, const char *key, uint64_t now_ms, uint64_t *removed)
{
    struct pending p;
    struct upload_result result;
    const char *id = key + strlen(DOCS_PENDING_PREFIX);
    enum err e = pending_read(w, id, &p);
    if (e != ERR_OK)
        return e;
    if (is_past(hlc_to_unix_ms(p.doc.record.id.clock), PENDING_KEPT_S, now_ms)) {
        e = sysdoc_remove(w, key, &p.decided_on, "");
        *removed += e == ERR_OK;
    } else if (p.doc.state == DOCS_ACCEPTED && p.has_bytes) {
        e = pending_accept(w, id, p.doc.by, &result);
        upload_result_release(&result);
    }
    pending_release(&p);
    return e;
}

/* ---- a round */

struct round {
    struct worker *w;
    uint64_t now_ms;
    int (*stop)(void *ctx);
    void *ctx;
    uint64_t removed;
};

static void tidy_one(struct round *r, const char *key)
{
    enum err e = begins(key, DOCS_PENDING_PREFIX) ? tidy_pending(r->w, key, r->now_ms, &r->removed)
                                                  : tidy_document(r->w, key, r->now_ms, &r->removed);
    if (e != ERR_OK && e != ERR_NOT_FOUND && e != ERR_CONFLICT)
        log_write(LOG_WARN, "tidy", "%s waits for the next round: %s", key, err_text(e));
}

/* The keys of a page are copied out of the arena, which each document uses anew. */
static enum err tidy_page(struct round *r, const char *prefix, char **after)
{
    struct sysdoc_keys keys;
    char *copies[PAGE];
    size_t n = 0;
    enum err e = sysdoc_list(r->w, prefix, *after == NULL ? "" : *after, PAGE, &keys);
    if (e != ERR_OK)
        return e;
    for (; n < keys.n && e == ERR_OK; n++) {
        copies[n] = strdup(keys.key[n]);
        e = copies[n] == NULL ? ERR_NOMEM : ERR_OK;
    }
    for (size_t i = 0; i < n && e == ERR_OK && !(r->stop != NULL && r->stop(r->ctx)); i++) {
        arena_reset(&r->w->arena);
        tidy_one(r, copies[i]);
    }
    free(*after);
    *after = keys.more && e == ERR_OK && n > 0 ? copies[--n] : NULL;
    while (n > 0)
        free(copies[--n]);
    return e;
}

enum err tidy_round(struct worker *w, uint64_t now_ms, int (*stop)(void *ctx), void *ctx, uint64_t *removed)
{
    static const char *const prefixes[] = {DOCS_PENDING_PREFIX, DOCS_TOKEN_PREFIX, DOCS_LINK_PREFIX, DOCS_JOIN_PREFIX};
    struct round r = {.w = w, .now_ms = now_ms, .stop = stop, .ctx = ctx};
    enum err e = ERR_OK;
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]) && e == ERR_OK; i++) {
        char *after = NULL;
        do
            e = tidy_page(&r, prefixes[i], &after);
        while (e == ERR_OK && after != NULL && !(stop != NULL && stop(ctx)));
        free(after);
    }
    arena_reset(&w->arena);
    *removed = r.removed;
    return e;
}

/* ---- the thread */

static int is_stopping(void *ctx)
{
    struct tidy *t = ctx;
    pthread_mutex_lock(&t->lock);
    int stopping = t->stopping;
    pthread_mutex_unlock(&t->lock);
    return stopping;
}

/* True when it is to go on. */
static int sleep_s(struct tidy *t, unsigned seconds)
{
    struct timespec until = wait_until(seconds * 1000u);
    pthread_mutex_lock(&t->lock);
    while (!t->stopping && pthread_cond_timedwait(&t->wake, &t->lock, &until) == 0)
        continue;
    int go_on = !t->stopping;
    pthread_mutex_unlock(&t->lock);
    return go_on;
}

static void work(struct tidy *t)
{
    struct worker w;
    uint64_t removed = 0;
    enum err e = worker_init(&w, t->app);
    if (e == ERR_OK) {
        e = tidy_round(&w, clock_unix_ms(), is_stopping, t, &removed);
        worker_release(&w);
    }
    if (removed > 0)
        log_write(LOG_INFO, "tidy", "%llu documents that nobody needs any more are gone", (unsigned long long)removed);
    if (e != ERR_OK)
        log_write(LOG_INFO, "tidy", "the round ended early: %s", err_text(e));
}

static void *run(void *ctx)
{
    struct tidy *t = ctx;
    for (unsigned wait_s = TIDY_FIRST_S; sleep_s(t, wait_s); wait_s = TIDY_EVERY_S)
        work(t);
    return NULL;
}

enum err tidy_start(struct app *a, struct tidy **out)
{
    struct tidy *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return ERR_NOMEM;
    t->app = a;
    pthread_mutex_init(&t->lock, NULL);
    wait_cond_init(&t->wake);
    if (pthread_create(&t->thread, NULL, run, t) != 0) {
        pthread_cond_destroy(&t->wake);
        pthread_mutex_destroy(&t->lock);
        free(t);
        return ERR_NOMEM;
    }
    *out = t;
    return ERR_OK;
}

void tidy_stop(struct tidy *t)
{
    if (t == NULL)
        return;
    pthread_mutex_lock(&t->lock);
    t->stopping = 1;
    pthread_cond_signal(&t->wake);
    pthread_mutex_unlock(&t->lock);
    pthread_join(t->thread, NULL);
    pthread_cond_destroy(&t->wake);
    pthread_mutex_destroy(&t->lock);
    free(t);
}
