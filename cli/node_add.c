#include "cli/node_add.h"

#include "cli/api.h"
#include "cli/args.h"
#include "cli/ask.h"
#include "cli/courses.h"
#include "lib/base/clock.h"
#include "lib/base/sig.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS 500  /* between two looks whether the node still runs and is counted */
#define COUNTED_S 60 /* a node that is not counted by then is worth a word */
#define PROGRAM "ringbinder-node"

struct wish {
    const char *folder, *name, *zone, *weight, *listen, *url, *coordinators, *key;
};

/* ringbinder-node beside this program. ERR_NOT_FOUND: it is not there. */
static enum err find_program(char path[PATH_MAX])
{
    ssize_t len = readlink("/proc/self/exe", path, PATH_MAX - 1);
    char *slash;

    if (len <= 0)
        return ERR_NOT_FOUND;
    path[len] = '\0';
    slash = strrchr(path, '/');
    if (!slash || (size_t)(slash + 1 - path) + sizeof PROGRAM > PATH_MAX)
        return ERR_NOT_FOUND;
    memcpy(slash + 1, PROGRAM, sizeof PROGRAM);
    return access(path, X_OK) ? ERR_NOT_FOUND : ERR_OK;
}

/* "--name VALUE" for a value that is there. */
static void add(char **argv, size_t *n, const char *name, const char *value)
{
    if (!value)
        return;
    argv[(*n)++] = (char *)(uintptr_t)name; /* posix_spawn takes them as they are and changes none */
    argv[(*n)++] = (char *)(uintptr_t)value;
}

/* silent: what it prints on standard output is not shown. */
static enum err start(const struct cli *c, const char *program, char **argv, int silent, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);

    if (error)
        return out_fail(&c->out, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
    if (silent)
        error = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (!error)
        error = posix_spawn(pid, program, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return error ? out_fail(&c->out, ERR_IO, "%s cannot be started: %s.", program, strerrordesc_np(error)) : ERR_OK;
}

/* Waits for its end; a stop that was asked for is handed on. Its exit status, 128 + signal when it was killed. */
static int wait_for(pid_t pid, int options, int *ended)
{
    int status = 0;
    pid_t got;

    do
        got = waitpid(pid, &status, options);
    while (got < 0 && errno == EINTR);
    *ended = got == pid;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int is_node_folder(const char *folder)
{
    char path[PATH_MAX];

    return snprintf(path, sizeof path, "%s/node.json", folder) < (int)sizeof path && access(path, F_OK) == 0;
}

static enum err make_folder(const struct cli *c, const char *program, const struct wish *w)
{
    char *argv[16] = {(char *)(uintptr_t)PROGRAM};
    size_t n = 1;
    pid_t pid = 0;
    int ended = 0;
    enum err e;

    add(argv, &n, "--init", w->folder);
    add(argv, &n, "--name", w->name);
    add(argv, &n, "--zone", w->zone);
    add(argv, &n, "--weight", w->weight);
    argv[n] = NULL;
    e = start(c, program, argv, 1, &pid);
    if (!e && wait_for(pid, 0, &ended) != 0)
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
        status = wait_for(pid, WNOHANG, &ended);
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

static int run(struct cli *c, const char *program, const struct wish *w)
{
    char *argv[16] = {(char *)(uintptr_t)PROGRAM};
    size_t n = 1;
    pid_t pid = 0;

    add(argv, &n, "--data", w->folder);
    add(argv, &n, "--listen", w->listen);
    add(argv, &n, "--url", w->url);
    add(argv, &n, "--coordinators", w->coordinators);
    add(argv, &n, "--key", w->key);
    argv[n] = NULL;
    if (start(c, program, argv, 0, &pid))
        return CLI_FAILED;
    return look_after(c, w, pid);
}

int node_add(struct cli *c, int argc, char **argv)
{
    struct wish w = {.coordinators = getenv("RB_NODE_COORDINATORS"), .key = getenv("RB_NODE_KEY")};
    char program[PATH_MAX];
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
    };

    if (args_read(c, options, sizeof options / sizeof options[0], argc, argv, 1, 1, &words))
        return CLI_USAGE;
    w.folder = words.words[0];
    if (!w.listen || !w.coordinators || !w.key)
        return cli_usage(c, "--listen, --coordinators and --key are needed");
    if (find_program(program))
        return cli_exit_code(out_fail(&c->out, ERR_NOT_FOUND, PROGRAM " is not beside this program."));
    if (!is_node_folder(w.folder)) {
        if (!w.name)
            return cli_usage(c, "%s is no node's folder yet: --name says what the node is called", w.folder);
        out_say(&c->out, "%s becomes the folder of a new node %s%s%s, which stores copies of files from then on", w.folder, w.name,
            w.zone ? " in zone " : "", w.zone ? w.zone : "");
        e = ask_yes(c, "Add it? [y/N]");
        if (!e)
            e = make_folder(c, program, &w);
    }
    if (e)
        return e == ERR_SYNTAX ? CLI_USAGE : cli_exit_code(e);
    return run(c, program, &w);
}
