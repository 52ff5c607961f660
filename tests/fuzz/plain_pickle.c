/* What the pickle decoder takes is the one spelling of its value: encoded again it is the same bytes. What is waited for stays waited for in each shorter cut. */
#include "tests/fuzz/fuzz.h"

#include "lib/base/text.h"
#include "lib/plain/pickle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pickle p, shorter;
    struct buf again;
    size_t used = 0, part;
    if (size == 0 || pickle_decode(data, size, &p, &used))
        return 0;
    if (used == 0) {
        FUZZ_CHECK(size < PICKLE_BYTES_MAX);
        FUZZ_CHECK(pickle_decode(data, size - 1, &shorter, &part) == ERR_OK && part == 0);
        return 0;
    }
    FUZZ_CHECK(used <= size && used <= PICKLE_BYTES_MAX);
    for (size_t n = 0; n < used; n++)
        FUZZ_CHECK(pickle_decode(data, n, &shorter, &part) == ERR_OK && part == 0);
    buf_init(&again, PICKLE_BYTES_MAX);
    if (p.kind == PICKLE_TEXT) {
        FUZZ_CHECK(text_is_utf8(p.text, p.text_len));
        FUZZ_CHECK(pickle_text(&again, p.text, p.text_len) == ERR_OK);
    } else if (p.kind == PICKLE_NUMBER) {
        FUZZ_CHECK(pickle_number(&again, p.number[0]) == ERR_OK);
    } else {
        FUZZ_CHECK(pickle_pair(&again, p.number[0], p.number[1]) == ERR_OK);
    }
    FUZZ_CHECK(again.len == used && memcmp(again.data, data, used) == 0);
    buf_release(&again);
    return 0;
}
