/* Where a peer of this machine stands, and speeds as people write them. */
#include "tests/unit/unit.h"

#include "cli/rate.h"
#include "cli/share_place.h"

#include <string.h>

static void test_the_data_folder_follows_the_xdg_specification(void **state)
{
    char path[64];

    (void)state;
    assert_ok(place_data("/x", "/home/a", path, sizeof path));
    assert_string_equal(path, "/x/ringbinder/peer");
    assert_ok(place_data("relative", "/home/a", path, sizeof path));
    assert_string_equal(path, "/home/a/.local/share/ringbinder/peer");
    assert_ok(place_data("", "/home/a", path, sizeof path));
    assert_string_equal(path, "/home/a/.local/share/ringbinder/peer");
    assert_ok(place_data(NULL, "/h", path, sizeof path));
    assert_err(ERR_NOT_FOUND, place_data(NULL, NULL, path, sizeof path));
    assert_err(ERR_NOT_FOUND, place_data(NULL, "", path, sizeof path));
    assert_err(ERR_TOO_LARGE, place_data("/012345678901234567890123456789012345678901234567890", NULL, path, sizeof path));
}

static void test_a_host_name_becomes_a_peers_name(void **state)
{
    static const char *const rows[][2] = {{"laptop", "laptop"}, {"My_Laptop.example.org", "mylaptop"}, {"-a-b-", "a-b"}, {"", "peer"},
        {"...", "peer"}, {"\xc3\xa4\xc3\xb6", "peer"},
        {"a234567890123456789012345678901234567890123456789012345678901234567890",
            "a23456789012345678901234567890123456789012345678901234567890123"}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char name[PLACE_NAME_SIZE];
        place_name(rows[i][0], name);
        assert_string_equal(name, rows[i][1]);
    }
}

static void test_the_address_is_the_one_toward_the_coordinator(void **state)
{
    char listen[PLACE_LISTEN_SIZE];

    (void)state;
    assert_ok(place_listen("http://127.0.0.1:7000,http://127.0.0.1:7001", listen));
    assert_int_equal(strncmp(listen, "127.0.0.1:", 10), 0);
    assert_true(strlen(listen) > 10);
    assert_ok(place_listen("http://127.0.0.1:7000/", listen));
}

static void test_what_is_no_coordinator_has_no_address(void **state)
{
    static const char *const urls[] = {"", "127.0.0.1:7000", "http://", "http://host:7000", "http://127.0.0.1",
        "http://127.0.0.1:", "http://127.0.0.1:0", "http://127.0.0.1:70000", "http://127.0.0.1:7x", "http://[::1]", "http://[::1:7000",
        "http://[127.0.0.1]:70", "ftp://127.0.0.1:7000", "http://127.0.0.1:123456789012345"};

    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        char listen[PLACE_LISTEN_SIZE];
        assert_err(ERR_INVALID, place_listen(urls[i], listen));
    }
}

static void test_speeds_are_read(void **state)
{
    static const struct {
        const char *text;
        enum err error;
        uint64_t value;
    } rows[] = {{"20000000", ERR_OK, 20000000}, {"20M", ERR_OK, 20000000}, {"512k", ERR_OK, 512000}, {"2K", ERR_OK, 2000},
        {"1G", ERR_OK, 1000000000}, {"1023", ERR_INVALID, 7}, {"0", ERR_INVALID, 7}, {"1k", ERR_INVALID, 7}, {"", ERR_SYNTAX, 7},
        {"M", ERR_SYNTAX, 7}, {"-5M", ERR_SYNTAX, 7}, {"1.5M", ERR_SYNTAX, 7}, {"5m", ERR_SYNTAX, 7}, {"10 M", ERR_SYNTAX, 7},
        {"2000G", ERR_INVALID, 7}, {"99999999999999999999G", ERR_INVALID, 7}, {"123456789012345678901234567890", ERR_SYNTAX, 7}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t n = 7;
        assert_err(rows[i].error, rate_parse(rows[i].text, &n));
        assert_int_equal(n, rows[i].value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_data_folder_follows_the_xdg_specification),
        cmocka_unit_test(test_a_host_name_becomes_a_peers_name),
        cmocka_unit_test(test_the_address_is_the_one_toward_the_coordinator),
        cmocka_unit_test(test_what_is_no_coordinator_has_no_address),
        cmocka_unit_test(test_speeds_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
