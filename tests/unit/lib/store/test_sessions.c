/* Sessions against a real Redis. */
#include "lib/store/sessions.h"

#include "tests/unit/lib/store/world.h"
#include "tests/unit/unit.h"

#include <hiredis/hiredis.h>

static int set_up(void **state)
{
    return world_init(state, LOG_ERROR);
}

static long long tell(const struct world *w, const char *command)
{
    redisContext *c = redisConnectUnix(w->redis.address + 5); /* behind "unix:" */
    assert_non_null(c);
    redisReply *r = redisCommand(c, command);
    assert_non_null(r);
    long long n = r->type == REDIS_REPLY_INTEGER ? r->integer : -1;
    freeReplyObject(r);
    redisFree(c);
    return n;
}

/* A digest made of one number. */
static const char *digest(unsigned n)
{
    static char text[4][HASH_HEX_SIZE];
    static unsigned at;
    at = (at + 1) % 4;
    snprintf(text[at], sizeof text[at], "%064x", n);
    return text[at];
}

static void a_session_is_found_until_it_ends(void **state)
{
    struct world *w = *state;
    struct session made, s;
    tell(w, "FLUSHALL");
    assert_err(ERR_NOT_FOUND, sessions_look(w->store, digest(1), &s));
    assert_ok(sessions_begin(w->store, digest(1), "ann", 0, 100, 1000, &made));
    assert_int_equal(made.ends_at_ms - made.since_ms, 1000000);
    assert_ok(sessions_look(w->store, digest(1), &s));
    assert_string_equal(s.user, "ann");
    assert_string_equal(s.digest, digest(1));
    assert_int_equal(s.since_ms, made.since_ms);
    assert_int_equal(s.ends_at_ms, made.ends_at_ms);
    assert_ok(sessions_end(w->store, digest(1)));
    assert_ok(sessions_end(w->store, digest(1)));
    assert_err(ERR_NOT_FOUND, sessions_look(w->store, digest(1), &s));
    assert_int_equal(tell(w, "DBSIZE"), 0);
}

static void idle_ones_and_old_ones_end(void **state)
{
    struct world *w = *state;
    struct session s;
    tell(w, "FLUSHALL");
    assert_ok(sessions_begin(w->store, digest(1), "ann", 0, 1, 1000, &s));
    assert_ok(sessions_begin(w->store, digest(2), "ann", 0, 1, 1, &s));
    clock_sleep_ms(1100);
    assert_err(ERR_NOT_FOUND, sessions_look(w->store, digest(1), &s));
    assert_err(ERR_NOT_FOUND, sessions_look(w->store, digest(2), &s));
}

/* What is kept says when a session was seen; noting it at each request would be a write each time. */
static void activity_keeps_a_session_but_not_past_its_end(void **state)
{
    struct world *w = *state;
    struct session s;
    char command[256];
    tell(w, "FLUSHALL");
    assert_ok(sessions_begin(w->store, digest(1), "ann", 0, 100, 130, &s));
    snprintf(command, sizeof command, "HSET rb:ses:%s seen %llu", digest(1), (unsigned long long)s.seen_ms - 20000u);
    tell(w, command);
    snprintf(command, sizeof command, "EXPIRE rb:ses:%s 80", digest(1));
    tell(w, command);
    uint64_t seen = s.seen_ms;
    assert_ok(sessions_look(w->store, digest(1), &s));
    assert_true(s.seen_ms >= seen);
    snprintf(command, sizeof command, "TTL rb:ses:%s", digest(1));
    assert_in_range(tell(w, command), 95, 100);
    snprintf(command, sizeof command, "HSET rb:ses:%s seen %llu end %llu", digest(1), (unsigned long long)s.seen_ms - 20000u,
        (unsigned long long)s.seen_ms + 50000u);
    tell(w, command);
    assert_ok(sessions_look(w->store, digest(1), &s));
    snprintf(command, sizeof command, "TTL rb:ses:%s", digest(1));
    assert_in_range(tell(w, command), 45, 50);
}

static void all_of_a_user_end_but_the_one_that_asks(void **state)
{
    struct world *w = *state;
    struct session s, list[10];
    uint64_t ended = 0;
    size_t n = 0;
    tell(w, "FLUSHALL");
    for (unsigned i = 1; i <= 4; i++)
        assert_ok(sessions_begin(w->store, digest(i), "ann", 0, 100, 1000 + i, &s));
    assert_ok(sessions_begin(w->store, digest(9), "bob", 0, 100, 1000, &s));
    assert_ok(sessions_list(w->store, "ann", list, 10, &n));
    assert_int_equal(n, 4);
    assert_string_equal(list[0].digest, digest(4)); /* the last begun first */
    assert_string_equal(list[0].user, "ann");
    assert_ok(sessions_list(w->store, "ann", list, 2, &n));
    assert_int_equal(n, 2);
    assert_ok(sessions_end_all(w->store, "ann", digest(2), 3, &ended));
    assert_int_equal(ended, 3);
    assert_ok(sessions_look(w->store, digest(2), &s));
    assert_int_equal(s.endings, 3); /* it is kept: it counts as begun after them */
    assert_err(ERR_NOT_FOUND, sessions_look(w->store, digest(1), &s));
    assert_ok(sessions_look(w->store, digest(9), &s));
    assert_int_equal(s.endings, 0);
    assert_ok(sessions_end_all(w->store, "ann", NULL, 4, NULL));
    assert_ok(sessions_list(w->store, "ann", list, 10, &n));
    assert_int_equal(n, 0);
}

static void nobody_has_more_than_so_many(void **state)
{
    struct world *w = *state;
    struct session s;
    tell(w, "FLUSHALL");
    for (unsigned i = 1; i <= SESSIONS_PER_USER_MAX + 5; i++)
        assert_ok(sessions_begin(w->store, digest(i), "ann", 0, 100, 1000 + i, &s));
    assert_int_equal(tell(w, "ZCARD rb:ses:u:ann"), SESSIONS_PER_USER_MAX);
    assert_err(ERR_NOT_FOUND, sessions_look(w->store, digest(5), &s));
    assert_ok(sessions_look(w->store, digest(6), &s));
}

static void without_redis_there_are_none(void **state)
{
    (void)state;
    struct store *s = store_new(&(struct store_config){.address = "unix:/nowhere/at/all"});
    struct session one;
    assert_non_null(s);
    assert_err(ERR_UNAVAILABLE, sessions_begin(s, digest(1), "ann", 0, 1, 1, &one));
    assert_err(ERR_UNAVAILABLE, sessions_look(s, digest(1), &one));
    store_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_is_found_until_it_ends),
        cmocka_unit_test(idle_ones_and_old_ones_end),
        cmocka_unit_test(activity_keeps_a_session_but_not_past_its_end),
        cmocka_unit_test(all_of_a_user_end_but_the_one_that_asks),
        cmocka_unit_test(nobody_has_more_than_so_many),
        cmocka_unit_test(without_redis_there_are_none),
    };
    return cmocka_run_group_tests(tests, set_up, world_release);
}
