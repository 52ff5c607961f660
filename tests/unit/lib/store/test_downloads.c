/* Counts of downloads against a real Redis. */
#include "lib/store/downloads.h"

#include "tests/unit/lib/store/world.h"
#include "tests/unit/unit.h"

#include <hiredis/hiredis.h>

#define ONE "1111111111111111111111111111111111111111111111111111111111111111"
#define TWO "2222222222222222222222222222222222222222222222222222222222222222"

static int set_up(void **state)
{
    return world_init(state, LOG_ERROR);
}

static void each_hash_is_counted_by_itself(void **state)
{
    struct store *s = ((struct world *)*state)->store;
    uint64_t n = 0;
    for (uint64_t i = 1; i <= 3; i++) {
        assert_ok(downloads_count(s, ONE, &n));
        assert_int_equal(n, i);
    }
    assert_ok(downloads_count(s, TWO, &n));
    assert_int_equal(n, 1);
}

static void a_count_is_forgotten_a_week_after_the_last(void **state)
{
    struct world *w = *state;
    uint64_t n = 0;
    assert_ok(downloads_count(w->store, ONE, &n));
    redisContext *c = redisConnectUnix(w->redis.address + 5); /* behind "unix:" */
    assert_non_null(c);
    redisReply *r = redisCommand(c, "TTL rb:pd:" ONE);
    assert_non_null(r);
    assert_in_range(r->integer, DOWNLOADS_KEPT_S - 60, DOWNLOADS_KEPT_S);
    freeReplyObject(r);
    redisFree(c);
}

static void without_redis_nothing_is_counted(void **state)
{
    (void)state;
    struct store *s = store_new(&(struct store_config){.address = "unix:/nowhere/at/all"});
    uint64_t n = 7;
    assert_non_null(s);
    assert_err(ERR_UNAVAILABLE, downloads_count(s, ONE, &n));
    assert_int_equal(n, 7);
    store_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_hash_is_counted_by_itself),
        cmocka_unit_test(a_count_is_forgotten_a_week_after_the_last),
        cmocka_unit_test(without_redis_nothing_is_counted),
    };
    return cmocka_run_group_tests(tests, set_up, world_release);
}
