/* The pool with real libfcgi over real sockets, spoken to in FastCGI records (its specification, §3.3 and §5). The use cases behind it are not needed. */
#include "tests/unit/unit.h"

#include "fcgi/listen.h"
#include "fcgi/pool.h"
#include "fcgi/routes.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define THREADS 3
#define KEEP 1
#define END_REQUEST 3

static char folder[] = "/tmp/rb-pool-XXXXXX";
static char address[100];

struct stage {
    struct app app;
    struct metrics metrics;
    struct pool *pool;
    int fd;
};

static struct stage *raise_stage(void)
{
    struct stage *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    s->app.settings.name = "api-test";
    s->app.settings.upload_max_bytes = 1u << 30;
    s->app.settings.budget = budget_make(&(struct limits){LIMITS_NONE, LIMITS_NONE, 1}, THREADS, 1u << 20);
    s->app.settings.redis.address = "unix:/nowhere"; /* nobody connects: no use case is reached */
    metrics_init(&s->metrics);
    assert_ok(listen_open(address, &s->fd));
    assert_ok(pool_start(&s->app, &s->metrics, s->fd, THREADS, &s->pool));
    return s;
}

static void strike(struct stage *s)
{
    assert_int_equal(pool_stop(s->pool, 5000), 1);
    listen_close(address, s->fd);
    free(s);
}

static int dial(void)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    snprintf(to.sun_path, sizeof(to.sun_path), "%s", address + strlen("unix:"));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

static void add_record(struct buf *b, int type, const void *content, size_t n)
{
    const unsigned char head[8] = {1, (unsigned char)type, 0, 1, (unsigned char)(n >> 8), (unsigned char)n, 0, 0};
    assert_ok(buf_add(b, head, 8));
    assert_ok(buf_add(b, content, n));
}

static void add_param(struct buf *b, const char *name, const char *value)
{
    const unsigned char lengths[2] = {(unsigned char)strlen(name), (unsigned char)strlen(value)};
    assert_ok(buf_add(b, lengths, 2));
    assert_ok(buf_add_str(b, name));
    assert_ok(buf_add_str(b, value));
}

/* BEGIN_REQUEST and PARAMS; the body is the caller's. */
static void add_request(struct buf *b, int flags, const char *method, const char *uri, const char *length)
{
    const unsigned char begin[8] = {0, 1, (unsigned char)flags, 0, 0, 0, 0, 0};
    struct buf params;
    buf_init(&params, 4096);
    add_param(&params, "REQUEST_METHOD", method);
    add_param(&params, "REQUEST_URI", uri);
    if (length)
        add_param(&params, "CONTENT_LENGTH", length);
    add_record(b, 1, begin, 8);
    add_record(b, 4, params.data, params.len);
    add_record(b, 4, "", 0);
    buf_release(&params);
}

static void send_all(int fd, struct buf *b)
{
    size_t at = 0;
    while (at < b->len) {
        ssize_t n = send(fd, b->data + at, b->len - at, MSG_NOSIGNAL);
        if (n < 0)
            break; /* the server may close on us: that is what some tests are about */
        at += (size_t)n;
    }
    buf_reset(b);
}

static int read_exactly(int fd, void *into, size_t n)
{
    char *at = into;
    while (n > 0) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 10000) != 1)
            fail_msg("no answer within 10 s");
        ssize_t got = read(fd, at, n);
        if (got <= 0)
            return 0;
        at += got;
        n -= (size_t)got;
    }
    return 1;
}

/* Reads records up to END_REQUEST; what was written to stdout. 0 when the connection ended before. */
static int read_answer(int fd, struct buf *out)
{
    unsigned char head[8], content[65536 + 256];
    buf_reset(out);
    while (read_exactly(fd, head, 8)) {
        size_t n = (size_t)(head[4] << 8 | head[5]);
        if (!read_exactly(fd, content, n + head[6]))
            return 0;
        if (head[1] == END_REQUEST)
            return 1;
        if (head[1] == 6)
            assert_ok(buf_add(out, content, n));
    }
    return 0;
}

static int status_of(const struct buf *answer)
{
    assert_int_equal(strncmp(buf_str(answer), "Status: ", 8), 0);
    return atoi(answer->data + 8);
}

