#include "lib/base/text.h"

#include "lib/base/num.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define YEAR_9999_END_MS UINT64_C(253402300799999)

/* Bytes of the character at s (RFC 3629 §4), or 0 when there is none. NUL is none. */
static size_t utf8_char(const char *s, size_t len)
{
    const unsigned char *p = (const unsigned char *)s;
    if (len == 0 || p[0] == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || n > len)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    int overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
    int surrogate = p[0] == 0xed && p[1] >= 0xa0;
    int too_large = p[0] == 0xf4 && p[1] >= 0x90;
    return overlong || surrogate || too_large ? 0 : n;
}

int text_is_utf8(const char *s, size_t len)
{
    while (len > 0) {
        size_t n = utf8_char(s, len);
        if (n == 0)
            return 0;
        s += n;
        len -= n;
    }
    return 1;
}

static int is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

size_t text_length(const char *s, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += !is_continuation(s[i]);
    return n;
}

int text_has_control(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c < 0x20 || c == 0x7f)
            return 1;
        if (c == 0xc2 && i + 1 < len && (unsigned char)s[i + 1] < 0xa0)
            return 1; /* U+0080 … U+009F */
    }
    return 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

enum err text_percent_decode(const char *s, size_t len, int plus_is_space, char *out, size_t *out_len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        char c = s[i];
        if (c == '%') {
            int high = len - i > 2 ? hex_digit(s[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(s[i + 2]) : -1;
            if (low < 0)
                return ERR_SYNTAX;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if (c == '\0')
            return ERR_SYNTAX;
        out[n++] = c;
    }
    out[n] = '\0';
    *out_len = n;
    return ERR_OK;
}

static int is_ascii_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

enum err text_percent_encode(struct buf *b, const char *s, size_t len)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t before = b->len;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        char escaped[3] = {'%', digits[c >> 4], digits[c & 15]};
        int plain = is_ascii_alnum(s[i]) || s[i] == '-' || s[i] == '.' || s[i] == '_' || s[i] == '~';
        enum err e = plain ? buf_add(b, s + i, 1) : buf_add(b, escaped, sizeof(escaped));
        if (e) {
            buf_truncate(b, before);
            return e;
        }
    }
    return ERR_OK;
}

size_t text_json_char(const char *s, size_t len, char out[TEXT_JSON_CHAR_SIZE])
{
    unsigned char c = (unsigned char)s[0];
    const char *pair = c == '"' ? "\\\"" : c == '\\' ? "\\\\" : c == '\n' ? "\\n" : c == '\r' ? "\\r" : c == '\t' ? "\\t" : NULL;
    if (pair) {
        memcpy(out, pair, 3);
        return 1;
    }
    if (c < 0x20 || c == 0x7f) {
        snprintf(out, TEXT_JSON_CHAR_SIZE, "\\u%04x", (unsigned)c);
        return 1;
    }
    size_t n = utf8_char(s, len);
    if (n == 0) {
        memcpy(out, "\xef\xbf\xbd", 4);
        return 1;
    }
    memcpy(out, s, n);
    out[n] = '\0';
    return n;
}

/* White space (the Unicode property White_Space) in UTF-8. None is the start or the end of another. */
/* clang-format off */
static const char *const spaces[] = {
    " ", "\t", "\n", "\v", "\f", "\r",
    "\xc2\x85", "\xc2\xa0", "\xe1\x9a\x80",
    "\xe2\x80\x80", "\xe2\x80\x81", "\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85",
    "\xe2\x80\x86", "\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a",
    "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80",
};
/* clang-format on */

/* Bytes of the white space character at the start (or, from_end, at the end) of s; 0 when there is none. */
static size_t space_at(const char *s, size_t len, int from_end)
{
    for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++) {
        size_t n = strlen(spaces[i]);
        if (n <= len && memcmp(from_end ? s + len - n : s, spaces[i], n) == 0)
            return n;
    }
    return 0;
}

