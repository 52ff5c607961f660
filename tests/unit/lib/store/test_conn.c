/* The connection: time-outs, a Redis that stops, restarts, forgets its scripts, or is not there. */
#include "lib/store/conn.h"

#include "lib/base/log.h"
#include "lib/store/call.h"
#include "lib/store/lock.h"
#include "lib/store/mark.h"
#include "tests/unit/lib/store/redis_server.h"
#include "tests/unit/unit.h"

#define TIMEOUT_MS 200u
#define TOKEN "0123456789abcdef0123456789abcdef"

struct world {
    struct redis_server redis;
};

static int set_up(void **state)
{
    static struct world w;
    log_init("test", LOG_ERROR);
    *state = &w;
    return redis_server_init(&w.redis) ? 0 : -1;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    redis_server_release(&w->redis);
    return 0;
}

static struct store *connect_to(const char *address)
{
    struct store *s = store_new(&(struct store_config){.address = address, .connect_timeout_ms = TIMEOUT_MS, .timeout_ms = TIMEOUT_MS});
    assert_non_null(s);
    return s;
}

static void test_nobody_there(void **state)
{
    (void)state;
    static const char *const addresses[] = {
        "unix:/nonexistent/redis.sock", "127.0.0.1:1", "[::1]:1", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:99999", ":6379", "", "unix:"};
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        struct store *s = connect_to(addresses[i]);
        assert_err(ERR_UNAVAILABLE, store_ping(s));
        assert_false(store_is_up(s));
        assert_string_equal(store_run_id(s), "");
        store_free(s);
    }
    store_free(NULL);
}

static void test_rest(void **state)
{
    struct world *w = *state;
    struct store *s = connect_to(w->redis.address);
    store_rest(s); /* nothing to give back yet */
    for (int i = 0; i < 3; i++) {
        assert_ok(store_ping(s));
        store_rest(s);
    }
    assert_ok(store_ping(s));
    store_free(s);
}

/* A stopped Redis accepts connections and answers nothing: what was sent is "not known", and then nothing is sent for a while. */
static void test_stopped_redis(void **state)
{
    struct world *w = *state;
    struct store *s = connect_to(w->redis.address);
    assert_ok(store_ping(s));
    kill(w->redis.pid, SIGSTOP);
    uint64_t began_ms = clock_boot_ms();
    assert_err(ERR_TIMEOUT, lock_take(s, "stopped", TOKEN, 60000));
    uint64_t took_ms = clock_boot_ms() - began_ms;
    assert_true(took_ms >= TIMEOUT_MS - 10 && took_ms < 20 * TIMEOUT_MS);
    assert_false(store_is_up(s));
    assert_err(ERR_UNAVAILABLE, store_ping(s)); /* connects, and gets no answer to its first question */
    began_ms = clock_boot_ms();
    assert_err(ERR_UNAVAILABLE, store_ping(s));
    assert_true(clock_boot_ms() - began_ms < TIMEOUT_MS / 2); /* at once: the last try was just now */
    kill(w->redis.pid, SIGCONT);
    clock_sleep_ms(150);
    assert_ok(store_ping(s));
    /* The late answer of the first command was not taken for that of the ping, and the lock was taken after all. */
    assert_err(ERR_CONFLICT, lock_take(s, "stopped", "other", 60000));
    assert_ok(lock_release(s, "stopped", TOKEN));
    store_free(s);
}

/* A restarted Redis is another process: the next command connects anew and is not lost on the dead connection. */
static void test_restart(void **state)
{
    struct world *w = *state;
    struct store *s = connect_to(w->redis.address);
    assert_ok(store_ping(s));
    char before[64];
    snprintf(before, sizeof before, "%s", store_run_id(s));
    assert_int_equal(strlen(before), 40);
    redis_server_kill(&w->redis);
    assert_err(ERR_UNAVAILABLE, store_ping(s));
    assert_int_equal(redis_server_start(&w->redis), 1);
    clock_sleep_ms(120);
    assert_ok(lock_take(s, "fresh", TOKEN, 1000));
    assert_string_not_equal(before, store_run_id(s));
    store_free(s);
}

/* A script that Redis does not know any more is loaded again, whether it writes or only reads. */
static void test_forgotten_scripts(void **state)
{
    struct world *w = *state;
    struct store *s = connect_to(w->redis.address);
    for (int i = 0; i < 3; i++) {
        struct call c;
        redisReply *r;
        assert_ok(lock_take(s, "l", TOKEN, 60000));
        assert_ok(lock_release(s, "l", TOKEN));
        assert_ok(mark_read(s, &(struct mark){0}));
        call_init(&c, "SCRIPT");
        call_str(&c, "FLUSH");
        assert_ok(call_send(s, &c, REDIS_REPLY_STATUS, REDIS_REPLY_STATUS, &r));
        freeReplyObject(r);
    }
    store_free(s);
}

