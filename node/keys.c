#include "node/keys.h"

#include "lib/audit/folder.h"
#include "lib/base/fs.h"
#include "lib/base/log.h"
#include "lib/base/num.h"
#include "lib/base/seal.h"
#include "lib/wire/json.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY_FILE "node.key"
#define PAIRS_FILE "pairs.json"
#define KEY_FILE_MAX 1024u
#define MODE 0600

static enum err join_path(char out[PATH_MAX], const char *data, const char *name)
{
    int len = snprintf(out, PATH_MAX, "%s/%s", data, name);
    return len < 0 || len >= PATH_MAX ? ERR_INVALID : ERR_OK;
}

static void wipe(struct buf *b)
{
    if (b->data)
        explicit_bzero(b->data, b->cap);
    buf_release(b);
}

void keys_derive(const struct sign_key *master, const char *id, struct keys_given *out)
{
    char sender[SIGN_SENDER_MAX];
    struct sign_key coordinators;
    snprintf(sender, sizeof(sender), "node:%s", id);
    sign_node_key(master, id, &out->own);
    sign_coordinators_key(master, &coordinators);
    sign_pair_key(&coordinators, sender, &out->to_coordinators);
    audit_seed_first(master->bytes, sender, out->seed);
    explicit_bzero(&coordinators, sizeof(coordinators));
}

static enum err get_key(const struct json *j, const char *name, struct sign_key *out)
{
    const char *hex = json_get_str(j, name);
    return hex && num_unhex(hex, out->bytes, sizeof(out->bytes)) == ERR_OK ? ERR_OK : ERR_SYNTAX;
}

static void set_key(struct json *j, const char *name, const struct sign_key *key)
{
    char hex[2 * SIGN_KEY_SIZE + 1];
    num_hex(key->bytes, sizeof(key->bytes), hex);
    json_set_str(j, name, hex);
    explicit_bzero(hex, sizeof(hex));
}

/* Reads a private JSON file of at most max bytes. */
static enum err read_json(const char *data, const char *name, size_t max, struct json **out)
{
    char path[PATH_MAX];
    struct buf text;
    buf_init(&text, max);
    enum err e = join_path(path, data, name);
    if (!e)
        e = fs_read_private(path, &text);
    if (!e)
        e = json_parse(buf_str(&text), text.len, out);
    wipe(&text);
    return e == ERR_SYNTAX ? ERR_CORRUPT : e;
}

/* node.key: the id that it is for, and the keys. */
static enum err read_own(const char *data, char id[SIGN_SENDER_MAX], struct keys_given *out)
{
    struct json *j;
    enum err e = read_json(data, KEY_FILE, KEY_FILE_MAX, &j);
    if (e)
        return e;
    const char *text = json_get_str(j, "id");
    if (!text || strlen(text) >= SIGN_SENDER_MAX || get_key(j, "key", &out->own) || get_key(j, "coordinators", &out->to_coordinators))
        e = ERR_CORRUPT;
    else
        memcpy(id, text, strlen(text) + 1);
    json_free(j);
    if (!e && (sign_key_is_known(&out->own) || sign_key_is_known(&out->to_coordinators)))
        e = ERR_INVALID;
    return e;
}

static enum err write_own(const char *data, const char *id, const struct keys_given *given)
{
    char path[PATH_MAX];
    struct buf text;
    struct json *j = json_object();
    json_set_str(j, "id", id);
    set_key(j, "key", &given->own);
    set_key(j, "coordinators", &given->to_coordinators);
    buf_init(&text, KEY_FILE_MAX);
    enum err e = json_print(j, &text);
    json_free(j);
    if (!e)
        e = join_path(path, data, KEY_FILE);
    if (!e)
        e = fs_replace_file(path, buf_str(&text), text.len, MODE);
    wipe(&text);
    return e;
}

int keys_are_there(const char *data)
{
    char path[PATH_MAX];
    return join_path(path, data, KEY_FILE) == ERR_OK && access(path, F_OK) == 0;
}

