#include "lib/wire/member.h"

#include <string.h>

const char *member_state_name(enum member_state s)
{
    switch (s) {
    case MEMBER_JOINING: return "joining";
    case MEMBER_UP: return "up";
    case MEMBER_SUSPECT: return "suspect";
    case MEMBER_OUT: return "out";
    case MEMBER_DRAINING: return "draining";
    case MEMBER_GONE: return "gone";
    }
    return "unknown";
}

static struct json *move_json(const struct member_move *m)
{
    struct json *j = json_object(), *pairs = json_array();
    json_set_u64(j, "epoch", m->epoch);
    json_set_u64(j, "order", m->order);
    json_set_bool(j, "complete", m->complete);
    json_set_u64(j, "copies_done", m->copies_done);
    json_set_u64(j, "copies_total", m->copies_total);
    json_set_u64(j, "bytes_done", m->bytes_done);
    json_set_u64(j, "bytes_total", m->bytes_total);
    for (size_t i = 0; i < m->n_pairs; i++) {
        struct json *pair = json_object();
        json_set_str(pair, "from", m->pairs[i].from);
        json_set_str(pair, "to", m->pairs[i].to);
        json_set_u64(pair, "done", m->pairs[i].done);
        json_set_u64(pair, "total", m->pairs[i].total);
        json_append(pairs, pair);
    }
    json_set(j, "pairs", pairs);
    return j;
}

struct json *member_census_to_json(const struct member_census *c)
{
    struct json *j = json_object();
    json_set_u64(j, "courses", c->courses);
    json_set_u64(j, "missing", c->missing);
    json_set_u64(j, "below_k", c->below_k);
    json_set_u64(j, "unreadable", c->unreadable);
    return j;
}

static struct json *share_json(const struct member *m)
{
    struct json *j = json_object();
    json_set_str(j, "digest", m->share_digest);
    json_set_u64(j, "files", m->shared_files);
    json_set_u64(j, "obtain_port", m->obtain_port);
    return j;
}

struct json *member_to_json(const struct member *m)
{
    struct json *j = json_object();
    json_set_str(j, "id", m->id);
    json_set_str(j, "name", m->name);
    json_set_str(j, "url", m->url);
    json_set_str(j, "zone", m->zone);
    json_set_u64(j, "weight", m->weight);
    json_set_bool(j, "stores", m->stores);
    json_set_u64(j, "files", m->files);
    json_set_u64(j, "bytes", m->bytes);
    json_set_u64(j, "capacity_bytes", m->capacity_bytes);
    json_set_u64(j, "free_bytes", m->free_bytes);
    json_set_u64(j, "ring", m->ring_epoch);
    json_set_u64(j, "load", m->load);
    json_set_u64(j, "quarantined", m->quarantined);
    json_set_str(j, "machine", m->machine);
    json_set_str(j, "volume", m->volume);
    if (m->move.epoch)
        json_set(j, "move", move_json(&m->move));
    if (m->census.known)
        json_set(j, "census", member_census_to_json(&m->census));
    if (m->shares)
        json_set(j, "share", share_json(m));
    if (m->heartbeat_at_ms)
        json_set_u64(j, "heartbeat_at", m->heartbeat_at_ms);
    return j;
}

/* A number that may be missing: *out stays then. */
static enum err take_number(const struct json *j, const char *key, uint64_t *out)
{
    return json_get(j, key) ? json_get_u64(j, key, JSON_EXACT_MAX, out) : ERR_OK;
}

/* An id is its name, a dot, and its incarnation. */
int member_id_fits(const char *id, const char *name)
{
    size_t n = strlen(name);
    return ring_name_ok(name) && ring_id_ok(id) && strncmp(id, name, n) == 0 && id[n] == '.';
}

/* One of two texts that may be missing: a name, or "". */
static enum err take_name(const struct json *j, const char *key, char out[RING_NAME_MAX])
{
    enum err e = json_copy_str(j, key, out, RING_NAME_MAX);
    return !e && *out && !ring_name_ok(out) ? ERR_SYNTAX : e;
}

static enum err take_pairs(const struct json *list, struct member_move *m)
{
    if (!json_is_array(list) || json_count(list) > MEMBER_PAIRS_MAX)
        return ERR_SYNTAX;
    for (const struct json *item = json_first(list); item; item = json_next(item)) {
        size_t i = m->n_pairs++;
        if (take_name(item, "from", m->pairs[i].from) != ERR_OK || take_name(item, "to", m->pairs[i].to) != ERR_OK ||
            json_get_u64(item, "done", JSON_EXACT_MAX, &m->pairs[i].done) != ERR_OK ||
            json_get_u64(item, "total", JSON_EXACT_MAX, &m->pairs[i].total) != ERR_OK)
            return ERR_SYNTAX;
    }
    return ERR_OK;
}

