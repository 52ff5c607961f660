/* People in memory: fakes (by the linker) of the services behind signing in, accounts, tokens, links and what waits, for tests of the front and of handlers. What they find is set
 * in `people`; what they were asked is kept there. */
#ifndef RB_TESTS_UNIT_FCGI_PEOPLE_H
#define RB_TESTS_UNIT_FCGI_PEOPLE_H

#include "tests/unit/unit.h"

#include "fcgi/service/audit_view.h"
#include "fcgi/service/joins.h"
#include "fcgi/service/links.h"
#include "fcgi/service/login.h"
#include "fcgi/service/pending.h"
#include "fcgi/service/quota.h"
#include "fcgi/service/rules.h"
#include "fcgi/service/tokens.h"

#include <stdio.h>
#include <string.h>

#define PEOPLE_SECRET "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8" /* the session that is there */
#define PEOPLE_TOKEN "rb_0123456789abcdef_" PEOPLE_SECRET           /* the token that is there */
#define PEOPLE_LINK "l1.89abcdef.0123456789abcdef.1795338732." PEOPLE_SECRET

static struct {
    struct docs_settings settings;
    struct docs_account account; /* "ada": the one that there is; of the session and of the token */
    struct docs_token token;
    struct docs_link link;
    struct docs_pending pending;
    enum err error; /* of every service but the rules and the look-ups of who asks */
    enum err away;  /* of the look-ups of who asks */
    const char *detail;
    char asked[512]; /* by the last call */
    int calls, held; /* calls of services; room taken and not given back */
} people;

static inline void people_reset(void)
{
    memset(&people, 0, sizeof(people));
    docs_settings_default(&people.settings);
    people.settings.rules.public_upload = 1; /* most tests are not about this */
    snprintf(people.account.name, sizeof(people.account.name), "ada");
    people.account.role = ROLE_CONTRIBUTOR;
    people.account.created_at_ms = 1;
    people.account.quota_bytes = DOCS_NO_LIMIT;
    snprintf(people.account.password, sizeof(people.account.password), "$argon2id$");
    people.token = (struct docs_token){.id = "0123456789abcdef", .user = "ada", .label = "l", .acts = ACTS_ALL, .created_at_ms = 1};
    people.link = (struct docs_link){
        .id = "0123456789abcdef", .course = "x", .by = "ada", .created_at_ms = 1, .expires_at_ms = 2, .downloads_max = DOCS_NO_LIMIT};
}

static inline enum err people_asked(const char *what, const char *a, const char *b)
{
    people.calls++;
    snprintf(people.asked, sizeof(people.asked), "%s|%s|%s", what, a ? a : "-", b ? b : "-");
    return people.error;
}

/* ---- rules, login ---- */

struct rules_keeper *rules_new(void)
{
    return NULL;
}

void rules_free(struct rules_keeper *k)
{
    (void)k;
}

enum err rules_read(struct worker *w, struct docs_settings *out)
{
    (void)w;
    *out = people.settings;
    return ERR_OK;
}

enum err rules_read_now(struct worker *w, struct docs_settings *out, struct stamp *record)
{
    *record = STAMP_ZERO;
    return rules_read(w, out);
}

enum err rules_write(struct worker *w, const struct docs_settings *s, struct stamp base, const char *by, struct stamp *record)
{
    (void)w;
    (void)base;
    enum err e = people_asked("rules_write", by, s->n_proxies ? s->proxies[0] : NULL);
    if (!e)
        people.settings = *s;
    *record = (struct stamp){.clock = 1, .process = 1};
    return e;
}

enum err login_begin(struct worker *w, const char *name, const char *password, size_t len, const char *address, struct login *out)
{
    (void)w;
    memset(out, 0, sizeof(*out));
    out->retry_after_s = people.error == ERR_RATE ? 7 : 0;
    enum err e = people_asked("login_begin", name, address);
    if (e || strcmp(name, people.account.name) != 0 || len != 6 || memcmp(password, "secret", 6) != 0)
        return e ? e : ERR_AUTH;
    out->account = people.account;
    out->ends_at_ms = UINT64_C(4102444800000);
    snprintf(out->secret, sizeof(out->secret), "%s", PEOPLE_SECRET);
    return ERR_OK;
}

