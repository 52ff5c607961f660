#include "fcgi/service/accounts_inside.h"

#include "fcgi/service/hasher.h"
#include "fcgi/service/tokens.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/store/rate.h"
#include "lib/store/sessions.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define LAST_ADMIN "This is the last administrator who may do everything: there must be another one first."
#define NOBODYS_NAME "-" /* no account can have it */
#define STRANGE "The name, the shown name, the role or the scopes are not as they have to be."

void accounts_key(const char *name, char out[ACCOUNTS_KEY_SIZE])
{
    snprintf(out, ACCOUNTS_KEY_SIZE, DOCS_USER_PREFIX "%s", name);
}

/* ---- reading */

static enum err parse(const struct sysdoc *d, struct docs_account *out)
{
    enum err e = docs_account_from_json(d->doc, out);
    return e == ERR_SYNTAX ? ERR_INVALID : e;
}

/* firm: by the owners, whatever the index says; and a name that nobody can have is looked for as well, so that it takes as long as any other. */
static enum err read_how(struct worker *w, const char *name, int firm, struct docs_account *out, struct stamp *record)
{
    char key[ACCOUNTS_KEY_SIZE];
    struct sysdoc d;
    struct docs_account a;
    int can_be = auth_name_ok(name);
    if (!can_be && !firm)
        return ERR_NOT_FOUND;
    accounts_key(can_be ? name : NOBODYS_NAME, key);
    enum err e = firm ? sysdoc_read_firm(w, key, &d) : sysdoc_read(w, key, &d);
    if (e != ERR_OK)
        return e;
    e = parse(&d, &a);
    if (e != ERR_OK) {
        log_write(LOG_ERROR, "account", "%s cannot be read: %s", key, err_text(e));
    } else {
        *out = a;
        if (record != NULL)
            *record = d.record;
    }
    sysdoc_release(&d);
    return e;
}

enum err accounts_read(struct worker *w, const char *name, struct docs_account *out, struct stamp *record)
{
    return read_how(w, name, 0, out, record);
}

enum err accounts_list(struct worker *w, const char *after, unsigned limit, struct accounts_page *out)
{
    char place[ACCOUNTS_KEY_SIZE] = "";
    struct sysdoc_keys keys;
    struct accounts_page page = {.n = 0};
    assert(limit >= 1 && limit <= ACCOUNTS_PAGE_MAX);
    if (after[0] != '\0')
        snprintf(place, sizeof(place), DOCS_USER_PREFIX "%s", after);
    enum err e = sysdoc_list(w, DOCS_USER_PREFIX, place, limit, &keys);
    if (e != ERR_OK)
        return e;
    page.items = arena_alloc(&w->arena, (keys.n + 1) * sizeof(*page.items));
    if (page.items == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < keys.n; i++) {
        e = accounts_read(w, keys.key[i] + strlen(DOCS_USER_PREFIX), &page.items[page.n], NULL);
        if (e != ERR_OK && e != ERR_NOT_FOUND && e != ERR_INVALID)
            return e;
        page.n += e == ERR_OK;
    }
    if (keys.more)
        page.next = keys.key[keys.n - 1] + strlen(DOCS_USER_PREFIX);
    *out = page;
    return ERR_OK;
}

/* ---- the last admin */

static int may_everything(const struct docs_account *a)
{
    return a->role == ROLE_ADMIN && !a->disabled && a->scopes.n == 0;
}

/* ERR_OK when somebody but `name` may do everything; ERR_CONFLICT. Two changes at the same moment may each count on the other's account: then the admin file helps (accounts_bootstrap). */
static enum err another_admin(struct worker *w, const char *name, const char **detail)
{
    const char *after = "";
    while (after != NULL) {
        struct accounts_page page;
        enum err e = accounts_list(w, after, ACCOUNTS_PAGE_MAX, &page);
        if (e != ERR_OK)
            return e;
        for (size_t i = 0; i < page.n; i++)
            if (may_everything(&page.items[i]) && strcmp(page.items[i].name, name) != 0)
                return ERR_OK;
        after = page.next;
    }
    *detail = LAST_ADMIN;
    return ERR_CONFLICT;
}

