#include "tests/unit/unit.h"

#include "cli/csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All cells of a text, each in brackets, each row with its line and on a line of its own; the reason in the end when it cannot be read. */
static const char *read_all(const char *text, size_t len, char out[4096])
{
    struct csv csv;
    struct csv_row row;
    size_t n = 0;
    enum err e = csv_init(&csv, text, len);

    csv_row_init(&row);
    out[0] = '\0';
    while (!e && !(e = csv_next(&csv, &row))) {
        n += (size_t)snprintf(out + n, 4096 - n, "%u:", row.line);
        for (size_t i = 0; i < row.n; i++)
            n += (size_t)snprintf(out + n, 4096 - n, "[%s]", row.cells[i]);
        n += (size_t)snprintf(out + n, 4096 - n, "\n");
    }
    if (e == ERR_SYNTAX)
        snprintf(out + n, 4096 - n, "! %s", csv.why);
    csv_row_release(&row);
    return out;
}

static void assert_reads(const char *text, const char *want)
{
    char out[4096];

    assert_string_equal(read_all(text, strlen(text), out), want);
}

static void cells_are_split_at_commas_and_rows_at_line_ends(void **state)
{
    (void)state;
    assert_reads("a,b\n1,2\n", "1:[a][b]\n2:[1][2]\n");
    assert_reads("a,b\r\n1,2", "1:[a][b]\n2:[1][2]\n");
    assert_reads(",\n a ,", "1:[][]\n2:[ a ][]\n");
    assert_reads("a\rb,c\n", "1:[a\rb][c]\n");
}

static void quoted_cells_hold_anything(void **state)
{
    (void)state;
    assert_reads("\"a,b\",\"say \"\"hi\"\"\"\n", "1:[a,b][say \"hi\"]\n");
    assert_reads("\"two\nlines\",x\nnext,y\n", "1:[two\nlines][x]\n3:[next][y]\n");
    assert_reads("\"\",\"\"\"\"\r\nz", "1:[][\"]\n2:[z]\n");
}

static void empty_lines_and_a_byte_order_mark_are_passed_over(void **state)
{
    (void)state;
    assert_reads("\xef\xbb\xbf"
                 "a\n\n\r\nb\n\n",
        "1:[a]\n4:[b]\n");
    assert_reads("", "");
    assert_reads("\n\n", "");
    assert_reads("\xef\xbb\xbf", "");
}

static void what_is_no_table_is_refused_with_a_reason(void **state)
{
    char out[4096];

    (void)state;
    assert_reads("a,b\"c\n", "! a quote inside of a cell that is not quoted");
    assert_reads("\"a\"b\n", "! something stands behind a quoted cell");
    assert_reads("x\n\"a", "1:[x]\n! a quoted cell does not end");
    assert_reads("\"a\"\rb", "! a carriage return stands alone");
    assert_reads("a\xff", "! it is not UTF-8");
    assert_string_equal(read_all("a\0b", 3, out), "! it is not UTF-8");
}

static void rows_have_a_limit(void **state)
{
    char out[4096], *text = malloc(CSV_ROW_MAX + 10);
    size_t n = 0;

    (void)state;
    assert_non_null(text);
    memset(text, 'x', CSV_ROW_MAX + 1);
    assert_string_equal(read_all(text, CSV_ROW_MAX, out), "! the row is too long");
    while (n < CSV_CELLS_MAX)
        text[n++] = ',';
    assert_string_equal(read_all(text, n, out), "! the row has too many cells");
    read_all(text, CSV_CELLS_MAX - 1, out);
    assert_null(strchr(out, '!'));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_are_split_at_commas_and_rows_at_line_ends),
        cmocka_unit_test(quoted_cells_hold_anything),
        cmocka_unit_test(empty_lines_and_a_byte_order_mark_are_passed_over),
        cmocka_unit_test(what_is_no_table_is_refused_with_a_reason),
        cmocka_unit_test(rows_have_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
