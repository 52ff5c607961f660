/* Names of accounts, words and scopes: one spelling, and no course from outside has a reserved key however it is written. Input: a text. */
#include "tests/fuzz/fuzz.h"

#include "lib/auth/role.h"
#include "lib/name/name.h"
#include "lib/name/reserved.h"

static void check_words(const char *text)
{
    enum role role;
    enum act act;
    if (role_parse(text, &role) == ERR_OK)
        FUZZ_CHECK(strcmp(role_name(role), text) == 0);
    if (act_parse(text, &act) == ERR_OK)
        FUZZ_CHECK(strcmp(act_name(act), text) == 0);
}

static void check_scope(const char *text, size_t len)
{
    struct auth_scopes scopes = {0}, again = {0};
    if (auth_scope_add(&scopes, text, len) != ERR_OK)
        return;
    FUZZ_CHECK(scopes.n == 1 && *scopes.prefix[0] && auth_in_scope(&scopes, scopes.prefix[0]));
    FUZZ_CHECK(auth_scope_add(&scopes, text, len) == ERR_OK && scopes.n == 1);
    FUZZ_CHECK(
        auth_scope_add(&again, scopes.prefix[0], strlen(scopes.prefix[0])) != ERR_OK || strcmp(again.prefix[0], scopes.prefix[0]) == 0);
}

/* What is reserved is what the rule says, for the key and for the key of the key. */
static void check_reserved(const char *text, size_t len)
{
    struct buf name, key, other;
    buf_init(&name, NAME_BYTES_MAX);
    buf_init(&key, NAME_KEY_BYTES_MAX);
    buf_init(&other, NAME_KEY_BYTES_MAX);
    if (name_course(text, len, &name, &key) == ERR_OK) {
        int reserved = name_is_reserved(key.data, key.len);
        FUZZ_CHECK(reserved == (strncmp(key.data, "sys/", 4) == 0 || (key.len == 69 && strncmp(key.data, "peer/", 5) == 0 &&
                                                                         strspn(key.data + 5, "0123456789abcdef") == 64)));
        FUZZ_CHECK(name_key(key.data, key.len, &other) == ERR_OK && name_is_reserved(other.data, other.len) == reserved);
    }
    buf_release(&name);
    buf_release(&key);
    buf_release(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_string(data, size), name[AUTH_NAME_SIZE], again[AUTH_NAME_SIZE];
    size_t len = strlen(text);
    if (auth_name(text, len, name) == ERR_OK) {
        FUZZ_CHECK(auth_name_ok(name) && strlen(name) == len && !strchr(name, '/'));
        FUZZ_CHECK(auth_name(name, len, again) == ERR_OK && strcmp(name, again) == 0);
    }
    if (auth_name_ok(text))
        FUZZ_CHECK(auth_name(text, len, name) == ERR_OK && strcmp(name, text) == 0);
    check_words(text);
    check_scope(text, len);
    check_reserved(text, len);
    free(text);
    return 0;
}
