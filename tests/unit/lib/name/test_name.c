#include "tests/unit/unit.h"

#include "lib/name/name.h"

#include <stdlib.h>
#include <string.h>

#define S(text) text, sizeof(text) - 1

/* The key of a name in a static buffer, or NULL when it is refused. */
static const char *key_of(const char *typed, size_t len)
{
    static char text[NAME_KEY_BYTES_MAX + 1];
    struct buf name, key;
    buf_init(&name, NAME_BYTES_MAX);
    buf_init(&key, 10000);
    enum err e = name_course(typed, len, &name, &key);
    if (!e)
        memcpy(text, buf_str(&key), key.len + 1);
    else
        assert_true(name.len == 0 && key.len == 0);
    buf_release(&name);
    buf_release(&key);
    return e ? NULL : text;
}

static void spellings_of_one_course_have_one_key(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "CSEN317", "csen 317", "CSEN-317", " c.s_e-n 3 1 7 ",
        "\xef\xbc\xa3\xef\xbc\xb3\xef\xbc\xa5\xef\xbc\xae\xef\xbc\x93\xef\xbc\x91\xef\xbc\x97", /* full width */
        "CSEN\xc2\xa0"
        "317",
        "CSEN\xe2\x80\x87-\xe3\x80\x80"
        "317",
        "cs\xc2\xad"
        "en317" /* soft hyphen */,
        "\xe2\x80\x8f"
        "CSEN317" /* right-to-left mark */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *key = key_of(rows[i], strlen(rows[i]));
        assert_non_null(key);
        assert_string_equal(key, "csen317");
    }
}

static void other_scripts_fold_as_unicode_says(void **state)
{
    (void)state;
    assert_string_equal(key_of(S("Stra\xc3\x9f"
                                 "e")),
        "strasse");
    assert_string_equal(
        key_of(S("\xce\xa3\xce\xaf\xcf\x83\xcf\x85\xcf\x86\xce\xbf\xcf\x82")), "\xcf\x83\xce\xaf\xcf\x83\xcf\x85\xcf\x86\xce\xbf\xcf\x83");
    assert_string_equal(key_of(S("e\xcc\x81t\xc3\xa9")), "\xc3\xa9t\xc3\xa9"); /* an accent of its own, and one in the letter */
    assert_string_equal(key_of(S("\xef\xac\x81n 1\xc2\xb2")), "fin12");
    assert_string_equal(key_of(S("\xe6\x95\xb0\xe5\xad\xa6 101")), "\xe6\x95\xb0\xe5\xad\xa6"
                                                                   "101");
    assert_string_equal(key_of(S("CRJU/POSC 320")), "crju/posc320");
}

static void the_name_is_kept_as_typed_but_for_its_ends(void **state)
{
    (void)state;
    struct buf name, key;
    buf_init(&name, NAME_BYTES_MAX);
    buf_init(&key, NAME_KEY_BYTES_MAX);
    assert_ok(name_course(S("\xe2\x80\x83 CSEN - 317 \xc2\xa0"), &name, &key));
    assert_string_equal(buf_str(&name), "CSEN - 317");
    buf_release(&name);
    buf_release(&key);
}

static void bad_names_are_refused(void **state)
{
    (void)state;
    assert_null(key_of(S("")));
    assert_null(key_of(S("   \xc2\xa0 ")));
    assert_null(key_of(S("..")));
    assert_null(key_of(S("--")));
    assert_null(key_of(S("- _ . \xe3\x80\x80")));
    assert_null(key_of(S("\xe2\x80\xa6")));             /* an ellipsis is three dots */
    assert_null(key_of(S("\xef\xbc\x8e\xef\xbc\x8e"))); /* full width dots */
    assert_null(key_of(S("\xe2\x80\x8f\xc2\xad")));     /* only what is ignored */
    assert_null(key_of(S("CSEN\0317")));
    assert_null(key_of(S("CSEN\n317")));
    assert_null(key_of(S("CSEN317\n")));
    assert_null(key_of(S("\tCSEN317")));
    assert_null(key_of(S("a\x7f")));
    assert_null(key_of(S("a\xc2\x85"
                         "b")));
    assert_null(key_of(S("a\xed\xa0\x80")));
    assert_null(key_of(S("a\xff")));
    assert_null(key_of(S("a\xc0\xae")));
}

static void length_is_counted_in_characters_after_trimming(void **state)
{
    (void)state;
    char text[4 * 129 + 4];
    memset(text, 'a', 129);
    assert_non_null(key_of(text, 128));
    assert_null(key_of(text, 129));
    memset(text, ' ', 3);
    assert_non_null(key_of(text, 129)); /* 126 and the spaces before */
    for (int i = 0; i < 129; i++)
        memcpy(text + 4 * i, "\xf0\x9f\x98\x80", 4);
    assert_non_null(key_of(text, 4 * 128));
    assert_null(key_of(text, 4 * 129));
}

