#include "lib/base/num.h"

#include <string.h>

enum err num_parse_u64(const char *s, uint64_t max, uint64_t *out)
{
    if (!s || *s == '\0' || (s[0] == '0' && s[1] != '\0'))
        return ERR_SYNTAX;
    uint64_t value = 0;
    int too_large = 0;
    /* Goes on past an overflow, so that a malformed end is told from a large number. */
    for (; *s; s++) {
        if (*s < '0' || *s > '9')
            return ERR_SYNTAX;
        unsigned digit = (unsigned)(*s - '0');
        if (value > (UINT64_MAX - digit) / 10)
            too_large = 1;
        else
            value = value * 10 + digit;
    }
    if (too_large || value > max)
        return ERR_INVALID;
    *out = value;
    return ERR_OK;
}

void num_hex(const void *bytes, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *p = bytes;
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
    out[2 * n] = '\0';
}

#define NO_DIGIT 16u

/* The value of a lower-case hex digit, or NO_DIGIT. */
static unsigned hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a') + 10;
    return NO_DIGIT;
}

int num_is_hex(const char *s, size_t n)
{
    if (!s)
        return 0;
    for (size_t i = 0; i < n; i++) {
        if (hex_value(s[i]) == NO_DIGIT)
            return 0; /* also stops at an early NUL */
    }
    return s[n] == '\0';
}

enum err num_unhex(const char *hex, void *bytes, size_t n)
{
    if (!num_is_hex(hex, 2 * n))
        return ERR_SYNTAX;
    uint8_t *p = bytes;
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(hex_value(hex[2 * i]) << 4 | hex_value(hex[2 * i + 1]));
    return ERR_OK;
}

uint64_t num_load_be64(const void *p)
{
    return (uint64_t)num_load_be32(p) << 32 | num_load_be32((const uint8_t *)p + 4);
}

void num_store_be64(void *p, uint64_t v)
{
    num_store_be32(p, (uint32_t)(v >> 32));
    num_store_be32((uint8_t *)p + 4, (uint32_t)v);
}

uint32_t num_load_be32(const void *p)
{
    const uint8_t *b = p;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

void num_store_be32(void *p, uint32_t v)
{
    uint8_t *b = p;
    for (int i = 0; i < 4; i++)
        b[i] = (uint8_t)(v >> (24 - 8 * i));
}

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void num_base64(const void *bytes, size_t n, char *out)
{
    const uint8_t *p = bytes;
    for (size_t i = 0; i < n; i += 3) {
        uint32_t group = (uint32_t)p[i] << 16;
        if (i + 1 < n)
            group |= (uint32_t)p[i + 1] << 8;
        if (i + 2 < n)
            group |= p[i + 2];
        *out++ = base64_digits[group >> 18];
        *out++ = base64_digits[group >> 12 & 63];
        *out++ = (char)(i + 1 < n ? base64_digits[group >> 6 & 63] : '=');
        *out++ = (char)(i + 2 < n ? base64_digits[group & 63] : '=');
    }
    *out = '\0';
}

/* Reads one group of four digits that stands for `n` (1 … 3) bytes. Bits that stand for nothing must be zero, so that no two texts mean the same. */
static enum err unbase64_group(const char *text, uint8_t *out, size_t n)
{
    uint32_t group = 0;
    for (size_t i = 0; i < 4; i++) {
        uint32_t value = 0;
        if (i <= n) {
            const char *found = text[i] == '\0' ? NULL : strchr(base64_digits, text[i]);
            if (!found)
                return ERR_SYNTAX;
            value = (uint32_t)(found - base64_digits);
        } else if (text[i] != '=') {
            return ERR_SYNTAX;
        }
        group = group << 6 | value;
    }
    if (n < 3 && (group & (0xffffffu >> (8 * n))) != 0)
        return ERR_SYNTAX;
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(group >> (16 - 8 * i));
    return ERR_OK;
}

enum err num_unbase64(const char *text, size_t text_len, void *bytes, size_t n)
{
    if (text_len % 4 != 0 || text_len / 4 != n / 3 + (n % 3 != 0))
        return ERR_SYNTAX;
    uint8_t *p = bytes;
    for (size_t done = 0; done < n; done += 3, text += 4) {
        uint8_t group[3];
        size_t here = n - done < 3 ? n - done : 3;
        enum err e = unbase64_group(text, group, here);
        if (e)
            return e;
        memcpy(p + done, group, here);
    }
    return ERR_OK;
}
