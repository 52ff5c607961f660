/* The audit log as it is shown: its newest lines first, going back over files and starts; whether it is still what was written. */
#include "tests/unit/unit.h"

#include "fcgi/service/audit_view.h"
#include "lib/audit/audit.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/rb-audit-view-XXXXXX";
static struct app app;
static struct worker w;

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static int setup(void **state)
{
    (void)state;
    memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
    assert_non_null(mkdtemp(folder));
    app.settings.data = folder;
    app.key.bytes[0] = 1;
    w.app = &app;
    arena_init(&w.arena, 1u << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_release(&w.arena);
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* One start of the process, with events first … first + n - 1 and then its end. */
static void write_events(int first, int n)
{
    struct audit *log;
    struct audit_settings settings = {.data = folder, .process = "api:test", .master = app.key.bytes};
    assert_ok(audit_open(&settings, &log));
    for (int i = first; i < first + n; i++) {
        char text[16];
        snprintf(text, sizeof(text), "%d", i);
        audit_note(log, &(struct audit_event){.who = "ada", .what = "upload", .on = text, .result = "201"});
    }
    audit_close(log);
}

/* Expects the events first, first - 1 …, n of them, and gives where what is older is to be had. */
static void expect(const char *after, unsigned limit, int first, size_t n, char next[AUDIT_VIEW_CURSOR_SIZE])
{
    struct json *items = json_array();
    assert_ok(audit_view_read(&w, after, limit, items, next));
    assert_int_equal(json_count(items), n);
    int i = first;
    for (const struct json *item = json_first(items); item; item = json_next(item), i--) {
        char text[16];
        snprintf(text, sizeof(text), "%d", i);
        assert_string_equal(json_get_str(item, "on"), text);
        assert_string_equal(json_get_str(item, "kind"), "event");
        assert_string_equal(json_get_str(item, "who"), "ada");
    }
    json_free(items);
    arena_reset(&w.arena);
}

/* The newest file, to be harmed. */
static void find_file(char path[512])
{
    char next[AUDIT_VIEW_CURSOR_SIZE];
    struct json *items = json_array();
    assert_ok(audit_view_read(&w, NULL, 1, items, next));
    json_free(items);
    snprintf(path, 512, "%s/audit/%.*s", folder, (int)(strrchr(next, ':') - next), next);
}

static void the_newest_come_first_and_older_ones_from_there(void **state)
{
    (void)state;
    char next[AUDIT_VIEW_CURSOR_SIZE], again[AUDIT_VIEW_CURSOR_SIZE];
    write_events(0, 5);
    expect(NULL, 2, 4, 2, next);
    expect(NULL, 50, 4, 5, again);
    assert_string_equal(again, "");
    write_events(5, 3); /* a new start: a new chain and file. Who reads on is not disturbed by what comes meanwhile. */
    expect(next, 50, 2, 3, again);
    assert_string_equal(again, "");
    expect(NULL, 6, 7, 6, next);
    expect(next, 1, 1, 1, again);
    expect(again, 50, 0, 1, next);
    assert_string_equal(next, "");
}

static void pages_join_without_gap_and_without_doubles(void **state)
{
    (void)state;
    char next[AUDIT_VIEW_CURSOR_SIZE], after[AUDIT_VIEW_CURSOR_SIZE];
    write_events(0, 2500); /* of some 250 bytes: more than one window */
    write_events(2500, 200);
    expect(NULL, 180, 2699, 180, next);
    for (int newest = 2519; newest > 0; newest -= 180) {
        memcpy(after, next, sizeof(after));
        expect(after, 180, newest, 180, next);
    }
    memcpy(after, next, sizeof(after)); /* 2,700 are 15 pages; the start of the chain is left, which is not told */
    expect(after, 180, 0, 0, next);
    assert_string_equal(next, "");
}

static void what_is_no_place_in_the_log_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "x", "AUDIT-", ":5", "AUDIT-x:", "AUDIT-x:-1", "AUDIT-x:99999999999", "../seed:0", "AUDIT-x:1x"};
    char next[AUDIT_VIEW_CURSOR_SIZE];
    struct json *items = json_array();
    write_events(0, 1);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_err(ERR_SYNTAX, audit_view_read(&w, bad[i], 5, items, next));
    assert_err(ERR_GONE, audit_view_read(&w, "AUDIT-0000000000001-000001.jsonl:0", 5, items, next));
    assert_int_equal(json_count(items), 0);
    json_free(items);
}

