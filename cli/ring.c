/* ring and where: the circle of machines, and the way from a course's name to its copies. */
#include "cli/api.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/courses.h"

#include <inttypes.h>
#include <string.h>

static uint64_t number(const struct json *j, const char *name)
{
    uint64_t n;

    return json_get_u64(j, name, UINT64_MAX, &n) ? 0 : n;
}

/* ---- ring */

static enum err print_seats(const struct cli *c, const struct json *ring)
{
    static const char *const columns[] = {">SEAT", "NODE", "ZONE", ">WEIGHT", ">SHARE", ">TOKENS", "PREDECESSOR", "SUCCESSOR"};
    struct out_table *t = out_table_new(columns, sizeof columns / sizeof columns[0]);
    enum err e;

    for (const struct json *n = json_first(json_get(ring, "nodes")); n; n = json_next(n)) {
        double share = 0.0;
        if (json_get_double(n, "share", &share))
            share = 0.0;
        out_cellf(t, "%" PRIu64, number(n, "seat"));
        out_cell(t, courses_text(n, "name"));
        out_cell(t, courses_text(n, "zone"));
        out_cellf(t, "%" PRIu64, number(n, "weight"));
        out_cellf(t, "%.1f %%", share * 100.0);
        out_cellf(t, "%" PRIu64, number(n, "tokens"));
        out_cell(t, courses_text(json_get(n, "predecessor"), "name"));
        out_cell(t, courses_text(json_get(n, "successor"), "name"));
    }
    e = out_table_print(&c->out, t);
    out_table_free(t);
    return e;
}

static enum err print_fingers(const struct cli *c, const struct json *node)
{
    static const char *const columns[] = {">FINGER", ">FROM SEAT", ">SEAT", "NODE", "ZONE"};
    struct out_table *t = out_table_new(columns, sizeof columns / sizeof columns[0]);
    unsigned i = 0;
    enum err e;

    for (const struct json *f = json_first(json_get(node, "fingers")); f; f = json_next(f), i++) {
        out_cellf(t, "%u", i);
        out_cellf(t, "%" PRIu64, number(f, "start"));
        out_cellf(t, "%" PRIu64, number(f, "seat"));
        out_cell(t, courses_text(json_get(f, "node"), "name"));
        out_cell(t, courses_text(json_get(f, "node"), "zone"));
    }
    out_say(&c->out, "%s", "");
    out_say(&c->out, "finger table of %s", courses_text(node, "name"));
    e = out_table_print(&c->out, t);
    out_table_free(t);
    return e;
}

int cmd_ring(struct cli *c, int argc, char **argv)
{
    const char *node = NULL;
    struct args words;
    struct json *ring = NULL;
    struct buf path;
    enum err e;
    const struct args_option options[] = {{.name = "node", .value = &node}};

    if (args_read(c, options, 1, argc, argv, 0, 0, &words))
        return CLI_USAGE;
    buf_init(&path, API_PATH_MAX);
    e = api_path(&path, "/cluster/ring");
    if (!e)
        e = api_query(&path, "node", node);
    if (e)
        out_fail(&c->out, e, "The name of the node is too long.");
    else
        e = api_get(c, buf_str(&path), &ring);
    if (!e)
        e = out_json(&c->out, ring);
    if (!e) {
        out_say(&c->out, "ring %" PRIu64 ", %" PRIu64 " seats", number(ring, "ring_epoch"), number(ring, "seats"));
        e = print_seats(c, ring);
    }
    if (!e && node)
        e = print_fingers(c, json_first(json_get(ring, "nodes")));
    json_free(ring);
    buf_release(&path);
    return cli_exit_code(e);
}

/* ---- where */

static enum err print_owners(const struct cli *c, const struct json *owners)
{
    static const char *const columns[] = {"MACHINE", "ZONE", "COPY", "CHECKED", ""};
    struct out_table *t = out_table_new(columns, sizeof columns / sizeof columns[0]);
    enum err e;

