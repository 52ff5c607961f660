/* Addresses that a node may give as its own (security-tests.md S21), and what they are made of. */
#include "lib/base/url.h"
#include "tests/unit/unit.h"

static void test_good(void **state)
{
    (void)state;
    static const char *const good[] = {"http://127.0.0.1:1", "https://10.0.0.7:65535", "http://192.168.1.20:4711", "http://[::1]:80",
        "https://[2001:db8::7]:4711", "http://[fd00::1]:9"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(url_ok(good[i]));
}

static void test_bad(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "http", "http:", "http://", "http:///", "file:///etc/passwd", "gopher://127.0.0.1:70",
        "ftp://127.0.0.1:21", "HTTP://127.0.0.1:80", "http://127.0.0.1", "http://127.0.0.1:", "http://127.0.0.1:0",
        "http://127.0.0.1:65536", "http://127.0.0.1:080", "http://127.0.0.1:80/", "http://127.0.0.1:80/x", "http://127.0.0.1:80?x",
        "http://127.0.0.1:80#x", "http://a@127.0.0.1:80", "http://a:b@127.0.0.1:80", "http://localhost:80", "http://node-1:80",
        "http://127.1:80", "http://2130706433:80", "http://0x7f000001:80", "http://0177.0.0.1:80", "http://127.0.0.1 :80",
        " http://127.0.0.1:80", "http://127.0.0.1:80 ", "http://127.0.0.1:80\r\nX: y", "http://169.254.169.254:80", "http://169.254.0.1:80",
        "http://0.0.0.0:80", "http://0.1.2.3:80", "http://224.0.0.1:80", "http://255.255.255.255:80", "http://240.0.0.1:80",
        "http://[::]:80", "http://[fe80::1]:80", "http://[fe80::1%eth0]:80", "http://[ff02::1]:80", "http://[::ffff:127.0.0.1]:80",
        "http://[::ffff:169.254.169.254]:80", "http://[::127.0.0.1]:80", "http://[::1]", "http://[::1:80", "http://[127.0.0.1]:80",
        "http://[64:ff9b::a9fe:a9fe]:80", "http://[2002:a9fe:a9fe::]:80", "http://[2001::1]:80", "http://[fd00:ec2::254]:80",
        "http://::1:80", "http://[::1]80", "http://[]:80", "http://1111111111111111111111111111111111111111111111111111111111:80"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (url_ok(bad[i]))
            fail_msg("%s was taken", bad[i]);
    }
}

static void test_parts(void **state)
{
    (void)state;
    struct url url;
    union url_at at;
    char host[URL_HOST_SIZE];
    assert_ok(url_read("https://[2001:DB8::7]:4711", &url));
    assert_true(url.is_tls);
    url_host(&url.at, host);
    assert_string_equal(host, "2001:db8::7");
    assert_int_equal(url_port(&url.at), 4711);
    assert_ok(url_read("http://10.0.0.7:1", &url));
    assert_false(url.is_tls);
    /* What is nobody's own can be read: only to call it is refused. */
    assert_ok(url_read("http://169.254.169.254:80", &url));
    assert_false(url_is_machine(&url.at.any));
    assert_ok(url_read_listen("0.0.0.0:0", &at));
    assert_int_equal(url_port(&at), 0);
    url_host(&at, host);
    assert_string_equal(host, "0.0.0.0");
    assert_ok(url_read_listen("[::1]:80", &at));
    assert_true(url_is_loopback(&at.any));
    assert_ok(url_read_listen("127.255.0.1:80", &at));
    assert_true(url_is_loopback(&at.any));
    assert_ok(url_read_listen("128.0.0.1:80", &at));
    assert_false(url_is_loopback(&at.any));
    static const char *const bad[] = {
        "", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:080", "::1:80", "[::1]", "host:80", "*:80", "unix:/x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_err(ERR_INVALID, url_read_listen(bad[i], &at));
    assert_false(url_is_machine(&(struct sockaddr){.sa_family = AF_UNIX}));
    assert_false(url_is_loopback(&(struct sockaddr){.sa_family = AF_UNIX}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_good), cmocka_unit_test(test_bad), cmocka_unit_test(test_parts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
