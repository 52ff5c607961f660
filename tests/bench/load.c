/* A load generator: N clients on kept connections PUT or GET bodies, each thread one request at a time; every byte that comes back is compared.
 * Body number i = 16 hex digits of i, then the same pseudo-random bytes for all: unique for the server, cheap to make and to check.
 *
 *   load put|get HOST PORT PATH_PREFIX PATH_SUFFIX SIZE CLIENTS REQUESTS FIRST NAMES
 *
 * With a token in RB_TOKEN (others see arguments) every request comes with it.
 * Request j uses body and name FIRST + j % NAMES; the path is PATH_PREFIX, that number, PATH_SUFFIX. Prints one JSON line. */
#include "lib/base/num.h"
#include "tests/bench/figures.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { STAMP = 16, HEAD_MAX = 8192, CLIENTS_MAX = 256 };

struct plan {
    int put;
    struct sockaddr_in address;
    const char *host, *prefix, *suffix;
    const char *token; /* or NULL */
    size_t size;
    uint64_t clients, requests, first, names;
    const char *body; /* without its stamp */
    _Atomic uint64_t next, errors;
    double *latency_ms; /* one a request */
};

struct client {
    struct plan *plan;
    int fd;       /* -1: not connected */
    char *buffer; /* received head and bytes */
};

static int connect_to(const struct plan *p)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;
    struct timeval limit = {.tv_sec = 60};
    if (fd < 0)
        return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (connect(fd, (const struct sockaddr *)&p->address, sizeof p->address) == 0)
        return fd;
    close(fd);
    return -1;
}

static int send_all(int fd, struct iovec *parts, int n)
{
    while (n > 0) {
        ssize_t sent = writev(fd, parts, n);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return -1;
        size_t left = (size_t)sent;
        while (n > 0 && left >= parts->iov_len) {
            left -= parts->iov_len;
            parts++, n--;
        }
        if (n > 0) {
            parts->iov_base = (char *)parts->iov_base + left;
            parts->iov_len -= left;
        }
    }
    return 0;
}

/* Compares a piece of body `number` at `offset`. */
static int piece_is_right(const struct plan *p, const char *stamp, size_t offset, const char *data, size_t n)
{
    if (offset + n > p->size)
        return 0;
    if (offset < STAMP) {
        size_t head = n < STAMP - offset ? n : STAMP - offset;
        if (memcmp(stamp + offset, data, head) != 0)
            return 0;
        data += head, n -= head, offset += head;
    }
    return memcmp(p->body + offset, data, n) == 0;
}

/* Reads the head of an answer; what came behind it stays at buffer[*head_len …]. Returns bytes in the buffer, or 0. */
static size_t read_head(struct client *c, size_t *head_len)
{
    size_t have = 0;
    while (have < HEAD_MAX) {
        ssize_t got = recv(c->fd, c->buffer + have, HEAD_MAX - have, 0);
        if (got <= 0)
            return 0;
        have += (size_t)got;
        c->buffer[have] = '\0';
        const char *end = strstr(c->buffer, "\r\n\r\n");
        if (end) {
            *head_len = (size_t)(end - c->buffer) + 4;
            return have;
        }
    }
    return 0;
}

static int content_length(const char *head, uint64_t *out)
{
    const char *at = strcasestr(head, "\r\nContent-Length:");
    if (!at)
        return -1;
    *out = strtoull(at + 17, NULL, 10);
    return 0;
}

/* Reads one answer. GET: 200 and the right bytes; PUT: 201 (or 200). 0 when all is well. */
static int read_answer(struct client *c, const char *stamp)
{
    const struct plan *p = c->plan;
    size_t head_len = 0, have = read_head(c, &head_len);
    uint64_t length = 0;
    if (have == 0 || content_length(c->buffer, &length) != 0)
        return -1;
    uint64_t status = 0;
    char digits[4] = {0};
    memcpy(digits, c->buffer + 9, 3);
    if (num_parse_u64(digits, 999, &status) != ERR_OK)
        return -1;
    int good = p->put ? status == 201 || status == 200 : status == 200 && length == p->size;
    uint64_t offset = have - head_len;
    if (!p->put && good)
        good = piece_is_right(p, stamp, 0, c->buffer + head_len, have - head_len);
    while (offset < length) {
        size_t want = length - offset < 65536 ? (size_t)(length - offset) : 65536;
        ssize_t got = recv(c->fd, c->buffer, want, 0);
        if (got <= 0)
            return -1;
        if (!p->put && good)
            good = piece_is_right(p, stamp, offset, c->buffer, (size_t)got);
        offset += (size_t)got;
    }
    return good ? 0 : 1;
}

