#include "tests/unit/unit.h"

#include "cli/download.h"
#include "cli/out.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

static void assert_cleans(const char *text, const char *want)
{
    struct buf b;

    buf_init(&b, 4096);
    assert_ok(out_clean(&b, text));
    assert_string_equal(buf_str(&b), want);
    buf_release(&b);
}

#define BAD "\xef\xbf\xbd"

static void text_from_elsewhere_cannot_drive_the_terminal(void **state)
{
    (void)state;
    assert_cleans("Größe 日本 e\xcc\x81", "Größe 日本 e\xcc\x81");
    assert_cleans("\033[2Jx", BAD "[2Jx");
    assert_cleans("a\r\nb\tc\x7f", "a" BAD BAD "b" BAD "c" BAD);
    assert_cleans("\xc2\x9b"
                  "31m",
        BAD "31m"); /* CSI as one C1 character */
    assert_cleans("x\xe2\x80\xae"
                  "fdp.exe",
        "x" BAD "fdp.exe");             /* right-to-left override */
    assert_cleans("\xff\xc3", BAD BAD); /* no UTF-8, and a character that is cut */
}

static void cells_are_counted_as_the_terminal_shows_them(void **state)
{
    (void)state;
    assert_int_equal(out_cells(""), 0);
    assert_int_equal(out_cells("Größe"), 5);
    assert_int_equal(out_cells("日本"), 4);
    assert_int_equal(out_cells("e\xcc\x81"), 1);
}

static void assert_size(uint64_t bytes, const char *want)
{
    char text[OUT_SIZE_TEXT];

    out_size(bytes, text);
    assert_string_equal(text, want);
}

static void sizes_and_durations_are_short(void **state)
{
    char text[OUT_SIZE_TEXT];

    (void)state;
    assert_size(0, "0 B");
    assert_size(1023, "1023 B");
    assert_size(1024, "1.0 KiB");
    assert_size(1536, "1.5 KiB");
    assert_size((1u << 20) - 1, "1.0 MiB");
    assert_size(UINT64_MAX, "16.0 EiB");
    out_duration(59, text);
    assert_string_equal(text, "59 s");
    out_duration(187, text);
    assert_string_equal(text, "3:07");
    out_duration(7510, text);
    assert_string_equal(text, "2:05:10");
}

static void a_time_is_local_on_a_terminal_and_as_it_came_in_a_pipe(void **state)
{
    struct out pipe = {0}, terminal = {.terminal = 1};
    char text[OUT_TIME_TEXT];

    (void)state;
    setenv("TZ", "UTC-2", 1);
    out_time(&pipe, "2026-11-21T22:02:03.004Z", text);
    assert_string_equal(text, "2026-11-21T22:02:03.004Z");
    out_time(&terminal, "2026-11-21T22:02:03.004Z", text);
    assert_string_equal(text, "2026-11-22 00:02");
    out_time(&terminal, "soon", text);
    assert_string_equal(text, "soon");
    out_time(&terminal, NULL, text);
    assert_string_equal(text, "");
}

static void an_age_is_short_on_a_terminal(void **state)
{
    struct out pipe = {0}, terminal = {.terminal = 1};
    char text[OUT_TIME_TEXT];

    (void)state;
    out_age(&terminal, "2026-11-21T22:02:03.004Z", "2026-11-21T22:05:10.000Z", text);
    assert_string_equal(text, "3:07");
    out_age(&terminal, "2026-11-21T22:02:03.004Z", "2026-11-21T22:02:02.000Z", text);
    assert_string_equal(text, "0 s");
    out_age(&terminal, NULL, "2026-11-21T22:02:02.000Z", text);
    assert_string_equal(text, "");
    out_age(&pipe, "2026-11-21T22:02:03.004Z", "2026-11-21T22:05:10.000Z", text);
    assert_string_equal(text, "2026-11-21T22:02:03.004Z");
}

static void a_line_is_printed_whole_even_when_it_is_empty(void **state)
{
    char *text = NULL;
    size_t len;
    struct out o = {.file = open_memstream(&text, &len)};

    (void)state;
    out_say(&o, "%s", "");
    out_say(&o, "%s\n", "x");
    fclose(o.file);
    assert_string_equal(text, "\nx" BAD "\n");
    free(text);
}

