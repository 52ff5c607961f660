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
static int id_fits_name(const char *id, const char *name)
{
    size_t n = strlen(name);
    return ring_name_ok(name) && ring_id_ok(id) && strncmp(id, name, n) == 0 && id[n] == '.';
}

enum err member_from_json(const struct json *j, struct member *out)
{
    struct member m = {.state = MEMBER_JOINING};
    uint64_t weight = 0;
    if (!json_is_object(j) || json_copy_str(j, "id", m.id, sizeof m.id) != ERR_OK ||
        json_copy_str(j, "name", m.name, sizeof m.name) != ERR_OK || json_copy_str(j, "url", m.url, sizeof m.url) != ERR_OK ||
        json_copy_str(j, "zone", m.zone, sizeof m.zone) != ERR_OK)
        return ERR_SYNTAX;
    if (!id_fits_name(m.id, m.name) || json_get_u64(j, "weight", RING_WEIGHT_MAX, &weight) != ERR_OK || weight == 0)
        return ERR_SYNTAX;
    m.weight = (uint32_t)weight;
    m.stores = json_get_bool(j, "stores", 1);
    if (take_number(j, "files", &m.files) != ERR_OK || take_number(j, "bytes", &m.bytes) != ERR_OK ||
        take_number(j, "capacity_bytes", &m.capacity_bytes) != ERR_OK || take_number(j, "free_bytes", &m.free_bytes) != ERR_OK ||
        take_number(j, "ring", &m.ring_epoch) != ERR_OK || take_number(j, "heartbeat_at", &m.heartbeat_at_ms) != ERR_OK)
        return ERR_SYNTAX;
    *out = m;
    return ERR_OK;
}
