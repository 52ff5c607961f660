#include "fcgi/handler/inputs.h"

#include "lib/base/num.h"

#include <ctype.h>
#include <string.h>

static enum err fail(const char **detail, const char *sentence)
{
    *detail = sentence;
    return ERR_SYNTAX;
}

#define IF_MATCH_HELP "If-Match takes one record id or one SHA-256, in quotes: 32 or 64 lower-case hexadecimal digits."

static enum err read_if_match(const char *value, struct inputs_condition *out, const char **detail)
{
    char tag[HASH_HEX_SIZE];
    size_t len = strlen(value);
    if (len >= 2 && value[0] == '"' && value[len - 1] == '"') {
        value++;
        len -= 2;
    }
    if (len >= sizeof(tag))
        return fail(detail, IF_MATCH_HELP);
    memcpy(tag, value, len);
    tag[len] = '\0';
    if (stamp_parse(tag, &out->record) == ERR_OK) {
        out->match = MATCH_RECORD;
        return ERR_OK;
    }
    if (!num_is_hex(tag, 2 * HASH_SIZE))
        return fail(detail, IF_MATCH_HELP);
    memcpy(out->sha256, tag, sizeof(tag));
    out->match = MATCH_SHA256;
    return ERR_OK;
}

enum err inputs_condition(const char *if_match, const char *if_none_match, struct inputs_condition *out, const char **detail)
{
    *out = (struct inputs_condition){.match = MATCH_NOTHING};
    if (if_match && if_none_match)
        return fail(detail, "If-Match and If-None-Match exclude each other.");
    if (if_match)
        return read_if_match(if_match, out, detail);
    if (!if_none_match)
        return ERR_OK;
    if (strcmp(if_none_match, "*") != 0)
        return fail(detail, "If-None-Match takes only * here: store it only when there is no current version.");
    out->match = MATCH_NONE;
    return ERR_OK;
}

enum err inputs_idempotency_key(const char *value, const char **detail)
{
    size_t n = 0;
    if (!value)
        return ERR_OK;
    while (value[n] > ' ' && value[n] < 0x7f && n < INPUTS_IDEMPOTENCY_KEY_MAX)
        n++;
    return n > 0 && value[n] == '\0' ? ERR_OK : fail(detail, "Idempotency-Key takes 1 to 128 visible ASCII characters.");
}

#define DIGEST_HELP "Content-Digest is a list like sha-256=:base64 of the body's SHA-256:."

static const char *skip_blank(const char *s)
{
    return s + strspn(s, " \t");
}

/* One member of the list at *at: a key, "=", a byte sequence between colons (RFC 8941 §3.3.5), parameters. *at moves behind it. */
static enum err read_digest_member(const char **at, int *has, uint8_t digest[HASH_SIZE])
{
    const char *key = *at;
    size_t key_len = strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_-.*");
    const char *value = key + key_len;
    if (key_len == 0 || strncmp(value, "=:", 2) != 0)
        return ERR_SYNTAX;
    value += 2;
    size_t len = strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=");
    if (value[len] != ':')
        return ERR_SYNTAX;
    if (key_len == 7 && memcmp(key, "sha-256", 7) == 0) {
        if (num_unbase64(value, len, digest, HASH_SIZE))
            return ERR_SYNTAX;
        *has = 1;
    }
    const char *end = value + len + 1;
    if (*end == ';')
        end += strcspn(end, ","); /* no parameter is defined for a digest */
    *at = skip_blank(end);
    return ERR_OK;
}

enum err inputs_content_digest(const char *value, int *has, uint8_t digest[HASH_SIZE], const char **detail)
{
    *has = 0;
    if (!value)
        return ERR_OK;
    const char *at = skip_blank(value);
    for (;;) {
        if (read_digest_member(&at, has, digest))
            return fail(detail, DIGEST_HELP);
        if (!*at)
            return ERR_OK;
        if (*at != ',')
            return fail(detail, DIGEST_HELP);
        at = skip_blank(at + 1);
    }
}

/* RFC 9110 §5.6.2. */
static int is_token_char(char c)
{
    return c > ' ' && c < 0x7f && !strchr("\"(),/:;<=>?@[\\]{}", c);
}

enum err inputs_media_type(const char *value, char out[RECORD_TYPE_MAX + 1], const char **detail)
{
    size_t n = 0, slash = 0;
    const char *at = value ? value : "";
    for (; *at && *at != ';' && *at != ' ' && *at != '\t'; at++) {
        if (*at == '/' && n > 0 && slash == 0)
            slash = n;
        else if (!is_token_char(*at))
            return fail(detail, "Content-Type is no media type.");
        if (n == RECORD_TYPE_MAX)
            return fail(detail, "Content-Type is too long for a media type.");
        out[n++] = (char)tolower((unsigned char)*at);
    }
    out[n] = '\0';
    at = skip_blank(at);
    if ((*at && *at != ';') || (value && (slash == 0 || slash == n - 1)))
        return fail(detail, "Content-Type is no media type.");
    return ERR_OK;
}

enum err inputs_flag(const char *value, int *on, const char **detail)
{
    if (value && strcmp(value, "0") != 0 && strcmp(value, "1") != 0) {
        *detail = "dry_run, force, download and counted take 0 or 1.";
        return ERR_SYNTAX;
    }
    *on = value && *value == '1';
    return ERR_OK;
}

enum err inputs_version(const char *value, const char **detail)
{
    uint64_t number;
    struct stamp id;
    if (!value || stamp_parse(value, &id) == ERR_OK)
        return ERR_OK;
    enum err e = num_parse_u64(value, UINT64_MAX, &number);
    if (e == ERR_INVALID || (!e && number > 0))
        return ERR_OK; /* a number that no version has is simply not found */
    return fail(detail, "version takes a number from 1 on, or a record id of 32 lower-case hexadecimal digits.");
}

#define LIMIT_DEFAULT 50u

enum err inputs_limit(const char *value, unsigned *out, const char **detail)
{
    uint64_t n = LIMIT_DEFAULT;
    if (value && (num_parse_u64(value, INPUTS_LIMIT_MAX, &n) || n == 0))
        return fail(detail, "limit takes a number from 1 to 200.");
    *out = (unsigned)n;
    return ERR_OK;
}

enum err inputs_sha256(const char *value, const char **detail)
{
    if (!num_is_hex(value, 2 * HASH_SIZE))
        return fail(detail, "A SHA-256 has 64 lower-case hexadecimal digits.");
    return ERR_OK;
}

/* Whatever is no single range of bytes is served as a whole, so it begins at the first byte too (RFC 9110 §14.2). */
int inputs_range_begins(const char *value)
{
    static const char unit[] = "bytes=";
    if (!value || strncmp(value, unit, sizeof(unit) - 1) != 0 || strchr(value, ','))
        return 1;
    const char *first = value + sizeof(unit) - 1;
    size_t digits = strspn(first, "0123456789");
    return digits > 0 && strspn(first, "0") == digits;
}
