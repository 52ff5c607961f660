/* Stamps have one spelling, as digits and as bytes, and one order. */
#include "tests/fuzz/fuzz.h"

#include "lib/base/stamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_string(data, size), hex[STAMP_HEX_SIZE];
    struct stamp s;
    if (stamp_parse(text, &s) == ERR_OK) {
        uint8_t bytes[STAMP_BYTES];
        stamp_hex(s, hex);
        FUZZ_CHECK(strcmp(hex, text) == 0);
        stamp_bytes(s, bytes);
        FUZZ_CHECK(stamp_cmp(stamp_from_bytes(bytes), s) == 0);
        struct stamp later = {.clock = s.clock, .process = s.process + 1};
        FUZZ_CHECK(later.process == 0 || (stamp_cmp(s, later) < 0 && stamp_cmp(later, s) > 0));
        FUZZ_CHECK(stamp_is_zero(s) == (strspn(text, "0") == strlen(text)));
        later = (struct stamp){.clock = s.clock + 1, .process = 0};
        FUZZ_CHECK(later.clock == 0 || (stamp_cmp(s, later) < 0 && stamp_cmp(later, s) > 0));
    }
    free(text);
    return 0;
}
