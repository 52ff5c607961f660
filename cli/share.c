/* share: a node that only shares, run beside this program in the foreground. */
#include "cli/share.h"

#include "cli/args.h"
#include "cli/inside.h"
#include "cli/rate.h"
#include "cli/share_place.h"
#include "cli/spawn.h"
#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/base/sig.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "ringbinder-node"
#define LOOK_MS 200        /* between two looks whether the node still runs */
#define ANSWERS_MS 10000   /* a node that does not answer by then is worth a word */
#define ENDS_MS 15000      /* after SIGTERM; then SIGKILL */
#define LOG_TAIL_MAX 65536 /* bytes of its log that are searched for its last words */

struct wish {
    const char *folder, *coordinators, *key, *join_token, *name, *listen, *data, *obtain_port;
    char limit[24];
    struct tls *tls; /* the node's, by the same environment: to ask it whether it answers */
    char data_path[PATH_MAX], log_path[PATH_MAX], listen_text[PLACE_LISTEN_SIZE], name_text[PLACE_NAME_SIZE];
};

static int is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Whether the file lies in the folder, through whatever links. */
static int lies_in(const char *folder, const char *file)
{
    char whole_folder[PATH_MAX], whole_file[PATH_MAX];
    size_t len;

    if (!file || !realpath(folder, whole_folder) || !realpath(file, whole_file))
        return 0;
    len = strcmp(whole_folder, "/") == 0 ? 0 : strlen(whole_folder);
    return strncmp(whole_file, whole_folder, len) == 0 && whole_file[len] == '/';
}

/* Everybody would be given what lets a machine in, or more. */
static enum err check_secrets(const struct cli *c, const struct wish *w)
{
    const char *const files[] = {w->key, w->join_token, getenv(TLS_KEY_ENV)};

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (lies_in(w->folder, files[i]))
            return out_fail(&c->out, ERR_INVALID, "To share %s would give away %s.", w->folder, files[i]);
    }
    return ERR_OK;
}

static enum err read_options(struct cli *c, int argc, char **argv, struct wish *w)
{
    const char *limit = NULL;
    uint64_t bytes_per_s;
    struct args words;
    const struct args_option options[] = {
        {.name = "coordinators", .value = &w->coordinators},
        {.name = "key", .value = &w->key},
        {.name = "join-token", .value = &w->join_token},
        {.name = "name", .value = &w->name},
        {.name = "listen", .value = &w->listen},
        {.name = "data", .value = &w->data},
        {.name = "limit-rate", .value = &limit},
        {.name = "obtain-port", .value = &w->obtain_port},
    };

    if (args_read(c, options, sizeof options / sizeof options[0], argc, argv, 1, 1, &words))
        return ERR_SYNTAX;
    w->folder = words.words[0];
    if (!w->coordinators) {
        cli_usage(c, "--coordinators is needed");
        return ERR_SYNTAX;
    }
    if (limit && rate_parse(limit, &bytes_per_s)) {
        cli_usage(c, "--limit-rate: bytes a second, at least %llu; 500k, 20M and 1G are understood", RATE_MIN);
        return ERR_SYNTAX;
    }
    if (limit)
        snprintf(w->limit, sizeof w->limit, "%" PRIu64, bytes_per_s);
    return is_folder(w->folder) ? check_secrets(c, w) : out_fail(&c->out, ERR_NOT_FOUND, "%s is no folder.", w->folder);
}

/* What was not said: the data folder, the address. */
static enum err fill_in(const struct cli *c, struct wish *w)
{
    enum err e = ERR_OK;

    if (w->data)
        e = snprintf(w->data_path, sizeof w->data_path, "%s", w->data) < (int)sizeof w->data_path ? ERR_OK : ERR_TOO_LARGE;
    else
        e = place_data(getenv("XDG_DATA_HOME"), getenv("HOME"), w->data_path, sizeof w->data_path);
    if (!e && snprintf(w->log_path, sizeof w->log_path, "%s/log", w->data_path) >= (int)sizeof w->log_path)
        e = ERR_TOO_LARGE;
    if (e)
        return out_fail(&c->out, e, "There is no data folder: HOME is not set, or too long. --data names one.");
    e = fs_mkdirs(w->data_path, 0700);
    if (e)
        return out_fail(&c->out, e, "%s cannot be made.", w->data_path);
    if (w->listen)
        return ERR_OK;
    e = place_listen(w->coordinators, w->listen_text);
    w->listen = w->listen_text;
    return e ? out_fail(&c->out, e, "No address of this machine leads to %s: --listen says where to serve.", w->coordinators) : ERR_OK;
}

/* The text of the last line of the node's log: why it ended. */
static void say_last_words(const struct cli *c, const struct wish *w)
{
    struct buf b;
    char *line;

    buf_init(&b, LOG_TAIL_MAX);
    if (fs_read_file(w->log_path, &b) == ERR_OK && b.len > 0) {
        if (b.data[b.len - 1] == '\n')
            buf_truncate(&b, b.len - 1);
        line = strrchr(buf_str(&b), '\n');
        out_note(&c->out, "It said: %s", line ? line + 1 : buf_str(&b));
    }
    out_note(&c->out, "All it said is in %s.", w->log_path);
    buf_release(&b);
}

