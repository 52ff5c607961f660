#include "tests/unit/unit.h"

#include "lib/auth/password.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum password_fault judged(const char *password, const char *name, const struct password_list *list)
{
    return password_check(password, strlen(password), name, list);
}

static void length_is_counted_in_characters_below_and_bytes_above(void **state)
{
    (void)state;
    char text[PASSWORD_BYTES_MAX + 1];
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = "kV9-rb2 xQ"[i * 7 % 10];
    assert_int_equal(password_check(text, PASSWORD_BYTES_MAX, "amber", NULL), PASSWORD_FINE);
    assert_int_equal(password_check(text, PASSWORD_BYTES_MAX + 1, "amber", NULL), PASSWORD_LONG);
    assert_int_equal(judged("zR4-kq.w", "amber", NULL), PASSWORD_FINE);
    assert_int_equal(judged("zR4-kq.", "amber", NULL), PASSWORD_SHORT);
    assert_int_equal(judged("", "amber", NULL), PASSWORD_SHORT);
    assert_int_equal(judged("\xd0\xb6\xd1\x8f\xd1\x83\xd0\xba\xd0\xb5\xd0\xbd\xd0\xb3", "amber", NULL), PASSWORD_SHORT); /* 14 bytes */
    assert_int_equal(judged("\xd0\xb6\xd1\x8f\xd1\x83\xd0\xba\xd0\xb5\xd0\xbd\xd0\xb3\xd1\x88", "amber", NULL), PASSWORD_FINE);
}

static void only_text_is_a_password(void **state)
{
    (void)state;
    assert_int_equal(password_check("zR4-kq\0w", 8, "amber", NULL), PASSWORD_TEXT);
    assert_int_equal(judged("zR4-kq\nw", "amber", NULL), PASSWORD_TEXT);
    assert_int_equal(judged("zR4-kq\xffw", "amber", NULL), PASSWORD_TEXT);
    assert_int_equal(judged("zR4-kq\xc0\xae", "amber", NULL), PASSWORD_TEXT);
    assert_int_equal(judged("z R 4 k q", "amber", NULL), PASSWORD_FINE);
}

static void what_is_built_in_needs_no_list(void **state)
{
    (void)state;
    static const char *const common[] = {"password", "PassWord", "Password1", "password2026!", "p@ssw0rd", "P@$$w0rd1", "123password",
        "welcome1", "Welcome2026", "letmein!", "qwerty123", "trustno1", "sunshine", "Summer2026!", "12345678", "1234567890", "87654321",
        "01234567", "67890123", "abcdefgh", "hgfedcba", "xyzabcde", "qwertyui", "asdfghjkl", "zxcvbnmq", "1qaz2wsx", "1q2w3e4r",
        "q1w2e3r4t5", "aaaaaaaa", "abababab", "abcabcabc", "12121212", "11111111", "xyz1xyz1xyz1",
        "\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80",
        "syllabus1", "ringbinder", "University1", "changeme", "admin123!", "!!!admin!!!", "iloveyou2"};
    static const char *const fine[] = {"correct horse battery", "passwords are hard", "mypassword2026 and more", "12345678x", "abcdefgz",
        "aaaaaaab", "abcdabce", "password1234567", "kettle-lamp", "88 quiet owls", "xpassword"};
    for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
        if (judged(common[i], "birch", NULL) != PASSWORD_COMMON)
            fail_msg("%s is fine?", common[i]);
    for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++)
        if (judged(fine[i], "birch", NULL) != PASSWORD_FINE)
            fail_msg("%s is common?", fine[i]);
}

static void the_name_is_no_password(void **state)
{
    (void)state;
    assert_int_equal(judged("amberlyn", "amberlyn", NULL), PASSWORD_NAME);
    assert_int_equal(judged("AmberLyn1!", "amberlyn", NULL), PASSWORD_NAME);
    assert_int_equal(judged("19amberlyn67", "amberlyn", NULL), PASSWORD_NAME);
    assert_int_equal(judged("amberlyn", "AMBERLYN", NULL), PASSWORD_NAME);
    assert_int_equal(judged("a.stone1", "a.stone@uni.example", NULL), PASSWORD_NAME);
    assert_int_equal(judged("a.stone@uni.example", "a.stone@uni.example", NULL), PASSWORD_NAME);
    assert_int_equal(judged("amberlyn likes tea", "amberlyn", NULL), PASSWORD_FINE);
    assert_int_equal(judged("xq1-kw.zb", "", NULL), PASSWORD_FINE);
    assert_int_equal(judged("bo-kw.z4", "bo", NULL), PASSWORD_FINE); /* too short a name to say anything */
}

