#include "lib/plain/pickle.h"

#include "lib/base/text.h"

#include <string.h>

#define PROTO 0x80u
#define PROTOCOL 4u
#define FRAME 0x95u
#define SHORT_TEXT 0x8cu
#define LONG_TEXT 0x58u
#define MEMOIZE 0x94u
#define NUMBER_U8 0x4bu
#define NUMBER_U16 0x4du
#define NUMBER_I32 0x4au
#define EMPTY_LIST 0x5du
#define MARK 0x28u
#define APPENDS 0x65u
#define STOP 0x2eu

#define FRAMED_MIN 4u /* shorter values have no frame */

/* Bytes as they come. Whoever finds that one is missing sets `ended` and goes on with zeroes: what is decided after that does not count. */
struct source {
    const uint8_t *bytes;
    size_t len, at;
    int ended;
};

static uint64_t little_endian(struct source *s, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++) {
        if (s->at >= s->len) {
            s->ended = 1;
            return 0;
        }
        v |= (uint64_t)s->bytes[s->at++] << (8 * i);
    }
    return v;
}

/* The next byte must be this one, when it is there. */
static enum err expect(struct source *s, uint8_t byte)
{
    uint64_t got = little_endian(s, 1);
    return s->ended || got == byte ? ERR_OK : ERR_SYNTAX;
}

static enum err read_number(struct source *s, int32_t *out)
{
    uint64_t op = little_endian(s, 1), v;
    if (s->ended)
        return ERR_OK;
    switch (op) {
    case NUMBER_U8: v = little_endian(s, 1); break;
    case NUMBER_U16:
        v = little_endian(s, 2);
        if (!s->ended && v <= UINT8_MAX)
            return ERR_SYNTAX;
        break;
    case NUMBER_I32:
        v = little_endian(s, 4);
        if (!s->ended && v <= UINT16_MAX)
            return ERR_SYNTAX;
        break;
    default: return ERR_SYNTAX;
    }
    *out = (int32_t)(uint32_t)v;
    return ERR_OK;
}

static enum err read_text(struct source *s, struct pickle *out)
{
    int is_long = s->bytes[s->at++] == LONG_TEXT;
    uint64_t len = little_endian(s, is_long ? 4 : 1);
    if (s->ended)
        return ERR_OK;
    if (len > PICKLE_TEXT_MAX)
        return ERR_TOO_LARGE;
    if (is_long && len <= UINT8_MAX)
        return ERR_SYNTAX;
    if (s->len - s->at < len) {
        s->ended = 1;
        return ERR_OK;
    }
    out->kind = PICKLE_TEXT;
    out->text = (const char *)s->bytes + s->at;
    out->text_len = (size_t)len;
    s->at += (size_t)len;
    return text_is_utf8(out->text, out->text_len) ? expect(s, MEMOIZE) : ERR_SYNTAX;
}

static enum err read_pair(struct source *s, struct pickle *out)
{
    out->kind = PICKLE_PAIR;
    enum err e = expect(s, EMPTY_LIST);
    if (e == ERR_OK)
        e = expect(s, MEMOIZE);
    if (e == ERR_OK)
        e = expect(s, MARK);
    if (e == ERR_OK)
        e = read_number(s, &out->number[0]);
    if (e == ERR_OK)
        e = read_number(s, &out->number[1]);
    return e == ERR_OK ? expect(s, APPENDS) : e;
}

static enum err read_value(struct source *s, struct pickle *out)
{
    if (s->at >= s->len) {
        s->ended = 1;
        return ERR_OK;
    }
    switch (s->bytes[s->at]) {
    case SHORT_TEXT:
    case LONG_TEXT: return read_text(s, out);
    case EMPTY_LIST: return read_pair(s, out);
    default: out->kind = PICKLE_NUMBER; return read_number(s, &out->number[0]);
    }
}

