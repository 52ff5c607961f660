#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/http/http.h"

#include <inttypes.h>

#define ETAG "\"abc\""
#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"
#define DATE_S 784111777u
#define LATER "Sun, 06 Nov 1994 08:49:38 GMT"
#define EARLIER "Sun, 06 Nov 1994 08:49:36 GMT"

#define WHOLE HTTP_RANGE_WHOLE, 0, 0
#define UNSATISFIABLE HTTP_RANGE_UNSATISFIABLE, 0, 0
#define NOT_MODIFIED HTTP_RANGE_NOT_MODIFIED, 0, 0
#define PART HTTP_RANGE_PART

struct row {
    struct http_conditions c;
    enum http_range_result want;
    uint64_t first, last;
};

static void assert_rows(const struct row *rows, size_t n, uint64_t size, uint64_t modified_s)
{
    for (size_t i = 0; i < n; i++) {
        const struct row *r = &rows[i];
        uint64_t first = 0, last = 0;
        enum http_range_result got = http_range(&r->c, size, ETAG, modified_s, &first, &last);
        if (got != r->want || first != r->first || last != r->last) {
            fail_msg("range=%s if-range=%s if-none-match=%s if-modified-since=%s: %d %" PRIu64 "-%" PRIu64, r->c.range ? r->c.range : "-",
                r->c.if_range ? r->c.if_range : "-", r->c.if_none_match ? r->c.if_none_match : "-",
                r->c.if_modified_since ? r->c.if_modified_since : "-", (int)got, first, last);
        }
    }
}

static void ranges_of_a_hundred_bytes(void **state)
{
    static const struct row rows[] = {
        {{0}, WHOLE},
        {{.range = "bytes=0-0"}, PART, 0, 0},
        {{.range = "bytes=0-99"}, PART, 0, 99},
        {{.range = "bytes=99-99"}, PART, 99, 99},
        {{.range = "bytes=10-19"}, PART, 10, 19},
        {{.range = "bytes=10-"}, PART, 10, 99},
        {{.range = "bytes=0-"}, PART, 0, 99},
        {{.range = "bytes=-1"}, PART, 99, 99},
        {{.range = "bytes=-100"}, PART, 0, 99},
        {{.range = "bytes=-101"}, PART, 0, 99},
        {{.range = "bytes=50-1000"}, PART, 50, 99},
        {{.range = "BYTES=010-0019"}, PART, 10, 19},
        {{.range = " bytes= 10-19 "}, PART, 10, 19},
        {{.range = "bytes=0-18446744073709551615"}, PART, 0, 99},
        {{.range = "bytes=0-99999999999999999999999999"}, PART, 0, 99},
        {{.range = "bytes=-99999999999999999999999999"}, PART, 0, 99},
        {{.range = "bytes=100-"}, UNSATISFIABLE},
        {{.range = "bytes=100-100"}, UNSATISFIABLE},
        {{.range = "bytes=99999999999999999999999999-"}, UNSATISFIABLE},
        {{.range = "bytes=-0"}, UNSATISFIABLE},
    };

    (void)state;
    assert_rows(rows, sizeof rows / sizeof rows[0], 100, DATE_S);
}

static void malformed_and_multiple_ranges_are_ignored(void **state)
{
    static const char *const ignored[] = {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=1", "bytes=20-10", "bytes=1-2x",
        "bytes=1-2,4-5", "bytes=0-0,-1", "bytes=1-2,", "bytes=--1", "bytes=+1-2", "bytes=1-+2", "bytes=1 -2", "bytes 1-2", "items=1-2",
        "bytes=0x1-2", "bytes=1--2", "bytes=1-2-3", "bytes=\xff-1"};

    (void)state;
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++) {
        struct row r = {{.range = ignored[i]}, WHOLE};
        assert_rows(&r, 1, 100, DATE_S);
    }
}

static void ranges_of_nothing(void **state)
{
    static const struct row rows[] = {
        {{.range = "bytes=0-"}, UNSATISFIABLE},
        {{.range = "bytes=0-0"}, UNSATISFIABLE},
        {{.range = "bytes=-1"}, WHOLE},
        {{.range = "bytes=-0"}, UNSATISFIABLE},
        {{0}, WHOLE},
    };

    (void)state;
    assert_rows(rows, sizeof rows / sizeof rows[0], 0, DATE_S);
}

static void the_largest_file_has_a_last_byte(void **state)
{
    static const struct row rows[] = {
        {{.range = "bytes=-1"}, PART, UINT64_MAX - 1, UINT64_MAX - 1},
        {{.range = "bytes=18446744073709551614-"}, PART, UINT64_MAX - 1, UINT64_MAX - 1},
        {{.range = "bytes=18446744073709551615-"}, UNSATISFIABLE},
    };

    (void)state;
    assert_rows(rows, sizeof rows / sizeof rows[0], UINT64_MAX, DATE_S);
}