static void a_line_that_is_being_written_waits(void **state)
{
    (void)state;
    char next[AUDIT_VIEW_CURSOR_SIZE], path[512];
    write_events(0, 2);
    find_file(path);
    FILE *f = fopen(path, "a");
    assert_non_null(f);
    fputs("{\"n\":9,\"at\":\"2026", f);
    fclose(f);
    expect(NULL, 50, 1, 2, next);
}

static void what_is_no_line_is_passed_over(void **state)
{
    (void)state;
    char next[AUDIT_VIEW_CURSOR_SIZE], path[512];
    write_events(0, 2);
    find_file(path);
    FILE *f = fopen(path, "a");
    assert_non_null(f);
    for (int i = 0; i < 600000; i++)
        fputc('x', f);
    fputs("\n\n{}\n", f);
    fclose(f);
    expect(NULL, 50, 1, 2, next);
    assert_string_equal(next, "");
}

/* ---- verifying */

static struct json *verify(int whole, int all)
{
    struct json *j;
    assert_ok(audit_view_verify(&w, &j));
    assert_int_equal(json_get_bool(j, "whole", 2), whole);
    assert_int_equal(json_get_bool(j, "all", 2), all);
    arena_reset(&w.arena);
    return j;
}

static void a_log_as_it_was_written_is_whole(void **state)
{
    (void)state;
    uint64_t lines;
    write_events(0, 5);
    write_events(5, 5);
    struct json *j = verify(1, 1);
    assert_ok(json_get_u64(j, "lines", 1000, &lines));
    assert_int_equal(lines, 14); /* two starts with their ends besides */
    assert_int_equal(json_count(json_get(j, "findings")), 0);
    json_free(j);
}

static void a_changed_line_is_named_by_its_file_and_number(void **state)
{
    (void)state;
    char path[512], line[4096];
    uint64_t at;
    write_events(0, 5);
    find_file(path);
    FILE *f = fopen(path, "r+");
    assert_non_null(f);
    for (int i = 0; i < 3; i++)
        assert_non_null(fgets(line, sizeof(line), f));
    char *who = strstr(line, "\"ada\"");
    assert_non_null(who);
    assert_int_equal(fseek(f, (long)(who - line) + 1 - (long)strlen(line), SEEK_CUR), 0);
    fputs("eve", f);
    fclose(f);
    struct json *j = verify(0, 1);
    const struct json *finding = json_first(json_get(j, "findings"));
    assert_string_equal(json_get_str(finding, "file"), strrchr(path, '/') + 1);
    assert_ok(json_get_u64(finding, "line", 100, &at));
    assert_int_equal(at, 3);
    assert_string_equal(json_get_str(finding, "fault"), "changed");
    json_free(j);
}

static void of_a_large_log_the_newest_files_are_verified_as_a_part(void **state)
{
    (void)state;
    char path[512];
    write_events(0, 5);
    snprintf(path, sizeof(path), "%s/audit/AUDIT-0000000000001-000001.jsonl", folder);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("x\n", f); /* no line of a log: a finding, when it is looked at */
    fflush(f);
    json_free(verify(0, 1));
    assert_int_equal(ftruncate(fileno(f), AUDIT_VIEW_VERIFY_BYTES), 0);
    json_free(verify(1, 0));
    fclose(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_newest_come_first_and_older_ones_from_there),
        TEST(pages_join_without_gap_and_without_doubles),
        TEST(what_is_no_place_in_the_log_is_refused),
        TEST(a_line_that_is_being_written_waits),
        TEST(what_is_no_line_is_passed_over),
        TEST(a_log_as_it_was_written_is_whole),
        TEST(a_changed_line_is_named_by_its_file_and_number),
        TEST(of_a_large_log_the_newest_files_are_verified_as_a_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
