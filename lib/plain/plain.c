#include "lib/plain/plain.h"

#include "lib/base/text.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

void plain_init(struct plain *p)
{
    p->form = PLAIN_UNKNOWN;
    p->at = 0;
    buf_init(&p->in, PLAIN_IN_MAX);
}

void plain_release(struct plain *p)
{
    buf_release(&p->in);
    p->at = 0;
}

enum err plain_feed(struct plain *p, const void *bytes, size_t n)
{
    assert(n <= PLAIN_PIECE_MAX);
    size_t half = plain_half(p);
    if (n == 0)
        return ERR_OK;
    if (half == 0)
        buf_release(&p->in); /* so that a silent connection holds nothing */
    else if (p->at > 0)
        memmove(p->in.data, p->in.data + p->at, half);
    if (p->in.data)
        buf_truncate(&p->in, half);
    p->at = 0;
    if (p->form == PLAIN_UNKNOWN)
        p->form = *(const uint8_t *)bytes == PICKLE_FIRST ? PLAIN_PICKLES : PLAIN_LINES;
    return buf_add(&p->in, bytes, n);
}

size_t plain_half(const struct plain *p)
{
    return p->in.len - p->at;
}

static enum err next_line(const char *bytes, size_t len, struct pickle *out, size_t *used)
{
    const char *end = memchr(bytes, '\n', len);
    size_t line = end ? (size_t)(end - bytes) : len;
    *used = 0;
    if (line > 0 && bytes[line - 1] == '\r')
        line--;
    if (line > PLAIN_LINE_MAX)
        return ERR_TOO_LARGE;
    if (!end)
        return ERR_OK;
    if (!text_is_utf8(bytes, line))
        return ERR_SYNTAX;
    *out = (struct pickle){.kind = PICKLE_TEXT, .text = bytes, .text_len = line};
    *used = (size_t)(end - bytes) + 1;
    return ERR_OK;
}

enum err plain_next(struct plain *p, struct pickle *out)
{
    size_t len = plain_half(p), used = 0;
    enum err e = ERR_OK;
    if (len > 0 && p->form == PLAIN_PICKLES)
        e = pickle_decode(p->in.data + p->at, len, out, &used);
    else if (len > 0)
        e = next_line(p->in.data + p->at, len, out, &used);
    if (e != ERR_OK)
        return e;
    p->at += used;
    return used > 0 ? ERR_OK : ERR_NOT_FOUND;
}

/* ---- commands */

/* Digits without leading zeroes up to `max`, or -1 when that may be. Takes them and the end that must follow (0: the end of the text). */
static enum err take_number(const char **text, size_t *len, int or_nobody, char end, uint32_t max, int64_t *out)
{
    uint64_t v = 0;
    size_t n = 0;
    if (or_nobody && *len >= 2 && memcmp(*text, "-1", 2) == 0) {
        *out = PLAIN_NOBODY;
        n = 2;
    } else {
        while (n < *len && n < 10 && (*text)[n] >= '0' && (*text)[n] <= '9')
            v = v * 10 + (uint64_t)((*text)[n++] - '0');
        if (n == 0 || v > max || (n > 1 && (*text)[0] == '0'))
            return ERR_INVALID;
        *out = (int64_t)v;
    }
    if (end ? n == *len || (*text)[n] != end : n != *len)
        return ERR_INVALID;
    n += end != '\0';
    *text += n;
    *len -= n;
    return ERR_OK;
}

static int is_word(const char *text, size_t len, const char *word)
{
    return len == strlen(word) && memcmp(text, word, len) == 0;
}

enum err plain_command(const char *text, size_t len, struct plain_command *out)
{
    static const char *const words[] = {"REGISTER", "SEARCH", "OBTAIN", "LISTEN"}; /* in the order of enum plain_word */
    struct plain_command c = {0};
    int64_t number;
    size_t word = 0;
    if (is_word(text, len, "DONE") || is_word(text, len, "EXIT")) {
        *out = (struct plain_command){.word = text[0] == 'D' ? PLAIN_DONE : PLAIN_EXIT};
        return ERR_OK;
    }
    const char *colon = memchr(text, ':', len);
    size_t word_len = colon ? (size_t)(colon - text) : len;
    while (word < sizeof words / sizeof *words && !is_word(text, word_len, words[word]))
        word++;
    if (word == sizeof words / sizeof *words)
        return ERR_SYNTAX;
    if (!colon)
        return ERR_INVALID;
    c.word = (enum plain_word)word;
    text = colon + 1;
    len -= word_len + 1;
    enum err e = take_number(&text, &len, 1, ':', PLAIN_ID_MAX, &number);
    if (e != ERR_OK)
        return e;
    c.id = (int32_t)number;
    if (c.word == PLAIN_LISTEN) {
        e = take_number(&text, &len, 0, '\0', UINT16_MAX, &number);
        c.port = (uint16_t)(e == ERR_OK ? number : 0);
    } else {
        c.name = text;
        c.name_len = len;
        e = len > 0 ? ERR_OK : ERR_INVALID;
    }
    if (e == ERR_OK)
        *out = c;
    return e;
}

/* ---- answers */

enum err plain_say(struct buf *out, enum plain_form form, const char *text)
{
    return form == PLAIN_PICKLES ? pickle_text(out, text, strlen(text)) : buf_addf(out, "%s\n", text);
}

enum err plain_say_id(struct buf *out, enum plain_form form, int32_t id)
{
    return form == PLAIN_PICKLES ? pickle_number(out, id) : buf_addf(out, "%d\n", (int)id);
}
