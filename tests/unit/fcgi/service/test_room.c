#include "tests/unit/unit.h"

#include "fcgi/service/room.h"
#include "lib/base/clock.h"

#include <pthread.h>
#include <stdatomic.h>

#define THREADS 8
#define ROUNDS 300
#define MAX 100u

static atomic_size_t held, most;

static void *use(void *arg)
{
    struct room *r = arg;
    for (size_t i = 1; i <= ROUNDS; i++) {
        size_t n = i % 60;
        if (room_take(r, n, 10000) != ERR_OK)
            return r;
        size_t now = atomic_fetch_add(&held, n) + n;
        if (now > atomic_load(&most))
            atomic_store(&most, now);
        atomic_fetch_sub(&held, n);
        room_give(r, n);
    }
    return NULL;
}

static void all_together_never_hold_more(void **state)
{
    (void)state;
    struct room *r = room_new(MAX);
    pthread_t t[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, use, r), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(t[i], &failed);
        assert_null(failed);
    }
    assert_true(atomic_load(&most) <= MAX);
    room_free(r); /* asserts that all was given back */
}

static void who_finds_no_room_waits_as_long_as_said(void **state)
{
    (void)state;
    struct room *r = room_new(MAX);
    assert_ok(room_take(r, MAX, 0));
    uint64_t before = clock_boot_ms();
    assert_err(ERR_UNAVAILABLE, room_take(r, 1, 50));
    assert_true(clock_boot_ms() - before >= 49);
    room_give(r, 1);
    assert_ok(room_take(r, 1, 0));
    room_give(r, MAX);
    room_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_together_never_hold_more),
        cmocka_unit_test(who_finds_no_room_waits_as_long_as_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
