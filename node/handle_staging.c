#include "node/handle.h"

#include "lib/base/num.h"
#include "lib/wire/json.h"

#include <string.h>

#define ANSWER_MAX 256

enum err handle_staging_begin(struct http_request *r, void *ctx, void **state)
{
    struct node *n = ctx;
    struct staging_entry *entry;
    int known;
    uint64_t size = http_content_length(r, &known);
    if (!known)
        return ERR_LENGTH_REQUIRED;
    if (handle_refuse_writes(r, n))
        return ERR_OK;
    if (size == 0)
        return ERR_INVALID;
    enum err e = staging_begin(n->staging, http_capture(r, 0), size, &entry);
    if (!e)
        *state = entry;
    return e;
}

enum err handle_staging_piece(void *state, const void *data, size_t n)
{
    return staging_piece(state, data, n);
}

void handle_staging_drop(void *state)
{
    staging_drop(state);
}

void handle_staging(struct http_request *r, void *ctx)
{
    char sha256[HASH_HEX_SIZE];
    int known;
    uint64_t size = http_content_length(r, &known);
    struct buf text;
    (void)ctx;
    buf_init(&text, ANSWER_MAX);
    enum err e = staging_end(http_state(r), sha256);
    if (!e)
        e = buf_addf(&text, "{\"sha256\": \"%s\", \"size\": %llu}", sha256, (unsigned long long)size);
    if (e)
        http_reply_problem(r, e, NULL);
    else
        http_reply_json(r, 201, &text);
    buf_release(&text);
}

/* Reads {"sha256"}. */
static enum err read_sha256(struct http_request *r, char out[HASH_HEX_SIZE])
{
    size_t len;
    struct json *j;
    const void *body = http_body(r, &len);
    enum err e = json_parse(body, len, &j);
    if (e)
        return e;
    const char *text = json_get_str(j, "sha256");
    if (text && num_is_hex(text, HASH_HEX_SIZE - 1))
        memcpy(out, text, HASH_HEX_SIZE);
    else
        e = ERR_SYNTAX;
    json_free(j);
    return e;
}

void handle_staging_commit(struct http_request *r, void *ctx)
{
    struct node *n = ctx;
    char sha256[HASH_HEX_SIZE];
    if (handle_refuse_writes(r, n))
        return;
    enum err e = read_sha256(r, sha256);
    if (!e)
        verify_pin(n->verify, sha256, STAGING_KEEP_MS); /* the record comes in a message of its own */
    if (!e)
        e = staging_commit(n->staging, http_capture(r, 0), sha256);
    /* The same commit again, or of bytes that are here anyway. */
    if (e == ERR_NOT_FOUND && verify_check(n->verify, sha256) == ERR_OK)
        e = blobs_sync(n->blobs, sha256);
    if (e)
        http_reply_problem(r, e, e == ERR_INVALID ? "the staged bytes have another hash" : NULL);
    else
        http_reply(r, 200, "application/json", "{}", 2);
}