static void a_kept_connection_serves_request_after_request(void **state)
{
    (void)state;
    struct stage *s = raise_stage();
    struct buf out, in;
    buf_init(&out, 1u << 20);
    buf_init(&in, 1u << 20);
    int fd = dial();
    for (int i = 0; i < 50; i++) {
        add_request(&out, KEEP, "GET", "/healthz", NULL);
        add_record(&out, 5, "", 0);
        send_all(fd, &out);
        assert_true(read_answer(fd, &in));
        assert_int_equal(status_of(&in), 200);
    }
    close(fd);
    buf_release(&out);
    buf_release(&in);
    strike(s);
}

/* How many requests of this route were served, however they ended. */
static uint64_t served_of(struct stage *s, const char *pattern)
{
    uint64_t n = 0;
    size_t rows;
    const struct route *routes = routes_all(&rows);
    for (size_t i = 0; i < rows; i++) {
        for (size_t k = 0; k < METRICS_STATUSES && strcmp(routes[i].pattern, pattern) == 0; k++)
            n += atomic_load(&s->metrics.requests[i][k]);
    }
    return n;
}

/* Bytes of a refused body must never be read as records: here they hold a whole request of their own. */
static void a_body_that_nobody_read_is_no_next_request(void **state)
{
    (void)state;
    struct stage *s = raise_stage();
    struct buf out, in, inner;
    buf_init(&out, 1u << 20);
    buf_init(&in, 1u << 20);
    buf_init(&inner, 1u << 20);
    add_request(&inner, KEEP, "GET", "/api/v1/openapi.json", NULL);
    add_record(&inner, 5, "", 0);
    for (size_t skip = 0; skip <= 16; skip += 8) {
        int fd = dial();
        char length[16];
        snprintf(length, sizeof(length), "%zu", inner.len + skip);
        add_request(&out, KEEP, "PUT", "/api/v1/nothing", length);
        /* The record's head comes now, its content after the answer: so it would be read first by whoever reads next. */
        const unsigned char head[8] = {1, 5, 0, 1, (unsigned char)((inner.len + skip) >> 8), (unsigned char)(inner.len + skip), 0, 0};
        assert_ok(buf_add(&out, head, 8));
        assert_ok(buf_add(&out, "12345678abcdefgh", skip));
        send_all(fd, &out);
        if (skip == 0) {
            /* Without a first byte the server waits for one: it must see that the body is not empty. */
            assert_ok(buf_add(&out, inner.data, inner.len));
            send_all(fd, &out);
        }
        assert_true(read_answer(fd, &in));
        assert_int_equal(status_of(&in), 404);
        assert_ok(buf_add(&out, inner.data, inner.len));
        send_all(fd, &out);
        assert_false(read_answer(fd, &in));
        assert_int_equal(in.len, 0);
        close(fd);
    }
    assert_int_equal(served_of(s, "/api/v1/openapi.json"), 0);
    buf_release(&out);
    buf_release(&in);
    buf_release(&inner);
    strike(s);
}

static void more_callers_than_threads_are_all_served(void **state)
{
    (void)state;
    struct stage *s = raise_stage();
    struct buf out, in;
    int fds[40];
    buf_init(&out, 1u << 20);
    buf_init(&in, 1u << 20);
    for (int i = 0; i < 40; i++) {
        fds[i] = dial();
        add_request(&out, 0, "GET", "/healthz", NULL);
        add_record(&out, 5, "", 0);
        send_all(fds[i], &out);
    }
    for (int i = 0; i < 40; i++) {
        assert_true(read_answer(fds[i], &in));
        assert_int_equal(status_of(&in), 200);
        close(fds[i]);
    }
    buf_release(&out);
    buf_release(&in);
    strike(s);
}

static void rubbish_and_half_requests_do_no_harm(void **state)
{
    (void)state;
    struct stage *s = raise_stage();
    struct buf out, in;
    buf_init(&out, 1u << 20);
    buf_init(&in, 1u << 20);
    for (int i = 0; i < 10; i++) {
        int fd = dial();
        assert_ok(buf_add_str(&out, "GET / HTTP/1.1\r\n\r\n"));
        send_all(fd, &out);
        close(fd);
        fd = dial();
        add_request(&out, 0, "PUT", "/api/v1/nothing", "100");
        out.len -= (size_t)i + 1;
        send_all(fd, &out);
        assert_int_equal(shutdown(fd, SHUT_WR), 0);
        read_answer(fd, &in);
        assert_int_equal(in.len, 0); /* nothing is done for half a request */
        close(fd);
    }
    int fd = dial();
    add_request(&out, 0, "GET", "/healthz", NULL);
    add_record(&out, 5, "", 0);
    send_all(fd, &out);
    assert_true(read_answer(fd, &in));
    assert_int_equal(status_of(&in), 200);
    close(fd);
    buf_release(&out);
    buf_release(&in);
    strike(s);
}