/* Prints a table of two rows the way `o` says; the text is the caller's to free. */
static char *print_table(struct out o)
{
    static const char *const columns[] = {"NAME", ">SIZE", "NOTE"};
    struct out_table *t = out_table_new(columns, 3);
    char *text = NULL;
    size_t len;

    o.file = open_memstream(&text, &len);
    out_cell(t, "Größe");
    out_cellf(t, "%d", 7);
    out_cell(t, NULL);
    out_cell(t, "a\tb");
    out_cellf(t, "%d", 12345);
    out_cell(t, "a note that is a good deal too long for a line of eighty cells, as everybody can see here");
    assert_ok(out_table_print(&o, t));
    fclose(o.file);
    out_table_free(t);
    return text;
}

static void a_table_is_tabs_in_a_pipe(void **state)
{
    char *text = print_table((struct out){0});

    (void)state;
    assert_string_equal(
        text, "Größe\t7\t\na" BAD "b\t12345\ta note that is a good deal too long for a line of eighty cells, as everybody can see here\n");
    free(text);
}

static void a_table_is_aligned_and_cut_on_a_terminal(void **state)
{
    char *text = print_table((struct out){.terminal = 1}), *line = text;

    (void)state;
    assert_memory_equal(text, "NAME    SIZE  NOTE\nGröße      7  \na" BAD "b    12345  a note", 48);
    for (char *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        assert_true(out_cells(line) <= 80);
    }
    assert_non_null(strstr(text + strlen("NAME    SIZE  NOTE") + 1 + strlen("Größe      7  ") + 1, "…"));
    free(text);
}

static void a_table_says_nothing_beside_json(void **state)
{
    char *text = print_table((struct out){.json = 1});

    (void)state;
    assert_string_equal(text, "");
    free(text);
}

static void a_row_that_is_not_full_is_an_error(void **state)
{
    static const char *const columns[] = {"A", "B"};
    struct out_table *t = out_table_new(columns, 2);
    char *said = NULL;
    size_t len;
    struct out o = {.file = stdout, .errors = open_memstream(&said, &len)};

    (void)state;
    out_cell(t, "x");
    assert_err(ERR_NOMEM, out_table_print(&o, t));
    fclose(o.errors);
    assert_non_null(strstr(said, "ringbinder: "));
    free(said);
    out_table_free(t);
}

static void errors_are_json_when_json_is_asked_for(void **state)
{
    char *said = NULL;
    size_t len;
    struct out o = {.json = 1, .file = stdout, .errors = open_memstream(&said, &len)};

    (void)state;
    out_note(&o, "never shown");
    assert_err(ERR_GONE, out_fail(&o, ERR_GONE, "It \"went\" away"));
    fclose(o.errors);
    assert_string_equal(said, "{\"error\":\"gone\",\"detail\":\"It \\\"went\\\" away\"}\n");
    free(said);
}

static void assert_name(const char *from, const char *want)
{
    struct buf b;

    buf_init(&b, 4096);
    assert_ok(download_name(from, &b));
    assert_string_equal(buf_str(&b), want);
    buf_release(&b);
}

static void a_file_name_from_elsewhere_stays_in_this_folder(void **state)
{
    char longest[1000];

    (void)state;
    assert_name("syllabus.pdf", "syllabus.pdf");
    assert_name("../../etc/passwd", "passwd");
    assert_name("..", "file");
    assert_name("", "file");
    assert_name("a/", "file");
    assert_name(".bashrc", "bashrc");
    assert_name("a\nb\\c", "a-b-c");
    memset(longest, 'x', sizeof longest);
    memcpy(longest + DOWNLOAD_NAME_MAX - 1, "é", 2);
    longest[999] = '\0';
    struct buf b;
    buf_init(&b, 4096);
    assert_ok(download_name(longest, &b));
    assert_int_equal(b.len, DOWNLOAD_NAME_MAX - 1); /* no half of a character */
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_from_elsewhere_cannot_drive_the_terminal),
        cmocka_unit_test(cells_are_counted_as_the_terminal_shows_them),
        cmocka_unit_test(sizes_and_durations_are_short),
        cmocka_unit_test(a_time_is_local_on_a_terminal_and_as_it_came_in_a_pipe),
        cmocka_unit_test(an_age_is_short_on_a_terminal),
        cmocka_unit_test(a_line_is_printed_whole_even_when_it_is_empty),
        cmocka_unit_test(a_table_is_tabs_in_a_pipe),
        cmocka_unit_test(a_table_is_aligned_and_cut_on_a_terminal),
        cmocka_unit_test(a_table_says_nothing_beside_json),
        cmocka_unit_test(a_row_that_is_not_full_is_an_error),
        cmocka_unit_test(errors_are_json_when_json_is_asked_for),
        cmocka_unit_test(a_file_name_from_elsewhere_stays_in_this_folder),
    };

    setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
