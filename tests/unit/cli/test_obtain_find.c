/* Who has a file of a name: what an answer of the front comes to, and what a person's answer means. */
#include "tests/unit/unit.h"

#include "cli/obtain_find.h"
#include "lib/wire/json.h"

#include <stdlib.h>
#include <string.h>

#define ONE "1111111111111111111111111111111111111111111111111111111111111111"
#define TWO "2222222222222222222222222222222222222222222222222222222222222222"

static enum err parse(const char *text, const char *name, const char *from, struct found_list *out)
{
    struct json *j;
    enum err e;

    assert_ok(json_parse(text, strlen(text), &j));
    e = found_parse(j, name, from, out);
    json_free(j);
    return e;
}

#define HOLDERS(file) "[{\"peer\":\"a.1\",\"name\":\"a\",\"file\":\"" file "\"},{\"peer\":\"b.2\",\"name\":\"b\",\"file\":\"other\"}]"

static void test_whole_names_and_last_parts_count_and_beginnings_do_not(void **state)
{
    static struct found_list list;

    (void)state;
    assert_ok(parse("{\"items\":[{\"name\":\"x/notes.txt\",\"size\":7,\"sha256\":\"" ONE "\",\"holders\":" HOLDERS("x/notes.txt") "}]}",
        "notes.txt", NULL, &list));
    assert_int_equal(list.n, 1); /* b calls it something else */
    assert_string_equal(list.items[0].peer, "a.1");
    assert_string_equal(list.items[0].file, "x/notes.txt");
    assert_string_equal(list.items[0].sha256, ONE);
    assert_int_equal(list.items[0].size, 7);
    found_release(&list);
    assert_ok(parse("{\"items\":[{\"name\":\"x/notes.txt\",\"size\":7,\"sha256\":null,\"holders\":" HOLDERS("x/notes.txt") "}]}",
        "x/notes.txt", NULL, &list));
    assert_int_equal(list.n, 1);
    assert_string_equal(list.items[0].sha256, "");
    found_release(&list);
    assert_ok(parse("{\"items\":[{\"name\":\"x/notes.txt\",\"size\":7,\"sha256\":null,\"holders\":" HOLDERS("x/notes.txt") "}]}", "notes",
        NULL, &list));
    assert_int_equal(list.n, 0);
}

static void test_one_peer_is_named_by_id_or_name_and_the_ring_by_ring(void **state)
{
    static const char text[] =
        "{\"items\":[{\"name\":\"n\",\"size\":1,\"sha256\":\"" ONE "\",\"adopted\":true,\"holders\":[{\"peer\":\"a.1\",\"name\":\"a\"},"
        "{\"peer\":\"b.2\",\"name\":\"b\"}]}]}";
    static const struct {
        const char *from;
        size_t n;
        const char *first;
    } rows[] = {{NULL, 3, "a.1"}, {"b", 1, "b.2"}, {"b.2", 1, "b.2"}, {"ring", 1, "ring"}, {"c", 0, NULL}};
    static struct found_list list;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_ok(parse(text, "n", rows[i].from, &list));
        assert_int_equal(list.n, rows[i].n);
        if (rows[i].first)
            assert_string_equal(list.items[0].peer, rows[i].first);
        found_release(&list);
    }
}

static void test_names_that_lead_out_of_a_folder_are_left_out(void **state)
{
    static struct found_list list;

    (void)state;
    assert_ok(
        parse("{\"items\":[{\"name\":\"../n\",\"size\":1,\"sha256\":null,\"holders\":[{\"peer\":\"a\"},{\"peer\":\"b\",\"file\":\"n\"}]}]}",
            "n", NULL, &list));
    assert_int_equal(list.n, 1);
    assert_string_equal(list.items[0].peer, "b");
    found_release(&list);
}

static void test_what_is_no_such_answer_is_refused(void **state)
{
    static const char *const texts[] = {"{}", "[]", "{\"items\":{}}", "{\"items\":[1]}", "{\"items\":[{\"name\":\"n\",\"sha256\":null}]}",
        "{\"items\":[{\"name\":\"n\",\"size\":1,\"sha256\":\"12\"}]}",
        "{\"items\":[{\"name\":\"n\",\"size\":1,\"sha256\":null,\"holders\":[{}]}]}"};
    static struct found_list list;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_err(ERR_SYNTAX, parse(texts[i], "n", NULL, &list));
        assert_int_equal(list.n, 0);
    }
}

static void test_more_holders_than_are_told_apart_are_left_out(void **state)
{
    static struct found_list list;
    struct buf b;

    (void)state;
    buf_init(&b, 1u << 20);
    assert_ok(buf_add_str(&b, "{\"items\":[{\"name\":\"n\",\"size\":1,\"sha256\":\"" ONE "\",\"adopted\":true,\"holders\":["));
    for (int i = 0; i < FOUND_MAX + 50; i++)
        assert_ok(buf_addf(&b, "%s{\"peer\":\"p.%d\"}", i ? "," : "", i));
    assert_ok(buf_add_str(&b, "]}]}"));
    assert_ok(parse(buf_str(&b), "n", NULL, &list));
    assert_int_equal(list.n, FOUND_MAX);
    assert_true(found_agree(&list));
    found_release(&list);
    buf_release(&b);
}

static void test_only_one_known_content_can_come_from_all(void **state)
{
    struct found_list list = {.n = 2};

    (void)state;
    strcpy(list.items[0].sha256, ONE);
    strcpy(list.items[1].sha256, ONE);
    assert_true(found_agree(&list));
    strcpy(list.items[1].sha256, TWO);
    assert_false(found_agree(&list));
    strcpy(list.items[0].sha256, "");
    strcpy(list.items[1].sha256, "");
    assert_false(found_agree(&list));
    list.n = 0;
    assert_false(found_agree(&list));
}

static void test_an_answer_is_a_number_or_all_or_cancel(void **state)
{
    static const struct {
        const char *line;
        int agree;
        enum err error;
        size_t pick;
    } rows[] = {{"1", 1, ERR_OK, 0}, {" 3 ", 0, ERR_OK, 2}, {"4", 1, ERR_SYNTAX, 9}, {"0", 1, ERR_SYNTAX, 9}, {"-1", 1, ERR_SYNTAX, 9},
        {"", 1, ERR_OK, SIZE_MAX}, {"", 0, ERR_SYNTAX, 9}, {"all", 1, ERR_OK, SIZE_MAX}, {"ALL", 0, ERR_SYNTAX, 9},
        {"cancel", 1, ERR_GONE, 9}, {" Cancel", 0, ERR_GONE, 9}, {"1x", 1, ERR_SYNTAX, 9}, {"18446744073709551617", 1, ERR_SYNTAX, 9}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t pick = 9;
        assert_err(rows[i].error, found_answer(rows[i].line, 3, rows[i].agree, &pick));
        assert_true(pick == rows[i].pick);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_names_and_last_parts_count_and_beginnings_do_not),
        cmocka_unit_test(test_one_peer_is_named_by_id_or_name_and_the_ring_by_ring),
        cmocka_unit_test(test_names_that_lead_out_of_a_folder_are_left_out),
        cmocka_unit_test(test_what_is_no_such_answer_is_refused),
        cmocka_unit_test(test_more_holders_than_are_told_apart_are_left_out),
        cmocka_unit_test(test_only_one_known_content_can_come_from_all),
        cmocka_unit_test(test_an_answer_is_a_number_or_all_or_cancel),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
