/* Keys of pairs: the same on both sides, different for everybody else, and those that the second implementation (tests/support/inside.py) derives. */
#include "tests/unit/keyring.h"
#include "tests/unit/unit.h"

#include "lib/base/num.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ID "0123456789abcdef"
#define CLAIM "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

static const struct sign_key master = {"the cluster's key of these tests"};

static void assert_key(const struct sign_key *key, const char *hex)
{
    char text[2 * SIGN_KEY_SIZE + 1];
    num_hex(key->bytes, sizeof(key->bytes), text);
    assert_string_equal(text, hex);
}

static void keys_are_those_that_are_written_down(void **state)
{
    struct sign_key node, key;
    char id[SIGN_SENDER_MAX];
    (void)state;
    sign_node_key(&master, "node-1.aa", &node);
    assert_key(&node, "16308678868f9c5a4dcb1e4fa568e7a9951f6ed02324537013b9e6a3dde01c0f");
    sign_coordinators_key(&master, &key);
    assert_key(&key, "32ce169bb02d94bf9514977dfc8c1babcaab44034a40d68494be360b5e4e26a5");
    sign_pair_key(&node, "node:node-2.bb", &key);
    assert_key(&key, "2d7c9f54fbea5cb7d68ae432828fcda88db1bb105e7233ae98672d9f73e198bb");
    sign_pairs_seal(&node, &key);
    assert_key(&key, "42792ab82e5e856a1557726696e35df8a414cd7c5066cb9079b7509bf5abd72a");
    sign_join_secret(&master, ID, &node);
    assert_key(&node, "81c467903a8689ae4fc0a2a674b98eb5ec28a7b1ae8b6c6226bc67b27e6896b0");
    sign_join_proof(&node, ID, CLAIM, key.bytes);
    assert_key(&key, "058525bd6d07bd2886e178e1a266144d34d436d37c4e554b83430fa8295f4038");
    sign_join_seal(&node, ID, CLAIM, &key);
    assert_key(&key, "e800bc60071cd9870f8f201d87eee19b760be0a4a2bb45d9e6321a1e373a6e50");
    sign_join_node("lab-7", CLAIM, id);
    assert_string_equal(id, "lab-7.03a4197ce4450c0d");
}

static void both_sides_have_the_same_key_and_nobody_else(void **state)
{
    static const char *const all[] = {"api:api-1", "coordinator:c-1", "tool:t", "node:n1.01", "node:n2.02", "node:n3.03"};
    struct sign_keys *k[6];
    struct sign_key there, here, seen[36];
    size_t n = 0;
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        k[i] = keyring_of(&master, all[i]);
        assert_non_null(k[i]);
        assert_string_equal(sign_keys_self(k[i]), all[i]);
    }
    for (size_t to = 3; to < 6; to++) {
        for (size_t from = 0; from < 6; from++) {
            struct sign_pair pair = keyring_pair(&master, all[from] + (from < 3 ? 0 : 5), all[to] + 5);
            if (from >= 3)
                assert_ok(sign_keys_learn(k[from], &pair, 1));
            assert_ok(sign_keys_to(k[from], all[to] + 5, &there));
            assert_ok(sign_keys_from(k[to], all[from], &here));
            assert_memory_equal(&there, &here, sizeof(there));
            for (size_t i = 0; i < n; i++)
                assert_memory_not_equal(&seen[i], &here, sizeof(here));
            seen[n++] = here;
        }
    }
    for (size_t from = 0; from < 6; from++) {
        assert_ok(sign_keys_to(k[from], NULL, &there));
        assert_ok(sign_keys_from(k[1], all[from], &here));
        assert_memory_equal(&there, &here, sizeof(there));
    }
    for (size_t i = 0; i < 6; i++)
        sign_keys_free(k[i]);
}

static void a_node_has_only_what_it_was_given(void **state)
{
    struct sign_keys *k = keyring_of(&master, "node:n1.01");
    struct sign_pair pairs[3] = {
        keyring_pair(&master, "n1.01", "z.01"), keyring_pair(&master, "n1.01", "a.01"), keyring_pair(&master, "n1.01", "m.01")};
    struct sign_key key, own;
    (void)state;
    assert_err(ERR_NOT_FOUND, sign_keys_to(k, "a.01", &key));
    assert_false(sign_keys_knows(k, "a.01"));
    assert_ok(sign_keys_learn(k, pairs, 3));
    for (size_t i = 0; i < 3; i++) {
        assert_ok(sign_keys_to(k, pairs[i].node, &key));
        assert_memory_equal(&key, &pairs[i].key, sizeof(key));
    }
    assert_err(ERR_NOT_FOUND, sign_keys_to(k, "b.01", &key));
    assert_ok(sign_keys_learn(k, pairs, 1)); /* in place of the others */
    assert_false(sign_keys_knows(k, "a.01"));
    assert_true(sign_keys_knows(k, "z.01"));
    assert_err(ERR_TOO_LARGE, sign_keys_learn(k, pairs, SIGN_PAIRS_MAX + 1));
    sign_node_key(&master, "n1.01", &own);
    assert_ok(sign_keys_of(k, "n1.01", &key));
    assert_memory_equal(&key, &own, sizeof(key));
    assert_err(ERR_NOT_FOUND, sign_keys_of(k, "a.01", &key));
    sign_keys_free(k);
}

