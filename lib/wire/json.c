#include "lib/wire/json.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/wire/json_check.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A struct json is a cJSON under another name; it is never looked into by its own. An object or array that lost a child says so in its
 * valueint, which cJSON uses for numbers only. */
#define LOST 1
static_assert(JSON_DEPTH_MAX < CJSON_NESTING_LIMIT, "cJSON parses whatever json_check lets through");

static cJSON *inner(const struct json *j)
{
    return (cJSON *)j;
}

static struct json *outer(const cJSON *c)
{
    return (struct json *)c;
}

/* ---- reading a text */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* ERR_SYNTAX when two members of the object have one name. Sorts them: an object may have a million. */
static enum err check_names(const cJSON *object)
{
    size_t n = 0;
    for (const cJSON *c = object->child; c; c = c->next)
        n++;
    if (n < 2)
        return ERR_OK;
    const char **names = malloc(n * sizeof(*names));
    if (!names)
        return ERR_NOMEM;
    n = 0;
    for (const cJSON *c = object->child; c; c = c->next)
        names[n++] = c->string;
    qsort(names, n, sizeof(*names), compare_names);
    enum err e = ERR_OK;
    for (size_t i = 1; i < n; i++) {
        if (strcmp(names[i - 1], names[i]) == 0)
            e = ERR_SYNTAX;
    }
    free(names);
    return e;
}

/* The same for all objects of a tree, whose depth the check of the grammar has bounded. NOLINTNEXTLINE(misc-no-recursion) */
static enum err check_all_names(const cJSON *c)
{
    enum err e = cJSON_IsObject(c) ? check_names(c) : ERR_OK;
    for (const cJSON *child = c->child; !e && child; child = child->next)
        e = check_all_names(child);
    return e;
}

enum err json_parse(const char *text, size_t len, struct json **out)
{
    if (!json_check(text, len))
        return ERR_SYNTAX;
    cJSON *c = cJSON_ParseWithLength(text, len);
    if (!c)
        return ERR_NOMEM; /* the grammar is fine, so what is left is memory */
    enum err e = check_all_names(c);
    if (e) {
        cJSON_Delete(c);
        return e;
    }
    *out = outer(c);
    return ERR_OK;
}

void json_free(struct json *j)
{
    cJSON_Delete(inner(j));
}

/* ---- writing a text: cJSON rounds integers above 10^15, so the text is ours */

static enum err print_string(const char *s, struct buf *out)
{
    enum err e = buf_add(out, "\"", 1);
    size_t len = strlen(s);
    while (!e && len > 0) {
        /* Plain ASCII in one piece, anything else one by one. */
        size_t n = 0;
        while (n < len && s[n] >= 0x20 && s[n] < 0x7f && s[n] != '"' && s[n] != '\\')
            n++;
        if (n > 0) {
            e = buf_add(out, s, n);
        } else {
            char one[TEXT_JSON_CHAR_SIZE];
            n = text_json_char(s, len, one);
            e = buf_add_str(out, one);
        }
        s += n;
        len -= n;
    }
    return e ? e : buf_add(out, "\"", 1);
}

static enum err print_number(double v, struct buf *out)
{
    if (!isfinite(v))
        return buf_add_str(out, "null"); /* JSON has no word for it */
    if (fabs(v) <= (double)JSON_EXACT_MAX && v == floor(v))
        return buf_addf(out, "%.0f", v);
    /* The shortest text that reads back as the same number. */
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    return buf_add_str(out, text);
}

static enum err print_value(const cJSON *c, int depth, struct buf *out);

/* Recursion ends where the assertion says. NOLINTBEGIN(misc-no-recursion) */
static enum err print_children(const cJSON *c, int depth, struct buf *out)
{
    assert(depth < JSON_DEPTH_MAX); /* whoever builds a tree that nobody can parse made a mistake */
    if (c->valueint == LOST)
        return ERR_NOMEM;
    int object = cJSON_IsObject(c);
    enum err e = buf_add(out, object ? "{" : "[", 1);
    for (const cJSON *child = c->child; !e && child; child = child->next) {
        if (child != c->child)
            e = buf_add(out, ",", 1);
        if (!e && object)
            e = print_string(child->string, out);
        if (!e && object)
            e = buf_add(out, ":", 1);
        if (!e)
            e = print_value(child, depth + 1, out);
    }
    return e ? e : buf_add(out, object ? "}" : "]", 1);
}

static enum err print_value(const cJSON *c, int depth, struct buf *out)
{
    if (cJSON_IsObject(c) || cJSON_IsArray(c))
        return print_children(c, depth, out);
    if (cJSON_IsString(c))
        return print_string(c->valuestring, out);
    if (cJSON_IsNumber(c))
        return print_number(c->valuedouble, out);
    if (cJSON_IsRaw(c))
        return buf_add_str(out, c->valuestring);
    return buf_add_str(out, cJSON_IsTrue(c) ? "true" : cJSON_IsFalse(c) ? "false" : "null");
}
/* NOLINTEND(misc-no-recursion) */

enum err json_print(const struct json *j, struct buf *out)
{
    if (!j)
        return ERR_NOMEM;
    size_t before = out->len;
    enum err e = print_value(inner(j), 0, out);
    if (e)
        buf_truncate(out, before);
    return e;
}

/* ---- building */

struct json *json_object(void)
{
    return outer(cJSON_CreateObject());
}

struct json *json_array(void)
{
    return outer(cJSON_CreateArray());
}

struct json *json_null(void)
{
    return outer(cJSON_CreateNull());
}

