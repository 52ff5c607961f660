/* POST, GET and DELETE /session, DELETE /sessions. */
#include "fcgi/handler/allow.h"
#include "fcgi/handler/handlers.h"
#include "fcgi/handler/people.h"
#include "fcgi/handler/posted.h"
#include "fcgi/handler/shapes.h"
#include "fcgi/service/login.h"
#include "lib/auth/cookie.h"
#include "lib/auth/csrf.h"
#include "lib/base/clock.h"

#include <stdio.h>
#include <string.h>

#define COOKIE_VALUE_MAX 256

/* A name that no account can have; signing in with it takes as long as with any other. */
#define NOBODYS_NAME "-"

static struct json *rules_json(const struct rules *rules)
{
    struct json *j = json_object();
    json_set_bool(j, "public_read", rules->public_read);
    json_set_bool(j, "public_upload", rules->public_upload);
    json_set_bool(j, "moderate", rules->moderate);
    return j;
}

/* What they may do for some course at least: for a page that shows only what leads somewhere. */
static struct json *may_json(const struct who *who, const struct rules *rules)
{
    uint32_t acts = 0;
    for (enum act a = ACT_READ; a < ACT_COUNT; a++)
        acts |= auth_may(who, a, rules, NULL, NULL) == AUTH_ALLOWED ? ACT_BIT(a) : 0;
    return people_acts(acts);
}

static struct json *session_json(
    const struct who *who, const struct docs_account *account, const struct rules *rules, const char *secret, uint64_t ends_at_ms)
{
    char csrf[CSRF_SIZE];
    struct json *j = json_object();
    int somebody = who->how != HOW_NOBODY;
    json_set_str(j, "user", somebody ? who->name : NULL);
    json_set_str(j, "shown", !somebody ? NULL : *account->shown ? account->shown : account->name);
    json_set_str(j, "role", role_name(somebody ? who->role : ROLE_NOBODY));
    json_set(j, "scopes", people_scopes(&who->scopes));
    json_set_str(j, "how", how_name(who->how));
    json_set(j, "may", may_json(who, rules));
    if (*secret)
        csrf_make(secret, csrf);
    json_set_str(j, "csrf", *secret ? csrf : NULL);
    shapes_set_time(j, "ends_at", ends_at_ms);
    json_set(j, "rules", rules_json(rules));
    return j;
}

static enum err give_cookie(struct request *r, const struct login *login)
{
    uint64_t now_ms = clock_unix_ms();
    struct buf value;
    buf_init(&value, COOKIE_VALUE_MAX);
    uint64_t left_s = login->ends_at_ms > now_ms ? (login->ends_at_ms - now_ms) / 1000 : 1;
    enum err e = cookie_print(&value, who_is_tls(r), login->secret, left_s);
    if (!e)
        response_header(r, "Set-Cookie", buf_str(&value));
    secret_wipe(value.data, value.len);
    buf_release(&value);
    return e;
}

static void send_signed_in(struct request *r, const struct login *login)
{
    const struct asker *before = request_asker(r);
    struct who who;
    if (*before->session && login_end(request_worker(r), before->session))
        request_note_detail(r, "the session before it goes on"); /* it ends by itself, and is of no use to the one that begins */
    docs_who(&login->account, HOW_SESSION, &who);
    enum err e = give_cookie(r, login);
    if (e)
        response_problem(r, e, NULL);
    else
        response_json(r, 201, session_json(&who, &login->account, &before->settings.rules, login->secret, login->ends_at_ms));
}

static void send_refusal(struct request *r, enum err e, const struct login *login)
{
    char seconds[16];
    if (request_asker(r)->is_bad_cookie)
        request_drop_cookie(r);
    if (login->retry_after_s > 0) {
        snprintf(seconds, sizeof(seconds), "%u", login->retry_after_s);
        response_header(r, "Retry-After", seconds);
    }
    response_problem(r, e,
        e == ERR_AUTH               ? "Name or password is wrong."
        : e == ERR_RATE             ? "Too many tries. Wait a moment."
        : err_http_status(e) == 503 ? "Nobody can sign in just now. Try again shortly; tokens work."
                                    : NULL);
}

void session_post(struct request *r)
{
    struct posted p;
    struct login login;
    char name[AUTH_NAME_SIZE];
    if (request_find_who(r))
        return;
    if (!who_may_sign_in(r)) {
        request_refuse(r, ERR_DENIED, "Signing in takes https: over plain http others could read along.");
        return;
    }
    if (posted_open(&p, r, "name password"))
        return;
    const char *typed = posted_text(&p, "name", POSTED_MUST, POSTED_BYTES_MAX);
    const char *password = posted_text(&p, "password", POSTED_MUST, POSTED_BYTES_MAX);
    if (!posted_check(&p)) {
        if (auth_name(typed, strlen(typed), name))
            snprintf(name, sizeof(name), NOBODYS_NAME);
        request_note_who(r, arena_strdup(request_arena(r), name));
        enum err e = login_begin(request_worker(r), name, password, strlen(password), who_address(r), &login);
        if (e)
            send_refusal(r, e, &login);
        else
            send_signed_in(r, &login);
        secret_wipe(&login, sizeof(login));
    }
    posted_close(&p);
}

void session_get(struct request *r)
{
    if (request_find_who(r))
        return;
    const struct asker *a = request_asker(r);
    if (a->is_bad_cookie)
        request_drop_cookie(r);
    struct json *j = session_json(&a->who, &a->account, &a->settings.rules, a->session, a->ends_at_ms);
    json_set_bool(j, "unsure", a->is_unsure);
    response_json(r, 200, j);
}

void session_delete(struct request *r)
{
    const struct asker *a = request_asker(r);
    if (a->who.how != HOW_SESSION) {
        response_problem(
            r, ERR_CONFLICT, "This request comes with a token, or through a proxy that signs people in: there is no session to end.");
        return;
    }
    enum err e = login_end(request_worker(r), a->session);
    if (e) {
        response_problem(r, e, NULL);
        return;
    }
    request_drop_cookie(r);
    response_empty(r, 204);
}

void session_delete_all(struct request *r)
{
    const struct asker *a = request_asker(r);
    enum err e = login_end_all(request_worker(r), a->who.name, NULL, NULL);
    if (e) {
        response_problem(r, e, NULL);
        return;
    }
    if (a->who.how == HOW_SESSION)
        request_drop_cookie(r);
    response_empty(r, 204);
}
