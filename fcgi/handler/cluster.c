/* GET /cluster. */
#include "fcgi/handler/handlers.h"
#include "fcgi/handler/shapes.h"
#include "fcgi/request.h"
#include "fcgi/service/view.h"

/* NULL while there is none: a lease without an epoch is not promised by a quorum of nodes yet, so its holder cannot command. */
static struct json *leader_json(const struct members *m)
{
    if (!*m->leader_name || m->leader_epoch == 0)
        return NULL;
    struct json *j = json_object();
    json_set_str(j, "id", m->leader_name);
    json_set_str(j, "name", m->leader_name);
    json_set_u64(j, "epoch", m->leader_epoch);
    shapes_set_time(j, "since", m->leader_since_ms);
    return j;
}

/* A coordinator keeps nothing, so its name is its id. */
static struct json *coordinators_json(const struct members *m)
{
    struct json *list = json_array();
    for (size_t i = 0; i < m->n_coordinators; i++) {
        struct json *j = json_object();
        json_set_str(j, "id", m->coordinators[i].name);
        json_set_str(j, "name", m->coordinators[i].name);
        json_set_str(j, "state", m->coordinator_is_alive[i] ? "up" : "suspect");
        json_append(list, j);
    }
    return list;
}

static struct json *node_json(const struct cluster *c, const struct member *m)
{
    long at = c->view->ring ? ring_find(c->view->ring, m->id) : -1;
    struct json *j = json_object();
    json_set_str(j, "id", m->id);
    json_set_str(j, "name", m->name);
    json_set_str(j, "url", m->url);
    json_set_str(j, "zone", m->zone);
    json_set_str(j, "state", member_state_name(m->state));
    json_set_u64(j, "weight", m->weight);
    json_set_double(j, "share", at >= 0 ? c->view->share[at] : 0.0);
    json_set_u64(j, "files", m->files);
    json_set_u64(j, "bytes", m->bytes);
    json_set_u64(j, "capacity_bytes", m->capacity_bytes);
    json_set_u64(j, "free_bytes", m->free_bytes);
    shapes_set_time(j, "heartbeat_at", m->heartbeat_at_ms);
    shapes_set_time(j, "out_at", m->out_at_ms);
    json_set_u64(j, "load", m->load);
    json_set_u64(j, "quarantined", m->quarantined);
    json_set_u64(j, "ring_epoch", m->ring_epoch);
    return j;
}

/* Nodes that only share a folder of their own are peers, not part of the cluster's picture. */
static struct json *nodes_json(const struct cluster *c)
{
    struct json *list = json_array();
    const struct members *m = &c->view->members;
    for (size_t i = 0; i < m->n_nodes; i++) {
        if (m->nodes[i].stores)
            json_append(list, node_json(c, &m->nodes[i]));
    }
    return list;
}

static void set_count(struct json *j, const char *name, int known, uint64_t n)
{
    if (known)
        json_set_u64(j, name, n);
    else
        json_set_null(j, name);
}

static struct json *moves_json(const struct survey *s)
{
    struct json *list = json_array();
    for (size_t i = 0; i < s->n_moves; i++) {
        struct json *j = json_object();
        json_set_str(j, "from", s->moves[i].from);
        json_set_str(j, "to", s->moves[i].to);
        json_set_u64(j, "done", s->moves[i].done);
        json_set_u64(j, "total", s->moves[i].total);
        json_append(list, j);
    }
    return list;
}

/* NULL while no change is under way, or no leader tells. */
static struct json *progress_json(const struct members_progress *p)
{
    if (p->epoch == 0)
        return NULL;
    struct json *j = json_object();
    json_set_u64(j, "epoch", p->epoch);
    json_set_u64(j, "copies_done", p->copies_done);
    json_set_u64(j, "copies_total", p->copies_total);
    json_set_u64(j, "bytes_done", p->bytes_done);
    json_set_u64(j, "bytes_total", p->bytes_total);
    json_set_u64(j, "bytes_per_s", p->bytes_per_s);
    shapes_set_time(j, "ends_at", p->ends_at_ms);
    return j;
}

static void set_or_null(struct json *j, const char *name, struct json *value)
{
    if (value)
        json_set(j, name, value);
    else
        json_set_null(j, name);
}

/* null where it is not known. */
static void set_repair(struct json *j, const struct view *v)
{
    const struct survey *s = &v->survey;
    set_count(j, "copies_missing", s->counted, s->copies_missing);
    set_count(j, "courses_below_k", s->counted, s->courses_below_k);
    set_count(j, "courses_unreadable", s->counted, s->courses_unreadable);
    json_set_u64(j, "bytes_to_move", s->bytes_to_move);
    json_set(j, "moves", moves_json(s));
    set_or_null(j, "progress", progress_json(&v->members.progress));
    if (*v->members.waiting)
        json_set_str(j, "waiting", v->members.waiting);
    else
        json_set_null(j, "waiting");
}

static struct json *warnings_json(const struct survey *s)
{
    struct json *list = json_array();
    for (size_t i = 0; i < s->n_warnings; i++)
        json_append(list, json_string(s->warnings[i]));
    return list;
}

void cluster_get(struct request *r)
{
    struct cluster c;
    enum err e = cluster_read(request_worker(r), &c);
    if (e) {
        response_problem(r, e, NULL);
        return;
    }
    const struct view *v = c.view;
    struct json *j = json_object();
    set_or_null(j, "leader", leader_json(&v->members));
    json_set(j, "coordinators", coordinators_json(&v->members));
    json_set(j, "nodes", nodes_json(&c));
    json_set_u64(j, "k", c.k);
    json_set_u64(j, "k_effective", c.k_effective);
    json_set_u64(j, "ring_epoch", c.ring_epoch);
    json_set_str(j, "ring_state", c.joint ? "joint" : "stable");
    set_count(j, "courses", v->survey.courses_known, v->survey.courses);
    set_repair(j, v);
    shapes_set_time(j, "taken_at", v->taken_at_ms);
    json_set_bool(j, "index_up", v->store_up);
    json_set_str(j, "index", survey_index_name(v->survey.index));
    json_set_bool(j, "ready", v->survey.ready);
    json_set_double(j, "clock_skew_ms", (double)v->survey.skew_ms);
    json_set(j, "warnings", warnings_json(&v->survey));
    response_json(r, 200, j);
    cluster_release(request_worker(r), &c);
}