struct json *json_boolean(int value)
{
    return outer(cJSON_CreateBool(value != 0));
}

struct json *json_string(const char *s)
{
    return outer(cJSON_CreateString(s));
}

struct json *json_raw(const char *text)
{
    return outer(cJSON_CreateRaw(text));
}

void json_set(struct json *object, const char *key, struct json *child)
{
    cJSON *o = inner(object), *c = inner(child);
    assert(!o || cJSON_IsObject(o));
    if (o && cJSON_GetObjectItemCaseSensitive(o, key))
        cJSON_DeleteItemFromObjectCaseSensitive(o, key);
    if (o && c && cJSON_AddItemToObject(o, key, c))
        return;
    cJSON_Delete(c);
    if (o)
        o->valueint = LOST;
}

void json_append(struct json *array, struct json *child)
{
    cJSON *a = inner(array), *c = inner(child);
    assert(!a || cJSON_IsArray(a));
    if (a && c && cJSON_AddItemToArray(a, c))
        return;
    cJSON_Delete(c);
    if (a)
        a->valueint = LOST;
}

void json_set_str(struct json *object, const char *key, const char *value)
{
    json_set(object, key, value ? json_string(value) : outer(cJSON_CreateNull()));
}

void json_set_u64(struct json *object, const char *key, uint64_t value)
{
    if (value <= JSON_EXACT_MAX) {
        json_set_double(object, key, (double)value);
        return;
    }
    char text[24];
    snprintf(text, sizeof(text), "%" PRIu64, value);
    json_set_str(object, key, text);
}

void json_set_double(struct json *object, const char *key, double value)
{
    json_set(object, key, outer(cJSON_CreateNumber(value)));
}

void json_set_bool(struct json *object, const char *key, int value)
{
    json_set(object, key, outer(cJSON_CreateBool(value != 0)));
}

void json_set_stamp(struct json *object, const char *key, struct stamp value)
{
    char hex[STAMP_HEX_SIZE];
    stamp_hex(value, hex);
    json_set_str(object, key, stamp_is_zero(value) ? NULL : hex);
}

void json_set_null(struct json *object, const char *key)
{
    json_set_str(object, key, NULL);
}

/* ---- reading a tree */

const struct json *json_get(const struct json *object, const char *key)
{
    return json_is_object(object) ? outer(cJSON_GetObjectItemCaseSensitive(inner(object), key)) : NULL;
}

const char *json_get_str(const struct json *object, const char *key)
{
    return json_as_str(json_get(object, key));
}

enum err json_copy_str(const struct json *object, const char *key, char *out, size_t size)
{
    const char *text = json_get_str(object, key);
    if (!text || strlen(text) >= size)
        return ERR_SYNTAX;
    memcpy(out, text, strlen(text) + 1);
    return ERR_OK;
}

enum err json_get_u64(const struct json *object, const char *key, uint64_t max, uint64_t *out)
{
    const cJSON *c = inner(json_get(object, key));
    uint64_t value;
    if (cJSON_IsNumber(c)) {
        double v = c->valuedouble;
        if (!(v >= 0) || v > (double)JSON_EXACT_MAX || v != floor(v))
            return ERR_SYNTAX;
        value = (uint64_t)v;
    } else {
        enum err e = cJSON_IsString(c) ? num_parse_u64(c->valuestring, UINT64_MAX, &value) : ERR_SYNTAX;
        if (e || value <= JSON_EXACT_MAX)
            return ERR_SYNTAX; /* a number has one spelling */
    }
    if (value > max)
        return ERR_INVALID;
    *out = value;
    return ERR_OK;
}

enum err json_get_double(const struct json *object, const char *key, double *out)
{
    const cJSON *c = inner(json_get(object, key));
    if (!cJSON_IsNumber(c))
        return ERR_SYNTAX;
    *out = c->valuedouble;
    return ERR_OK;
}

enum err json_get_stamp(const struct json *object, const char *key, struct stamp *out)
{
    const struct json *j = json_get(object, key);
    struct stamp s = STAMP_ZERO;
    if (!j)
        return ERR_SYNTAX;
    if (!json_is_null(j) && (stamp_parse(json_as_str(j), &s) != ERR_OK || stamp_is_zero(s)))
        return ERR_SYNTAX;
    *out = s;
    return ERR_OK;
}

int json_as_bool(const struct json *j, int otherwise)
{
    const cJSON *c = inner(j);
    return cJSON_IsBool(c) ? cJSON_IsTrue(c) : otherwise;
}

int json_get_bool(const struct json *object, const char *key, int otherwise)
{
    return json_as_bool(json_get(object, key), otherwise);
}

int json_is_object(const struct json *j)
{
    return cJSON_IsObject(inner(j));
}

int json_is_array(const struct json *j)
{
    return cJSON_IsArray(inner(j));
}

int json_is_null(const struct json *j)
{
    return !j || cJSON_IsNull(inner(j));
}

const char *json_as_str(const struct json *j)
{
    return cJSON_IsString(inner(j)) ? inner(j)->valuestring : NULL;
}

const struct json *json_first(const struct json *j)
{
    return j ? outer(inner(j)->child) : NULL;
}

const struct json *json_next(const struct json *item)
{
    return outer(inner(item)->next);
}

const char *json_name(const struct json *item)
{
    return inner(item)->string;
}

size_t json_count(const struct json *j)
{
    size_t n = 0;
    for (const struct json *item = json_first(j); item; item = json_next(item))
        n++;
    return n;
}
