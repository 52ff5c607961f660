#include "tests/unit/unit.h"

#include "lib/auth/password.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define SALT "AAAAAAAAAAAAAAAAAAAAAA"
#define HASH "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static void a_password_fits_its_hash_and_no_other_does(void **state)
{
    (void)state;
    char hash[PASSWORD_HASH_SIZE], again[PASSWORD_HASH_SIZE];
    assert_ok(password_hash("correct horse", 13, hash));
    assert_ok(password_hash("correct horse", 13, again));
    assert_string_not_equal(hash, again); /* each has its own salt */
    assert_int_equal(strncmp(hash, "$argon2id$v=19$m=19456,t=2,p=1$", 31), 0);
    assert_true(password_hash_ok(hash));
    assert_false(password_stale(hash));
    assert_ok(password_verify(hash, "correct horse", 13));
    assert_ok(password_verify(again, "correct horse", 13));
    assert_err(ERR_AUTH, password_verify(hash, "correct horsf", 13));
    assert_err(ERR_AUTH, password_verify(hash, "correct hors", 12));
    assert_err(ERR_AUTH, password_verify(hash, "correct horse\0", 14));
    assert_err(ERR_AUTH, password_verify(hash, "Correct horse", 13));
    assert_err(ERR_AUTH, password_verify(hash, "", 0));
}

static void every_byte_of_a_long_password_counts(void **state)
{
    (void)state;
    char password[PASSWORD_BYTES_MAX + 1], hash[PASSWORD_HASH_SIZE] = "before";
    memset(password, 'x', sizeof(password));
    assert_err(ERR_INVALID, password_hash(password, sizeof(password), hash));
    assert_string_equal(hash, "before");
    assert_ok(password_hash(password, PASSWORD_BYTES_MAX, hash));
    assert_ok(password_verify(hash, password, PASSWORD_BYTES_MAX));
    assert_err(ERR_AUTH, password_verify(hash, password, PASSWORD_BYTES_MAX + 1));
    assert_err(ERR_AUTH, password_verify(hash, password, PASSWORD_BYTES_MAX - 1));
    password[PASSWORD_BYTES_MAX - 1] = 'y';
    assert_err(ERR_AUTH, password_verify(hash, password, PASSWORD_BYTES_MAX));
}

static void bytes_are_taken_as_they_are(void **state)
{
    (void)state;
    static const char nul[] = {'a', '\0', 'b'};
    char hash[PASSWORD_HASH_SIZE];
    assert_ok(password_hash(nul, sizeof(nul), hash));
    assert_ok(password_verify(hash, nul, sizeof(nul)));
    assert_err(ERR_AUTH, password_verify(hash, "a", 1));
    assert_err(ERR_AUTH, password_verify(hash, "a\0c", 3));
}

static void without_a_hash_no_password_fits(void **state)
{
    (void)state;
    static const char *const hashes[] = {NULL, "", "x", "$2b$12$abc", "$argon2id$v=19$m=19456,t=2,p=1$" SALT "$" HASH "A"};
    for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
        assert_err(ERR_AUTH, password_verify(hashes[i], "", 0));
        assert_err(ERR_AUTH, password_verify(hashes[i], "password", 8));
    }
}

static void a_hash_of_other_cost_is_stale(void **state)
{
    (void)state;
    char hash[PASSWORD_HASH_SIZE];
    assert_int_equal(crypto_pwhash_str_alg(hash, "abc", 3, 1, 1 << 20, crypto_pwhash_ALG_ARGON2ID13), 0);
    assert_true(password_hash_ok(hash));
    assert_true(password_stale(hash));
    assert_ok(password_verify(hash, "abc", 3)); /* it is good all the same */
    assert_err(ERR_AUTH, password_verify(hash, "abd", 3));
    assert_true(password_stale("x"));
}

