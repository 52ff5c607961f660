/* A real server of lib/http on a free port, for the tests of the client: it counts what reaches it and can be told to be slow. */
#ifndef RB_TESTS_UNIT_LIB_PEER_FIXTURE_H
#define RB_TESTS_UNIT_LIB_PEER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/base/clock.h"
#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/http/http.h"
#include "lib/peer/peer.h"
#include "tests/unit/keyring.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct sign_key fixture_key = {{1, 2, 3}};

/* What a server saw; its handlers run in many threads. */
struct seen {
    atomic_int begun;          /* streamed requests whose headers came */
    atomic_int handled;        /* requests that reached their handler */
    atomic_int dropped;        /* streamed requests that broke off */
    atomic_ullong bytes;       /* of bodies that reached a handler or a piece */
    atomic_int delay_ms;       /* of /echo */
    atomic_int refuse;         /* enum err that a stream's begin gives */
    atomic_ullong fail_at;     /* a stream's piece fails with ERR_FULL once so many bytes came; 0 = never */
    atomic_int piece_delay_ms; /* of each piece of a stream */
};

struct fixture {
    struct http_server *server;
    struct sign_keys *keys; /* of the node FIXTURE_ID */
    struct seen seen;
    char url[64];
};

#define FIXTURE_ID "fixture.00000000000000aa"

/* Answers with sender, epoch and the body. */
static void handle_echo(struct http_request *r, void *ctx)
{
    struct seen *seen = ctx;
    struct buf b;
    size_t len;
    const void *body = http_body(r, &len);
    seen->handled++;
    seen->bytes += len;
    if (seen->delay_ms)
        clock_sleep_ms((uint64_t)seen->delay_ms);
    buf_init(&b, 1u << 24);
    assert_int_equal(buf_addf(&b, "%s %llu ", http_claim(r)->sender, (unsigned long long)http_claim(r)->epoch), ERR_OK);
    assert_int_equal(buf_add(&b, body, len), ERR_OK);
    http_reply(r, 200, "text/plain", b.data, b.len);
    buf_release(&b);
}

static enum err stream_begin(struct http_request *r, void *ctx, void **state)
{
    struct seen *seen = ctx;

    (void)r;
    seen->begun++;
    if (seen->refuse)
        return (enum err)seen->refuse;
    *state = seen;
    return ERR_OK;
}

static enum err stream_piece(void *state, const void *data, size_t n)
{
    struct seen *seen = state;

    (void)data;
    seen->bytes += n;
    if (seen->piece_delay_ms)
        clock_sleep_ms((uint64_t)seen->piece_delay_ms);
    return seen->fail_at && seen->bytes >= seen->fail_at ? ERR_FULL : ERR_OK;
}

static void stream_drop(void *state)
{
    ((struct seen *)state)->dropped++;
}

static void handle_stream(struct http_request *r, void *ctx)
{
    ((struct seen *)ctx)->handled++;
    assert_ptr_equal(http_state(r), ctx);
    http_reply(r, 201, NULL, "", 0);
}

/* /blobs/{}: what sha256 names "hello", but for one whose bytes are wrong. */
static void handle_blob(struct http_request *r, void *ctx)
{
    char hash[HASH_HEX_SIZE];
    enum err e = http_check_signature(r);

    ((struct seen *)ctx)->handled++;
    if (e) {
        http_reply_problem(r, e, NULL);
        return;
    }
    hash_sha256_hex("hello", 5, hash);
    if (strcmp(http_capture(r, 0), hash) == 0)
        http_reply(r, 200, "application/octet-stream", "hello", 5);
    else if (http_capture(r, 0)[0] == 'b')
        http_reply(r, 200, "application/octet-stream", "HELLO", 5);
    else
        http_reply_problem(r, ERR_NOT_FOUND, "no such blob");
}

static const struct http_route fixture_routes[] = {
    {"POST", "/echo", HTTP_AUTH_SIGNED, SIGN_API, 1u << 20, handle_echo, NULL, NULL, NULL},
    {"GET", "/echo", HTTP_AUTH_SIGNED, SIGN_API, 0, handle_echo, NULL, NULL, NULL},
    {"PUT", "/stream/{}", HTTP_AUTH_SIGNED, SIGN_API, 0, handle_stream, stream_begin, stream_piece, stream_drop},
    {"GET", "/blobs/{}", HTTP_AUTH_HANDLER, SIGN_API, 0, handle_blob, NULL, NULL, NULL},
};

static inline void fixture_start(struct fixture *f)
{
    struct http_config c = {.address = "127.0.0.1",
        .routes = fixture_routes,
        .n_routes = sizeof fixture_routes / sizeof fixture_routes[0],
        .self = FIXTURE_ID,
        .ctx = &f->seen};

    memset(f, 0, sizeof *f);
    f->keys = keyring_of(&fixture_key, "node:" FIXTURE_ID);
    c.keys = f->keys;
    assert_int_equal(http_start(&c, &f->server), ERR_OK);
    snprintf(f->url, sizeof f->url, "http://127.0.0.1:%u", (unsigned)http_port(f->server));
}

static inline void fixture_stop(struct fixture *f)
{
    http_stop(f->server);
    sign_keys_free(f->keys);
}

/* A client of these servers; its keys stay until the program ends. */
static inline struct peer *fixture_client(void)
{
    static struct sign_keys *keys;

    if (!keys)
        keys = keyring_of(&fixture_key, "api:tester");
    assert_non_null(keys);
    return peer_new(keys, NULL);
}

/* A base URL where nobody listens: the port was free a moment ago. */
static inline void dead_url(char out[64])
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    close(fd);
    snprintf(out, 64, "http://127.0.0.1:%u", (unsigned)ntohs(a.sin_port));
}

/* A socket that listens and never answers: connections succeed. Returns its descriptor. */
static inline int deaf_url(char out[64])
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    snprintf(out, 64, "http://127.0.0.1:%u", (unsigned)ntohs(a.sin_port));
    return fd;
}

#endif
