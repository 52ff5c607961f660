/* The setting --redis: its three forms, and nothing else. */
#include "lib/store/address.h"

#include "lib/store/conn.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static struct address parsed(const char *text)
{
    struct address a;
    assert_ok(address_parse(text, &a));
    assert_ok(store_address_check(text));
    return a;
}

static void test_unix_sockets(void **state)
{
    (void)state;
    struct address a = parsed("unix:/run/redis.sock");
    assert_int_equal(a.kind, ADDRESS_UNIX);
    assert_string_equal(a.path, "/run/redis.sock");
}

static void test_one_redis(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host;
        uint16_t port;
    } rows[] = {
        {"127.0.0.1:6379", "127.0.0.1", 6379},
        {"redis-1:1", "redis-1", 1},
        {"[::1]:65535", "::1", 65535},
        {"a:6379", "a", 6379},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct address a = parsed(rows[i].text);
        assert_int_equal(a.kind, ADDRESS_TCP);
        assert_int_equal(a.n_places, 1);
        assert_string_equal(a.places[0].host, rows[i].host);
        assert_int_equal(a.places[0].port, rows[i].port);
    }
}

static void test_sentinels(void **state)
{
    (void)state;
    struct address a = parsed("sentinel:10.0.0.1:26379,sentinel-2.example:26380,[fe80::1]:26381/ring.binder-1");
    assert_int_equal(a.kind, ADDRESS_SENTINEL);
    assert_string_equal(a.master, "ring.binder-1");
    assert_int_equal(a.n_places, 3);
    assert_string_equal(a.places[0].host, "10.0.0.1");
    assert_string_equal(a.places[1].host, "sentinel-2.example");
    assert_int_equal(a.places[1].port, 26380);
    assert_string_equal(a.places[2].host, "fe80::1");
    assert_int_equal(parsed("sentinel:a:1,a:2,a:3,a:4,a:5,a:6,a:7,a:8,a:9/m").n_places, ADDRESS_SENTINELS_MAX);
}

static void test_nonsense(void **state)
{
    (void)state;
    static const char *const rows[] = {"", "unix:", ":6379", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:0", "127.0.0.1:65536",
        "127.0.0.1:065", "h:123456", "::1:6379", "[]:6379", "[::1:6379", "[[::1]:6379", "[name]:6379", "sentinel:", "sentinel:/m",
        "sentinel:a:1", "sentinel:a:1/", "sentinel:a/m", "sentinel:a:1,/m", "sentinel:,a:1/m", "sentinel:a:1,,b:2/m",
        "sentinel:a:1,a:2,a:3,a:4,a:5,a:6,a:7,a:8,a:9,a:10/m"};
    struct address a = {.kind = ADDRESS_SENTINEL, .n_places = 7};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (address_parse(rows[i], &a) != ERR_SYNTAX || store_address_check(rows[i]) != ERR_SYNTAX)
            fail_msg("\"%s\" is taken for an address", rows[i]);
    }
    assert_int_equal(a.n_places, 7);
}

/* One byte more than fits is refused, never cut. */
static void test_lengths(void **state)
{
    (void)state;
    char text[600];
    for (int over = 0; over < 2; over++) {
        enum err wanted = over ? ERR_SYNTAX : ERR_OK;
        snprintf(text, sizeof text, "unix:/%0*d", ADDRESS_PATH_MAX - 2 + over, 0);
        assert_err(wanted, store_address_check(text));
        snprintf(text, sizeof text, "%0*d:1", ADDRESS_HOST_MAX - 1 + over, 0);
        assert_err(wanted, store_address_check(text));
        snprintf(text, sizeof text, "sentinel:h:1/%0*d", ADDRESS_MASTER_MAX - 1 + over, 0);
        assert_err(wanted, store_address_check(text));
    }
}

static void test_equal_places(void **state)
{
    (void)state;
    struct address_place a = {"redis-1", 6379}, b = a;
    assert_true(address_place_equal(&a, &b));
    b.port++;
    assert_false(address_place_equal(&a, &b));
    b = a;
    b.host[6] = '2';
    assert_false(address_place_equal(&a, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unix_sockets),
        cmocka_unit_test(test_one_redis),
        cmocka_unit_test(test_sentinels),
        cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_equal_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
