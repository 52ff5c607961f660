/* The two keys that sign share links: the document sys/keys. */
#include "fcgi/service/links_inside.h"

#include "lib/auth/secret.h"
#include "lib/base/log.h"
#include "lib/base/num.h"

#include <string.h>

#define KEYS_VERSION 1

struct json *links_keys_to_json(const struct link_keys *keys)
{
    struct json *j = json_object(), *list = json_array();
    json_set_u64(j, "v", KEYS_VERSION);
    for (size_t i = 0; i < keys->n; i++) {
        char hex[HASH_HEX_SIZE];
        struct json *one = json_object();
        num_hex(keys->key[i].bytes, HASH_SIZE, hex);
        json_set_str(one, "id", keys->key[i].id);
        json_set_str(one, "key", hex);
        json_append(list, one);
        secret_wipe(hex, sizeof(hex));
    }
    json_set(j, "keys", list);
    return j;
}

static enum err read_key(const struct json *j, struct link_key *out)
{
    const char *id = json_get_str(j, "id"), *hex = json_get_str(j, "key");
    if (id == NULL || hex == NULL || !num_is_hex(id, LINK_KEY_ID_SIZE - 1) || !num_is_hex(hex, HASH_HEX_SIZE - 1))
        return ERR_SYNTAX;
    memcpy(out->id, id, LINK_KEY_ID_SIZE);
    return num_unhex(hex, out->bytes, HASH_SIZE);
}

enum err links_keys_from_json(const struct json *j, struct link_keys *out)
{
    struct link_keys keys = {.n = 0};
    uint64_t version;
    const struct json *list = json_get(j, "keys");
    enum err e = json_get_u64(j, "v", JSON_EXACT_MAX, &version);
    if (e == ERR_OK && version > KEYS_VERSION)
        return ERR_INVALID;
    if (e != ERR_OK || version == 0 || !json_is_array(list) || json_count(list) == 0 || json_count(list) > LINK_KEYS_MAX)
        return ERR_SYNTAX;
    for (const struct json *item = json_first(list); item != NULL && e == ERR_OK; item = json_next(item)) {
        e = read_key(item, &keys.key[keys.n]);
        keys.n += e == ERR_OK;
    }
    if (e == ERR_OK)
        *out = keys;
    secret_wipe(&keys, sizeof(keys));
    return e;
}

enum err links_keys_read(struct worker *w, struct link_keys *out)
{
    struct sysdoc d;
    enum err e = sysdoc_read(w, LINKS_KEYS_KEY, &d);
    if (e != ERR_OK)
        return e;
    e = links_keys_from_json(d.doc, out);
    if (e != ERR_OK)
        log_write(LOG_ERROR, "links", "%s cannot be read: %s", LINKS_KEYS_KEY, err_text(e));
    sysdoc_release(&d);
    return e == ERR_SYNTAX ? ERR_INVALID : e;
}

/* The first key is drawn where there are none; with `rotate` a new one goes before the others. */
struct drawing {
    int rotate;
    struct link_keys now;
};

static enum err draw(const struct sysdoc *old, void *ctx, struct json **out)
{
    struct drawing *t = ctx;
    struct link_keys keys = {.n = 0};
    enum err e = old == NULL ? ERR_OK : links_keys_from_json(old->doc, &keys);
    if (e != ERR_OK)
        return e == ERR_SYNTAX ? ERR_INVALID : e;
    if (keys.n == 0 || t->rotate) {
        memmove(&keys.key[1], &keys.key[0], (LINK_KEYS_MAX - 1) * sizeof(keys.key[0]));
        link_key_new(&keys.key[0]);
        keys.n = keys.n < LINK_KEYS_MAX ? keys.n + 1 : LINK_KEYS_MAX;
        *out = links_keys_to_json(&keys);
        e = *out == NULL ? ERR_NOMEM : ERR_OK;
    }
    t->now = keys;
    secret_wipe(&keys, sizeof(keys));
    return e;
}

enum err links_keys_need(struct worker *w, const char *by, struct link_keys *out)
{
    struct drawing t = {.rotate = 0};
    enum err e = links_keys_read(w, out);
    if (e != ERR_NOT_FOUND)
        return e;
    e = sysdoc_alter(w, LINKS_KEYS_KEY, by, draw, &t, NULL);
    if (e == ERR_OK)
        *out = t.now;
    secret_wipe(&t, sizeof(t));
    return e;
}

enum err links_rotate(struct worker *w, const char *by)
{
    struct drawing t = {.rotate = 1};
    enum err e = sysdoc_alter(w, LINKS_KEYS_KEY, by, draw, &t, NULL);
    secret_wipe(&t, sizeof(t));
    return e;
}