static void hashes_have_one_form_and_a_bounded_cost(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "$argon2id$", "$argon2i$v=19$m=19456,t=2,p=1$" SALT "$" HASH,
        "$argon2id$v=16$m=19456,t=2,p=1$" SALT "$" HASH, "$argon2id$v=19$m=77825,t=2,p=1$" SALT "$" HASH,
        "$argon2id$v=19$m=19456,t=9,p=1$" SALT "$" HASH, "$argon2id$v=19$m=19456,t=0,p=1$" SALT "$" HASH,
        "$argon2id$v=19$m=19456,t=2,p=2$" SALT "$" HASH, "$argon2id$v=19$m=019456,t=2,p=1$" SALT "$" HASH,
        "$argon2id$v=19$m=,t=2,p=1$" SALT "$" HASH, "$argon2id$v=19$m=123456789012,t=2,p=1$" SALT "$" HASH,
        "$argon2id$v=19$m=19456,p=1$" SALT "$" HASH, "$argon2id$v=19$m=19456,t=2,p=1$A" SALT "$" HASH,
        "$argon2id$v=19$m=19456,t=2,p=1$" SALT "$A" HASH, "$argon2id$v=19$m=19456,t=2,p=1$" SALT "$" HASH " ",
        "$argon2id$v=19$m=19456,t=2,p=1$" SALT, "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAB$" HASH,
        "$argon2id$v=19$m=1,t=2,p=1$" SALT "$" HASH};
    assert_true(password_hash_ok("$argon2id$v=19$m=19456,t=2,p=1$" SALT "$" HASH));
    assert_true(password_hash_ok("$argon2id$v=19$m=77824,t=8,p=1$" SALT "$" HASH));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (password_hash_ok(bad[i]))
            fail_msg("%s", bad[i]);
}

static uint64_t thread_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

#define TRIES 25

static void unknown_names_take_as_much_work_as_known_ones(void **state)
{
    (void)state;
    char hash[PASSWORD_HASH_SIZE];
    const char *const kinds[] = {hash, NULL, "no hash"};
    uint64_t ns[3][TRIES];
    assert_ok(password_hash("correct horse", 13, hash));
    for (int i = 0; i < TRIES; i++)
        for (int k = 0; k < 3; k++) {
            uint64_t start = thread_ns();
            assert_err(ERR_AUTH, password_verify(kinds[k], "wrong one", 9));
            ns[k][i] = thread_ns() - start;
        }
    for (int k = 0; k < 3; k++)
        qsort(ns[k], TRIES, sizeof(ns[k][0]), compare);
    for (int k = 1; k < 3; k++) {
        double ratio = (double)ns[k][TRIES / 2] / (double)ns[0][TRIES / 2];
        if (ratio < 0.8 || ratio > 1.25)
            fail_msg("a kind %d takes %.2f of the time", k, ratio);
    }
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/* A process without memory says so, and does not take a right password for a wrong one. */
static void without_memory_nothing_is_judged(void **state)
{
    (void)state;
    char hash[PASSWORD_HASH_SIZE], other[PASSWORD_HASH_SIZE];
    struct rlimit before, small;
    assert_ok(password_hash("correct horse", 13, hash));
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    small = (struct rlimit){1 << 20, before.rlim_max}; /* nothing more can be mapped */
    assert_int_equal(setrlimit(RLIMIT_AS, &small), 0);
    enum err known = password_verify(hash, "correct horse", 13), unknown = password_verify(NULL, "correct horse", 13);
    enum err hashed = password_hash("correct horse", 13, other);
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    assert_int_equal(known, ERR_NOMEM);
    assert_int_equal(unknown, ERR_NOMEM);
    assert_int_equal(hashed, ERR_NOMEM);
    assert_ok(password_verify(hash, "correct horse", 13));
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_password_fits_its_hash_and_no_other_does),
        cmocka_unit_test(every_byte_of_a_long_password_counts),
        cmocka_unit_test(bytes_are_taken_as_they_are),
        cmocka_unit_test(without_a_hash_no_password_fits),
        cmocka_unit_test(a_hash_of_other_cost_is_stale),
        cmocka_unit_test(hashes_have_one_form_and_a_bounded_cost),
        cmocka_unit_test(unknown_names_take_as_much_work_as_known_ones),
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
        cmocka_unit_test(without_memory_nothing_is_judged),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
