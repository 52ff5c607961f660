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

/* Every value is asked for as everything: it is at most one thing, and a number that comes out is the one that is printed. What was parsed has a bounded depth.
 * NOLINTNEXTLINE(misc-no-recursion) */
static void check_values(const struct json *j, const struct json *in)
{
    uint64_t n = 0;
    double v = 0;
    struct stamp stamp = STAMP_ZERO;
    char text[32], hex[STAMP_HEX_SIZE];
    const char *name = in ? json_name(j) : NULL, *s = json_as_str(j);
    int is_bool = json_as_bool(j, -1) >= 0;
    FUZZ_CHECK(json_is_object(j) + json_is_array(j) + json_is_null(j) + (s != NULL) + is_bool <= 1);
    FUZZ_CHECK(!s || text_is_utf8(s, strlen(s)));
    if (name && json_is_object(in)) {
        FUZZ_CHECK(json_get(in, name) == j && json_get_str(in, name) == s && json_get_bool(in, name, -1) == json_as_bool(j, -1));
        enum err as_u64 = json_get_u64(in, name, 1000, &n), as_double = json_get_double(in, name, &v);
        FUZZ_CHECK(as_u64 != ERR_OK || (n <= 1000 && (s || (as_double == ERR_OK && v == (double)n))));
        FUZZ_CHECK(json_get_u64(in, name, UINT64_MAX, &n) != ERR_INVALID);
        FUZZ_CHECK((json_copy_str(in, name, text, sizeof(text)) == ERR_OK) == (s && strlen(s) < sizeof(text)));
        if (json_get_stamp(in, name, &stamp) == ERR_OK && !json_is_null(j)) {
            stamp_hex(stamp, hex);
            FUZZ_CHECK(s && strcmp(hex, s) == 0);
        }
    }
    size_t count = 0;
    for (const struct json *item = json_first(j); item; item = json_next(item), count++)
        check_values(item, j);
    FUZZ_CHECK(count == json_count(j));
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
    if (!e)
        check_values(j, NULL);
    json_free(j);
    if (!e)
        check_taken((const char *)data, size);
    return 0;
}
