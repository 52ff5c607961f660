#include "lib/audit/line.h"

#include "lib/base/num.h"

#include <string.h>

enum member_type { MEMBER_END, MEMBER_TEXT, MEMBER_NUMBER, MEMBER_CHAIN, MEMBER_HASH };

struct member_row {
    const char *name;
    enum member_type type;
};

#define MEMBERS_MAX 8

/* What each kind of line has, in this order. */
static const struct kind_row {
    const char *word;
    struct member_row members[MEMBERS_MAX];
} kinds[AUDIT_KINDS] = {
    [AUDIT_START] = {"start",
        {{"process", MEMBER_TEXT}, {"chain", MEMBER_CHAIN}, {"start", MEMBER_NUMBER}, {"file", MEMBER_NUMBER}, {"after", MEMBER_TEXT}}},
    [AUDIT_FILE] = {"file",
        {{"process", MEMBER_TEXT}, {"chain", MEMBER_CHAIN}, {"start", MEMBER_NUMBER}, {"file", MEMBER_NUMBER}, {"before", MEMBER_HASH}}},
    [AUDIT_KEY] = {"key", {{NULL, MEMBER_END}}},
    [AUDIT_EVENT] = {"event", {{"who", MEMBER_TEXT}, {"what", MEMBER_TEXT}, {"on", MEMBER_TEXT}, {"from", MEMBER_TEXT},
                                  {"result", MEMBER_TEXT}, {"request", MEMBER_TEXT}, {"detail", MEMBER_TEXT}}},
    [AUDIT_MORE] = {"more", {{"count", MEMBER_NUMBER}}},
    [AUDIT_LOST] = {"lost", {{"count", MEMBER_NUMBER}}},
    [AUDIT_DROP] = {"drop", {{"chain", MEMBER_CHAIN}, {"file", MEMBER_NUMBER}, {"last", MEMBER_NUMBER}, {"h_last", MEMBER_HASH}}},
    [AUDIT_END] = {"end", {{NULL, MEMBER_END}}},
};

const char *audit_kind_word(enum audit_kind kind)
{
    return kinds[kind].word;
}

/* ---- reading */

/* What is left of a line. */
struct cursor {
    const char *at, *end;
};

static int take(struct cursor *c, const char *text)
{
    size_t len = strlen(text);
    if ((size_t)(c->end - c->at) < len || memcmp(c->at, text, len) != 0)
        return 0;
    c->at += len;
    return 1;
}

/* Digits up to the next other character. */
static int take_number(struct cursor *c, uint64_t *out)
{
    char digits[20];
    size_t len = 0;
    while (c->at + len < c->end && c->at[len] >= '0' && c->at[len] <= '9' && len < sizeof digits - 1) {
        digits[len] = c->at[len];
        len++;
    }
    digits[len] = '\0';
    c->at += len;
    return num_parse_u64(digits, AUDIT_NUMBER_MAX, out) == ERR_OK;
}

/* One escape, as text_json_char() writes it and no other way: the bytes it takes, 0 when it is none. */
static size_t escape_length(const char *s, size_t left)
{
    char digits[5] = {0}, written[TEXT_JSON_CHAR_SIZE];
    uint8_t byte[2];
    if (left >= 2 && s[1] != '\0' && strchr("\"\\nrt", s[1]))
        return 2;
    if (left < 6 || s[1] != 'u')
        return 0;
    memcpy(digits, s + 2, 4);
    if (num_unhex(digits, byte, sizeof byte) != ERR_OK || byte[0] != 0 || byte[1] == 0)
        return 0;
    text_json_char((const char *)&byte[1], 1, written);
    return strncmp(written, s, 6) == 0 ? 6 : 0;
}

/* One byte of a text as it stands in a line, or one escape: the bytes it takes, 0 when it cannot stand there. */
static size_t char_length(const char *s, size_t left)
{
    if (s[0] == '\\')
        return escape_length(s, left);
    return (unsigned char)s[0] < 0x20 || s[0] == 0x7f ? 0 : 1;
}

