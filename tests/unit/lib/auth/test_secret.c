#include "tests/unit/unit.h"

#include "lib/auth/secret.h"

#include <stdio.h>
#include <string.h>

static void secrets_are_43_characters_and_never_the_same(void **state)
{
    (void)state;
    char a[SECRET_SIZE], b[SECRET_SIZE];
    secret_new(a);
    secret_new(b);
    assert_int_equal(strlen(a), 43);
    assert_true(secret_ok(a));
    assert_true(secret_ok(b));
    assert_string_not_equal(a, b);
}

static void bytes_have_one_spelling(void **state)
{
    (void)state;
    unsigned char bytes[SECRET_BYTES], back[SECRET_BYTES];
    char text[SECRET_SIZE];
    memset(bytes, 0xfb, sizeof(bytes)); /* makes both characters that base64url has of its own */
    bytes[1] = 0xff;
    secret_text(bytes, text);
    assert_non_null(strchr(text, '-'));
    assert_non_null(strchr(text, '_'));
    assert_ok(secret_bytes(text, 43, back));
    assert_memory_equal(bytes, back, sizeof(bytes));
    /* The four characters that differ only in the bits that are not there. */
    int taken = 0;
    for (const char *c = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"; *c; c++) {
        char other[SECRET_SIZE];
        memcpy(other, text, sizeof(other));
        other[42] = *c;
        taken += secret_ok(other);
    }
    assert_int_equal(taken, 16);
}

static void other_texts_are_no_secrets(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "+AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", " AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="};
    unsigned char out[SECRET_BYTES] = {7};
    assert_true(secret_ok("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(secret_ok(bad[i]));
        assert_err(ERR_SYNTAX, secret_bytes(bad[i], strlen(bad[i]), out));
    }
    assert_int_equal(out[0], 7);
}

static void a_digest_is_of_one_text(void **state)
{
    (void)state;
    char digest[HASH_HEX_SIZE];
    secret_digest("abc", digest);
    assert_string_equal(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"); /* FIPS 180-2 */
    assert_true(secret_matches("abc", digest));
    assert_false(secret_matches("abd", digest));
    assert_false(secret_matches("", digest));
    assert_false(secret_matches("abc", ""));
    digest[63] ^= 1;
    assert_false(secret_matches("abc", digest));
    digest[63] ^= 1;
    digest[0] = 'B'; /* one spelling of digests too */
    assert_false(secret_matches("abc", digest));
}

static void tokens_name_their_document(void **state)
{
    (void)state;
    static const char *const begin[] = {[SECRET_API] = "rb_", [SECRET_JOIN] = "rbj_"};
    for (int kind = SECRET_API; kind <= SECRET_JOIN; kind++) {
        char id[AUTH_ID_SIZE], found[AUTH_ID_SIZE] = "before", text[SECRET_TOKEN_SIZE], longer[SECRET_TOKEN_SIZE + 1];
        secret_token_new((enum secret_kind)kind, id, text);
        size_t len = strlen(text);
        assert_int_equal(strncmp(text, begin[kind], strlen(begin[kind])), 0);
        /* Cut anywhere, longer, of the other kind: nothing. */
        for (size_t n = 0; n < len; n++)
            assert_err(ERR_AUTH, secret_token_parse((enum secret_kind)kind, text, n, found));
        snprintf(longer, sizeof(longer), "%sA", text);
        assert_err(ERR_AUTH, secret_token_parse((enum secret_kind)kind, longer, len + 1, found));
        assert_err(ERR_AUTH, secret_token_parse((enum secret_kind) !kind, text, len, found));
        assert_string_equal(found, "before");
        assert_ok(secret_token_parse((enum secret_kind)kind, text, len, found));
        assert_string_equal(found, id);
    }
}

static void a_changed_byte_makes_it_no_token_or_another_secret(void **state)
{
    (void)state;
    char id[AUTH_ID_SIZE], found[AUTH_ID_SIZE], text[SECRET_TOKEN_SIZE], digest[HASH_HEX_SIZE];
    secret_token_new(SECRET_API, id, text);
    secret_digest(text, digest);
    assert_true(secret_matches(text, digest));
    for (size_t i = 0; text[i]; i++) {
        for (int bit = 0; bit < 8; bit++) {
            text[i] = (char)(text[i] ^ (1 << bit));
            if (secret_token_parse(SECRET_API, text, 63, found) == ERR_OK)
                assert_false(secret_matches(text, digest));
            text[i] = (char)(text[i] ^ (1 << bit));
        }
    }
    assert_ok(secret_token_parse(SECRET_API, text, 63, found));
}

static void wiping_leaves_zeroes(void **state)
{
    (void)state;
    char text[SECRET_SIZE], zeroes[SECRET_SIZE] = {0};
    secret_new(text);
    secret_wipe(text, sizeof(text));
    assert_memory_equal(text, zeroes, sizeof(text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_are_43_characters_and_never_the_same),
        cmocka_unit_test(bytes_have_one_spelling),
        cmocka_unit_test(other_texts_are_no_secrets),
        cmocka_unit_test(a_digest_is_of_one_text),
        cmocka_unit_test(tokens_name_their_document),
        cmocka_unit_test(a_changed_byte_makes_it_no_token_or_another_secret),
        cmocka_unit_test(wiping_leaves_zeroes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
