/* GET /courses/{course}, POST …/restore, GET …/placement. */
#include "fcgi/handler/allow.h"
#include "fcgi/handler/course_name.h"
#include "fcgi/handler/handlers.h"
#include "fcgi/handler/inputs.h"
#include "fcgi/handler/outcome.h"
#include "fcgi/handler/shapes.h"

static void set_point(struct json *object, const char *key, uint64_t point)
{
    char hex[SHAPES_POINT_SIZE];
    shapes_point(point, hex);
    json_set_str(object, key, hex);
}

static struct json *entry_json(const struct course *c, size_t i)
{
    struct json *copies = json_array();
    for (size_t o = 0; o < c->n_owners; o++)
        shapes_add_copy(copies, c->owners[o].node, c->owners[o].name, c->copies[i].state[o]);
    return shapes_record(&c->history.entries[i].record, history_version(&c->history, i), history_is_live(&c->history, i), copies);
}

static struct json *owners_json(const struct course_owner *owners, size_t n)
{
    struct json *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_append(list, shapes_owner(&owners[i]));
    return list;
}

static struct json *course_json(const struct course *c)
{
    struct json *j = json_object(), *versions = json_array();
    const struct record *current = history_current(&c->history);
    json_set_str(j, "course", c->name);
    json_set_str(j, "key", c->key);
    set_point(j, "key_point", ring_key_point(c->key));
    for (size_t i = c->history.n; i-- > 0;) {
        if (current == &c->history.entries[i].record)
            json_set(j, "current", entry_json(c, i));
        if (history_is_shown(&c->history, i))
            json_append(versions, entry_json(c, i));
    }
    json_set(j, "versions", versions);
    json_set(j, "owners", owners_json(c->owners, c->n_owners));
    return j;
}

void course_get(struct request *r)
{
    struct course_name name;
    struct course course;
    if (course_name_read(r, &name) || allow(r, ACT_READ, name.key, NULL))
        return;
    enum err e = course_read(request_worker(r), name.key, &course);
    if (e) {
        response_problem(r, e, e == ERR_NOT_FOUND ? ALLOW_MISSING : NULL);
        return;
    }
    response_json(r, 200, course_json(&course));
    course_release(&course);
}

void course_restore(struct request *r)
{
    struct delete_input in;
    if (outcome_delete_input(r, OWN_ALL, &in))
        return;
    struct upload_result result;
    enum err e = upload_restore(request_worker(r), &in, &result);
    outcome_send_record(r, e, &result);
    upload_result_release(&result);
}

static const char *step_word(enum ring_step_kind kind)
{
    switch (kind) {
    case RING_STEP_OWNER: return "owner";
    case RING_STEP_SAME_NODE: return "same-node";
    case RING_STEP_SAME_ZONE: return "same-zone";
    }
    return "owner";
}

static struct json *walk_json(const struct placement *p)
{
    struct json *walk = json_array();
    for (size_t i = 0; i < p->n_steps; i++) {
        const struct ring_member *m = &p->step_members[i];
        struct json *step = json_object();
        set_point(step, "point", p->steps[i].point);
        json_set_str(step, "node", m->id);
        json_set_str(step, "name", m->name);
        json_set_str(step, "zone", m->zone);
        json_set_str(step, "kind", step_word(p->steps[i].kind));
        json_append(walk, step);
    }
    return walk;
}

static struct json *hops_json(const struct placement *p)
{
    struct json *hops = json_array();
    for (size_t i = 0; i < p->n_hops; i++)
        json_append(hops, shapes_node(&p->hops[i]));
    return hops;
}

void course_get_placement(struct request *r)
{
    struct course_name name;
    struct placement p;
    if (course_name_read(r, &name) || allow(r, ACT_READ, name.key, NULL))
        return;
    enum err e = course_placement(request_worker(r), name.key, request_query(r, "from"), &p);
    if (e) {
        response_problem(r, e, e == ERR_NOT_FOUND ? "No node of the ring has this name or id." : NULL);
        return;
    }
    struct json *j = json_object();
    json_set_str(j, "course", name.shown);
    json_set_str(j, "key", name.key);
    set_point(j, "point", p.point);
    json_set_u64(j, "ring_epoch", p.epoch);
    json_set(j, "owners", owners_json(p.owners, p.n_owners));
    json_set(j, "walk", walk_json(&p));
    if (*p.from.id) {
        json_set(j, "from", shapes_node(&p.from));
        json_set(j, "hops", hops_json(&p));
    }
    response_json(r, 200, j);
}
