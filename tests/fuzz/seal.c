/* Sealed bytes: nothing that we did not seal opens; what we sealed opens as it was, only under its key and purpose, and with no byte changed. */
#include "tests/fuzz/fuzz.h"

#include "lib/base/seal.h"

static const uint8_t key[SEAL_KEY_SIZE] = "the key of the fuzz target, 32b", other[SEAL_KEY_SIZE] = "another key of the fuzz target";

static enum err open_as(const uint8_t k[SEAL_KEY_SIZE], const char *purpose, const void *sealed, size_t len, struct buf *out)
{
    size_t before = out->len;
    enum err e = seal_open(k, purpose, sealed, len, out);
    FUZZ_CHECK(!e || out->len == before);
    return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf sealed, text;
    buf_init(&sealed, 1u << 16);
    buf_init(&text, 1u << 16);
    FUZZ_CHECK(open_as(key, "fuzz", data, size, &text) == ERR_AUTH); /* nobody guesses a tag */
    FUZZ_CHECK(seal_close(key, "fuzz", data, size, &sealed) == ERR_OK && sealed.len == size + SEAL_EXTRA);
    FUZZ_CHECK(open_as(key, "fuzz", sealed.data, sealed.len, &text) == ERR_OK && text.len == size);
    FUZZ_CHECK(size == 0 || memcmp(text.data, data, size) == 0);
    FUZZ_CHECK(open_as(other, "fuzz", sealed.data, sealed.len, &text) == ERR_AUTH);
    FUZZ_CHECK(open_as(key, "fuz", sealed.data, sealed.len, &text) == ERR_AUTH);
    FUZZ_CHECK(open_as(key, "fuzz", sealed.data, sealed.len - 1, &text) == ERR_AUTH);
    size_t at = size > 1 ? ((size_t)data[0] << 8 | data[1]) % sealed.len : 0;
    sealed.data[at] = (char)(sealed.data[at] ^ (size > 2 && data[2] ? data[2] : 1));
    FUZZ_CHECK(open_as(key, "fuzz", sealed.data, sealed.len, &text) == ERR_AUTH);
    buf_release(&sealed);
    buf_init(&sealed, SEAL_EXTRA); /* without room */
    FUZZ_CHECK(size == 0 || seal_close(key, "fuzz", data, size, &sealed) == ERR_NOMEM);
    buf_release(&sealed);
    buf_release(&text);
    return 0;
}
