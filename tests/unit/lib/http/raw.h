/* A client that says exactly what it is told, on a plain socket. */
#ifndef RB_TESTS_UNIT_LIB_HTTP_RAW_H
#define RB_TESTS_UNIT_LIB_HTTP_RAW_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/base/clock.h"
#include "lib/base/id.h"
#include "lib/http/http.h"
#include "tests/unit/keyring.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct sign_key raw_key = {{1, 2, 3}}; /* the master */

/* What the server has: a coordinator's. They stay until the program ends. */
static inline struct sign_keys *raw_keys(void)
{
    static struct sign_keys *keys;

    if (!keys)
        keys = keyring_of(&raw_key, "coordinator:raw");
    assert_non_null(keys);
    return keys;
}

static inline int raw_connect(uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static inline void raw_send(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Reads one answer into out (NUL-terminated): its header, then Content-Length bytes when with_body. Returns its status, 0 when the connection
 * ended or nothing came for timeout_ms. */
static inline int raw_answer(int fd, char *out, size_t size, int with_body, int timeout_ms)
{
    size_t len = 0, want = size - 1;
    char *end = NULL;

    while (len < want) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        ssize_t got;

        if (poll(&p, 1, timeout_ms) <= 0)
            break;
        /* Byte by byte up to the end of the header, so that a next answer stays in the socket. */
        got = recv(fd, out + len, end ? want - len : 1, 0);
        if (got <= 0)
            break;
        len += (size_t)got;
        out[len] = '\0';
        if (!end && (end = strstr(out, "\r\n\r\n"))) {
            const char *cl = strcasestr(out, "\r\nContent-Length: ");
            want = len + (with_body && cl ? strtoul(cl + 18, NULL, 10) : 0);
            assert_true(want < size);
        }
    }
    out[len] = '\0';
    return end && strncmp(out, "HTTP/1.1 ", 9) == 0 ? atoi(out + 9) : 0;
}

/* True when the server has closed its side within timeout_ms. */
static inline int raw_is_closed(int fd, int timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char byte;

    return poll(&p, 1, timeout_ms) == 1 && recv(fd, &byte, 1, 0) <= 0;
}

/* One request on its own connection; the answer's status. */
static inline int raw_exchange(uint16_t port, const char *text, char *out, size_t size)
{
    int fd = raw_connect(port);
    int status;

    raw_send(fd, text);
    status = raw_answer(fd, out, size, strncmp(text, "HEAD", 4) != 0, 3000);
    close(fd);
    return status;
}

/* The line "Authorization: …\r\n" for a request, signed at now + offset_ms; body NULL means "stream". sender: who it says to be; key_of: whose key it has. */
static inline void raw_authorization_as(const char *sender, const char *key_of, const char *method, const char *path, const char *body,
    int64_t offset_ms, uint64_t epoch, char out[768])
{
    char hash[HASH_HEX_SIZE] = "stream";
    struct sign_input in = {.method = method, .path = path, .body_hash = hash, .sender = sender, .epoch = epoch};
    struct sign_key receiver, key;
    struct buf b;

    if (body)
        hash_sha256_hex(body, strlen(body), hash);
    in.time_ms = clock_unix_ms() + (uint64_t)offset_ms;
    id_random_hex(in.nonce, 16);
    sign_coordinators_key(&raw_key, &receiver);
    sign_pair_key(&receiver, key_of, &key);
    buf_init(&b, 1024);
    assert_int_equal(buf_add_str(&b, "Authorization: "), ERR_OK);
    assert_int_equal(sign_make(&key, &in, &b), ERR_OK);
    snprintf(out, 768, "%s\r\n", buf_str(&b));
    buf_release(&b);
}

static inline void raw_authorization(
    const char *method, const char *path, const char *body, int64_t offset_ms, uint64_t epoch, char out[768])
{
    raw_authorization_as("node:raw.01", "node:raw.01", method, path, body, offset_ms, epoch, out);
}

#endif
