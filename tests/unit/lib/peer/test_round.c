#include "tests/unit/lib/peer/fixture.h"

#include "lib/base/hash.h"

#include <dirent.h>
#include <pthread.h>

static struct fixture nodes[3];
static struct peer *client;

static int setup(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++)
        fixture_start(&nodes[i]);
    client = fixture_client();
    assert_non_null(client);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    peer_free(client);
    for (size_t i = 0; i < 3; i++)
        fixture_stop(&nodes[i]);
    return 0;
}

static struct peer_call post(const char *url, const char *head, const char *body)
{
    return (struct peer_call){.base_url = url,
        .to = FIXTURE_ID,
        .method = "POST",
        .path = "/echo?x=1",
        .epoch = 7,
        .head = head,
        .head_len = strlen(head),
        .body = body,
        .body_len = strlen(body),
        .answer_max = 1u << 20};
}

static void a_signed_call_is_answered(void **state)
{
    struct peer_call c = post(nodes[0].url, "head+", "body");

    (void)state;
    assert_int_equal(peer_call(client, &c, 2000), ERR_OK);
    assert_int_equal(c.error, ERR_OK);
    assert_true(c.done);
    assert_int_equal(c.status, 200);
    assert_string_equal(buf_str(&c.answer), "api:tester 7 head+body");
    peer_calls_release(&c, 1);
}

