#include "fcgi/service/tokens.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/store/sys.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define KEY_SIZE (sizeof(DOCS_TOKEN_PREFIX) + AUTH_ID_SIZE - 1)
#define PAGE_MAX 200u
#define USED_KEPT_S (400u * 86400u)
#define STRANGE "The label, the acts, the scopes or the end of the token are not as they have to be."

static void make_key(const char *id, char out[KEY_SIZE])
{
    snprintf(out, KEY_SIZE, DOCS_TOKEN_PREFIX "%s", id);
}

static void make_use(const char *id, char out[32])
{
    snprintf(out, 32, "token:%s", id);
}

static enum err parse(const struct sysdoc *d, struct docs_token *out)
{
    enum err e = docs_token_from_json(d->doc, out);
    return e == ERR_SYNTAX ? ERR_INVALID : e;
}

enum err tokens_read(struct worker *w, const char *id, struct docs_token *out, struct stamp *record)
{
    char key[KEY_SIZE];
    struct sysdoc d;
    make_key(id, key);
    enum err e = sysdoc_read(w, key, &d);
    if (e != ERR_OK)
        return e;
    e = parse(&d, out);
    if (e == ERR_OK && record != NULL)
        *record = d.record;
    sysdoc_release(&d);
    return e;
}

/* ---- making */

/* ERR_CONFLICT when the account has as many as it may. Without the index nobody can count, and it is not for that that a token is refused. */
static enum err has_room(struct worker *w, const char *user)
{
    struct sysdoc_keys keys;
    enum err e = sysdoc_list_by(w, user, DOCS_TOKEN_PREFIX, "", 4 * TOKENS_PER_USER_MAX, &keys);
    if (e == ERR_UNAVAILABLE || e == ERR_STALE_INDEX)
        return ERR_OK;
    if (e != ERR_OK)
        return e;
    size_t live = 0;
    for (size_t i = 0; i < keys.n && live < TOKENS_PER_USER_MAX; i++) {
        struct docs_token t;
        e = tokens_read(w, keys.key[i] + strlen(DOCS_TOKEN_PREFIX), &t, NULL);
        live += e == ERR_OK && !t.revoked;
    }
    return live >= TOKENS_PER_USER_MAX ? ERR_CONFLICT : ERR_OK;
}

/* Its maker in the record is the account it belongs to, so that it is found with what is theirs; who asked for it stands in the audit log. */
static enum err write_new(struct worker *w, const struct docs_token *t, const char **detail)
{
    char key[KEY_SIZE];
    struct docs_token checked;
    struct json *j = docs_token_to_json(t);
    enum err e = j == NULL ? ERR_NOMEM : docs_token_from_json(j, &checked);
    if (e == ERR_SYNTAX || e == ERR_INVALID) {
        *detail = STRANGE;
        e = ERR_INVALID;
    }
    make_key(t->id, key);
    if (e == ERR_OK)
        e = sysdoc_write(w, key, j, NULL, t->user, NULL);
    json_free(j);
    return e;
}

static enum err make(
    struct worker *w, const struct tokens_new *in, struct docs_token *out, char text[SECRET_TOKEN_SIZE], const char **detail)
{
    struct docs_token t = {.acts = in->acts, .scopes = in->scopes, .created_at_ms = clock_unix_ms(), .expires_at_ms = in->expires_at_ms};
    if (strlen(in->label) >= sizeof(t.label) || (in->expires_at_ms != 0 && in->expires_at_ms <= t.created_at_ms)) {
        *detail = STRANGE;
        return ERR_INVALID;
    }
    snprintf(t.user, sizeof(t.user), "%s", in->user);
    snprintf(t.label, sizeof(t.label), "%s", in->label);
    if (text[0] == '\0')
        secret_token_new(SECRET_API, t.id, text);
    else if (secret_token_parse(SECRET_API, text, strlen(text), t.id) != ERR_OK)
        return ERR_INVALID;
    secret_digest(text, t.digest);
    enum err e = write_new(w, &t, detail);
    if (e == ERR_OK)
        *out = t;
    return e;
}

enum err tokens_make(struct worker *w, const struct tokens_new *in, const char *by, struct docs_token *out, char text[SECRET_TOKEN_SIZE],
    const char **detail)
{
    struct docs_account a;
    (void)by; /* see write_new() */
    *detail = NULL;
    text[0] = '\0';
    enum err e = accounts_read(w, in->user, &a, NULL);
    if (e == ERR_OK)
        e = has_room(w, in->user);
    if (e == ERR_CONFLICT)
        *detail = "This account has as many tokens as it may: revoke one that is not used any more.";
    return e == ERR_OK ? make(w, in, out, text, detail) : e;
}

enum err tokens_adopt(struct worker *w, const struct tokens_new *in, const char *text)
{
    char copy[SECRET_TOKEN_SIZE];
    struct docs_token ignored;
    const char *detail;
    if ((size_t)snprintf(copy, sizeof(copy), "%s", text) >= sizeof(copy) || copy[0] == '\0')
        return ERR_INVALID;
    enum err e = make(w, in, &ignored, copy, &detail);
    secret_wipe(copy, sizeof(copy));
    return e;
}