const char *text_trim(const char *s, size_t *len)
{
    size_t n;
    while ((n = space_at(s, *len, 0)) > 0) {
        s += n;
        *len -= n;
    }
    while ((n = space_at(s, *len, 1)) > 0)
        *len -= n;
    return s;
}

static struct tm calendar(uint64_t unix_ms)
{
    if (unix_ms > YEAR_9999_END_MS)
        unix_ms = YEAR_9999_END_MS; /* both formats have four digits for the year */
    time_t t = (time_t)(unix_ms / 1000);
    struct tm tm;
    gmtime_r(&t, &tm);
    return tm;
}

void text_time_rfc3339(uint64_t unix_ms, char out[TEXT_TIME_SIZE])
{
    struct tm t = calendar(unix_ms);
    unsigned ms = unix_ms > YEAR_9999_END_MS ? 999 : (unsigned)(unix_ms % 1000);
    char line[80];
    snprintf(line, sizeof(line), "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min,
        t.tm_sec, ms);
    memcpy(out, line, TEXT_TIME_SIZE);
}

static const char *const day_names[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const month_names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void text_http_date(uint64_t unix_ms, char out[TEXT_HTTP_DATE_SIZE])
{
    struct tm t = calendar(unix_ms);
    char line[80];
    snprintf(line, sizeof(line), "%s, %02d %s %04d %02d:%02d:%02d GMT", day_names[t.tm_wday], t.tm_mday, month_names[t.tm_mon],
        t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
    memcpy(out, line, TEXT_HTTP_DATE_SIZE);
}

/* n digits at s as a number, or -1. */
static int digits_at(const char *s, int n)
{
    int v = 0;
    for (int i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return -1;
        v = v * 10 + (s[i] - '0');
    }
    return v;
}

enum err text_http_date_parse(const char *s, uint64_t *unix_s)
{
    /* "Sun, 06 Nov 1994 08:49:37 GMT": each field has its place. */
    if (!s || strlen(s) != TEXT_HTTP_DATE_SIZE - 1)
        return ERR_SYNTAX;
    struct tm t = {
        .tm_mday = digits_at(s + 5, 2),
        .tm_mon = -1,
        .tm_year = digits_at(s + 12, 4) - 1900,
        .tm_hour = digits_at(s + 17, 2),
        .tm_min = digits_at(s + 20, 2),
        .tm_sec = digits_at(s + 23, 2),
    };
    for (int i = 0; i < 12; i++) {
        if (memcmp(s + 8, month_names[i], 3) == 0)
            t.tm_mon = i;
    }
    if (t.tm_mday < 1 || t.tm_mon < 0 || t.tm_year < 70 || t.tm_hour < 0 || t.tm_min < 0 || t.tm_sec < 0)
        return ERR_SYNTAX;
    time_t when = timegm(&t);
    if (when < 0)
        return ERR_SYNTAX;
    /* Writing it again and comparing checks all the rest: separators, the day of the week, days that a month does not have. */
    char again[TEXT_HTTP_DATE_SIZE];
    text_http_date((uint64_t)when * 1000, again);
    if (strcmp(s, again) != 0)
        return ERR_SYNTAX;
    *unix_s = (uint64_t)when;
    return ERR_OK;
}

enum err text_content_disposition(struct buf *b, int attachment, const char *filename)
{
    size_t before = b->len, len = strlen(filename);
    enum err e = buf_add_str(b, attachment ? "attachment; filename=\"" : "inline; filename=\"");
    for (size_t i = 0; !e && i < len; i++) {
        char c = filename[i];
        if (is_continuation(c))
            continue;                                                /* one underscore a character */
        int safe = c >= 0x20 && c < 0x7f && !strchr("\"\\%/;*=", c); /* the last three: readers that do not know quotes */
        e = buf_add(b, safe ? &c : "_", 1);
    }
    if (!e)
        e = buf_add_str(b, "\"; filename*=UTF-8''");
    if (!e)
        e = text_percent_encode(b, filename, len);
    if (e)
        buf_truncate(b, before);
    return e;
}
