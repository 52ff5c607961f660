/* RFC 9110 §13 (conditions) and §14 (ranges), for one strong validator. Pure: text in, a verdict out. */
#include "lib/http/internal.h"

#include "lib/base/text.h"

#include <string.h>
#include <strings.h>

static const char *skip_space(const char *p)
{
    return p + strspn(p, " \t");
}

/* §8.8.3: reads one entity tag at *at. ERR_SYNTAX when there is none. */
static enum err read_tag(const char **at, int *weak, const char **tag, size_t *len)
{
    const char *p = *at;
    const char *end;

    *weak = strncmp(p, "W/", 2) == 0;
    if (*weak)
        p += 2;
    if (*p != '"')
        return ERR_SYNTAX;
    end = strchr(p + 1, '"');
    if (!end)
        return ERR_SYNTAX;
    *tag = p;
    *len = (size_t)(end + 1 - p);
    *at = end + 1;
    return ERR_OK;
}

static int same_tag(const char *tag, size_t len, const char *etag)
{
    return strlen(etag) == len && memcmp(tag, etag, len) == 0;
}

/* §13.1.2, weak comparison. A malformed list matches nothing beyond the tags that could be read. */
static int none_match_hits(const char *list, const char *etag)
{
    const char *p = skip_space(list);

    if (strcmp(p, "*") == 0)
        return 1;
    while (*p) {
        const char *tag;
        size_t len;
        int weak;

        if (*p == ',') {
            p = skip_space(p + 1);
            continue;
        }
        if (read_tag(&p, &weak, &tag, &len))
            return 0;
        if (same_tag(tag, len, etag))
            return 1;
        p = skip_space(p);
        if (*p && *p != ',')
            return 0;
    }
    return 0;
}

/* §13.1.5: strong comparison for a tag, the exact second for a date. */
static int if_range_holds(const char *if_range, const char *etag, uint64_t modified_unix_s)
{
    const char *p = skip_space(if_range);
    const char *tag;
    size_t len;
    int weak;
    uint64_t date_s;

    if (!read_tag(&p, &weak, &tag, &len))
        return !weak && *skip_space(p) == '\0' && same_tag(tag, len, etag);
    return modified_unix_s != 0 && !text_http_date_parse(if_range, &date_s) && date_s == modified_unix_s;
}

/* Digits at *at; a number too large for 64 bits is the largest one: it lies behind the end of any file. Returns 0 when there is no digit. */
static int read_number(const char **at, uint64_t *out)
{
    const char *p = *at;
    uint64_t v = 0;

    for (; *p >= '0' && *p <= '9'; p++) {
        if (__builtin_mul_overflow(v, (uint64_t)10, &v) || __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
            v = UINT64_MAX;
        if (v == UINT64_MAX)
            break;
    }
    if (p == *at)
        return 0;
    p += strspn(p, "0123456789");
    *at = p;
    *out = v;
    return 1;
}

/* The last `n` bytes. */
static enum http_range_result suffix(uint64_t n, uint64_t size, uint64_t *first, uint64_t *last)
{
    if (n == 0)
        return HTTP_RANGE_UNSATISFIABLE;
    /* §14.1.2: satisfiable, but a 206 cannot name an empty range, and the whole is always a right answer. */
    if (size == 0)
        return HTTP_RANGE_WHOLE;
    *first = n < size ? size - n : 0;
    *last = size - 1;
    return HTTP_RANGE_PART;
}

/* §14.1.2 and §14.2. */
static enum http_range_result read_range(const char *range, uint64_t size, uint64_t *first, uint64_t *last)
{
    const char *p = skip_space(range);
    uint64_t a, b = UINT64_MAX;

    if (strncasecmp(p, "bytes=", 6) != 0)
        return HTTP_RANGE_WHOLE;
    p = skip_space(p + 6);
    if (*p == '-') {
        p++;
        return read_number(&p, &a) && *skip_space(p) == '\0' ? suffix(a, size, first, last) : HTTP_RANGE_WHOLE;
    }
    if (!read_number(&p, &a) || *p++ != '-')
        return HTTP_RANGE_WHOLE;
    if (*p >= '0' && *p <= '9' && read_number(&p, &b) && b < a)
        return HTTP_RANGE_WHOLE;
    if (*skip_space(p) != '\0')
        return HTTP_RANGE_WHOLE;
    if (a >= size)
        return HTTP_RANGE_UNSATISFIABLE;
    *first = a;
    *last = b < size ? b : size - 1;
    return HTTP_RANGE_PART;
}

enum http_range_result http_range(
    const struct http_conditions *c, uint64_t size, const char *etag, uint64_t modified_unix_s, uint64_t *first, uint64_t *last)
{
    uint64_t since_s;

    if (c->if_none_match) {
        if (none_match_hits(c->if_none_match, etag))
            return HTTP_RANGE_NOT_MODIFIED;
    } else if (c->if_modified_since && modified_unix_s != 0 && !text_http_date_parse(c->if_modified_since, &since_s) &&
               modified_unix_s <= since_s) {
        return HTTP_RANGE_NOT_MODIFIED;
    }
    if (!c->range || (c->if_range && !if_range_holds(c->if_range, etag, modified_unix_s)))
        return HTTP_RANGE_WHOLE;
    return read_range(c->range, size, first, last);
}
