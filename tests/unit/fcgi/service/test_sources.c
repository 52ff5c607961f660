/* Which owner a reader is sent to first, and when that is in doubt. */
#include "tests/unit/unit.h"

#include "fcgi/service/sources.h"

#include <stdio.h>
#include <string.h>

/* One owner by letters: h has it, l lacks it, d not usable, w waits for its copy, b leaves, s slow, a away; a digit is its load class. */
static struct source source(const char *is, size_t owner)
{
    struct source s = {.owner = owner, .usable = strchr(is, 'd') == NULL};
    s.has = strchr(is, 'h') != NULL;
    s.lacks = strchr(is, 'l') != NULL;
    s.waits = strchr(is, 'w') != NULL;
    s.leaves = strchr(is, 'b') != NULL;
    s.slow = strchr(is, 's') != NULL;
    s.away = strchr(is, 'a') != NULL;
    const char *digit = strpbrk(is, "0123456789");
    s.load = digit == NULL ? 0 : (uint64_t)4 << (*digit - '0');
    return s;
}

static void the_order_is_what_is_known_then_near_then_idle_then_the_ring(void **state)
{
    (void)state;
    const struct {
        const char *is[6];
        const char *want;
    } rows[] = {
        {{"", "", ""}, "012"},
        {{"l", "", "h"}, "210"},
        {{"d", "", ""}, "120"},
        {{"s", "", ""}, "120"},
        {{"a", "a", ""}, "201"},
        {{"as", "s", "a"}, "210"},
        {{"3", "1", "1"}, "120"},
        {{"3a", "5", ""}, "210"},
        {{"hs", "", ""}, "012"},
        {{"ld", "d", "l"}, "102"},
        /* One node joins: its copy may be on its way. */
        {{"w", "", "", "b"}, "1230"},
        /* All owners change: the last place goes to one that stays. */
        {{"w", "w", "w", "b", "b", "b"}, "340512"},
        {{"wl", "w", "w", "b", "b", "b"}, "341520"},
        {{"w", "bd", "b", "bd"}, "2013"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct source s[6];
        char got[7] = "";
        size_t n = strlen(rows[i].want);
        for (size_t j = 0; j < n; j++)
            s[j] = source(rows[i].is[j], j);
        sources_sort(s, n, 3);
        for (size_t j = 0; j < n; j++)
            got[j] = (char)('0' + s[j].owner);
        if (strcmp(got, rows[i].want) != 0)
            fail_msg("row %zu: %s", i, got);
    }
}

static void small_loads_are_alike(void **state)
{
    (void)state;
    struct source s[2] = {{.owner = 0, .usable = 1, .load = 3}, {.owner = 1, .usable = 1, .load = 0}};
    sources_sort(s, 2, 3);
    assert_int_equal(s[0].owner, 0);
}

static void two_are_asked_only_when_the_first_is_in_doubt(void **state)
{
    (void)state;
    struct source s[2] = {{.owner = 0, .usable = 1, .silent_ms = SOURCES_FRESH_MS}, {.owner = 1, .usable = 1}};
    assert_false(sources_are_doubtful(s, 2));
    s[0].silent_ms++;
    assert_true(sources_are_doubtful(s, 2));
    assert_false(sources_are_doubtful(s, 1));
    s[0].silent_ms = 0;
    s[0].slow = 1;
    assert_true(sources_are_doubtful(s, 2));
    s[1].usable = 0;
    assert_false(sources_are_doubtful(s, 2));
    s[1].usable = 1;
    s[0].has = 1; /* it said so just now */
    assert_false(sources_are_doubtful(s, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_is_what_is_known_then_near_then_idle_then_the_ring),
        cmocka_unit_test(small_loads_are_alike),
        cmocka_unit_test(two_are_asked_only_when_the_first_is_in_doubt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
