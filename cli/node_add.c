#include "cli/node_add.h"

#include "cli/api.h"
#include "cli/args.h"
#include "cli/ask.h"
#include "cli/courses.h"
#include "cli/spawn.h"
#include "lib/base/clock.h"
#include "lib/base/sig.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS 500  /* between two looks whether the node still runs and is counted */
#define COUNTED_S 60 /* a node that is not counted by then is worth a word */
#define PROGRAM "ringbinder-node"

struct wish {
    const char *folder, *name, *zone, *weight, *listen, *url, *coordinators, *key, *join_token;
};

static int is_node_folder(const char *folder)
{
    char path[PATH_MAX];

    return snprintf(path, sizeof path, "%s/node.key", folder) < (int)sizeof path && access(path, F_OK) == 0;
}

static enum err make_folder(const struct cli *c, const struct wish *w)
{
    struct spawn s;
    pid_t pid = 0;
    int ended;
    enum err e = spawn_init(c, PROGRAM, &s);

    if (e)
        return e;
    spawn_add(&s, "--init", w->folder);
    spawn_add(&s, "--name", w->name);
    spawn_add(&s, "--zone", w->zone);
    spawn_add(&s, "--weight", w->weight);
    spawn_add(&s, "--key", w->join_token ? NULL : w->key);
    spawn_add(&s, "--join-token", w->join_token);
    spawn_add(&s, "--join-url", w->join_token ? c->url : NULL);
    e = spawn_start(c, &s, NULL, &pid);
    if (!e && spawn_wait(pid, 0, &ended) != 0)
        e = out_fail(&c->out, ERR_INVALID, "%s did not become a node's folder.", w->folder);
    return e;
}

/* True when the ring counts a node of this name. */
static int is_counted(struct cli *c, const char *name)
{
    struct client_answer a;
    struct json *cluster = NULL;
    struct api_call call = {.q = {.method = "GET"}, .path = "/cluster", .quiet = 1};
    int counted = 0;

    if (api_do(c, &call, &a) == ERR_OK && json_parse(buf_str(&a.body), a.body.len, &cluster) == ERR_OK) {
        for (const struct json *node = json_first(json_get(cluster, "nodes")); node; node = json_next(node)) {
            double share = 0.0;
            counted |= strcmp(courses_text(node, "name"), name) == 0 && json_get_double(node, "share", &share) == ERR_OK && share > 0.0;
        }
    }
    json_free(cluster);
    client_answer_release(&a);
    return counted;
}

/* Until it ends. */
static int look_after(struct cli *c, const struct wish *w, pid_t pid)
{
    uint64_t begun_ms = clock_boot_ms();
    int ended = 0, told = w->name == NULL, stopped = 0, status = 0;

    for (;;) {
        status = spawn_wait(pid, WNOHANG, &ended);
        if (ended)
            break;
        if (sig_stopping() && !stopped) {
            stopped = 1;
            kill(pid, SIGTERM);
        }
        if (!told && !stopped && is_counted(c, w->name)) {
            out_say(&c->out, "%s is in the ring; files move to it by themselves. Ctrl-C stops it.", w->name);
            told = 1;
        } else if (!told && clock_boot_ms() - begun_ms > COUNTED_S * 1000ull) {
            out_note(&c->out, "%s is not in the ring yet; `ringbinder status` says more.", w->name);
            told = 1;
        }
        clock_sleep_ms(LOOK_MS);
    }
    if (status != 0 && !stopped)
        return cli_exit_code(out_fail(&c->out, ERR_INTERNAL, PROGRAM " ended with status %d.", status));
    return CLI_OK;
}

static int run(struct cli *c, const struct wish *w)
{
    struct spawn s;
    pid_t pid = 0;
    enum err e = spawn_init(c, PROGRAM, &s);

    if (e)
        return cli_exit_code(e);
    spawn_add(&s, "--data", w->folder);
    spawn_add(&s, "--listen", w->listen);
    spawn_add(&s, "--url", w->url);
    spawn_add(&s, "--coordinators", w->coordinators);
    e = spawn_start(c, &s, NULL, &pid);
    return e ? cli_exit_code(e) : look_after(c, w, pid);
}

int node_add(struct cli *c, int argc, char **argv)
{
    struct wish w = {
        .coordinators = getenv("RB_NODE_COORDINATORS"), .key = getenv("RB_NODE_KEY"), .join_token = getenv("RB_NODE_JOIN_TOKEN")};
    struct args words;
    enum err e = ERR_OK;
    const struct args_option options[] = {
        {.name = "name", .value = &w.name},
        {.name = "zone", .value = &w.zone},
        {.name = "weight", .value = &w.weight},
        {.name = "listen", .value = &w.listen},
        {.name = "node-url", .value = &w.url},
        {.name = "coordinators", .value = &w.coordinators},
        {.name = "key", .value = &w.key},
        {.name = "join-token", .value = &w.join_token},
    };

    if (args_read(c, options, sizeof options / sizeof options[0], argc, argv, 1, 1, &words))
        return CLI_USAGE;
    w.folder = words.words[0];
    if (!w.listen || !w.coordinators)
        return cli_usage(c, "--listen and --coordinators are needed");
    if (!is_node_folder(w.folder)) {
        if (!w.join_token && (!w.name || !w.key))
            return cli_usage(
                c, "%s is no node's folder yet: --join-token, or --name (what the node is called) and --key, are needed", w.folder);
        out_say(&c->out, "%s becomes the folder of a new node %s%s%s, which stores copies of files from then on", w.folder,
            w.join_token ? "that the token names" : w.name, w.zone ? " in zone " : "", w.zone ? w.zone : "");
        e = ask_yes(c, "Add it? [y/N]");
        if (!e)
            e = make_folder(c, &w);
    }
    if (e)
        return e == ERR_SYNTAX ? CLI_USAGE : cli_exit_code(e);
    return run(c, &w);
}