enum err keys_give(const char *data, const char *id, const struct keys_given *given)
{
    char path[PATH_MAX], there[SIGN_SENDER_MAX];
    struct keys_given old;
    enum err e = read_own(data, there, &old);
    explicit_bzero(&old, sizeof(old));
    if (!e && strcmp(there, id) == 0)
        return ERR_OK;
    if (e && e != ERR_NOT_FOUND)
        return e;
    /* What is there belonged to a life before: the folder was made new (identity.h). */
    e = join_path(path, data, PAIRS_FILE);
    if (!e && unlink(path) != 0 && errno != ENOENT)
        e = ERR_IO;
    if (!e)
        e = join_path(path, data, "audit");
    if (!e)
        e = fs_mkdirs(path, 0700);
    if (!e)
        e = audit_folder_write_seed(path, given->seed, 0);
    /* Last: with it the node is one. */
    return e ? e : write_own(data, id, given);
}

/* {"pairs": [{"id", "key"}]} into the keys. */
static enum err learn(struct sign_keys *keys, const struct json *j)
{
    const struct json *list = json_get(j, "pairs");
    size_t n = 0, count = json_count(list);
    enum err e = ERR_OK;
    if (!json_is_array(list) || count > SIGN_PAIRS_MAX)
        return ERR_SYNTAX;
    struct sign_pair *pairs = calloc(count + 1, sizeof(*pairs));
    if (!pairs)
        return ERR_NOMEM;
    for (const struct json *item = json_first(list); item && !e; item = json_next(item), n++) {
        const char *id = json_get_str(item, "id");
        if (!id || *id == '\0' || strlen(id) >= sizeof(pairs[n].node))
            e = ERR_SYNTAX;
        else
            memcpy(pairs[n].node, id, strlen(id) + 1);
        if (!e)
            e = get_key(item, "key", &pairs[n].key);
    }
    if (!e)
        e = sign_keys_learn(keys, pairs, n);
    explicit_bzero(pairs, (count + 1) * sizeof(*pairs));
    free(pairs);
    return e;
}

static enum err load_pairs(const char *data, struct sign_keys *keys)
{
    struct json *j;
    enum err e = read_json(data, PAIRS_FILE, KEYS_PAIRS_MAX, &j);
    if (e)
        return e == ERR_NOT_FOUND ? ERR_OK : e;
    e = learn(keys, j);
    json_free(j);
    return e;
}

enum err keys_open(const char *data, const char *id, struct sign_keys **out)
{
    char there[SIGN_SENDER_MAX];
    struct keys_given own;
    struct sign_keys *keys = NULL;
    enum err e = read_own(data, there, &own);
    if (!e && strcmp(there, id) != 0)
        e = ERR_CORRUPT;
    if (!e) {
        keys = sign_keys_node(id, &own.own, &own.to_coordinators);
        e = keys ? ERR_OK : ERR_NOMEM;
    }
    explicit_bzero(&own, sizeof(own));
    if (e)
        return e;
    e = load_pairs(data, keys);
    if (e)
        log_write(LOG_WARN, "keys", "%s/" PAIRS_FILE ": %s; a coordinator will tell the keys to other nodes", data, err_text(e));
    *out = keys;
    return ERR_OK;
}

/* What a coordinator sealed for us, in clear. */
static enum err unseal(struct sign_keys *keys, const void *sealed, size_t len, struct buf *text)
{
    struct sign_key own, seal;
    enum err e = sign_keys_of(keys, strchr(sign_keys_self(keys), ':') + 1, &own);
    if (e)
        return e;
    sign_pairs_seal(&own, &seal);
    e = seal_open(seal.bytes, "pairs", sealed, len, text);
    explicit_bzero(&own, sizeof(own));
    explicit_bzero(&seal, sizeof(seal));
    return e;
}

enum err keys_take(const char *data, struct sign_keys *keys, const void *sealed, size_t len)
{
    char path[PATH_MAX];
    struct json *j = NULL;
    struct buf text;
    buf_init(&text, KEYS_PAIRS_MAX);
    enum err e = unseal(keys, sealed, len, &text);
    if (!e)
        e = json_parse(buf_str(&text), text.len, &j);
    if (!e)
        e = learn(keys, j);
    json_free(j);
    if (!e) {
        enum err kept = join_path(path, data, PAIRS_FILE);
        if (!kept)
            kept = fs_replace_file(path, buf_str(&text), text.len, MODE);
        if (kept)
            log_write(LOG_WARN, "keys", "the keys to other nodes were not kept: %s", err_text(kept));
    }
    wipe(&text);
    return e;
}
