/* An Authorization header that can be read has one spelling; what sign_make writes is read and passes the check once; and a changed byte never passes. */
#include "tests/fuzz/fuzz.h"

#include "lib/base/num.h"
#include "lib/sign/sign.h"

#include <inttypes.h>

#define NOW_MS UINT64_C(1795269723004)

static const struct sign_key key = {"the key of the fuzz target, 32 b"};

/* A header that was read says just what it was read from. */
static void check_spelling(const char *header)
{
    struct sign_claim c;
    char mac[HASH_HEX_SIZE];
    struct buf b;
    if (sign_parse(header, &c))
        return;
    buf_init(&b, 2 * SIGN_HEADER_MAX);
    num_hex(c.mac, sizeof(c.mac), mac);
    FUZZ_CHECK(buf_addf(&b, "RB1 sender=%s, time=%" PRIu64 ", nonce=%s, epoch=%" PRIu64 ", body=%s, mac=%s", c.sender, c.time_ms, c.nonce,
                   c.epoch, c.body, mac) == ERR_OK);
    FUZZ_CHECK(strcmp(buf_str(&b), header) == 0);
    FUZZ_CHECK(sign_check(&key, &c, "GET", "/", NULL, c.time_ms, NULL) == ERR_AUTH); /* nobody guesses a MAC */
    buf_release(&b);
}

/* A table of nonces that is never full, and a nonce that it has not seen. */
static struct sign_nonces *fresh_nonce(char out[SIGN_NONCE_HEX])
{
    static struct sign_nonces *nonces;
    static unsigned used = SIGN_NONCES_MAX;
    if (++used > SIGN_NONCES_MAX / 2) {
        sign_nonces_free(nonces);
        nonces = sign_nonces_new();
        used = 0;
    }
    FUZZ_CHECK(nonces);
    snprintf(out, SIGN_NONCE_HEX, "%032x", used);
    return nonces;
}

/* Signs a request of the input's choice, then spoils one byte. */
static void check_signature(const char *path, size_t spoilt, char by)
{
    static const char body[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    struct sign_input in = {.method = "POST", .path = path, .body_hash = body, .sender = "node:node-1.aa", .time_ms = NOW_MS, .epoch = 7};
    struct sign_nonces *nonces = fresh_nonce(in.nonce);
    struct sign_claim c;
    struct buf b;
    buf_init(&b, 2 * SIGN_HEADER_MAX);
    if (sign_make(&key, &in, &b) == ERR_OK) {
        FUZZ_CHECK(sign_parse(b.data, &c) == ERR_OK);
        FUZZ_CHECK(sign_check(&key, &c, "PUT", path, body, NOW_MS, nonces) == ERR_AUTH);
        FUZZ_CHECK(sign_check(&key, &c, "POST", path, body, NOW_MS + SIGN_WINDOW_MS + 1, nonces) == ERR_CLOCK);
        FUZZ_CHECK(sign_check(&key, &c, "POST", path, body, NOW_MS, nonces) == ERR_OK);
        FUZZ_CHECK(sign_check(&key, &c, "POST", path, body, NOW_MS, nonces) == ERR_AUTH);
        spoilt %= b.len;
        if (b.data[spoilt] != by) {
            b.data[spoilt] = by;
            FUZZ_CHECK(sign_parse(b.data, &c) != ERR_OK || sign_check(&key, &c, "POST", path, body, NOW_MS, nonces) != ERR_OK);
        }
    }
    buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *s = fuzz_string(data, size);
    check_spelling(s);
    if (size >= 3 && data[2] != '\0')
        check_signature(s, (size_t)data[0] << 8 | data[1], (char)data[2]);
    free(s);
    return 0;
}
