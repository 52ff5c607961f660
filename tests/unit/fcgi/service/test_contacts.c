/* What an api remembers of nodes. */
#include "tests/unit/unit.h"

#include "fcgi/service/contacts.h"
#include "lib/base/clock.h"

#include <pthread.h>
#include <stdio.h>

static void silence_is_remembered_until_an_answer(void **state)
{
    (void)state;
    struct contacts *c = contacts_new();
    assert_int_equal(contacts_get(c, "node-1.a").silent_ms, UINT64_MAX);
    assert_false(contacts_get(c, "node-1.a").suspect);
    contacts_report(c, "node-1.a", 0);
    assert_true(contacts_get(c, "node-1.a").suspect);
    assert_false(contacts_get(c, "node-2.a").suspect);
    contacts_report(c, "node-1.a", 1);
    assert_false(contacts_get(c, "node-1.a").suspect);
    assert_true(contacts_get(c, "node-1.a").silent_ms < 1000);
    contacts_free(c);
}

static void each_node_has_its_own_clock(void **state)
{
    (void)state;
    struct contacts *c = contacts_new();
    contacts_report(c, "node-1.a", 1);
    assert_false(contacts_get(c, "node-1.a").clock_known);
    contacts_clock(c, "node-1.a", -3600000);
    contacts_clock(c, "node-2.a", 0);
    assert_int_equal(contacts_get(c, "node-1.a").ahead_ms, -3600000);
    assert_int_equal(contacts_get(c, "node-2.a").ahead_ms, 0);
    assert_true(contacts_get(c, "node-2.a").clock_known);
    contacts_clock(c, "node-1.a", 0);
    assert_int_equal(contacts_get(c, "node-1.a").ahead_ms, 0);
    contacts_free(c);
}

static void who_was_slow_is_so_for_a_while(void **state)
{
    (void)state;
    struct contacts *c = contacts_new();
    contacts_was_slow(c, "node-1.a");
    assert_true(contacts_get(c, "node-1.a").slow);
    contacts_report(c, "node-1.a", 1);
    assert_true(contacts_get(c, "node-1.a").slow);
    contacts_free(c);
}

static void the_one_not_dealt_with_for_longest_gives_way(void **state)
{
    (void)state;
    struct contacts *c = contacts_new();
    char id[32];
    contacts_was_slow(c, "node-0.a");
    clock_sleep_ms(3);
    for (int i = 1; i <= CONTACTS_MAX - 1; i++) {
        snprintf(id, sizeof(id), "node-%d.a", i);
        contacts_report(c, id, 0);
    }
    assert_true(contacts_get(c, "node-0.a").slow);
    clock_sleep_ms(3);
    contacts_report(c, "late.a", 0);
    assert_false(contacts_get(c, "node-0.a").slow);
    assert_true(contacts_get(c, "late.a").suspect);
    assert_true(contacts_get(c, "node-1.a").suspect);
    contacts_free(c);
}

static void *meddle(void *arg)
{
    for (int i = 0; i < 2000; i++) {
        contacts_report(arg, i % 2 ? "node-1.a" : "node-2.a", i % 3 != 0);
        contacts_clock(arg, "node-1.a", i);
        contacts_get(arg, "node-2.a");
        contacts_hedged(arg);
    }
    return NULL;
}

static void many_threads_share_it(void **state)
{
    (void)state;
    struct contacts *c = contacts_new();
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, meddle, c), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(contacts_hedges(c), 8000);
    contacts_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silence_is_remembered_until_an_answer),
        cmocka_unit_test(each_node_has_its_own_clock),
        cmocka_unit_test(who_was_slow_is_so_for_a_while),
        cmocka_unit_test(the_one_not_dealt_with_for_longest_gives_way),
        cmocka_unit_test(many_threads_share_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
