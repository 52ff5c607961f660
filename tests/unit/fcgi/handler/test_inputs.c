#include "tests/unit/unit.h"

#include "fcgi/handler/inputs.h"

#include <string.h>

#define ID "0123456789abcdef0123456789abcdef"
#define SHA "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SHA_64 "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

static void if_match_takes_one_id_or_one_hash(void **state)
{
    (void)state;
    struct inputs_condition c;
    const char *detail = NULL;
    char hex[STAMP_HEX_SIZE];
    assert_ok(inputs_condition("\"" ID "\"", NULL, &c, &detail));
    assert_int_equal(c.match, MATCH_RECORD);
    stamp_hex(c.record, hex);
    assert_string_equal(hex, ID);
    assert_ok(inputs_condition("\"" SHA "\"", NULL, &c, &detail));
    assert_int_equal(c.match, MATCH_SHA256);
    assert_string_equal(c.sha256, SHA);
    assert_ok(inputs_condition(SHA, NULL, &c, &detail));
    assert_int_equal(c.match, MATCH_SHA256);
    assert_ok(inputs_condition(NULL, NULL, &c, &detail));
    assert_int_equal(c.match, MATCH_NOTHING);
    assert_ok(inputs_condition(NULL, "*", &c, &detail));
    assert_int_equal(c.match, MATCH_NONE);
}

static void other_conditions_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *match, *none;
    } bad[] = {
        {"\"" ID "\"", "*"},
        {"*", NULL},
        {"", NULL},
        {"\"\"", NULL},
        {"\"", NULL},
        {"W/\"" ID "\"", NULL},
        {"\"" ID "\", \"" ID "\"", NULL},
        {"\"" ID, NULL},
        {"\"0123456789ABCDEF0123456789ABCDEF\"", NULL},
        {"\"" SHA "0\"", NULL},
        {"\"" ID "0\"", NULL},
        {"\"x\"", NULL},
        {" \"" ID "\"", NULL},
        {NULL, "\"" SHA "\""},
        {NULL, "**"},
        {NULL, ""},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct inputs_condition c;
        const char *detail = NULL;
        if (inputs_condition(bad[i].match, bad[i].none, &c, &detail) != ERR_SYNTAX)
            fail_msg("row %zu was taken", i);
        assert_non_null(detail);
    }
}

static void idempotency_keys_are_visible_and_short(void **state)
{
    (void)state;
    const char *detail = NULL;
    char key[INPUTS_IDEMPOTENCY_KEY_MAX + 2];
    memset(key, '~', sizeof(key) - 1);
    key[sizeof(key) - 1] = '\0';
    assert_err(ERR_SYNTAX, inputs_idempotency_key(key, &detail));
    assert_non_null(detail);
    assert_ok(inputs_idempotency_key(key + 1, &detail));
    assert_ok(inputs_idempotency_key("!form-77", &detail));
    assert_ok(inputs_idempotency_key(NULL, &detail));
    assert_err(ERR_SYNTAX, inputs_idempotency_key("", &detail));
    assert_err(ERR_SYNTAX, inputs_idempotency_key("a b", &detail));
    assert_err(ERR_SYNTAX, inputs_idempotency_key("a\tb", &detail));
    assert_err(ERR_SYNTAX, inputs_idempotency_key("\xc3\x85", &detail));
    assert_err(ERR_SYNTAX, inputs_idempotency_key("\x7f", &detail));
}

static void the_sha256_of_a_digest_is_found_among_others(void **state)
{
    (void)state;
    static const char *const good[] = {
        "sha-256=:" SHA_64 ":",
        " sha-256=:" SHA_64 ": ",
        "sha-512=:AAAA:, sha-256=:" SHA_64 ":",
        "sha-256=:" SHA_64 ":;a=1,md5=:AA==:",
        "sha-256=:" SHA_64 ":\t,\tunixsum=:AA:",
    };
    uint8_t empty[HASH_SIZE], digest[HASH_SIZE];
    hash_sha256("", 0, empty);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        const char *detail = NULL;
        int has = 0;
        memset(digest, 0, sizeof(digest));
        if (inputs_content_digest(good[i], &has, digest, &detail) || !has)
            fail_msg("%s was refused", good[i]);
        assert_memory_equal(digest, empty, HASH_SIZE);
    }
}

static void digests_without_sha256_say_nothing(void **state)
{
    (void)state;
    uint8_t digest[HASH_SIZE];
    const char *detail = NULL;
    int has = 1;
    assert_ok(inputs_content_digest("sha-512=:AAAA:", &has, digest, &detail));
    assert_false(has);
    assert_ok(inputs_content_digest(NULL, &has, digest, &detail));
    assert_false(has);
}

