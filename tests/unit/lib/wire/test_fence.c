#include "tests/unit/unit.h"

#include "lib/wire/fence.h"

static const struct ballot none = {0}, low = {4, "coordinator-1", 9}, same_counter = {4, "coordinator-2", 1},
                           other_start = {4, "coordinator-2", 2}, high = {5, "coordinator-1", 0};

static struct ringdoc *document(uint64_t epoch, const struct ballot *b)
{
    const struct ring_member one = {.id = "node-1.aa", .name = "node-1", .weight = 1};
    struct ringdoc *d = NULL;
    assert_ok(ringdoc_new(&one, 1, 3, epoch, b, &d));
    return d;
}

static void a_promise_wants_a_strictly_larger_ballot(void **state)
{
    (void)state;
    const struct ballot *ascending[] = {&none, &low, &same_counter, &other_start, &high};
    for (int i = 0; i < 5; i++) {
        for (int j = 0; j < 5; j++)
            assert_int_equal(fence_may_promise(ascending[i], ascending[j]), j > i);
    }
}

static void an_install_wants_what_was_promised_or_more(void **state)
{
    (void)state;
    struct ringdoc *doc = document(7, &none);
    assert_true(fence_may_install(&low, NULL, &low, doc));
    assert_true(fence_may_install(&low, NULL, &high, doc));
    assert_false(fence_may_install(&high, NULL, &low, doc));
    assert_false(fence_may_install(&other_start, NULL, &same_counter, doc));
    ringdoc_free(doc);
}

static void an_install_never_takes_a_node_back(void **state)
{
    (void)state;
    struct ringdoc *mine = document(7, &same_counter), *older = document(6, &none), *same = document(7, &none), *newer = document(8, &none);
    assert_false(fence_may_install(&low, mine, &high, older));
    assert_true(fence_may_install(&low, mine, &high, same));
    assert_true(fence_may_install(&low, mine, &same_counter, same)); /* the same message again */
    assert_false(fence_may_install(&low, mine, &low, same)); /* a ring that was only adopted promised nothing, but its ballot counts */
    assert_true(fence_may_install(&low, mine, &low, newer));
    ringdoc_free(mine);
    ringdoc_free(older);
    ringdoc_free(same);
    ringdoc_free(newer);
}

static void a_command_wants_the_ballot_and_a_ring_that_is_not_older(void **state)
{
    (void)state;
    assert_true(fence_may_command(&low, 7, &low, 7));
    assert_true(fence_may_command(&low, 7, &high, 8));
    assert_false(fence_may_command(&low, 7, &low, 6));
    assert_false(fence_may_command(&same_counter, 7, &low, 7));
    assert_false(fence_may_command(&same_counter, 7, &low, 8));
    assert_true(fence_may_command(&none, 0, &low, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_promise_wants_a_strictly_larger_ballot),
        cmocka_unit_test(an_install_wants_what_was_promised_or_more),
        cmocka_unit_test(an_install_never_takes_a_node_back),
        cmocka_unit_test(a_command_wants_the_ballot_and_a_ring_that_is_not_older),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
