/* /users: accounts. Who keeps the accounts may all of it; everybody may see their own, name themselves, set their password and leave. */
#include "fcgi/handler/allow.h"
#include "fcgi/handler/handlers.h"
#include "fcgi/handler/inputs.h"
#include "fcgi/handler/people.h"
#include "fcgi/service/quota.h"

#include <stdio.h>
#include <string.h>

static const char *asker_name(const struct request *r)
{
    return request_asker(r)->who.name;
}

static void add_etag(struct request *r, struct stamp record)
{
    char id[STAMP_HEX_SIZE], tag[STAMP_HEX_SIZE + 2];
    stamp_hex(record, id);
    snprintf(tag, sizeof(tag), "\"%s\"", id);
    response_header(r, "ETag", tag);
}

void users_get_all(struct request *r)
{
    struct people_page wish;
    struct accounts_page page;
    if (people_read_page(r, &wish))
        return;
    enum err e = accounts_list(request_worker(r), wish.after, wish.limit, &page);
    if (e) {
        people_send_no_list(r, e);
        return;
    }
    struct json *items = json_array();
    for (size_t i = 0; i < page.n; i++)
        json_append(items, people_account(&page.items[i]));
    people_send_page(r, items, page.next);
}

/* ---- a new one ---- */

static void read_role(struct posted *p, enum posted_need need, enum role *out)
{
    const char *text = posted_text(p, "role", need, POSTED_BYTES_MAX);
    if (text && (role_parse(text, out) || *out == ROLE_NOBODY))
        posted_fail(p, ERR_INVALID, "“role” is reader, contributor, maintainer or admin.");
}

static void read_name(struct posted *p, char name[AUTH_NAME_SIZE])
{
    const char *typed = posted_text(p, "name", POSTED_MUST, POSTED_BYTES_MAX);
    if (typed && auth_name(typed, strlen(typed), name))
        posted_fail(p, ERR_INVALID, "“name” has 1 to 64 of a–z, 0–9 and . _ @ + -, beginning with a letter or digit.");
}

static void send_change(struct request *r, enum err e, const char *detail, const struct docs_account *account, int status)
{
    if (e) {
        response_problem(r, e, detail);
        return;
    }
    request_note_detail(r, account->name);
    response_json(r, status, people_account(account));
}

void users_post(struct request *r)
{
    struct posted p;
    struct docs_account made;
    char name[AUTH_NAME_SIZE] = "", shown[DOCS_SHOWN_SIZE];
    struct accounts_new in = {.name = name, .shown = shown, .role = ROLE_READER};
    const char *detail = NULL;
    if (posted_open(&p, r, "name shown role scopes password known quota_bytes"))
        return;
    read_name(&p, name);
    posted_words(&p, "shown", POSTED_MAY, DOCS_SHOWN_CHARS_MAX, shown, sizeof(shown));
    read_role(&p, POSTED_MUST, &in.role);
    people_read_scopes(&p, POSTED_MAY, &in.scopes);
    in.password = posted_text(&p, "password", POSTED_MAY, POSTED_BYTES_MAX);
    in.password_len = in.password ? strlen(in.password) : 0;
    in.known = posted_flag(&p, "known", POSTED_MAY, 0);
    in.quota_bytes = people_read_limit(&p, "quota_bytes", POSTED_MAY, 0, DOCS_NO_LIMIT);
    if (!posted_check(&p)) {
        enum err e = accounts_create(request_worker(r), &in, asker_name(r), &made, &detail);
        send_change(r, e, e == ERR_CONFLICT && !detail ? "There is an account of this name." : detail, &made, 201);
    }
    posted_close(&p);
}

/* ---- one ---- */

static struct json *quota_json(const struct quota *q)
{
    struct json *j = json_object();
    people_set_limit(j, "used", q->known ? q->used : DOCS_NO_LIMIT);
    people_set_limit(j, "limit", q->limit);
    return j;
}

void users_get(struct request *r)
{
    char name[AUTH_NAME_SIZE];
    struct docs_account account;
    struct stamp record;
    struct quota quota;
    if (allow_account(r, name))
        return;
    enum err e = accounts_read(request_worker(r), name, &account, &record);
    if (!e)
        e = quota_read(request_worker(r), &account, &request_asker(r)->settings, &quota);
    if (e) {
        response_problem(r, e, e == ERR_NOT_FOUND ? "There is no such account." : NULL);
        return;
    }
    struct json *j = people_account(&account);
    json_set(j, "quota", quota_json(&quota));
    add_etag(r, record);
    response_json(r, 200, j);
}

/* One's own name is one's own; all else is for who keeps the accounts. */
#define OWN_MEMBERS "shown"
#define ALL_MEMBERS "shown role scopes disabled known quota_bytes"

