/* Clock answers and capabilities: what we made passes, what the fuzzer made or changed does not. */
#include "tests/fuzz/fuzz.h"

#include "lib/sign/sign.h"

#define NOW_S UINT64_C(1795269723)
#define NODE "node-1.aa"

static const struct sign_key key = {"the key of the fuzz target, 32 b"};
static const char nonce[] = "0123456789abcdef0123456789abcdef";

/* A header is either byte for byte one of ours, or refused. */
static void check_capability(const char *what, const char *header)
{
    int ours = 0;
    struct buf b;
    buf_init(&b, 1000);
    for (uint64_t expiry_s = NOW_S; expiry_s <= NOW_S + SIGN_CAPABILITY_MAX_S; expiry_s += SIGN_CAPABILITY_MAX_S) {
        buf_reset(&b);
        if (sign_capability_make(&key, NODE, what, expiry_s, &b))
            break;
        FUZZ_CHECK(sign_capability_check(&key, NODE, what, b.data, NOW_S) == ERR_OK);
        FUZZ_CHECK(sign_capability_check(&key, "node-2.aa", what, b.data, NOW_S) == ERR_AUTH);
        FUZZ_CHECK(sign_capability_check(&key, NODE, "blob:another", b.data, NOW_S) == ERR_AUTH || strcmp(what, "blob:another") == 0);
        FUZZ_CHECK(sign_capability_check(&key, NODE, what, b.data, expiry_s + 1) == ERR_AUTH);
        ours |= strcmp(header, b.data) == 0;
    }
    FUZZ_CHECK(ours || sign_capability_check(&key, NODE, what, header, NOW_S) == ERR_AUTH);
    buf_release(&b);
}

static void check_clock(const char *header)
{
    uint64_t time_ms = 42;
    struct buf b;
    buf_init(&b, 1000);
    FUZZ_CHECK(sign_clock_make(&key, nonce, NOW_S * 1000, &b) == ERR_OK);
    FUZZ_CHECK(sign_clock_check(&key, nonce, b.data, &time_ms) == ERR_OK && time_ms == NOW_S * 1000);
    time_ms = 42;
    FUZZ_CHECK(sign_clock_check(&key, "f123456789abcdef0123456789abcdef", b.data, &time_ms) == ERR_AUTH);
    FUZZ_CHECK(strcmp(header, b.data) == 0 || sign_clock_check(&key, nonce, header, &time_ms) == ERR_AUTH);
    FUZZ_CHECK(time_ms == 42 || strcmp(header, b.data) == 0);
    buf_release(&b);
}

/* One of our headers with a byte changed. */
static void check_spoilt(size_t spoilt, char by)
{
    uint64_t time_ms;
    struct buf b;
    buf_init(&b, 1000);
    FUZZ_CHECK(sign_capability_make(&key, NODE, "file:a.pdf", NOW_S + 30, &b) == ERR_OK);
    char *at = &b.data[spoilt % b.len];
    if (*at != by) {
        *at = by;
        FUZZ_CHECK(sign_capability_check(&key, NODE, "file:a.pdf", b.data, NOW_S) == ERR_AUTH);
    }
    buf_reset(&b);
    FUZZ_CHECK(sign_clock_make(&key, nonce, NOW_S * 1000, &b) == ERR_OK);
    at = &b.data[spoilt % b.len];
    if (*at != by) {
        *at = by;
        FUZZ_CHECK(sign_clock_check(&key, nonce, b.data, &time_ms) == ERR_AUTH);
    }
    buf_release(&b);
}

/* Input: a line with what the capability is for, then a header. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size >= 2 && data[1] != '\0')
        check_spoilt(data[0], (char)data[1]);
    char *what = fuzz_line(&data, &size), *header = fuzz_string(data, size);
    check_capability(what, header);
    check_clock(header);
    free(what);
    free(header);
    return 0;
}
