#include "tests/unit/unit.h"

#include "lib/base/id.h"
#include "lib/base/num.h"

#include <string.h>

static void ids_differ(void **state)
{
    (void)state;
    uint64_t seen[200];
    for (int i = 0; i < 200; i++) {
        seen[i] = id_random_u64();
        for (int j = 0; j < i; j++)
            assert_true(seen[i] != seen[j]); /* wrong once in 10^15 runs */
    }
}

static void hex_has_the_asked_length(void **state)
{
    (void)state;
    char text[2 * 100 + 1], other[2 * 100 + 1];
    for (size_t bytes = 0; bytes <= 100; bytes++) {
        id_random_hex(text, bytes);
        assert_true(num_is_hex(text, 2 * bytes));
    }
    id_random_hex(other, 100);
    assert_string_not_equal(text, other);
}

static void numbers_stay_below_their_bound_and_reach_all_of_it(void **state)
{
    (void)state;
    unsigned hits[5] = {0};
    for (int i = 0; i < 2000; i++) {
        uint64_t v = id_random_below(5);
        assert_true(v < 5);
        hits[v]++;
    }
    for (int i = 0; i < 5; i++)
        assert_in_range(hits[i], 200, 600); /* mean 400, standard deviation 18 */
    assert_int_equal(id_random_below(1), 0);
    assert_true(id_random_below(UINT64_MAX) < UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_differ),
        cmocka_unit_test(hex_has_the_asked_length),
        cmocka_unit_test(numbers_stay_below_their_bound_and_reach_all_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
