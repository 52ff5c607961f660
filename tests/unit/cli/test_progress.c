#include "tests/unit/unit.h"

#include "cli/progress.h"

#include <locale.h>
#include <string.h>

#define MIB (1024u * 1024u)

static const char *line_of(char line[PROGRESS_LINE_MAX], unsigned columns, const char *label, uint64_t done, uint64_t total, uint64_t speed)
{
    struct progress p = {.label = label, .done = done, .total = total};

    progress_line(line, columns, &p, speed);
    return line;
}

static void a_line_has_label_bar_percent_speed_and_time_left(void **state)
{
    char line[PROGRESS_LINE_MAX];

    (void)state;
    line_of(line, 80, "syllabus.pdf", 50 * MIB, 200 * MIB, 10 * MIB);
    assert_memory_equal(line, "syllabus.pdf ", 13);
    assert_non_null(strstr(line, " [===="));
    assert_non_null(strstr(line, "=>"));
    assert_non_null(strstr(line, "25 %"));
    assert_non_null(strstr(line, "10.0 MiB/s"));
    assert_non_null(strstr(line, "15 s left"));
    line_of(line, 80, "syllabus.pdf", 200 * MIB, 200 * MIB, 10 * MIB);
    assert_non_null(strstr(line, "=] 100 %"));
    assert_null(strstr(line, "left"));
}

static void a_line_never_passes_the_width(void **state)
{
    static const char *const labels[] = {
        "", "x", "a rather long name of a file that goes on and on.pdf", "日本語の長い名前のシラバスファイル.pdf"};
    char line[PROGRESS_LINE_MAX];

    (void)state;
    for (unsigned columns = 1; columns <= 300; columns++) {
        for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
            assert_true(out_cells(line_of(line, columns, labels[i], 12345678, UINT64_MAX / 2, 1)) <= columns);
            assert_true(out_cells(line_of(line, columns, labels[i], 12345678, 0, 1024)) <= columns);
        }
    }
}

static void without_a_total_the_bytes_are_shown(void **state)
{
    char line[PROGRESS_LINE_MAX];

    (void)state;
    line_of(line, 80, "f", 3 * MIB, 0, 1024);
    assert_non_null(strstr(line, "3.0 MiB"));
    assert_non_null(strstr(line, "1.0 KiB/s"));
    assert_null(strchr(line, '%'));
    assert_null(strchr(line, '['));
}

static void things_are_counted_without_units(void **state)
{
    struct progress p = {.label = "lines", .counts = 1, .done = 250, .total = 500};
    char line[PROGRESS_LINE_MAX];

    (void)state;
    progress_line(line, 80, &p, 25);
    assert_non_null(strstr(line, "50 %"));
    assert_non_null(strstr(line, " 25/s"));
    assert_non_null(strstr(line, "10 s left"));
    assert_null(strstr(line, "B/s"));
}

static void a_label_cannot_drive_the_terminal(void **state)
{
    char line[PROGRESS_LINE_MAX];

    (void)state;
    assert_null(strchr(line_of(line, 80, "\033[2J\r\n", 1, 2, 1), '\033'));
    assert_null(strchr(line, '\n'));
}

static void nothing_is_drawn_where_no_terminal_is(void **state)
{
    FILE *file = tmpfile();
    struct out o = {.file = file, .errors = file};
    struct progress p;

    (void)state;
    progress_start(&p, &o, "f", 0, 100);
    progress_move(&p, 50, 0);
    progress_end(&p, 1);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    assert_int_equal(ftell(file), 0);
    fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_label_bar_percent_speed_and_time_left),
        cmocka_unit_test(a_line_never_passes_the_width),
        cmocka_unit_test(without_a_total_the_bytes_are_shown),
        cmocka_unit_test(things_are_counted_without_units),
        cmocka_unit_test(a_label_cannot_drive_the_terminal),
        cmocka_unit_test(nothing_is_drawn_where_no_terminal_is),
    };

    setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