/* ---- using */

static void note_use(struct worker *w, const char *id)
{
    char what[32];
    struct store *s = worker_store(w);
    make_use(id, what);
    /* Lost when it fails: nothing depends on it. */
    if (s != NULL && worker_store_said(w, sys_use(s, what, TOKENS_USED_EVERY_S, USED_KEPT_S)) != ERR_OK)
        log_write(LOG_DEBUG, "token", "the use of %s was not noted", id);
}

enum err tokens_use(struct worker *w, const char *text, size_t len, struct docs_token *token, struct docs_account *account)
{
    char id[AUTH_ID_SIZE], copy[SECRET_TOKEN_SIZE];
    struct docs_token t;
    struct docs_account a;
    enum err e = secret_token_parse(SECRET_API, text, len, id);
    if (e != ERR_OK)
        return e;
    e = tokens_read(w, id, &t, NULL);
    if (e == ERR_OK) {
        memcpy(copy, text, len); /* the parse has checked its length */
        copy[len] = '\0';
        e = secret_matches(copy, t.digest) ? ERR_OK : ERR_AUTH;
        secret_wipe(copy, sizeof(copy));
    }
    if (e == ERR_OK)
        e = accounts_read(w, t.user, &a, NULL);
    if (e == ERR_NOT_FOUND)
        return ERR_AUTH;
    if (e == ERR_OK)
        e = docs_token_usable(&a, &t, clock_unix_ms());
    /* A token that is older than its account was somebody else's of that name. */
    if (e == ERR_OK && t.created_at_ms + HLC_SKEW_MAX_MS < a.created_at_ms)
        e = ERR_AUTH;
    if (e != ERR_OK)
        return e;
    note_use(w, id);
    *token = t;
    *account = a;
    return ERR_OK;
}

/* ---- lists */

static uint64_t used_at(struct worker *w, const char *id)
{
    char what[32];
    uint64_t at_ms = 0;
    struct store *s = worker_store(w);
    make_use(id, what);
    if (s == NULL || worker_store_said(w, sys_used(s, what, &at_ms)) != ERR_OK)
        return 0;
    return at_ms;
}

enum err tokens_list(struct worker *w, const char *user, const char *after, unsigned limit, struct tokens_page *out)
{
    char place[KEY_SIZE] = "";
    struct sysdoc_keys keys;
    struct tokens_page page = {.n = 0};
    assert(limit >= 1 && limit <= PAGE_MAX);
    if (after[0] != '\0')
        make_key(after, place);
    enum err e = user == NULL ? sysdoc_list(w, DOCS_TOKEN_PREFIX, place, limit, &keys)
                              : sysdoc_list_by(w, user, DOCS_TOKEN_PREFIX, place, limit, &keys);
    if (e != ERR_OK)
        return e;
    page.items = arena_alloc(&w->arena, (keys.n + 1) * sizeof(*page.items));
    if (page.items == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < keys.n; i++) {
        struct tokens_one *one = &page.items[page.n];
        const char *id = keys.key[i] + strlen(DOCS_TOKEN_PREFIX);
        e = tokens_read(w, id, &one->token, NULL);
        if (e != ERR_OK && e != ERR_NOT_FOUND && e != ERR_INVALID)
            return e;
        if (e != ERR_OK || (user != NULL && strcmp(one->token.user, user) != 0))
            continue;
        one->used_at_ms = used_at(w, id);
        page.n++;
    }
    if (keys.more)
        page.next = keys.key[keys.n - 1] + strlen(DOCS_TOKEN_PREFIX);
    *out = page;
    return ERR_OK;
}

/* ---- revoking */

static enum err revoke(const struct sysdoc *old, void *ctx, struct json **out)
{
    const char *user = ctx;
    struct docs_token t;
    if (old == NULL)
        return ERR_NOT_FOUND;
    enum err e = parse(old, &t);
    if (e != ERR_OK)
        return e;
    if (user != NULL && strcmp(t.user, user) != 0)
        return ERR_NOT_FOUND;
    if (t.revoked)
        return ERR_OK;
    t.revoked = 1;
    *out = docs_token_to_json(&t);
    return *out == NULL ? ERR_NOMEM : ERR_OK;
}

enum err tokens_revoke(struct worker *w, const char *id, const char *user, const char *by)
{
    char key[KEY_SIZE];
    union {
        const char *in;
        void *out;
    } whose = {.in = user};
    make_key(id, key);
    return sysdoc_alter(w, key, by, revoke, whose.out, NULL);
}

enum err tokens_revoke_all(struct worker *w, const char *user, const char *by)
{
    const char *after = "";
    enum err worst = ERR_OK;
    while (after != NULL) {
        struct tokens_page page;
        enum err e = tokens_list(w, user, after, PAGE_MAX, &page);
        if (e != ERR_OK)
            return e;
        for (size_t i = 0; i < page.n; i++) {
            e = page.items[i].token.revoked ? ERR_OK : tokens_revoke(w, page.items[i].token.id, user, by);
            worst = worst == ERR_OK ? e : worst;
        }
        after = page.next;
    }
    return worst;
}
