/* The request target: checked, split and matched as it came, each segment decoded once. So %2F never becomes a separator, and what was
 * signed (the raw target) is what was matched. */
#include "lib/http/internal.h"

#include "lib/base/text.h"

#include <string.h>

struct segment {
    const char *raw;
    size_t raw_len;
    const char *decoded;
};

/* RFC 9112 §3.2.1 origin-form: visible ASCII, a leading slash, no fragment. */
static int is_origin_form(const char *target)
{
    if (target[0] != '/')
        return 0;
    for (const char *p = target; *p; p++) {
        if (*p <= ' ' || *p > '~' || *p == '#')
            return 0;
    }
    return 1;
}

/* Decodes into the request's arena. */
static enum err decode(struct http_request *r, const char *s, size_t len, const char **out)
{
    char *text = arena_alloc(&r->arena, len + 1);
    size_t n;
    enum err e;

    if (!text)
        return ERR_NOMEM;
    e = text_percent_decode(s, len, 0, text, &n);
    if (e)
        return e;
    *out = text;
    return ERR_OK;
}

/* Splits the path behind its first slash. Every segment is checked, also those beyond HTTP_SEGMENTS_MAX, which only count. */
static enum err split(struct http_request *r, const char *path, const char *end, struct segment segments[HTTP_SEGMENTS_MAX], size_t *n)
{
    *n = 0;
    while (path < end) {
        const char *raw = path + 1;
        size_t len = (size_t)(end - raw);
        const char *slash = memchr(raw, '/', len);
        const char *decoded;
        enum err e;

        if (slash)
            len = (size_t)(slash - raw);
        e = decode(r, raw, len, &decoded);
        if (e)
            return e;
        if (strcmp(decoded, ".") == 0 || strcmp(decoded, "..") == 0)
            return ERR_SYNTAX;
        if (*n < HTTP_SEGMENTS_MAX)
            segments[*n] = (struct segment){raw, len, decoded};
        ++*n;
        path = raw + len;
    }
    return ERR_OK;
}

/* True when the segments fit the pattern; their decoded captures go to r. */
static int fits(struct http_request *r, const char *pattern, const struct segment *segments, size_t n)
{
    size_t i = 0;

    r->n_captures = 0;
    for (const char *p = pattern; *p; i++) {
        size_t len = strcspn(++p, "/");
        if (i == n)
            return 0;
        if (len == 2 && memcmp(p, "{}", 2) == 0) {
            if (segments[i].raw_len == 0 || r->n_captures == HTTP_CAPTURES_MAX)
                return 0;
            r->captures[r->n_captures++] = segments[i].decoded;
        } else if (len != segments[i].raw_len || memcmp(p, segments[i].raw, len) != 0) {
            return 0;
        }
        p += len;
    }
    return i == n;
}

static int serves(const struct http_route *route, const char *method)
{
    return strcmp(route->method, method) == 0 || (strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0);
}

/* The route of the path and the method; Allow is collected from those of the path alone. */
static enum err find_route(struct http_request *r, const struct segment *segments, size_t n)
{
    const struct http_config *c = &r->server->config;
    struct buf allow;
    enum err e = ERR_NOT_FOUND;

    buf_init(&allow, 256);
    for (size_t i = 0; i < c->n_routes && !r->route; i++) {
        const struct http_route *route = &c->routes[i];
        if (!fits(r, route->pattern, segments, n))
            continue;
        if (serves(route, r->method)) {
            r->route = route;
        } else {
            const char *also = strcmp(route->method, "GET") == 0 ? ", HEAD" : "";
            e = buf_addf(&allow, "%s%s%s", allow.len ? ", " : "", route->method, also) ? ERR_NOMEM : ERR_METHOD;
        }
    }
    if (r->route)
        e = ERR_OK;
    else if (e == ERR_METHOD)
        http_add_header(r, "Allow", buf_str(&allow));
    buf_release(&allow);
    return e;
}

static enum err add_param(struct http_request *r, const char *text, size_t len)
{
    const char *equals = memchr(text, '=', len);
    size_t name_len = equals ? (size_t)(equals - text) : len;
    struct http_pair pair = {NULL, ""};
    enum err e;

    if (len == 0)
        return ERR_OK;
    if (r->n_params == HTTP_PARAMS_MAX)
        return ERR_SYNTAX;
    e = decode(r, text, name_len, &pair.name);
    if (!e && equals)
        e = decode(r, equals + 1, len - name_len - 1, &pair.value);
    if (e)
        return e;
    /* Two values for one name: whichever is taken, somebody meant the other. */
    if (http_query(r, pair.name))
        return ERR_SYNTAX;
    r->params[r->n_params++] = pair;
    return ERR_OK;
}

/* `query` is "" or starts with its question mark. */
static enum err parse_query(struct http_request *r, const char *query)
{
    while (*query) {
        size_t len = strcspn(++query, "&");
        enum err e = add_param(r, query, len);
        if (e)
            return e;
        query += len;
    }
    return ERR_OK;
}

enum err path_match(struct http_request *r)
{
    struct segment segments[HTTP_SEGMENTS_MAX];
    const char *end;
    size_t n;
    enum err e;

    if (!r->target)
        return ERR_URI_TOO_LONG;
    if (!is_origin_form(r->target))
        return ERR_SYNTAX;
    end = r->target + strcspn(r->target, "?");
    e = split(r, r->target, end, segments, &n);
    if (!e)
        e = parse_query(r, end);
    if (e)
        return e;
    return n > HTTP_SEGMENTS_MAX ? ERR_NOT_FOUND : find_route(r, segments, n);
}

const char *http_query(const struct http_request *r, const char *name)
{
    for (size_t i = 0; i < r->n_params; i++) {
        if (strcmp(r->params[i].name, name) == 0)
            return r->params[i].value;
    }
    return NULL;
}