enum err login_look(struct worker *w, const char *secret, struct login *out)
{
    (void)w;
    memset(out, 0, sizeof(*out));
    out->account = people.account;
    out->ends_at_ms = UINT64_C(4102444800000);
    if (people.away)
        return people.away;
    return strcmp(secret, PEOPLE_SECRET) == 0 && !people.account.disabled ? ERR_OK : ERR_AUTH;
}

enum err login_end(struct worker *w, const char *secret)
{
    (void)w;
    return people_asked("login_end", secret, NULL);
}

enum err login_end_all(struct worker *w, const char *name, const char *keep, uint64_t *ended)
{
    (void)w;
    if (ended)
        *ended = 1;
    return people_asked("login_end_all", name, keep);
}

/* ---- accounts ---- */

enum err accounts_read(struct worker *w, const char *name, struct docs_account *out, struct stamp *record)
{
    (void)w;
    if (people.away)
        return people.away;
    if (strcmp(name, people.account.name) != 0)
        return ERR_NOT_FOUND;
    *out = people.account;
    if (record)
        *record = (struct stamp){.clock = 5, .process = 6};
    return ERR_OK;
}

enum err accounts_list(struct worker *w, const char *after, unsigned limit, struct accounts_page *out)
{
    char text[16];
    snprintf(text, sizeof(text), "%u", limit);
    enum err e = people_asked("accounts_list", after, text);
    *out = (struct accounts_page){.items = arena_alloc(&w->arena, sizeof(*out->items)), .n = 1, .next = "ada"};
    assert_non_null(out->items);
    out->items[0] = people.account;
    return e;
}

enum err accounts_create(struct worker *w, const struct accounts_new *in, const char *by, struct docs_account *out, const char **detail)
{
    (void)w;
    *detail = people.detail;
    *out = people.account;
    snprintf(out->name, sizeof(out->name), "%s", in->name);
    out->role = in->role;
    out->scopes = in->scopes;
    return people_asked("accounts_create", in->name, by);
}

enum err accounts_change(struct worker *w, const char *name, const struct accounts_change *change, const struct stamp *base, const char *by,
    struct docs_account *out, struct stamp *record, const char **detail)
{
    (void)w;
    (void)by;
    char what[16];
    snprintf(what, sizeof(what), "%u%s", change->what, base ? " if" : "");
    *detail = people.detail;
    *out = people.account;
    *record = (struct stamp){.clock = 7, .process = 8};
    return people_asked("accounts_change", name, what);
}

enum err accounts_set_password(struct worker *w, const struct accounts_password *p, const char *by, const char **detail)
{
    (void)w;
    (void)by;
    *detail = people.detail;
    return people_asked("accounts_set_password", p->old, p->fresh);
}

enum err accounts_verify(struct worker *w, const char *name, const char *password, size_t len, struct docs_account *out)
{
    (void)w;
    (void)password;
    (void)len;
    *out = people.account;
    return people_asked("accounts_verify", name, NULL);
}

enum err accounts_remove(struct worker *w, const char *name, const char *by, const char **detail)
{
    (void)w;
    *detail = people.detail;
    return people_asked("accounts_remove", name, by);
}

enum err accounts_versions(struct worker *w, const char *name, const char *after, unsigned limit, struct accounts_versions *out)
{
    (void)limit;
    enum err e = people_asked("accounts_versions", name, after);
    if (e)
        return e;
    *out = (struct accounts_versions){.items = arena_alloc(&w->arena, sizeof(*out->items)), .n = 1};
    assert_non_null(out->items);
    assert_ok(record_init(&out->items[0].record));
    assert_ok(record_set(&out->items[0].record.course, "A/B 1"));
    out->items[0].record.id = (struct stamp){.clock = 9, .process = 9};
    out->items[0].live = 1;
    return ERR_OK;
}

void accounts_versions_release(struct accounts_versions *v)
{
    for (size_t i = 0; i < v->n; i++)
        record_release(&v->items[i].record);
}

enum err accounts_erase(struct worker *w, const char *name, const char *by, struct accounts_erased *out)
{
    (void)w;
    *out = (struct accounts_erased){.versions = 3, .failed = 1};
    return people_asked("accounts_erase", name, by);
}

enum err accounts_admin_parse(const char *text, size_t len, struct accounts_admin *out)
{
    (void)text;
    (void)len;
    memset(out, 0, sizeof(*out));
    return ERR_OK;
}