static int count_descriptors(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");

    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static int ours(struct peer *p, const char *url)
{
    struct peer_call c = post(url, "head+", "body");
    int good = peer_call(p, &c, 2000) == ERR_OK && c.error == ERR_OK && c.status == 200;

    peer_calls_release(&c, 1);
    return good;
}

static void a_rest_gives_all_back(void **state)
{
    struct peer *p = fixture_client();
    int before;

    (void)state;
    peer_rest(p);
    before = count_descriptors();
    for (int i = 0; i < 3; i++) {
        for (size_t n = 0; n < 3; n++)
            assert_true(ours(p, nodes[n].url));
        assert_true(count_descriptors() >= before + 3);
        peer_rest(p);
        peer_rest(p);
        for (int waited = 0; count_descriptors() > before && waited < 100; waited++)
            clock_sleep_ms(20); /* the servers' ends are in this process too */
        assert_int_equal(count_descriptors(), before);
    }
    peer_free(p);
}

static void only_so_many_connections_are_kept(void **state)
{
    struct peer *p = fixture_client();
    int before, one;

    (void)state;
    peer_rest(p);
    peer_keep(p, 1);
    before = count_descriptors();
    assert_true(ours(p, nodes[0].url));
    one = count_descriptors();
    for (int i = 0; i < 6; i++)
        assert_true(ours(p, nodes[i % 3].url));
    for (int waited = 0; count_descriptors() > one && waited < 100; waited++)
        clock_sleep_ms(20);
    assert_int_equal(count_descriptors(), one);
    assert_true(one > before);
    peer_free(p);
}

static void a_get_without_body_is_answered(void **state)
{
    struct peer_call c = {.base_url = nodes[0].url, .to = FIXTURE_ID, .method = "GET", .path = "/echo", .epoch = 3, .answer_max = 100};

    (void)state;
    assert_int_equal(peer_call(client, &c, 2000), ERR_OK);
    assert_int_equal(c.status, 200);
    assert_string_equal(buf_str(&c.answer), "api:tester 3 ");
    peer_calls_release(&c, 1);
}

static void an_empty_post_is_answered(void **state)
{
    struct peer_call c = post(nodes[0].url, "", "");

    (void)state;
    assert_int_equal(peer_call(client, &c, 2000), ERR_OK);
    assert_int_equal(c.status, 200);
    assert_string_equal(buf_str(&c.answer), "api:tester 7 ");
    peer_calls_release(&c, 1);
}

static void a_body_of_a_megabyte_arrives_whole(void **state)
{
    struct peer_call c = post(nodes[0].url, "", "");
    char *body = malloc(1u << 20);

    (void)state;
    assert_non_null(body);
    for (size_t i = 0; i < 1u << 20; i++)
        body[i] = (char)(i * 31 >> 3);
    c.head = body;
    c.head_len = 1000;
    c.body = body + 1000;
    c.body_len = (1u << 20) - 1000;
    c.answer_max = 2u << 20;
    assert_int_equal(peer_call(client, &c, 5000), ERR_OK);
    assert_int_equal(c.status, 200);
    assert_int_equal(c.answer.len, (1u << 20) + strlen("api:tester 7 "));
    assert_memory_equal(c.answer.data + strlen("api:tester 7 "), body, 1u << 20);
    peer_calls_release(&c, 1);
    free(body);
}

static void a_wrong_key_is_refused(void **state)
{
    static const struct sign_key other = {{9}};
    struct sign_keys *keys = keyring_of(&other, "api:tester");
    struct peer *stranger = peer_new(keys, NULL);
    struct peer_call c = post(nodes[0].url, "x", "y");

    (void)state;
    assert_int_equal(peer_call(stranger, &c, 2000), ERR_OK);
    assert_int_equal(c.error, ERR_OK);
    assert_int_equal(c.status, 401);
    assert_non_null(strstr(buf_str(&c.answer), "urn:ringbinder:error:"));
    assert_int_equal(nodes[0].seen.handled, 0);
    assert_int_equal(peer_clock_offset_ms(stranger, nodes[0].url), 0);
    peer_calls_release(&c, 1);
    peer_free(stranger);
    sign_keys_free(keys);
}

static void nobody_there_is_unavailable(void **state)
{
    char url[64];
    struct peer_call c;

    (void)state;
    dead_url(url);
    c = post(url, "x", "y");
    assert_int_equal(peer_call(client, &c, 2000), ERR_OK);
    assert_int_equal(c.error, ERR_UNAVAILABLE);
    assert_true(c.done);
    peer_calls_release(&c, 1);
}

static void a_receiver_that_took_all_and_says_nothing_is_a_timeout(void **state)
{
    char url[64];
    int fd = deaf_url(url);
    struct peer_call c = post(url, "x", "y");

    (void)state;
    assert_int_equal(peer_call(client, &c, 300), ERR_OK);
    assert_int_equal(c.error, ERR_TIMEOUT);
    assert_true(c.done);
    peer_calls_release(&c, 1);
    close(fd);
}

static void only_numeric_addresses_are_called(void **state)
{
    static const char *const bad[] = {"http://localhost:1", "http://a@127.0.0.1:1", "file:///etc/passwd", "gopher://127.0.0.1:1",
        "http://127.0.0.1", "http://127.0.0.1:0", "http://127.0.0.1:65536", "http://127.0.0.1:1/", "http://0x7f.1:80", "http://127.1:80",
        "http://[::1:80", "http://::1:80", "", "http://127.0.0.1:1@10.0.0.1:80"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct peer_call c = post(bad[i], "x", "y");
        assert_int_equal(peer_call(client, &c, 500), ERR_OK);
        assert_int_equal(c.error, ERR_UNAVAILABLE);
        assert_true(c.done);
        peer_calls_release(&c, 1);
    }
}

static void an_answer_beyond_its_maximum_is_told(void **state)
{
    struct peer_call c = post(nodes[0].url, "0123456789", "");

    (void)state;
    c.answer_max = 10;
    assert_int_equal(peer_call(client, &c, 2000), ERR_OK);
    assert_int_equal(c.error, ERR_TOO_LARGE);
    peer_calls_release(&c, 1);
}

static void who_is_another_node_is_not_there(void **state)
{
    struct peer_round round = {.timeout_ms = 3000, .connect_timeout_ms = 1000};
    struct peer_call c[2];

    (void)state;
    c[0] = post(nodes[0].url, "a", "");
    c[0].to = FIXTURE_ID;
    c[1] = post(nodes[1].url, "b", "");
    c[1].to = "fixture.00000000000000bb";
    assert_int_equal(peer_round(client, &round, c, 2), ERR_OK);
    assert_int_equal(c[0].status, 200);
    assert_int_equal(c[1].error, ERR_UNAVAILABLE);
    assert_int_equal(nodes[1].seen.handled, 0);
    peer_calls_release(c, 2);
}

/* A gate that opens for two. */
static int two_there(const unsigned char *there, size_t n, void *ctx)
{
    size_t found = 0;

    (void)ctx;
    for (size_t i = 0; i < n; i++)
        found += there[i];
    return found >= 2;
}

static void a_gate_that_can_be_reached_lets_all_through(void **state)
{
    struct peer_round round = {.timeout_ms = 3000, .connect_timeout_ms = 1000, .gate = two_there};
    struct peer_call c[3];
    char url[64];

    (void)state;
    dead_url(url);
    c[0] = post(nodes[0].url, "a", "");
    c[1] = post(url, "b", "");
    c[2] = post(nodes[2].url, "c", "");
    assert_int_equal(peer_round(client, &round, c, 3), ERR_OK);
    assert_int_equal(c[0].status, 200);
    assert_int_equal(c[1].error, ERR_UNAVAILABLE);
    assert_int_equal(c[2].status, 200);
    peer_calls_release(c, 3);
}

static void behind_a_closed_gate_nobody_sees_anything(void **state)
{
    struct peer_round round = {.timeout_ms = 3000, .connect_timeout_ms = 1000, .gate = two_there};
    struct peer_call c[3];
    char url[2][64];

    (void)state;
    dead_url(url[0]);
    dead_url(url[1]);
    c[0] = post(nodes[0].url, "a", "");
    c[1] = post(url[0], "b", "");
    c[2] = post(url[1], "c", "");
    assert_int_equal(peer_round(client, &round, c, 3), ERR_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(c[i].error, ERR_UNAVAILABLE);
        assert_true(c[i].done);
    }
    clock_sleep_ms(200);
    assert_int_equal(nodes[0].seen.handled, 0);
    assert_int_equal(nodes[0].seen.bytes, 0);
    peer_calls_release(c, 3);
}

static int two_done(const struct peer_call *calls, size_t n, void *ctx)
{
    int done = 0;

    (void)ctx;
    for (size_t i = 0; i < n; i++)
        done += calls[i].done && calls[i].error == ERR_OK && calls[i].status == 200;
    return done >= 2;
}

static void enough_ends_the_round_after_its_linger(void **state)
{
    struct peer_round round = {.timeout_ms = 10000, .connect_timeout_ms = 1000, .enough = two_done, .linger_ms = 100};
    struct peer_call c[3];
    uint64_t started_ms = clock_boot_ms();

    (void)state;
    nodes[1].seen.delay_ms = 1500;
    for (size_t i = 0; i < 3; i++)
        c[i] = post(nodes[i].url, "a", "");
    assert_int_equal(peer_round(client, &round, c, 3), ERR_OK);
    assert_true(clock_boot_ms() - started_ms >= 100);
    assert_true(clock_boot_ms() - started_ms < 1000);
    assert_int_equal(c[0].status, 200);
    assert_int_equal(c[2].status, 200);
    assert_false(c[1].done);
    peer_calls_release(c, 3);
}

static void a_late_answer_within_the_linger_still_counts(void **state)
{
    struct peer_round round = {.timeout_ms = 10000, .connect_timeout_ms = 1000, .enough = two_done, .linger_ms = 3000};
    struct peer_call c[3];

    (void)state;
    nodes[1].seen.delay_ms = 200;
    for (size_t i = 0; i < 3; i++)
        c[i] = post(nodes[i].url, "a", "");
    assert_int_equal(peer_round(client, &round, c, 3), ERR_OK);
    assert_true(c[1].done);
    assert_int_equal(c[1].status, 200);
    peer_calls_release(c, 3);
}

static void a_kept_connection_that_died_is_replaced(void **state)
{
    struct http_config again = {.address = "127.0.0.1",
        .routes = fixture_routes,
        .n_routes = sizeof fixture_routes / sizeof fixture_routes[0],
        .keys = nodes[0].keys,
        .self = FIXTURE_ID,
        .ctx = &nodes[0].seen,
        .port = http_port(nodes[0].server)};
    struct peer_call c = post(nodes[0].url, "a", "b");

    (void)state;
    assert_int_equal(peer_call(client, &c, 2000), ERR_OK);
    assert_int_equal(c.status, 200);
    peer_calls_release(&c, 1);
    http_stop(nodes[0].server);
    clock_sleep_ms(10);
    assert_int_equal(http_start(&again, &nodes[0].server), ERR_OK);
    clock_sleep_ms(5);
    c = post(nodes[0].url, "a", "b");
    assert_int_equal(peer_call(client, &c, 2000), ERR_OK);
    assert_int_equal(c.error, ERR_OK);
    assert_int_equal(c.status, 200);
    peer_calls_release(&c, 1);
}

/* A server by hand: answers one request, breaks the kept connection off (RST) behind the header of the next, and takes that one on a new connection. */
struct breaker {
    int fd;
    size_t body_len;
    char *body; /* what came at last */
    size_t got;
};

static size_t read_header(int fd, char *out, size_t size)
{
    size_t len = 0;

    while (len + 1 < size && recv(fd, out + len, 1, 0) == 1) {
        out[++len] = '\0';
        if (len >= 4 && memcmp(out + len - 4, "\r\n\r\n", 4) == 0)
            break;
    }
    return len;
}

static void *run_breaker(void *ctx)
{
    static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    struct linger hard = {1, 0};
    struct breaker *b = ctx;
    char header[2048];
    int fd = accept(b->fd, NULL, NULL);

    read_header(fd, header, sizeof header);
    send(fd, ok, sizeof ok - 1, MSG_NOSIGNAL);
    read_header(fd, header, sizeof header);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd);
    fd = accept(b->fd, NULL, NULL);
    read_header(fd, header, sizeof header);
    while (b->got < b->body_len) {
        ssize_t n = recv(fd, b->body + b->got, b->body_len - b->got, 0);
        if (n <= 0)
            break;
        b->got += (size_t)n;
    }
    send(fd, ok, sizeof ok - 1, MSG_NOSIGNAL);
    close(fd);
    return NULL;
}

