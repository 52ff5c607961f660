#include "fcgi/handler/shapes.h"

#include "lib/base/clock.h"
#include "lib/base/text.h"

#include <inttypes.h>
#include <stdio.h>

void shapes_set_time(struct json *object, const char *key, uint64_t unix_ms)
{
    char text[TEXT_TIME_SIZE];
    if (unix_ms == 0) {
        json_set_null(object, key);
        return;
    }
    text_time_rfc3339(unix_ms, text);
    json_set_str(object, key, text);
}

struct json *shapes_record(const struct record *r, uint64_t version, int live, struct json *copies)
{
    struct json *j = json_object();
    json_set_stamp(j, "id", r->id);
    json_set_str(j, "course", r->course);
    json_set_str(j, "key", r->key);
    if (version)
        json_set_u64(j, "version", version);
    else
        json_set_null(j, "version");
    json_set_str(j, "kind", record_kind_name(r->kind));
    json_set_stamp(j, "of", r->of);
    json_set_str(j, "term", r->term);
    json_set_str(j, "title", r->title);
    json_set_str(j, "instructor", r->instructor);
    json_set_str(j, "note", r->note);
    json_set_str(j, "filename", r->filename);
    json_set_str(j, "type", r->type);
    json_set_u64(j, "size", r->size);
    json_set_str(j, "sha256", r->sha256);
    shapes_set_time(j, "uploaded_at", hlc_to_unix_ms(r->id.clock));
    json_set_str(j, "uploader", r->uploader);
    json_set_stamp(j, "parent", r->parent);
    json_set_bool(j, "deleted", !live);
    json_set(j, "copies", copies);
    return j;
}

void shapes_add_copy(struct json *copies, const char *node, const char *name, enum blob_state state)
{
    if (state != BLOB_STORED)
        return;
    struct json *j = json_object();
    json_set_str(j, "node", node);
    json_set_str(j, "name", name);
    json_set_str(j, "state", blob_state_name(state));
    json_append(copies, j);
}

struct json *shapes_node(const struct ring_member *m)
{
    struct json *j = json_object();
    json_set_str(j, "node", m->id);
    json_set_str(j, "name", m->name);
    json_set_str(j, "zone", m->zone);
    return j;
}

void shapes_point(uint64_t point, char out[SHAPES_POINT_SIZE])
{
    snprintf(out, SHAPES_POINT_SIZE, "%016" PRIx64, point);
}

struct json *shapes_owner(const struct course_owner *o)
{
    struct json *j = json_object();
    json_set_str(j, "node", o->node);
    json_set_str(j, "name", o->name);
    json_set_str(j, "zone", o->zone);
    json_set_str(j, "state", blob_state_name(o->state));
    shapes_set_time(j, "verified_at", o->verified_at_ms);
    json_set_bool(j, "leaves", o->leaves);
    return j;
}
