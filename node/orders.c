#include "node/orders.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MAX (RING_MEMBERS_MAX * (RING_ID_MAX + 4) + 1024)

static int by_id(const void *a, const void *b)
{
    return strcmp(a, b);
}

static enum err read_movers(const struct json *list, struct order *o)
{
    size_t count = json_count(list);
    if (!json_is_array(list) || count > RING_MEMBERS_MAX)
        return ERR_SYNTAX;
    o->movers = calloc(count + 1, sizeof(*o->movers));
    if (!o->movers)
        return ERR_NOMEM;
    for (const struct json *item = json_first(list); item; item = json_next(item)) {
        const char *id = json_as_str(item);
        if (!id || !ring_id_ok(id))
            return ERR_SYNTAX;
        memcpy(o->movers[o->n_movers++], id, strlen(id) + 1);
    }
    qsort(o->movers, o->n_movers, sizeof(*o->movers), by_id);
    return ERR_OK;
}

enum err order_from_json(const struct json *j, struct order *out)
{
    struct order o = {.seq = 0};
    enum err e = ballot_from_json(json_get(j, "ballot"), &o.ballot);
    if (!e && (json_get_u64(j, "epoch", UINT64_MAX, &o.epoch) || json_get_u64(j, "seq", UINT64_MAX, &o.seq)))
        e = ERR_SYNTAX;
    if (!e)
        e = read_movers(json_get(j, "movers"), &o);
    if (e)
        order_release(&o);
    else
        *out = o;
    return e;
}

void order_release(struct order *o)
{
    free(o->movers);
    memset(o, 0, sizeof(*o));
}

enum err order_print(const struct order *o, struct buf *out)
{
    struct json *j = json_object(), *movers = json_array();
    json_set(j, "ballot", ballot_to_json(&o->ballot));
    json_set_u64(j, "epoch", o->epoch);
    json_set_u64(j, "seq", o->seq);
    for (size_t i = 0; i < o->n_movers; i++)
        json_append(movers, json_string(o->movers[i]));
    json_set(j, "movers", movers);
    enum err e = json_print(j, out);
    json_free(j);
    return e;
}

int order_counts(void *order, const char *id)
{
    const struct order *o = order;
    return bsearch(id, o->movers, o->n_movers, sizeof(*o->movers), by_id) != NULL;
}

/* *out has no movers when there is no order. */
static enum err read_kept(struct db_conn *c, struct order *out)
{
    int row;
    struct json *j;
    memset(out, 0, sizeof(*out));
    sqlite3_stmt *s = db_stmt(c, "SELECT settle FROM ledger WHERE settle IS NOT NULL");
    enum err e = db_step(c, s, &row);
    if (e || !row)
        return e;
    const char *text = db_column_text(s, 0);
    e = json_parse(text, strlen(text), &j);
    if (!e) {
        e = order_from_json(j, out);
        json_free(j);
    }
    return e == ERR_SYNTAX ? ERR_CORRUPT : e;
}

static enum err keep(struct db_conn *c, void *ctx)
{
    const struct order *o = ctx;
    struct order old;
    struct buf text;
    enum err e = read_kept(c, &old);
    if (e)
        return e;
    int newer = ballot_cmp(&o->ballot, &old.ballot);
    int is_news = !old.movers || newer > 0 || (newer == 0 && o->seq > old.seq);
    order_release(&old);
    if (!is_news)
        return ERR_OK;
    buf_init(&text, TEXT_MAX);
    e = order_print(o, &text);
    sqlite3_stmt *s = db_stmt(c, "UPDATE ledger SET settle = ?");
    db_bind_text(s, 1, buf_str(&text));
    if (!e)
        e = db_run(c, s);
    if (s)
        sqlite3_clear_bindings(s);
    buf_release(&text);
    return e;
}

enum err order_keep(struct ledger *l, const struct order *o, struct ballot *promised, uint64_t *ring)
{
    struct order copy = *o; /* what it points to is only read */
    return ledger_command(l, &o->ballot, o->epoch, keep, &copy, promised, ring);
}

enum err order_last(struct db *db, struct order *out)
{
    struct db_conn *c;
    struct order o;
    enum err e = db_read_begin(db, &c);
    if (e)
        return e;
    e = read_kept(c, &o);
    db_read_end(c);
    if (!e && !o.movers)
        e = ERR_NOT_FOUND;
    if (!e)
        *out = o;
    return e;
}
