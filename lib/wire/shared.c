#include "lib/wire/shared.h"

#include "lib/base/num.h"
#include "lib/base/text.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What JSON adds to the names: {"name":"","size":9007199254740992,"mtime":9007199254740992,"sha256":"…64"}, and {"base":…,"remove":[]} around them all. */
#define FILE_JSON_MORE 144
#define DELTA_JSON_MORE 128

enum err shared_name_check(const char *name, size_t len)
{
    if (len == 0 || len > SHARED_NAME_MAX || !text_is_utf8(name, len) || text_has_control(name, len))
        return ERR_INVALID;
    for (size_t at = 0; at <= len;) {
        const char *slash = memchr(name + at, '/', len - at);
        size_t end = slash ? (size_t)(slash - name) : len;
        if (end == at || name[at] == '.')
            return ERR_INVALID;
        at = end + 1;
    }
    return ERR_OK;
}

/* ---- one file */

void shared_file_release(struct shared_file *f)
{
    free(f->name);
    memset(f, 0, sizeof(*f));
}

enum err shared_file_copy(struct shared_file *to, const struct shared_file *from)
{
    char *name = strdup(from->name);
    if (!name)
        return ERR_NOMEM;
    *to = *from;
    to->name = name;
    return ERR_OK;
}

struct json *shared_file_to_json(const struct shared_file *f)
{
    struct json *j = json_object();
    json_set_str(j, "name", f->name);
    json_set_u64(j, "size", f->size);
    json_set_u64(j, "mtime", f->mtime_ms);
    json_set_str(j, "sha256", *f->sha256 ? f->sha256 : NULL);
    return j;
}

/* The member sha256: there, and null or 64 digits. */
static enum err read_hash(const struct json *j, char out[HASH_HEX_SIZE])
{
    const struct json *hash = json_get(j, "sha256");
    const char *text = json_as_str(hash);
    if (!hash || (!text && !json_is_null(hash)) || (text && !num_is_hex(text, HASH_HEX_SIZE - 1)))
        return ERR_SYNTAX;
    snprintf(out, HASH_HEX_SIZE, "%s", text ? text : "");
    return ERR_OK;
}

enum err shared_file_from_json(const struct json *j, struct shared_file *out)
{
    struct shared_file f = {0};
    const char *name = json_get_str(j, "name");
    if (!name || shared_name_check(name, strlen(name)) != ERR_OK || json_get_u64(j, "size", JSON_EXACT_MAX, &f.size) != ERR_OK ||
        json_get_u64(j, "mtime", JSON_EXACT_MAX, &f.mtime_ms) != ERR_OK || read_hash(j, f.sha256) != ERR_OK)
        return ERR_SYNTAX;
    f.name = strdup(name);
    if (!f.name)
        return ERR_NOMEM;
    *out = f;
    return ERR_OK;
}

/* ---- digests */

void shared_digest_toggle(struct shared_digest *d, const struct shared_file *f)
{
    char text[SHARED_NAME_MAX + 128];
    uint8_t hash[HASH_SIZE];
    size_t name_len = strlen(f->name);
    assert(name_len <= SHARED_NAME_MAX);
    memcpy(text, f->name, name_len + 1);
    int n = snprintf(
        text + name_len + 1, sizeof(text) - name_len - 1, "%" PRIu64 "%c%" PRIu64 "%c%s", f->size, '\0', f->mtime_ms, '\0', f->sha256);
    hash_sha256(text, name_len + 1 + (size_t)n, hash);
    for (size_t i = 0; i < SHARED_DIGEST_SIZE; i++)
        d->bytes[i] ^= hash[i];
}

void shared_digest_hex(const struct shared_digest *d, char out[SHARED_DIGEST_HEX_SIZE])
{
    num_hex(d->bytes, SHARED_DIGEST_SIZE, out);
}

enum err shared_digest_parse(const char *hex, struct shared_digest *out)
{
    struct shared_digest d;
    enum err e = num_unhex(hex, d.bytes, SHARED_DIGEST_SIZE);
    if (!e)
        *out = d;
    return e;
}

/* ---- deltas */

void shared_delta_init(struct shared_delta *d)
{
    const struct shared_digest none = {0};
    memset(d, 0, sizeof(*d));
    shared_digest_hex(&none, d->digest);
    d->json_bytes = DELTA_JSON_MORE;
}

void shared_delta_release(struct shared_delta *d)
{
    for (size_t i = 0; i < d->n_add; i++)
        shared_file_release(&d->add[i]);
    for (size_t i = 0; i < d->n_remove; i++)
        free(d->remove[i]);
    free(d->add);
    free(d->remove);
    shared_delta_init(d);
}

/* Counts one name more, whose JSON takes at most 2 bytes for each of its own: quotes and backslashes are escaped, and there are no control characters. */
static enum err count_name(struct shared_delta *d, const char *name, size_t more)
{
    size_t bytes = d->json_bytes + 2 * strlen(name) + more;
    if (d->n_add + d->n_remove == SHARED_DELTA_FILES || bytes > SHARED_DELTA_BYTES)
        return ERR_FULL;
    d->json_bytes = bytes;
    return ERR_OK;
}

