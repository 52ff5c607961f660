#include "fcgi/note.h"

#include "lib/auth/cookie.h"
#include "lib/base/log.h"

#include <stdio.h>
#include <string.h>

static void refuse_method(struct request *r)
{
    char *detail = arena_printf(&r->worker->arena, "This address takes %s.", r->match.allow);
    response_header(r, "Allow", r->match.allow);
    response_problem(r, ERR_METHOD, detail);
}

static void refuse_param(struct request *r, const char *name)
{
    const char *known = r->match.route->params;
    const char *shown = strlen(name) <= 64 ? name : "…";
    char *detail = *known ? arena_printf(&r->worker->arena, "The query parameter “%s” is not known here. Known: %s.", shown, known)
                          : arena_printf(&r->worker->arena, "The query parameter “%s” is not known here; this address takes none.", shown);
    response_problem(r, ERR_SYNTAX, detail);
}

/* For the audit log: the account, or the token of it that was used; nobody, and which token was refused. While it cannot be known nothing is said. Handlers of open routes that learn more say so. */
static void note_who(struct request *r, enum err e)
{
    const struct asker *a = &r->asker;
    if ((e && e != ERR_AUTH) || a->is_unsure)
        return;
    if (a->who.how == HOW_TOKEN)
        request_note_who(r, arena_printf(&r->worker->arena, "token:%s", a->who.token_id));
    else
        request_note_who(r, a->who.how == HOW_NOBODY ? "nobody" : a->who.name);
    if (*a->refused_token) {
        char text[64];
        snprintf(text, sizeof(text), "token:%s was refused", a->refused_token);
        request_note_detail(r, text);
    }
}

/* Works out who asks, and lets in who may do this for some course at least. What the answer says depends on nothing that is stored. ERR_OK, or an error with its sentence. */
static enum err admit(struct request *r, const char **detail)
{
    enum act act = r->match.route->act;
    enum err e = act == ACT_NONE ? ERR_OK : who_find(r, &r->asker, detail);
    note_who(r, e);
    if (e)
        return e;
    e = who_check_origin(r, &r->asker, detail);
    if (e)
        return e;
    int reads = strcmp(r->match.route->method, "GET") == 0;
    enum verdict v = auth_may(&r->asker.who, act, &r->asker.settings.rules, NULL, NULL);
    if (r->asker.is_unsure && (!reads || v == AUTH_SIGN_IN)) {
        *detail = "Who is signed in cannot be looked up just now. Tokens work.";
        return ERR_UNAVAILABLE;
    }
    return auth_verdict_err(v);
}

static void serve(struct request *r)
{
    const char *detail = NULL;
    enum err e = admit(r, &detail);
    if (e) {
        request_refuse(r, e, detail);
        return;
    }
    r->match.route->handle(r);
    if (!r->answered) {
        log_write(LOG_ERROR, "answer", "the handler of %s %s gave no answer", r->match.route->method, r->match.route->pattern);
        response_problem(r, ERR_INTERNAL, NULL);
    }
}

static void dispatch(struct request *r)
{
    const char *uri = r->transport->param(r->transport->ctx, "REQUEST_URI");
    enum err e = target_parse(uri ? uri : "", &r->worker->arena, &r->target);
    if (e) {
        response_problem(r, e, r->target.detail);
        return;
    }
    e = routes_find(&r->target, request_method(r), &r->match);
    if (e == ERR_METHOD) {
        refuse_method(r);
        return;
    }
    if (e) {
        response_problem(r, e, "There is nothing at this address; /api/v1/openapi.json lists what there is.");
        return;
    }
    const char *unknown = routes_unknown_param(r->match.route, &r->target);
    if (unknown) {
        refuse_param(r, unknown);
        return;
    }
    serve(r);
}

/* nginx asks before it takes in a large body (asked_first.conf): a refusal for who it is, or 204. Any other fault is told when the request itself comes. */
static void tell_whether(struct request *r)
{
    const char *uri = r->transport->param(r->transport->ctx, "REQUEST_URI"), *detail = NULL;
    enum err e = target_parse(uri ? uri : "", &r->worker->arena, &r->target);
    if (!e)
        e = routes_find(&r->target, request_method(r), &r->match);
    if (!e)
        e = admit(r, &detail);
    if (e == ERR_AUTH || e == ERR_DENIED) {
        request_refuse(r, e, detail);
        note_request(r); /* nobody else hears of it: the request itself does not come */
    } else {
        response_empty(r, 204);
    }
}

static int is_question(const struct request *r)
{
    const char *only = r->transport->param(r->transport->ctx, "RB_ONLY_MAY");
    return only && strcmp(only, "1") == 0;
}

void front_serve(struct worker *w, struct metrics *m, const struct transport *t)
{
    struct request r;
    uint64_t started_us = metrics_begin(m);
    request_init(&r, w, m, t);
    if (is_question(&r)) {
        tell_whether(&r);
        metrics_end(m, NULL, r.answered, started_us); /* what is allowed is a request of its route when it comes */
    } else {
        dispatch(&r);
        note_request(&r);
        metrics_end(m, r.match.route, r.answered, started_us);
    }
    request_release(&r);
    arena_reset(&w->arena);
}