/* ---- writing */

/* The document of an account that is sound: what was put together here came from people. */
static enum err to_json(const struct docs_account *a, struct json **out, const char **detail)
{
    struct docs_account checked;
    struct json *j = docs_account_to_json(a);
    enum err e = j == NULL ? ERR_NOMEM : docs_account_from_json(j, &checked);
    if (e == ERR_SYNTAX || e == ERR_INVALID) {
        *detail = STRANGE;
        e = ERR_INVALID;
    }
    if (e == ERR_OK)
        *out = j;
    else
        json_free(j);
    return e;
}

enum err accounts_choose(
    struct worker *w, const char *name, const char *password, size_t len, char out[PASSWORD_HASH_SIZE], const char **detail)
{
    enum password_fault fault = password_check(password, len, name, w->app->passwords);
    if (fault != PASSWORD_FINE) {
        *detail = arena_printf(&w->arena, "%s.", password_fault_text(fault));
        return ERR_INVALID;
    }
    return hasher_hash(w->app->hasher, password, len, out);
}

enum err accounts_create(struct worker *w, const struct accounts_new *in, const char *by, struct docs_account *out, const char **detail)
{
    char key[ACCOUNTS_KEY_SIZE];
    struct json *j = NULL;
    struct docs_account a = {
        .role = in->role, .scopes = in->scopes, .known = in->known, .created_at_ms = clock_unix_ms(), .quota_bytes = in->quota_bytes};
    *detail = NULL;
    if (!auth_name_ok(in->name) || in->role == ROLE_NOBODY || strlen(in->shown) >= sizeof(a.shown)) {
        *detail = STRANGE;
        return ERR_INVALID;
    }
    snprintf(a.name, sizeof(a.name), "%s", in->name);
    snprintf(a.shown, sizeof(a.shown), "%s", in->shown);
    accounts_key(in->name, key);
    enum err e = in->password == NULL ? ERR_OK : accounts_choose(w, in->name, in->password, in->password_len, a.password, detail);
    if (e == ERR_OK)
        e = to_json(&a, &j, detail);
    if (e == ERR_OK)
        e = sysdoc_write(w, key, j, NULL, by, NULL);
    json_free(j);
    if (e == ERR_CONFLICT)
        *detail = "There is an account of this name.";
    if (e == ERR_OK)
        *out = a;
    return e;
}

/* ---- changing */

struct altering {
    struct worker *w;
    const struct accounts_change *change;
    const struct stamp *base;
    const char *name;
    const char **detail;
    struct docs_account now; /* what was written */
    int was_disabled;
};

static void apply(const struct accounts_change *c, struct docs_account *a)
{
    if (c->what & ACCOUNTS_SHOWN)
        snprintf(a->shown, sizeof(a->shown), "%s", c->shown);
    if (c->what & ACCOUNTS_ROLE)
        a->role = c->role;
    if (c->what & ACCOUNTS_SCOPES)
        a->scopes = c->scopes;
    if (c->what & ACCOUNTS_DISABLED)
        a->disabled = c->disabled;
    if (c->what & ACCOUNTS_KNOWN)
        a->known = c->known;
    if (c->what & ACCOUNTS_QUOTA)
        a->quota_bytes = c->quota_bytes;
}

static enum err alter(const struct sysdoc *old, void *ctx, struct json **out)
{
    struct altering *t = ctx;
    if (old == NULL)
        return ERR_NOT_FOUND;
    if (t->base != NULL && stamp_cmp(*t->base, old->record) != 0)
        return ERR_PRECONDITION;
    enum err e = parse(old, &t->now);
    if (e != ERR_OK)
        return e;
    int could = may_everything(&t->now);
    t->was_disabled = t->now.disabled;
    apply(t->change, &t->now);
    t->now.endings += t->now.disabled && !t->was_disabled;
    if (could && !may_everything(&t->now))
        e = another_admin(t->w, t->name, t->detail);
    return e == ERR_OK ? to_json(&t->now, out, t->detail) : e;
}