static uint64_t processor_ms(void)
{
    struct rusage u;
    assert_int_equal(getrusage(RUSAGE_SELF, &u), 0);
    return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 + (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
}

/* guarantees.md, traps: a loop that leaves stops serving, one that only goes on spins. */
static void without_descriptors_it_waits_and_goes_on(void **state)
{
    (void)state;
    struct stage *s = raise_stage();
    struct buf out, in;
    struct rlimit before, none;
    int fds[20];
    buf_init(&out, 1u << 20);
    buf_init(&in, 1u << 20);
    for (int i = 0; i < 20; i++)
        fds[i] = dial();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){3, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    for (int i = 0; i < 20; i++) {
        add_request(&out, 0, "GET", "/healthz", NULL);
        add_record(&out, 5, "", 0);
        send_all(fds[i], &out);
    }
    uint64_t busy_ms = processor_ms();
    clock_sleep_ms(500);
    assert_true(processor_ms() - busy_ms < 250);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    for (int i = 0; i < 20; i++) {
        assert_true(read_answer(fds[i], &in));
        assert_int_equal(status_of(&in), 200);
        close(fds[i]);
    }
    buf_release(&out);
    buf_release(&in);
    strike(s);
}

static void idle_connections_do_not_hold_up_the_stop(void **state)
{
    (void)state;
    struct stage *s = raise_stage();
    struct buf out, in;
    buf_init(&out, 1u << 20);
    buf_init(&in, 1u << 20);
    int kept = dial(), fresh = dial();
    add_request(&out, KEEP, "GET", "/healthz", NULL);
    add_record(&out, 5, "", 0);
    send_all(kept, &out);
    assert_true(read_answer(kept, &in));
    uint64_t started = clock_boot_ms();
    strike(s);
    assert_true(clock_boot_ms() - started < 2500);
    close(kept);
    close(fresh);
    buf_release(&out);
    buf_release(&in);
}

static void a_living_socket_is_not_taken_and_a_dead_one_is(void **state)
{
    (void)state;
    int first, second;
    assert_ok(listen_open(address, &first));
    assert_err(ERR_CONFLICT, listen_open(address, &second));
    close(first); /* as a killed process does: the file stays */
    assert_ok(listen_open(address, &second));
    listen_close(address, second);
    assert_int_equal(access(address + strlen("unix:"), F_OK), -1);
    FILE *f = fopen(address + strlen("unix:"), "w");
    assert_non_null(f);
    fclose(f);
    assert_err(ERR_CONFLICT, listen_open(address, &second));
    unlink(address + strlen("unix:"));
}

static void addresses_are_strict(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "unix:", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "localhost:80", ":80",
        "[::1:80", "::1:80", "256.0.0.1:80"};
    int fd;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_err(ERR_SYNTAX, listen_open(bad[i], &fd));
    assert_ok(listen_open("127.0.0.1:0", &fd));
    listen_close("127.0.0.1:0", fd);
}

static int setup(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    if (!mkdtemp(folder) || pool_global_init() || peer_global_init())
        return -1;
    snprintf(address, sizeof(address), "unix:%s/api.sock", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kept_connection_serves_request_after_request),
        cmocka_unit_test(a_body_that_nobody_read_is_no_next_request),
        cmocka_unit_test(more_callers_than_threads_are_all_served),
        cmocka_unit_test(rubbish_and_half_requests_do_no_harm),
        cmocka_unit_test(without_descriptors_it_waits_and_goes_on),
        cmocka_unit_test(idle_connections_do_not_hold_up_the_stop),
        cmocka_unit_test(a_living_socket_is_not_taken_and_a_dead_one_is),
        cmocka_unit_test(addresses_are_strict),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
