#include "fcgi/service/picture.h"

#include "lib/base/fs.h"
#include "lib/base/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (8u << 20) /* a ring of RING_MEMBERS_MAX nodes and their facts */

const struct member *picture_node(const struct members *m, const char *id)
{
    for (size_t i = 0; i < m->n_nodes; i++)
        if (strcmp(m->nodes[i].id, id) == 0)
            return &m->nodes[i];
    return NULL;
}

/* Sorted by name, as members_read() gives them. */
static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct member *)a)->name, ((const struct member *)b)->name);
}

static void finish(struct members *m)
{
    for (size_t i = 0; i < m->n_nodes; i++)
        m->nodes[i].state = members_state(m->ring, &m->wishes, &m->nodes[i]);
    if (m->n_nodes > 0)
        qsort(m->nodes, m->n_nodes, sizeof(*m->nodes), by_name);
}

enum err picture_copy(const struct members *from, struct members *out)
{
    struct members m = *from;
    m.ring = NULL;
    m.nodes = calloc(from->n_nodes + 1, sizeof(*m.nodes));
    enum err e = m.nodes == NULL ? ERR_NOMEM : ERR_OK;
    if (e == ERR_OK && from->n_nodes > 0)
        memcpy(m.nodes, from->nodes, from->n_nodes * sizeof(*m.nodes));
    if (e == ERR_OK && from->ring != NULL)
        e = ringdoc_copy(from->ring, &m.ring);
    if (e == ERR_OK)
        *out = m;
    else
        free(m.nodes);
    return e;
}

static enum err keep_newer_ring(struct members *fresh, const struct members *known)
{
    if (known->ring == NULL || (fresh->ring != NULL && fresh->ring->ring->epoch >= known->ring->ring->epoch))
        return ERR_OK;
    struct ringdoc *copy;
    enum err e = ringdoc_copy(known->ring, &copy);
    if (e != ERR_OK)
        return e;
    ringdoc_free(fresh->ring);
    fresh->ring = copy;
    return ERR_OK;
}

static enum err keep_forgotten_nodes(struct members *fresh, const struct members *known)
{
    if (fresh->ring == NULL || known->n_nodes == 0)
        return ERR_OK;
    struct member *nodes = realloc(fresh->nodes, (fresh->n_nodes + known->n_nodes) * sizeof(*nodes));
    if (nodes == NULL)
        return ERR_NOMEM;
    fresh->nodes = nodes;
    for (size_t i = 0; i < known->n_nodes; i++) {
        const struct member *old = &known->nodes[i];
        if (picture_node(fresh, old->id) != NULL || !ringdoc_names(fresh->ring, old->id))
            continue;
        struct member *kept = &nodes[fresh->n_nodes++];
        *kept = *old;
        kept->alive = 0;
    }
    return ERR_OK;
}

enum err picture_complete(struct members *fresh, const struct members *known)
{
    enum err e = keep_newer_ring(fresh, known);
    if (e == ERR_OK)
        e = keep_forgotten_nodes(fresh, known);
    finish(fresh);
    return e;
}

void picture_keep_living(struct members *fresh, const struct members *known)
{
    for (size_t i = 0; i < fresh->n_nodes; i++) {
        const struct member *before = picture_node(known, fresh->nodes[i].id);
        if (before != NULL && before->alive)
            fresh->nodes[i].alive = 1;
    }
    finish(fresh);
}

void picture_take_ring(struct members *m, struct ringdoc *ring)
{
    ringdoc_free(m->ring);
    m->ring = ring;
    finish(m);
}

static enum err copy_text(const struct json *j, const char *name, char *out, size_t size)
{
    const char *text = json_get_str(j, name);
    if (text == NULL || strlen(text) >= size)
        return ERR_SYNTAX;
    memcpy(out, text, strlen(text) + 1);
    return ERR_OK;
}

static int is_heard(const struct json *node)
{
    const char *state = json_get_str(node, "state");
    return json_get_bool(node, "alive", state != NULL && strcmp(state, member_state_name(MEMBER_UP)) == 0);
}

