#include "tests/unit/unit.h"

#include "fcgi/service/fields.h"
#include "lib/wire/record.h"

#include <string.h>

static void file_names_lose_their_path_and_keep_the_rest(void **state)
{
    (void)state;
    const struct {
        const char *sent, *kept;
    } rows[] = {
        {"syllabus.pdf", "syllabus.pdf"},
        {"../../x.pdf", "x.pdf"},
        {"/etc/passwd", "passwd"},
        {"C:\\Users\\me\\x.pdf", "x.pdf"},
        {"a/b\\c.txt", "c.txt"},
        {"....//x", "x"},
        {"dir/", ""},
        {"..", ""},
        {".", ""},
        {"a/..", ""},
        {"", ""},
        {"   ", ""},
        {" x.pdf ", "x.pdf"},
        {"-rf", "-rf"},
        {"CON", "CON"},
        {".hidden", ".hidden"},
        {"...", "..."},
        {"a \"quoted\" name.pdf", "a \"quoted\" name.pdf"},
        {"x;filename*=UTF-8''y", "x;filename*=UTF-8''y"},
        {"\xE2\x80\xAE"
         "fdp.exe",
            "\xE2\x80\xAE"
            "fdp.exe"},
        {"Lehrpl\xC3\xA4ne.pdf", "Lehrpl\xC3\xA4ne.pdf"},
        {"%2e%2e%2fx", "%2e%2e%2fx"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf b;
        buf_init(&b, RECORD_FIELD_MAX);
        assert_ok(fields_filename(rows[i].sent, &b));
        assert_string_equal(buf_str(&b), rows[i].kept);
        buf_release(&b);
    }
}

static void control_characters_and_bad_utf8_are_malformed(void **state)
{
    (void)state;
    const char *rows[] = {
        "a\r\nX-Accel-Redirect: /etc/", "a\nb", "a\tb", "\x7F", "a\xC2\x85", "\xC0\xAE", "\xED\xA0\x80", "\xFF", "a\x1B[2J"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf b;
        buf_init(&b, RECORD_FIELD_MAX);
        assert_err(ERR_SYNTAX, fields_check(rows[i]));
        assert_err(ERR_SYNTAX, fields_filename(rows[i], &b));
        assert_int_equal(b.len, 0);
        buf_release(&b);
    }
}

static void length_counts_characters_and_not_bytes(void **state)
{
    (void)state;
    char text[4 * 256 + 1] = "";
    for (int i = 0; i < 255; i++)
        strcat(text, "\xF0\x9F\x8E\x93");
    struct buf b;
    buf_init(&b, RECORD_FIELD_MAX);
    assert_ok(fields_check(text));
    assert_ok(fields_filename(text, &b));
    assert_int_equal(b.len, 1020);
    strcat(text, "x");
    assert_err(ERR_INVALID, fields_check(text));
    assert_err(ERR_INVALID, fields_filename(text, &b));
    buf_release(&b);
    assert_ok(fields_check(NULL));
    assert_ok(fields_check(""));
}

static void a_file_without_a_name_is_called_after_its_course(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, RECORD_FIELD_MAX);
    assert_ok(fields_default_filename("CRJU/POSC 320", ".pdf", &b));
    assert_string_equal(buf_str(&b), "CRJU-POSC 320.pdf");
    buf_reset(&b);
    assert_ok(fields_default_filename("a\\b", "", &b));
    assert_string_equal(buf_str(&b), "a-b");
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_names_lose_their_path_and_keep_the_rest),
        cmocka_unit_test(control_characters_and_bad_utf8_are_malformed),
        cmocka_unit_test(length_counts_characters_and_not_bytes),
        cmocka_unit_test(a_file_without_a_name_is_called_after_its_course),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
