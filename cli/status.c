/* status: the cluster as a table. */
#include "cli/api.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/courses.h"

#include <inttypes.h>

/* 0 when it is missing or not known. */
static uint64_t number(const struct json *j, const char *name)
{
    uint64_t n;

    return json_get_u64(j, name, UINT64_MAX, &n) ? 0 : n;
}

/* A figure that the leader may not have counted yet. */
static void say_count(const struct cli *c, const struct json *cluster, const char *name, const char *label)
{
    uint64_t n;

    if (json_get_u64(cluster, name, UINT64_MAX, &n))
        out_say(&c->out, "%-20s not counted yet", label);
    else
        out_say(&c->out, "%-20s %" PRIu64, label, n);
}

static void say_leader(const struct cli *c, const struct json *cluster)
{
    const struct json *leader = json_get(cluster, "leader");
    char since[OUT_TIME_TEXT];

    if (!json_is_object(leader)) {
        out_say(&c->out, "%-20s none right now", "leader");
        return;
    }
    out_time(&c->out, json_get_str(leader, "since"), since);
    out_say(&c->out, "%-20s %s, epoch %" PRIu64 ", since %s", "leader", courses_text(leader, "name"), number(leader, "epoch"), since);
}

static void say_coordinators(const struct cli *c, const struct json *cluster)
{
    struct buf line;
    const char *before = "";
    enum err e = ERR_OK;

    buf_init(&line, 4096);
    for (const struct json *m = json_first(json_get(cluster, "coordinators")); !e && m; m = json_next(m), before = ", ")
        e = buf_addf(&line, "%s%s %s", before, courses_text(m, "name"), courses_text(m, "state"));
    out_say(&c->out, "%-20s %s", "coordinators", e ? "too many to be shown" : buf_str(&line));
    buf_release(&line);
}

static void say_progress(const struct cli *c, const struct json *cluster)
{
    const struct json *p = json_get(cluster, "progress");
    char left[OUT_SIZE_TEXT], ends[OUT_TIME_TEXT];
    uint64_t done = number(p, "bytes_done"), total = number(p, "bytes_total");

    if (json_is_object(p)) {
        out_size(total > done ? total - done : 0, left);
        out_time(&c->out, json_get_str(p, "ends_at"), ends);
        out_say(&c->out, "%-20s %" PRIu64 " of %" PRIu64 " copies, %s to go%s%s", "ring change", number(p, "copies_done"),
            number(p, "copies_total"), left, *ends ? ", until about " : "", ends);
    }
    if (json_get_str(cluster, "waiting"))
        out_say(&c->out, "%-20s %s", "waiting", json_get_str(cluster, "waiting"));
}

static void say_figures(const struct cli *c, const struct json *cluster)
{
    out_say(&c->out, "%-20s %s", "ready", json_get_bool(cluster, "ready", 0) ? "yes" : "no: too few machines to share anything");
    say_leader(c, cluster);
    say_coordinators(c, cluster);
    out_say(&c->out, "%-20s %" PRIu64 " wanted, %" PRIu64 " with the machines there are", "copies of each file", number(cluster, "k"),
        number(cluster, "k_effective"));
    out_say(&c->out, "%-20s %" PRIu64 ", %s", "ring", number(cluster, "ring_epoch"), courses_text(cluster, "ring_state"));
    out_say(&c->out, "%-20s %s", "index", courses_text(cluster, "index"));
    say_count(c, cluster, "courses", "courses");
    say_count(c, cluster, "copies_missing", "copies missing");
    say_count(c, cluster, "courses_unreadable", "courses unreadable");
    say_progress(c, cluster);
}

static void add_node(const struct cli *c, struct out_table *t, const struct json *node, const char *now)
{
    double share = 0.0;
    char bytes[OUT_SIZE_TEXT], room[OUT_SIZE_TEXT], heard[OUT_TIME_TEXT];

    if (c->out.terminal) {
        out_size(number(node, "bytes"), bytes);
        out_size(number(node, "free_bytes"), room);
    } else {
        snprintf(bytes, sizeof bytes, "%" PRIu64, number(node, "bytes"));
        snprintf(room, sizeof room, "%" PRIu64, number(node, "free_bytes"));
    }
    if (json_get_double(node, "share", &share))
        share = 0.0;
    out_age(&c->out, json_get_str(node, "heartbeat_at"), now, heard);
    out_cell(t, courses_text(node, "name"));
    out_cell(t, courses_text(node, "state"));
    out_cell(t, courses_text(node, "zone"));
    out_cellf(t, "%.1f %%", share * 100.0);
    out_cellf(t, "%" PRIu64, number(node, "files"));
    out_cell(t, bytes);
    out_cell(t, room);
    out_cell(t, heard);
}

static enum err print_nodes(const struct cli *c, const struct json *cluster)
{
    static const char *const columns[] = {"NODE", "STATE", "ZONE", ">SHARE", ">FILES", ">BYTES", ">FREE", ">SILENT"};
    struct out_table *t = out_table_new(columns, sizeof columns / sizeof columns[0]);
    enum err e;

    for (const struct json *m = json_first(json_get(cluster, "nodes")); m; m = json_next(m))
        add_node(c, t, m, json_get_str(cluster, "taken_at"));
    e = out_table_print(&c->out, t);
    out_table_free(t);
    return e;
}

int cmd_status(struct cli *c, int argc, char **argv)
{
    struct args words;
    struct json *cluster = NULL;
    enum err e;

    if (args_read(c, NULL, 0, argc, argv, 0, 0, &words))
        return CLI_USAGE;
    e = api_get(c, "/cluster", &cluster);
    if (!e)
        e = out_json(&c->out, cluster);
    if (!e && !c->out.json) {
        say_figures(c, cluster);
        out_say(&c->out, "%s", "");
        e = print_nodes(c, cluster);
        for (const struct json *w = json_first(json_get(cluster, "warnings")); w; w = json_next(w))
            out_note(&c->out, "warning: %s", json_as_str(w) ? json_as_str(w) : "");
    }
    json_free(cluster);
    return cli_exit_code(e);
}
