#include "lib/wire/record.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/name/name.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* The string fields: member name, place in the struct, and bounds. One table makes, frees, copies, reads and writes them all. */
struct field {
    const char *name;
    size_t offset;
    size_t bytes_max, chars_max;
    int required; /* not empty, and without control characters */
    int given;    /* a person gave it: it counts for record_same_content() and "fields" */
};

static const struct field fields[] = {
    {"course", offsetof(struct record, course), NAME_BYTES_MAX, NAME_CHARS_MAX, .required = 1},
    {"key", offsetof(struct record, key), NAME_KEY_BYTES_MAX, NAME_KEY_BYTES_MAX, .required = 1},
    {"term", offsetof(struct record, term), RECORD_FIELD_MAX, RECORD_FIELD_CHARS_MAX, .given = 1},
    {"title", offsetof(struct record, title), RECORD_FIELD_MAX, RECORD_FIELD_CHARS_MAX, .given = 1},
    {"instructor", offsetof(struct record, instructor), RECORD_FIELD_MAX, RECORD_FIELD_CHARS_MAX, .given = 1},
    {"note", offsetof(struct record, note), RECORD_FIELD_MAX, RECORD_FIELD_CHARS_MAX, .given = 1},
    {"filename", offsetof(struct record, filename), RECORD_FIELD_MAX, RECORD_FIELD_CHARS_MAX, .given = 1},
    {"type", offsetof(struct record, type), RECORD_TYPE_MAX, RECORD_TYPE_MAX, .given = 1},
    {"uploader", offsetof(struct record, uploader), RECORD_FIELD_MAX, RECORD_FIELD_CHARS_MAX, .given = 0},
};
#define FIELDS (sizeof(fields) / sizeof(fields[0]))

static const char *const kind_names[] = {[RECORD_UPLOAD] = "upload", [RECORD_DELETE] = "delete", [RECORD_RESTORE] = "restore"};
#define KINDS (sizeof(kind_names) / sizeof(kind_names[0]))

static char **slot(struct record *r, const struct field *f)
{
    return (char **)(void *)((char *)r + f->offset);
}

static const char *get(const struct record *r, const struct field *f)
{
    return *(char *const *)(const void *)((const char *)r + f->offset);
}

enum err record_init(struct record *r)
{
    memset(r, 0, sizeof(*r));
    for (size_t i = 0; i < FIELDS; i++) {
        enum err e = record_set(slot(r, &fields[i]), "");
        if (e) {
            record_release(r);
            return e;
        }
    }
    return ERR_OK;
}

void record_release(struct record *r)
{
    for (size_t i = 0; i < FIELDS; i++)
        free(*slot(r, &fields[i]));
    memset(r, 0, sizeof(*r));
}

enum err record_copy(struct record *to, const struct record *from)
{
    struct record copy = *from;
    for (size_t i = 0; i < FIELDS; i++)
        *slot(&copy, &fields[i]) = NULL;
    for (size_t i = 0; i < FIELDS; i++) {
        enum err e = record_set(slot(&copy, &fields[i]), get(from, &fields[i]));
        if (e) {
            record_release(&copy);
            return e;
        }
    }
    *to = copy;
    return ERR_OK;
}

enum err record_set(char **field, const char *value)
{
    char *copy = strdup(value);
    if (!copy)
        return ERR_NOMEM;
    free(*field);
    *field = copy;
    return ERR_OK;
}

/* SHA-256 over kind, sha256 and all fields that a person gave, each as its length (64 bit, big-endian) and its bytes. */
static enum err hash_fields(const struct record *r, char out[HASH_HEX_SIZE])
{
    struct hash_ctx *h = hash_new();
    if (!h)
        return ERR_NOMEM;
    const char *parts[FIELDS + 2] = {record_kind_name(r->kind), r->sha256};
    size_t n = 2;
    for (size_t i = 0; i < FIELDS; i++) {
        if (fields[i].given)
            parts[n++] = get(r, &fields[i]);
    }
    for (size_t i = 0; i < n; i++) {
        uint8_t length[8];
        num_store_be64(length, strlen(parts[i]));
        hash_add(h, length, sizeof(length));
        hash_add(h, parts[i], strlen(parts[i]));
    }
    uint8_t digest[HASH_SIZE];
    hash_end(h, digest);
    hash_free(h);
    num_hex(digest, sizeof(digest), out);
    return ERR_OK;
}

struct json *record_to_json(const struct record *r)
{
    char digest[HASH_HEX_SIZE];
    struct json *j = json_object();
    if (!j || hash_fields(r, digest)) {
        json_free(j);
        return NULL;
    }
    json_set_stamp(j, "id", r->id);
    json_set_str(j, "kind", record_kind_name(r->kind));
    json_set_stamp(j, "of", r->of);
    for (size_t i = 0; i < FIELDS; i++)
        json_set_str(j, fields[i].name, get(r, &fields[i]));
    json_set_u64(j, "size", r->size);
    json_set_str(j, "sha256", r->sha256);
    json_set_stamp(j, "parent", r->parent);
    json_set_str(j, "upload", r->upload);
    json_set_bool(j, "conditional", r->conditional);
    if (r->erase)
        json_set_bool(j, "erase", 1);
    json_set_str(j, "fields", digest);
    return j;
}

