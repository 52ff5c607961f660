/* New passwords: each word of the list is refused, what is fine is within its bounds, and case makes no difference. A hash that is taken is one that libsodium
 * can read, at a bounded cost. Input: the account's name, the password, a hash, in a line each, and then the list. */
#include "tests/fuzz/fuzz.h"

#include "lib/auth/password.h"
#include "lib/base/text.h"

#include <ctype.h>

/* A taken hash is of a cost that we pay; here only the cheapest are, each some 20 microseconds. */
static void check_hash(const char *hash, const char *password, size_t len)
{
    FUZZ_CHECK(strlen(hash) < PASSWORD_HASH_SIZE && strncmp(hash, "$argon2id$v=19$m=", 17) == 0);
    FUZZ_CHECK(!password_stale(hash) == (strncmp(hash, "$argon2id$v=19$m=19456,t=2,p=1$", 31) == 0));
    if (strtoul(hash + 17, NULL, 10) > 64)
        return;
    enum err e = password_verify(hash, password, len);
    FUZZ_CHECK(e == ERR_OK || e == ERR_AUTH);
    if (e == ERR_OK && len > 0)
        FUZZ_CHECK(password_verify(hash, password, len - 1) == ERR_AUTH);
}

static void check_fine(const char *password, size_t len)
{
    FUZZ_CHECK(len >= PASSWORD_CHARS_MIN && len <= PASSWORD_BYTES_MAX && text_is_utf8(password, len) && !text_has_control(password, len));
}

static void check_words(const char *text, const struct password_list *list)
{
    char *copy = strdup(text), *rest = NULL;
    FUZZ_CHECK(copy);
    size_t n = 0;
    /* The same cuts as the list's: every control character, space, comma and quote. */
    for (char *c = copy; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == ',' || *c == '"' || *c == '\'')
            *c = '\n';
    for (char *word = strtok_r(copy, "\n", &rest); word; word = strtok_r(NULL, "\n", &rest)) {
        size_t len = strlen(word);
        if (len < 8 || len > 64)
            continue;
        n++;
        FUZZ_CHECK(password_check(word, len, "", list) != PASSWORD_FINE);
    }
    FUZZ_CHECK(password_list_count(list) == n);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *name = fuzz_line(&data, &size), *password = fuzz_line(&data, &size), *hash = fuzz_line(&data, &size),
         *text = fuzz_string(data, size);
    size_t len = strlen(password);
    struct password_list *list = NULL;
    FUZZ_CHECK(password_list_new(text, strlen(text), &list) == ERR_OK);
    enum password_fault fault = password_check(password, len, name, list);
    if (fault == PASSWORD_FINE) {
        check_fine(password, len);
        FUZZ_CHECK(password_check(password, len, name, NULL) == PASSWORD_FINE);
    }
    if (password_hash_ok(hash))
        check_hash(hash, password, len);
    else
        FUZZ_CHECK(password_stale(hash));
    check_words(text, list);
    for (char *c = password; *c; c++)
        *c = (char)((unsigned char)*c < 0x80 ? toupper((unsigned char)*c) : *c);
    FUZZ_CHECK(password_check(password, len, name, list) == fault);
    password_list_free(list);
    free(name);
    free(password);
    free(hash);
    free(text);
    return 0;
}
