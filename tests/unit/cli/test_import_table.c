#include "tests/unit/unit.h"

#include "cli/import_table.h"

#include <string.h>

static void columns_are_known_by_their_names(void **state)
{
    static const char text[] = "file,course,title\na.pdf,CSEN 317,\"Distributed, systems\"\n";
    struct import_table t;

    (void)state;
    assert_ok(import_table_read(&t, text, sizeof text - 1));
    assert_int_equal(t.n, 1);
    assert_int_equal(t.lines[0].line, 2);
    assert_null(t.lines[0].wrong);
    assert_string_equal(t.lines[0].cells[IMPORT_COURSE], "CSEN 317");
    assert_string_equal(t.lines[0].cells[IMPORT_FILE], "a.pdf");
    assert_string_equal(t.lines[0].cells[IMPORT_TITLE], "Distributed, systems");
    assert_null(t.lines[0].cells[IMPORT_TERM]);
    import_table_release(&t);
}

static void assert_refused(const char *text, unsigned line, const char *why)
{
    struct import_table t;

    assert_err(ERR_SYNTAX, import_table_read(&t, text, strlen(text)));
    assert_int_equal(t.failed_line, line);
    assert_non_null(strstr(t.why, why));
    import_table_release(&t);
}

static void a_table_without_its_columns_is_refused(void **state)
{
    (void)state;
    assert_refused("", 1, "the table is empty");
    assert_refused("course,term\n", 1, "course and file must be among them");
    assert_refused("course,file,colour\n", 1, "and not: colour");
    assert_refused("course,file,course\n", 1, "a column stands twice: course");
    assert_refused("course,file\nx,y\n\"z\n", 3, "a quoted cell does not end");
    assert_refused("course,file\n\xff\n", 1, "it is not UTF-8");
}

static void assert_wrong(const char *text, size_t i, const char *why)
{
    struct import_table t;

    assert_ok(import_table_read(&t, text, strlen(text)));
    assert_true(i < t.n);
    for (size_t j = 0; j < t.n; j++) {
        if (j != i)
            assert_null(t.lines[j].wrong);
    }
    assert_non_null(t.lines[i].wrong);
    assert_non_null(strstr(t.lines[i].wrong, why));
    import_table_release(&t);
}

static void a_wrong_line_does_not_spoil_the_others(void **state)
{
    (void)state;
    assert_wrong("course,file\nA1,a\nB1\nC1,c\n", 1, "more or fewer cells");
    assert_wrong("course,file\nA1,a\nB1,b,c\n", 1, "more or fewer cells");
    assert_wrong("course,file\nA1,\n", 0, "`file` is empty");
    assert_wrong("course,file\n,a\n", 0, "`course` is empty");
    assert_wrong("course,file\n..,a\n", 0, "no name of a course");
}

static void a_course_and_term_that_stand_twice_are_refused_the_second_time(void **state)
{
    (void)state;
    assert_wrong("course,file,term\nCSEN317,a,F\nX,b,F\ncsen-317,c,F\n", 2, "stand in an earlier line");
    assert_wrong("course,file\nCSEN317,a\nCSEN317,a\n", 1, "stand in an earlier line");
}

static void another_term_is_another_line(void **state)
{
    static const char text[] = "course,file,term\nA1,a,F\nA1,b,S\nA1,c,\n";
    struct import_table t;

    (void)state;
    assert_ok(import_table_read(&t, text, sizeof text - 1));
    assert_int_equal(t.n, 3);
    for (size_t i = 0; i < t.n; i++)
        assert_null(t.lines[i].wrong);
    import_table_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_known_by_their_names),
        cmocka_unit_test(a_table_without_its_columns_is_refused),
        cmocka_unit_test(a_wrong_line_does_not_spoil_the_others),
        cmocka_unit_test(a_course_and_term_that_stand_twice_are_refused_the_second_time),
        cmocka_unit_test(another_term_is_another_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