/* Takes sessions out of Redis. Failing that is said in the log only: who looks a session up looks at the account as well, and that counts its endings. */
static void end_sessions(struct worker *w, const char *name, const char *keep, uint64_t endings, uint64_t *ended)
{
    uint64_t n = 0;
    struct store *s = worker_store(w);
    enum err e = s == NULL ? ERR_UNAVAILABLE : worker_store_said(w, sessions_end_all(s, name, keep, endings, &n));
    if (e != ERR_OK)
        log_write(LOG_WARN, "account", "the sessions of %s are over, but could not be taken out of Redis: %s", name, err_text(e));
    if (ended != NULL)
        *ended = n;
}

static enum err count_ending(const struct sysdoc *old, void *ctx, struct json **out)
{
    uint64_t *endings = ctx;
    struct docs_account a;
    const char *ignored;
    if (old == NULL)
        return ERR_NOT_FOUND;
    enum err e = parse(old, &a);
    if (e != ERR_OK)
        return e;
    *endings = ++a.endings;
    return to_json(&a, out, &ignored);
}

enum err accounts_end_sessions(struct worker *w, const char *name, const char *keep, const char *by, uint64_t *ended)
{
    char key[ACCOUNTS_KEY_SIZE];
    uint64_t endings = 0;
    if (!auth_name_ok(name))
        return ERR_NOT_FOUND;
    accounts_key(name, key);
    enum err e = sysdoc_alter(w, key, by, count_ending, &endings, NULL);
    if (e == ERR_OK)
        end_sessions(w, name, keep, endings, ended);
    return e;
}

enum err accounts_change(struct worker *w, const char *name, const struct accounts_change *change, const struct stamp *base, const char *by,
    struct docs_account *out, struct stamp *record, const char **detail)
{
    char key[ACCOUNTS_KEY_SIZE];
    struct altering t = {.w = w, .change = change, .base = base, .name = name, .detail = detail};
    *detail = NULL;
    if (!auth_name_ok(name))
        return ERR_NOT_FOUND;
    if ((change->what & ACCOUNTS_SHOWN) && strlen(change->shown) >= DOCS_SHOWN_SIZE) {
        *detail = STRANGE;
        return ERR_INVALID;
    }
    accounts_key(name, key);
    enum err e = sysdoc_alter(w, key, by, alter, &t, record);
    if (e == ERR_CONFLICT && *detail == NULL)
        *detail = "The account is being changed by others just now.";
    if (e != ERR_OK)
        return e;
    if (t.now.disabled && !t.was_disabled)
        end_sessions(w, name, NULL, t.now.endings, NULL);
    *out = t.now;
    return ERR_OK;
}

/* ---- passwords */

static const struct rate_rule password_rule = {.name = "password", .free = 5, .per_ms = 60000, .wait_ms = 30000, .wait_max_ms = 3600000};

struct resetting {
    const char *hash;
    uint64_t endings; /* as they are then */
};

static enum err reset(const struct sysdoc *old, void *ctx, struct json **out)
{
    struct resetting *t = ctx;
    struct docs_account a;
    const char *ignored;
    if (old == NULL)
        return ERR_NOT_FOUND;
    enum err e = parse(old, &a);
    if (e != ERR_OK)
        return e;
    snprintf(a.password, sizeof(a.password), "%s", t->hash);
    t->endings = ++a.endings;
    return to_json(&a, out, &ignored);
}

