/* GET /audit: what was changed and refused here lately, as this api noted it. */
#include "fcgi/handler/handlers.h"
#include "fcgi/handler/inputs.h"
#include "fcgi/request.h"
#include "fcgi/service/audit_view.h"

static enum err read_wish(const struct request *r, unsigned *limit, int *verify, const char **detail)
{
    enum err e = inputs_limit(request_query(r, "limit"), limit, detail);
    return e ? e : inputs_flag(request_query(r, "verify"), verify, detail);
}

static enum err read_page(
    struct request *r, struct json *items, char next[AUDIT_VIEW_CURSOR_SIZE], struct json **verified, const char **detail)
{
    unsigned limit;
    int verify;
    enum err e = read_wish(r, &limit, &verify, detail);
    if (e)
        return e;
    e = audit_view_read(request_worker(r), request_query(r, "after"), limit, items, next);
    if (e == ERR_SYNTAX)
        *detail = "after takes the `next` of an earlier answer.";
    else if (e == ERR_GONE)
        *detail = "That part of the log went for its age.";
    else if (!e && verify)
        e = audit_view_verify(request_worker(r), verified);
    return e;
}

void audit_view_get(struct request *r)
{
    char next[AUDIT_VIEW_CURSOR_SIZE];
    const char *detail = NULL;
    struct json *items = json_array(), *verified = NULL;
    enum err e = read_page(r, items, next, &verified, &detail);
    if (e) {
        json_free(items);
        response_problem(r, e, detail);
        return;
    }
    struct json *j = json_object();
    json_set_str(j, "process", request_worker(r)->app->process);
    json_set(j, "items", items);
    json_set_str(j, "next", *next ? next : NULL);
    json_set(j, "verified", verified ? verified : json_null());
    response_json(r, 200, j);
}
