/* What it is worth when these owners of a course say the same: under one ring, under two, and when k changes with them. */
#include "tests/unit/unit.h"

#include "fcgi/service/tally.h"

#include <string.h>

/* 'n' owns the course now, 'b' before only, '2' both; upper row of `said`: who said it. */
static struct owners lay(const char *layout)
{
    struct owners o = {.n = 0};
    for (const char *c = layout; *c != '\0'; c++) {
        o.at[o.n++] = (struct owners_one){.now = *c != 'b', .before = *c != 'n'};
        o.n_now += *c != 'b';
        o.n_before += *c != 'n';
    }
    if (strpbrk(layout, "b2") == NULL)
        o.n_before = 0;
    o.w_now = (uint32_t)o.n_now / 2 + 1;
    o.w_before = o.n_before > 0 ? (uint32_t)o.n_before / 2 + 1 : 0;
    return o;
}

static struct tally who(const char *said)
{
    struct tally t = {.has = {0}};
    for (size_t i = 0; said[i] != '\0'; i++)
        t.has[i] = said[i] == '1';
    return t;
}

static const struct {
    const char *layout, *said;
    int writes, bars, holds, absence;
    unsigned can, of, needed;
} rows[] = {
    {"nnn", "000", 0, 0, 0, 0, 0, 3, 2},
    {"nnn", "100", 0, 0, 0, 0, 1, 3, 2},
    {"nnn", "110", 1, 1, 1, 1, 2, 3, 2},
    {"nnn", "111", 1, 1, 1, 1, 3, 3, 2},
    {"nn", "10", 0, 1, 0, 1, 1, 2, 2},
    {"n", "1", 1, 1, 1, 1, 1, 1, 1},
    {"nnnnn", "11000", 0, 0, 0, 0, 2, 5, 3},
    {"nnnnn", "11100", 1, 1, 1, 1, 3, 5, 3},
    /* One node joins in the place of another. */
    {"n22b", "0110", 1, 1, 1, 1, 2, 3, 2},
    {"n22b", "1100", 0, 1, 0, 0, 1, 3, 2},
    {"n22b", "1101", 1, 1, 1, 1, 2, 3, 2},
    {"n22b", "0101", 0, 1, 1, 1, 1, 3, 2},
    {"n22b", "1001", 0, 0, 0, 0, 1, 3, 2},
    /* All owners change. */
    {"nnnbbb", "111000", 0, 1, 0, 0, 0, 3, 2},
    {"nnnbbb", "000111", 0, 1, 1, 1, 0, 3, 2},
    {"nnnbbb", "110110", 1, 1, 1, 1, 2, 3, 2},
    {"nnnbbb", "110100", 0, 1, 0, 0, 1, 3, 2},
    /* k from 1 to 3, from 3 to 1, from 2 to 4. */
    {"2nn", "100", 0, 1, 1, 1, 1, 3, 2},
    {"2nn", "011", 0, 1, 0, 0, 0, 1, 1},
    {"2nn", "110", 1, 1, 1, 1, 2, 3, 2},
    {"2bb", "100", 0, 1, 0, 0, 1, 3, 2},
    {"2bb", "110", 1, 1, 1, 1, 1, 1, 1},
    {"2bb", "011", 0, 1, 1, 1, 0, 1, 1},
    {"22nn", "1010", 0, 1, 0, 1, 1, 2, 2},
    {"22nn", "1110", 1, 1, 1, 1, 3, 4, 3},
};

static void each_set_of_owners_is_worth_what_the_rules_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct owners o = lay(rows[i].layout);
        struct tally t = who(rows[i].said);
        struct tally_words w = tally_words(&o, &t);
        if (tally_writes(&o, &t) != rows[i].writes || tally_bars(&o, &t) != rows[i].bars || tally_holds(&o, &t) != rows[i].holds ||
            tally_proves_absence(&o, &t) != rows[i].absence)
            fail_msg("%s %s: writes %d, bars %d, holds %d, absence %d", rows[i].layout, rows[i].said, tally_writes(&o, &t),
                tally_bars(&o, &t), tally_holds(&o, &t), tally_proves_absence(&o, &t));
        if (w.can != rows[i].can || w.of != rows[i].of || w.needed != rows[i].needed)
            fail_msg("%s %s: %u of %u, %u needed", rows[i].layout, rows[i].said, w.can, w.of, w.needed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_set_of_owners_is_worth_what_the_rules_say)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
