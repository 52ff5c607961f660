#include "node/settle_serve.h"

#include "node/rows.h"

#include <stdlib.h>
#include <string.h>

#define ITEMS_MAX 1000

/* What is here of a course. */
struct held {
    int has_row;
    struct stamp promised; /* or accepted */
    struct history history;
};

static enum err load(struct node *n, const char *key, struct held *out)
{
    struct db_conn *c;
    struct rows_course course;
    enum err e = db_read_begin(n->db, &c);
    if (e)
        return e;
    e = rows_course(c, key, &course);
    if (!e)
        e = records_history(c, key, &out->history);
    db_read_end(c);
    out->has_row = course.exists;
    out->promised = stamp_cmp(course.slot_ballot, course.promised) > 0 ? course.slot_ballot : course.promised;
    return e;
}

/* *all says whether every id of the list is in the set. ERR_SYNTAX. */
static enum err has_ids(const struct json *ids, const struct history *h, int *all)
{
    *all = 1;
    for (const struct json *id = json_first(ids); id; id = json_next(id)) {
        struct stamp stamp;
        const char *text = json_as_str(id);
        if (!text || stamp_parse(text, &stamp))
            return ERR_SYNTAX;
        *all &= history_find(h, stamp) != NULL;
    }
    return ERR_OK;
}

static enum err has_records(const struct json *item, const struct history *h, int *all)
{
    char digest[HASH_HEX_SIZE];
    const char *wanted = json_get_str(item, "digest");
    const struct json *ids = json_get(item, "ids");
    if (!wanted)
        return json_is_array(ids) ? has_ids(ids, h, all) : ERR_SYNTAX;
    history_digest(h, digest);
    *all = strcmp(digest, wanted) == 0;
    return ERR_OK;
}

/* Whether every blob that is to be kept is here and was hashed as it is; one that was not yet is read now. */
static enum err has_blobs(struct node *n, const struct history *h, int *all)
{
    unsigned char *wanted = calloc(h->n + 1, 1);
    if (!wanted)
        return ERR_NOMEM;
    *all = 1;
    settle_wanted(n, h, wanted);
    for (size_t i = 0; i < h->n && *all; i++)
        if (wanted[i])
            *all = verify_check(n->verify, h->entries[i].record.sha256) == ERR_OK;
    free(wanted);
    return ERR_OK;
}

static struct json *json_stamp(struct stamp s)
{
    char hex[STAMP_HEX_SIZE];
    stamp_hex(s, hex);
    return json_string(hex);
}

static enum err judge(struct node *n, const struct json *item, struct json *holds, struct json *rows, struct json *promised)
{
    struct held held = {.has_row = 0};
    int records = 0, blobs = 0;
    const char *key = json_get_str(item, "key");
    if (!key || *key == '\0')
        return ERR_SYNTAX;
    history_init(&held.history);
    enum err e = load(n, key, &held);
    if (!e)
        e = has_records(item, &held.history, &records);
    if (!e && records)
        e = has_blobs(n, &held.history, &blobs);
    if (!e) {
        json_append(holds, json_boolean(held.has_row && records && blobs));
        json_append(rows, json_boolean(held.has_row));
        json_append(promised, json_stamp(held.promised));
    }
    history_release(&held.history);
    return e;
}

enum err settle_serve_holds(struct node *n, const struct json *in, struct json **out)
{
    struct ledger_ring *ring;
    const struct json *items = json_get(in, "items");
    if (!json_is_array(items) || json_count(items) > ITEMS_MAX)
        return ERR_SYNTAX;
    enum err e = settle_hold_ring(n, in, &ring);
    if (e)
        return e;
    struct json *j = json_object(), *holds = json_array(), *rows = json_array(), *promised = json_array();
    for (const struct json *item = json_first(items); item && !e; item = json_next(item))
        e = judge(n, item, holds, rows, promised);
    json_set_u64(j, "ring", ring->doc->ring->epoch);
    json_set(j, "holds", holds);
    json_set(j, "rows", rows);
    json_set(j, "promised", promised);
    ledger_drop(ring);
    if (e)
        json_free(j);
    else
        *out = j;
    return e;
}
