/* Key files, and which key a sender's message is checked with: a key that is taken is the one in the file, which is private and none that is known; every
 * sender has one key, and no two have the same. Input: the mode of the file in octal digits, a line; the file. */
#include "tests/fuzz/folder.h"

#include "lib/base/num.h"
#include "lib/sign/keys.h"

static void check_taken(const struct sign_key *k, const uint8_t *data, size_t size)
{
    char hex[2 * SIGN_KEY_SIZE + 1];
    num_hex(k->bytes, sizeof(k->bytes), hex);
    FUZZ_CHECK(size >= 64 && memcmp(data, hex, 64) == 0 && !sign_key_is_known(k));
}

/* The file's bytes as a sender, and as the id of a node. */
static void check_senders(const struct sign_key *master, const char *sender)
{
    struct sign_key own, to_coordinators, key, again;
    enum sign_role role;
    const char *name = NULL;
    enum err e = strlen(sender) < SIGN_SENDER_MAX ? sign_role_of(sender, &role, &name) : ERR_AUTH;
    struct sign_keys *holder = sign_keys_master(master, sender), *node = NULL;
    FUZZ_CHECK(!holder || (!e && role != SIGN_NODE && strcmp(sign_keys_self(holder), sender) == 0));
    sign_keys_free(holder);
    holder = sign_keys_master(master, "api:fuzz");
    FUZZ_CHECK(holder);
    FUZZ_CHECK((sign_keys_from(holder, sender, &key) == ERR_OK) == (e == ERR_OK));
    if (!e && *name) {
        FUZZ_CHECK(sign_keys_from(holder, "node:another", &again) == ERR_OK);
        FUZZ_CHECK(strcmp(sender, "node:another") == 0 || memcmp(key.bytes, again.bytes, sizeof(key.bytes)) != 0);
        sign_node_key(master, name, &own);
        sign_coordinators_key(master, &to_coordinators);
        node = sign_keys_node(name, &own, &to_coordinators);
    }
    if (node) {
        struct sign_pair pair = {.node = "node-9.99", .key = own};
        FUZZ_CHECK(strncmp(sign_keys_self(node), "node:", 5) == 0 && strcmp(sign_keys_self(node) + 5, name) == 0);
        FUZZ_CHECK(sign_keys_of(node, name, &key) == ERR_OK && memcmp(key.bytes, own.bytes, sizeof(key.bytes)) == 0);
        FUZZ_CHECK(sign_keys_of(node, "node-9.99", &key) == ERR_NOT_FOUND || strcmp(name, "node-9.99") == 0);
        FUZZ_CHECK(sign_keys_learn(node, &pair, 1) == ERR_OK && sign_keys_knows(node, "node-9.99"));
        FUZZ_CHECK(sign_keys_to(node, "node-9.99", &key) == ERR_OK && sign_keys_to(node, NULL, &key) == ERR_OK);
        FUZZ_CHECK(sign_keys_to(node, "node-8.88", &key) == ERR_NOT_FOUND);
        FUZZ_CHECK(sign_keys_learn(holder, &pair, 1) == ERR_INVALID);
        FUZZ_CHECK(sign_keys_to(holder, "node-9.99", &key) == ERR_OK && sign_keys_to(holder, NULL, &again) == ERR_OK);
        FUZZ_CHECK(memcmp(key.bytes, again.bytes, sizeof(key.bytes)) != 0);
        FUZZ_CHECK(sign_keys_of(holder, name, &key) == ERR_OK && memcmp(key.bytes, own.bytes, sizeof(key.bytes)) == 0);
    }
    sign_keys_free(node);
    sign_keys_free(holder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sign_key key = {"the key of the fuzz target, 32 b"};
    char *line = fuzz_line(&data, &size), *text = fuzz_string(data, size);
    mode_t mode = (mode_t)(strtoul(line, NULL, 8) & 0777) | S_IRUSR;
    fuzz_write("key", data, size, mode);
    FUZZ_CHECK(chmod(fuzz_path("key"), mode) == 0);
    struct sign_key taken;
    enum err e = sign_key_read(fuzz_path("key"), &taken);
    FUZZ_CHECK(e || !(mode & 077));
    if (!e)
        check_taken(&taken, data, size);
    else
        FUZZ_CHECK(*sign_key_why(e));
    if (!memchr(data, 0, size))
        check_senders(&key, text);
    free(line);
    free(text);
    return 0;
}
