#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/base/id.h"
#include "lib/sign/internal.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define NOW 1800000000000ull

static void number_nonce(uint64_t i, char out[SIGN_NONCE_HEX])
{
    /* Spread over the chains as random ones are. */
    snprintf(out, SIGN_NONCE_HEX, "%08llx%024llx", (unsigned long long)(i * 2654435761u & 0xffffffffu), (unsigned long long)i);
}

static void a_nonce_is_used_once_while_its_window_lasts(void **state)
{
    static const uint64_t times_ms[] = {NOW - 30000, NOW - 29001, NOW, NOW + 999, NOW + 30000};
    struct sign_nonces *n = sign_nonces_new();

    (void)state;
    for (size_t i = 0; i < sizeof times_ms / sizeof times_ms[0]; i++) {
        char nonce[SIGN_NONCE_HEX];
        number_nonce(i, nonce);
        assert_int_equal(nonces_use(n, nonce, times_ms[i], NOW), ERR_OK);
    }
    /* Each is known up to the last moment in which its time is within the window. */
    for (uint64_t now = NOW; now <= NOW + 61000; now += 250) {
        for (size_t i = 0; i < sizeof times_ms / sizeof times_ms[0]; i++) {
            char nonce[SIGN_NONCE_HEX];
            number_nonce(i, nonce);
            if (now <= times_ms[i] + SIGN_WINDOW_MS)
                assert_int_equal(nonces_use(n, nonce, times_ms[i], now), ERR_AUTH);
        }
    }
    sign_nonces_free(n);
}

static void a_full_table_refuses_and_is_usable_again_later(void **state)
{
    struct sign_nonces *n = sign_nonces_new();
    char nonce[SIGN_NONCE_HEX];

    (void)state;
    for (uint64_t i = 0; i < SIGN_NONCES_MAX; i++) {
        number_nonce(i, nonce);
        assert_int_equal(nonces_use(n, nonce, NOW, NOW), ERR_OK);
    }
    number_nonce(SIGN_NONCES_MAX, nonce);
    assert_int_equal(nonces_use(n, nonce, NOW, NOW), ERR_UNAVAILABLE);
    for (uint64_t i = 0; i < SIGN_NONCES_MAX; i += 1000) {
        number_nonce(i, nonce);
        assert_int_equal(nonces_use(n, nonce, NOW, NOW + 30000), ERR_AUTH);
    }
    for (uint64_t i = 0; i < SIGN_NONCES_MAX; i++) {
        number_nonce(SIGN_NONCES_MAX + i, nonce);
        assert_int_equal(nonces_use(n, nonce, NOW + 32000, NOW + 32000), ERR_OK);
    }
    sign_nonces_free(n);
}

static void a_steady_stream_never_fills_the_table(void **state)
{
    struct sign_nonces *n = sign_nonces_new();
    char nonce[SIGN_NONCE_HEX];
    uint64_t i = 0;

    (void)state;
    for (uint64_t now = NOW; now < NOW + 600000; now += 10) {
        for (int j = 0; j < 20; j++) {
            number_nonce(i++, nonce);
            assert_int_equal(nonces_use(n, nonce, now, now), ERR_OK);
            assert_int_equal(nonces_use(n, nonce, now, now), ERR_AUTH);
        }
    }
    sign_nonces_free(n);
}

static void a_clock_that_goes_back_lets_nothing_in_twice(void **state)
{
    struct sign_nonces *n = sign_nonces_new();
    char nonce[SIGN_NONCE_HEX], fresh[SIGN_NONCE_HEX];

    (void)state;
    number_nonce(1, nonce);
    number_nonce(2, fresh);
    assert_int_equal(nonces_use(n, nonce, NOW, NOW), ERR_OK);
    /* Forgotten by an hour later … */
    assert_int_equal(nonces_use(n, fresh, NOW + 3600000, NOW + 3600000), ERR_OK);
    /* … so back at NOW it is refused for its time, not believed to be new; what is still remembered is refused as used. */
    assert_int_equal(nonces_use(n, nonce, NOW, NOW), ERR_CLOCK);
    assert_int_equal(nonces_use(n, fresh, NOW + 3600000, NOW + 3590000), ERR_AUTH);
    number_nonce(3, fresh);
    assert_int_equal(nonces_use(n, fresh, NOW + 3590000, NOW + 3590000), ERR_OK);
    sign_nonces_free(n);
}

static void a_jump_of_the_clock_forgets_all(void **state)
{
    struct sign_nonces *n = sign_nonces_new();
    char nonce[SIGN_NONCE_HEX];

    (void)state;
    for (int round = 0; round < 5; round++) {
        uint64_t now = NOW + (uint64_t)round * 64 * 1000 * 1000;
        for (uint64_t i = 0; i < SIGN_NONCES_MAX; i++) {
            number_nonce(i, nonce);
            assert_int_equal(nonces_use(n, nonce, now, now), ERR_OK);
        }
    }
    sign_nonces_free(n);
}

struct race {
    struct sign_nonces *nonces;
    atomic_int won;
};

static void *use_a_thousand(void *ctx)
{
    struct race *r = ctx;

    for (uint64_t i = 0; i < 1000; i++) {
        char nonce[SIGN_NONCE_HEX];
        number_nonce(i, nonce);
        if (!nonces_use(r->nonces, nonce, NOW, NOW))
            r->won++;
    }
    return NULL;
}

static void of_many_threads_one_wins_each_nonce(void **state)
{
    struct race r = {.nonces = sign_nonces_new()};
    pthread_t threads[8];

    (void)state;
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_a_thousand, &r), 0);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(r.won, 1000);
    sign_nonces_free(r.nonces);
}

static void a_malformed_nonce_is_refused(void **state)
{
    struct sign_nonces *n = sign_nonces_new();

    (void)state;
    assert_int_equal(nonces_use(n, "", NOW, NOW), ERR_AUTH);
    assert_int_equal(nonces_use(n, "00112233445566778899aabbccddeef", NOW, NOW), ERR_AUTH);
    assert_int_equal(nonces_use(n, "00112233445566778899AABBCCDDEEFF", NOW, NOW), ERR_AUTH);
    sign_nonces_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_nonce_is_used_once_while_its_window_lasts),
        cmocka_unit_test(a_full_table_refuses_and_is_usable_again_later),
        cmocka_unit_test(a_steady_stream_never_fills_the_table),
        cmocka_unit_test(a_clock_that_goes_back_lets_nothing_in_twice),
        cmocka_unit_test(a_jump_of_the_clock_forgets_all),
        cmocka_unit_test(of_many_threads_one_wins_each_nonce),
        cmocka_unit_test(a_malformed_nonce_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
