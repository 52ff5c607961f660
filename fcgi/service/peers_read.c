#include "fcgi/service/peers_read.h"

#include <stdlib.h>
#include <string.h>

/* ---- who is there */

/* An id is a name, a dot and an incarnation, so that a cursor tells where a peer stood that is not there any more. */
static int compare_place(const struct peers_peer *p, const char *name, size_t name_len, const char *id)
{
    size_t len = strlen(p->name);
    int order = memcmp(p->name, name, len < name_len ? len : name_len);
    if (order == 0 && len != name_len)
        order = len < name_len ? -1 : 1;
    return order != 0 ? order : strcmp(p->id, id);
}

static int compare(const void *a, const void *b)
{
    const struct peers_peer *y = b;
    return compare_place(a, y->name, strlen(y->name), y->id);
}

void peers_read_sort(struct peers_peer *peers, size_t n)
{
    if (n > 0)
        qsort(peers, n, sizeof(*peers), compare);
}

size_t peers_read_after(const struct peers_peer *peers, size_t n, const char *cursor)
{
    const char *dot = strrchr(cursor, '.');
    size_t name_len = dot == NULL ? strlen(cursor) : (size_t)(dot - cursor);
    size_t i = 0;
    while (i < n && compare_place(&peers[i], cursor, name_len, cursor) <= 0)
        i++;
    return i;
}

const struct peers_peer *peers_read_pick(const struct peers_peer *peers, size_t n, const char *id_or_name)
{
    const struct peers_peer *best = NULL;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(peers[i].id, id_or_name) == 0)
            return &peers[i];
        if (strcmp(peers[i].name, id_or_name) == 0 && (best == NULL || peers[i].heard_at_ms > best->heard_at_ms))
            best = &peers[i];
    }
    return best;
}

/* A time-out of something that only reads leaves nothing in doubt: the index is away. */
static enum err said(struct worker *w, enum err e)
{
    e = worker_store_said(w, e);
    return e == ERR_TIMEOUT ? ERR_UNAVAILABLE : e;
}

static enum err read_peers(struct worker *w, struct peers_peer **out, size_t *n)
{
    struct store *s = worker_store(w);
    return s == NULL ? ERR_UNAVAILABLE : said(w, peers_all(s, out, n));
}

enum err peers_read_all(struct worker *w, const char *cursor, unsigned limit, struct peers_read_page *out)
{
    size_t n, first = 0;
    if (cursor != NULL && (strlen(cursor) >= RING_ID_MAX || strchr(cursor, '.') == NULL))
        return ERR_SYNTAX;
    memset(out, 0, sizeof(*out));
    enum err e = read_peers(w, &out->all, &n);
    if (e != ERR_OK)
        return e;
    peers_read_sort(out->all, n);
    if (cursor != NULL)
        first = peers_read_after(out->all, n, cursor);
    out->items = out->all + first;
    out->n = n - first < limit ? n - first : limit;
    out->next = first + out->n < n ? out->items[out->n - 1].id : NULL;
    return ERR_OK;
}

void peers_read_page_release(struct peers_read_page *p)
{
    free(p->all);
    memset(p, 0, sizeof(*p));
}

enum err peers_read_id(struct worker *w, const char *id_or_name, const char **id)
{
    struct peers_peer *peers;
    size_t n;
    *id = NULL;
    enum err e = read_peers(w, &peers, &n);
    if (e != ERR_OK)
        return e;
    const struct peers_peer *found = peers_read_pick(peers, n, id_or_name);
    if (found != NULL && (*id = arena_strdup(&w->arena, found->id)) == NULL)
        e = ERR_NOMEM;
    free(peers);
    return e;
}

/* ---- what they share */

/* Goes on from pages that have no row, until one has, or the end. */
static enum err ask_on(struct worker *w, const char *q, const char *exclude, unsigned limit, struct peers_page *page)
{
    for (unsigned asked = 1; page->n == 0 && page->next && asked < PEERS_READ_PAGES; asked++) {
        struct peers_page following;
        enum err e = said(w, peers_search(w->store, q, exclude, page->next, limit, &following));
        if (e != ERR_OK)
            return e;
        peers_page_release(page);
        *page = following;
    }
    return ERR_OK;
}

enum err peers_read_search(struct worker *w, const char *q, const char *exclude, const char *cursor, unsigned limit, struct peers_page *out)
{
    struct store *s = worker_store(w);
    const char *left_out = NULL;
    if (s == NULL)
        return ERR_UNAVAILABLE;
    struct peers_page page;
    enum err e = exclude == NULL ? ERR_OK : peers_read_id(w, exclude, &left_out);
    if (e == ERR_OK)
        e = said(w, peers_search(s, q, left_out, cursor, limit, &page));
    if (e != ERR_OK)
        return e;
    e = ask_on(w, q, left_out, limit, &page);
    if (e != ERR_OK)
        peers_page_release(&page);
    else
        *out = page;
    return e;
}

/* ---- one file of one peer */

static enum err find_peer(struct worker *w, const char *id_or_name, const char **id, const char **detail)
{
    enum err e = peers_read_id(w, id_or_name, id);
    if (e == ERR_OK && *id == NULL) {
        *detail = "No peer has this name or id.";
        e = ERR_NOT_FOUND;
    }
    return e;
}

static enum err make_way(struct worker *w, const struct peers_holder *h, struct peers_read_file *out, const char **detail)
{
    const char *what = arena_printf(&w->arena, "file:%s", h->file);
    if (what == NULL)
        return ERR_NOMEM;
    if (capability_address(w->app->tls, h->url, out->address) != ERR_OK) {
        *detail = "This peer speaks the plain line protocol only: its files are to be had by OBTAIN, not from here.";
        return ERR_CONFLICT;
    }
    const struct view *v = view_get(w->app->view);
    enum err e = capability_make(w->app, v, h->peer, what, out->capability);
    view_put(w->app->view, v);
    return e;
}

enum err peers_read_file(struct worker *w, const char *peer, const char *name, struct peers_read_file *out, const char **detail)
{
    enum peers_state state;
    const char *id;
    memset(out, 0, sizeof(*out));
    *detail = NULL;
    enum err e = find_peer(w, peer, &id, detail);
    if (e != ERR_OK)
        return e;
    e = shared_name_check(name, strlen(name)) == ERR_OK ? said(w, peers_find(w->store, id, name, &out->row, &state)) : ERR_NOT_FOUND;
    if (e == ERR_NOT_FOUND)
        *detail = "This peer shares no file of that name.";
    if (e != ERR_OK)
        return e;
    if (state != PEERS_HERE || out->row.n_holders == 0) {
        *detail = "The peer that shared this file has left, or is silent.";
        e = ERR_GONE;
    } else {
        e = make_way(w, &out->row.holders[0], out, detail);
    }
    if (e != ERR_OK)
        peers_read_file_release(out);
    return e;
}

void peers_read_file_release(struct peers_read_file *f)
{
    peers_row_release(&f->row);
    memset(f, 0, sizeof(*f));
}
