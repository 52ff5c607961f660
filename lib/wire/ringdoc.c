#include "lib/wire/ringdoc.h"

#include <stdlib.h>
#include <string.h>

#define STATE_STABLE "stable"

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

static enum err read_ring(const struct json *j, struct ring **out)
{
    uint64_t epoch, k;
    const char *state = json_get_str(j, "state");
    if (!state)
        return ERR_SYNTAX;
    if (strcmp(state, STATE_STABLE) != 0)
        return ERR_INVALID;
    enum err e = json_get_u64(j, "epoch", UINT64_MAX, &epoch);
    if (!e && epoch == 0)
        e = ERR_INVALID; /* the first ring is ring 1 */
    if (!e)
        e = json_get_u64(j, "k", RING_K_MAX, &k);
    if (!e)
        e = check_prev(json_get(j, "prev"));
    struct ring_member *members = NULL;
    size_t n = 0;
    if (!e)
        e = read_members(json_get(j, "members"), &members, &n);
    if (!e)
        e = ring_new(members, n, (uint32_t)k, epoch, out);
    free(members);
    return e;
}

/* Takes the ring in any case. */
static enum err make(struct ring *ring, const struct ballot *b, const char *text, size_t len, struct ringdoc **out)
{
    struct ringdoc *d = calloc(1, sizeof(*d));
    char *copy = malloc(len + 1);
    if (!d || !copy) {
        ring_free(ring);
        free(d);
        free(copy);
        return ERR_NOMEM;
    }
    memcpy(copy, text, len);
    copy[len] = '\0';
    *d = (struct ringdoc){.ring = ring, .ballot = *b, .text = copy, .text_len = len};
    *out = d;
    return ERR_OK;
}

enum err ringdoc_parse(const char *text, size_t len, struct ringdoc **out)
{
    struct json *j = NULL;
    struct ring *ring = NULL;
    struct ballot ballot;
    if (len > RINGDOC_BYTES_MAX)
        return ERR_SYNTAX;
    enum err e = json_parse(text, len, &j);
    if (!e)
        e = ballot_from_json(json_get(j, "ballot"), &ballot);
    if (!e)
        e = read_ring(j, &ring);
    json_free(j);
    return e ? e : make(ring, &ballot, text, len, out);
}

/* The document of a ring that came about without a move: `prev` and `members` are the same list. */
static enum err print(const struct ring *ring, const struct ballot *b, struct buf *out)
{
    struct json *j = json_object(), *prev = json_array(), *members = json_array();
    for (size_t i = 0; i < ring->n_members; i++) {
        const struct ring_member *m = &ring->members[i];
        struct json *member = json_object();
        json_set_str(member, "id", m->id);
        json_set_str(member, "name", m->name);
        json_set_str(member, "zone", m->zone);
        json_set_u64(member, "weight", m->weight);
        json_append(members, member);
        json_append(prev, json_string(m->id));
    }
    json_set_u64(j, "epoch", ring->epoch);
    json_set_u64(j, "k", ring->k);
    json_set_str(j, "state", STATE_STABLE);
    json_set(j, "ballot", ballot_to_json(b));
    json_set(j, "prev", prev);
    json_set(j, "members", members);
    enum err e = json_print(j, out);
    json_free(j);
    return e;
}

enum err ringdoc_new(const struct ring_member *members, size_t n, uint32_t k, uint64_t epoch, const struct ballot *b, struct ringdoc **out)
{
    struct ring *ring = NULL;
    if (epoch == 0)
        return ERR_INVALID;
    enum err e = ring_new(members, n, k, epoch, &ring);
    if (e)
        return e;
    struct buf text;
    buf_init(&text, RINGDOC_BYTES_MAX);
    e = print(ring, b, &text);
    if (e)
        ring_free(ring);
    else
        e = make(ring, b, buf_str(&text), text.len, out);
    buf_release(&text);
    return e;
}

enum err ringdoc_copy(const struct ringdoc *from, struct ringdoc **out)
{
    const struct ring *r = from->ring;
    struct ring *ring = NULL;
    enum err e = ring_new(r->members, r->n_members, r->k, r->epoch, &ring);
    return e ? e : make(ring, &from->ballot, from->text, from->text_len, out);
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
        e = ringdoc_parse(buf_str(&text), text.len, out);
    buf_release(&text);
    return e;
}

void ringdoc_free(struct ringdoc *d)
{
    if (!d)
        return;
    ring_free(d->ring);
    free(d->text);
    free(d);
}