/* One node of a coordinator's list over what was known of it. hears: the coordinator hears some node. */
static enum err read_node(const struct json *j, const struct members *known, int hears, struct member *out)
{
    const char *id = json_get_str(j, "id"), *state = json_get_str(j, "state");
    if (id == NULL || state == NULL)
        return ERR_SYNTAX;
    const struct member *before = picture_node(known, id);
    if (before != NULL)
        *out = *before;
    else
        *out = (struct member){.weight = 1, .stores = 1, .alive = 1};
    if (hears)
        out->alive = is_heard(j);
    if (json_get_u64(j, "out_at", UINT64_MAX, &out->out_at_ms) != ERR_OK)
        out->out_at_ms = 0;
    enum err e = copy_text(j, "id", out->id, sizeof(out->id));
    if (e == ERR_OK)
        e = copy_text(j, "name", out->name, sizeof(out->name));
    if (e == ERR_OK)
        e = copy_text(j, "url", out->url, sizeof(out->url));
    if (e == ERR_OK)
        e = copy_text(j, "zone", out->zone, sizeof(out->zone));
    /* Whoever answered: it will be called, and a picture that is kept has to be read again. */
    if (e == ERR_OK && (!member_id_fits(out->id, out->name) || !url_ok(out->url)))
        e = ERR_SYNTAX;
    return e;
}

static enum err read_nodes(const struct json *list, const struct members *known, struct members *out)
{
    if (!json_is_array(list) || json_count(list) > RING_MEMBERS_MAX * 4)
        return ERR_SYNTAX;
    out->nodes = calloc(json_count(list) + 1, sizeof(*out->nodes));
    if (out->nodes == NULL)
        return ERR_NOMEM;
    int hears = 0;
    for (const struct json *item = json_first(list); item != NULL; item = json_next(item))
        hears |= is_heard(item);
    for (const struct json *item = json_first(list); item != NULL; item = json_next(item)) {
        enum err e = read_node(item, known, hears, &out->nodes[out->n_nodes]);
        if (e != ERR_OK)
            return e;
        out->n_nodes++;
    }
    return ERR_OK;
}

enum err picture_read_ring(const struct json *j, struct ringdoc **out)
{
    if (json_is_null(j))
        return ERR_OK;
    struct buf text;
    buf_init(&text, RINGDOC_BYTES_MAX);
    enum err e = json_print(j, &text);
    if (e == ERR_OK)
        e = ringdoc_parse(buf_str(&text), text.len, out);
    buf_release(&text);
    return e;
}

/* The leader as the coordinator sees it; who else coordinates is not told, so it stays as it was. */
static enum err read_coordinators(const struct json *leader, const struct members *known, struct members *out)
{
    memcpy(out->coordinators, known->coordinators, sizeof(out->coordinators));
    memcpy(out->coordinator_is_alive, known->coordinator_is_alive, sizeof(out->coordinator_is_alive));
    out->n_coordinators = known->n_coordinators;
    if (json_is_null(leader))
        return ERR_OK;
    enum err e = copy_text(leader, "name", out->leader_name, sizeof(out->leader_name));
    if (e == ERR_OK)
        e = json_get_u64(leader, "epoch", UINT64_MAX, &out->leader_epoch);
    if (e == ERR_OK && strcmp(out->leader_name, known->leader_name) == 0 && out->leader_epoch == known->leader_epoch)
        out->leader_since_ms = known->leader_since_ms;
    return e;
}

static uint64_t number(const struct json *j, const char *name)
{
    uint64_t value;
    return json_get_u64(j, name, UINT64_MAX, &value) == ERR_OK ? value : 0;
}

/* What the leader says of the change under way; nothing of it decides anything, so what cannot be read is left out. */
static void read_news(const struct json *j, struct members *out)
{
    const struct json *p = json_get(j, "progress"), *wishes = json_get(j, "wishes");
    out->progress = (struct members_progress){.epoch = number(p, "epoch"),
        .copies_done = number(p, "copies_done"),
        .copies_total = number(p, "copies_total"),
        .bytes_done = number(p, "bytes_done"),
        .bytes_total = number(p, "bytes_total"),
        .bytes_per_s = number(p, "bytes_per_s"),
        .ends_at_ms = number(p, "ends_at")};
    if (json_copy_str(j, "waiting", out->waiting, sizeof(out->waiting)) != ERR_OK)
        out->waiting[0] = '\0';
    for (const struct json *w = json_first(wishes); w != NULL && out->wishes.n < MEMBERS_WISHES_MAX; w = json_next(w)) {
        struct members_wish *wish = &out->wishes.at[out->wishes.n];
        for (int kind = MEMBERS_WISH_DRAIN; kind <= MEMBERS_WISH_REMOVE && json_as_str(w) != NULL; kind++) {
            if (strcmp(json_as_str(w), members_wish_word((enum members_wish_kind)kind)) != 0 || strlen(json_name(w)) >= RING_ID_MAX)
                continue;
            snprintf(wish->id, sizeof(wish->id), "%s", json_name(w));
            wish->kind = (enum members_wish_kind)kind;
            out->wishes.n++;
        }
    }
}