static void malformed_digests_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        ",",
        "sha-256",
        "sha-256=",
        "sha-256=:",
        "sha-256=::",
        "sha-256=:AAAA:",
        "sha-256=:" SHA_64,
        "sha-256=" SHA_64,
        "sha-256=\"" SHA_64 "\"",
        "SHA-256=:" SHA_64 ":",
        "sha-256=:" SHA_64 ":,",
        "sha-256=:" SHA_64 ": x",
        "sha-256=:" SHA_64 "!:",
        "=:" SHA_64 ":",
        "sha-256=:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=:",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint8_t digest[HASH_SIZE];
        const char *detail = NULL;
        int has;
        if (inputs_content_digest(bad[i], &has, digest, &detail) != ERR_SYNTAX)
            fail_msg("%s was taken", bad[i]);
        assert_non_null(detail);
    }
}

static void media_types_lose_case_and_parameters(void **state)
{
    (void)state;
    static const struct {
        const char *value, *type;
    } good[] = {
        {NULL, ""},
        {"application/pdf", "application/pdf"},
        {"Text/HTML; charset=utf-7", "text/html"},
        {"text/html;x", "text/html"},
        {"image/svg+xml", "image/svg+xml"},
        {"a/b ;c=d", "a/b"},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        char type[RECORD_TYPE_MAX + 1];
        const char *detail = NULL;
        assert_ok(inputs_media_type(good[i].value, type, &detail));
        assert_string_equal(type, good[i].type);
    }
}

static void what_is_no_media_type_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "pdf", "/pdf", "application/", "a/b/c", "a b/c", "a/b c", "text/html, text/plain", "\"a\"/b", "a/\xc3\x85", ";", "a/b\x01"};
    char type[RECORD_TYPE_MAX + 1], longest[RECORD_TYPE_MAX + 2];
    const char *detail;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        detail = NULL;
        if (inputs_media_type(bad[i], type, &detail) != ERR_SYNTAX)
            fail_msg("%s was taken", bad[i]);
        assert_non_null(detail);
    }
    memset(longest, 'a', sizeof(longest) - 1);
    longest[1] = '/';
    longest[sizeof(longest) - 1] = '\0';
    assert_err(ERR_SYNTAX, inputs_media_type(longest, type, &detail));
    longest[sizeof(longest) - 2] = '\0';
    assert_ok(inputs_media_type(longest, type, &detail));
    assert_int_equal(strlen(type), RECORD_TYPE_MAX);
}

static void a_version_is_a_number_or_an_id(void **state)
{
    (void)state;
    static const char *const good[] = {"1", "42", "99999999999999999999", ID}, *const bad[] = {"", "0", "-1", "+1", "01", "1 ", "x", "1.0",
                                                                                   "0x10", "0123456789ABCDEF0123456789ABCDEF", SHA};
    const char *detail = NULL;
    assert_ok(inputs_version(NULL, &detail));
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_ok(inputs_version(good[i], &detail));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (inputs_version(bad[i], &detail) != ERR_SYNTAX)
            fail_msg("%s was taken", bad[i]);
    }
}

static void a_page_has_one_to_two_hundred_items(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "0", "201", "-1", "+5", "1e2", "5 ", "x"};
    const char *detail = NULL;
    unsigned n = 0;
    assert_ok(inputs_limit(NULL, &n, &detail));
    assert_int_equal(n, 50);
    assert_ok(inputs_limit("200", &n, &detail));
    assert_int_equal(n, 200);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        detail = NULL;
        if (inputs_limit(bad[i], &n, &detail) != ERR_SYNTAX)
            fail_msg("%s was taken", bad[i]);
        assert_non_null(detail);
        assert_int_equal(n, 200);
    }
}

static void a_hash_is_64_small_hex_digits(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "ab", (SHA "0"), "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855", ("../" SHA)};
    const char *detail = NULL;
    assert_ok(inputs_sha256(SHA, &detail));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_err(ERR_SYNTAX, inputs_sha256(bad[i], &detail));
}

static void a_range_from_the_first_byte_begins_a_download(void **state)
{
    (void)state;
    static const char *const begins[] = {NULL, "", "bytes=0-", "bytes=0-99", "bytes=000-1", "items=5-6", "bytes=5-6,8-9"},
                             *const goes_on[] = {"bytes=1-", "bytes=10-99", "bytes=-5", "bytes="};
    for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
        assert_true(inputs_range_begins(begins[i]));
    for (size_t i = 0; i < sizeof(goes_on) / sizeof(goes_on[0]); i++)
        assert_false(inputs_range_begins(goes_on[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(if_match_takes_one_id_or_one_hash),
        cmocka_unit_test(other_conditions_are_refused),
        cmocka_unit_test(idempotency_keys_are_visible_and_short),
        cmocka_unit_test(the_sha256_of_a_digest_is_found_among_others),
        cmocka_unit_test(digests_without_sha256_say_nothing),
        cmocka_unit_test(malformed_digests_are_refused),
        cmocka_unit_test(media_types_lose_case_and_parameters),
        cmocka_unit_test(what_is_no_media_type_is_refused),
        cmocka_unit_test(a_version_is_a_number_or_an_id),
        cmocka_unit_test(a_page_has_one_to_two_hundred_items),
        cmocka_unit_test(a_hash_is_64_small_hex_digits),
        cmocka_unit_test(a_range_from_the_first_byte_begins_a_download),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
