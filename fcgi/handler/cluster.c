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
    json_set_double(j, "share", at >= 0 ? c->share[at] : 0.0);
    json_set_u64(j, "files", m->files);
    json_set_u64(j, "bytes", m->bytes);
    json_set_u64(j, "capacity_bytes", m->capacity_bytes);
    json_set_u64(j, "free_bytes", m->free_bytes);
    shapes_set_time(j, "heartbeat_at", m->heartbeat_at_ms);
    json_set_null(j, "out_at"); /* nodes are not put out by themselves yet */
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

/* Nobody counts missing copies yet: null says so. No ring ever changes yet, so nothing moves. */
static void set_repair(struct json *j)
{
    json_set_null(j, "copies_missing");
    json_set_null(j, "courses_below_k");
    json_set_null(j, "courses_unreadable");
    json_set_u64(j, "bytes_to_move", 0);
    json_set(j, "moves", json_array());
}

void cluster_get(struct request *r)
{
    struct cluster c;
    enum err e = cluster_read(request_worker(r), &c);
    if (e) {
        response_problem(r, e, NULL);
        return;
    }
    struct json *j = json_object(), *leader = leader_json(&c.view->members);
    if (leader)
        json_set(j, "leader", leader);
    else
        json_set_null(j, "leader");
    json_set(j, "coordinators", coordinators_json(&c.view->members));
    json_set(j, "nodes", nodes_json(&c));
    json_set_u64(j, "k", c.k);
    json_set_u64(j, "k_effective", c.k_effective);
    json_set_u64(j, "ring_epoch", c.ring_epoch);
    if (c.courses_known)
        json_set_u64(j, "courses", c.courses);
    else
        json_set_null(j, "courses");
    set_repair(j);
    shapes_set_time(j, "taken_at", c.view->taken_at_ms);
    json_set_bool(j, "index_up", c.view->store_up);
    json_set_bool(j, "ready", c.ready);
    response_json(r, 200, j);
    cluster_release(request_worker(r), &c);
}