static void if_range_guards_the_range(void **state)
{
    static const struct row rows[] = {
        {{.range = "bytes=1-2", .if_range = ETAG}, PART, 1, 2},
        {{.range = "bytes=1-2", .if_range = " " ETAG " "}, PART, 1, 2},
        {{.range = "bytes=1-2", .if_range = "\"abd\""}, WHOLE},
        {{.range = "bytes=1-2", .if_range = "\"ab\""}, WHOLE},
        {{.range = "bytes=1-2", .if_range = "W/" ETAG}, WHOLE},
        {{.range = "bytes=1-2", .if_range = ETAG ", \"x\""}, WHOLE},
        {{.range = "bytes=1-2", .if_range = "abc"}, WHOLE},
        {{.range = "bytes=1-2", .if_range = "*"}, WHOLE},
        {{.range = "bytes=1-2", .if_range = ""}, WHOLE},
        {{.range = "bytes=1-2", .if_range = DATE}, PART, 1, 2},
        {{.range = "bytes=1-2", .if_range = LATER}, WHOLE},
        {{.range = "bytes=1-2", .if_range = EARLIER}, WHOLE},
        {{.range = "bytes=100-", .if_range = "\"old\""}, WHOLE},
        {{.range = "bytes=100-", .if_range = ETAG}, UNSATISFIABLE},
    };
    static const struct row timeless = {{.range = "bytes=1-2", .if_range = DATE}, WHOLE};

    (void)state;
    assert_rows(rows, sizeof rows / sizeof rows[0], 100, DATE_S);
    assert_rows(&timeless, 1, 100, 0);
}

static void if_none_match_compares_weakly_and_by_list(void **state)
{
    static const struct row rows[] = {
        {{.if_none_match = ETAG}, NOT_MODIFIED},
        {{.if_none_match = "*"}, NOT_MODIFIED},
        {{.if_none_match = " *"}, NOT_MODIFIED},
        {{.if_none_match = "W/" ETAG}, NOT_MODIFIED},
        {{.if_none_match = "\"x\", " ETAG}, NOT_MODIFIED},
        {{.if_none_match = "\"x\",W/\"y\" ,\t" ETAG ",\"z\""}, NOT_MODIFIED},
        {{.if_none_match = ", ," ETAG}, NOT_MODIFIED},
        {{.if_none_match = "\"a,b\", " ETAG}, NOT_MODIFIED},
        {{.if_none_match = "\"x\""}, WHOLE},
        {{.if_none_match = "\"x,\\\"abc\\\"\""}, WHOLE},
        {{.if_none_match = "abc"}, WHOLE},
        {{.if_none_match = "\"abc"}, WHOLE},
        {{.if_none_match = "\"x\" " ETAG}, WHOLE},
        {{.if_none_match = "w/" ETAG}, WHOLE},
        {{.if_none_match = ""}, WHOLE},
        {{.if_none_match = ETAG, .range = "bytes=1-2"}, NOT_MODIFIED},
        {{.if_none_match = "\"x\"", .range = "bytes=1-2"}, PART, 1, 2},
    };

    (void)state;
    assert_rows(rows, sizeof rows / sizeof rows[0], 100, DATE_S);
}

static void if_modified_since_counts_without_if_none_match(void **state)
{
    static const struct row rows[] = {
        {{.if_modified_since = DATE}, NOT_MODIFIED},
        {{.if_modified_since = LATER}, NOT_MODIFIED},
        {{.if_modified_since = EARLIER}, WHOLE},
        {{.if_modified_since = "yesterday"}, WHOLE},
        {{.if_modified_since = ""}, WHOLE},
        {{.if_modified_since = LATER, .if_none_match = "\"x\""}, WHOLE},
        {{.if_modified_since = EARLIER, .if_none_match = ETAG}, NOT_MODIFIED},
        {{.if_modified_since = LATER, .range = "bytes=1-2"}, NOT_MODIFIED},
    };
    static const struct row timeless = {{.if_modified_since = LATER}, WHOLE};

    (void)state;
    assert_rows(rows, sizeof rows / sizeof rows[0], 100, DATE_S);
    assert_rows(&timeless, 1, 100, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_of_a_hundred_bytes),
        cmocka_unit_test(malformed_and_multiple_ranges_are_ignored),
        cmocka_unit_test(ranges_of_nothing),
        cmocka_unit_test(the_largest_file_has_a_last_byte),
        cmocka_unit_test(if_range_guards_the_range),
        cmocka_unit_test(if_none_match_compares_weakly_and_by_list),
        cmocka_unit_test(if_modified_since_counts_without_if_none_match),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
