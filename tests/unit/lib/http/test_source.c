/* Answers whose bytes come from a source. */
#include "tests/unit/lib/http/raw.h"

#include <stdatomic.h>

#define TOTAL 200000u

static struct http_server *server;
static uint16_t port;
static char answer[TOTAL + 4096];
static atomic_uint reads, drops;
static atomic_ullong break_at;

/* The byte at an offset. */
static char byte_at(size_t at)
{
    return (char)('a' + at % 23);
}

static enum err read_source(void *state, void *to, size_t max, size_t *n)
{
    size_t *at = state, len = max > 999 ? 999 : max;

    assert_true(max > 0 && max <= HTTP_PIECE_MAX);
    reads++;
    if (break_at && *at + len > break_at)
        return ERR_CONFLICT;
    for (size_t i = 0; i < len; i++)
        ((char *)to)[i] = byte_at(*at + i);
    *at += len;
    *n = len;
    return ERR_OK;
}

static void drop_source(void *state)
{
    drops++;
    free(state);
}

static void handle(struct http_request *r, void *ctx)
{
    size_t *at = calloc(1, sizeof *at);
    const char *len = http_query(r, "len");

    (void)ctx;
    assert_non_null(at);
    http_add_header(r, "X-Good", "yes");
    http_reply_stream(r, 200, "text/plain", strtoull(len, NULL, 10), &(struct http_source){read_source, drop_source, at});
}

static const struct http_route routes[] = {{"GET", "/source", HTTP_AUTH_NONE, 0, 0, handle, NULL, NULL, NULL}};

static int setup(void **state)
{
    struct http_config c = {.address = "127.0.0.1", .routes = routes, .n_routes = 1};

    (void)state;
    reads = drops = 0;
    break_at = 0;
    assert_int_equal(http_start(&c, &server), ERR_OK);
    port = http_port(server);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    http_stop(server);
    return 0;
}

static void await_drop(void)
{
    for (int i = 0; i < 300 && drops == 0; i++)
        clock_sleep_ms(10);
    assert_int_equal(drops, 1);
}

static void the_bytes_arrive_whole_and_in_their_order(void **state)
{
    const char *body;

    (void)state;
    assert_int_equal(raw_exchange(port, "GET /source?len=200000 HTTP/1.1\r\nHost: x\r\n\r\n", answer, sizeof answer), 200);
    assert_non_null(strstr(answer, "\r\nContent-Length: 200000\r\n"));
    assert_non_null(strstr(answer, "\r\nX-Good: yes\r\n"));
    body = strstr(answer, "\r\n\r\n") + 4;
    assert_int_equal(strlen(body), TOTAL);
    for (size_t i = 0; i < TOTAL; i++)
        assert_int_equal(body[i], byte_at(i));
    await_drop();
}

static void a_source_that_fails_breaks_the_connection_before_the_end(void **state)
{
    int fd = raw_connect(port);
    const char *body;

    (void)state;
    break_at = 150000;
    raw_send(fd, "GET /source?len=200000 HTTP/1.1\r\nHost: x\r\n\r\n");
    raw_answer(fd, answer, sizeof answer, 1, 3000);
    body = strstr(answer, "\r\n\r\n");
    assert_true(strlen(body + 4) < TOTAL);
    assert_true(raw_is_closed(fd, 3000));
    close(fd);
    await_drop();
}

static void head_and_an_empty_answer_read_nothing(void **state)
{
    (void)state;
    assert_int_equal(raw_exchange(port, "HEAD /source?len=200000 HTTP/1.1\r\nHost: x\r\n\r\n", answer, sizeof answer), 200);
    assert_non_null(strstr(answer, "\r\nContent-Length: 200000\r\n"));
    await_drop();
    drops = 0;
    assert_int_equal(raw_exchange(port, "GET /source?len=0 HTTP/1.1\r\nHost: x\r\n\r\n", answer, sizeof answer), 200);
    assert_non_null(strstr(answer, "\r\nContent-Length: 0\r\n"));
    await_drop();
    assert_int_equal(reads, 0);
}

static void a_client_that_goes_away_ends_the_source(void **state)
{
    int fd = raw_connect(port);

    (void)state;
    raw_send(fd, "GET /source?len=1000000000 HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(recv(fd, answer, 1000, 0) > 0);
    assert_int_equal(drops, 0);
    close(fd);
    await_drop();
    assert_true(reads < 1000000);
}

static void the_next_request_goes_over_the_same_connection(void **state)
{
    int fd = raw_connect(port);

    (void)state;
    for (int i = 0; i < 3; i++) {
        raw_send(fd, "GET /source?len=5000 HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_int_equal(raw_answer(fd, answer, sizeof answer, 1, 3000), 200);
        assert_int_equal(strlen(strstr(answer, "\r\n\r\n") + 4), 5000);
    }
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_bytes_arrive_whole_and_in_their_order, setup, teardown),
        cmocka_unit_test_setup_teardown(a_source_that_fails_breaks_the_connection_before_the_end, setup, teardown),
        cmocka_unit_test_setup_teardown(head_and_an_empty_answer_read_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_client_that_goes_away_ends_the_source, setup, teardown),
        cmocka_unit_test_setup_teardown(the_next_request_goes_over_the_same_connection, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
