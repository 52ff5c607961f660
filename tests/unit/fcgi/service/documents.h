/* Documents in memory instead of on owners, beside a real Redis: for what is built on them. A test that includes this defines all of sysdoc.h and the view itself; the linker
 * takes these instead of those of fcgi/service. */
#ifndef RB_TESTS_SERVICE_DOCUMENTS_H
#define RB_TESTS_SERVICE_DOCUMENTS_H

#include "tests/unit/unit.h"

#include "fcgi/service/accounts.h"
#include "fcgi/service/hasher.h"
#include "fcgi/service/rules.h"
#include "fcgi/service/view.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/store/mark.h"
#include "lib/store/index.h"
#include "lib/store/rate.h"
#include "tests/unit/lib/store/redis_server.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOCUMENTS_MAX 600

struct document {
    char key[128];
    char *text; /* NULL: removed */
    struct stamp record;
    uint64_t at_ms;
    char by[AUTH_NAME_SIZE], first_by[AUTH_NAME_SIZE];
};

static struct {
    pthread_mutex_t lock;
    struct document all[DOCUMENTS_MAX];
    size_t n;
    uint64_t clock;
    enum err away;  /* what every call gives, ERR_OK: they are there */
    int conflicts;  /* so many writes find that another was first */
    unsigned reads; /* not firm ones */
    unsigned firm_reads;
    int redis_up;
    struct redis_server redis;
} documents = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct document *document_find(const char *key)
{
    for (size_t i = 0; i < documents.n; i++)
        if (strcmp(documents.all[i].key, key) == 0)
            return &documents.all[i];
    return NULL;
}

/* ---- in place of sysdoc.c */

static enum err document_read(const char *key, struct sysdoc *out)
{
    pthread_mutex_lock(&documents.lock);
    struct document *d = document_find(key);
    enum err e = documents.away != ERR_OK ? documents.away : d == NULL || d->text == NULL ? ERR_NOT_FOUND : ERR_OK;
    if (e == ERR_OK) {
        assert_ok(json_parse(d->text, strlen(d->text), &out->doc));
        out->record = d->record;
        out->at_ms = d->at_ms;
        memcpy(out->by, d->by, sizeof(out->by));
    }
    pthread_mutex_unlock(&documents.lock);
    return e;
}

enum err sysdoc_read(struct worker *w, const char *key, struct sysdoc *out)
{
    (void)w;
    __atomic_fetch_add(&documents.reads, 1, __ATOMIC_RELAXED);
    return document_read(key, out);
}

enum err sysdoc_read_firm(struct worker *w, const char *key, struct sysdoc *out)
{
    (void)w;
    __atomic_fetch_add(&documents.firm_reads, 1, __ATOMIC_RELAXED);
    return document_read(key, out);
}

void sysdoc_release(struct sysdoc *d)
{
    json_free(d->doc);
    d->doc = NULL;
}

/* Writes, or with text NULL removes. Takes text. */
static enum err document_write(const char *key, char *text, const struct stamp *base, int any, const char *by, struct stamp *record)
{
    pthread_mutex_lock(&documents.lock);
    struct document *d = document_find(key);
    int there = d != NULL && d->text != NULL;
    enum err e = documents.away;
    if (e == ERR_OK && text == NULL && !there)
        e = ERR_NOT_FOUND;
    if (e == ERR_OK && !any && (base == NULL ? there : !there || stamp_cmp(d->record, *base) != 0))
        e = ERR_CONFLICT;
    if (e == ERR_OK && documents.conflicts > 0) {
        documents.conflicts--;
        e = ERR_CONFLICT;
    }
    if (e == ERR_OK && d == NULL) {
        assert_true(documents.n < DOCUMENTS_MAX);
        d = &documents.all[documents.n++];
        snprintf(d->key, sizeof(d->key), "%s", key);
        snprintf(d->first_by, sizeof(d->first_by), "%s", by);
    }
    if (e == ERR_OK) {
        free(d->text);
        d->text = text;
        text = NULL;
        d->record = (struct stamp){++documents.clock, 1};
        d->at_ms = clock_unix_ms();
        snprintf(d->by, sizeof(d->by), "%s", by);
        if (record != NULL)
            *record = d->record;
    }
    pthread_mutex_unlock(&documents.lock);
    free(text);
    return e;
}

enum err sysdoc_write(
    struct worker *w, const char *key, const struct json *doc, const struct stamp *base, const char *by, struct stamp *record)
{
    struct buf text;
    (void)w;
    buf_init(&text, DOCS_BYTES_MAX);
    assert_ok(json_print(doc, &text));
    return document_write(key, buf_take(&text), base, 0, by, record);
}

enum err sysdoc_remove(struct worker *w, const char *key, const struct stamp *base, const char *by)
{
    (void)w;
    return document_write(key, NULL, base, base == NULL, by, NULL);
}

