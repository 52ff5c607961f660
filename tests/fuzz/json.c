/* What json_parse takes is printed in a form that reads back to the same print, and no shorter text was the same value. */
#include "tests/fuzz/fuzz.h"

#include "lib/base/text.h"
#include "lib/wire/json.h"

/* Reads and prints. */
static enum err reprint(const char *text, size_t len, struct buf *out)
{
    struct json *j = NULL;
    enum err e = json_parse(text, len, &j);
    if (!e)
        FUZZ_CHECK(json_print(j, out) == ERR_OK);
    json_free(j);
    return e;
}

static void check_taken(const char *text, size_t len)
{
    struct buf once, twice;
    buf_init(&once, 64u << 20);
    buf_init(&twice, 64u << 20);
    FUZZ_CHECK(text_is_utf8(text, len));
    FUZZ_CHECK(reprint(text, len, &once) == ERR_OK);
    FUZZ_CHECK(text_is_utf8(once.data, once.len));
    FUZZ_CHECK(reprint(once.data, once.len, &twice) == ERR_OK);
    FUZZ_CHECK(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
    /* A container or a string without its last byte is no value. */
    char last = once.data[once.len - 1];
    if (last == '}' || last == ']' || last == '"') {
        buf_reset(&twice);
        FUZZ_CHECK(reprint(once.data, once.len - 1, &twice) == ERR_SYNTAX);
    }
    buf_release(&once);
    buf_release(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json *j = NULL;
    enum err e = json_parse((const char *)data, size, &j);
    FUZZ_CHECK(e == ERR_OK || (e == ERR_SYNTAX && !j));
    json_free(j);
    if (!e)
        check_taken((const char *)data, size);
    return 0;
}