    for (const struct json *o = json_first(owners); o; o = json_next(o)) {
        char when[OUT_TIME_TEXT];
        out_time(&c->out, json_get_str(o, "verified_at"), when);
        out_cell(t, courses_text(o, "name"));
        out_cell(t, courses_text(o, "zone"));
        out_cell(t, courses_text(o, "state"));
        out_cell(t, when);
        out_cell(t, json_get_bool(o, "leaves", 0) ? "leaves the ring" : "");
    }
    e = out_table_print(&c->out, t);
    out_table_free(t);
    return e;
}

static size_t stored(const struct json *owners)
{
    size_t n = 0;

    for (const struct json *o = json_first(owners); o; o = json_next(o))
        n += strcmp(courses_text(o, "state"), "stored") == 0;
    return n;
}

static enum err say_hops(const struct cli *c, const struct json *placement)
{
    const struct json *hops = json_get(placement, "hops");
    struct buf line;
    enum err e;

    if (!hops)
        return ERR_OK;
    buf_init(&line, 65536);
    e = buf_add_str(&line, courses_text(json_get(placement, "from"), "name"));
    for (const struct json *h = json_first(hops); !e && h; h = json_next(h))
        e = buf_addf(&line, " → %s", courses_text(h, "name"));
    if (e)
        out_fail(&c->out, e, "%s", err_text(e));
    else
        out_say(&c->out, "lookup in %zu hop%s: %s", json_count(hops), json_count(hops) == 1 ? "" : "s", buf_str(&line));
    buf_release(&line);
    return e;
}

static enum err get_placement(struct cli *c, const char *course, const char *from, struct json **out)
{
    struct buf path;
    enum err e;

    buf_init(&path, API_PATH_MAX);
    e = api_path(&path, "/courses/{}/placement", course);
    if (!e)
        e = api_query(&path, "from", from);
    if (e)
        out_fail(&c->out, e, "The name of the course or the node is too long.");
    else
        e = api_get(c, buf_str(&path), out);
    buf_release(&path);
    return e;
}

/* A course that nobody has shared has a place all the same. */
static enum err say_copies(struct cli *c, const char *name, const struct json *placement)
{
    struct json *course = NULL;
    const struct json *owners;
    struct buf path;
    struct client_answer a = {0};
    struct api_call call = {.q = {.method = "GET"}, .quiet = 1};
    enum err e;

    buf_init(&path, API_PATH_MAX);
    e = api_path(&path, "/courses/{}", name);
    call.path = buf_str(&path);
    if (!e)
        e = api_do(c, &call, &a);
    if (!e)
        e = json_parse(buf_str(&a.body), a.body.len, &course);
    owners = json_get(e ? placement : course, "owners");
    if (e == ERR_NOT_FOUND)
        out_say(&c->out, "Nobody has shared %s yet; its copies would lie on", name);
    else if (e)
        out_note(&c->out, "What the machines have is not known right now.");
    else
        out_say(&c->out, "%zu of %zu machines have the current version of %s", stored(owners), json_count(owners),
            courses_text(course, "course"));
    e = print_owners(c, owners);
    json_free(course);
    client_answer_release(&a);
    buf_release(&path);
    return e;
}

int cmd_where(struct cli *c, int argc, char **argv)
{
    const char *from = NULL;
    struct args words;
    struct json *placement = NULL;
    enum err e;
    const struct args_option options[] = {{.name = "from", .value = &from}};

    if (args_read(c, options, 1, argc, argv, 1, 1, &words))
        return CLI_USAGE;
    e = get_placement(c, words.words[0], from, &placement);
    if (!e)
        e = out_json(&c->out, placement);
    if (!e && !c->out.json) {
        out_say(&c->out, "%s lies at %s on ring %" PRIu64, courses_text(placement, "key"), courses_text(placement, "point"),
            number(placement, "ring_epoch"));
        e = say_hops(c, placement);
        if (!e)
            e = say_copies(c, words.words[0], placement);
    }
    json_free(placement);
    return cli_exit_code(e);
}
