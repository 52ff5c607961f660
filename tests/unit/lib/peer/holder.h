/* A holder of one file for the tests of downloads from several: a real server of lib/http that gives ranges as a node does, and can be told to be slow, to lie, to
 * fall silent, to have another file, to break off, or to want a capability. It counts the bytes it gave. */
#ifndef RB_TESTS_UNIT_LIB_PEER_HOLDER_H
#define RB_TESTS_UNIT_LIB_PEER_HOLDER_H

#include "tests/unit/unit.h"

#include "lib/base/clock.h"
#include "lib/http/http.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct holder {
    struct http_server *server;
    char url[64];
    const uint8_t *bytes; /* borrowed */
    uint64_t size;
    char etag[80];          /* "": gives none */
    atomic_int status;      /* answers with this error status instead; 0: serves */
    atomic_ullong wrong_at; /* the byte at this offset + 1 is given wrong; 0: none */
    atomic_ullong break_at; /* connections break when this offset + 1 is due; 0: never */
    atomic_int silent;      /* gives no bytes */
    atomic_int ignores;     /* ranges: answers 200 with everything */
    atomic_int piece_ms;    /* sleeps so long before each piece of 64 KiB */
    atomic_int wants;       /* the capability "pass-<n>" with this n; 0: none */
    atomic_ullong given;    /* bytes */
    atomic_int asked;       /* requests */
    atomic_int under_way, most_under_way;
    atomic_int stopping;
};

struct holder_part {
    struct holder *holder;
    uint64_t at;
};

static enum err holder_read(void *state, void *to, size_t max, size_t *n)
{
    struct holder_part *p = state;
    struct holder *h = p->holder;
    uint64_t wrong_at = h->wrong_at, break_at = h->break_at;

    while (h->silent && !h->stopping)
        clock_sleep_ms(5);
    if (h->stopping)
        return ERR_UNAVAILABLE;
    if (h->piece_ms)
        clock_sleep_ms((uint64_t)h->piece_ms);
    if (max > h->size - p->at)
        max = (size_t)(h->size - p->at);
    if (break_at > 0 && break_at - 1 >= p->at && break_at - 1 < p->at + max)
        return ERR_IO;
    memcpy(to, h->bytes + p->at, max);
    if (wrong_at > 0 && wrong_at - 1 >= p->at && wrong_at - 1 < p->at + max)
        ((uint8_t *)to)[wrong_at - 1 - p->at] ^= 0x20;
    p->at += max;
    h->given += max;
    *n = max;
    return ERR_OK;
}

static void holder_drop(void *state)
{
    struct holder_part *p = state;

    p->holder->under_way--;
    free(p);
}

static void holder_stream(struct http_request *r, struct holder *h, int status, uint64_t at, uint64_t len)
{
    struct holder_part *p = malloc(sizeof *p);
    struct http_source source = {holder_read, holder_drop, p};

    assert_non_null(p);
    *p = (struct holder_part){h, at};
    if (++h->under_way > h->most_under_way)
        h->most_under_way = h->under_way;
    http_reply_stream(r, status, NULL, len, &source);
}

static int holder_lets_in(const struct http_request *r, struct holder *h)
{
    const char *given = http_header(r, "Authorization");
    char want[32];

    snprintf(want, sizeof want, "pass-%d", (int)h->wants);
    return h->wants == 0 || (given && strcmp(given, want) == 0);
}

static void handle_holder(struct http_request *r, void *ctx)
{
    struct holder *h = ctx;
    struct http_conditions c = {http_header(r, "Range"), http_header(r, "If-Range"), NULL, NULL};
    uint64_t first = 0, last = 0;
    char range[96];

    h->asked++;
    if (!holder_lets_in(r, h)) {
        http_reply(r, 401, NULL, "", 0);
        return;
    }
    if (h->status) {
        http_reply(r, h->status, "text/plain", "no", 2);
        return;
    }
    if (h->etag[0])
        http_add_header(r, "ETag", h->etag);
    switch (h->ignores ? HTTP_RANGE_WHOLE : http_range(&c, h->size, h->etag, 0, &first, &last)) {
    case HTTP_RANGE_PART:
        snprintf(range, sizeof range, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, first, last, h->size);
        http_add_header(r, "Content-Range", range);
        holder_stream(r, h, 206, first, last - first + 1);
        return;
    case HTTP_RANGE_UNSATISFIABLE: http_reply(r, 416, NULL, "", 0); return;
    case HTTP_RANGE_NOT_MODIFIED:
    case HTTP_RANGE_WHOLE: holder_stream(r, h, 200, 0, h->size); return;
    }
}

static const struct http_route holder_routes[] = {
    {"GET", "/files/{}", HTTP_AUTH_NONE, 0, 0, handle_holder, NULL, NULL, NULL},
    {"GET", "/blobs/{}", HTTP_AUTH_NONE, 0, 0, handle_holder, NULL, NULL, NULL},
    /* As the front that carries a holder's bytes. */
    {"GET", "/api/v1/peers/{}/files/{}", HTTP_AUTH_NONE, 0, 0, handle_holder, NULL, NULL, NULL},
    {"GET", "/api/v1/peers/files/{}", HTTP_AUTH_NONE, 0, 0, handle_holder, NULL, NULL, NULL},
};

/* Serves bytes (borrowed) under any name. */
static inline void holder_start(struct holder *h, const uint8_t *bytes, uint64_t size)
{
    struct http_config c = {
        .address = "127.0.0.1", .routes = holder_routes, .n_routes = sizeof holder_routes / sizeof holder_routes[0], .ctx = h};

    memset(h, 0, sizeof *h);
    h->bytes = bytes;
    h->size = size;
    assert_ok(http_start(&c, &h->server));
    snprintf(h->url, sizeof h->url, "http://127.0.0.1:%u", (unsigned)http_port(h->server));
}

static inline void holder_stop(struct holder *h)
{
    h->stopping = 1;
    http_stop(h->server);
}

#endif
