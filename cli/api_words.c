/* What an answer means, in plain words. */
#include "cli/api.h"

#include "lib/base/sig.h"

#include <stdio.h>
#include <string.h>

struct json *api_problem(const struct client_answer *a)
{
    struct json *j;

    if (a->body.len == 0 || json_parse(a->body.data, a->body.len, &j))
        return NULL;
    if (json_is_object(j))
        return j;
    json_free(j);
    return NULL;
}

/* The courses that would lose their last copy, as far as there is room. */
static void add_at_risk(struct buf *b, const struct json *problem)
{
    const struct json *list = json_get(problem, "at_risk"), *item;
    uint64_t n = json_count(list);
    const char *before = " At risk: ";
    enum err e = ERR_OK;

    if (json_get_u64(problem, "at_risk_count", UINT64_MAX, &n))
        n = json_count(list);
    for (item = json_first(list); !e && item; item = json_next(item), before = ", ", n -= n > 0)
        e = buf_addf(b, "%s%s", before, json_as_str(item) ? json_as_str(item) : "?");
    if (!e && list && json_count(list) > 0 && n > 0)
        e = buf_addf(b, " and %llu more", (unsigned long long)n);
    (void)e; /* a sentence that is cut says enough */
}

static enum err explain_problem(struct buf *b, const struct cli *c, const struct client_answer *a, const struct json *problem)
{
    const char *detail = json_get_str(problem, "detail"), *id = json_get_str(problem, "request_id");
    uint64_t can, needed;
    enum err e = buf_add_str(b, detail ? detail : json_get_str(problem, "title") ? json_get_str(problem, "title") : "No reason was given");

    if (!e && b->len > 0 && b->data[b->len - 1] != '.')
        e = buf_add_str(b, ".");
    if (!e && !json_get_u64(problem, "can_write", 64, &can) && !json_get_u64(problem, "needed", 64, &needed))
        e = buf_addf(b, " %llu of the %llu machines that it needs can write.", (unsigned long long)can, (unsigned long long)needed);
    if (!e)
        add_at_risk(b, problem);
    if (!e && a->status == 401 && !c->token)
        e = buf_add_str(b, " RB_TOKEN is not set; a token of your account goes there.");
    if (!e && a->status >= 500 && id)
        e = buf_addf(b, " (request %s)", id);
    return e;
}

void api_explain(const struct cli *c, enum err e, const struct client_answer *a, char *text, size_t size)
{
    struct json *problem = a->status ? api_problem(a) : NULL;
    struct buf b;

    buf_init(&b, size - 1);
    if (sig_stopping())
        snprintf(text, size, "Cancelled.");
    else if (*a->why && (e == ERR_UNAVAILABLE || e == ERR_TIMEOUT))
        snprintf(text, size, "%s at %s: %s.", e == ERR_TIMEOUT ? "No answer in time" : "Nobody answers", c->url, a->why);
    else if (*a->why)
        snprintf(text, size, "%s: %s.", c->url, a->why);
    else if (problem && (json_get_str(problem, "detail") || json_get_str(problem, "title")) &&
             (explain_problem(&b, c, a, problem), b.len > 0))
        snprintf(text, size, "%s", buf_str(&b));
    else
        snprintf(text, size, "%s answered %ld, which says: %s.", c->url, a->status, err_text(e));
    buf_release(&b);
    json_free(problem);
}
