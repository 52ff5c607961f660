#include "lib/wire/ringdoc.h"

#include <stdlib.h>
#include <string.h>

#define STATE_STABLE "stable"
#define STATE_JOINT "joint"

int ballot_cmp(const struct ballot *a, const struct ballot *b)
{
    if (a->counter != b->counter)
        return a->counter < b->counter ? -1 : 1;
    int order = strcmp(a->coordinator, b->coordinator);
    if (order != 0)
        return order;
    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    return 0;
}

struct json *ballot_to_json(const struct ballot *b)
{
    struct json *j = json_object();
    json_set_u64(j, "counter", b->counter);
    json_set_str(j, "coordinator", b->coordinator);
    json_set_u64(j, "start", b->start);
    return j;
}

enum err ballot_from_json(const struct json *j, struct ballot *out)
{
    struct ballot b = {0};
    if (json_copy_str(j, "coordinator", b.coordinator, sizeof(b.coordinator)) || (b.coordinator[0] && !ring_name_ok(b.coordinator)))
        return ERR_SYNTAX;
    if (json_get_u64(j, "counter", UINT64_MAX, &b.counter) || json_get_u64(j, "start", UINT64_MAX, &b.start))
        return ERR_SYNTAX;
    *out = b;
    return ERR_OK;
}

static enum err read_member(const struct json *j, struct ring_member *out)
{
    uint64_t weight;
    *out = (struct ring_member){0};
    if (json_copy_str(j, "id", out->id, sizeof(out->id)) || json_copy_str(j, "name", out->name, sizeof(out->name)) ||
        json_copy_str(j, "zone", out->zone, sizeof(out->zone)))
        return ERR_SYNTAX;
    enum err e = json_get_u64(j, "weight", RING_WEIGHT_MAX, &weight);
    if (!e)
        out->weight = (uint32_t)weight;
    return e;
}

/* The array of members, as the caller's heap array. What the members hold is judged by ring_new(). */
static enum err read_members(const struct json *list, struct ring_member **out, size_t *n)
{
    size_t count = json_count(list);
    if (!json_is_array(list))
        return ERR_SYNTAX;
    if (count == 0 || count > RING_MEMBERS_MAX)
        return ERR_INVALID;
    struct ring_member *members = calloc(count, sizeof(*members));
    if (!members)
        return ERR_NOMEM;
    size_t i = 0;
    for (const struct json *item = json_first(list); item; item = json_next(item)) {
        enum err e = read_member(item, &members[i++]);
        if (e) {
            free(members);
            return e;
        }
    }
    *out = members;
    *n = count;
    return ERR_OK;
}

/* "prev" names the members whose majority had a say in this document; it is kept in the text. */
static enum err check_prev(const struct json *list)
{
    size_t count = json_count(list);
    if (!json_is_array(list))
        return ERR_SYNTAX;
    if (count == 0 || count > RING_MEMBERS_MAX)
        return ERR_INVALID;
    for (const struct json *item = json_first(list); item; item = json_next(item)) {
        const char *id = json_as_str(item);
        if (!id)
            return ERR_SYNTAX;
        if (!ring_id_ok(id))
            return ERR_INVALID;
    }
    return ERR_OK;
}

/* The parts of a document while it is read or made; released unless they became one. */
struct parts {
    struct ring *ring, *before;
    char (*away)[RING_ID_MAX];
    size_t n_away;
};

static void parts_release(struct parts *p)
{
    ring_free(p->ring);
    ring_free(p->before);
    free(p->away);
}

