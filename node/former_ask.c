#include "node/former_inside.h"

#include <stdlib.h>
#include <string.h>

#define HOLDS_MS 20000u /* an owner may have to hash what it has not looked at */
#define PUSH_MS 30000u
#define PUSH_BLOBS 64 /* of one node, in one round */

/* One owner and what it is asked about. */
struct desk {
    char id[RING_ID_MAX];
    struct former_course **courses;
    size_t n;
    struct json *items;
    struct json *lacking; /* blobs of courses that it does not hold */
    size_t n_lacking;
};

struct asking {
    struct node *node;
    struct desk desks[SETTLE_NODES_MAX];
    size_t n;
    size_t n_courses; /* at most, at one desk */
};

static struct desk *desk_of(struct asking *a, const char *id)
{
    for (size_t i = 0; i < a->n; i++)
        if (strcmp(a->desks[i].id, id) == 0)
            return &a->desks[i];
    if (a->n == SETTLE_NODES_MAX)
        return NULL;
    struct desk *d = &a->desks[a->n];
    memcpy(d->id, id, RING_ID_MAX);
    d->courses = calloc(a->n_courses, sizeof(struct former_course *));
    d->items = json_array();
    d->lacking = json_array();
    if (d->courses)
        a->n++;
    return d->courses ? d : NULL;
}

static struct json *item_json(const struct former_course *c)
{
    struct json *item = json_object(), *ids = json_array();
    json_set_str(item, "key", c->key);
    for (size_t i = 0; i < c->answer.history.n; i++) {
        char hex[STAMP_HEX_SIZE];
        stamp_hex(c->answer.history.entries[i].record.id, hex);
        json_append(ids, json_string(hex));
    }
    json_set(item, "ids", ids);
    return item;
}

static void seat_all(struct asking *a, struct former_course *courses, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < courses[i].o.n; k++) {
            struct desk *d = desk_of(a, courses[i].o.at[k].member->id);
            if (!d)
                continue;
            d->courses[d->n++] = &courses[i];
            json_append(d->items, item_json(&courses[i]));
        }
}

static void note_lacking(struct desk *d, const struct former_course *c)
{
    const struct history *h = &c->answer.history;
    for (size_t i = 0; i < h->n && d->n_lacking < PUSH_BLOBS; i++) {
        const struct record *r = &h->entries[i].record;
        if (!history_is_live(h, i))
            continue;
        struct json *blob = json_object();
        json_set_str(blob, "key", c->key);
        json_set_str(blob, "sha256", r->sha256);
        json_set_u64(blob, "size", r->size);
        json_append(d->lacking, blob);
        d->n_lacking++;
    }
}

static void take_answer(struct desk *d, const struct json *answer)
{
    const struct json *holds = json_get(answer, "holds"), *rows = json_get(answer, "rows");
    if (!json_is_array(holds) || !json_is_array(rows) || json_count(holds) != d->n || json_count(rows) != d->n)
        return;
    const struct json *row = json_first(rows);
    size_t i = 0;
    for (const struct json *hold = json_first(holds); hold; hold = json_next(hold), row = json_next(row)) {
        struct former_course *c = d->courses[i++];
        if (json_as_bool(hold, 0))
            c->hold++;
        else if (json_as_bool(row, 1))
            c->lack++;
        else
            c->no_row++;
        if (!json_as_bool(hold, 0))
            note_lacking(d, c);
    }
}

/* An owner that does not answer is not living. Owners that all have no row dropped the course as deleted (P6): the settling left a row with W of them. */
static void judge(struct former_course *c)
{
    int all_hold = c->hold >= c->o.w_now && c->lack == 0 && c->no_row == 0;
    int all_dropped = c->no_row >= c->o.w_now && c->lack == 0 && c->hold == 0;
    c->is_free = all_hold || all_dropped;
}

static size_t make_calls(struct asking *a, int push, struct settle_call *calls)
{
    size_t n = 0;
    for (size_t i = 0; i < a->n; i++) {
        struct desk *d = &a->desks[i];
        if (push && d->n_lacking == 0)
            continue;
        memcpy(calls[n].id, d->id, RING_ID_MAX);
        calls[n].body = json_object();
        json_set(calls[n].body, push ? "blobs" : "items", push ? d->lacking : d->items);
        if (push)
            json_set_str(calls[n].body, "from", a->node->self.id);
        if (push)
            d->lacking = NULL;
        else
            d->items = NULL;
        n++;
    }
    return n;
}

static void asking_free(struct asking *a)
{
    for (size_t i = 0; a && i < a->n; i++) {
        free(a->desks[i].courses);
        json_free(a->desks[i].items);
        json_free(a->desks[i].lacking);
    }
    free(a);
}

enum err former_ask(
    struct node *n, const struct ledger_ring *ring, struct peer *peer, struct former_course *courses, size_t n_courses, int push)
{
    struct settle_call *calls = calloc(SETTLE_NODES_MAX, sizeof(*calls));
    struct asking *a = calloc(1, sizeof(*a));
    if (!calls || !a) {
        free(calls);
        free(a);
        return ERR_NOMEM;
    }
    a->node = n;
    a->n_courses = n_courses;
    seat_all(a, courses, n_courses);
    size_t n_calls = make_calls(a, 0, calls);
    settle_ask(n, ring, peer, SETTLE_HOLDS, calls, n_calls, HOLDS_MS);
    for (size_t i = 0; i < n_calls; i++)
        if (!calls[i].error)
            take_answer(&a->desks[i], calls[i].answer);
    settle_calls_release(calls, n_calls);
    for (size_t i = 0; i < n_courses; i++)
        judge(&courses[i]);
    if (push) {
        memset(calls, 0, SETTLE_NODES_MAX * sizeof(*calls));
        n_calls = make_calls(a, 1, calls);
        settle_ask(n, ring, peer, SETTLE_BLOBS, calls, n_calls, PUSH_MS);
        settle_calls_release(calls, n_calls);
    }
    asking_free(a);
    free(calls);
    return ERR_OK;
}