static void read_change(struct posted *p, char shown[DOCS_SHOWN_SIZE], struct accounts_change *out)
{
    static const struct {
        const char *name;
        unsigned bit;
    } members[] = {{"shown", ACCOUNTS_SHOWN}, {"role", ACCOUNTS_ROLE}, {"scopes", ACCOUNTS_SCOPES}, {"disabled", ACCOUNTS_DISABLED},
        {"known", ACCOUNTS_KNOWN}, {"quota_bytes", ACCOUNTS_QUOTA}};
    *out = (struct accounts_change){.shown = shown, .role = ROLE_READER};
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        out->what |= posted_has(p, members[i].name) ? members[i].bit : 0;
    posted_words(p, "shown", POSTED_MAY, DOCS_SHOWN_CHARS_MAX, shown, DOCS_SHOWN_SIZE);
    if (out->what & ACCOUNTS_ROLE)
        read_role(p, POSTED_MUST, &out->role);
    people_read_scopes(p, out->what & ACCOUNTS_SCOPES ? POSTED_MUST : POSTED_MAY, &out->scopes);
    out->disabled = posted_flag(p, "disabled", out->what & ACCOUNTS_DISABLED ? POSTED_MUST : POSTED_MAY, 0);
    out->known = posted_flag(p, "known", out->what & ACCOUNTS_KNOWN ? POSTED_MUST : POSTED_MAY, 0);
    out->quota_bytes = people_read_limit(p, "quota_bytes", POSTED_MAY, 0, DOCS_NO_LIMIT);
    if (out->what == 0)
        posted_fail(p, ERR_SYNTAX, "The body names nothing to change.");
}

/* If-Match: the account's ETag, or nothing. After an error the problem is answered already. */
static enum err read_base(struct request *r, struct stamp *base, int *has)
{
    struct inputs_condition c;
    const char *detail = NULL;
    enum err e = inputs_condition(request_header(r, "If-Match"), NULL, &c, &detail);
    if (!e && c.match != MATCH_NOTHING && c.match != MATCH_RECORD) {
        e = ERR_SYNTAX;
        detail = "If-Match takes the ETag of the account.";
    }
    *base = c.record;
    *has = c.match == MATCH_RECORD;
    if (e)
        response_problem(r, e, detail);
    return e;
}

void users_patch(struct request *r)
{
    struct posted p;
    struct accounts_change change;
    struct docs_account account;
    struct stamp base, record;
    char name[AUTH_NAME_SIZE], shown[DOCS_SHOWN_SIZE];
    const char *detail = NULL;
    int has_base;
    if (allow_account(r, name) || read_base(r, &base, &has_base) ||
        posted_open(&p, r, allow_whole(r, ACT_ACCOUNTS) ? ALL_MEMBERS : OWN_MEMBERS))
        return;
    read_change(&p, shown, &change);
    if (!posted_check(&p)) {
        enum err e = accounts_change(request_worker(r), name, &change, has_base ? &base : NULL, asker_name(r), &account, &record, &detail);
        if (!e)
            add_etag(r, record);
        send_change(r, e, e == ERR_NOT_FOUND ? "There is no such account." : detail, &account, 200);
    }
    posted_close(&p);
}

void users_delete(struct request *r)
{
    char name[AUTH_NAME_SIZE];
    const char *detail = NULL;
    if (allow_account(r, name))
        return;
    enum err e = accounts_remove(request_worker(r), name, asker_name(r), &detail);
    if (e) {
        response_problem(r, e, e == ERR_NOT_FOUND ? "There is no such account." : detail);
        return;
    }
    if (allow_is_self(r, name) && request_asker(r)->who.how == HOW_SESSION)
        request_drop_cookie(r);
    response_empty(r, 204);
}

/* ---- password ---- */

/* Whose own password it is has to know the present one. Where there is none yet (the proxy signs them in) a token will not do: it would make itself more than it is. */
static enum err check_old(struct posted *p, int is_self, const char *old)
{
    const struct asker *a = request_asker(p->r);
    if (!is_self || old)
        return ERR_OK;
    if (*a->account.password || a->who.how == HOW_TOKEN)
        posted_fail(p, ERR_DENIED, "The present password is missing: “old”.");
    return p->error;
}

static void set_password(struct request *r, struct posted *p, const char *name)
{
    const struct asker *a = request_asker(r);
    char keep[HASH_HEX_SIZE];
    const char *detail = NULL;
    struct accounts_password in = {.name = name, .old = posted_text(p, "old", POSTED_MAY, POSTED_BYTES_MAX)};
    int is_self = allow_is_self(r, name), none = posted_has(p, "new") && !is_self;
    in.fresh = posted_text(p, "new", none ? POSTED_MAY : POSTED_MUST, POSTED_BYTES_MAX);
    in.old_len = in.old ? strlen(in.old) : 0;
    in.fresh_len = in.fresh ? strlen(in.fresh) : 0;
    if (in.fresh && in.fresh_len == 0)
        posted_fail(p, ERR_INVALID, "“new” is empty.");
    if (is_self && a->who.how == HOW_SESSION) {
        secret_digest(a->session, keep);
        in.keep = keep;
    }
    enum err ignored = check_old(p, is_self, in.old);
    (void)ignored; /* remembered in p */
    if (posted_check(p))
        return;
    enum err e = accounts_set_password(request_worker(r), &in, asker_name(r), &detail);
    if (e == ERR_AUTH)
        response_problem(r, ERR_DENIED, "The present password is another one.");
    else if (e)
        response_problem(r, e, e == ERR_NOT_FOUND ? "There is no such account." : detail);
    else
        response_empty(r, 204);
}

void users_put_password(struct request *r)
{
    struct posted p;
    char name[AUTH_NAME_SIZE];
    if (allow_account(r, name) || posted_open(&p, r, "old new"))
        return;
    set_password(r, &p, name);
    posted_close(&p);
}
