#include "fcgi/handler/people.h"

#include "fcgi/handler/inputs.h"
#include "fcgi/handler/shapes.h"
#include "lib/base/clock.h"

#include <string.h>

#define CURSOR_MAX 256u

struct json *people_scopes(const struct auth_scopes *scopes)
{
    struct json *list = json_array();
    for (size_t i = 0; i < scopes->n; i++)
        json_append(list, json_string(scopes->prefix[i]));
    return list;
}

struct json *people_acts(uint32_t acts)
{
    struct json *list = json_array();
    for (enum act a = ACT_READ; a < ACT_COUNT; a++) {
        if (acts & ACT_BIT(a))
            json_append(list, json_string(act_name(a)));
    }
    return list;
}

void people_set_limit(struct json *object, const char *key, uint64_t n)
{
    if (n == DOCS_NO_LIMIT)
        json_set_null(object, key);
    else
        json_set_u64(object, key, n);
}

struct json *people_account(const struct docs_account *a)
{
    struct json *j = json_object();
    json_set_str(j, "name", a->name);
    json_set_str(j, "shown", *a->shown ? a->shown : a->name);
    json_set_str(j, "role", role_name(a->role));
    json_set(j, "scopes", people_scopes(&a->scopes));
    json_set_bool(j, "disabled", a->disabled);
    json_set_bool(j, "known", a->known);
    json_set_bool(j, "has_password", *a->password != '\0');
    shapes_set_time(j, "created_at", a->created_at_ms);
    people_set_limit(j, "quota_bytes", a->quota_bytes);
    return j;
}

struct json *people_token(const struct docs_token *t, uint64_t used_at_ms)
{
    struct json *j = json_object();
    json_set_str(j, "id", t->id);
    json_set_str(j, "user", t->user);
    json_set_str(j, "label", t->label);
    json_set(j, "acts", people_acts(t->acts));
    json_set(j, "scopes", people_scopes(&t->scopes));
    shapes_set_time(j, "created_at", t->created_at_ms);
    shapes_set_time(j, "expires_at", t->expires_at_ms);
    shapes_set_time(j, "used_at", used_at_ms);
    json_set_bool(j, "revoked", t->revoked);
    return j;
}

struct json *people_link(const struct links_one *l)
{
    struct json *j = json_object();
    json_set_str(j, "id", l->link.id);
    json_set_str(j, "key", l->link.course);
    json_set_stamp(j, "record", l->link.record);
    json_set_str(j, "label", l->link.label);
    json_set_str(j, "by", l->link.by);
    shapes_set_time(j, "created_at", l->link.created_at_ms);
    shapes_set_time(j, "expires_at", l->link.expires_at_ms);
    json_set_bool(j, "has_password", *l->link.password != '\0');
    people_set_limit(j, "downloads_max", l->link.downloads_max);
    people_set_limit(j, "downloads", l->downloads_known ? l->downloads : DOCS_NO_LIMIT);
    json_set_bool(j, "revoked", l->link.revoked);
    json_set_str(j, "text", *l->text ? l->text : NULL);
    return j;
}

static const char *state_name(enum docs_state s)
{
    switch (s) {
    case DOCS_WAITING: return "waiting";
    case DOCS_ACCEPTED: return "accepted";
    case DOCS_REJECTED: return "rejected";
    }
    return "waiting";
}

struct json *people_pending(const struct pending *p)
{
    struct json *j = json_object();
    json_set_str(j, "id", p->id);
    json_set(j, "record", shapes_record(&p->doc.record, 0, 1, json_array()));
    json_set_str(j, "state", state_name(p->doc.state));
    json_set_str(j, "by", *p->doc.by ? p->doc.by : NULL);
    shapes_set_time(j, "at", p->doc.at_ms);
    json_set_str(j, "reason", p->doc.reason);
    return j;
}

/* ---- reading ---- */

static enum err take_scope(void *ctx, const char *text, const char **detail)
{
    enum err e = auth_scope_add(ctx, text, strlen(text));
    if (e && e != ERR_NOMEM)
        *detail = "A scope is the beginning of a course's name, such as CSEN; at most 8 of at most 128 bytes.";
    return e;
}

void people_read_scopes(struct posted *p, enum posted_need need, struct auth_scopes *out)
{
    *out = (struct auth_scopes){0};
    posted_list(p, "scopes", need, AUTH_SCOPES_MAX, take_scope, out);
}

static enum err take_act(void *ctx, const char *text, const char **detail)
{
    enum act a = ACT_NONE;
    uint32_t *acts = ctx;
    enum err e = act_parse(text, &a);
    if (!e && a == ACT_NONE)
        e = ERR_SYNTAX;
    if (e)
        *detail = "An act is one of read, upload, alter, link, moderate, operate, accounts, self.";
    else
        *acts |= ACT_BIT(a);
    return e;
}

void people_read_acts(struct posted *p, enum posted_need need, uint32_t *out)
{
    *out = 0;
    posted_list(p, "acts", need, ACT_COUNT - 1, take_act, out);
    if (need == POSTED_MUST && *out == 0)
        posted_fail(p, ERR_INVALID, "“acts” names at least one.");
}

uint64_t people_read_limit(struct posted *p, const char *name, enum posted_need need, uint64_t min, uint64_t otherwise)
{
    struct posted_range range = {.min = min, .max = JSON_EXACT_MAX, .otherwise = otherwise, .none = DOCS_NO_LIMIT, .null_ok = 1};
    return posted_number(p, name, posted_has(p, name) ? POSTED_MAY : need, &range);
}

uint64_t people_read_end(struct posted *p, enum posted_need need, uint64_t max_s, int for_ever_ok)
{
    struct posted_range range = {.min = 1, .max = max_s, .null_ok = for_ever_ok};
    uint64_t seconds = posted_number(p, "expires_s", need, &range);
    return seconds ? clock_unix_ms() + 1000 * seconds : 0;
}

/* ---- pages ---- */

enum err people_read_page(struct request *r, struct people_page *out)
{
    const char *detail = NULL, *cursor = request_query(r, "cursor");
    enum err e = inputs_limit(request_query(r, "limit"), &out->limit, &detail);
    if (!e && cursor && strlen(cursor) > CURSOR_MAX) {
        e = ERR_SYNTAX;
        detail = "cursor takes the `next` of an earlier page.";
    }
    if (e)
        response_problem(r, e, detail);
    else
        out->after = cursor ? cursor : "";
    return e;
}

void people_send_page(struct request *r, struct json *items, const char *next)
{
    struct json *j = json_object();
    json_set(j, "items", items);
    json_set_str(j, "next", next);
    response_json(r, 200, j);
}

void people_send_no_list(struct request *r, enum err e)
{
    const char *detail = e == ERR_SYNTAX             ? "cursor takes the `next` of an earlier page of the same list."
                         : e == ERR_STALE_INDEX      ? "The index is being rebuilt. Try again shortly."
                         : err_http_status(e) == 503 ? "The index is away, and only it knows them all."
                                                     : NULL;
    response_problem(r, e, detail);
}
