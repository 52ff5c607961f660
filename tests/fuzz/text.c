/* Text from outside: what is decoded encodes back, what is trimmed is trimmed, what goes into a header or a log line cannot leave it. */
#include "tests/fuzz/fuzz.h"

#include "lib/base/text.h"

/* UTF-8 decided another way: decode each character to its number and encode that in the shortest form. */
static int is_utf8_by_number(const uint8_t *s, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t n = s[i] < 0x80 ? 1 : s[i] < 0xe0 ? 2 : s[i] < 0xf0 ? 3 : 4;
        uint32_t c = n == 1 ? s[i] : s[i] & (0x7fu >> n);
        if (s[i] == 0 || (s[i] >= 0x80 && s[i] < 0xc0) || s[i] >= 0xf8 || n > len - i)
            return 0;
        for (size_t k = 1; k < n; k++) {
            if (s[i + k] >> 6 != 2)
                return 0;
            c = c << 6 | (s[i + k] & 0x3f);
        }
        size_t shortest = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        if (n != shortest || (c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff)
            return 0;
        i += n;
    }
    return 1;
}

static void check_percent(const char *s, size_t len)
{
    char *out = malloc(len + 1), *again;
    size_t n, n2;
    struct buf b;
    buf_init(&b, 3 * len);
    for (int plus = 0; plus <= 1; plus++) {
        if (text_percent_decode(s, len, plus, out, &n))
            continue;
        FUZZ_CHECK(n <= len && strlen(out) == n);
        buf_reset(&b);
        FUZZ_CHECK(text_percent_encode(&b, out, n) == ERR_OK);
        FUZZ_CHECK(strpbrk(buf_str(&b), " +/\"\\\r\n?#&=") == NULL);
        again = malloc(b.len + 1);
        FUZZ_CHECK(text_percent_decode(buf_str(&b), b.len, plus, again, &n2) == ERR_OK && n2 == n && memcmp(out, again, n) == 0);
        free(again);
    }
    free(out);
    buf_release(&b);
}

static void check_trim(const char *s, size_t len)
{
    size_t n = len, again;
    const char *t = text_trim(s, &n);
    FUZZ_CHECK(t >= s && t + n <= s + len);
    again = n;
    FUZZ_CHECK(text_trim(t, &again) == t && again == n);
    FUZZ_CHECK(!text_is_utf8(s, len) || text_is_utf8(t, n));
}

static void check_json_chars(const char *s, size_t len)
{
    struct buf b;
    buf_init(&b, 6 * len);
    for (size_t i = 0; i < len;) {
        char one[TEXT_JSON_CHAR_SIZE];
        size_t taken = text_json_char(s + i, len - i, one);
        FUZZ_CHECK(taken > 0 && taken <= len - i && strlen(one) < sizeof(one));
        FUZZ_CHECK(buf_add_str(&b, one) == ERR_OK);
        i += taken;
    }
    FUZZ_CHECK(text_is_utf8(buf_str(&b), b.len));
    for (size_t i = 0; i < b.len; i++)
        FUZZ_CHECK((unsigned char)b.data[i] >= 0x20 && b.data[i] != 0x7f);
    buf_release(&b);
}

static void check_disposition(const char *s)
{
    struct buf b;
    buf_init(&b, 8 * strlen(s) + 100);
    FUZZ_CHECK(text_content_disposition(&b, 1, s) == ERR_OK);
    static const char start[] = "attachment; filename=\"";
    FUZZ_CHECK(strncmp(b.data, start, sizeof(start) - 1) == 0);
    const char *quote = strchr(b.data + sizeof(start) - 1, '"');
    FUZZ_CHECK(quote && strncmp(quote, "\"; filename*=UTF-8''", 20) == 0 && !strchr(quote + 1, '"'));
    FUZZ_CHECK(strstr(b.data, "filename*=") == quote + 3 && !strstr(quote + 4, "filename*="));
    for (const char *p = b.data; *p; p++)
        FUZZ_CHECK(*p >= 0x20 && *p < 0x7f && *p != '\\');
    char *name = malloc(strlen(quote));
    size_t n;
    FUZZ_CHECK(text_percent_decode(quote + 20, strlen(quote + 20), 0, name, &n) == ERR_OK && strcmp(name, s) == 0);
    free(name);
    buf_release(&b);
}

static void check_date(const char *s)
{
    uint64_t when_s;
    char again[TEXT_HTTP_DATE_SIZE];
    if (text_http_date_parse(s, &when_s))
        return;
    text_http_date(when_s * 1000, again);
    FUZZ_CHECK(strcmp(s, again) == 0);
}

/* Control characters of C0, DEL and C1, found another way: in UTF-8, C1 are those two-byte ones that begin with 0xc2 and end below 0xa0. */
static void check_control(const uint8_t *s, size_t len)
{
    int found = 0;
    for (size_t i = 0; i < len; i++)
        found |= s[i] < 0x20 || s[i] == 0x7f || (i > 0 && s[i - 1] == 0xc2 && s[i] < 0xa0);
    if (text_is_utf8((const char *)s, len) || memchr(s, 0, len))
        FUZZ_CHECK(text_has_control((const char *)s, len) == found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *s = fuzz_string(data, size);
    FUZZ_CHECK(text_is_utf8((const char *)data, size) == is_utf8_by_number(data, size));
    FUZZ_CHECK(text_length((const char *)data, size) <= size);
    check_percent((const char *)data, size);
    check_trim((const char *)data, size);
    check_json_chars((const char *)data, size);
    check_control(data, size);
    check_disposition(s);
    check_date(s);
    free(s);
    return 0;
}
