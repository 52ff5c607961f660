/* GET /cluster/ring: the Chord view. */
#include "fcgi/handler/handlers.h"
#include "fcgi/handler/shapes.h"
#include "fcgi/request.h"
#include "fcgi/service/chord.h"

static struct json *fingers_json(const struct chord *c, const struct fingers_table *t)
{
    struct json *rows = json_array();
    for (unsigned i = 0; i < t->n_rows; i++) {
        struct json *row = json_object();
        json_set_u64(row, "start", t->rows[i].start);
        json_set_u64(row, "seat", t->rows[i].node.id);
        json_set(row, "node", shapes_node(&c->ring->members[t->rows[i].node.member]));
        json_append(rows, row);
    }
    return rows;
}

static struct json *points_json(const struct ring *r, uint32_t member)
{
    struct json *points = json_array();
    char hex[SHAPES_POINT_SIZE];
    for (size_t i = 0; i < r->n_tokens; i++) {
        if (r->tokens[i].member != member)
            continue;
        shapes_point(r->tokens[i].point, hex);
        json_append(points, json_string(hex));
    }
    return points;
}

/* whole: with its tokens one by one and its finger table. */
static struct json *seat_json(const struct chord *c, uint32_t member, int whole)
{
    struct fingers_table table;
    const struct ring_member *m = &c->ring->members[member];
    struct json *j = shapes_node(m);
    chord_table(c, member, &table);
    json_set_u64(j, "weight", m->weight);
    json_set_double(j, "share", c->view->share[member]);
    json_set_u64(j, "seat", table.self.id);
    json_set_u64(j, "tokens", (uint64_t)m->weight * RING_TOKENS_PER_WEIGHT);
    json_set(j, "predecessor", shapes_node(&c->ring->members[table.predecessor.member]));
    json_set(j, "successor", shapes_node(&c->ring->members[table.successor.member]));
    if (whole) {
        json_set(j, "points", points_json(c->ring, member));
        json_set(j, "fingers", fingers_json(c, &table));
    }
    return j;
}

void ring_get(struct request *r)
{
    struct chord c;
    const char *wanted = request_query(r, "node");
    enum err e = chord_open(request_worker(r), &c);
    if (e) {
        response_problem(r, e, e == ERR_UNAVAILABLE ? "No ring is known yet." : NULL);
        return;
    }
    long only = wanted ? chord_find(&c, wanted) : -1;
    if (wanted && only < 0) {
        response_problem(r, ERR_NOT_FOUND, "No node of the ring has this name or id.");
        chord_close(request_worker(r), &c);
        return;
    }
    struct json *j = json_object(), *nodes = json_array();
    json_set_u64(j, "ring_epoch", c.ring->epoch);
    json_set_u64(j, "seats", c.ring->n_members);
    for (uint32_t i = 0; i < c.ring->n_members; i++)
        if (only < 0 || i == (uint32_t)only)
            json_append(nodes, seat_json(&c, i, only >= 0));
    json_set(j, "nodes", nodes);
    response_json(r, 200, j);
    chord_close(request_worker(r), &c);
}
