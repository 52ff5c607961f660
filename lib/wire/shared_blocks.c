#include "lib/wire/shared_blocks.h"

#include "lib/base/num.h"

#include <stdlib.h>
#include <string.h>

enum err shared_blocks_init(struct shared_blocks *b, uint64_t size)
{
    if (size > JSON_EXACT_MAX)
        return ERR_INVALID;
    struct shared_blocks made = {.size = size, .block_bytes = shared_block_bytes(size), .n = shared_block_count(size)};
    made.hashes = made.n ? calloc(made.n, sizeof *made.hashes) : NULL;
    if (made.n && !made.hashes)
        return ERR_NOMEM;
    *b = made;
    return ERR_OK;
}

void shared_blocks_release(struct shared_blocks *b)
{
    free(b->hashes);
    memset(b, 0, sizeof *b);
}

int shared_blocks_equal(const struct shared_blocks *a, const struct shared_blocks *b)
{
    return a->size == b->size && a->n == b->n && strcmp(a->sha256, b->sha256) == 0 &&
           (a->n == 0 || memcmp(a->hashes, b->hashes, a->n * sizeof *a->hashes) == 0);
}

struct json *shared_blocks_to_json(const struct shared_blocks *b, const char *name)
{
    struct json *j = json_object(), *blocks = json_array();
    for (size_t i = 0; i < b->n; i++) {
        char hex[HASH_HEX_SIZE];
        num_hex(b->hashes[i], HASH_SIZE, hex);
        json_append(blocks, json_string(hex));
    }
    if (name)
        json_set_str(j, "name", name);
    json_set_u64(j, "size", b->size);
    json_set_str(j, "sha256", b->sha256);
    json_set_u64(j, "block_bytes", b->block_bytes);
    json_set(j, "blocks", blocks);
    return j;
}

static enum err read_hashes(const struct json *list, struct shared_blocks *b)
{
    if (!json_is_array(list) || json_count(list) != b->n)
        return ERR_SYNTAX;
    size_t i = 0;
    for (const struct json *item = json_first(list); item; item = json_next(item)) {
        const char *hex = json_as_str(item);
        if (!hex || num_unhex(hex, b->hashes[i++], HASH_SIZE) != ERR_OK)
            return ERR_SYNTAX;
    }
    return ERR_OK;
}

enum err shared_blocks_from_json(const struct json *j, struct shared_blocks *out)
{
    struct shared_blocks b;
    uint64_t size, block_bytes;
    if (json_get_u64(j, "size", JSON_EXACT_MAX, &size) != ERR_OK ||
        json_get_u64(j, "block_bytes", JSON_EXACT_MAX, &block_bytes) != ERR_OK || block_bytes != shared_block_bytes(size))
        return ERR_SYNTAX;
    enum err e = shared_blocks_init(&b, size);
    if (e)
        return e;
    e = json_copy_str(j, "sha256", b.sha256, sizeof b.sha256);
    if (!e && !num_is_hex(b.sha256, HASH_HEX_SIZE - 1))
        e = ERR_SYNTAX;
    if (!e)
        e = read_hashes(json_get(j, "blocks"), &b);
    if (e)
        shared_blocks_release(&b);
    else
        *out = b;
    return e;
}

enum err shared_blocks_parse(const char *text, size_t len, struct shared_blocks *out)
{
    struct json *j = NULL;
    enum err e = len > SHARED_BLOCKS_JSON_MAX ? ERR_SYNTAX : json_parse(text, len, &j);
    if (!e)
        e = shared_blocks_from_json(j, out);
    json_free(j);
    return e;
}
