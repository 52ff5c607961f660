#include "fcgi/service/rules.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct rules_keeper {
    pthread_mutex_t lock;
    int known;           /* `last` was read */
    int asking;          /* somebody reads just now: the others go on with what is known */
    uint64_t read_at_ms; /* boot time */
    struct docs_settings last;
};

struct rules_keeper *rules_new(void)
{
    struct rules_keeper *k = calloc(1, sizeof(*k));
    if (k != NULL)
        pthread_mutex_init(&k->lock, NULL);
    return k;
}

void rules_free(struct rules_keeper *k)
{
    if (k == NULL)
        return;
    pthread_mutex_destroy(&k->lock);
    free(k);
}

static void keep(struct rules_keeper *k, const struct docs_settings *s, uint64_t asked_at_ms)
{
    pthread_mutex_lock(&k->lock);
    /* What was asked for before a newer answer came must not undo it. */
    if (!k->known || asked_at_ms >= k->read_at_ms) {
        k->last = *s;
        k->known = 1;
        k->read_at_ms = asked_at_ms;
    }
    pthread_mutex_unlock(&k->lock);
}

static enum err ask(struct worker *w, struct docs_settings *out, struct stamp *record)
{
    struct sysdoc d;
    enum err e = sysdoc_read(w, DOCS_SETTINGS_KEY, &d);
    if (e == ERR_NOT_FOUND) {
        docs_settings_default(out);
        *record = STAMP_ZERO;
        return ERR_OK;
    }
    if (e != ERR_OK)
        return e;
    e = docs_settings_from_json(d.doc, out);
    if (e == ERR_OK)
        *record = d.record;
    else
        log_write(LOG_ERROR, "rules", "the settings cannot be read: %s", err_text(e));
    sysdoc_release(&d);
    return e == ERR_SYNTAX ? ERR_INVALID : e;
}

enum err rules_read_now(struct worker *w, struct docs_settings *out, struct stamp *record)
{
    uint64_t now_ms = clock_boot_ms();
    struct docs_settings s;
    enum err e = ask(w, &s, record);
    if (e != ERR_OK)
        return e;
    keep(w->app->rules, &s, now_ms);
    *out = s;
    return ERR_OK;
}

/* What is known, when it is younger than this. */
static int is_known(struct rules_keeper *k, uint64_t age_ms, struct docs_settings *out)
{
    int young = k->known && clock_boot_ms() - k->read_at_ms < age_ms;
    if (young)
        *out = k->last;
    return young;
}

enum err rules_read(struct worker *w, struct docs_settings *out)
{
    struct rules_keeper *k = w->app->rules;
    struct stamp record;
    pthread_mutex_lock(&k->lock);
    int done = is_known(k, k->asking ? RULES_STALE_MS : RULES_FRESH_MS, out);
    if (!done)
        k->asking = 1;
    pthread_mutex_unlock(&k->lock);
    if (done)
        return ERR_OK;
    enum err e = rules_read_now(w, out, &record);
    pthread_mutex_lock(&k->lock);
    k->asking = 0;
    if (e == ERR_UNAVAILABLE && is_known(k, RULES_STALE_MS, out))
        e = ERR_OK;
    pthread_mutex_unlock(&k->lock);
    return e;
}

enum err rules_write(struct worker *w, const struct docs_settings *s, struct stamp base, const char *by, struct stamp *record)
{
    struct docs_settings checked;
    struct json *j = docs_settings_to_json(s);
    enum err e = j == NULL ? ERR_NOMEM : docs_settings_from_json(j, &checked);
    if (e == ERR_OK)
        e = sysdoc_write(w, DOCS_SETTINGS_KEY, j, stamp_is_zero(base) ? NULL : &base, by, record);
    json_free(j);
    if (e == ERR_OK)
        keep(w->app->rules, s, clock_boot_ms());
    return e == ERR_SYNTAX ? ERR_INVALID : e;
}