static void break_off(size_t body_len)
{
    struct breaker b = {.body_len = body_len, .body = calloc(1, body_len)};
    char *body = malloc(body_len), url[64];
    pthread_t thread;
    struct peer_call c;

    for (size_t i = 0; i < body_len; i++)
        body[i] = (char)(i * 7 >> 2);
    b.fd = deaf_url(url);
    assert_int_equal(pthread_create(&thread, NULL, run_breaker, &b), 0);
    c = (struct peer_call){.base_url = url, .method = "GET", .path = "/", .answer_max = 100};
    assert_int_equal(peer_call(client, &c, 3000), ERR_OK);
    assert_int_equal(c.status, 200);
    peer_calls_release(&c, 1);
    c = (struct peer_call){.base_url = url, .method = "PUT", .path = "/", .answer_max = 100, .body = body, .body_len = body_len};
    assert_int_equal(peer_call(client, &c, 3000), ERR_OK);
    assert_int_equal(c.error, ERR_OK);
    assert_int_equal(c.status, 200);
    peer_calls_release(&c, 1);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(b.got, body_len);
    assert_memory_equal(b.body, body, body_len);
    close(b.fd);
    free(b.body);
    free(body);
}

static void a_body_whose_connection_breaks_is_sent_again_whole(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        break_off(100);
        break_off(70000);
        break_off(1500000);
    }
}

