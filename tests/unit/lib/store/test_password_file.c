/* The password of Redis in its file: what is taken, and what nobody should ever have put there. */
#include "lib/store/password_file.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DRAWN "f3a9c04e71b85d26"

static char dir[64], path[80];

static int set_up(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/rb-password-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/password", dir);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(dir);
}

static void put(const char *text, size_t len, mode_t mode)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static enum err read_back(const char *text, char out[PASSWORD_FILE_SIZE])
{
    put(text, strlen(text), 0600);
    memset(out, 'x', PASSWORD_FILE_SIZE);
    return password_file_read(path, out);
}

static void one_line_is_a_password(void **state)
{
    (void)state;
    char out[PASSWORD_FILE_SIZE], longest[PASSWORD_FILE_SIZE + 1];
    assert_ok(read_back(DRAWN "\n", out));
    assert_string_equal(out, DRAWN);
    assert_ok(read_back("!~" DRAWN, out));
    assert_string_equal(out, "!~" DRAWN);
    for (size_t i = 0; i < sizeof longest; i++)
        longest[i] = (char)('a' + (i * i / 5 + i / 23) % 26);
    longest[PASSWORD_FILE_SIZE - 1] = '\0';
    assert_ok(read_back(longest, out));
    assert_string_equal(out, longest);
    longest[PASSWORD_FILE_SIZE - 1] = 'a';
    longest[PASSWORD_FILE_SIZE] = '\0';
    assert_err(ERR_SYNTAX, read_back(longest, out));
    assert_string_equal(out, "");
}

static void without_a_file_there_is_none(void **state)
{
    (void)state;
    char out[PASSWORD_FILE_SIZE] = "x";
    assert_ok(password_file_read(NULL, out));
    assert_string_equal(out, "");
    assert_ok(password_file_read("", out));
    assert_err(ERR_NOT_FOUND, password_file_read("/nonexistent/password", out));
}

static void what_is_no_such_line_is_refused(void **state)
{
    (void)state;
    char out[PASSWORD_FILE_SIZE];
    static const char *const bad[] = {"", "\n", "f3a9c04e71b85d2", DRAWN "\n\n", DRAWN "\r\n", "f3a9c04e 71b85d26", DRAWN "\t",
        DRAWN "\nuser: x", "f3a9c04e71b85d2\xc3\xa4"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_err(ERR_SYNTAX, read_back(bad[i], out));
        assert_string_equal(out, "");
    }
    put("f3a9c04e\0" DRAWN, sizeof "f3a9c04e\0" DRAWN - 1, 0600);
    assert_err(ERR_SYNTAX, password_file_read(path, out));
}

static void what_anybody_would_try_is_refused(void **state)
{
    (void)state;
    char out[PASSWORD_FILE_SIZE];
    static const char *const known[] = {"0000000000000000", "abababababababab", "ChangeMeChangeMe", "password12345678",
        "Change-Me-0000000!", "changemepassword", "0123456789abcdef", "fedcba9876543210", "ABCDEFGHIJKLMNOP", "foobaredredis2024"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        assert_err(ERR_INVALID, read_back(known[i], out));
        assert_string_equal(out, "");
    }
    static const char *const drawn[] = {DRAWN, "password-f3a9c04e7", "0123456789abcdeg", "redisf3a9c04e71b"};
    for (size_t i = 0; i < sizeof drawn / sizeof *drawn; i++)
        assert_false(password_file_is_known(drawn[i]));
}

static void a_file_that_others_can_touch_is_refused(void **state)
{
    (void)state;
    char out[PASSWORD_FILE_SIZE];
    static const mode_t modes[] = {0640, 0604, 0620, 0777};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        put(DRAWN, strlen(DRAWN), modes[i]);
        assert_err(ERR_DENIED, password_file_read(path, out));
        assert_string_equal(out, "");
    }
    assert_err(ERR_DENIED, password_file_read(dir, out));
}

static void each_refusal_has_its_sentence(void **state)
{
    (void)state;
    static const enum err all[] = {ERR_DENIED, ERR_SYNTAX, ERR_INVALID, ERR_NOT_FOUND};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(password_file_why(all[i]), password_file_why(all[k]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_line_is_a_password),
        cmocka_unit_test(without_a_file_there_is_none),
        cmocka_unit_test(what_is_no_such_line_is_refused),
        cmocka_unit_test(what_anybody_would_try_is_refused),
        cmocka_unit_test(a_file_that_others_can_touch_is_refused),
        cmocka_unit_test(each_refusal_has_its_sentence),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