enum err picture_from_coordinator(const char *text, size_t len, const struct members *known, struct members *out)
{
    struct members m = {.n_nodes = 0};
    struct json *j;
    enum err e = json_parse(text, len, &j);
    if (e != ERR_OK)
        return e;
    e = picture_read_ring(json_get(j, "ring"), &m.ring);
    if (e == ERR_OK)
        e = read_nodes(json_get(j, "nodes"), known, &m);
    if (e == ERR_OK)
        e = read_coordinators(json_get(j, "leader"), known, &m);
    if (e == ERR_OK)
        read_news(j, &m);
    if (e == ERR_OK)
        e = picture_complete(&m, known);
    json_free(j);
    if (e == ERR_OK)
        *out = m;
    else
        members_release(&m);
    return e;
}

static enum err load_nodes(const struct json *list, struct members *m)
{
    if (!json_is_array(list))
        return ERR_SYNTAX;
    m->nodes = calloc(json_count(list) + 1, sizeof(*m->nodes));
    if (m->nodes == NULL)
        return ERR_NOMEM;
    for (const struct json *item = json_first(list); item != NULL; item = json_next(item)) {
        enum err e = member_from_json(item, &m->nodes[m->n_nodes]);
        if (e != ERR_OK)
            return e;
        m->nodes[m->n_nodes++].alive = 1;
    }
    return ERR_OK;
}

enum err picture_load(const char *path, struct members *out)
{
    struct members m = {.n_nodes = 0};
    struct json *j = NULL;
    struct buf text;
    buf_init(&text, FILE_MAX);
    enum err e = fs_read_file(path, &text);
    if (e == ERR_OK)
        e = json_parse(buf_str(&text), text.len, &j);
    if (e == ERR_OK)
        e = picture_read_ring(json_get(j, "ring"), &m.ring);
    if (e == ERR_OK)
        e = load_nodes(json_get(j, "nodes"), &m);
    json_free(j);
    buf_release(&text);
    if (e != ERR_OK) {
        members_release(&m);
        return e;
    }
    finish(&m);
    *out = m;
    return ERR_OK;
}

enum err picture_save(const char *path, const struct members *m)
{
    struct json *j = json_object(), *nodes = json_array(), *ring = NULL;
    struct buf text;
    enum err e = ERR_OK;
    buf_init(&text, FILE_MAX);
    if (m->ring != NULL)
        e = json_parse(m->ring->text, m->ring->text_len, &ring);
    if (ring != NULL)
        json_set(j, "ring", ring);
    else
        json_set_null(j, "ring");
    for (size_t i = 0; i < m->n_nodes; i++)
        if (m->nodes[i].stores)
            json_append(nodes, member_to_json(&m->nodes[i]));
    json_set(j, "nodes", nodes);
    if (e == ERR_OK)
        e = json_print(j, &text);
    if (e == ERR_OK)
        e = fs_replace_file(path, buf_str(&text), text.len, 0600);
    json_free(j);
    buf_release(&text);
    return e;
}

void picture_digest(const struct members *m, uint8_t out[HASH_SIZE])
{
    struct hash_ctx *h = hash_new();
    memset(out, 0, HASH_SIZE);
    if (h == NULL)
        return;
    if (m->ring != NULL)
        hash_add(h, m->ring->text, m->ring->text_len);
    for (size_t i = 0; i < m->n_nodes; i++) {
        if (!m->nodes[i].stores)
            continue;
        hash_add(h, m->nodes[i].id, strlen(m->nodes[i].id) + 1);
        hash_add(h, m->nodes[i].url, strlen(m->nodes[i].url) + 1);
    }
    hash_end(h, out);
    hash_free(h);
}
