#include "fcgi/target.h"

#include "lib/base/text.h"

#include <string.h>

static enum err fail(struct target *t, enum err e, const char *detail)
{
    t->detail = detail;
    return e;
}

/* Decodes len raw bytes into the arena. */
static enum err decode(const char *raw, size_t len, int plus_is_space, struct arena *a, struct target_text *out)
{
    char *text = arena_alloc(a, len + 1);
    size_t n;
    if (!text)
        return ERR_NOMEM;
    if (text_percent_decode(raw, len, plus_is_space, text, &n) || !text_is_utf8(text, n))
        return ERR_SYNTAX;
    *out = (struct target_text){text, n};
    return ERR_OK;
}

/* True when "." or ".." stands between slashes or backslashes. No file is ever named by a path of ours, so this only refuses early
 * what somebody behind us might read as a way up. */
static int climbs(const struct target_text *s)
{
    size_t start = 0;
    for (size_t i = 0; i <= s->len; i++) {
        if (i < s->len && s->text[i] != '/' && s->text[i] != '\\')
            continue;
        size_t n = i - start;
        if ((n == 1 && s->text[start] == '.') || (n == 2 && memcmp(s->text + start, "..", 2) == 0))
            return 1;
        start = i + 1;
    }
    return 0;
}

static enum err parse_path(const char *raw, size_t len, struct arena *a, struct target *t)
{
    const char *at = raw, *end = raw + len;
    while (at < end) {
        at++; /* the slash in front of the segment */
        const char *slash = memchr(at, '/', (size_t)(end - at));
        const char *stop = slash ? slash : end;
        struct target_text segment;
        enum err e = decode(at, (size_t)(stop - at), 0, a, &segment);
        if (e)
            return fail(t, e, "The path holds a broken escape, a zero byte or bytes that are not UTF-8.");
        if (climbs(&segment))
            return fail(t, ERR_SYNTAX, "The path must not hold “.” or “..” as a part of its own.");
        if (t->n_segments < TARGET_SEGMENTS_MAX)
            t->segments[t->n_segments] = segment;
        t->n_segments++;
        at = stop;
    }
    return ERR_OK;
}

static enum err parse_param(const char *raw, size_t len, struct arena *a, struct target *t)
{
    const char *equals = memchr(raw, '=', len);
    size_t name_len = equals ? (size_t)(equals - raw) : len;
    const char *value = equals ? equals + 1 : raw + len;
    struct target_param p;
    enum err e = decode(raw, name_len, 1, a, &p.name);
    if (!e)
        e = decode(value, (size_t)(raw + len - value), 1, a, &p.value);
    if (e)
        return fail(t, e, "The query holds a broken escape, a zero byte or bytes that are not UTF-8.");
    if (target_param(t, p.name.text)) {
        const char *detail = arena_printf(a, "The query parameter “%s” is given twice.", p.name.text);
        return fail(t, ERR_SYNTAX, detail ? detail : "A query parameter is given twice.");
    }
    if (t->n_params == TARGET_PARAMS_MAX)
        return fail(t, ERR_SYNTAX, "The query has too many parameters.");
    t->params[t->n_params++] = p;
    return ERR_OK;
}

static enum err parse_query(const char *raw, size_t len, struct arena *a, struct target *t)
{
    const char *end = raw + len;
    while (raw < end) {
        const char *amp = memchr(raw, '&', (size_t)(end - raw));
        const char *stop = amp ? amp : end;
        if (stop > raw) {
            enum err e = parse_param(raw, (size_t)(stop - raw), a, t);
            if (e)
                return e;
        }
        raw = amp ? amp + 1 : end;
    }
    return ERR_OK;
}

enum err target_parse(const char *raw, struct arena *a, struct target *out)
{
    *out = (struct target){0};
    size_t len = strlen(raw);
    if (len > TARGET_BYTES_MAX)
        return fail(out, ERR_URI_TOO_LONG, NULL);
    if (raw[0] != '/')
        return fail(out, ERR_SYNTAX, "The address must start with a slash.");
    const char *mark = strchr(raw, '?');
    size_t path_len = mark ? (size_t)(mark - raw) : len;
    enum err e = parse_path(raw, path_len, a, out);
    if (!e && mark)
        e = parse_query(mark + 1, len - path_len - 1, a, out);
    return e;
}

const char *target_param(const struct target *t, const char *name)
{
    for (size_t i = 0; i < t->n_params; i++) {
        if (strcmp(t->params[i].name.text, name) == 0)
            return t->params[i].value.text;
    }
    return NULL;
}
