/* New passwords: each word of the list is refused, what is fine is within its bounds, and case makes no difference. A hash that is taken is one that libsodium
 * can read, at a bounded cost. Input: the account's name, the password, a hash, in a line each, and then the list. */
#include "tests/fuzz/fuzz.h"

#include "lib/auth/password.h"
#include "lib/base/text.h"

#include <ctype.h>

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
    check_words(text, list);
    for (char *c = password; *c; c++)
        *c = (char)((unsigned char)*c < 0x80 ? toupper((unsigned char)*c) : *c);
    FUZZ_CHECK(password_check(password, len, name, list) == fault);
    if (password_hash_ok(hash)) {
        FUZZ_CHECK(strlen(hash) < PASSWORD_HASH_SIZE && strncmp(hash, "$argon2id$v=19$m=", 17) == 0);
        FUZZ_CHECK(!password_stale(hash) == (strncmp(hash, "$argon2id$v=19$m=19456,t=2,p=1$", 31) == 0));
    } else {
        FUZZ_CHECK(password_stale(hash));
    }
    password_list_free(list);
    free(name);
    free(password);
    free(hash);
    free(text);
    return 0;
}
