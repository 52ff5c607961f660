#include "lib/auth/cookie.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

/* cookie-octet of RFC 6265 §4.1.1: visible ASCII without quotes, comma, semicolon and backslash. */
static int is_cookie_text(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (s[i] <= ' ' || s[i] >= 0x7f || strchr("\",;\\", s[i]))
            return 0;
    return 1;
}

static int has_control(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
            return 1;
    return 0;
}

const char *cookie_name(int tls)
{
    return tls ? "__Host-sid" : "sid";
}

static const char *trim(const char *s, size_t *len)
{
    while (*len > 0 && *s == ' ') {
        s++;
        --*len;
    }
    while (*len > 0 && s[*len - 1] == ' ')
        --*len;
    return s;
}

/* One "name=value" of the header. Spaces around the two mean nothing to a browser, so that they must not hide a second cookie from us. */
static int split(const char *pair, size_t len, const char *name, const char **value, size_t *value_len)
{
    const char *equals = memchr(pair, '=', len);
    size_t name_len = equals ? (size_t)(equals - pair) : 0;
    const char *given = trim(pair, &name_len);
    if (!equals || name_len != strlen(name) || memcmp(given, name, name_len) != 0)
        return 0;
    *value_len = len - (size_t)(equals + 1 - pair);
    *value = trim(equals + 1, value_len);
    return 1;
}

enum err cookie_find(const char *header, const char *name, char *out, size_t size)
{
    const char *value = NULL;
    size_t value_len = 0, found = 0;
    if (!header)
        return ERR_NOT_FOUND;
    size_t len = strnlen(header, COOKIE_HEADER_MAX + 1);
    if (len > COOKIE_HEADER_MAX || has_control(header, len))
        return ERR_AUTH;
    for (size_t at = 0; at < len;) {
        const char *semicolon = memchr(header + at, ';', len - at);
        size_t end = semicolon ? (size_t)(semicolon - header) : len;
        found += (size_t)split(header + at, end - at, name, &value, &value_len);
        at = end + 1;
    }
    if (found == 0)
        return ERR_NOT_FOUND;
    if (found > 1 || value_len == 0 || value_len >= size || !is_cookie_text(value, value_len))
        return ERR_AUTH;
    memcpy(out, value, value_len);
    out[value_len] = '\0';
    return ERR_OK;
}

enum err cookie_print(struct buf *out, int tls, const char *value, uint64_t max_age_s)
{
    assert(is_cookie_text(value, strlen(value)));
    return buf_addf(
        out, "%s=%s; Path=/; Max-Age=%" PRIu64 "; HttpOnly; SameSite=Lax%s", cookie_name(tls), value, max_age_s, tls ? "; Secure" : "");
}
