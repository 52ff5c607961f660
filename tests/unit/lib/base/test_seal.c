/* Sealed bytes: opened by who has key and purpose, refused when a single bit is another. */
#include "tests/unit/unit.h"

#include "lib/base/num.h"
#include "lib/base/seal.h"

#include <string.h>

static const uint8_t key[SEAL_KEY_SIZE] = {
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};

static void what_is_sealed_is_opened(void **state)
{
    static char text[70000];
    struct buf sealed, again, opened;
    (void)state;
    for (size_t len = 0; len <= sizeof(text); len = len ? len * 7 : 1) {
        memset(text, 'a', len);
        buf_init(&sealed, sizeof(text) + SEAL_EXTRA);
        buf_init(&again, sizeof(text) + SEAL_EXTRA);
        buf_init(&opened, sizeof(text) + 1);
        assert_ok(seal_close(key, "test", text, len, &sealed));
        assert_ok(seal_close(key, "test", text, len, &again));
        assert_int_equal(sealed.len, len + SEAL_EXTRA);
        assert_memory_not_equal(sealed.data, again.data, sealed.len); /* never twice the same nonce */
        assert_ok(seal_open(key, "test", sealed.data, sealed.len, &opened));
        assert_int_equal(opened.len, len);
        assert_memory_equal(buf_str(&opened), text, len);
        buf_release(&sealed);
        buf_release(&again);
        buf_release(&opened);
    }
}

/* AES-256-GCM as others make it (Python's cryptography). */
static void it_is_what_others_mean_by_it(void **state)
{
    static const char hex[] = "6e6e6e6e6e6e6e6e6e6e6e6ecf3e7b05da188830883af1e0800bad7c1d0aa2f092";
    uint8_t sealed[sizeof(hex) / 2];
    struct buf opened;
    (void)state;
    buf_init(&opened, 100);
    assert_ok(num_unhex(hex, sealed, sizeof(sealed)));
    assert_ok(seal_open(key, "test", sealed, sizeof(sealed), &opened));
    assert_string_equal(buf_str(&opened), "hello");
    buf_release(&opened);
}

static void anything_else_is_refused_and_shown_to_nobody(void **state)
{
    uint8_t other[SEAL_KEY_SIZE];
    struct buf sealed, opened;
    (void)state;
    memcpy(other, key, sizeof(other));
    other[31] ^= 1;
    buf_init(&sealed, 200);
    buf_init(&opened, 200);
    assert_ok(buf_add_str(&opened, "before"));
    assert_ok(seal_close(key, "test", "a secret", 8, &sealed));
    assert_err(ERR_AUTH, seal_open(other, "test", sealed.data, sealed.len, &opened));
    assert_err(ERR_AUTH, seal_open(key, "text", sealed.data, sealed.len, &opened));
    assert_err(ERR_AUTH, seal_open(key, "", sealed.data, sealed.len, &opened));
    for (size_t len = 0; len < sealed.len; len++)
        assert_err(ERR_AUTH, seal_open(key, "test", sealed.data, len, &opened));
    for (size_t bit = 0; bit < 8 * sealed.len; bit++) {
        sealed.data[bit / 8] = (char)(sealed.data[bit / 8] ^ (1 << bit % 8));
        assert_err(ERR_AUTH, seal_open(key, "test", sealed.data, sealed.len, &opened));
        sealed.data[bit / 8] = (char)(sealed.data[bit / 8] ^ (1 << bit % 8));
    }
    assert_string_equal(buf_str(&opened), "before");
    assert_ok(seal_open(key, "test", sealed.data, sealed.len, &opened));
    assert_string_equal(buf_str(&opened), "beforea secret");
    buf_release(&sealed);
    buf_release(&opened);
}

static void a_full_buffer_takes_nothing(void **state)
{
    struct buf small;
    (void)state;
    buf_init(&small, SEAL_EXTRA + 4);
    assert_err(ERR_NOMEM, seal_close(key, "test", "hello", 5, &small));
    assert_int_equal(small.len, 0);
    assert_ok(seal_close(key, "test", "hell", 4, &small));
    buf_release(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sealed_is_opened),
        cmocka_unit_test(it_is_what_others_mean_by_it),
        cmocka_unit_test(anything_else_is_refused_and_shown_to_nobody),
        cmocka_unit_test(a_full_buffer_takes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