/* The first time the folder becomes a peer's. */
static enum err make_identity(const struct cli *c, struct wish *w)
{
    char path[PATH_MAX + sizeof "/node.key"], host[256] = "";
    struct spawn s;
    pid_t pid;
    int ended;
    enum err e;

    snprintf(path, sizeof path, "%s/node.key", w->data_path);
    if (access(path, F_OK) == 0)
        return ERR_OK;
    if (!w->key && !w->join_token)
        return out_fail(&c->out, ERR_INVALID,
            "The first time --join-token FILE is needed, which an operator makes; or --key FILE where the cluster's key is at hand.");
    if (!w->name) {
        gethostname(host, sizeof host - 1);
        place_name(host, w->name_text);
        w->name = w->name_text;
    }
    e = spawn_init(c, PROGRAM, &s);
    if (e)
        return e;
    spawn_add(&s, "--init", w->data_path);
    spawn_add(&s, "--name", w->name);
    spawn_add(&s, "--key", w->join_token ? NULL : w->key);
    spawn_add(&s, "--join-token", w->join_token);
    spawn_add(&s, "--join-url", w->join_token ? c->url : NULL);
    e = spawn_start(c, &s, w->log_path, &pid);
    if (e || spawn_wait(pid, 0, &ended) == 0)
        return e;
    e = out_fail(&c->out, ERR_INVALID, "%s did not become a peer's folder.", w->data_path);
    say_last_words(c, w);
    return e;
}

static enum err start(const struct cli *c, const struct wish *w, pid_t *pid)
{
    struct spawn s;
    enum err e = spawn_init(c, PROGRAM, &s);

    if (e)
        return e;
    spawn_add(&s, "--data", w->data_path);
    spawn_add(&s, "--share", w->folder);
    spawn_add(&s, "--store", "0");
    spawn_add(&s, "--listen", w->listen);
    spawn_add(&s, "--coordinators", w->coordinators);
    spawn_add(&s, "--limit-rate", w->limit[0] ? w->limit : NULL);
    spawn_add(&s, "--obtain-port", w->obtain_port);
    return spawn_start(c, &s, w->log_path, pid);
}

static int answers(struct cli *c, const struct wish *w)
{
    char url[PLACE_LISTEN_SIZE + 256];
    struct client_request q = {
        .method = "GET", .url = url, .to_member = 1, .tls = w->tls, .answer_max = 65536, .connect_timeout_ms = 1000, .stall_ms = 1000};
    struct client_answer a;
    int yes;

    snprintf(url, sizeof url, "%s%s/healthz", tls_scheme(w->tls), w->listen);
    yes = client_do(c->client, &q, &a) == ERR_OK && a.status == 200;
    client_answer_release(&a);
    return yes;
}

/* Says that it shares once the node answers. */
static void greet(struct cli *c, const struct wish *w, uint64_t begun_ms, int *told)
{
    if (*told)
        return;
    *told = answers(c, w);
    if (*told) {
        out_say(&c->out, "Sharing %s at %s. Ctrl-C ends it.", w->folder, w->listen);
        fflush(c->out.file);
    } else if (clock_boot_ms() - begun_ms > ANSWERS_MS) {
        *told = 1;
        out_note(&c->out, "The peer does not answer yet; its log is %s.", w->log_path);
    }
}

/* A stop that was asked for is handed on; who does not end in time is ended. */
static void stop(pid_t pid, uint64_t *stopped_ms)
{
    uint64_t now_ms = clock_boot_ms();

    if (*stopped_ms == 0) {
        kill(pid, SIGTERM);
        *stopped_ms = now_ms;
    } else if (now_ms - *stopped_ms > ENDS_MS) {
        kill(pid, SIGKILL);
    }
}

static int look_after(struct cli *c, const struct wish *w, pid_t pid)
{
    uint64_t begun_ms = clock_boot_ms(), stopped_ms = 0;
    int ended, told = 0, status;

    for (;;) {
        struct pollfd fd = {.fd = stopped_ms ? -1 : sig_fd(), .events = POLLIN};
        status = spawn_wait(pid, WNOHANG, &ended);
        if (ended)
            break;
        if (sig_stopping())
            stop(pid, &stopped_ms);
        else
            greet(c, w, begun_ms, &told);
        poll(&fd, 1, LOOK_MS);
    }
    if (stopped_ms && status == 0) {
        out_say(&c->out, "%s is not shared any more.", w->folder);
        return CLI_OK;
    }
    status = cli_exit_code(out_fail(&c->out, ERR_INTERNAL, PROGRAM " ended with status %d.", status));
    say_last_words(c, w);
    return status;
}

int cmd_share(struct cli *c, int argc, char **argv)
{
    struct wish w = {
        .coordinators = getenv("RB_NODE_COORDINATORS"), .key = getenv("RB_NODE_KEY"), .join_token = getenv("RB_NODE_JOIN_TOKEN")};
    pid_t pid;
    int code;
    enum err e = read_options(c, argc, argv, &w);

    if (e == ERR_SYNTAX)
        return CLI_USAGE;
    if (!e)
        e = inside_tls(c, &w.tls);
    if (!e)
        e = fill_in(c, &w);
    if (!e)
        e = make_identity(c, &w);
    if (!e)
        e = start(c, &w, &pid);
    code = e ? cli_exit_code(e) : look_after(c, &w, pid);
    tls_free(w.tls);
    return code;
}
