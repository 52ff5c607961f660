#include "cli/obtain_offer.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/wire/shared.h"

#include <stdlib.h>
#include <string.h>

#define URL_MAX 8191 /* bytes */

static void release_source(struct offer_source *s)
{
    free(s->peer);
    free(s->name);
    free(s->url);
    free(s->capability);
    free(s->front_path);
}

void offer_release(struct offer *o)
{
    for (size_t i = 0; i < o->n_sources; i++)
        release_source(&o->sources[i]);
    free(o->sources);
    free(o->blocks);
    *o = (struct offer){0};
}

static enum err parse_blocks(const struct json *list, struct offer *o)
{
    const struct json *item = json_first(list);

    if (!json_is_array(list) || json_count(list) != o->n_blocks)
        return ERR_SYNTAX;
    o->blocks = calloc(o->n_blocks + 1, sizeof *o->blocks);
    if (!o->blocks)
        return ERR_NOMEM;
    for (size_t i = 0; i < o->n_blocks; i++, item = json_next(item)) {
        const char *hex = json_as_str(item);
        if (!hex || num_unhex(hex, o->blocks[i], HASH_SIZE))
            return ERR_SYNTAX;
    }
    return ERR_OK;
}

/* Where the bytes are: below the holder's own address, a shared file by its name there, a ring copy by its hash. */
static enum err build_url(const char *base, const char *file, const char *sha256, char **out)
{
    struct buf b;
    enum err e;

    buf_init(&b, URL_MAX);
    e = buf_addf(&b, "%s%s", base, file ? "/files/" : "/blobs/");
    if (!e)
        e = file ? text_percent_encode(&b, file, strlen(file)) : buf_add_str(&b, sha256);
    *out = e ? NULL : buf_take(&b);
    buf_release(&b);
    return *out ? ERR_OK : ERR_NOMEM;
}

/* "counted": asking for the sources counted this download already. */
static enum err build_front_path(const char *peer, const char *file, const char *sha256, char **out)
{
    struct buf b;
    enum err e;

    buf_init(&b, URL_MAX);
    e = buf_add_str(&b, "/peers/");
    if (!e && file)
        e = text_percent_encode(&b, peer, strlen(peer));
    if (!e)
        e = buf_add_str(&b, file ? "/files/" : "files/");
    if (!e)
        e = file ? text_percent_encode(&b, file, strlen(file)) : buf_add_str(&b, sha256);
    if (!e && file)
        e = buf_add_str(&b, "?counted=1");
    *out = e ? NULL : buf_take(&b);
    buf_release(&b);
    return *out ? ERR_OK : ERR_NOMEM;
}

static char *name_of(const char *name, int is_ring)
{
    struct buf b;
    char *text;

    buf_init(&b, 512);
    if (buf_addf(&b, "%s%s", is_ring ? "the ring: " : "", name))
        buf_reset(&b);
    text = b.len > 0 ? buf_take(&b) : NULL;
    buf_release(&b);
    return text;
}

static enum err parse_source(const struct json *item, const char *sha256, struct offer_source *s)
{
    const char *peer = json_get_str(item, "peer"), *name = json_get_str(item, "name"), *url = json_get_str(item, "url");
    const char *file = json_get_str(item, "file"), *capability = json_get_str(item, "capability"), *kind = json_get_str(item, "kind");

    if (!peer || !url || !capability || !kind)
        return ERR_SYNTAX;
    s->is_ring = strcmp(kind, "ring") == 0;
    if (!s->is_ring && (!file || shared_name_check(file, strlen(file))))
        return ERR_SYNTAX;
    s->peer = strdup(peer);
    s->name = name_of(name && *name ? name : peer, s->is_ring);
    s->capability = strdup(capability);
    if (!s->peer || !s->name || !s->capability || build_front_path(peer, s->is_ring ? NULL : file, sha256, &s->front_path))
        return ERR_NOMEM;
    return build_url(url, s->is_ring ? NULL : file, sha256, &s->url);
}

static enum err parse_sources(const struct json *list, const char *sha256, struct offer *o)
{
    if (!json_is_array(list))
        return ERR_SYNTAX;
    o->sources = calloc(OFFER_SOURCES_MAX, sizeof *o->sources);
    if (!o->sources)
        return ERR_NOMEM;
    for (const struct json *item = json_first(list); item && o->n_sources < OFFER_SOURCES_MAX; item = json_next(item)) {
        struct offer_source s = {0};
        const char *url = json_get_str(item, "url");
        enum err e;
        if (url && strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
            continue;
        e = parse_source(item, sha256, &s);
        if (e) {
            release_source(&s);
            return e;
        }
        o->sources[o->n_sources++] = s;
    }
    return ERR_OK;
}

enum err offer_parse(const struct json *answer, const char *sha256, struct offer *out)
{
    struct offer o = {0};
    enum err e;

    if (json_get_u64(answer, "size", JSON_EXACT_MAX, &o.size) || json_get_u64(answer, "block_bytes", JSON_EXACT_MAX, &o.block_bytes))
        return ERR_SYNTAX;
    if (o.block_bytes != shared_block_bytes(o.size))
        return ERR_SYNTAX;
    if (o.block_bytes > OFFER_BLOCK_BYTES_MAX)
        return ERR_TOO_LARGE;
    o.n_blocks = shared_block_count(o.size);
    e = parse_blocks(json_get(answer, "blocks"), &o);
    if (!e)
        e = parse_sources(json_get(answer, "sources"), sha256, &o);
    if (e)
        offer_release(&o);
    else
        *out = o;
    return e;
}

void offer_keep(struct offer *o, const char *peer)
{
    size_t kept = 0;

    for (size_t i = 0; i < o->n_sources; i++) {
        struct offer_source *s = &o->sources[i];
        int wanted = s->is_ring ? strcmp(peer, "ring") == 0 : strcmp(peer, s->peer) == 0 || strcmp(peer, s->name) == 0;
        if (wanted)
            o->sources[kept++] = *s;
        else
            release_source(s);
    }
    o->n_sources = kept;
}

size_t offer_block_len(const struct offer *o, size_t block)
{
    uint64_t left = o->size - block * o->block_bytes;

    return (size_t)(left < o->block_bytes ? left : o->block_bytes);
}
