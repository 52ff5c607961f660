/* The audit log as it is shown: its newest lines, going on from there, over files and starts. */
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
    static const uint8_t master[AUDIT_KEY_SIZE] = {1};
    struct audit *log;
    struct audit_settings settings = {.data = folder, .process = "api:test", .master = master};
    assert_ok(audit_open(&settings, &log));
    for (int i = first; i < first + n; i++) {
        char text[16];
        snprintf(text, sizeof(text), "%d", i);
        audit_note(log, &(struct audit_event){.who = "ada", .what = "upload", .on = text, .result = "201"});
    }
    audit_close(log);
}

/* Expects the events first … first + n - 1, and gives where to go on. */
static void expect(const char *after, unsigned limit, int first, size_t n, char next[AUDIT_VIEW_CURSOR_SIZE])
{
    struct json *items = json_array();
    assert_ok(audit_view_read(&w, after, limit, items, next));
    assert_int_equal(json_count(items), n);
    int i = first;
    for (const struct json *item = json_first(items); item; item = json_next(item), i++) {
        char text[16];
        snprintf(text, sizeof(text), "%d", i);
        assert_string_equal(json_get_str(item, "on"), text);
        assert_string_equal(json_get_str(item, "kind"), "event");
        assert_string_equal(json_get_str(item, "who"), "ada");
    }
    json_free(items);
    arena_reset(&w.arena);
}

static void the_newest_come_first_asked_and_the_rest_from_there(void **state)
{
    (void)state;
    char next[AUDIT_VIEW_CURSOR_SIZE], again[AUDIT_VIEW_CURSOR_SIZE];
    write_events(0, 5);
    expect(NULL, 2, 3, 2, next);
    expect(NULL, 50, 0, 5, next);
    expect(next, 50, 0, 0, again); /* nothing new */
    write_events(5, 3);            /* a new start: a new chain and file */
    expect(again, 2, 5, 2, next);
    expect(next, 50, 7, 1, again);
    expect(NULL, 6, 2, 6, next);
    expect(NULL, 1, 7, 1, next);
}

static void more_than_a_ring_of_places_is_fine(void **state)
{
    (void)state;
    char next[AUDIT_VIEW_CURSOR_SIZE];
    write_events(0, 700);
    expect(NULL, 200, 500, 200, next);
    expect(NULL, 1, 699, 1, next);
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
    char next[AUDIT_VIEW_CURSOR_SIZE], again[AUDIT_VIEW_CURSOR_SIZE], path[512], *colon;
    write_events(0, 2);
    expect(NULL, 50, 0, 2, next);
    colon = strrchr(next, ':');
    snprintf(path, sizeof(path), "%s/audit/%.*s", folder, (int)(colon - next), next);
    FILE *f = fopen(path, "a");
    assert_non_null(f);
    fputs("{\"n\":9,\"at\":\"2026", f);
    fclose(f);
    expect(NULL, 50, 0, 2, again);
    expect(next, 50, 0, 0, again);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_newest_come_first_asked_and_the_rest_from_there),
        TEST(more_than_a_ring_of_places_is_fine),
        TEST(what_is_no_place_in_the_log_is_refused),
        TEST(a_line_that_is_being_written_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
