#include "fcgi/who.h"

#include "fcgi/front.h"
#include "fcgi/service/login.h"
#include "fcgi/service/rules.h"
#include "fcgi/service/tokens.h"
#include "lib/auth/cookie.h"
#include "lib/auth/csrf.h"

#include <string.h>
#include <strings.h>

#define BEARER "Bearer "

static const char *variable(const struct request *r, const char *name)
{
    const char *value = r->transport->param(r->transport->ctx, name);
    return value ? value : "";
}

const char *who_address(const struct request *r)
{
    return variable(r, "REMOTE_ADDR");
}

int who_is_tls(const struct request *r)
{
    return strcmp(variable(r, "REQUEST_SCHEME"), "https") == 0;
}

int who_may_sign_in(const struct request *r)
{
    const char *from = who_address(r);
    return who_is_tls(r) || strcmp(variable(r, "RB_LOOPBACK"), "1") == 0 || strncmp(from, "127.", 4) == 0 || strcmp(from, "::1") == 0 ||
           strcmp(from, "unix:") == 0;
}

/* The session's id. Over plain http a cookie from another machine is not looked at: it may have been read on the way. */
static enum err find_cookie(const struct request *r, char out[SECRET_SIZE])
{
    if (!who_may_sign_in(r))
        return ERR_NOT_FOUND;
    return cookie_find(request_header(r, "Cookie"), cookie_name(who_is_tls(r)), out, SECRET_SIZE);
}

/* Who a token's text speaks for. Of one that is good for nothing its id stays behind, if it has one. */
static enum err use_token(const struct request *r, const char *text, struct asker *out)
{
    struct docs_token token;
    size_t len = strlen(text);
    enum err e = tokens_use(r->worker, text, len, &token, &out->account);
    if (!e)
        docs_who_token(&out->account, &token, &out->who);
    else if (secret_token_parse(SECRET_API, text, len, out->refused_token))
        *out->refused_token = '\0';
    return e;
}

static enum err from_token(const struct request *r, const char *authorization, struct asker *out, const char **detail)
{
    int is_bearer = strncasecmp(authorization, BEARER, strlen(BEARER)) == 0;
    enum err e = is_bearer ? use_token(r, authorization + strlen(BEARER), out) : ERR_AUTH;
    if (e == ERR_AUTH)
        *detail = "This token is not known, was revoked or has expired. It is sent as: Authorization: Bearer rb_…";
    return e;
}

static enum err from_session(const struct request *r, struct asker *out, const char **detail)
{
    struct login login;
    enum err e = secret_ok(out->session) ? login_look(r->worker, out->session, &login) : ERR_AUTH;
    if (!e) {
        out->account = login.account;
        out->ends_at_ms = login.ends_at_ms;
        docs_who(&out->account, HOW_SESSION, &out->who);
        return ERR_OK;
    }
    secret_wipe(out->session, sizeof(out->session));
    if (e == ERR_AUTH) {
        out->is_bad_cookie = 1;
        *detail = "This session is over. Sign in again.";
    }
    out->is_unsure = e == ERR_UNAVAILABLE || e == ERR_TIMEOUT;
    return out->is_unsure ? ERR_OK : e;
}

static int is_trusted(const struct docs_settings *settings, const char *address)
{
    for (size_t i = 0; i < settings->n_proxies; i++) {
        if (strcmp(settings->proxies[i], address) == 0)
            return 1;
    }
    return 0;
}

/* Whom the proxy signed in; somebody without an account here is nobody to us. */
static enum err from_proxy(const struct request *r, const char *user, struct asker *out, const char **detail)
{
    char name[AUTH_NAME_SIZE];
    enum err e = auth_name(user, strlen(user), name);
    if (!e)
        e = accounts_read(r->worker, name, &out->account, NULL);
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    if (e == ERR_SYNTAX || (!e && out->account.disabled)) {
        *detail = "The proxy in front signed in somebody who cannot have, or may not use, an account here.";
        return ERR_AUTH;
    }
    if (!e)
        docs_who(&out->account, HOW_PROXY, &out->who);
    return e;
}

enum err who_find(const struct request *r, struct asker *out, const char **detail)
{
    memset(out, 0, sizeof(*out));
    const char *authorization = request_header(r, "Authorization"), *user = request_header(r, "X-Remote-User");
    enum err cookie = find_cookie(r, out->session);
    if (authorization && cookie != ERR_NOT_FOUND) {
        secret_wipe(out->session, sizeof(out->session));
        *detail = "A request comes with a cookie or with a token, not with both.";
        return ERR_SYNTAX;
    }
    enum err e = rules_read(r->worker, &out->settings);
    if (e)
        return e;
    if (authorization)
        return from_token(r, authorization, out, detail);
    if (user && *user && is_trusted(&out->settings, who_address(r)))
        return from_proxy(r, user, out, detail);
    if (cookie == ERR_NOT_FOUND)
        return ERR_OK;
    if (!cookie)
        return from_session(r, out, detail);
    out->is_bad_cookie = 1;
    *detail = "The cookie is not one of ours.";
    return ERR_AUTH;
}

static int is_safe(const struct request *r)
{
    return strcmp(request_method(r), "GET") == 0 || strcmp(request_method(r), "HEAD") == 0;
}

enum err who_check_origin(const struct request *r, const struct asker *asker, const char **detail)
{
    enum how how = asker->who.how;
    if (is_safe(r) || how == HOW_TOKEN)
        return ERR_OK;
    enum csrf_origin from =
        csrf_origin(request_header(r, "Sec-Fetch-Site"), request_header(r, "Origin"), request_header(r, "Host"), who_is_tls(r));
    int needs_proof = how == HOW_SESSION || how == HOW_PROXY;
    if (from == CSRF_FOREIGN || (needs_proof && from != CSRF_SAME)) {
        *detail = "This request does not come from Ringbinder's own pages. Programs send a token, not a cookie.";
        return ERR_DENIED;
    }
    if (how == HOW_SESSION && !csrf_check(asker->session, request_header(r, "RB-CSRF"))) {
        *detail = "The header RB-CSRF is missing or belongs to another session; GET /api/v1/session says which it is.";
        return ERR_DENIED;
    }
    return ERR_OK;
}
