#include "tests/unit/unit.h"

#include "lib/auth/csrf.h"
#include "lib/auth/secret.h"

#include <string.h>

static void the_token_is_bound_to_its_session(void **state)
{
    (void)state;
    char a[SECRET_SIZE], b[SECRET_SIZE], token[CSRF_SIZE];
    secret_new(a);
    secret_new(b);
    csrf_make(a, token);
    assert_true(csrf_check(a, token));
    assert_false(csrf_check(b, token));
    assert_false(csrf_check(a, NULL));
    assert_false(csrf_check(a, ""));
    assert_false(csrf_check(a, a));
    for (size_t i = 0; i < CSRF_SIZE - 1; i++) {
        token[i] = (char)(token[i] ^ 1);
        assert_false(csrf_check(a, token));
        token[i] = (char)(token[i] ^ 1);
    }
    token[63] = '\0';
    assert_false(csrf_check(a, token));
}

static void the_token_is_the_hmac_that_was_agreed(void **state)
{
    (void)state;
    /* printf csrf | openssl mac -digest SHA256 -macopt hexkey:$(printf abc | sha256sum | cut -d' ' -f1) HMAC */
    char token[CSRF_SIZE];
    csrf_make("abc", token);
    assert_string_equal(token, "426654baa1d1db4ae704c28fff9f581b69fed7fb71fe3c16b4468b5f75f0b0d7");
}

struct row {
    const char *site, *origin, *host;
    int tls;
    enum csrf_origin is;
};

static void requests_of_others_are_known_by_their_headers(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"same-origin", "https://rb.example", "rb.example", 1, CSRF_SAME},
        {"same-origin", NULL, "rb.example", 1, CSRF_SAME},
        {"none", "", "rb.example", 1, CSRF_SAME},
        {NULL, "http://127.0.0.1:8080", "127.0.0.1:8080", 0, CSRF_SAME},
        {"", "http://rb.example", "RB.example", 0, CSRF_SAME},
        {NULL, "http://[::1]:8080", "[::1]:8080", 0, CSRF_SAME},
        {NULL, NULL, "rb.example", 1, CSRF_UNKNOWN},
        {"", "", "rb.example", 0, CSRF_UNKNOWN},
        {"cross-site", NULL, "rb.example", 1, CSRF_FOREIGN},
        {"same-site", "https://rb.example", "rb.example", 1, CSRF_FOREIGN},
        {"Same-Origin", NULL, "rb.example", 1, CSRF_FOREIGN},
        {"same-origin, none", NULL, "rb.example", 1, CSRF_FOREIGN},
        {"same-origin", "https://evil.example", "rb.example", 1, CSRF_FOREIGN},
        {NULL, "null", "rb.example", 1, CSRF_FOREIGN},
        {NULL, "https://rb.example.evil.example", "rb.example", 1, CSRF_FOREIGN},
        {NULL, "https://evil.example/https://rb.example", "rb.example", 1, CSRF_FOREIGN},
        {NULL, "https://rb.example:8443", "rb.example", 1, CSRF_FOREIGN},
        {NULL, "https://rb.example", "rb.example:8443", 1, CSRF_FOREIGN},
        {NULL, "http://rb.example", "rb.example", 1, CSRF_FOREIGN},
        {NULL, "https://rb.example", "rb.example", 0, CSRF_FOREIGN},
        {NULL, "rb.example", "rb.example", 1, CSRF_FOREIGN},
        {NULL, "https://", "", 1, CSRF_FOREIGN},
        {NULL, "https://rb.example", NULL, 1, CSRF_FOREIGN},
        {NULL, "https://rb.example ", "rb.example", 1, CSRF_FOREIGN},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (csrf_origin(rows[i].site, rows[i].origin, rows[i].host, rows[i].tls) != rows[i].is)
            fail_msg("row %zu", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_token_is_bound_to_its_session),
        cmocka_unit_test(the_token_is_the_hmac_that_was_agreed),
        cmocka_unit_test(requests_of_others_are_known_by_their_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
