/* The order within a page: what really begins as the search does goes before what does so only run together. */
#include "tests/unit/unit.h"

#include "fcgi/service/peers_order.h"

#include <string.h>

#define NAMES_MAX 8

static void assert_order(const char *q, const char *const *before, const char *const *after)
{
    struct peers_row rows[NAMES_MAX] = {{.size = 0}};
    size_t n = 0;
    for (; before[n] != NULL; n++)
        rows[n] = (struct peers_row){.name = (char *)(uintptr_t)before[n], .size = n};
    peers_order(rows, n, q);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(rows[i].name, after[i]) != 0)
            fail_msg("%s: row %zu is %s, not %s", q, i, rows[i].name, after[i]);
        assert_string_equal(before[rows[i].size], rows[i].name); /* the whole row moved */
    }
}

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void a_word_goes_before_what_only_reads_like_it(void **state)
{
    (void)state;
    assert_order("file10", NAMES("file1_0.txt", "file10_2.txt", "File1-02", "FILE10.txt", "dir/file10.txt"),
        NAMES("file10_2.txt", "FILE10.txt", "file1_0.txt", "File1-02", "dir/file10.txt"));
    assert_order("file1", NAMES("file1_0.txt", "file10.txt"), NAMES("file1_0.txt", "file10.txt"));
    assert_order("f\xc3\xadle10", NAMES("file1 0", "f\xc3\xacle10"), NAMES("f\xc3\xacle10", "file1 0"));
}

static void all_words_but_the_last_are_whole(void **state)
{
    (void)state;
    assert_order(
        "csen 31", NAMES("CSEN317.pdf", "csen-31", "csen 3 1", "CSEN 317 b"), NAMES("csen-31", "CSEN 317 b", "CSEN317.pdf", "csen 3 1"));
    assert_order("csen317", NAMES("CSEN 317.pdf", "csen317"), NAMES("csen317", "CSEN 317.pdf"));
}

static void without_words_nothing_moves(void **state)
{
    (void)state;
    const char *const *names = NAMES("b", "a", "\xff", "...");
    assert_order(NULL, names, names);
    assert_order("", names, names);
    assert_order("-.-", names, names);
    assert_order("\xff", names, names);
    assert_order("a b c", names, names);
    peers_order(NULL, 0, "x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_word_goes_before_what_only_reads_like_it),
        cmocka_unit_test(all_words_but_the_last_are_whole),
        cmocka_unit_test(without_words_nothing_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
