#include "fcgi/service/app.h"

#include "fcgi/service/accounts.h"
#include "fcgi/service/adopt.h"
#include "fcgi/service/auditing.h"
#include "fcgi/service/contacts.h"
#include "fcgi/service/courses.h"
#include "fcgi/service/doccache.h"
#include "fcgi/service/hasher.h"
#include "fcgi/service/reindex.h"
#include "fcgi/service/room.h"
#include "fcgi/service/rules.h"
#include "fcgi/service/stamps.h"
#include "fcgi/service/tidy.h"
#include "fcgi/service/type.h"
#include "fcgi/service/view.h"
#include "lib/base/fs.h"
#include "lib/base/log.h"
#include "lib/store/rate.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define STORE_CONNECT_TIMEOUT_MS 200u
#define STORE_TIMEOUT_MS 400u

enum err app_init(struct app *a, const struct app_settings *settings, const struct sign_key *key)
{
    const struct budget *b = &settings->budget;
    assert(settings->small_max_bytes <= b->room_bytes);
    memset(a, 0, sizeof(*a));
    a->settings = *settings;
    a->settings.redis.connect_timeout_ms = STORE_CONNECT_TIMEOUT_MS;
    a->settings.redis.timeout_ms = STORE_TIMEOUT_MS;
    a->key = *key;
    a->tls = settings->tls;
    snprintf(a->process, sizeof(a->process), "api:%s", settings->name);
    a->keys = sign_keys_master(key, a->process);
    enum err e = a->keys ? fs_mkdirs(settings->data, 0700) : ERR_NOMEM;
    if (e == ERR_OK)
        e = type_sniffer_new(&a->sniffer);
    if (e == ERR_OK) {
        a->stamps = stamps_new();
        a->queue = courses_new();
        a->room = room_new(b->room_bytes);
        a->contacts = contacts_new();
        e = a->stamps == NULL || a->queue == NULL || a->room == NULL || a->contacts == NULL ? ERR_NOMEM : ERR_OK;
    }
    if (e == ERR_OK) {
        a->documents = doccache_new(DOCCACHE_DOCS_MAX, b->document_bytes);
        a->rules = rules_new();
        a->hasher = hasher_new(b->hashes, b->hash_line);
        a->rates = rate_table_new();
        e = a->documents == NULL || a->rules == NULL || a->hasher == NULL || a->rates == NULL ? ERR_NOMEM : ERR_OK;
    }
    if (e == ERR_OK)
        e = view_start(a, &a->view);
    if (e == ERR_OK)
        e = auditing_start(a);
    if (e == ERR_OK)
        e = reindex_start(a, &a->retry);
    if (e == ERR_OK)
        e = adopt_start(a, &a->adopter);
    if (e == ERR_OK)
        e = tidy_start(a, &a->tidy);
    if (e != ERR_OK) {
        log_write(LOG_ERROR, "start", "the service does not start: %s", err_text(e));
        app_release(a);
    }
    return e;
}

void app_release(struct app *a)
{
    tidy_stop(a->tidy); /* first, like the adopter: it uploads */
    adopt_stop(a->adopter);
    reindex_stop(a->retry);
    auditing_stop(a);
    view_stop(a->view);
    courses_free(a->queue);
    room_free(a->room);
    contacts_free(a->contacts);
    stamps_free(a->stamps);
    type_sniffer_free(a->sniffer);
    doccache_free(a->documents);
    rules_free(a->rules);
    hasher_free(a->hasher);
    rate_table_free(a->rates);
    password_list_free(a->passwords);
    sign_keys_free(a->keys);
    explicit_bzero(&a->key, sizeof(a->key));
    memset(a, 0, sizeof(*a));
}

enum err worker_init(struct worker *w, struct app *a)
{
    memset(w, 0, sizeof(*w));
    w->app = a;
    arena_init(&w->arena, a->settings.budget.arena_bytes);
    w->store = store_new(&a->settings.redis);
    w->peer = peer_new(a->keys, a->tls);
    if (w->store == NULL || w->peer == NULL) {
        worker_release(w);
        return ERR_NOMEM;
    }
    peer_keep(w->peer, a->settings.budget.kept);
    return ERR_OK;
}

void worker_rest(struct worker *w)
{
    store_rest(w->store);
    peer_rest(w->peer);
}

void worker_release(struct worker *w)
{
    store_free(w->store);
    peer_free(w->peer);
    arena_release(&w->arena);
    memset(w, 0, sizeof(*w));
}

struct store *worker_store(struct worker *w)
{
    return view_store_up(w->app->view) ? w->store : NULL;
}

enum err worker_store_said(struct worker *w, enum err e)
{
    if (e == ERR_UNAVAILABLE || e == ERR_TIMEOUT)
        view_store_failed(w->app->view);
    return e;
}