/* A text between quotes. */
static int take_text(struct cursor *c)
{
    if (!take(c, "\""))
        return 0;
    const char *begin = c->at;
    while (c->at < c->end && *c->at != '"') {
        size_t len = char_length(c->at, (size_t)(c->end - c->at));
        if (len == 0)
            return 0;
        c->at += len;
    }
    return text_is_utf8(begin, (size_t)(c->at - begin)) && take(c, "\"");
}

/* `digits` hex digits between quotes. */
static int take_hex(struct cursor *c, size_t digits, char *out)
{
    if (!take(c, "\"") || (size_t)(c->end - c->at) < digits)
        return 0;
    memcpy(out, c->at, digits);
    out[digits] = '\0';
    c->at += digits;
    return num_is_hex(out, digits) && take(c, "\"");
}

static int take_value(struct cursor *c, enum member_type type)
{
    char hex[HASH_HEX_SIZE];
    uint64_t number;
    switch (type) {
    case MEMBER_TEXT: return take_text(c);
    case MEMBER_NUMBER: return take_number(c, &number);
    case MEMBER_CHAIN: return take_hex(c, AUDIT_CHAIN_SIZE - 1, hex);
    case MEMBER_HASH: return take_hex(c, HASH_HEX_SIZE - 1, hex);
    case MEMBER_END: break;
    }
    return 0;
}

static int take_name(struct cursor *c, const char *name)
{
    return take(c, ",\"") && take(c, name) && take(c, "\":");
}

static int take_members(struct cursor *c, enum audit_kind kind)
{
    for (const struct member_row *m = kinds[kind].members; m->name; m++) {
        if (!take_name(c, m->name) || !take_value(c, m->type))
            return 0;
    }
    return 1;
}

static int take_kind(struct cursor *c, enum audit_kind *out)
{
    for (int i = 0; i < AUDIT_KINDS; i++) {
        struct cursor tried = *c;
        if (!take(&tried, kinds[i].word) || !take(&tried, "\""))
            continue;
        *c = tried;
        *out = (enum audit_kind)i;
        return 1;
    }
    return 0;
}

/* "2026-11-22T08:45:00.123Z": digits where digits are; the MAC says whether they are the right ones. */
static int take_time(struct cursor *c, char out[TEXT_TIME_SIZE])
{
    static const char shape[] = "0000-00-00T00:00:00.000Z";
    if ((size_t)(c->end - c->at) < sizeof shape - 1)
        return 0;
    for (size_t i = 0; i < sizeof shape - 1; i++) {
        int is_digit = c->at[i] >= '0' && c->at[i] <= '9';
        if (shape[i] == '0' ? !is_digit : c->at[i] != shape[i])
            return 0;
    }
    memcpy(out, c->at, sizeof shape - 1);
    out[sizeof shape - 1] = '\0';
    c->at += sizeof shape - 1;
    return 1;
}

enum err audit_line_read(const char *text, size_t len, struct audit_line *out)
{
    struct cursor c = {text, text + len};
    struct audit_line line = {.n = 0};
    char h[HASH_HEX_SIZE];
    if (len > AUDIT_LINE_MAX)
        return ERR_SYNTAX;
    if (!take(&c, "{\"n\":") || !take_number(&c, &line.n) || !take(&c, ",\"at\":\"") || !take_time(&c, line.at))
        return ERR_SYNTAX;
    if (!take(&c, "\",\"k\":") || !take_number(&c, &line.k) || !take(&c, ",\"kind\":\"") || !take_kind(&c, &line.kind))
        return ERR_SYNTAX;
    line.members = c.at;
    if (!take_members(&c, line.kind))
        return ERR_SYNTAX;
    line.members_len = (size_t)(c.at - line.members);
    line.text_len = (size_t)(c.at - text);
    if (!take_name(&c, "h") || !take_hex(&c, HASH_HEX_SIZE - 1, h) || !take(&c, "}") || c.at != c.end)
        return ERR_SYNTAX;
    if (num_unhex(h, line.h, sizeof line.h) != ERR_OK)
        return ERR_SYNTAX;
    *out = line;
    return ERR_OK;
}