/* The length that the frame tells, 0 without one. */
static enum err read_frame(struct source *s, uint64_t *out)
{
    *out = 0;
    if (s->at >= s->len || s->bytes[s->at] != FRAME)
        return ERR_OK;
    s->at++;
    *out = little_endian(s, 8);
    if (s->ended)
        return ERR_OK;
    if (*out < FRAMED_MIN)
        return ERR_SYNTAX;
    return *out > PICKLE_BYTES_MAX ? ERR_TOO_LARGE : ERR_OK;
}

enum err pickle_decode(const void *bytes, size_t len, struct pickle *out, size_t *used)
{
    struct source s = {.bytes = bytes, .len = len};
    struct pickle value = {0};
    uint64_t framed = 0;
    enum err e = expect(&s, PROTO);
    if (e == ERR_OK)
        e = expect(&s, PROTOCOL);
    if (e == ERR_OK)
        e = read_frame(&s, &framed);
    size_t begin = s.at;
    if (e == ERR_OK && !s.ended)
        e = read_value(&s, &value);
    if (e == ERR_OK)
        e = expect(&s, STOP);
    if (e != ERR_OK)
        return e;
    if (s.ended && framed && s.at - begin >= framed)
        return ERR_SYNTAX;
    if (s.ended) {
        *used = 0;
        return ERR_OK;
    }
    size_t length = s.at - begin;
    if (framed ? length != framed : length >= FRAMED_MIN)
        return ERR_SYNTAX;
    *out = value;
    *used = s.at;
    return ERR_OK;
}

/* ---- and the other way */

static size_t put(uint8_t *to, size_t at, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[at++] = (uint8_t)(v >> (8 * i));
    return at;
}

static size_t put_number(uint8_t *to, size_t at, int32_t number)
{
    uint32_t v = (uint32_t)number;
    if (v <= UINT8_MAX)
        return put(to, put(to, at, NUMBER_U8, 1), v, 1);
    if (v <= UINT16_MAX)
        return put(to, put(to, at, NUMBER_U16, 1), v, 2);
    return put(to, put(to, at, NUMBER_I32, 1), v, 4);
}

/* Appends head, text and tail as one message: PROTO and FRAME in front, STOP behind. All or nothing. */
static enum err add_message(
    struct buf *out, const uint8_t *head, size_t n_head, const char *text, size_t len, const uint8_t *tail, size_t n_tail)
{
    uint8_t front[11];
    uint64_t framed = n_head + len + n_tail + 1;
    size_t n = put(front, put(front, 0, PROTO, 1), PROTOCOL, 1);
    if (framed >= FRAMED_MIN)
        n = put(front, put(front, n, FRAME, 1), framed, 8);
    enum err e = buf_reserve(out, n + (size_t)framed);
    if (e == ERR_OK)
        e = buf_add(out, front, n);
    if (e == ERR_OK)
        e = buf_add(out, head, n_head);
    if (e == ERR_OK && len)
        e = buf_add(out, text, len);
    if (e == ERR_OK && n_tail)
        e = buf_add(out, tail, n_tail);
    return e == ERR_OK ? buf_add(out, &(uint8_t){STOP}, 1) : e;
}

enum err pickle_text(struct buf *out, const char *text, size_t len)
{
    uint8_t head[5];
    int is_long = len > UINT8_MAX;
    if (len > PICKLE_TEXT_MAX)
        return ERR_TOO_LARGE;
    size_t n = put(head, put(head, 0, is_long ? LONG_TEXT : SHORT_TEXT, 1), len, is_long ? 4 : 1);
    return add_message(out, head, n, text, len, &(uint8_t){MEMOIZE}, 1);
}

enum err pickle_number(struct buf *out, int32_t number)
{
    uint8_t head[5];
    size_t n = put_number(head, 0, number);
    return add_message(out, head, n, NULL, 0, NULL, 0);
}

enum err pickle_pair(struct buf *out, int32_t first, int32_t second)
{
    uint8_t head[14] = {EMPTY_LIST, MEMOIZE, MARK};
    size_t n = put_number(head, put_number(head, 3, first), second);
    return add_message(out, head, put(head, n, APPENDS, 1), NULL, 0, NULL, 0);
}
