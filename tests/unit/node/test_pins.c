/* What is held is not removed, whoever tries at the same moment. */
#include "tests/unit/unit.h"

#include "lib/base/clock.h"
#include "lib/base/num.h"
#include "node/pins.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct thing {
    struct pins *pins;
    uint8_t raw[HASH_SIZE];
    char hex[HASH_HEX_SIZE];
    atomic_int is_there, removed, stop;
};

static enum err remove_it(void *ctx, const char *sha256)
{
    struct thing *t = ctx;
    assert_string_equal(sha256, t->hex);
    if (!atomic_exchange(&t->is_there, 0))
        return ERR_NOT_FOUND;
    atomic_fetch_add(&t->removed, 1);
    return ERR_OK;
}

static void begin_with(struct thing *t, uint64_t after_ms, size_t max)
{
    memset(t, 0, sizeof(*t));
    t->pins = pins_new(after_ms, max);
    assert_non_null(t->pins);
    hash_sha256("hello", 5, t->raw);
    num_hex(t->raw, HASH_SIZE, t->hex);
    atomic_store(&t->is_there, 1);
}

static void begin(struct thing *t, uint64_t after_ms)
{
    begin_with(t, after_ms, PINS_MAX);
}

static enum err try(struct thing *t)
{
    return pins_unless(t->pins, t->hex, remove_it, t);
}

static void what_nobody_holds_is_removed(void **state)
{
    struct thing t;
    (void)state;
    begin(&t, 0);
    assert_ok(try(&t));
    assert_err(ERR_NOT_FOUND, try(&t));
    assert_err(ERR_SYNTAX, pins_unless(t.pins, "zz", remove_it, &t));
    pins_free(t.pins);
}

static void it_is_held_until_the_last_one_lets_go(void **state)
{
    struct thing t;
    (void)state;
    begin(&t, 0);
    pins_hold(t.pins, t.raw);
    pins_hold(t.pins, t.raw);
    assert_err(ERR_CONFLICT, try(&t));
    pins_release(t.pins, t.raw);
    assert_err(ERR_CONFLICT, try(&t));
    pins_release(t.pins, t.raw);
    pins_release(t.pins, t.raw); /* once too often is harmless */
    assert_ok(try(&t));
    pins_free(t.pins);
}

static void it_stays_a_little_after_it_was_let_go(void **state)
{
    struct thing t;
    (void)state;
    begin(&t, PINS_AFTER_MS);
    pins_hold(t.pins, t.raw);
    pins_release(t.pins, t.raw);
    assert_err(ERR_CONFLICT, try(&t));
    pins_free(t.pins);
}

static void a_pin_for_a_time_ends(void **state)
{
    struct thing t;
    (void)state;
    begin(&t, 0);
    pins_note(t.pins, t.raw, 1000);
    assert_err(ERR_CONFLICT, try(&t));
    clock_sleep_ms(1010);
    assert_ok(try(&t));
    pins_free(t.pins);
}

static void other_hash(uint32_t i, uint8_t out[HASH_SIZE])
{
    hash_sha256(&i, sizeof(i), out);
}

static void many_pins_hold_nothing_else(void **state)
{
    struct thing t;
    uint8_t other[HASH_SIZE];
    char hex[HASH_HEX_SIZE];
    (void)state;
    begin(&t, 0);
    for (uint32_t i = 0; i < 100000; i++) {
        other_hash(i, other);
        pins_note(t.pins, other, 60000);
    }
    assert_ok(try(&t));
    for (uint32_t i = 0; i < 100000; i++) {
        other_hash(i, other);
        num_hex(other, HASH_SIZE, hex);
        assert_err(ERR_CONFLICT, pins_unless(t.pins, hex, remove_it, &t));
    }
    pins_free(t.pins);
}

static void pins_that_are_over_make_room(void **state)
{
    struct thing t;
    uint8_t other[HASH_SIZE];
    (void)state;
    begin_with(&t, 0, 1000);
    for (uint32_t i = 0; i < 100000; i++) {
        other_hash(i, other);
        pins_hold(t.pins, other);
        pins_release(t.pins, other);
    }
    assert_ok(try(&t));
    pins_free(t.pins);
}

static void when_there_is_no_place_everything_is_held(void **state)
{
    struct thing t;
    uint8_t other[HASH_SIZE];
    (void)state;
    begin_with(&t, 0, 1000);
    for (uint32_t i = 0; i < 3000; i++) {
        if (i == 1000)
            assert_ok(try(&t));
        other_hash(i, other);
        pins_hold(t.pins, other);
    }
    atomic_store(&t.is_there, 1);
    assert_err(ERR_CONFLICT, try(&t));
    pins_free(t.pins);
}

static void *remove_again_and_again(void *ctx)
{
    struct thing *t = ctx;
    while (!atomic_load(&t->stop))
        (void)try(t);
    return NULL;
}

/* As an upload does: hold, look, write when it is gone, name it. */
static void what_was_found_is_there_when_it_is_named(void **state)
{
    struct thing t;
    pthread_t thread;
    int lost = 0;
    (void)state;
    begin(&t, 0);
    assert_int_equal(pthread_create(&thread, NULL, remove_again_and_again, &t), 0);
    for (int i = 0; i < 20000; i++) {
        pins_hold(t.pins, t.raw);
        if (!atomic_load(&t.is_there))
            atomic_store(&t.is_there, 1);
        for (int wait = 0; wait < i % 50; wait++)
            lost += !atomic_load(&t.is_there);
        pins_release(t.pins, t.raw);
    }
    /* It did try. */
    uint64_t end = clock_boot_ms() + 5000;
    while (atomic_load(&t.removed) == 0 && clock_boot_ms() < end)
        clock_sleep_ms(1);
    atomic_store(&t.stop, 1);
    pthread_join(thread, NULL);
    assert_int_equal(lost, 0);
    assert_true(atomic_load(&t.removed) > 0);
    pins_free(t.pins);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_nobody_holds_is_removed),
        cmocka_unit_test(it_is_held_until_the_last_one_lets_go),
        cmocka_unit_test(it_stays_a_little_after_it_was_let_go),
        cmocka_unit_test(a_pin_for_a_time_ends),
        cmocka_unit_test(many_pins_hold_nothing_else),
        cmocka_unit_test(pins_that_are_over_make_room),
        cmocka_unit_test(when_there_is_no_place_everything_is_held),
        cmocka_unit_test(what_was_found_is_there_when_it_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