enum err accounts_bootstrap(struct worker *w, const struct accounts_admin *in)
{
    (void)w;
    return people_asked("accounts_bootstrap", in->name, NULL);
}

/* ---- tokens ---- */

enum err tokens_use(struct worker *w, const char *text, size_t len, struct docs_token *token, struct docs_account *account)
{
    (void)w;
    if (people.away)
        return people.away;
    if (len != strlen(PEOPLE_TOKEN) || memcmp(text, PEOPLE_TOKEN, len) != 0)
        return ERR_AUTH;
    *token = people.token;
    *account = people.account;
    return ERR_OK;
}

enum err tokens_make(struct worker *w, const struct tokens_new *in, const char *by, struct docs_token *out, char text[SECRET_TOKEN_SIZE],
    const char **detail)
{
    (void)w;
    *detail = people.detail;
    *out = people.token;
    out->acts = in->acts;
    out->scopes = in->scopes;
    snprintf(text, SECRET_TOKEN_SIZE, "%s", PEOPLE_TOKEN);
    return people_asked("tokens_make", in->user, by);
}

enum err tokens_list(struct worker *w, const char *user, const char *after, unsigned limit, struct tokens_page *out)
{
    (void)limit;
    *out = (struct tokens_page){.items = arena_alloc(&w->arena, sizeof(*out->items)), .n = 1};
    assert_non_null(out->items);
    out->items[0].token = people.token;
    return people_asked("tokens_list", user, after);
}

enum err tokens_revoke(struct worker *w, const char *id, const char *user, const char *by)
{
    (void)w;
    (void)by;
    return people_asked("tokens_revoke", id, user);
}

/* ---- links ---- */

enum err links_make(
    struct worker *w, const struct links_new *in, const char *by, struct docs_link *out, char text[LINK_TEXT_SIZE], const char **detail)
{
    (void)w;
    *detail = people.detail;
    *out = people.link;
    snprintf(text, LINK_TEXT_SIZE, "%s", PEOPLE_LINK);
    return people_asked("links_make", in->course, by);
}

enum err links_open(
    struct worker *w, const char *text, size_t len, const char *password, size_t password_len, int count, struct docs_link *out)
{
    (void)w;
    (void)password_len;
    *out = people.link;
    enum err e = people_asked(count ? "links_open counted" : "links_open", text, password);
    return e ? e : len == strlen(PEOPLE_LINK) && memcmp(text, PEOPLE_LINK, len) == 0 ? ERR_OK : ERR_DENIED;
}

enum err links_list(struct worker *w, const char *course, const char *after, unsigned limit, struct links_page *out)
{
    (void)limit;
    *out = (struct links_page){.items = arena_alloc(&w->arena, 2 * sizeof(*out->items)), .n = 2};
    assert_non_null(out->items);
    out->items[0].link = out->items[1].link = people.link;
    snprintf(out->items[1].link.by, sizeof(out->items[1].link.by), "bob");
    return people_asked("links_list", course, after);
}

enum err links_read(struct worker *w, const char *id, struct docs_link *out)
{
    (void)w;
    *out = people.link;
    return strcmp(id, people.link.id) == 0 ? ERR_OK : ERR_NOT_FOUND;
}

enum err links_revoke(struct worker *w, const char *id, const char *by)
{
    (void)w;
    return people_asked("links_revoke", id, by);
}

enum err links_rotate(struct worker *w, const char *by)
{
    (void)w;
    return people_asked("links_rotate", by, NULL);
}

/* ---- what waits ---- */

enum err pending_upload(struct worker *w, const struct upload_input *in, char id[PENDING_ID_SIZE], struct upload_result *out)
{
    (void)w;
    memset(out, 0, sizeof(*out));
    enum err e = people_asked("pending_upload", in->key, in->uploader);
    if (e)
        return e;
    snprintf(id, PENDING_ID_SIZE, "%032d", 7);
    assert_ok(record_init(&out->record));
    return ERR_OK;
}

void pending_release(struct pending *p)
{
    docs_pending_release(&p->doc);
}

