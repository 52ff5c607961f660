/* GET /courses: search by name, and lists. */
#include "fcgi/handler/allow.h"
#include "fcgi/handler/handlers.h"
#include "fcgi/handler/inputs.h"
#include "fcgi/handler/shapes.h"
#include "fcgi/request.h"

#include <string.h>

#define QUERY_MAX 512 /* bytes of q and term: more words than anybody types */
#define CURSOR_MAX 4096

struct wish {
    const char *q, *term, *cursor;
    enum index_sort sort;
    unsigned limit;
};

static enum err fail(const char **detail, const char *sentence)
{
    *detail = sentence;
    return ERR_SYNTAX;
}

static const char *query_or_null(const struct request *r, const char *name)
{
    const char *value = request_query(r, name);
    return value && *value ? value : NULL;
}

static int too_long(const char *value, size_t max)
{
    return value && strlen(value) > max;
}

static enum err read_wish(const struct request *r, struct wish *out, const char **detail)
{
    const char *sort = request_query(r, "sort");
    *out = (struct wish){
        .q = query_or_null(r, "q"), .term = query_or_null(r, "term"), .cursor = query_or_null(r, "cursor"), .sort = INDEX_BY_NAME};
    if (too_long(out->q, QUERY_MAX) || too_long(out->term, QUERY_MAX))
        return fail(detail, "q and term take at most 512 bytes.");
    if (too_long(out->cursor, CURSOR_MAX))
        return fail(detail, "cursor takes the `next` of an earlier page.");
    if (sort && strcmp(sort, "newest") == 0)
        out->sort = INDEX_NEWEST;
    else if (sort && strcmp(sort, "name") != 0)
        return fail(detail, "sort takes name or newest.");
    return inputs_limit(request_query(r, "limit"), &out->limit, detail);
}

static struct json *item_json(const struct index_item *item)
{
    struct json *j = json_object();
    json_set_str(j, "course", item->current.course);
    json_set_str(j, "key", item->current.key);
    json_set(j, "current", shapes_record(&item->current, item->version, 1, json_array()));
    json_set_u64(j, "versions", item->versions);
    return j;
}

void list_get(struct request *r)
{
    struct wish w;
    const char *detail = NULL;
    struct index_page page;
    enum err e = read_wish(r, &w, &detail);
    if (!e) {
        e = course_list(request_worker(r), w.q, w.term, w.sort, w.cursor, w.limit, &page);
        if (e == ERR_SYNTAX)
            detail = "cursor takes the `next` of an earlier page of the same list.";
        else if (e == ERR_STALE_INDEX)
            detail = "The index is being rebuilt. Each course can still be had by its whole name.";
        else if (err_http_status(e) == 503)
            detail = "The index is away. Each course can still be had by its whole name.";
    }
    if (e) {
        response_problem(r, e, detail);
        return;
    }
    struct json *j = json_object(), *items = json_array();
    for (size_t i = 0; i < page.n; i++) {
        if (allow_verdict(r, ACT_READ, page.items[i].current.key, NULL) == AUTH_ALLOWED)
            json_append(items, item_json(&page.items[i]));
    }
    json_set(j, "items", items);
    json_set_str(j, "next", page.next);
    response_json(r, 200, j);
    index_page_release(&page);
}
