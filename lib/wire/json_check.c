#include "lib/wire/json_check.h"

#include "lib/base/text.h"
#include "lib/wire/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* cJSON copies a number into 64 bytes and cuts it there. */
#define NUMBER_CHARS_MAX 63
#define EXACT_MAX_TEXT "9007199254740992" /* JSON_EXACT_MAX as text */

struct scan {
    const char *at, *end;
    size_t values; /* met so far */
};

static void skip_space(struct scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
        s->at++;
}

/* Takes one character when it is c. */
static int take(struct scan *s, char c)
{
    if (s->at == s->end || *s->at != c)
        return 0;
    s->at++;
    return 1;
}

static int take_word(struct scan *s, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(s->end - s->at) < n || memcmp(s->at, word, n) != 0)
        return 0;
    s->at += n;
    return 1;
}

/* Takes the digits that follow and says how many they were. */
static size_t take_digits(struct scan *s)
{
    const char *start = s->at;
    while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
        s->at++;
    return (size_t)(s->at - start);
}

/* Four hex digits as a number, or -1. */
static long take_hex4(struct scan *s)
{
    long v = 0;
    for (int i = 0; i < 4; i++, s->at++) {
        if (s->at == s->end)
            return -1;
        char c = *s->at;
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (digit < 0)
            return -1;
        v = v * 16 + digit;
    }
    return v;
}

/* What follows a backslash. NUL would end a C string early, and half a surrogate pair is no character. */
static int check_escape(struct scan *s)
{
    if (s->at == s->end)
        return 0;
    char c = *s->at++;
    if (c != 'u')
        return c != '\0' && strchr("\"\\/bfnrt", c) != NULL;
    long unit = take_hex4(s);
    if (unit <= 0 || (unit >= 0xdc00 && unit <= 0xdfff))
        return 0;
    if (unit < 0xd800 || unit > 0xdbff)
        return 1;
    if (!take(s, '\\') || !take(s, 'u'))
        return 0;
    unit = take_hex4(s);
    return unit >= 0xdc00 && unit <= 0xdfff;
}

/* A string; that the whole text is UTF-8 was checked before. */
static int check_string(struct scan *s)
{
    if (!take(s, '"'))
        return 0;
    while (s->at < s->end) {
        char c = *s->at++;
        if (c == '"')
            return 1;
        if ((unsigned char)c < 0x20 || (c == '\\' && !check_escape(s)))
            return 0;
    }
    return 0;
}

/* Whether the number's value may be used: finite, and exact when it is an integer. All doubles above 2^53 are integers; at 2^53 itself the text
 * tells whether it was rounded there. */
static int value_ok(const char *text, size_t len)
{
    char copy[NUMBER_CHARS_MAX + 1];
    if (len > NUMBER_CHARS_MAX)
        return 0;
    memcpy(copy, text, len);
    copy[len] = '\0';
    double v = fabs(strtod(copy, NULL));
    if (v < (double)JSON_EXACT_MAX)
        return 1;
    return strcmp(copy[0] == '-' ? copy + 1 : copy, EXACT_MAX_TEXT) == 0;
}

static int check_number(struct scan *s)
{
    const char *start = s->at;
    take(s, '-');
    if (!take(s, '0') && take_digits(s) == 0)
        return 0;
    if (take(s, '.') && take_digits(s) == 0)
        return 0;
    if (take(s, 'e') || take(s, 'E')) {
        if (!take(s, '+'))
            take(s, '-');
        if (take_digits(s) == 0)
            return 0;
    }
    return value_ok(start, (size_t)(s->at - start));
}

static int check_value(struct scan *s, int depth);

/* Recursion ends at JSON_DEPTH_MAX. NOLINTBEGIN(misc-no-recursion) */

/* The members or items between an opening bracket (taken already) and `close`. */
static int check_children(struct scan *s, int depth, char close)
{
    skip_space(s);
    if (take(s, close))
        return 1;
    for (;;) {
        skip_space(s);
        if (close == '}') {
            if (!check_string(s))
                return 0;
            skip_space(s);
            if (!take(s, ':'))
                return 0;
        }
        if (!check_value(s, depth))
            return 0;
        if (take(s, close))
            return 1;
        if (!take(s, ','))
            return 0;
    }
}

/* A value and the white space around it. depth: containers that it stands in. */
static int check_value(struct scan *s, int depth)
{
    skip_space(s);
    if (s->at == s->end || ++s->values > JSON_VALUES_MAX)
        return 0;
    int ok;
    switch (*s->at) {
    case '{':
    case '[': {
        char close = *s->at++ == '{' ? '}' : ']';
        ok = depth < JSON_DEPTH_MAX && check_children(s, depth + 1, close);
        break;
    }
    case '"': ok = check_string(s); break;
    case 't': ok = take_word(s, "true"); break;
    case 'f': ok = take_word(s, "false"); break;
    case 'n': ok = take_word(s, "null"); break;
    default: ok = check_number(s);
    }
    skip_space(s);
    return ok;
}

/* NOLINTEND(misc-no-recursion) */

int json_check(const char *text, size_t len)
{
    struct scan s = {.at = text, .end = text + len};
    return text_is_utf8(text, len) && check_value(&s, 0) && s.at == s.end;
}
