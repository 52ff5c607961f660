/* What all answers with bytes have in common: who may read them, and which part of them is sent. */
#include "node/handle.h"

#include "lib/base/clock.h"
#include "lib/base/text.h"

#include <stdio.h>
#include <string.h>

#define CAPABILITY "RBC1 "

enum err handle_authorize(struct http_request *r, struct node *n, const char *what, int *is_signed)
{
    const char *header = http_header(r, "Authorization");
    int by_signature = !header || strncmp(header, CAPABILITY, strlen(CAPABILITY)) != 0;
    if (is_signed)
        *is_signed = by_signature;
    if (by_signature)
        return http_check_signature(r);
    struct sign_key own;
    enum err e = sign_keys_of(n->keys, n->self.id, &own);
    return e ? e : sign_capability_check(&own, n->self.id, what, header, clock_unix_ms() / 1000u);
}

static void add_headers(struct http_request *r, const char *etag, uint64_t modified_s)
{
    char date[TEXT_HTTP_DATE_SIZE];
    http_add_header(r, "ETag", etag);
    http_add_header(r, "Accept-Ranges", "bytes");
    if (modified_s == 0)
        return;
    text_http_date(modified_s * 1000u, date);
    http_add_header(r, "Last-Modified", date);
}

int handle_part(struct http_request *r, const char *etag, uint64_t size, uint64_t modified_s, uint64_t *first, uint64_t *len)
{
    char range[80];
    uint64_t last = 0;
    struct http_conditions conditions = {
        http_header(r, "Range"), http_header(r, "If-Range"), http_header(r, "If-None-Match"), http_header(r, "If-Modified-Since")};
    enum http_range_result result = http_range(&conditions, size, etag, modified_s, first, &last);
    add_headers(r, etag, modified_s);
    switch (result) {
    case HTTP_RANGE_WHOLE:
        *first = 0;
        *len = size;
        return 200;
    case HTTP_RANGE_PART:
        snprintf(
            range, sizeof(range), "bytes %llu-%llu/%llu", (unsigned long long)*first, (unsigned long long)last, (unsigned long long)size);
        http_add_header(r, "Content-Range", range);
        *len = last - *first + 1;
        return 206;
    case HTTP_RANGE_UNSATISFIABLE:
        snprintf(range, sizeof(range), "bytes */%llu", (unsigned long long)size);
        http_add_header(r, "Content-Range", range);
        http_reply_problem(r, ERR_RANGE, NULL);
        break;
    case HTTP_RANGE_NOT_MODIFIED: http_reply(r, 304, NULL, "", 0); break;
    }
    return 0;
}