/* One upload by ada, to the course "x". */
enum err pending_read(struct worker *w, const char *id, struct pending *out)
{
    (void)w;
    if (strcmp(id, "00000000000000000000000000000007") != 0)
        return ERR_NOT_FOUND;
    memset(out, 0, sizeof(*out));
    snprintf(out->id, sizeof(out->id), "%s", id);
    assert_ok(record_init(&out->doc.record));
    assert_ok(record_set(&out->doc.record.key, "x"));
    assert_ok(record_set(&out->doc.record.uploader, "ada"));
    out->doc.record.id = (struct stamp){.clock = 3, .process = 3};
    return ERR_OK;
}

void pending_key(const char *id, char out[PENDING_KEY_SIZE])
{
    snprintf(out, PENDING_KEY_SIZE, "%s%s", DOCS_PENDING_PREFIX, id);
}

enum err pending_list(struct worker *w, const char *after, unsigned limit, const char *uploader, int decided, struct pending_page *out)
{
    (void)limit;
    (void)decided;
    enum err e = people_asked("pending_list", after, uploader);
    if (e)
        return e;
    *out = (struct pending_page){.items = arena_alloc(&w->arena, sizeof(*out->items)), .n = 1};
    assert_non_null(out->items);
    assert_ok(pending_read(w, "00000000000000000000000000000007", out->items));
    return ERR_OK;
}

void pending_page_release(struct pending_page *p)
{
    for (size_t i = 0; i < p->n; i++)
        pending_release(&p->items[i]);
}

enum err pending_accept(struct worker *w, const char *id, const char *by, struct upload_result *out)
{
    (void)w;
    memset(out, 0, sizeof(*out));
    enum err e = people_asked("pending_accept", id, by);
    if (!e)
        assert_ok(record_init(&out->record));
    return e;
}

enum err pending_reject(struct worker *w, const char *id, const char *by, const char *reason)
{
    (void)w;
    (void)by;
    return people_asked("pending_reject", id, reason);
}

/* ---- the rest ---- */

enum err quota_take(struct worker *w, const struct docs_account *account, const struct docs_settings *s, uint64_t bytes,
    struct quota_hold *out, const char **detail)
{
    (void)w;
    memset(out, 0, sizeof(*out));
    *detail = people.detail;
    if (!account || s->quota_user_bytes == DOCS_NO_LIMIT || bytes <= s->quota_user_bytes) {
        people.held++;
        return ERR_OK;
    }
    return ERR_FULL;
}

void quota_give(struct worker *w, struct quota_hold *h)
{
    (void)w;
    (void)h;
    people.held--;
}

enum err quota_read(struct worker *w, const struct docs_account *account, const struct docs_settings *s, struct quota *out)
{
    (void)w;
    (void)account;
    *out = (struct quota){.used = 5, .limit = s->quota_user_bytes, .known = 1};
    return ERR_OK;
}

enum err joins_use(struct worker *w, const struct joins_claim *in, struct buf *sealed, char node[RING_ID_MAX], const char **detail)
{
    (void)w;
    *detail = people.detail;
    snprintf(node, RING_ID_MAX, "lab-7.0000000000000001");
    enum err e = people_asked("joins_use", in->id, in->claim);
    return e ? e : buf_add(sealed, "\x01\xff", 2);
}

enum err joins_make(
    struct worker *w, const struct joins_new *in, const char *by, struct docs_join *out, char text[SECRET_TOKEN_SIZE], const char **detail)
{
    (void)w;
    *detail = people.detail;
    *out = (struct docs_join){.id = "0123456789abcdef", .expires_at_ms = in->expires_at_ms};
    snprintf(out->node, sizeof(out->node), "%s", in->node);
    snprintf(text, SECRET_TOKEN_SIZE, "rbj_0123456789abcdef_" PEOPLE_SECRET);
    return people_asked("joins_make", in->node, by);
}

enum err audit_view_read(struct worker *w, const char *after, unsigned limit, struct json *items, char next[AUDIT_VIEW_CURSOR_SIZE])
{
    (void)w;
    (void)limit;
    json_append(items, json_object());
    snprintf(next, AUDIT_VIEW_CURSOR_SIZE, "n");
    return people_asked("audit_view", after, NULL);
}

enum err audit_view_verify(struct worker *w, struct json **out)
{
    (void)w;
    *out = json_object();
    json_set_bool(*out, "whole", 1);
    return people_asked("audit_verify", NULL, NULL);
}

#endif
