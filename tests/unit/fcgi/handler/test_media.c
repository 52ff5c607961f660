#include "tests/unit/unit.h"

#include "fcgi/handler/media.h"

#include <string.h>

static void only_pdf_png_and_plain_text_are_shown(void **state)
{
    (void)state;
    static const char *const shown[] = {"application/pdf", "image/png", "text/plain"};
    for (size_t i = 0; i < 3; i++) {
        struct media m = media_of(shown[i]);
        assert_true(m.may_inline);
        assert_non_null(strstr(m.policy, "sandbox"));
        assert_non_null(strstr(m.policy, "default-src 'none'"));
        assert_non_null(strstr(m.policy, "frame-ancestors 'self'"));
    }
}

static void what_could_run_is_only_bytes(void **state)
{
    (void)state;
    static const char *const active[] = {"text/html", "image/svg+xml", "application/xhtml+xml", "text/xml", "application/xml",
        "text/javascript", "application/javascript", "message/rfc822", "multipart/related", "application/x-mimearchive",
        "text/html; charset=utf-8", "TEXT/HTML", "", "application/x-dosexec", "text/css"};
    for (size_t i = 0; i < sizeof(active) / sizeof(active[0]); i++) {
        struct media m = media_of(active[i]);
        assert_string_equal(m.type, "application/octet-stream");
        assert_false(m.may_inline);
        assert_non_null(strstr(m.policy, "sandbox"));
        assert_non_null(strstr(m.policy, "frame-ancestors 'none'"));
    }
}

static void text_says_its_charset(void **state)
{
    (void)state;
    assert_string_equal(media_of("text/plain").type, "text/plain; charset=utf-8");
    assert_string_equal(media_of("text/markdown").type, "text/markdown; charset=utf-8");
}

static void office_files_keep_their_type_and_are_saved(void **state)
{
    (void)state;
    static const char type[] = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    assert_string_equal(media_of(type).type, type);
    assert_false(media_of(type).may_inline);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_pdf_png_and_plain_text_are_shown),
        cmocka_unit_test(what_could_run_is_only_bytes),
        cmocka_unit_test(text_says_its_charset),
        cmocka_unit_test(office_files_keep_their_type_and_are_saved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