static enum err take_move(const struct json *j, struct member_move *m)
{
    if (!j)
        return ERR_OK;
    m->complete = json_get_bool(j, "complete", 0);
    if (take_number(j, "epoch", &m->epoch) != ERR_OK || take_number(j, "order", &m->order) != ERR_OK ||
        take_number(j, "copies_done", &m->copies_done) != ERR_OK || take_number(j, "copies_total", &m->copies_total) != ERR_OK ||
        take_number(j, "bytes_done", &m->bytes_done) != ERR_OK || take_number(j, "bytes_total", &m->bytes_total) != ERR_OK)
        return ERR_SYNTAX;
    return take_pairs(json_get(j, "pairs"), m);
}

static enum err take_census(const struct json *j, struct member_census *c)
{
    if (!j)
        return ERR_OK;
    c->known = 1;
    if (take_number(j, "courses", &c->courses) != ERR_OK || take_number(j, "missing", &c->missing) != ERR_OK ||
        take_number(j, "below_k", &c->below_k) != ERR_OK || take_number(j, "unreadable", &c->unreadable) != ERR_OK)
        return ERR_SYNTAX;
    return ERR_OK;
}

static enum err take_share(const struct json *j, struct member *m)
{
    static const char hex[] = "0123456789abcdef";
    uint64_t port = 0;
    if (!j)
        return ERR_OK;
    m->shares = 1;
    if (json_copy_str(j, "digest", m->share_digest, sizeof m->share_digest) != ERR_OK ||
        strspn(m->share_digest, hex) != sizeof m->share_digest - 1)
        return ERR_SYNTAX;
    if (json_get_u64(j, "files", MEMBER_SHARED_MAX, &m->shared_files) != ERR_OK ||
        json_get_u64(j, "obtain_port", UINT16_MAX, &port) != ERR_OK)
        return ERR_SYNTAX;
    m->obtain_port = (uint16_t)port;
    return ERR_OK;
}

/* A text of printable ASCII that may be missing. */
static enum err take_place(const struct json *j, const char *key, char out[MEMBER_PLACE_MAX])
{
    if (!json_get(j, key))
        return ERR_OK;
    enum err e = json_copy_str(j, key, out, MEMBER_PLACE_MAX);
    for (const char *c = out; !e && *c; c++)
        if (*c < '!' || *c > '~')
            e = ERR_SYNTAX;
    return e;
}

enum err member_from_json(const struct json *j, struct member *out)
{
    struct member m = {.state = MEMBER_JOINING};
    uint64_t weight = 0;
    if (!json_is_object(j) || json_copy_str(j, "id", m.id, sizeof m.id) != ERR_OK ||
        json_copy_str(j, "name", m.name, sizeof m.name) != ERR_OK || json_copy_str(j, "url", m.url, sizeof m.url) != ERR_OK ||
        json_copy_str(j, "zone", m.zone, sizeof m.zone) != ERR_OK)
        return ERR_SYNTAX;
    if (!member_id_fits(m.id, m.name) || json_get_u64(j, "weight", RING_WEIGHT_MAX, &weight) != ERR_OK || weight == 0)
        return ERR_SYNTAX;
    m.weight = (uint32_t)weight;
    m.stores = json_get_bool(j, "stores", 1);
    if (take_number(j, "files", &m.files) != ERR_OK || take_number(j, "bytes", &m.bytes) != ERR_OK ||
        take_number(j, "capacity_bytes", &m.capacity_bytes) != ERR_OK || take_number(j, "free_bytes", &m.free_bytes) != ERR_OK ||
        take_number(j, "ring", &m.ring_epoch) != ERR_OK || take_number(j, "load", &m.load) != ERR_OK ||
        take_number(j, "quarantined", &m.quarantined) != ERR_OK || take_number(j, "heartbeat_at", &m.heartbeat_at_ms) != ERR_OK)
        return ERR_SYNTAX;
    if (take_place(j, "machine", m.machine) != ERR_OK || take_place(j, "volume", m.volume) != ERR_OK ||
        take_move(json_get(j, "move"), &m.move) != ERR_OK || take_census(json_get(j, "census"), &m.census) != ERR_OK ||
        take_share(json_get(j, "share"), &m) != ERR_OK)
        return ERR_SYNTAX;
    *out = m;
    return ERR_OK;
}
