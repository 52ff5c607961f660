/* Locks and the leader's lease against a real Redis. */
#include "lib/store/lock.h"

#include "tests/unit/lib/store/world.h"
#include "tests/unit/unit.h"

#define MINE "11111111111111111111111111111111"
#define THEIRS "22222222222222222222222222222222"

static int set_up(void **state)
{
    return world_init(state, LOG_ERROR);
}

static void test_one_holder(void **state)
{
    struct store *s = ((struct world *)*state)->store;
    assert_ok(lock_take(s, "a", MINE, 60000));
    assert_err(ERR_CONFLICT, lock_take(s, "a", THEIRS, 60000));
    assert_err(ERR_CONFLICT, lock_release(s, "a", THEIRS));
    assert_ok(lock_release(s, "a", MINE));
    assert_err(ERR_CONFLICT, lock_release(s, "a", MINE));
    assert_ok(lock_take(s, "a", THEIRS, 50));
    clock_sleep_ms(80);
    assert_err(ERR_CONFLICT, lock_release(s, "a", THEIRS)); /* its time ran out */
}

static void test_course_lock_waits(void **state)
{
    struct store *s = ((struct world *)*state)->store;
    assert_ok(lock_course_take(s, "csen317", THEIRS, 150, 0));
    assert_err(ERR_CONFLICT, lock_course_take(s, "csen317", MINE, 1000, 0));
    uint64_t began_ms = clock_boot_ms();
    assert_err(ERR_CONFLICT, lock_course_take(s, "csen317", MINE, 1000, 40));
    assert_true(clock_boot_ms() - began_ms >= 40);
    assert_ok(lock_course_take(s, "csen317", MINE, 1000, 5000)); /* when theirs has run out */
    assert_ok(lock_course_take(s, "csen318", THEIRS, 1000, 0));
    assert_ok(lock_course_release(s, "csen317", MINE));
    assert_err(ERR_CONFLICT, lock_course_release(s, "csen318", MINE));

    char huge[4000];
    memset(huge, 'x', sizeof huge - 1);
    huge[sizeof huge - 1] = '\0';
    assert_err(ERR_INVALID, lock_course_take(s, huge, MINE, 1000, 0));
}

static void test_lease_life(void **state)
{
    struct store *s = ((struct world *)*state)->store;
    struct lease mine = {.name = "coordinator-1", .token = MINE, .since_ms = 1700000000000},
                 theirs = {.name = "coordinator-2", .token = THEIRS}, seen;
    assert_ok(lease_read(s, &seen));
    assert_string_equal(seen.name, "");
    assert_err(ERR_CONFLICT, lease_renew(s, &mine, 1500));
    assert_ok(lease_take(s, &mine, 60000));
    assert_err(ERR_CONFLICT, lease_take(s, &theirs, 60000));
    assert_err(ERR_CONFLICT, lease_renew(s, &theirs, 60000));
    assert_err(ERR_CONFLICT, lease_release(s, &theirs));
    mine.epoch = 9007199254740992ull;
    assert_ok(lease_renew(s, &mine, 60000));
    assert_ok(lease_read(s, &seen));
    assert_string_equal(seen.name, "coordinator-1");
    assert_string_equal(seen.token, MINE);
    assert_int_equal(seen.epoch, 9007199254740992ull);
    assert_int_equal(seen.since_ms, 1700000000000);
    assert_ok(lease_release(s, &mine));
    assert_ok(lease_take(s, &theirs, 40));
    clock_sleep_ms(80);
    assert_err(ERR_CONFLICT, lease_renew(s, &theirs, 1500));
}

static void test_lease_parse(void **state)
{
    (void)state;
    struct lease l;
    static const char *const bad[] = {"", "{}", "[]", "{\"name\":\"a\",\"token\":\"b\",\"epoch\":1}",
        "{\"name\":\"a\",\"token\":\"b\",\"epoch\":-1,\"since\":0}",
        "{\"name\":\"a\",\"token\":\"012345678901234567890123456789012\",\"epoch\":1,\"since\":0}",
        "{\"name\":1,\"token\":\"b\",\"epoch\":1,\"since\":0}", "{\"name\":\"a\",\"token\":\"b\",\"epoch\":1,\"since\":0}x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_err(ERR_SYNTAX, lease_parse(bad[i], strlen(bad[i]), &l));
    static const char good[] = "{\"name\":\"a\",\"token\":\"b\",\"epoch\":1,\"since\":0}";
    assert_ok(lease_parse(good, strlen(good), &l));
    assert_string_equal(l.name, "a");
}

/* Something that is no lease is nobody's, and does not fall to us either. */
static void test_foreign_lease(void **state)
{
    struct store *s = ((struct world *)*state)->store;
    struct lease mine = {.name = "coordinator-1", .token = MINE}, seen;
    assert_ok(lock_take(s, "rb:leader", "not json", 60000));
    log_init("test", LOG_ERROR + 1);
    assert_err(ERR_INTERNAL, lease_read(s, &seen));
    log_init("test", LOG_ERROR);
    assert_err(ERR_CONFLICT, lease_renew(s, &mine, 1500));
    assert_err(ERR_CONFLICT, lease_release(s, &mine));
    assert_ok(lock_release(s, "rb:leader", "not json"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_holder),
        cmocka_unit_test(test_course_lock_waits),
        cmocka_unit_test(test_lease_life),
        cmocka_unit_test(test_lease_parse),
        cmocka_unit_test(test_foreign_lease),
    };
    return cmocka_run_group_tests(tests, set_up, world_release);
}
