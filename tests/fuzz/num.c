/* Numbers, hex and base64: what was read is written as the very text that was read. */
#include "tests/fuzz/fuzz.h"

#include "lib/base/num.h"
#include "lib/base/stamp.h"

#include <inttypes.h>

static void check_number(const char *s, uint64_t max)
{
    uint64_t v;
    char again[24];
    enum err e = num_parse_u64(s, max, &v);
    FUZZ_CHECK(e == ERR_OK || e == ERR_SYNTAX || e == ERR_INVALID);
    if (!e) {
        snprintf(again, sizeof(again), "%" PRIu64, v);
        FUZZ_CHECK(v <= max && strcmp(s, again) == 0);
    } else {
        /* A refused text is either no number or a larger one. */
        size_t digits = strspn(s, "0123456789");
        int number = digits > 0 && s[digits] == '\0' && (s[0] != '0' || digits == 1);
        FUZZ_CHECK(number == (e == ERR_INVALID));
    }
}

static void check_hex(const char *s)
{
    size_t n = strlen(s) / 2;
    uint8_t *bytes = malloc(n + 1);
    char *again = malloc(2 * n + 1);
    if (num_unhex(s, bytes, n) == ERR_OK) {
        num_hex(bytes, n, again);
        FUZZ_CHECK(strcmp(s, again) == 0 && num_is_hex(s, 2 * n));
    }
    free(bytes);
    free(again);
}

static void check_base64(const char *s)
{
    size_t len = strlen(s), most = len / 4 * 3;
    uint8_t *bytes = malloc(most + 1);
    char *again = malloc(len + 8);
    int taken = 0;
    for (size_t n = most >= 2 ? most - 2 : 0; n <= most; n++) {
        if (num_unbase64(s, len, bytes, n))
            continue;
        num_base64(bytes, n, again);
        FUZZ_CHECK(strcmp(s, again) == 0);
        taken++;
    }
    FUZZ_CHECK(taken <= 1);
    free(bytes);
    free(again);
}

static void check_stamp(const char *s)
{
    struct stamp v;
    char again[STAMP_HEX_SIZE];
    if (stamp_parse(s, &v))
        return;
    stamp_hex(v, again);
    FUZZ_CHECK(strcmp(s, again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *s = fuzz_string(data, size);
    check_number(s, UINT64_MAX);
    check_number(s, 65535);
    check_hex(s);
    check_base64(s);
    check_stamp(s);
    free(s);
    return 0;
}
