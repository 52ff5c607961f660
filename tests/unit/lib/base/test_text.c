#include "tests/unit/unit.h"

#include "lib/base/text.h"

#include <string.h>

#define S(text) text, sizeof(text) - 1

static void utf8_is_accepted_at_every_boundary(void **state)
{
    (void)state;
    assert_true(text_is_utf8(S("")));
    assert_true(text_is_utf8(S("plain")));
    assert_true(text_is_utf8(S("\x7f\xc2\x80\xdf\xbf")));
    assert_true(text_is_utf8(S("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf")));
    assert_true(text_is_utf8(S("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf")));
}

static void what_is_not_utf8_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {{S("\x80")}, {S("\xbf")}, {S("a\xc2")}, {S("\xe2\x82")}, {S("\xf0\x9f\x98")}, {S("\xc2\x41")}, {S("\xe2\x28\xa1")},
        {S("\xc0\x80")}, {S("\xc1\xbf")}, {S("\xe0\x80\xaf")}, {S("\xe0\x9f\xbf")}, {S("\xf0\x80\x80\x80")},
        {S("\xf0\x8f\xbf\xbf")},                                                    /* overlong */
        {S("\xed\xa0\x80")}, {S("\xed\xbf\xbf")},                                   /* surrogates */
        {S("\xf4\x90\x80\x80")}, {S("\xf5\x80\x80\x80")}, {S("\xff")}, {S("\xfe")}, /* above U+10FFFF */
        {S("a\0b")}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_false(text_is_utf8(rows[i].bytes, rows[i].len));
}

static void length_counts_characters(void **state)
{
    (void)state;
    assert_int_equal(text_length(S("")), 0);
    assert_int_equal(text_length(S("abc")), 3);
    assert_int_equal(text_length(S("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")), 3);
}

static void controls_are_found(void **state)
{
    (void)state;
    assert_false(text_has_control(S("Distributed Systems \xc2\xa0\xc3\xa9")));
    assert_true(text_has_control(S("a\nb")));
    assert_true(text_has_control(S("a\x7f")));
    assert_true(text_has_control(S("\xc2\x85")));
    assert_true(text_has_control(S("\xc2\x9f")));
    assert_false(text_has_control(S("\xc2\xa0")));
}

static void percent_escapes_are_decoded_once(void **state)
{
    (void)state;
    char out[64];
    size_t len;
    assert_ok(text_percent_decode(S("CRJU%2FPOSC%20320"), 0, out, &len));
    assert_string_equal(out, "CRJU/POSC 320");
    assert_int_equal(len, 13);
    assert_ok(text_percent_decode(S("%252e+%c3%A9"), 0, out, &len));
    assert_string_equal(out, "%2e+\xc3\xa9");
    assert_ok(text_percent_decode(S("2026+Fall"), 1, out, &len));
    assert_string_equal(out, "2026 Fall");
    assert_ok(text_percent_decode(S(""), 0, out, &len));
    assert_int_equal(len, 0);
}

static void bad_escapes_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {"%", "%2", "a%2", "%zz", "%2g", "%g2", "%%20", "% 2", "%00", "a%00b", "%+1"};
    char out[64];
    size_t len;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_err(ERR_SYNTAX, text_percent_decode(rows[i], strlen(rows[i]), 0, out, &len));
    assert_err(ERR_SYNTAX, text_percent_decode("a\0b", 3, 0, out, &len));
    /* The escape ends where the text ends, not where its memory does. */
    assert_err(ERR_SYNTAX, text_percent_decode("%41", 2, 0, out, &len));
}

static void encoding_leaves_only_unreserved_characters(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    assert_ok(text_percent_encode(&b, S("aZ09-._~/ \xc3\xa9%+\"")));
    assert_string_equal(buf_str(&b), "aZ09-._~%2F%20%C3%A9%25%2B%22");
    buf_release(&b);
    buf_init(&b, 4);
    assert_ok(buf_add_str(&b, "x"));
    assert_err(ERR_NOMEM, text_percent_encode(&b, S("ab/")));
    assert_string_equal(buf_str(&b), "x");
    buf_release(&b);
}

static void json_characters_are_escaped_and_bad_bytes_replaced(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        size_t len, taken;
        const char *out;
    } rows[] = {{S("a"), 1, "a"}, {S("\""), 1, "\\\""}, {S("\\"), 1, "\\\\"}, {S("\n"), 1, "\\n"}, {S("\r"), 1, "\\r"}, {S("\t"), 1, "\\t"},
        {S("\x01"), 1, "\\u0001"}, {S("\0"), 1, "\\u0000"}, {S("\x7f"), 1, "\\u007f"}, {S("\xc3\xa9x"), 2, "\xc3\xa9"},
        {S("\xf0\x9f\x98\x80"), 4, "\xf0\x9f\x98\x80"}, {S("\xff"), 1, "\xef\xbf\xbd"}, {S("\xc3"), 1, "\xef\xbf\xbd"},
        {S("\xed\xa0\x80"), 1, "\xef\xbf\xbd"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char out[TEXT_JSON_CHAR_SIZE];
        assert_int_equal(text_json_char(rows[i].in, rows[i].len, out), rows[i].taken);
        assert_string_equal(out, rows[i].out);
    }
}