static void a_key_that_grows_out_of_bounds_is_refused(void **state)
{
    (void)state;
    char text[3 * 128];
    for (int i = 0; i < 128; i++)
        memcpy(text + 3 * i, "\xef\xb7\xba", 3); /* U+FDFA becomes 18 characters, 15 of them letters of two bytes */
    assert_non_null(key_of(text, 3 * 76));       /* 2,280 bytes */
    assert_null(key_of(text, 3 * 77));           /* 2,310 */
}

static void the_key_of_a_key_is_the_key(void **state)
{
    (void)state;
    static const char *const rows[] = {"CSEN-317", "e-\xcc\x81", "a.\xcc\x8a_z",
        "\xe1\x84\x80-\xe1\x85\xa1_\xe1\x86\xa8" /* Hangul letters that join */, "\xc4\xb0stanbul", "\xc7\x85 x", "x\xcc\x81-\xcc\xa7",
        "\xef\xb7\xba"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *key = key_of(rows[i], strlen(rows[i]));
        assert_non_null(key);
        char *once = strdup(key);
        const char *twice = key_of(once, strlen(once));
        assert_non_null(twice);
        assert_string_equal(once, twice);
        free(once);
    }
    assert_string_equal(key_of(S("e-\xcc\x81")), "\xc3\xa9");
}

static void a_search_word_may_have_an_empty_key(void **state)
{
    (void)state;
    struct buf key;
    buf_init(&key, 100);
    assert_ok(name_key(S("--"), &key));
    assert_ok(name_key(S(""), &key));
    assert_int_equal(key.len, 0);
    assert_ok(name_key(S("X 1"), &key));
    assert_ok(name_key(S("Y 2"), &key));
    assert_string_equal(buf_str(&key), "x1y2");
    assert_err(ERR_SYNTAX, name_key(S("\xff"), &key));
    assert_string_equal(buf_str(&key), "x1y2");
    buf_release(&key);
    buf_init(&key, 2);
    assert_err(ERR_NOMEM, name_key(S("abc"), &key));
    buf_release(&key);
}

struct words {
    char text[1000];
    int n, stop_after;
};

static int collect(const char *word, size_t len, void *ctx)
{
    struct words *w = ctx;
    strcat(w->text, w->n++ ? "|" : "");
    strncat(w->text, word, len);
    return w->n == w->stop_after ? 42 : 0;
}

static void words_are_folded_and_split_at_everything_else(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"Distributed Systems", "distributed|systems"}, {"  CSEN-317: C++ & you!  ", "csen|317|c|you"},
        {"Jos\xc3\xa9 Mu\xc3\xb1oz \xc3\x85ngstr\xc3\xb6m", "jose|munoz|angstrom"}, {"e\xcc\x81t\xc3\xa9", "ete"},
        {"\xe6\x95\xb0\xe5\xad\xa6\xe3\x80\x80"
         "101",
            "\xe6\x95\xb0\xe5\xad\xa6|101"},
        {"Stra\xc3\x9f"
         "e \xef\xac\x81n",
            "strasse|fin"},
        {"", ""}, {"-- ...", ""}, {"a", "a"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct words w = {.stop_after = -1};
        assert_int_equal(name_words(rows[i][0], strlen(rows[i][0]), collect, &w), 0);
        assert_string_equal(w.text, rows[i][1]);
    }
}

static void long_words_are_cut_between_characters(void **state)
{
    (void)state;
    struct words w = {.stop_after = -1};
    char text[201];
    for (int i = 0; i < 100; i++)
        memcpy(text + 2 * i + 1, "\xd0\xb6", 2);
    text[0] = 'a';
    assert_int_equal(name_words(text, sizeof(text), collect, &w), 0);
    assert_int_equal(w.n, 1);
    assert_int_equal(strlen(w.text), 63);
}

static void the_caller_can_stop(void **state)
{
    (void)state;
    struct words w = {.stop_after = 2};
    assert_int_equal(name_words(S("one two three"), collect, &w), 42);
    assert_string_equal(w.text, "one|two");
    assert_int_equal(name_words(S("one \xff"), collect, &w), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spellings_of_one_course_have_one_key),
        cmocka_unit_test(other_scripts_fold_as_unicode_says),
        cmocka_unit_test(the_name_is_kept_as_typed_but_for_its_ends),
        cmocka_unit_test(bad_names_are_refused),
        cmocka_unit_test(length_is_counted_in_characters_after_trimming),
        cmocka_unit_test(a_key_that_grows_out_of_bounds_is_refused),
        cmocka_unit_test(the_key_of_a_key_is_the_key),
        cmocka_unit_test(a_search_word_may_have_an_empty_key),
        cmocka_unit_test(words_are_folded_and_split_at_everything_else),
        cmocka_unit_test(long_words_are_cut_between_characters),
        cmocka_unit_test(the_caller_can_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