/* An answer of another type than wanted, and an error answer, leave the connection good. */
static void test_unexpected_answers(void **state)
{
    struct world *w = *state;
    struct store *s = connect_to(w->redis.address);
    struct call c;
    redisReply *r = NULL;
    log_init("test", LOG_ERROR + 1);
    call_init(&c, "PING");
    assert_err(ERR_INTERNAL, call_send(s, &c, REDIS_REPLY_INTEGER, REDIS_REPLY_INTEGER, &r));
    call_init(&c, "NOSUCHCOMMAND");
    assert_err(ERR_INTERNAL, call_send(s, &c, REDIS_REPLY_INTEGER, REDIS_REPLY_INTEGER, &r));
    log_init("test", LOG_ERROR);
    assert_null(r);
    assert_true(store_is_up(s));
    assert_ok(store_ping(s));
    store_free(s);
}

/* Keys and values travel as they are, whatever bytes they hold. */
static void test_any_bytes(void **state)
{
    struct world *w = *state;
    struct store *s = connect_to(w->redis.address);
    static const char bytes[] = "a\r\n*3\r\n$3\r\nDEL b %s %b \xff\0c";
    struct call c;
    redisReply *r;
    call_init(&c, "ECHO");
    call_bytes(&c, bytes, sizeof bytes);
    assert_ok(call_send(s, &c, REDIS_REPLY_STRING, REDIS_REPLY_STRING, &r));
    assert_int_equal(r->len, sizeof bytes);
    assert_memory_equal(r->str, bytes, sizeof bytes);
    freeReplyObject(r);
    store_free(s);
}

static void test_password(void **state)
{
    struct world *w = *state;
    struct store *s = connect_to(w->redis.address),
                 *with = store_new(&(struct store_config){.address = w->redis.address, .password = "two words"}),
                 *as = store_new(&(struct store_config){.address = w->redis.address, .user = "default", .password = "two words"}),
                 *wrong = store_new(&(struct store_config){.address = w->redis.address, .password = "two"});
    struct call c;
    redisReply *r;
    call_init(&c, "CONFIG");
    call_str(&c, "SET");
    call_str(&c, "requirepass");
    call_str(&c, "two words");
    assert_ok(call_send(s, &c, REDIS_REPLY_STATUS, REDIS_REPLY_STATUS, &r));
    freeReplyObject(r);
    store_free(s);
    s = connect_to(w->redis.address);
    assert_err(ERR_UNAVAILABLE, store_ping(s));
    assert_err(ERR_UNAVAILABLE, store_ping(wrong));
    assert_ok(store_ping(with));
    assert_ok(store_ping(as));
    store_free(s);
    store_free(with);
    store_free(as);
    store_free(wrong);
}

/* One word and up to three more, whose answer is OK. */
static void tell(struct store *s, const char *word, const char *a, const char *b, const char *c)
{
    const char *const more[] = {a, b, c};
    struct call call;
    redisReply *r;
    call_init(&call, word);
    for (size_t i = 0; i < 3 && more[i]; i++)
        call_str(&call, more[i]);
    assert_ok(call_send(s, &call, REDIS_REPLY_STATUS, REDIS_REPLY_STATUS, &r));
    freeReplyObject(r);
}

/* A Redis that does not take writes now is left, before anything is done: by the next command another may be the master. */
static void test_redis_without_its_replicas(void **state)
{
    struct world *w = *state;
    struct store *s = connect_to(w->redis.address);
    tell(s, "CONFIG", "SET", "min-replicas-to-write", "1");
    assert_err(ERR_UNAVAILABLE, lock_take(s, "lonely", TOKEN, 60000));
    assert_false(store_is_up(s));
    clock_sleep_ms(120);
    tell(s, "CONFIG", "SET", "min-replicas-to-write", "0");
    assert_ok(lock_take(s, "lonely", TOKEN, 60000));
    store_free(s);
}

static void test_redis_that_becomes_a_replica(void **state)
{
    (void)state;
    struct redis_server other;
    assert_true(redis_server_init(&other));
    struct store *s = connect_to(other.address), *scripts = connect_to(other.address);
    assert_ok(lock_take(s, "l", TOKEN, 60000));
    assert_err(ERR_CONFLICT, lock_release(scripts, "l", "another"));
    tell(s, "REPLICAOF", "127.0.0.1", "1", NULL);
    assert_err(ERR_UNAVAILABLE, lock_release(scripts, "l", TOKEN));
    assert_false(store_is_up(scripts));
    assert_err(ERR_UNAVAILABLE, lock_take(s, "m", TOKEN, 60000));
    assert_false(store_is_up(s));
    clock_sleep_ms(120);
    assert_err(ERR_UNAVAILABLE, store_ping(s)); /* connects, and hears what it is */
    store_free(s);
    store_free(scripts);
    redis_server_release(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody_there), cmocka_unit_test(test_rest), cmocka_unit_test(test_stopped_redis),
        cmocka_unit_test(test_restart), cmocka_unit_test(test_forgotten_scripts), cmocka_unit_test(test_unexpected_answers),
        cmocka_unit_test(test_any_bytes), cmocka_unit_test(test_redis_without_its_replicas),
        cmocka_unit_test(test_redis_that_becomes_a_replica), cmocka_unit_test(test_password), /* the last: it sets one */
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
