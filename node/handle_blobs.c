#include "node/handle.h"

#include "lib/base/num.h"
#include "node/blocks.h"
#include "node/repair.h"
#include "node/serve.h"

#include <stdio.h>
#include <string.h>

/* What Last-Modified says and dates are compared with: the bytes are named by their hash, so only the asker knows when they became what they are for. */
static uint64_t modified_s(struct http_request *r)
{
    const char *text = http_header(r, "Blob-Modified");
    uint64_t s = 0;
    return text && num_parse_u64(text, INT64_MAX / 1000, &s) == ERR_OK ? s : 0;
}

/* Answers with the bytes, a part of them, or why not. Takes blob. */
static void reply_bytes(struct http_request *r, const char *sha256, struct serve *blob)
{
    char etag[HASH_HEX_SIZE + 2];
    uint64_t first = 0, len = 0;
    snprintf(etag, sizeof(etag), "\"%s\"", sha256);
    int status = handle_part(r, etag, serve_size(blob), modified_s(r), &first, &len);
    if (status)
        serve_reply(blob, r, status, first, len);
    else
        serve_free(blob);
}

/* The hashes of its blocks, for who fetches it from several nodes. Takes blob. */
static void reply_blocks(struct http_request *r, struct node *n, const char *sha256, struct serve *blob)
{
    struct blocks blocks;
    enum err e = blocks_cache_get(n->blocks, sha256, serve_fd(blob), serve_size(blob), &blocks);
    serve_free(blob);
    if (e) {
        http_reply_problem(r, e, NULL);
        return;
    }
    struct json *j = blocks_to_json(&blocks, NULL);
    blocks_release(&blocks);
    handle_reply_json(r, 200, j);
}

/* Opens a blob for its asker. A blob that is not here but that a record names is on its way from another owner: a reader with a capability is told to ask there
 * meanwhile (ERR_UNAVAILABLE); a neighbour, who may be looking for it itself, that it is not here (ERR_NOT_FOUND). */
static enum err open_blob(struct node *n, const char *sha256, int is_signed, struct serve **out)
{
    enum err e = serve_open(n->verify, sha256, out);
    int lost = e == ERR_CORRUPT || (e == ERR_NOT_FOUND && repair_lost(n->repair, sha256, 0));
    if (!lost)
        return e;
    return is_signed ? ERR_NOT_FOUND : ERR_UNAVAILABLE;
}

void handle_blob(struct http_request *r, void *ctx)
{
    struct node *n = ctx;
    const char *sha256 = http_capture(r, 0);
    struct serve *blob;
    char what[sizeof("blob:") + HASH_HEX_SIZE];
    const char *blocks = http_query(r, "blocks");
    int is_signed = 1;
    snprintf(what, sizeof(what), "blob:%.64s", sha256);
    enum err e = num_is_hex(sha256, HASH_HEX_SIZE - 1) ? handle_authorize(r, n, what, &is_signed) : ERR_NOT_FOUND;
    if (!is_signed)
        pace_begin(&n->pace);
    if (!e)
        e = open_blob(n, sha256, is_signed, &blob);
    if (!is_signed)
        pace_end(&n->pace);
    if (e)
        http_reply_problem(r, e, NULL);
    else if (blocks && strcmp(blocks, "1") == 0)
        reply_blocks(r, n, sha256, blob);
    else
        reply_bytes(r, sha256, blob);
}
