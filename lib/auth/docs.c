/* What all documents have in common. */
#include "lib/auth/internal.h"

#include "lib/base/num.h"
#include "lib/base/text.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* ---- reading */

static void fail(struct docs_reader *r, enum err e)
{
    if (!r->e)
        r->e = e;
}

struct docs_reader docs_begin(const struct json *j)
{
    struct docs_reader r = {j, json_is_object(j) ? ERR_OK : ERR_SYNTAX};
    uint64_t version = 0;
    docs_read_u64(&r, "v", DOCS_VERSION, &version);
    docs_expect(&r, version > 0);
    return r;
}

void docs_expect(struct docs_reader *r, int holds)
{
    if (!holds)
        fail(r, ERR_INVALID);
}

/* The member's value when all is well so far; a missing one is a fault. */
static const struct json *member(struct docs_reader *r, const char *key)
{
    const struct json *value = r->e ? NULL : json_get(r->j, key);
    if (!value)
        fail(r, ERR_SYNTAX);
    return value;
}

/* True when the member is there and null. */
static int is_null(struct docs_reader *r, const char *key)
{
    const struct json *value = member(r, key);
    return value && json_is_null(value);
}

void docs_read_bool(struct docs_reader *r, const char *key, int *out)
{
    const struct json *value = member(r, key);
    int is = json_as_bool(value, -1);
    if (is < 0)
        fail(r, ERR_SYNTAX);
    if (!r->e)
        *out = is;
}

void docs_read_u64(struct docs_reader *r, const char *key, uint64_t max, uint64_t *out)
{
    if (!r->e)
        r->e = json_get_u64(r->j, key, max, out);
}

void docs_read_u64_or(struct docs_reader *r, const char *key, uint64_t max, uint64_t none, uint64_t *out)
{
    if (is_null(r, key))
        *out = none;
    else
        docs_read_u64(r, key, max, out);
}

void docs_read_time(struct docs_reader *r, const char *key, uint64_t *out)
{
    uint64_t time = 0;
    docs_read_u64(r, key, JSON_EXACT_MAX, &time);
    docs_expect(r, time > 0);
    if (!r->e)
        *out = time;
}

void docs_read_time_or_null(struct docs_reader *r, const char *key, uint64_t *out)
{
    if (is_null(r, key))
        *out = 0;
    else
        docs_read_time(r, key, out);
}

void docs_read_text(struct docs_reader *r, const char *key, size_t chars_max, char *out, size_t size)
{
    const char *text = json_as_str(member(r, key));
    if (!text) {
        fail(r, ERR_SYNTAX);
        return;
    }
    size_t len = strlen(text);
    docs_expect(r, len < size && !text_has_control(text, len) && text_length(text, len) <= chars_max);
    if (!r->e)
        memcpy(out, text, len + 1);
}

void docs_read_text_or_null(struct docs_reader *r, const char *key, char *out, size_t size)
{
    if (is_null(r, key)) {
        *out = '\0';
        return;
    }
    docs_read_text(r, key, size, out, size);
    docs_expect(r, r->e || *out);
}

void docs_read_hex(struct docs_reader *r, const char *key, size_t n, char *out)
{
    docs_read_text(r, key, n, out, n + 1);
    docs_expect(r, r->e || num_is_hex(out, n));
}

void docs_read_name(struct docs_reader *r, const char *key, char out[AUTH_NAME_SIZE])
{
    docs_read_text(r, key, AUTH_NAME_SIZE - 1, out, AUTH_NAME_SIZE);
    docs_expect(r, r->e || auth_name_ok(out));
}

void docs_read_name_or_null(struct docs_reader *r, const char *key, char out[AUTH_NAME_SIZE])
{
    if (is_null(r, key))
        *out = '\0';
    else
        docs_read_name(r, key, out);
}

void docs_read_password(struct docs_reader *r, const char *key, char out[PASSWORD_HASH_SIZE])
{
    docs_read_text_or_null(r, key, out, PASSWORD_HASH_SIZE);
    docs_expect(r, r->e || !*out || password_hash_ok(out));
}

void docs_read_scopes(struct docs_reader *r, struct auth_scopes *out)
{
    struct auth_scopes scopes = {0};
    const struct json *list = member(r, "scopes");
    if (!json_is_array(list))
        fail(r, ERR_SYNTAX);
    for (const struct json *item = r->e ? NULL : json_first(list); item && !r->e; item = json_next(item)) {
        const char *prefix = json_as_str(item);
        size_t len = prefix ? strlen(prefix) : 0;
        if (!prefix)
            fail(r, ERR_SYNTAX);
        docs_expect(r, r->e || (scopes.n < AUTH_SCOPES_MAX && len > 0 && len < AUTH_SCOPE_SIZE && !text_has_control(prefix, len)));
        for (size_t i = 0; i < scopes.n && !r->e; i++)
            docs_expect(r, strcmp(scopes.prefix[i], prefix) != 0);
        if (!r->e)
            memcpy(scopes.prefix[scopes.n++], prefix, len + 1);
    }
    if (!r->e)
        *out = scopes;
}

/* ---- writing */

struct json *docs_object(void)
{
    struct json *j = json_object();
    json_set_u64(j, "v", DOCS_VERSION);
    return j;
}

void docs_set_u64_or(struct json *j, const char *key, uint64_t value, uint64_t none)
{
    if (value == none)
        json_set_null(j, key);
    else
        json_set_u64(j, key, value);
}

void docs_set_text_or_null(struct json *j, const char *key, const char *text)
{
    json_set_str(j, key, *text ? text : NULL);
}

void docs_set_scopes(struct json *j, const struct auth_scopes *scopes)
{
    struct json *list = json_array();
    for (size_t i = 0; i < scopes->n; i++)
        json_append(list, json_string(scopes->prefix[i]));
    json_set(j, "scopes", list);
}
