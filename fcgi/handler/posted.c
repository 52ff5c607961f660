#include "fcgi/handler/posted.h"

#include "fcgi/handler/inputs.h"
#include "lib/auth/secret.h"
#include "lib/base/text.h"

#include <stdlib.h>
#include <string.h>

/* The whole body into text, which has room for POSTED_BYTES_MAX. */
static enum err read_body(struct request *r, char *text, size_t *len, const char **detail)
{
    uint64_t size;
    enum err e = request_content_length(r, POSTED_BYTES_MAX, &size);
    for (*len = 0; !e && *len < size;) {
        long got = request_read(r, text + *len, (size_t)size - *len);
        if (got <= 0) {
            *detail = "The body ended before its Content-Length.";
            return ERR_SYNTAX;
        }
        *len += (size_t)got;
    }
    if (e == ERR_TOO_LARGE)
        *detail = "The body may have 16,384 bytes.";
    return e;
}

static int is_known(const char *known, const char *name)
{
    size_t n = strlen(name);
    while (*known) {
        size_t len = strcspn(known, " ");
        if (len == n && memcmp(known, name, n) == 0)
            return 1;
        known += len;
        known += strspn(known, " ");
    }
    return 0;
}

static enum err parse(struct posted *p, const char *known, const char *text, size_t len)
{
    struct arena *arena = request_arena(p->r);
    enum err e = json_parse(text, len, &p->body);
    if (e || !json_is_object(p->body)) {
        p->detail =
            *known ? arena_printf(arena, "The body is one JSON object with the members: %s.", known) : "The body is an empty JSON object.";
        return e ? e : ERR_SYNTAX;
    }
    for (const struct json *member = json_first(p->body); member; member = json_next(member)) {
        if (!is_known(known, json_name(member))) {
            p->detail = arena_printf(arena, "A member of the body is not known here. Known: %s.", known);
            return ERR_SYNTAX;
        }
    }
    return ERR_OK;
}

static enum err check_type(const struct request *r, const char **detail)
{
    char type[RECORD_TYPE_MAX + 1];
    enum err e = inputs_media_type(request_header(r, "Content-Type"), type, detail);
    if (!e && strcmp(type, "application/json") == 0)
        return ERR_OK;
    *detail = "The body is JSON and has to say so: Content-Type: application/json.";
    return ERR_TYPE;
}

enum err posted_open(struct posted *p, struct request *r, const char *known)
{
    size_t len = 0;
    char *text = malloc(POSTED_BYTES_MAX);
    *p = (struct posted){.r = r};
    enum err e = text ? check_type(r, &p->detail) : ERR_NOMEM;
    if (!e)
        e = read_body(r, text, &len, &p->detail);
    if (!e)
        e = parse(p, known, text, len);
    if (text)
        secret_wipe(text, len);
    free(text);
    if (e) {
        response_problem(r, e, p->detail);
        posted_close(p);
    }
    return e;
}

void posted_close(struct posted *p)
{
    for (const struct json *member = json_first(p->body); member; member = json_next(member)) {
        char *text = (char *)(uintptr_t)json_as_str(member); /* ours to change: nobody reads the tree any more */
        if (text)
            secret_wipe(text, strlen(text));
    }
    json_free(p->body);
    p->body = NULL;
}

enum err posted_check(struct posted *p)
{
    if (p->error)
        response_problem(p->r, p->error, p->detail);
    return p->error;
}

void posted_fail(struct posted *p, enum err e, const char *detail)
{
    if (p->error)
        return;
    p->error = e;
    p->detail = detail;
}

int posted_has(const struct posted *p, const char *name)
{
    return json_get(p->body, name) != NULL;
}

/* The member when it is there and not null; else complains if it must be. */
static const struct json *find(struct posted *p, const char *name, enum posted_need need)
{
    const struct json *value = json_get(p->body, name);
    if (!json_is_null(value))
        return value;
    if (need == POSTED_MUST)
        posted_fail(p, ERR_SYNTAX, arena_printf(request_arena(p->r), "The body lacks the member “%s”.", name));
    return NULL;
}

const char *posted_text(struct posted *p, const char *name, enum posted_need need, size_t max)
{
    const struct json *value = find(p, name, need);
    const char *text = value ? json_as_str(value) : NULL;
    if (value && !text)
        posted_fail(p, ERR_SYNTAX, arena_printf(request_arena(p->r), "“%s” is a text.", name));
    if (!text || strlen(text) <= max)
        return text;
    posted_fail(p, ERR_INVALID, arena_printf(request_arena(p->r), "“%s” takes at most %zu bytes.", name, max));
    return NULL;
}

void posted_words(struct posted *p, const char *name, enum posted_need need, size_t max_chars, char *out, size_t size)
{
    const char *text = posted_text(p, name, need, POSTED_BYTES_MAX);
    out[0] = '\0';
    if (!text)
        return;
    size_t len = strlen(text);
    text = text_trim(text, &len);
    if (text_length(text, len) > max_chars || len >= size || text_has_control(text, len)) {
        posted_fail(p, ERR_INVALID,
            arena_printf(request_arena(p->r), "“%s” takes at most %zu characters, and no control characters.", name, max_chars));
        return;
    }
    memcpy(out, text, len);
    out[len] = '\0';
}

int posted_flag(struct posted *p, const char *name, enum posted_need need, int otherwise)
{
    const struct json *value = find(p, name, need);
    if (!value)
        return otherwise;
    int on = json_as_bool(value, -1);
    if (on < 0)
        posted_fail(p, ERR_SYNTAX, arena_printf(request_arena(p->r), "“%s” is true or false.", name));
    return on > 0;
}

uint64_t posted_number(struct posted *p, const char *name, enum posted_need need, const struct posted_range *range)
{
    uint64_t n;
    if (range->null_ok && posted_has(p, name) && json_is_null(json_get(p->body, name)))
        return range->none;
    if (!find(p, name, need))
        return range->otherwise;
    enum err e = json_get_u64(p->body, name, range->max, &n);
    if (!e && n >= range->min)
        return n;
    posted_fail(p, e == ERR_SYNTAX ? e : ERR_INVALID,
        arena_printf(request_arena(p->r), "“%s” is a whole number from %llu to %llu%s.", name, (unsigned long long)range->min,
            (unsigned long long)range->max, range->null_ok ? ", or null" : ""));
    return range->otherwise;
}

void posted_list(struct posted *p, const char *name, enum posted_need need, size_t max,
    enum err (*take)(void *ctx, const char *text, const char **detail), void *ctx)
{
    const struct json *list = find(p, name, need);
    if (!list)
        return;
    if (!json_is_array(list) || json_count(list) > max) {
        posted_fail(p, ERR_SYNTAX, arena_printf(request_arena(p->r), "“%s” is a list of at most %zu texts.", name, max));
        return;
    }
    for (const struct json *item = json_first(list); item && !p->error; item = json_next(item)) {
        const char *text = json_as_str(item), *detail = NULL;
        enum err e = text ? take(ctx, text, &detail) : ERR_SYNTAX;
        if (e)
            posted_fail(p, e, detail ? detail : arena_printf(request_arena(p->r), "“%s” is a list of texts.", name));
    }
}