static void senders_without_a_role_have_no_keys(void **state)
{
    struct sign_keys *k = keyring_of(&master, "api:api-1");
    struct sign_key key;
    char longest[SIGN_SENDER_MAX + 8];
    (void)state;
    static const char *const bad[] = {"", "node-1.aa", "leader:x", "node:", "NODE:x", ":x"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_err(ERR_AUTH, sign_keys_from(k, bad[i], &key));
        assert_null(sign_keys_master(&master, bad[i]));
    }
    memset(longest, 'x', sizeof(longest));
    memcpy(longest, "api:", 4);
    longest[SIGN_SENDER_MAX] = '\0';
    assert_err(ERR_AUTH, sign_keys_from(k, longest, &key));
    assert_null(sign_keys_master(&master, longest));
    assert_null(sign_keys_node(longest, &master, &master));
    assert_null(sign_keys_master(&master, "node:n1.01")); /* a node never has the master */
    assert_err(ERR_INVALID, sign_keys_learn(k, NULL, 0));
    sign_keys_free(k);
}

static void known_keys_are_refused(void **state)
{
    struct sign_key key;
    (void)state;
    assert_false(sign_key_is_known(&master));
    for (unsigned period = 1; period <= 16; period *= 2) {
        for (unsigned i = 0; i < SIGN_KEY_SIZE; i++)
            key.bytes[i] = (uint8_t)(0x37 * (i % period + 1) * (i % period + 3));
        assert_true(sign_key_is_known(&key));
    }
    for (unsigned i = 0; i < SIGN_KEY_SIZE; i++)
        key.bytes[i] = (uint8_t)i;
    assert_true(sign_key_is_known(&key));
    for (unsigned i = 0; i < SIGN_KEY_SIZE; i++)
        key.bytes[i] = (uint8_t)(250 - i);
    assert_true(sign_key_is_known(&key));
    key.bytes[31] ^= 1;
    assert_false(sign_key_is_known(&key));
}

static enum err read_text(const char *text, mode_t mode)
{
    char path[] = "/tmp/rb-unit-key-XXXXXX";
    struct sign_key key;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    enum err e = sign_key_read(path, &key);
    unlink(path);
    return e;
}

static void a_key_file_is_private_whole_and_not_known(void **state)
{
    static const char good[] = "16308678868f9c5a4dcb1e4fa568e7a9951f6ed02324537013b9e6a3dde01c0f\n";
    char zero[65], same[65];
    struct sign_key key;
    (void)state;
    memset(zero, '0', 64);
    memset(same, 'a', 64);
    zero[64] = same[64] = '\0';
    assert_ok(read_text(good, 0600));
    assert_ok(read_text(good, 0400));
    assert_err(ERR_DENIED, read_text(good, 0640));
    assert_err(ERR_DENIED, read_text(good, 0604));
    assert_err(ERR_DENIED, read_text(zero, 0600));
    assert_err(ERR_INVALID, read_text(same, 0600));
    assert_err(ERR_SYNTAX, read_text("", 0600));
    assert_err(ERR_SYNTAX, read_text("0011", 0600));
    assert_err(ERR_SYNTAX, read_text("secret", 0600));
    assert_err(ERR_NOT_FOUND, sign_key_read("/tmp/rb-nobody-has-this", &key));
    assert_non_null(strstr(sign_key_why(ERR_DENIED), "nobody else can read"));
}

#define THREADS 4
#define ROUNDS 2000

static void *race(void *arg)
{
    struct sign_keys *k = arg;
    struct sign_pair pairs[2] = {keyring_pair(&master, "n1.01", "a.01"), keyring_pair(&master, "n1.01", "b.01")};
    for (size_t i = 0; i < ROUNDS; i++) {
        struct sign_key key;
        if (i % 10 == 0)
            assert_ok(sign_keys_learn(k, pairs, 1 + i / 10 % 2));
        if (sign_keys_to(k, "a.01", &key) == ERR_OK)
            assert_memory_equal(&key, &pairs[0].key, sizeof(key));
    }
    return NULL;
}

static void many_threads_ask_while_one_learns(void **state)
{
    struct sign_keys *k = keyring_of(&master, "node:n1.01");
    pthread_t threads[THREADS];
    (void)state;
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, race, k), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    sign_keys_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_those_that_are_written_down),
        cmocka_unit_test(both_sides_have_the_same_key_and_nobody_else),
        cmocka_unit_test(a_node_has_only_what_it_was_given),
        cmocka_unit_test(senders_without_a_role_have_no_keys),
        cmocka_unit_test(known_keys_are_refused),
        cmocka_unit_test(a_key_file_is_private_whole_and_not_known),
        cmocka_unit_test(many_threads_ask_while_one_learns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
