#include "tests/unit/unit.h"

#include "lib/base/hash.h"
#include "lib/base/num.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

/* The examples of FIPS 180-2, appendix B, and the empty message. */
static void sha256_agrees_with_the_standard(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}, {"abc", ABC},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char hex[HASH_HEX_SIZE];
        hash_sha256_hex(rows[i][0], strlen(rows[i][0]), hex);
        assert_string_equal(hex, rows[i][1]);
    }
}

static void a_running_hash_is_the_same_in_pieces_and_after_a_reset(void **state)
{
    (void)state;
    struct hash_ctx *h = hash_new();
    for (int round = 0; round < 2; round++) {
        uint8_t out[HASH_SIZE];
        char hex[HASH_HEX_SIZE];
        hash_add(h, "a", 1);
        hash_add(h, "", 0);
        hash_add(h, "bc", 2);
        hash_end(h, out);
        num_hex(out, sizeof(out), hex);
        assert_string_equal(hex, ABC);
        hash_reset(h);
    }
    hash_free(h);
    hash_free(NULL);
}

/* RFC 4231, test cases 1, 2 and 6 (a key longer than a block). */
static void hmac_agrees_with_the_rfc(void **state)
{
    (void)state;
    uint8_t out[HASH_SIZE], key[131];
    char hex[HASH_HEX_SIZE];
    memset(key, 0x0b, 20);
    hash_hmac(key, 20, "Hi There", 8, out);
    num_hex(out, sizeof(out), hex);
    assert_string_equal(hex, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    hash_hmac("Jefe", 4, "what do ya want for nothing?", 28, out);
    num_hex(out, sizeof(out), hex);
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof(key));
    hash_hmac(key, sizeof(key), "Test Using Larger Than Block-Size Key - Hash Key First", 54, out);
    num_hex(out, sizeof(out), hex);
    assert_string_equal(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void a_place_on_the_ring_is_the_front_of_the_hash(void **state)
{
    (void)state;
    assert_true(hash_ring_point("abc", 3) == 0xba7816bf8f01cfeau);
}

static void equality_looks_at_every_byte(void **state)
{
    (void)state;
    uint8_t a[32] = {0}, b[32] = {0};
    assert_true(hash_equal(a, b, 32));
    for (int i = 0; i < 32; i++) {
        b[i] = 1;
        assert_false(hash_equal(a, b, 32));
        b[i] = 0;
    }
}

static void a_descriptor_is_hashed_from_where_it_stands(void **state)
{
    (void)state;
    FILE *f = tmpfile();
    assert_non_null(f);
    assert_int_equal(write(fileno(f), "skip me abc", 11), 11);
    assert_int_equal(lseek(fileno(f), 8, SEEK_SET), 8);
    uint8_t out[HASH_SIZE];
    char hex[HASH_HEX_SIZE];
    uint64_t size = 0;
    assert_ok(hash_fd(fileno(f), out, &size));
    num_hex(out, sizeof(out), hex);
    assert_string_equal(hex, ABC);
    assert_int_equal(size, 3);
    assert_ok(hash_fd(fileno(f), out, NULL));
    num_hex(out, sizeof(out), hex);
    assert_memory_equal(hex, "e3b0c442", 8);
    fclose(f);
}

static void a_descriptor_that_cannot_be_read_is_an_error(void **state)
{
    (void)state;
    uint8_t out[HASH_SIZE];
    assert_err(ERR_IO, hash_fd(-1, out, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_agrees_with_the_standard),
        cmocka_unit_test(a_running_hash_is_the_same_in_pieces_and_after_a_reset),
        cmocka_unit_test(hmac_agrees_with_the_rfc),
        cmocka_unit_test(a_place_on_the_ring_is_the_front_of_the_hash),
        cmocka_unit_test(equality_looks_at_every_byte),
        cmocka_unit_test(a_descriptor_is_hashed_from_where_it_stands),
        cmocka_unit_test(a_descriptor_that_cannot_be_read_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