/* k and the members under one pair of names. */
static enum err read_ring(const struct json *j, const char *k_name, const char *list_name, uint64_t epoch, struct ring **out)
{
    uint64_t k;
    struct ring_member *members = NULL;
    size_t n = 0;
    enum err e = json_get_u64(j, k_name, RING_K_MAX, &k);
    if (!e)
        e = read_members(json_get(j, list_name), &members, &n);
    if (!e)
        e = ring_new(members, n, (uint32_t)k, epoch, out);
    free(members);
    return e;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Sorts and checks: valid ids, none twice, none a member. */
static enum err check_away(struct parts *p)
{
    if (p->n_away)
        qsort(p->away, p->n_away, sizeof(*p->away), by_id);
    for (size_t i = 0; i < p->n_away; i++) {
        if (!ring_id_ok(p->away[i]) || ring_find(p->ring, p->away[i]) >= 0)
            return ERR_INVALID;
        if (i > 0 && strcmp(p->away[i - 1], p->away[i]) == 0)
            return ERR_INVALID;
    }
    return ERR_OK;
}

static enum err read_away(const struct json *list, struct parts *p)
{
    if (!list)
        return ERR_OK;
    size_t count = json_count(list);
    if (!json_is_array(list))
        return ERR_SYNTAX;
    if (count > RING_MEMBERS_MAX)
        return ERR_INVALID;
    p->away = calloc(count + 1, sizeof(*p->away));
    if (!p->away)
        return ERR_NOMEM;
    for (const struct json *item = json_first(list); item; item = json_next(item)) {
        const char *id = json_as_str(item);
        if (!id)
            return ERR_SYNTAX;
        if (strlen(id) >= RING_ID_MAX)
            return ERR_INVALID;
        memcpy(p->away[p->n_away++], id, strlen(id) + 1);
    }
    return check_away(p);
}

static enum err read_parts(const struct json *j, struct parts *p)
{
    uint64_t epoch;
    const char *state = json_get_str(j, "state");
    if (!state)
        return ERR_SYNTAX;
    int joint = strcmp(state, STATE_JOINT) == 0;
    if (!joint && strcmp(state, STATE_STABLE) != 0)
        return ERR_INVALID;
    enum err e = json_get_u64(j, "epoch", UINT64_MAX, &epoch);
    if (!e && epoch == 0)
        e = ERR_INVALID; /* the first ring is ring 1 */
    if (!e)
        e = joint ? read_ring(j, "prev_k", "prev", epoch, &p->before) : check_prev(json_get(j, "prev"));
    if (!e)
        e = read_ring(j, "k", "members", epoch, &p->ring);
    return e ? e : read_away(json_get(j, "away"), p);
}

/* Takes the parts in any case. */
static enum err make(struct parts *p, const struct ballot *b, const char *text, size_t len, struct ringdoc **out)
{
    struct ringdoc *d = calloc(1, sizeof(*d));
    char *copy = malloc(len + 1);
    if (!d || !copy) {
        parts_release(p);
        free(d);
        free(copy);
        return ERR_NOMEM;
    }
    memcpy(copy, text, len);
    copy[len] = '\0';
    *d = (struct ringdoc){
        .ring = p->ring, .before = p->before, .away = p->away, .n_away = p->n_away, .ballot = *b, .text = copy, .text_len = len};
    *out = d;
    return ERR_OK;
}

enum err ringdoc_parse(const char *text, size_t len, struct ringdoc **out)
{
    struct json *j = NULL;
    struct parts parts = {0};
    struct ballot ballot;
    if (len > RINGDOC_BYTES_MAX)
        return ERR_SYNTAX;
    enum err e = json_parse(text, len, &j);
    if (!e)
        e = ballot_from_json(json_get(j, "ballot"), &ballot);
    if (!e)
        e = read_parts(j, &parts);
    json_free(j);
    if (!e)
        return make(&parts, &ballot, text, len, out);
    parts_release(&parts);
    return e;
}

static struct json *members_json(const struct ring *ring)
{
    struct json *list = json_array();
    for (size_t i = 0; i < ring->n_members; i++) {
        const struct ring_member *m = &ring->members[i];
        struct json *member = json_object();
        json_set_str(member, "id", m->id);
        json_set_str(member, "name", m->name);
        json_set_str(member, "zone", m->zone);
        json_set_u64(member, "weight", m->weight);
        json_append(list, member);
    }
    return list;
}

static struct json *ids_json(const struct ring *ring)
{
    struct json *list = json_array();
    for (size_t i = 0; i < ring->n_members; i++)
        json_append(list, json_string(ring->members[i].id));
    return list;
}

static enum err print(const struct parts *p, const struct ballot *b, struct buf *out)
{
    struct json *j = json_object();
    json_set_u64(j, "epoch", p->ring->epoch);
    json_set_u64(j, "k", p->ring->k);
    json_set_str(j, "state", p->before ? STATE_JOINT : STATE_STABLE);
    json_set(j, "ballot", ballot_to_json(b));
    if (p->before)
        json_set_u64(j, "prev_k", p->before->k);
    json_set(j, "prev", p->before ? members_json(p->before) : ids_json(p->ring));
    json_set(j, "members", members_json(p->ring));
    if (p->n_away) {
        struct json *away = json_array();
        for (size_t i = 0; i < p->n_away; i++)
            json_append(away, json_string(p->away[i]));
        json_set(j, "away", away);
    }
    enum err e = json_print(j, out);
    json_free(j);
    return e;
}

/* Prints the parts and makes them a document; takes them in any case. */
static enum err print_and_make(struct parts *p, const struct ballot *b, struct ringdoc **out)
{
    struct buf text;
    buf_init(&text, RINGDOC_BYTES_MAX);
    enum err e = print(p, b, &text);
    if (e)
        parts_release(p);
    else
        e = make(p, b, buf_str(&text), text.len, out);
    buf_release(&text);
    return e;
}

enum err ringdoc_new(const struct ring_member *members, size_t n, uint32_t k, uint64_t epoch, const struct ballot *b, struct ringdoc **out)
{
    struct parts p = {0};
    if (epoch == 0)
        return ERR_INVALID;
    enum err e = ring_new(members, n, k, epoch, &p.ring);
    return e ? e : print_and_make(&p, b, out);
}

static enum err copy_away(const char (*ids)[RING_ID_MAX], size_t n, struct parts *p)
{
    if (n == 0)
        return ERR_OK;
    if (n > RING_MEMBERS_MAX)
        return ERR_INVALID;
    p->away = calloc(n, sizeof(*p->away));
    if (!p->away)
        return ERR_NOMEM;
    memcpy(p->away, ids, n * sizeof(*p->away));
    p->n_away = n;
    return check_away(p);
}

enum err ringdoc_joint(const struct ringdoc *from, const struct ringdoc_change *to, const struct ballot *b, struct ringdoc **out)
{
    struct parts p = {0};
    uint64_t epoch = from->ring->epoch + 1;
    if (from->before || epoch == 0)
        return ERR_INVALID;
    enum err e = ring_new(to->members, to->n, to->k, epoch, &p.ring);
    if (!e)
        e = ring_copy(from->ring, epoch, &p.before);
    if (!e)
        e = copy_away(to->away, to->n_away, &p);
    if (!e)
        return print_and_make(&p, b, out);
    parts_release(&p);
    return e;
}

enum err ringdoc_settled(const struct ringdoc *from, const struct ballot *b, struct ringdoc **out)
{
    struct parts p = {0};
    uint64_t epoch = from->ring->epoch + 1;
    if (!from->before || epoch == 0)
        return ERR_INVALID;
    enum err e = ring_copy(from->ring, epoch, &p.ring);
    if (!e)
        e = copy_away((const char(*)[RING_ID_MAX])from->away, from->n_away, &p);
    if (!e)
        return print_and_make(&p, b, out);
    parts_release(&p);
    return e;
}

/* The same rings and those away, under another ballot and text. */
static enum err copy_with(const struct ringdoc *from, const struct ballot *b, const char *text, size_t len, struct ringdoc **out)
{
    struct parts p = {0};
    enum err e = ring_copy(from->ring, from->ring->epoch, &p.ring);
    if (!e && from->before)
        e = ring_copy(from->before, from->before->epoch, &p.before);
    if (!e)
        e = copy_away((const char(*)[RING_ID_MAX])from->away, from->n_away, &p);
    if (!e)
        return make(&p, b, text, len, out);
    parts_release(&p);
    return e;
}

enum err ringdoc_copy(const struct ringdoc *from, struct ringdoc **out)
{
    return copy_with(from, &from->ballot, from->text, from->text_len, out);
}

int ringdoc_is_joint(const struct ringdoc *d)
{
    return d->before != NULL;
}

int ringdoc_is_away(const struct ringdoc *d, const char *id)
{
    for (size_t i = 0; i < d->n_away; i++)
        if (strcmp(d->away[i], id) == 0)
            return 1;
    return 0;
}

int ringdoc_names(const struct ringdoc *d, const char *id)
{
    return ring_find(d->ring, id) >= 0 || (d->before && ring_find(d->before, id) >= 0);
}

static size_t majority_missing(const struct ring *r, int (*has)(void *ctx, const char *id), void *ctx)
{
    size_t yes = 0, wanted = r->n_members / 2 + 1;
    for (size_t i = 0; i < r->n_members; i++)
        yes += (size_t)(has(ctx, r->members[i].id) != 0);
    return yes < wanted ? wanted - yes : 0;
}

size_t ringdoc_quorum_missing(const struct ringdoc *d, int (*has)(void *ctx, const char *id), void *ctx)
{
    size_t now = majority_missing(d->ring, has, ctx);
    size_t before = d->before ? majority_missing(d->before, has, ctx) : 0;
    return now > before ? now : before;
}

enum err ringdoc_under(const struct ringdoc *from, const struct ballot *b, struct ringdoc **out)
{
    struct json *j;
    struct buf text;
    if (ballot_cmp(&from->ballot, b) == 0)
        return ringdoc_copy(from, out);
    enum err e = json_parse(from->text, from->text_len, &j);
    if (e)
        return e;
    buf_init(&text, RINGDOC_BYTES_MAX);
    json_set(j, "ballot", ballot_to_json(b));
    e = json_print(j, &text);
    json_free(j);
    if (!e)
        e = copy_with(from, b, buf_str(&text), text.len, out);
    buf_release(&text);
    return e;
}

void ringdoc_free(struct ringdoc *d)
{
    if (!d)
        return;
    ring_free(d->ring);
    ring_free(d->before);
    free(d->away);
    free(d->text);
    free(d);
}
