#include "node/handle.h"

#include "lib/base/clock.h"
#include "lib/base/num.h"
#include "lib/base/text.h"
#include "node/repair.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CAPABILITY "RBC1 "

/* A capability for this blob at this node, or a signature of the cluster. */
static enum err authorize(struct http_request *r, struct node *n, const char *sha256, int *is_signed)
{
    char what[sizeof("blob:") + HASH_HEX_SIZE];
    const char *header = http_header(r, "Authorization");
    *is_signed = !header || strncmp(header, CAPABILITY, strlen(CAPABILITY)) != 0;
    if (*is_signed)
        return http_check_signature(r);
    snprintf(what, sizeof(what), "blob:%s", sha256);
    return sign_capability_check(&n->key, n->self.id, what, header, clock_unix_ms() / 1000u);
}

/* What Last-Modified says and dates are compared with: the bytes are named by their hash, so only the asker knows when they became what they are for. */
static uint64_t modified_s(struct http_request *r)
{
    const char *text = http_header(r, "Blob-Modified");
    uint64_t s = 0;
    return text && num_parse_u64(text, INT64_MAX / 1000, &s) == ERR_OK ? s : 0;
}

static void add_headers(struct http_request *r, const char *etag, uint64_t modified)
{
    char date[TEXT_HTTP_DATE_SIZE];
    http_add_header(r, "ETag", etag);
    http_add_header(r, "Accept-Ranges", "bytes");
    if (modified == 0)
        return;
    text_http_date(modified * 1000u, date);
    http_add_header(r, "Last-Modified", date);
}

/* Answers with the bytes, a part of them, or why not. Takes fd. */
static void reply_bytes(struct http_request *r, const char *sha256, int fd, uint64_t size)
{
    char etag[HASH_HEX_SIZE + 2], range[80];
    uint64_t first = 0, last = 0, modified = modified_s(r);
    struct http_conditions conditions = {
        http_header(r, "Range"), http_header(r, "If-Range"), http_header(r, "If-None-Match"), http_header(r, "If-Modified-Since")};
    snprintf(etag, sizeof(etag), "\"%s\"", sha256);
    enum http_range_result result = http_range(&conditions, size, etag, modified, &first, &last);
    add_headers(r, etag, modified);
    switch (result) {
    case HTTP_RANGE_WHOLE: http_reply_file(r, 200, NULL, fd, 0, size); return;
    case HTTP_RANGE_PART:
        snprintf(
            range, sizeof(range), "bytes %llu-%llu/%llu", (unsigned long long)first, (unsigned long long)last, (unsigned long long)size);
        http_add_header(r, "Content-Range", range);
        http_reply_file(r, 206, NULL, fd, first, last - first + 1);
        return;
    case HTTP_RANGE_UNSATISFIABLE:
        snprintf(range, sizeof(range), "bytes */%llu", (unsigned long long)size);
        http_add_header(r, "Content-Range", range);
        http_reply_problem(r, ERR_RANGE, NULL);
        break;
    case HTTP_RANGE_NOT_MODIFIED: http_reply(r, 304, NULL, "", 0); break;
    }
    close(fd);
}

/* Opens a blob for its asker. A blob that is not here but that a record names is on its way from another owner: a reader with a capability is told to ask there
 * meanwhile (ERR_UNAVAILABLE); a neighbour, who may be looking for it itself, that it is not here (ERR_NOT_FOUND). */
static enum err open_blob(struct node *n, const char *sha256, int is_signed, int *fd, struct stat *st)
{
    enum err e = verify_get(n->verify, sha256, fd, st);
    int lost = e == ERR_CORRUPT || (e == ERR_NOT_FOUND && repair_lost(n->repair, sha256, 0));
    if (!lost)
        return e;
    return is_signed ? ERR_NOT_FOUND : ERR_UNAVAILABLE;
}

void handle_blob(struct http_request *r, void *ctx)
{
    struct node *n = ctx;
    const char *sha256 = http_capture(r, 0);
    struct stat st;
    int fd, is_signed = 1;
    enum err e = num_is_hex(sha256, HASH_HEX_SIZE - 1) ? authorize(r, n, sha256, &is_signed) : ERR_NOT_FOUND;
    if (!is_signed)
        pace_begin(&n->pace);
    if (!e)
        e = open_blob(n, sha256, is_signed, &fd, &st);
    if (!is_signed)
        pace_end(&n->pace);
    if (e)
        http_reply_problem(r, e, NULL);
    else
        reply_bytes(r, sha256, fd, (uint64_t)st.st_size);
}