const char *audit_line_member(const struct audit_line *line, const char *name, size_t *len)
{
    struct cursor c = {line->members, line->members + line->members_len};
    for (const struct member_row *m = kinds[line->kind].members; m->name; m++) {
        if (!take_name(&c, m->name))
            return NULL;
        const char *value = c.at;
        if (!take_value(&c, m->type))
            return NULL;
        if (strcmp(m->name, name) != 0)
            continue;
        size_t quotes = m->type == MEMBER_NUMBER ? 0 : 1;
        *len = (size_t)(c.at - value) - 2 * quotes;
        return value + quotes;
    }
    return NULL;
}

enum err audit_line_copy(const struct audit_line *line, const char *name, char *out, size_t size)
{
    size_t len;
    const char *value = audit_line_member(line, name, &len);
    if (!value || len >= size)
        return ERR_SYNTAX;
    memcpy(out, value, len);
    out[len] = '\0';
    return ERR_OK;
}

enum err audit_line_number(const struct audit_line *line, const char *name, uint64_t *out)
{
    char digits[20];
    enum err e = audit_line_copy(line, name, digits, sizeof digits);
    return e || num_parse_u64(digits, AUDIT_NUMBER_MAX, out) ? ERR_SYNTAX : ERR_OK;
}

/* ---- writing */

/* How many bytes from here stand for themselves. */
static size_t plain_length(const char *at, const char *end, size_t max)
{
    size_t len = 0;
    while (len < max && at + len < end && at[len] >= ' ' && at[len] < 0x7f && at[len] != '"' && at[len] != '\\')
        len++;
    return len;
}

enum err audit_member_text(struct buf *b, const char *name, const char *value, size_t max)
{
    size_t before = b->len, used = 0;
    enum err e = buf_addf(b, ",\"%s\":\"", name);
    const char *end = value ? value + strlen(value) : value;
    for (const char *at = value; at < end && !e;) {
        char shown[TEXT_JSON_CHAR_SIZE];
        size_t plain = plain_length(at, end, max - used);
        e = buf_add(b, at, plain);
        at += plain;
        used += plain;
        if (e || at == end)
            break;
        at += text_json_char(at, (size_t)(end - at), shown);
        size_t len = strlen(shown);
        if (used + len > max)
            break;
        used += len;
        e = buf_add(b, shown, len);
    }
    if (!e)
        e = buf_add(b, "\"", 1);
    if (e)
        buf_truncate(b, before);
    return e;
}

enum err audit_member_number(struct buf *b, const char *name, uint64_t value)
{
    return buf_addf(b, ",\"%s\":%llu", name, (unsigned long long)value);
}

enum err audit_line_begin(struct buf *b, uint64_t n, uint64_t at_ms, uint64_t k, enum audit_kind kind, const char *members, size_t len)
{
    char at[TEXT_TIME_SIZE];
    text_time_rfc3339(at_ms, at);
    enum err e = buf_addf(
        b, "{\"n\":%llu,\"at\":\"%s\",\"k\":%llu,\"kind\":\"%s\"", (unsigned long long)n, at, (unsigned long long)k, kinds[kind].word);
    return e ? e : buf_add(b, members, len);
}

enum err audit_line_finish(struct buf *b, const uint8_t h[HASH_SIZE])
{
    char hex[HASH_HEX_SIZE];
    num_hex(h, HASH_SIZE, hex);
    return buf_addf(b, ",\"h\":\"%s\"}\n", hex);
}
