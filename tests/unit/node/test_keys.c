/* A node's keys on disk: given once, for its owner only, and what a coordinator tells is believed only when it was sealed for this node. */
#include "tests/unit/keyring.h"
#include "tests/unit/node/folder.h"

#include "lib/audit/folder.h"
#include "lib/base/seal.h"
#include "node/keys.h"

#define ID "node-1.00000000000000aa"
#define OTHER "node-2.00000000000000bb"

static const struct sign_key master = {"the cluster's key of these tests"};

static int setup(void **state)
{
    struct folder *f = calloc(1, sizeof(*f));
    folder_make(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    folder_remove(*state);
    free(*state);
    return 0;
}

static void give(const struct folder *f)
{
    struct keys_given given;
    keys_derive(&master, ID, &given);
    assert_ok(keys_give(f->path, ID, &given));
}

static void assert_private(const struct folder *f, const char *name)
{
    struct stat st;
    assert_int_equal(stat(folder_at(f, name), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void what_was_given_is_there_after_a_restart(void **state)
{
    struct folder *f = *state;
    struct sign_keys *keys, *coordinator = keyring_of(&master, "coordinator:c-1");
    struct sign_key there, here;
    uint8_t seed[AUDIT_KEY_SIZE], want[AUDIT_KEY_SIZE];
    uint64_t start;
    assert_false(keys_are_there(f->path));
    assert_err(ERR_NOT_FOUND, keys_open(f->path, ID, &keys));
    give(f);
    assert_true(keys_are_there(f->path));
    assert_private(f, "node.key");
    assert_ok(keys_open(f->path, ID, &keys));
    assert_string_equal(sign_keys_self(keys), "node:" ID);
    assert_ok(sign_keys_to(keys, NULL, &there));
    assert_ok(sign_keys_from(coordinator, "node:" ID, &here));
    assert_memory_equal(&there, &here, sizeof(here));
    assert_ok(audit_folder_read_seed(folder_at(f, "audit"), seed, &start));
    audit_seed_first(master.bytes, "node:" ID, want);
    assert_memory_equal(seed, want, sizeof(want));
    sign_keys_free(keys);
    sign_keys_free(coordinator);
}

/* A seed that has moved on must not begin again. */
static void giving_twice_changes_nothing(void **state)
{
    struct folder *f = *state;
    struct keys_given other;
    struct sign_keys *keys;
    uint8_t seed[AUDIT_KEY_SIZE] = {5}, found[AUDIT_KEY_SIZE];
    uint64_t start;
    give(f);
    assert_ok(audit_folder_write_seed(folder_at(f, "audit"), seed, 7));
    give(f);
    assert_ok(audit_folder_read_seed(folder_at(f, "audit"), found, &start));
    assert_int_equal(start, 7);
    /* A folder that was made new: another id, other keys, nothing left of the old ones. */
    assert_ok(fs_replace_file(folder_at(f, "pairs.json"), "{\"pairs\":[]}", 12, 0600));
    keys_derive(&master, OTHER, &other);
    assert_ok(keys_give(f->path, OTHER, &other));
    assert_err(ERR_CORRUPT, keys_open(f->path, ID, &keys));
    assert_ok(keys_open(f->path, OTHER, &keys));
    assert_int_not_equal(access(folder_at(f, "pairs.json"), F_OK), 0);
    assert_ok(audit_folder_read_seed(folder_at(f, "audit"), found, &start));
    assert_int_equal(start, 0);
    assert_memory_equal(found, other.seed, sizeof(found));
    sign_keys_free(keys);
}

static void keys_of_others_and_open_files_are_refused(void **state)
{
    struct folder *f = *state;
    struct sign_keys *keys;
    static const char *const bad[] = {"", "{}", "[]", "{\"id\":\"" ID "\",\"key\":\"00\",\"coordinators\":\"00\"}"};
    give(f);
    assert_err(ERR_CORRUPT, keys_open(f->path, OTHER, &keys));
    assert_int_equal(chmod(folder_at(f, "node.key"), 0640), 0);
    assert_err(ERR_DENIED, keys_open(f->path, ID, &keys));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_ok(fs_replace_file(folder_at(f, "node.key"), bad[i], strlen(bad[i]), 0600));
        assert_err(ERR_CORRUPT, keys_open(f->path, ID, &keys));
    }
    struct buf text;
    buf_init(&text, 1024);
    assert_ok(buf_addf(&text, "{\"id\":\"" ID "\",\"key\":\"%064d\",\"coordinators\":\"%064d\"}", 0, 0));
    assert_ok(fs_replace_file(folder_at(f, "node.key"), text.data, text.len, 0600));
    assert_err(ERR_INVALID, keys_open(f->path, ID, &keys));
    buf_release(&text);
}

static void seal_for(const char *node, const char *text, struct buf *out)
{
    struct sign_key own, seal;
    sign_node_key(&master, node, &own);
    sign_pairs_seal(&own, &seal);
    buf_init(out, 4096);
    assert_ok(seal_close(seal.bytes, "pairs", text, strlen(text), out));
}

static void pairs_are_kept_and_only_what_was_sealed_for_us_is_believed(void **state)
{
    static const char text[] =
        "{\"pairs\":[{\"id\":\"" OTHER "\",\"key\":\"16308678868f9c5a4dcb1e4fa568e7a9951f6ed02324537013b9e6a3dde01c0f\"}]}";
    struct folder *f = *state;
    struct sign_keys *keys;
    struct buf sealed, others;
    give(f);
    assert_ok(keys_open(f->path, ID, &keys));
    seal_for(ID, text, &sealed);
    seal_for(OTHER, text, &others);
    assert_err(ERR_AUTH, keys_take(f->path, keys, others.data, others.len));
    assert_err(ERR_AUTH, keys_take(f->path, keys, text, strlen(text)));
    assert_err(ERR_AUTH, keys_take(f->path, keys, "", 0));
    assert_false(sign_keys_knows(keys, OTHER));
    assert_ok(keys_take(f->path, keys, sealed.data, sealed.len));
    assert_true(sign_keys_knows(keys, OTHER));
    assert_private(f, "pairs.json");
    sign_keys_free(keys);
    assert_ok(keys_open(f->path, ID, &keys));
    assert_true(sign_keys_knows(keys, OTHER));
    sign_keys_free(keys);
    buf_release(&sealed);
    buf_release(&others);
}

static void answers_that_make_no_sense_change_nothing(void **state)
{
    static const char *const bad[] = {"", "{}", "{\"pairs\":{}}", "{\"pairs\":[{}]}", "{\"pairs\":[{\"id\":\"\",\"key\":\"00\"}]}",
        "{\"pairs\":[{\"id\":\"a.01\",\"key\":\"00\"}]}", "{\"pairs\":[1]}"};
    struct folder *f = *state;
    struct sign_keys *keys;
    struct buf sealed;
    give(f);
    assert_ok(keys_open(f->path, ID, &keys));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        seal_for(ID, bad[i], &sealed);
        assert_err(ERR_SYNTAX, keys_take(f->path, keys, sealed.data, sealed.len));
        buf_release(&sealed);
    }
    assert_int_not_equal(access(folder_at(f, "pairs.json"), F_OK), 0);
    sign_keys_free(keys);
    /* A file that cannot be read is as good as none: a coordinator will tell. */
    assert_ok(fs_replace_file(folder_at(f, "pairs.json"), "rubbish", 7, 0600));
    assert_ok(keys_open(f->path, ID, &keys));
    sign_keys_free(keys);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_was_given_is_there_after_a_restart),
        TEST(giving_twice_changes_nothing),
        TEST(keys_of_others_and_open_files_are_refused),
        TEST(pairs_are_kept_and_only_what_was_sealed_for_us_is_believed),
        TEST(answers_that_make_no_sense_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