static void a_list_is_words_between_space_commas_and_quotes(void **state)
{
    (void)state;
    static const char text[] = "short,kettlelamp\n\"quietowls8\",'MIXEDcase9'\r\nsemi;colons;stay\t last-one.here";
    struct password_list *list = NULL;
    assert_ok(password_list_new(text, sizeof(text) - 1, &list));
    assert_int_equal(password_list_count(list), 5);
    assert_int_equal(judged("kettlelamp", "amber", list), PASSWORD_COMMON);
    assert_int_equal(judged("KettleLamp", "amber", list), PASSWORD_COMMON);
    assert_int_equal(judged("quietowls8", "amber", list), PASSWORD_COMMON);
    assert_int_equal(judged("mixedcase9", "amber", list), PASSWORD_COMMON);
    assert_int_equal(judged("semi;colons;stay", "amber", list), PASSWORD_COMMON);
    assert_int_equal(judged("last-one.here", "amber", list), PASSWORD_COMMON);
    assert_int_equal(judged("kettlelamp8", "amber", list), PASSWORD_FINE);
    assert_int_equal(judged("kettlelam-", "amber", list), PASSWORD_FINE);
    assert_int_equal(judged("kettlelamp", "amber", NULL), PASSWORD_FINE);
    password_list_free(list);
}

static void a_list_has_bounds(void **state)
{
    (void)state;
    struct password_list *list = NULL;
    char *text = malloc(PASSWORD_LIST_BYTES_MAX + 1);
    assert_non_null(text);
    memset(text, 'x', PASSWORD_LIST_BYTES_MAX + 1);
    assert_err(ERR_TOO_LARGE, password_list_new(text, PASSWORD_LIST_BYTES_MAX + 1, &list));
    assert_null(list);
    assert_ok(password_list_new(text, PASSWORD_LIST_BYTES_MAX, &list)); /* one word, too long to be one */
    assert_int_equal(password_list_count(list), 0);
    password_list_free(list);
    assert_ok(password_list_new("", 0, &list));
    assert_int_equal(judged("kettlelamp", "amber", list), PASSWORD_FINE);
    password_list_free(list);
    list = NULL;
    for (size_t i = 8; i < PASSWORD_LIST_BYTES_MAX; i += 9)
        text[i] = ',';
    assert_err(ERR_TOO_LARGE, password_list_new(text, PASSWORD_LIST_BYTES_MAX, &list));
    assert_null(list);
    free(text);
    password_list_free(NULL);
    assert_int_equal(password_list_count(NULL), 0);
}

/* The list that bin/install-packages brings. Where it is missing there is nothing to test, and the test says so. */
static void the_list_of_the_distribution_has_the_3000_most_frequent(void **state)
{
    (void)state;
    static const char *const among[] = {"baseball", "superman", "starwars", "corvette", "steelers", "bigdaddy", "butthead", "slipknot",
        "scorpion", "startrek", "redskins", "rush2112"};
    FILE *f = fopen(PASSWORD_LIST_FILE, "r");
    if (!f) {
        print_message("no " PASSWORD_LIST_FILE "\n");
        skip();
        return;
    }
    char *text = calloc(1, PASSWORD_LIST_BYTES_MAX + 1);
    struct password_list *list = NULL;
    assert_non_null(text);
    size_t len = fread(text, 1, PASSWORD_LIST_BYTES_MAX, f);
    fclose(f);
    assert_ok(password_list_new(text, len, &list));
    assert_true(password_list_count(list) > 11000);
    for (size_t i = 0; i < sizeof(among) / sizeof(among[0]); i++)
        assert_int_equal(judged(among[i], "amber", list), PASSWORD_COMMON);
    /* The first list of the file is of passwords, most frequent first: each of its first 3,000 long enough is refused. */
    char *at = strstr(text, "\"passwords\": \"");
    assert_non_null(at);
    at += strlen("\"passwords\": \"");
    int seen = 0;
    for (char *word = strtok(at, ","); word && seen < 3000; word = strtok(NULL, ",")) {
        if (strlen(word) < PASSWORD_CHARS_MIN)
            continue;
        seen++;
        if (judged(word, "zz", list) != PASSWORD_COMMON)
            fail_msg("%s is fine?", word);
    }
    assert_int_equal(seen, 3000);
    assert_int_equal(judged("kettle-lamp-8-owls", "amber", list), PASSWORD_FINE);
    password_list_free(list);
    free(text);
}

static void each_fault_has_its_sentence(void **state)
{
    (void)state;
    for (int f = PASSWORD_FINE; f <= PASSWORD_NAME + 1; f++) {
        assert_non_null(password_fault_text((enum password_fault)f));
        if (f > PASSWORD_FINE)
            assert_string_not_equal(password_fault_text((enum password_fault)f), password_fault_text((enum password_fault)(f - 1)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(length_is_counted_in_characters_below_and_bytes_above),
        cmocka_unit_test(only_text_is_a_password),
        cmocka_unit_test(what_is_built_in_needs_no_list),
        cmocka_unit_test(the_name_is_no_password),
        cmocka_unit_test(a_list_is_words_between_space_commas_and_quotes),
        cmocka_unit_test(a_list_has_bounds),
        cmocka_unit_test(the_list_of_the_distribution_has_the_3000_most_frequent),
        cmocka_unit_test(each_fault_has_its_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
