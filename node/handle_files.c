/* Requests about the shared folder (share.h): a file's bytes, the hashes of its blocks, the list. */
#include "node/handle.h"

#include "lib/base/num.h"
#include "node/blocks.h"
#include "node/share.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LIMIT_DEFAULT 1000u
#define LIMIT_MAX 1000u
#define NS_PER_S 1000000000u

static void reply_refusal(struct http_request *r, enum err e)
{
    if (e == ERR_UNAVAILABLE)
        http_add_header(r, "Retry-After", "1");
    http_reply_problem(r, e,
        e == ERR_UNAVAILABLE ? "the file is being changed"
        : e == ERR_CONFLICT  ? "the file is not hashed yet"
        : e == ERR_SYNTAX    ? "no shared file can have this name"
                             : NULL);
}

static void reply_blocks(struct http_request *r, struct node *n, const char *name)
{
    struct blocks blocks;
    enum err e = share_blocks(n->share, name, &blocks);
    if (e) {
        reply_refusal(r, e);
        return;
    }
    struct json *j = blocks_to_json(&blocks, name);
    blocks_release(&blocks);
    handle_reply_json(r, 200, j);
}

static enum err read_piece(void *state, void *to, size_t max, size_t *n)
{
    enum err e = share_read_next(state, to, max, n);
    return !e && *n == 0 ? ERR_INTERNAL : e;
}

static void drop_file(void *state)
{
    share_read_free(state);
}

/* The hash names the bytes, as long as it is known for just these; else time and size do. */
static void make_etag(const struct share_read *file, char out[HASH_HEX_SIZE + 2])
{
    const struct share_stat *st = share_read_stat(file);
    const char *sha256 = share_read_sha256(file);
    if (*sha256)
        snprintf(out, HASH_HEX_SIZE + 2, "\"%.64s\"", sha256);
    else
        snprintf(out, HASH_HEX_SIZE + 2, "\"%" PRIx64 "-%" PRIu64 "\"", st->mtime_ns, st->size);
}

static void reply_file(struct http_request *r, struct node *n, const char *name)
{
    struct share_read *file;
    char etag[HASH_HEX_SIZE + 2];
    uint64_t first = 0, len = 0;
    enum err e = share_read_open(n->share, name, &file);
    if (e) {
        reply_refusal(r, e);
        return;
    }
    make_etag(file, etag);
    int status = handle_part(r, etag, share_read_stat(file)->size, share_read_stat(file)->mtime_ns / NS_PER_S, &first, &len);
    if (!status) {
        share_read_free(file);
        return;
    }
    share_read_part(file, first, len);
    http_reply_stream(r, status, NULL, len, &(struct http_source){read_piece, drop_file, file});
}

void handle_file(struct http_request *r, void *ctx)
{
    struct node *n = ctx;
    const char *name = http_capture(r, 0), *blocks = http_query(r, "blocks");
    char what[sizeof("file:") + SHARED_NAME_MAX];
    if (shared_name_check(name, strlen(name)) != ERR_OK) {
        reply_refusal(r, ERR_SYNTAX);
        return;
    }
    snprintf(what, sizeof(what), "file:%s", name);
    enum err e = handle_authorize(r, n, what, NULL);
    if (!e && !n->share)
        e = ERR_NOT_FOUND;
    if (e)
        http_reply_problem(r, e, NULL);
    else if (blocks && strcmp(blocks, "1") == 0)
        reply_blocks(r, n, name);
    else
        reply_file(r, n, name);
}

/* ---- the list */

struct page {
    struct json *files;
    char last[SHARED_NAME_MAX + 1];
    size_t n;
};

static enum err add_file(void *ctx, const struct shared_file *f)
{
    struct page *p = ctx;
    json_append(p->files, shared_file_to_json(f));
    snprintf(p->last, sizeof(p->last), "%s", f->name);
    p->n++;
    return ERR_OK;
}

void handle_files(struct http_request *r, void *ctx)
{
    struct node *n = ctx;
    const char *after = http_query(r, "after"), *text = http_query(r, "limit");
    struct page page = {.n = 0};
    char digest[SHARED_DIGEST_HEX_SIZE];
    uint64_t limit = LIMIT_DEFAULT, files;
    if (text && (num_parse_u64(text, LIMIT_MAX, &limit) != ERR_OK || limit == 0)) {
        http_reply_problem(r, ERR_SYNTAX, "limit is a number from 1 to 1000");
        return;
    }
    if (!n->share) {
        http_reply_problem(r, ERR_NOT_FOUND, "this node shares no folder");
        return;
    }
    struct json *j = json_object();
    page.files = json_array();
    share_list_sum(share_files(n->share), &files, digest);
    enum err e = share_list_page(share_files(n->share), after ? after : "", limit, add_file, &page);
    json_set_str(j, "digest", digest);
    json_set(j, "files", page.files);
    json_set_str(j, "next", page.n == limit ? page.last : NULL);
    if (e) {
        json_free(j);
        http_reply_problem(r, e, NULL);
        return;
    }
    handle_reply_json(r, 200, j);
}
