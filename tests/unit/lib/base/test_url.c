/* Addresses that a node may give as its own (security-tests.md S21). */
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_good), cmocka_unit_test(test_bad)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