static void trimming_takes_all_kinds_of_white_space(void **state)
{
    (void)state;
    static const char *const rows[] = {"x y", " x y ", "\t\r\n\v\fx y\n", "\xc2\xa0x y\xe3\x80\x80",
        "\xe2\x80\x83\xe2\x80\xa8x y\xe2\x80\xaf\xe1\x9a\x80", " \xc2\x85x y\xe2\x81\x9f "};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t len = strlen(rows[i]);
        const char *s = text_trim(rows[i], &len);
        assert_int_equal(len, 3);
        assert_memory_equal(s, "x y", 3);
    }
    size_t len = 4;
    text_trim(" \t  ", &len);
    assert_int_equal(len, 0);
    len = 3;
    text_trim("\xe2\x80\x8b", &len); /* a zero width space is none */
    assert_int_equal(len, 3);
}

static void times_are_rfc_3339(void **state)
{
    (void)state;
    char out[TEXT_TIME_SIZE];
    text_time_rfc3339(0, out);
    assert_string_equal(out, "1970-01-01T00:00:00.000Z");
    text_time_rfc3339(1795269723004u, out);
    assert_string_equal(out, "2026-11-21T14:02:03.004Z");
    text_time_rfc3339(UINT64_MAX, out);
    assert_string_equal(out, "9999-12-31T23:59:59.999Z");
}

static void http_dates_go_there_and_back(void **state)
{
    (void)state;
    char out[TEXT_HTTP_DATE_SIZE];
    uint64_t s = 0;
    text_http_date(784111777000u, out);
    assert_string_equal(out, "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_ok(text_http_date_parse(out, &s));
    assert_int_equal(s, 784111777);
    text_http_date(UINT64_MAX, out);
    assert_string_equal(out, "Fri, 31 Dec 9999 23:59:59 GMT");
    assert_ok(text_http_date_parse("Thu, 29 Feb 2024 00:00:00 GMT", &s));
    assert_int_equal(s, 1709164800);
}

static void other_dates_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {"", "Sun, 06 Nov 1994 08:49:37", "Mon, 06 Nov 1994 08:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:37 UTC", "Thu, 30 Feb 2024 00:00:00 GMT", "Wed, 31 Dec 1969 23:59:59 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT ", "Sun, +6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT"};
    uint64_t s = 42;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_err(ERR_SYNTAX, text_http_date_parse(rows[i], &s));
    assert_err(ERR_SYNTAX, text_http_date_parse(NULL, &s));
    assert_int_equal(s, 42);
}

static void a_file_name_cannot_break_out_of_its_header(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    assert_ok(text_content_disposition(&b, 1, "syllabus 1.pdf"));
    assert_string_equal(buf_str(&b), "attachment; filename=\"syllabus 1.pdf\"; filename*=UTF-8''syllabus%201.pdf");
    buf_reset(&b);
    assert_ok(text_content_disposition(&b, 0, "\xc3\xa9t\xc3\xa9\".pdf\r\nX: y\\../%41"));
    assert_string_equal(buf_str(&b), "inline; filename=\"_t__.pdf__X: y_.._"
                                     "_41\"; filename*=UTF-8''%C3%A9t%C3%A9%22.pdf%0D%0AX%3A%20y%5C..%2F%2541");
    buf_reset(&b);
    assert_ok(text_content_disposition(&b, 0, "a; filename*=UTF-8''b.pdf"));
    assert_string_equal(
        buf_str(&b), "inline; filename=\"a_ filename__UTF-8''b.pdf\"; filename*=UTF-8''a%3B%20filename%2A%3DUTF-8%27%27b.pdf");
    buf_release(&b);
    buf_init(&b, 30);
    assert_err(ERR_NOMEM, text_content_disposition(&b, 1, "syllabus.pdf"));
    assert_int_equal(b.len, 0);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_is_accepted_at_every_boundary),
        cmocka_unit_test(what_is_not_utf8_is_refused),
        cmocka_unit_test(length_counts_characters),
        cmocka_unit_test(controls_are_found),
        cmocka_unit_test(percent_escapes_are_decoded_once),
        cmocka_unit_test(bad_escapes_are_refused),
        cmocka_unit_test(encoding_leaves_only_unreserved_characters),
        cmocka_unit_test(json_characters_are_escaped_and_bad_bytes_replaced),
        cmocka_unit_test(trimming_takes_all_kinds_of_white_space),
        cmocka_unit_test(times_are_rfc_3339),
        cmocka_unit_test(http_dates_go_there_and_back),
        cmocka_unit_test(other_dates_are_refused),
        cmocka_unit_test(a_file_name_cannot_break_out_of_its_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
