#include "tests/unit/unit.h"

#include "fcgi/target.h"

#include <stdio.h>
#include <string.h>

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 1u << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static void a_segment_is_decoded_once_and_keeps_its_slashes(void **state)
{
    (void)state;
    struct target t;
    assert_ok(target_parse("/api/CRJU%2FPOSC%20320/%252e/a+b", &arena, &t));
    assert_int_equal(t.n_segments, 4);
    assert_string_equal(t.segments[1].text, "CRJU/POSC 320");
    assert_int_equal(t.segments[1].len, 13);
    assert_string_equal(t.segments[2].text, "%2e");
    assert_string_equal(t.segments[3].text, "a+b");
}

static void empty_segments_are_segments(void **state)
{
    (void)state;
    struct target t;
    assert_ok(target_parse("/a//b/", &arena, &t));
    assert_int_equal(t.n_segments, 4);
    assert_string_equal(t.segments[1].text, "");
    assert_string_equal(t.segments[3].text, "");
    assert_ok(target_parse("/", &arena, &t));
    assert_int_equal(t.n_segments, 1);
}

static void bad_paths_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "a",
        "*",
        "http://h/x",
        "?x=1",
        "/%",
        "/%2",
        "/%zz",
        "/a%",
        "/a%0",
        "/%00",
        "/a%00.pdf",
        "/%C0%AE",
        "/%ED%A0%80",
        "/%ff",
        "/%F5%80%80%80",
        "/.",
        "/..",
        "/./a",
        "/a/..",
        "/a/../b",
        "/%2e",
        "/%2E%2e",
        "/.%2e/x",
        "/..%2f",
        "/..%2Fetc",
        "/a%2f..",
        "/a%2F.%2Fb",
        "/%2e%2e%5c",
        "/..%5c..",
        "/a%5C..%5Cb",
        "/1/2/3/4/5/6/7/8/9/..",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct target t;
        if (target_parse(bad[i], &arena, &t) != ERR_SYNTAX)
            fail_msg("%s was taken", bad[i]);
        assert_non_null(t.detail);
    }
}

static void names_that_only_look_like_a_way_up_are_taken(void **state)
{
    (void)state;
    static const char *const good[] = {
        "/...", "/....%2f%2f", "/..a", "/a..", "/.a", "/C:%5Cx", "/CON", "/-rf", "/%E2%80%AEabc", "/%E2%80%8F", "/a%0Ab"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct target t;
        if (target_parse(good[i], &arena, &t))
            fail_msg("%s was refused: %s", good[i], t.detail);
    }
}

static void a_deep_path_is_counted_and_checked_to_its_end(void **state)
{
    (void)state;
    struct target t;
    assert_ok(target_parse("/1/2/3/4/5/6/7/8/9/10", &arena, &t));
    assert_int_equal(t.n_segments, 10);
}

static void parameters_are_decoded_with_plus_as_space(void **state)
{
    (void)state;
    struct target t;
    assert_ok(target_parse("/x?term=2026+Fall&q=%C3%85%2B&empty=&bare&a=b=c&&", &arena, &t));
    assert_int_equal(t.n_params, 5);
    assert_string_equal(target_param(&t, "term"), "2026 Fall");
    assert_string_equal(target_param(&t, "q"), "Å+");
    assert_string_equal(target_param(&t, "empty"), "");
    assert_string_equal(target_param(&t, "bare"), "");
    assert_string_equal(target_param(&t, "a"), "b=c");
    assert_null(target_param(&t, "b"));
    assert_ok(target_parse("/x?", &arena, &t));
    assert_int_equal(t.n_params, 0);
    assert_ok(target_parse("/x?q=a/../b?c", &arena, &t));
    assert_string_equal(target_param(&t, "q"), "a/../b?c");
}

static void bad_queries_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "/x?a=%", "/x?a=%0", "/x?%00=1", "/x?a=%00", "/x?a=%FF", "/x?%C0%AE=1", "/x?a=1&a=2", "/x?a&%61=2", "/x?=1&=2"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct target t;
        if (target_parse(bad[i], &arena, &t) != ERR_SYNTAX)
            fail_msg("%s was taken", bad[i]);
        assert_non_null(t.detail);
    }
}

static void bounds_hold(void **state)
{
    (void)state;
    struct target t;
    char many[TARGET_BYTES_MAX + 2];
    int n = snprintf(many, sizeof(many), "/x?");
    for (int i = 0; i < TARGET_PARAMS_MAX; i++)
        n += snprintf(many + n, sizeof(many) - (size_t)n, "p%d=&", i);
    assert_ok(target_parse(many, &arena, &t));
    assert_int_equal(t.n_params, TARGET_PARAMS_MAX);
    snprintf(many + n, sizeof(many) - (size_t)n, "last=1");
    assert_err(ERR_SYNTAX, target_parse(many, &arena, &t));
    memset(many, 'a', sizeof(many) - 1);
    many[0] = '/';
    many[sizeof(many) - 1] = '\0';
    assert_err(ERR_URI_TOO_LONG, target_parse(many, &arena, &t));
    many[TARGET_BYTES_MAX] = '\0';
    assert_ok(target_parse(many, &arena, &t));
}

static void no_memory_is_an_error(void **state)
{
    (void)state;
    struct arena tiny;
    struct target t;
    arena_init(&tiny, 16);
    assert_err(ERR_NOMEM, target_parse("/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", &tiny, &t));
    arena_release(&tiny);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_segment_is_decoded_once_and_keeps_its_slashes),
        cmocka_unit_test(empty_segments_are_segments),
        cmocka_unit_test(bad_paths_are_refused),
        cmocka_unit_test(names_that_only_look_like_a_way_up_are_taken),
        cmocka_unit_test(a_deep_path_is_counted_and_checked_to_its_end),
        cmocka_unit_test(parameters_are_decoded_with_plus_as_space),
        cmocka_unit_test(bad_queries_are_refused),
        cmocka_unit_test(bounds_hold),
        cmocka_unit_test(no_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
