/* GET /peers, /peers/files and /peers/files/{sha256}/sources: who shares a folder, what is in it, and where one content is to be had. */
#include "fcgi/handler/handlers.h"
#include "fcgi/handler/inputs.h"
#include "fcgi/handler/shapes.h"
#include "fcgi/request.h"
#include "fcgi/service/adopt.h"
#include "fcgi/service/peers_order.h"
#include "fcgi/service/peers_read.h"
#include "fcgi/service/peers_sources.h"

#include <string.h>

#define CURSOR_MAX 4096

/* Says why there is no answer. */
static void send_failure(struct request *r, enum err e, const char *detail)
{
    if (!detail && e == ERR_STALE_INDEX)
        detail = "The index is being rebuilt, and only it knows what peers share.";
    else if (!detail && e == ERR_UNAVAILABLE)
        detail = "The index is away, and only it knows what peers share.";
    response_problem(r, e, detail);
}

static const char *query_or_null(const struct request *r, const char *name)
{
    const char *value = request_query(r, name);
    return value && *value ? value : NULL;
}

static struct json *or_null(const char *text)
{
    return text && *text ? json_string(text) : json_null();
}

/* ---- who is there */

static struct json *peer_json(const struct peers_peer *p)
{
    struct json *j = json_object();
    json_set_str(j, "id", p->id);
    json_set_str(j, "name", p->name);
    json_set(j, "url", or_null(p->url));
    json_set_u64(j, "files", p->files);
    shapes_set_time(j, "since", p->since_ms);
    shapes_set_time(j, "heard_at", p->heard_at_ms);
    json_set_str(j, "state", peers_state_name(p->state));
    json_set_bool(j, "stores", p->stores);
    return j;
}

void peers_get(struct request *r)
{
    struct peers_read_page page;
    const char *detail = NULL;
    unsigned limit;
    enum err e = inputs_limit(request_query(r, "limit"), &limit, &detail);
    if (!e) {
        e = peers_read_all(request_worker(r), query_or_null(r, "cursor"), limit, &page);
        if (e == ERR_SYNTAX)
            detail = "cursor takes the `next` of an earlier page.";
    }
    if (e) {
        send_failure(r, e, detail);
        return;
    }
    struct json *j = json_object(), *items = json_array();
    for (size_t i = 0; i < page.n; i++)
        json_append(items, peer_json(&page.items[i]));
    json_set(j, "items", items);
    json_set_str(j, "next", page.next);
    response_json(r, 200, j);
    peers_read_page_release(&page);
}

/* ---- what they share */

static struct json *row_json(const struct peers_row *row)
{
    struct json *j = json_object(), *holders = json_array();
    json_set_str(j, "name", row->name);
    json_set_u64(j, "size", row->size);
    json_set(j, "sha256", or_null(row->sha256));
    json_set_bool(j, "adopted", row->adopted);
    for (size_t i = 0; i < row->n_holders; i++) {
        const struct peers_holder *h = &row->holders[i];
        struct json *one = json_object();
        json_set_str(one, "peer", h->peer);
        json_set_str(one, "name", h->name);
        json_set_str(one, "url", h->url);
        json_set_str(one, "file", h->file);
        json_append(holders, one);
    }
    json_set(j, "holders", holders);
    return j;
}

static enum err search(struct request *r, struct peers_page *page, const char **detail)
{
    const char *q = query_or_null(r, "q"), *cursor = query_or_null(r, "cursor");
    unsigned limit;
    enum err e = inputs_limit(request_query(r, "limit"), &limit, detail);
    if (e)
        return e;
    if ((q && strlen(q) > PEERS_QUERY_MAX) || (cursor && strlen(cursor) > CURSOR_MAX)) {
        *detail = "q takes at most 1,024 bytes, and cursor the `next` of an earlier page.";
        return ERR_SYNTAX;
    }
    e = peers_read_search(request_worker(r), q, query_or_null(r, "exclude"), cursor, limit, page);
    if (e == ERR_SYNTAX)
        *detail = "cursor takes the `next` of an earlier page of the same list.";
    if (!e)
        peers_order(page->rows, page->n, q);
    return e;
}

void peers_get_files(struct request *r)
{
    struct peers_page page;
    const char *detail = NULL;
    enum err e = search(r, &page, &detail);
    if (e) {
        send_failure(r, e, detail);
        return;
    }
    struct json *j = json_object(), *items = json_array();
    for (size_t i = 0; i < page.n; i++)
        json_append(items, row_json(&page.rows[i]));
    json_set(j, "items", items);
    json_set_str(j, "next", page.next);
    response_json(r, 200, j);
    peers_page_release(&page);
}

/* ---- where one content is to be had */

static struct json *source_json(const struct peers_source *s)
{
    struct json *j = json_object();
    json_set_str(j, "peer", s->peer);
    json_set_str(j, "name", s->name);
    json_set_str(j, "url", s->url);
    json_set_str(j, "file", s->file);
    json_set_str(j, "capability", s->capability);
    json_set_str(j, "kind", s->file ? "shared" : "ring");
    return j;
}

void peers_get_sources(struct request *r)
{
    struct peers_sources found;
    const struct peers_sources_wish wish = {
        .sha256 = request_capture(r, 0, NULL), .exclude = query_or_null(r, "exclude"), .blocks_of = query_or_null(r, "blocks_of")};
    const char *detail = NULL;
    int counted = 0;
    enum err e = inputs_sha256(wish.sha256, &detail);
    if (!e)
        e = inputs_flag(request_query(r, "counted"), &counted, &detail);
    if (!e) {
        e = peers_sources_find(request_worker(r), &wish, &found, &detail);
        if (e == ERR_NOT_FOUND && !detail)
            detail = "No peer that is here shares a file with this hash, and the ring has not adopted one.";
    }
    if (e) {
        send_failure(r, e, detail);
        return;
    }
    struct json *j = shared_blocks_to_json(&found.blocks, NULL), *sources = json_array();
    for (size_t i = 0; i < found.n; i++)
        json_append(sources, source_json(&found.at[i]));
    json_set(j, "sources", sources);
    if (strcmp(request_method(r), "GET") == 0 && !counted)
        adopt_count(request_worker(r), wish.sha256, found.adopted);
    response_json(r, 200, j);
    peers_sources_release(&found);
}
