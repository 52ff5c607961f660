/* obtain: finds who has a file, lets one choose, waits when nobody has it, fetches it. */
#include "cli/obtain.h"

#include "cli/args.h"
#include "cli/download.h"
#include "cli/obtain_get.h"
#include "cli/rate.h"
#include "lib/base/num.h"
#include "lib/base/sig.h"

#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define WAIT_FIRST_MS 1000 /* before the second look for somebody; half as much again each time */
#define WAIT_MOST_MS 30000

struct options {
    const char *name, *from, *exclude, *output;
    int wait, force;
    uint64_t limit;
    int is_counted; /* over all tries of --wait */
};

static enum err read_options(struct cli *c, int argc, char **argv, struct options *o)
{
    const char *limit = NULL;
    struct args words;
    const struct args_option options[] = {
        {.name = "from", .value = &o->from},
        {.name = "exclude", .value = &o->exclude},
        {.name = "output", .letter = 'o', .value = &o->output},
        {.name = "limit-rate", .value = &limit},
        {.name = "wait", .flag = &o->wait},
        {.name = "force", .letter = 'f', .flag = &o->force},
    };

    if (args_read(c, options, sizeof options / sizeof options[0], argc, argv, 1, 1, &words))
        return ERR_SYNTAX;
    o->name = words.words[0];
    if (limit && rate_parse(limit, &o->limit)) {
        cli_usage(c, "--limit-rate: bytes a second, at least %llu; 500k, 20M and 1G are understood", RATE_MIN);
        return ERR_SYNTAX;
    }
    if (*o->name == '\0' || (o->output && (*o->output == '\0' || strcmp(o->output, "-") == 0))) {
        cli_usage(c, *o->name ? "--output: a file or a folder" : "the name is empty");
        return ERR_SYNTAX;
    }
    return ERR_OK;
}

/* ---- where to */

static int is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Without -o nobody said that a file which is there may go. */
static enum err choose_path(const struct cli *c, const struct options *o, const struct found *f, char path[PATH_MAX])
{
    struct buf name;
    enum err e;
    int n;

    buf_init(&name, DOWNLOAD_NAME_MAX + 1);
    e = download_name(f->file, &name);
    if (e)
        return out_fail(&c->out, e, "%s", err_text(e));
    if (o->output && is_folder(o->output))
        n = snprintf(path, PATH_MAX, "%s/%s", o->output, buf_str(&name));
    else
        n = snprintf(path, PATH_MAX, "%s", o->output ? o->output : buf_str(&name));
    buf_release(&name);
    return n >= PATH_MAX ? out_fail(&c->out, ERR_INVALID, "The path is too long.") : ERR_OK;
}

static enum err say_here(const struct cli *c, const struct found *f, const char *path)
{
    struct json *j = json_object();
    enum err e;

    out_say(&c->out, "%s is here already.", path);
    json_set_str(j, "path", path);
    json_set_str(j, "name", f->file);
    json_set_u64(j, "size", f->size);
    json_set_str(j, "sha256", f->sha256);
    json_set_u64(j, "resumed_bytes", f->size);
    json_set_u64(j, "fetched_bytes", 0);
    json_set_u64(j, "ms", 0);
    json_set(j, "sources", json_array());
    e = out_json(&c->out, j);
    json_free(j);
    return e;
}

/* *done: the file is there, and it is this one. */
static enum err look_at_path(const struct cli *c, const struct options *o, const struct found *f, const char *path, int *done)
{
    struct download same = {.sha256 = f->sha256, .size = f->size};
    struct stat st;

    *done = 0;
    if (lstat(path, &st))
        return ERR_OK;
    if (f->sha256[0] && download_is_there(&same, path)) {
        *done = 1;
        return say_here(c, f, path);
    }
    if (o->force || (o->output && !is_folder(o->output)))
        return ERR_OK;
    return out_fail(&c->out, ERR_CONFLICT, "There is another %s here: -o says where to, --force writes over it.", path);
}

static enum err fetch(struct cli *c, struct options *o, const struct found_list *list)
{
    struct obtain_wish w = {.exclude = o->exclude, .from = o->from, .limit_bytes_per_s = o->limit, .is_counted = &o->is_counted};
    char path[PATH_MAX];
    size_t pick = 0;
    int done;
    enum err e = found_choose(c, list, &pick);

    if (e)
        return e;
    w.file = &list->items[pick == SIZE_MAX ? 0 : pick];
    if (list->n > 1 && pick != SIZE_MAX)
        w.from = w.file->peer;
    e = choose_path(c, o, w.file, path);
    if (!e)
        e = look_at_path(c, o, w.file, path, &done);
    if (e || done)
        return e;
    w.path = path;
    return obtain_get(c, &w);
}

/* ---- who has it */

static enum err find(struct cli *c, const struct options *o, struct found_list *list)
{
    struct found *f = &list->items[0];

    if (!num_is_hex(o->name, 2 * HASH_SIZE))
        return found_search(c, o->name, o->from, o->exclude, list);
    /* A hash names its bytes: whether somebody has them is seen when sources are asked for. */
    *f = (struct found){.peer = strdup(""), .peer_name = strdup(""), .file = strdup(o->name)};
    memcpy(f->sha256, o->name, HASH_HEX_SIZE);
    list->n = 1;
    return f->peer && f->peer_name && f->file ? ERR_OK : ERR_NOMEM;
}

static enum err try_once(struct cli *c, struct options *o)
{
    struct found_list *list = calloc(1, sizeof *list);
    enum err e = list ? find(c, o, list) : ERR_NOMEM;

    if (!e && list->n == 0)
        e = o->wait ? ERR_NOT_FOUND
                    : out_fail(&c->out, ERR_NOT_FOUND, "Nobody who is here has %s. --wait waits until somebody does.", o->name);
    else if (!e)
        e = fetch(c, o, list);
    if (list)
        found_release(list);
    free(list);
    return e;
}

static int is_worth_waiting(enum err e)
{
    return e == ERR_NOT_FOUND || e == ERR_UNAVAILABLE || e == ERR_TIMEOUT || e == ERR_STALE_INDEX || e == ERR_RATE;
}

static enum err wait_for_it(struct cli *c, struct options *o)
{
    uint64_t pause_ms = WAIT_FIRST_MS;
    enum err e;
    int told = 0;

    for (;;) {
        struct pollfd stop = {.fd = sig_fd(), .events = POLLIN};
        e = try_once(c, o);
        if (!is_worth_waiting(e) || sig_stopping())
            return e;
        if (!told)
            out_note(&c->out, "Waiting until somebody has %s; Ctrl-C ends that.", o->name);
        told = 1;
        poll(&stop, 1, (int)pause_ms);
        if (sig_stopping())
            return out_fail(&c->out, ERR_GONE, "Nobody had %s so far.", o->name);
        pause_ms = pause_ms * 3 / 2 < WAIT_MOST_MS ? pause_ms * 3 / 2 : WAIT_MOST_MS;
    }
}

int cmd_obtain(struct cli *c, int argc, char **argv)
{
    struct options o = {0};
    enum err e;

    if (read_options(c, argc, argv, &o))
        return CLI_USAGE;
    e = o.wait ? wait_for_it(c, &o) : try_once(c, &o);
    return e == ERR_GONE || (e && sig_stopping()) ? CLI_FAILED : cli_exit_code(e);
}
