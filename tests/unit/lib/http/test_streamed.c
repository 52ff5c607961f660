#include "tests/unit/lib/http/served.h"

/* Sends the header of a streamed PUT of total bytes. */
static int open_stream(const char *signed_body, size_t total)
{
    char line[768], text[2048];
    int fd = raw_connect(port);

    raw_authorization("PUT", "/stream", signed_body, 0, 5, line);
    snprintf(text, sizeof text, "PUT /stream HTTP/1.1\r\nHost: x\r\n%sContent-Length: %zu\r\n\r\n", line, total);
    raw_send(fd, text);
    return fd;
}

static void a_streamed_body_needs_no_hash_but_a_given_one_must_fit(void **state)
{
    int fd = open_stream(NULL, 3);

    (void)state;
    raw_send(fd, "abc");
    assert_int_equal(raw_answer(fd, answer, sizeof answer, 1, 2000), 201);
    close(fd);
    fd = open_stream("abc", 3);
    raw_send(fd, "abc");
    assert_int_equal(raw_answer(fd, answer, sizeof answer, 1, 2000), 201);
    close(fd);
    assert_int_equal(handled, 2);
    assert_int_equal(dropped, 0);
    fd = open_stream("abc", 3);
    raw_send(fd, "abd");
    assert_int_equal(raw_answer(fd, answer, sizeof answer, 1, 2000), 401);
    close(fd);
    fd = open_stream("abc", 0);
    assert_int_equal(raw_answer(fd, answer, sizeof answer, 1, 2000), 401);
    close(fd);
    clock_sleep_ms(50);
    assert_int_equal(handled, 2);
    assert_int_equal(dropped, 2);
}

/* Sends zeroes until the peer takes no more; returns how many it took. */
static size_t pour(int fd, size_t total)
{
    static const char zeroes[65536];
    size_t sent = 0;

    while (sent < total) {
        size_t some = total - sent < sizeof zeroes ? total - sent : sizeof zeroes;
        ssize_t n = send(fd, zeroes, some, MSG_NOSIGNAL);
        if (n <= 0)
            break;
        sent += (size_t)n;
    }
    return sent;
}

static void a_refusal_reaches_a_client_that_is_still_sending(void **state)
{
    int fd;

    (void)state;
    refusal = ERR_FULL;
    for (int i = 0; i < 10; i++) {
        fd = open_stream(NULL, 8u << 20);
        pour(fd, 8u << 20);
        assert_int_equal(raw_answer(fd, answer, sizeof answer, 1, 2000), 507);
        assert_problem("full", 507);
        close(fd);
    }
    assert_int_equal(streamed, 0);
    assert_int_equal(handled, 0);
    clock_sleep_ms(50);
    assert_int_equal(dropped, 10);
}

static void a_refusal_in_the_middle_of_a_body_is_answered_at_once(void **state)
{
    int fd;

    (void)state;
    fail_piece = 1;
    for (int i = 0; i < 10; i++) {
        fd = open_stream(NULL, 8u << 20);
        pour(fd, 4u << 20);
        assert_int_equal(raw_answer(fd, answer, sizeof answer, 1, 2000), 507);
        assert_problem("full", 507);
        close(fd);
    }
    assert_int_equal(handled, 0);
    assert_int_equal(dropped, 10);
}

static void a_client_that_goes_away_is_dropped(void **state)
{
    int fd = open_stream(NULL, 1000);

    (void)state;
    raw_send(fd, "abc");
    clock_sleep_ms(50);
    assert_int_equal(begun, 1);
    close(fd);
    for (int i = 0; i < 100 && !dropped; i++)
        clock_sleep_ms(10);
    assert_int_equal(dropped, 1);
    assert_int_equal(handled, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_streamed_body_needs_no_hash_but_a_given_one_must_fit),
        TEST(a_refusal_reaches_a_client_that_is_still_sending),
        TEST(a_refusal_in_the_middle_of_a_body_is_answered_at_once),
        TEST(a_client_that_goes_away_is_dropped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