/* One request. 0 = right; 1 = a wrong answer on a connection that still works; -1 = connection lost. */
static int request_once(struct client *c, uint64_t number)
{
    struct plan *p = c->plan;
    char head[HEAD_MAX], stamp[STAMP + 1];
    uint8_t be[8];
    num_store_be64(be, number);
    num_hex(be, sizeof be, stamp);
    int n = snprintf(head, sizeof head, "%s %s%llu%s HTTP/1.1\r\nHost: %s\r\n", p->put ? "PUT" : "GET", p->prefix,
        (unsigned long long)number, p->suffix, p->host);
    if (p->put)
        n += snprintf(head + n, sizeof head - (size_t)n, "Content-Length: %zu\r\n", p->size);
    if (p->token)
        n += snprintf(head + n, sizeof head - (size_t)n, "Authorization: Bearer %.128s\r\n", p->token);
    n += snprintf(head + n, sizeof head - (size_t)n, "\r\n");
    struct iovec parts[3] = {{head, (size_t)n}, {stamp, STAMP}, {(char *)(uintptr_t)p->body + STAMP, p->size - STAMP}};
    if (send_all(c->fd, parts, p->put ? 3 : 1) != 0)
        return -1;
    return read_answer(c, stamp);
}

static void *run_client(void *arg)
{
    struct client *c = arg;
    struct plan *p = c->plan;
    for (uint64_t j; (j = atomic_fetch_add(&p->next, 1)) < p->requests;) {
        double started = figures_now_s();
        if (c->fd < 0)
            c->fd = connect_to(p);
        int result = c->fd < 0 ? -1 : request_once(c, p->first + j % p->names);
        p->latency_ms[j] = (figures_now_s() - started) * 1e3;
        if (result != 0)
            atomic_fetch_add(&p->errors, 1);
        if (result < 0 && c->fd >= 0) {
            close(c->fd);
            c->fd = -1;
        }
    }
    if (c->fd >= 0)
        close(c->fd);
    return NULL;
}

static char *make_body(size_t size)
{
    char *body = malloc(size);
    uint64_t x = 88172645463325252ull;
    if (!body)
        return NULL;
    for (size_t i = 0; i < size; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        body[i] = (char)x;
    }
    return body;
}

static uint64_t number_or_die(const char *text)
{
    uint64_t n = 0;
    if (num_parse_u64(text, UINT64_MAX / 2, &n) != ERR_OK) {
        fprintf(stderr, "load: not a number: %s\n", text);
        exit(2);
    }
    return n;
}

int main(int argc, char **argv)
{
    static struct client clients[CLIENTS_MAX];
    pthread_t threads[CLIENTS_MAX];
    if (argc != 11) {
        fprintf(stderr, "usage: load put|get HOST PORT PATH_PREFIX PATH_SUFFIX SIZE CLIENTS REQUESTS FIRST NAMES\n");
        return 2;
    }
    struct plan p = {.put = strcmp(argv[1], "put") == 0,
        .host = argv[2],
        .prefix = argv[4],
        .suffix = argv[5],
        .token = getenv("RB_TOKEN"),
        .size = number_or_die(argv[6]),
        .clients = number_or_die(argv[7]),
        .requests = number_or_die(argv[8]),
        .first = number_or_die(argv[9]),
        .names = number_or_die(argv[10])};
    p.address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)number_or_die(argv[3]))};
    p.body = make_body(p.size);
    p.latency_ms = calloc(p.requests, sizeof *p.latency_ms);
    if (inet_pton(AF_INET, argv[2], &p.address.sin_addr) != 1 || p.size < STAMP || p.clients == 0 || p.clients > CLIENTS_MAX ||
        p.requests == 0 || p.names == 0 || !p.body || !p.latency_ms)
        return 2;
    double started = figures_now_s();
    for (uint64_t i = 0; i < p.clients; i++) {
        clients[i] = (struct client){.plan = &p, .fd = -1, .buffer = malloc(65536 + HEAD_MAX + 1)};
        if (!clients[i].buffer || pthread_create(&threads[i], NULL, run_client, &clients[i]) != 0)
            return 2;
    }
    for (uint64_t i = 0; i < p.clients; i++)
        pthread_join(threads[i], NULL);
    figures_print(p.latency_ms, p.requests, atomic_load(&p.errors), figures_now_s() - started, p.size);
    return 0;
}
