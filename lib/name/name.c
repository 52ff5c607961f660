#include "lib/name/name.h"

#include "lib/base/text.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#define WORD_BYTES_MAX 64
#define KEY_ROUNDS_MAX 8

/* NFKC_Casefold of Unicode (UAX 31): also drops what is ignorable by default, such as soft hyphens and direction marks. */
#define FOLD (UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE)

/* The folded text as the caller's heap bytes. ERR_SYNTAX for invalid UTF-8, ERR_NOMEM. */
static enum err fold(const char *text, size_t len, int options, char **out, size_t *out_len)
{
    if (!text_is_utf8(text, len))
        return ERR_SYNTAX;
    utf8proc_uint8_t *folded = NULL;
    utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)len, &folded, (utf8proc_option_t)options);
    if (n < 0)
        return n == UTF8PROC_ERROR_NOMEM ? ERR_NOMEM : ERR_SYNTAX;
    *out = (char *)folded;
    *out_len = (size_t)n;
    return ERR_OK;
}

/* Reads one character of valid UTF-8 and returns its bytes. */
static size_t next_char(const char *s, size_t len, utf8proc_int32_t *c)
{
    utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)s, (utf8proc_ssize_t)len, c);
    return n > 0 ? (size_t)n : len; /* never less than a step, even for text that folding should not have made */
}

/* The Unicode property White_Space: the separators, and five controls. */
static int is_space(utf8proc_int32_t c)
{
    utf8proc_category_t category = utf8proc_category(c);
    return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP ||
           (c >= 0x09 && c <= 0x0d) || c == 0x85;
}

/* Takes white space and "-_." out of valid UTF-8, in place. Returns the new length. */
static size_t strip(char *s, size_t len)
{
    size_t to = 0;
    for (size_t from = 0; from < len;) {
        utf8proc_int32_t c = -1;
        size_t n = next_char(s + from, len - from, &c);
        if (!is_space(c) && c != '-' && c != '_' && c != '.') {
            memmove(s + to, s + from, n);
            to += n;
        }
        from += n;
    }
    return to;
}

enum err name_key(const char *text, size_t len, struct buf *key)
{
    char *folded = NULL;
    enum err e = fold(text, len, FOLD, &folded, &len);
    if (e)
        return e;
    /* Taking a hyphen away can bring a letter and an accent together that now fold into one character, so that the key of a key would be
     * another key: fold until nothing changes. Nearly always the first look is the last. */
    for (int round = 0; round < KEY_ROUNDS_MAX; round++) {
        char *again = NULL;
        size_t stripped = strip(folded, len), again_len;
        if (stripped == len && round > 0)
            break;
        e = fold(folded, stripped, FOLD, &again, &again_len);
        int same = !e && again_len == stripped && memcmp(again, folded, stripped) == 0;
        free(folded);
        if (e)
            return e;
        folded = again;
        len = again_len;
        if (same)
            break;
    }
    e = buf_add(key, folded, len);
    free(folded);
    return e;
}

enum err name_course(const char *typed, size_t len, struct buf *name, struct buf *key)
{
    /* Checked before trimming: a tab or a line break at an end is refused as well. */
    if (!text_is_utf8(typed, len) || text_has_control(typed, len))
        return ERR_SYNTAX;
    const char *trimmed = text_trim(typed, &len);
    if (len == 0 || len > NAME_BYTES_MAX || text_length(trimmed, len) > NAME_CHARS_MAX)
        return ERR_SYNTAX;
    size_t name_before = name->len, key_before = key->len;
    enum err e = name_key(trimmed, len, key);
    size_t key_len = key->len - key_before;
    if (!e && (key_len == 0 || key_len > NAME_KEY_BYTES_MAX))
        e = ERR_SYNTAX;
    if (!e)
        e = buf_add(name, trimmed, len);
    if (e) {
        buf_truncate(name, name_before);
        buf_truncate(key, key_before);
    }
    return e;
}

static int is_word_char(utf8proc_int32_t c)
{
    switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO: return 1;
    default: return 0;
    }
}

int name_words(const char *text, size_t len, int (*each)(const char *word, size_t len, void *ctx), void *ctx)
{
    char *folded = NULL;
    if (fold(text, len, FOLD | UTF8PROC_STRIPMARK, &folded, &len) != ERR_OK)
        return -1;
    int result = 0;
    size_t start = 0, end = 0; /* the word so far, cut: [start, end) */
    for (size_t i = 0; i <= len && result == 0;) {
        utf8proc_int32_t c = -1;
        size_t n = i < len ? next_char(folded + i, len - i, &c) : 1;
        if (i < len && is_word_char(c)) {
            if (i == end && i + n - start <= WORD_BYTES_MAX)
                end = i + n;
        } else {
            if (end > start)
                result = each(folded + start, end - start, ctx);
            start = end = i + n;
        }
        i += n;
    }
    free(folded);
    return result;
}
