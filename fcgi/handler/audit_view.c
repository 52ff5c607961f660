/* GET /audit: what was changed and refused here lately, as this api noted it. */
#include "fcgi/handler/handlers.h"
#include "fcgi/handler/inputs.h"
#include "fcgi/request.h"
#include "fcgi/service/audit_view.h"

void audit_view_get(struct request *r)
{
    unsigned limit;
    char next[AUDIT_VIEW_CURSOR_SIZE];
    const char *detail = NULL;
    enum err e = inputs_limit(request_query(r, "limit"), &limit, &detail);
    struct json *items = json_array();
    if (!e) {
        e = audit_view_read(request_worker(r), request_query(r, "after"), limit, items, next);
        if (e == ERR_SYNTAX)
            detail = "after takes the `next` of an earlier answer.";
        else if (e == ERR_GONE)
            detail = "That part of the log went for its age.";
    }
    if (e) {
        json_free(items);
        response_problem(r, e, detail);
        return;
    }
    struct json *j = json_object();
    json_set_str(j, "process", request_worker(r)->app->process);
    json_set(j, "items", items);
    json_set_str(j, "next", *next ? next : NULL);
    response_json(r, 200, j);
}
