/* A course name that was taken is within its bounds, its key has none of the characters that do not count, and the key of the key is the key. Search words are
 * valid, bounded and the same when they are cut from themselves. */
#include "tests/fuzz/fuzz.h"

#include "lib/base/text.h"
#include "lib/name/name.h"

static void check_course(const char *typed, size_t len)
{
    struct buf name, key, name2, key2;
    buf_init(&name, NAME_BYTES_MAX);
    buf_init(&key, 64u << 10);
    buf_init(&name2, 64u << 10);
    buf_init(&key2, 64u << 10);
    if (name_course(typed, len, &name, &key) == ERR_OK) {
        size_t trimmed = name.len;
        FUZZ_CHECK(name.len > 0 && text_length(name.data, name.len) <= NAME_CHARS_MAX && !text_has_control(name.data, name.len));
        FUZZ_CHECK(text_trim(name.data, &trimmed) == name.data && trimmed == name.len);
        FUZZ_CHECK(key.len > 0 && key.len <= NAME_KEY_BYTES_MAX && text_is_utf8(key.data, key.len));
        FUZZ_CHECK(strcspn(key.data, " \t-_.") == key.len);
        FUZZ_CHECK(name_key(key.data, key.len, &key2) == ERR_OK && strcmp(key.data, key2.data) == 0);
        buf_reset(&key2);
        FUZZ_CHECK(name_course(name.data, name.len, &name2, &key2) == ERR_OK);
        FUZZ_CHECK(strcmp(name.data, name2.data) == 0 && strcmp(key.data, key2.data) == 0);
    } else {
        FUZZ_CHECK(name.len == 0 && key.len == 0);
    }
    buf_release(&name);
    buf_release(&key);
    buf_release(&name2);
    buf_release(&key2);
}

static int collect(const char *word, size_t len, void *ctx)
{
    FUZZ_CHECK(len > 0 && len <= 64 && text_is_utf8(word, len));
    FUZZ_CHECK(buf_addf(ctx, "%.*s ", (int)len, word) == ERR_OK);
    return 0;
}

static void check_words(const char *text, size_t len)
{
    struct buf once, twice;
    buf_init(&once, 1u << 20);
    buf_init(&twice, 1u << 20);
    int result = name_words(text, len, collect, &once);
    FUZZ_CHECK(result == (text_is_utf8(text, len) ? 0 : -1));
    FUZZ_CHECK(name_words(buf_str(&once), once.len, collect, &twice) == 0);
    FUZZ_CHECK(strcmp(buf_str(&once), buf_str(&twice)) == 0);
    buf_release(&once);
    buf_release(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 8192)
        return 0;
    check_course((const char *)data, size);
    check_words((const char *)data, size);
    return 0;
}