/* Whoever changes their own password shows the present one; guessing it here is limited like guessing it at sign-in. */
static enum err check_old(struct worker *w, const struct accounts_password *p, const char **detail)
{
    struct docs_account a;
    const struct rate_claim claim = {.rule = &password_rule, .subject = p->name};
    unsigned wait_ms;
    if (rate_try(worker_store(w), w->app->rates, &claim, 1, &wait_ms) != ERR_OK) {
        *detail = arena_printf(&w->arena, "Too many tries: wait %u s.", wait_ms / 1000u + 1u);
        return ERR_RATE;
    }
    enum err e = read_how(w, p->name, 1, &a, NULL);
    return e == ERR_OK ? hasher_verify(w->app->hasher, a.password, p->old, p->old_len) : e;
}

enum err accounts_set_password(struct worker *w, const struct accounts_password *p, const char *by, const char **detail)
{
    char key[ACCOUNTS_KEY_SIZE], hash[PASSWORD_HASH_SIZE] = "";
    struct resetting t = {.hash = hash};
    *detail = NULL;
    if (!auth_name_ok(p->name))
        return ERR_NOT_FOUND;
    accounts_key(p->name, key);
    enum err e = p->old == NULL ? ERR_OK : check_old(w, p, detail);
    if (e == ERR_OK && p->fresh_len > 0)
        e = accounts_choose(w, p->name, p->fresh, p->fresh_len, hash, detail);
    if (e == ERR_OK)
        e = sysdoc_alter(w, key, by, reset, &t, NULL);
    if (e == ERR_OK)
        end_sessions(w, p->name, p->keep, t.endings, NULL);
    secret_wipe(hash, sizeof(hash));
    return e;
}

/* Hashes anew what was hashed at yesterday's cost. The document may have changed meanwhile: then another sign-in does it. */
static void renew_hash(struct worker *w, const struct docs_account *a, struct stamp record, const char *password, size_t len)
{
    char key[ACCOUNTS_KEY_SIZE];
    struct docs_account fresh = *a;
    struct json *j = NULL;
    const char *ignored;
    accounts_key(a->name, key);
    enum err e = hasher_hash(w->app->hasher, password, len, fresh.password);
    if (e == ERR_OK)
        e = to_json(&fresh, &j, &ignored);
    if (e == ERR_OK)
        e = sysdoc_write(w, key, j, &record, a->name, NULL);
    if (e != ERR_OK)
        log_write(LOG_INFO, "account", "the password of %s keeps its old hash for now: %s", a->name, err_text(e));
    json_free(j);
}

enum err accounts_verify(struct worker *w, const char *name, const char *password, size_t len, struct docs_account *out)
{
    struct docs_account a = {.disabled = 1};
    struct stamp record;
    enum err e = read_how(w, name, 1, &a, &record);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    int there = e == ERR_OK;
    e = hasher_verify(w->app->hasher, there ? a.password : NULL, password, len);
    if (e == ERR_OK && a.disabled)
        e = ERR_AUTH;
    if (e != ERR_OK)
        return e;
    if (password_stale(a.password))
        renew_hash(w, &a, record, password, len);
    *out = a;
    return ERR_OK;
}

/* ---- removing */

enum err accounts_remove(struct worker *w, const char *name, const char *by, const char **detail)
{
    char key[ACCOUNTS_KEY_SIZE];
    struct docs_account a;
    struct stamp record;
    *detail = NULL;
    enum err e = read_how(w, name, 1, &a, &record);
    if (e == ERR_OK && may_everything(&a))
        e = another_admin(w, name, detail);
    if (e != ERR_OK)
        return e;
    accounts_key(name, key);
    e = sysdoc_remove(w, key, &record, by);
    if (e == ERR_CONFLICT)
        *detail = "The account is being changed by others just now.";
    if (e != ERR_OK)
        return e;
    end_sessions(w, name, NULL, a.endings, NULL);
    /* They open nothing without their account; revoked they stay so even if there is one of this name again. */
    e = tokens_revoke_all(w, name, by);
    if (e != ERR_OK)
        log_write(LOG_WARN, "account", "tokens of %s, which is gone, could not be revoked: %s", name, err_text(e));
    return ERR_OK;
}
