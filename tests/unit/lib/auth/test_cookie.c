#include "tests/unit/unit.h"

#include "lib/auth/cookie.h"
#include "lib/auth/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *found(const char *header)
{
    static char out[SECRET_SIZE];
    memset(out, 0, sizeof(out));
    return cookie_find(header, "sid", out, sizeof(out)) == ERR_OK ? out : NULL;
}

static void the_cookie_is_found_among_others(void **state)
{
    (void)state;
    static const char *const headers[] = {"sid=abc", "a=b; sid=abc", "sid=abc; a=b", "x; sid=abc; =y; z=", "a=b;sid=abc;", "SID=x; sid=abc",
        "__Host-sid=x; sid=abc", "sidx=1; xsid=2; sid=abc", " sid = abc ;", "caf\xc3\xa9=\xff; sid=abc", "a=\"sid=no\"; sid=abc",
        ";;; sid=abc"};
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        const char *value = found(headers[i]);
        if (!value || strcmp(value, "abc") != 0)
            fail_msg("%s", headers[i]);
    }
}

static void without_it_nothing_is_found(void **state)
{
    (void)state;
    static const char *const headers[] = {"", "a=b", "sid", "SID=abc", "sid2=abc", ";", "=sid", "si d=abc"};
    char out[8] = "before";
    assert_err(ERR_NOT_FOUND, cookie_find(NULL, "sid", out, sizeof(out)));
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        assert_err(ERR_NOT_FOUND, cookie_find(headers[i], "sid", out, sizeof(out)));
    assert_string_equal(out, "before");
}

static void what_is_no_honest_header_is_refused(void **state)
{
    (void)state;
    static const char *const headers[] = {"sid=a; sid=a", "sid=a; sid=b", "sid=a; sid =b", "sid=a;  sid=b", "sid=", "sid= ", "sid=a b",
        "sid=a,b", "sid=\"abc\"", "sid=a\\b", "sid=a\x7f", "a=\x01; sid=a", "sid=a\r\nX: y", "sid=a\t", "sid=caf\xc3\xa9", "sid=12345678"};
    char out[8] = "before";
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        assert_err(ERR_AUTH, cookie_find(headers[i], "sid", out, sizeof(out)));
    assert_string_equal(out, "before");
    assert_ok(cookie_find("sid=1234567", "sid", out, sizeof(out))); /* just fits */
}

static void the_header_has_a_limit(void **state)
{
    (void)state;
    char out[8], *header = calloc(1, COOKIE_HEADER_MAX + 2);
    assert_non_null(header);
    memset(header, 'x', COOKIE_HEADER_MAX);
    memcpy(header, "sid=abc;", 8);
    assert_ok(cookie_find(header, "sid", out, sizeof(out)));
    header[COOKIE_HEADER_MAX] = 'x';
    assert_err(ERR_AUTH, cookie_find(header, "sid", out, sizeof(out)));
    free(header);
}

static void what_we_set_is_what_we_find(void **state)
{
    (void)state;
    for (int tls = 0; tls < 2; tls++) {
        struct buf b;
        char secret[SECRET_SIZE], out[SECRET_SIZE];
        secret_new(secret);
        buf_init(&b, 1000);
        assert_ok(cookie_print(&b, tls, secret, 600));
        *strchr(b.data, ';') = '\0'; /* what a browser sends back */
        assert_ok(cookie_find(b.data, cookie_name(tls), out, sizeof(out)));
        assert_string_equal(out, secret);
        assert_err(ERR_NOT_FOUND, cookie_find(b.data, cookie_name(!tls), out, sizeof(out)));
        buf_release(&b);
    }
}

static void browsers_are_told_to_keep_it_to_us(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    assert_ok(cookie_print(&b, 1, "abc", 43200));
    assert_string_equal(buf_str(&b), "__Host-sid=abc; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax; Secure");
    buf_reset(&b);
    assert_ok(cookie_print(&b, 0, "", 0));
    assert_string_equal(buf_str(&b), "sid=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
    buf_release(&b);
    buf_init(&b, 10);
    assert_err(ERR_NOMEM, cookie_print(&b, 0, "abc", 1));
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_cookie_is_found_among_others),
        cmocka_unit_test(without_it_nothing_is_found),
        cmocka_unit_test(what_is_no_honest_header_is_refused),
        cmocka_unit_test(the_header_has_a_limit),
        cmocka_unit_test(what_we_set_is_what_we_find),
        cmocka_unit_test(browsers_are_told_to_keep_it_to_us),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