enum err sysdoc_alter(struct worker *w, const char *key, const char *by,
    enum err (*change)(const struct sysdoc *old, void *ctx, struct json **out), void *ctx, struct stamp *record)
{
    enum err e = ERR_CONFLICT;
    for (unsigned i = 0; i < SYSDOC_TRIES && e == ERR_CONFLICT; i++) {
        struct sysdoc old = {.doc = NULL};
        struct json *fresh = NULL;
        e = document_read(key, &old);
        int there = e == ERR_OK;
        if (e != ERR_OK && e != ERR_NOT_FOUND)
            return e;
        e = change(there ? &old : NULL, ctx, &fresh);
        int done = e != ERR_OK || fresh == NULL;
        if (done && there && record != NULL)
            *record = old.record;
        if (!done)
            e = sysdoc_write(w, key, fresh, there ? &old.record : NULL, by, record);
        json_free(fresh);
        sysdoc_release(&old);
        if (done)
            return e;
    }
    return e;
}

static int document_order(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum err document_list(
    struct worker *w, const char *user, const char *prefix, const char *after, unsigned limit, struct sysdoc_keys *out)
{
    size_t n = 0;
    if (documents.away != ERR_OK || !documents.redis_up)
        return ERR_UNAVAILABLE;
    out->key = arena_alloc(&w->arena, (documents.n + 1) * sizeof(*out->key));
    assert_non_null(out->key);
    for (size_t i = 0; i < documents.n; i++) {
        const struct document *d = &documents.all[i];
        int is = strncmp(d->key, prefix, strlen(prefix)) == 0 && strcmp(d->key, after) > 0;
        if (is && d->text != NULL && (user == NULL || strcmp(d->by, user) == 0 || strcmp(d->first_by, user) == 0))
            out->key[n++] = arena_strdup(&w->arena, d->key);
    }
    qsort(out->key, n, sizeof(*out->key), document_order);
    out->more = n > limit;
    out->n = n > limit ? limit : n;
    return ERR_OK;
}

enum err sysdoc_list(struct worker *w, const char *prefix, const char *after, unsigned limit, struct sysdoc_keys *out)
{
    return document_list(w, NULL, prefix, after, limit, out);
}

enum err sysdoc_list_by(struct worker *w, const char *user, const char *prefix, const char *after, unsigned limit, struct sysdoc_keys *out)
{
    return document_list(w, user, prefix, after, limit, out);
}

/* ---- in place of view.c */

static const struct view documents_view;

const struct view *view_get(struct view_keeper *k)
{
    (void)k;
    return &documents_view;
}
void view_put(struct view_keeper *k, const struct view *v)
{
    (void)k;
    (void)v;
}
void view_refresh(struct view_keeper *k, uint64_t epoch, unsigned wait_ms)
{
    (void)k;
    (void)epoch;
    (void)wait_ms;
}
int view_store_up(struct view_keeper *k)
{
    (void)k;
    return documents.redis_up;
}
void view_store_failed(struct view_keeper *k)
{
    (void)k;
}
enum err view_start(struct app *a, struct view_keeper **out)
{
    (void)a;
    (void)out;
    return ERR_INTERNAL;
}
void view_stop(struct view_keeper *k)
{
    (void)k;
}
enum err view_owners(struct view_keeper *k, const struct view *v, const char *key, struct view_owners *out)
{
    (void)k;
    (void)v;
    (void)key;
    (void)out;
    return ERR_UNAVAILABLE;
}

/* ---- for tests */

struct fixture {
    struct app app;
    struct worker w;
};

/* For cmocka's set-up of a group: one Redis for all of it. */
static int documents_start(void **state)
{
    (void)state;
    log_init("test", (enum log_level)(LOG_ERROR + 1)); /* nothing */
    return redis_server_init(&documents.redis) ? 0 : -1;
}

static int documents_stop(void **state)
{
    (void)state;
    redis_server_release(&documents.redis);
    return 0;
}

/* Nothing there, Redis fresh and its index believed. */
static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct mark_hold hold;
    redis_server_kill(&documents.redis);
    assert_true(redis_server_start(&documents.redis));
    documents.away = ERR_OK;
    documents.conflicts = 0;
    documents.redis_up = 1;
    documents.reads = documents.firm_reads = 0;
    f->app.settings.name = "api-test";
    f->app.settings.data = "/tmp";
    f->app.settings.upload_max_bytes = 1u << 20;
    f->app.rules = rules_new();
    f->app.hasher = hasher_new(HASHER_THREADS, HASHER_WAITING_MAX);
    f->app.rates = rate_table_new();
    f->w.app = &f->app;
    arena_init(&f->w.arena, 1u << 24);
    f->w.store = store_new(&(struct store_config){.address = documents.redis.address, .timeout_ms = 5000});
    assert_ok(store_ping(f->w.store));
    assert_ok(mark_begin(f->w.store, &hold));
    assert_ok(index_clear(f->w.store, &hold));
    assert_ok(mark_finish(f->w.store, &hold, 0));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    store_free(f->w.store);
    arena_release(&f->w.arena);
    rules_free(f->app.rules);
    hasher_free(f->app.hasher);
    rate_table_free(f->app.rates);
    for (size_t i = 0; i < documents.n; i++)
        free(documents.all[i].text);
    memset(documents.all, 0, sizeof(documents.all));
    documents.n = 0;
    free(f);
    return 0;
}

/* An account without a password; role ROLE_ADMIN is one who may do everything. */
static inline void add_account(struct fixture *f, const char *name, enum role role)
{
    struct docs_account a;
    const char *detail;
    struct accounts_new in = {.name = name, .shown = "", .role = role, .quota_bytes = DOCS_NO_LIMIT};
    assert_ok(accounts_create(&f->w, &in, "", &a, &detail));
}

#endif
