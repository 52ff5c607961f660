#include "cli/courses.h"

#include "cli/api.h"
#include "lib/base/num.h"

#include <string.h>

enum err courses_get(struct cli *c, const char *course, struct json **out)
{
    struct buf path;
    enum err e;

    buf_init(&path, API_PATH_MAX);
    e = api_path(&path, "/courses/{}", course);
    if (e)
        out_fail(&c->out, ERR_SYNTAX, "The name of the course is too long.");
    else
        e = api_get(c, buf_str(&path), out);
    buf_release(&path);
    return e;
}

const char *courses_text(const struct json *record, const char *name)
{
    const char *text = json_get_str(record, name);

    return text ? text : "";
}

uint64_t courses_number(const struct json *record)
{
    uint64_t number;

    return json_get_u64(record, "version", UINT64_MAX, &number) ? 0 : number;
}

static enum err current(const struct cli *c, const struct json *course, const struct json **out)
{
    const struct json *record = json_get(course, "current");

    if (!json_is_object(record) || json_get_bool(record, "deleted", 1))
        return out_fail(
            &c->out, ERR_GONE, "The syllabus of %s was taken down. `ringbinder restore` brings it back.", courses_text(course, "course"));
    *out = record;
    return ERR_OK;
}

enum err courses_version(const struct cli *c, const struct json *course, const char *version, const struct json **out)
{
    uint64_t number = 0;
    int is_number;

    if (!version)
        return current(c, course, out);
    is_number = num_parse_u64(version, UINT64_MAX, &number) == ERR_OK && number > 0 && !num_is_hex(version, STAMP_HEX_SIZE - 1);
    if (!is_number && !num_is_hex(version, STAMP_HEX_SIZE - 1))
        return out_fail(&c->out, ERR_SYNTAX, "%s: a version is a number, or an id as `ringbinder log` shows it.", version);
    for (const struct json *v = json_first(json_get(course, "versions")); v; v = json_next(v)) {
        if (is_number ? courses_number(v) == number : strcmp(courses_text(v, "id"), version) == 0) {
            *out = v;
            return ERR_OK;
        }
    }
    return out_fail(&c->out, ERR_NOT_FOUND, "%s has no version %s.", courses_text(course, "course"), version);
}

enum err courses_id(const struct cli *c, const struct json *record, char *id, size_t size)
{
    if (json_copy_str(record, "id", id, size))
        return out_fail(&c->out, ERR_INTERNAL, "%s gave a version without an id: is it a Ringbinder?", c->url);
    return ERR_OK;
}

enum err courses_copies(const struct json *record, struct buf *b)
{
    const char *before = "";
    enum err e = ERR_OK;

    for (const struct json *copy = json_first(json_get(record, "copies")); !e && copy; copy = json_next(copy), before = ", ")
        e = buf_addf(b, "%s%s", before, courses_text(copy, "name"));
    return e;
}
