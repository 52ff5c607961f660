#include "tests/unit/unit.h"

#include "lib/base/num.h"

#include <string.h>

static void digits_are_a_number(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t value;
    } rows[] = {{"0", 0}, {"7", 7}, {"10", 10}, {"2147483648", 2147483648u}, {"18446744073709551615", UINT64_MAX}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t v = 99;
        assert_ok(num_parse_u64(rows[i].text, UINT64_MAX, &v));
        assert_true(v == rows[i].value);
    }
}

static void anything_else_is_malformed(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "", " 1", "1 ", "+1", "-1", "-0", "01", "00", "1.0", "1e3", "0x10", "1_000", "\t1", "1\n", "a", "99999999999999999999999x"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t v = 99;
        assert_err(ERR_SYNTAX, num_parse_u64(rows[i], UINT64_MAX, &v));
        assert_int_equal(v, 99);
    }
    uint64_t v = 99;
    assert_err(ERR_SYNTAX, num_parse_u64(NULL, UINT64_MAX, &v));
}

static void a_number_above_its_bound_is_out_of_bounds(void **state)
{
    (void)state;
    uint64_t v = 99;
    assert_ok(num_parse_u64("100", 100, &v));
    assert_int_equal(v, 100);
    assert_err(ERR_INVALID, num_parse_u64("101", 100, &v));
    assert_err(ERR_INVALID, num_parse_u64("18446744073709551616", UINT64_MAX, &v));
    assert_err(ERR_INVALID, num_parse_u64("99999999999999999999999999", UINT64_MAX, &v));
    assert_int_equal(v, 100);
}

static void hex_goes_there_and_back(void **state)
{
    (void)state;
    uint8_t bytes[256], again[256];
    char text[513];
    for (int i = 0; i < 256; i++)
        bytes[i] = (uint8_t)i;
    num_hex(bytes, 256, text);
    assert_int_equal(strlen(text), 512);
    assert_memory_equal(text, "000102", 6);
    assert_string_equal(text + 508, "feff");
    assert_ok(num_unhex(text, again, 256));
    assert_memory_equal(bytes, again, 256);
}

static void hex_is_lower_case_and_of_exact_length(void **state)
{
    (void)state;
    uint8_t out[2] = {9, 9};
    static const char *const bad[] = {"", "ab", "abc", "abcde", "abcdef", "ABCD", "abcg", "ab d", " abcd", "0xab"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_err(ERR_SYNTAX, num_unhex(bad[i], out, 2));
    assert_err(ERR_SYNTAX, num_unhex(NULL, out, 2));
    assert_int_equal(out[0], 9);
    assert_true(num_is_hex("09af", 4));
    assert_false(num_is_hex("09af", 3));
    assert_false(num_is_hex("09a", 4));
    assert_true(num_is_hex("", 0));
}

static void words_are_big_endian(void **state)
{
    (void)state;
    uint8_t b[8];
    num_store_be64(b, 0x0102030405060708u);
    assert_memory_equal(b, "\1\2\3\4\5\6\7\10", 8);
    assert_true(num_load_be64(b) == 0x0102030405060708u);
    num_store_be32(b, 0xfffefdfcu);
    assert_memory_equal(b, "\xff\xfe\xfd\xfc", 4);
    assert_true(num_load_be32(b) == 0xfffefdfcu);
}

/* The test vectors of RFC 4648 §10. */
static const char *const base64_vectors[][2] = {
    {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};

static void base64_agrees_with_the_rfc(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(base64_vectors) / sizeof(base64_vectors[0]); i++) {
        const char *plain = base64_vectors[i][0], *coded = base64_vectors[i][1];
        char out[16];
        char back[16] = "";
        num_base64(plain, strlen(plain), out);
        assert_string_equal(out, coded);
        assert_ok(num_unbase64(coded, strlen(coded), back, strlen(plain)));
        assert_string_equal(back, plain);
    }
}

static void base64_has_one_spelling(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t n;
    } bad[] = {{"Zh==", 1}, /* bits that mean nothing are set */
        {"Zm9=", 2}, {"Zg", 1}, {"Zg=", 1}, {"Zg===", 1}, {"Zg==", 2}, {"Zm8=", 1}, {"Zm9v", 2}, {"Z===", 1}, {"Z g=", 1}, {"Zg=a", 1},
        {"Zm_v", 3}, {"Zm-v", 3}, {"Zm9vZm9v", 3}, {"====", 1}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint8_t out[8];
        assert_err(ERR_SYNTAX, num_unbase64(bad[i].text, strlen(bad[i].text), out, bad[i].n));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digits_are_a_number),
        cmocka_unit_test(anything_else_is_malformed),
        cmocka_unit_test(a_number_above_its_bound_is_out_of_bounds),
        cmocka_unit_test(hex_goes_there_and_back),
        cmocka_unit_test(hex_is_lower_case_and_of_exact_length),
        cmocka_unit_test(words_are_big_endian),
        cmocka_unit_test(base64_agrees_with_the_rfc),
        cmocka_unit_test(base64_has_one_spelling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