/* Room for one element more: arrays of n elements have room for the next power of two. */
static void *room_for(void *array, size_t n, size_t size)
{
    return n & (n - 1) ? array : reallocarray(array, n ? 2 * n : 1, size);
}

enum err shared_delta_add(struct shared_delta *d, const struct shared_file *f)
{
    size_t before = d->json_bytes;
    enum err e = count_name(d, f->name, FILE_JSON_MORE);
    if (e)
        return e;
    struct shared_file *add = room_for(d->add, d->n_add, sizeof(*add));
    if (add)
        d->add = add;
    e = add ? shared_file_copy(&add[d->n_add], f) : ERR_NOMEM;
    if (e)
        d->json_bytes = before;
    else
        d->n_add++;
    return e;
}

enum err shared_delta_remove(struct shared_delta *d, const char *name)
{
    size_t before = d->json_bytes;
    enum err e = count_name(d, name, sizeof("\"\","));
    if (e)
        return e;
    char **remove = room_for(d->remove, d->n_remove, sizeof(*remove));
    if (remove)
        d->remove = remove;
    char *copy = remove ? strdup(name) : NULL;
    if (!copy) {
        d->json_bytes = before;
        return ERR_NOMEM;
    }
    remove[d->n_remove++] = copy;
    return ERR_OK;
}

enum err shared_delta_print(const struct shared_delta *d, struct buf *out)
{
    struct json *j = json_object(), *add = json_array(), *remove = json_array();
    for (size_t i = 0; i < d->n_add; i++)
        json_append(add, shared_file_to_json(&d->add[i]));
    for (size_t i = 0; i < d->n_remove; i++)
        json_append(remove, json_string(d->remove[i]));
    json_set_str(j, "base", d->base);
    json_set_str(j, "digest", d->digest);
    json_set(j, "add", add);
    json_set(j, "remove", remove);
    enum err e = json_print(j, out);
    json_free(j);
    return e;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* ERR_SYNTAX when a name occurs twice, wherever: what the list would be then is anybody's guess. */
static enum err check_names(const struct shared_delta *d)
{
    const char *names[SHARED_DELTA_FILES];
    size_t n = 0;
    for (size_t i = 0; i < d->n_add; i++)
        names[n++] = d->add[i].name;
    for (size_t i = 0; i < d->n_remove; i++)
        names[n++] = d->remove[i];
    qsort(names, n, sizeof(names[0]), compare_names);
    for (size_t i = 1; i < n; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            return ERR_SYNTAX;
    return ERR_OK;
}

/* What shared_delta_add() says of one file too many is the sender's mistake here. */
static enum err as_syntax(enum err e)
{
    return e == ERR_FULL ? ERR_SYNTAX : e;
}

static enum err read_added(const struct json *list, struct shared_delta *d)
{
    enum err e = json_is_array(list) ? ERR_OK : ERR_SYNTAX;
    for (const struct json *item = json_first(list); !e && item; item = json_next(item)) {
        struct shared_file f;
        e = shared_file_from_json(item, &f);
        if (e)
            break;
        e = as_syntax(shared_delta_add(d, &f));
        shared_file_release(&f);
    }
    return e;
}

static enum err read_removed(const struct json *list, struct shared_delta *d)
{
    enum err e = json_is_array(list) ? ERR_OK : ERR_SYNTAX;
    for (const struct json *item = json_first(list); !e && item; item = json_next(item)) {
        const char *name = json_as_str(item);
        e = name && shared_name_check(name, strlen(name)) == ERR_OK ? as_syntax(shared_delta_remove(d, name)) : ERR_SYNTAX;
    }
    return e;
}

static enum err read_delta(const struct json *j, struct shared_delta *d)
{
    if (json_copy_str(j, "base", d->base, sizeof d->base) != ERR_OK || json_copy_str(j, "digest", d->digest, sizeof d->digest) != ERR_OK ||
        (*d->base && !num_is_hex(d->base, 2 * SHARED_DIGEST_SIZE)) || !num_is_hex(d->digest, 2 * SHARED_DIGEST_SIZE))
        return ERR_SYNTAX;
    enum err e = read_added(json_get(j, "add"), d);
    if (!e)
        e = read_removed(json_get(j, "remove"), d);
    return e ? e : check_names(d);
}

enum err shared_delta_parse(const char *text, size_t len, struct shared_delta *out)
{
    struct shared_delta d;
    struct json *j = NULL;
    shared_delta_init(&d);
    enum err e = len > SHARED_DELTA_BYTES ? ERR_SYNTAX : json_parse(text, len, &j);
    if (!e)
        e = read_delta(j, &d);
    json_free(j);
    if (e)
        shared_delta_release(&d);
    else
        *out = d;
    return e;
}

/* ---- blocks */

uint64_t shared_block_bytes(uint64_t size)
{
    uint64_t bytes = SHARED_BLOCK_BYTES_MIN;
    while (size / SHARED_BLOCKS_MAX > bytes || (size / SHARED_BLOCKS_MAX == bytes && size % SHARED_BLOCKS_MAX))
        bytes *= 2;
    return bytes;
}

size_t shared_block_count(uint64_t size)
{
    uint64_t bytes = shared_block_bytes(size);
    return (size_t)(size / bytes + (size % bytes != 0));
}