static enum err read_field(const struct json *j, const struct field *f, struct record *r)
{
    const char *text = json_get_str(j, f->name);
    if (!text)
        return ERR_SYNTAX;
    size_t len = strlen(text);
    if (len > f->bytes_max || text_length(text, len) > f->chars_max)
        return ERR_SYNTAX;
    if (f->required && (len == 0 || text_has_control(text, len)))
        return ERR_SYNTAX;
    return record_set(slot(r, f), text);
}

/* Copies a member that is n hex digits, or (when that is allowed) empty. */
static enum err read_hex(const struct json *j, const char *name, size_t n, int may_be_empty, char *out)
{
    const char *text = json_get_str(j, name);
    if (!text || (!num_is_hex(text, n) && !(may_be_empty && *text == '\0')))
        return ERR_SYNTAX;
    memcpy(out, text, strlen(text) + 1);
    return ERR_OK;
}

static enum err read_kind(const struct json *j, enum record_kind *out)
{
    const char *text = json_get_str(j, "kind");
    for (size_t i = 0; text && i < KINDS; i++) {
        if (strcmp(text, kind_names[i]) == 0) {
            *out = (enum record_kind)i;
            return ERR_OK;
        }
    }
    return ERR_SYNTAX;
}

/* What must fit together: a version has bytes and a tombstone none, a restore names a version, and nothing refers to itself. */
static int consistent(const struct record *r)
{
    if (stamp_is_zero(r->id) || stamp_cmp(r->of, r->id) == 0 || stamp_cmp(r->parent, r->id) == 0)
        return 0;
    switch (r->kind) {
    case RECORD_UPLOAD: return stamp_is_zero(r->of) && r->sha256[0] != '\0' && !r->erase;
    case RECORD_RESTORE: return !stamp_is_zero(r->of) && r->sha256[0] != '\0' && !r->erase;
    case RECORD_DELETE: return r->sha256[0] == '\0' && r->size == 0;
    }
    return 0;
}

static enum err read_all(const struct json *j, struct record *r)
{
    char given[HASH_HEX_SIZE], computed[HASH_HEX_SIZE];
    enum err e = ERR_OK;
    for (size_t i = 0; !e && i < FIELDS; i++)
        e = read_field(j, &fields[i], r);
    if (e)
        return e;
    int conditional = json_get_bool(j, "conditional", -1);
    if (json_get_stamp(j, "id", &r->id) || read_kind(j, &r->kind) || json_get_stamp(j, "of", &r->of) ||
        json_get_stamp(j, "parent", &r->parent) || json_get_u64(j, "size", JSON_EXACT_MAX, &r->size) ||
        read_hex(j, "sha256", 64, 1, r->sha256) || read_hex(j, "upload", 32, 0, r->upload) || read_hex(j, "fields", 64, 0, given) ||
        conditional < 0)
        return ERR_SYNTAX;
    r->conditional = conditional;
    if (json_get(j, "erase") && !json_get_bool(j, "erase", 0)) /* one spelling: it stands there only as true */
        return ERR_SYNTAX;
    r->erase = json_get(j, "erase") != NULL;
    if (!consistent(r))
        return ERR_SYNTAX;
    e = hash_fields(r, computed);
    if (!e && strcmp(given, computed) != 0)
        e = ERR_SYNTAX;
    return e;
}

enum err record_from_json(const struct json *j, struct record *out)
{
    struct record r = {0};
    enum err e = json_is_object(j) ? read_all(j, &r) : ERR_SYNTAX;
    if (e) {
        record_release(&r);
        return e;
    }
    *out = r;
    return ERR_OK;
}

enum err record_parse(const char *text, size_t len, struct record *out)
{
    struct json *j = NULL;
    enum err e = len > RECORD_JSON_MAX ? ERR_SYNTAX : json_parse(text, len, &j);
    if (!e)
        e = record_from_json(j, out);
    json_free(j);
    return e;
}

enum err record_print(const struct record *r, struct buf *out)
{
    struct json *j = record_to_json(r);
    enum err e = json_print(j, out);
    json_free(j);
    return e;
}

int record_same_content(const struct record *a, const struct record *b)
{
    if (a->kind != b->kind || strcmp(a->sha256, b->sha256) != 0)
        return 0;
    for (size_t i = 0; i < FIELDS; i++) {
        if (fields[i].given && strcmp(get(a, &fields[i]), get(b, &fields[i])) != 0)
            return 0;
    }
    return 1;
}

int record_is_tombstone(const struct record *r)
{
    return r->kind == RECORD_DELETE;
}

const char *record_kind_name(enum record_kind k)
{
    return kind_names[k];
}