static void connections_are_kept(void **state)
{
    (void)state;
    for (int i = 0; i < 300; i++) {
        struct peer_call c = post(nodes[0].url, "a", "b");
        assert_int_equal(peer_call(client, &c, 2000), ERR_OK);
        assert_int_equal(c.status, 200);
        peer_calls_release(&c, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_signed_call_is_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(a_rest_gives_all_back, setup, teardown),
        cmocka_unit_test_setup_teardown(only_so_many_connections_are_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(a_get_without_body_is_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(an_empty_post_is_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(a_body_of_a_megabyte_arrives_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(a_wrong_key_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_there_is_unavailable, setup, teardown),
        cmocka_unit_test_setup_teardown(a_receiver_that_took_all_and_says_nothing_is_a_timeout, setup, teardown),
        cmocka_unit_test_setup_teardown(only_numeric_addresses_are_called, setup, teardown),
        cmocka_unit_test_setup_teardown(an_answer_beyond_its_maximum_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_another_node_is_not_there, setup, teardown),
        cmocka_unit_test_setup_teardown(a_gate_that_can_be_reached_lets_all_through, setup, teardown),
        cmocka_unit_test_setup_teardown(behind_a_closed_gate_nobody_sees_anything, setup, teardown),
        cmocka_unit_test_setup_teardown(enough_ends_the_round_after_its_linger, setup, teardown),
        cmocka_unit_test_setup_teardown(a_late_answer_within_the_linger_still_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(a_kept_connection_that_died_is_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(a_body_whose_connection_breaks_is_sent_again_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(connections_are_kept, setup, teardown),
    };

    assert_int_equal(peer_global_init(), ERR_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
