#include "cli/obtain_get.h"

#include "cli/api.h"
#include "cli/inside.h"
#include "cli/obtain_part.h"
#include "cli/obtain_run.h"
#include "cli/progress.h"
#include "lib/base/clock.h"
#include "lib/base/sig.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WHY_MAX 512

/* The world of a run: the api, the terminal, Ctrl-C. */
struct view {
    struct cli *cli;
    const struct obtain_wish *wish;
    struct progress bar;
    int begun;                       /* the bar */
    struct buf front, authorization; /* of the REST interface; the latter "" without a token */
    char why[WHY_MAX];               /* what the api said last when it could not tell who has it */
};

/* ---- what the run asks */

static enum err fetch_answer(struct view *v, const char *path, struct json **out)
{
    struct api_call call = {.q = {.method = "GET", .answer_max = API_ANSWER_MAX}, .path = path, .quiet = 1};
    struct client_answer a;
    enum err e = api_do(v->cli, &call, &a);

    if (e)
        api_explain(v->cli, e, &a, v->why, sizeof v->why);
    else
        e = json_parse(buf_str(&a.body), a.body.len, out);
    client_answer_release(&a);
    return e;
}

/* The first answer counts as a download. */
static enum err ask(void *ctx, const char *blocks_of, struct offer *out)
{
    struct view *v = ctx;
    const struct obtain_wish *w = v->wish;
    struct json *answer = NULL;
    struct buf path;
    enum err e;

    v->why[0] = '\0';
    buf_init(&path, API_PATH_MAX);
    e = api_path(&path, "/peers/files/{}/sources", w->file->sha256);
    if (!e)
        e = api_query(&path, "exclude", w->exclude);
    if (!e)
        e = api_query(&path, "blocks_of", blocks_of);
    if (!e)
        e = api_query(&path, "counted", *w->is_counted ? "1" : NULL);
    if (!e)
        e = fetch_answer(v, buf_str(&path), &answer);
    buf_release(&path);
    if (!e)
        *w->is_counted = 1;
    if (!e)
        e = offer_parse(answer, w->file->sha256, out);
    json_free(answer);
    if (!e && w->from)
        offer_keep(out, w->from);
    return e;
}

static void tell(void *ctx, const char *text)
{
    struct view *v = ctx;

    if (v->begun)
        progress_hide(&v->bar);
    out_note(&v->cli->out, "%s", text);
}

static void move(void *ctx, uint64_t done, uint64_t resumed, uint64_t total)
{
    struct view *v = ctx;

    if (!v->begun) {
        progress_start(&v->bar, &v->cli->out, v->wish->file->file, resumed, total);
        v->begun = 1;
    }
    progress_move(&v->bar, done, total);
}

static int stopping(void *ctx)
{
    (void)ctx;
    return sig_stopping();
}

/* ---- what came of it */

static const char *fate_word(enum plan_fate fate)
{
    switch (fate) {
    case PLAN_WORKS: return "works";
    case PLAN_SLOW: return "slow";
    case PLAN_AWAY: return "away";
    case PLAN_REFUSES: return "refuses";
    case PLAN_LIED: return "lied";
    }
    return "works";
}

static enum err print_json(const struct view *v, const struct obtain_report *r)
{
    struct json *j = json_object(), *sources = json_array();
    enum err e;

    json_set_str(j, "path", v->wish->path);
    json_set_str(j, "name", v->wish->file->file);
    json_set_u64(j, "size", r->size);
    json_set_str(j, "sha256", v->wish->file->sha256);
    json_set_u64(j, "resumed_bytes", r->resumed);
    json_set_u64(j, "fetched_bytes", r->fetched);
    json_set_u64(j, "ms", r->ms);
    for (size_t i = 0; i < r->n_sources; i++) {
        struct json *s = json_object();
        json_set_str(s, "name", r->sources[i].name);
        json_set_bool(s, "ring", r->sources[i].is_ring);
        json_set_bool(s, "front", r->sources[i].by_front);
        json_set_u64(s, "blocks", r->sources[i].blocks);
        json_set_str(s, "state", fate_word(r->sources[i].fate));
        json_append(sources, s);
    }
    json_set(j, "sources", sources);
    e = out_json(&v->cli->out, j);
    json_free(j);
    return e;
}

static void say_done(const struct view *v, const struct obtain_report *r)
{
    char size[OUT_SIZE_TEXT], resumed[OUT_SIZE_TEXT], speed[OUT_SIZE_TEXT];
    struct buf who;

    out_size(r->size, size);
    out_size(r->resumed, resumed);
    out_size(r->ms > 0 ? (r->size - r->resumed) * 1000 / r->ms : 0, speed);
    buf_init(&who, 8192);
    for (size_t i = 0; i < r->n_sources; i++) {
        if (r->sources[i].blocks > 0 && buf_addf(&who, "%s%s", who.len > 0 ? ", " : "", r->sources[i].name))
            break; /* a list that is cut says enough */
    }
    out_say(&v->cli->out, "%s: %s, %s/s%s%s%s%s%s", v->wish->path, size, speed, who.len > 0 ? ", from " : "", buf_str(&who),
        r->resumed > 0 ? ", " : "", r->resumed > 0 ? resumed : "", r->resumed > 0 ? " of it were here already" : "");
    buf_release(&who);
}

static enum err fail(const struct view *v, enum err e)
{
    const struct out *o = &v->cli->out;
    const char *name = v->wish->file->file;

    if (sig_stopping())
        return out_fail(o, e, "Stopped. What came of %s stays in %s.part; the same command goes on from there.", name, v->wish->path);
    if (v->why[0])
        return out_fail(o, e, "%s", v->why);
    switch (e) {
    case ERR_NOT_FOUND: return out_fail(o, e, "Nobody who is here has %s.", name);
    case ERR_UNAVAILABLE:
        return out_fail(
            o, e, "Nobody who has %s can be reached any more. What came of it stays; the same command goes on from there.", name);
    case ERR_CORRUPT: return out_fail(o, e, "Whoever has %s gave wrong bytes: nothing was kept.", name);
    case ERR_CONFLICT: return out_fail(o, e, "Another process is fetching to %s.", v->wish->path);
    case ERR_TOO_LARGE: return out_fail(o, e, "%s is too large: at most 64 GiB are fetched.", name);
    case ERR_SYNTAX: return out_fail(o, e, "%s gave an answer that is none.", v->cli->url);
    default: return out_fail(o, e, "%s cannot be written: %s.", v->wish->path, err_text(e));
    }
}

/* A download that goes on was counted when it began. */
static enum err run_checked(struct view *v, struct obtain_report *report)
{
    struct obtain_order order = {v->wish->file->sha256, v->wish->path, v->wish->limit_bytes_per_s};
    struct obtain_world world = {.ask = ask, .tell = tell, .move = move, .stopping = stopping, .ctx = v};
    struct tls *tls = NULL;
    enum err e = api_base(v->cli, &v->front, &v->authorization);

    if (!e)
        e = inside_tls(v->cli, &tls);
    if (e)
        return e;
    world.tls = tls;
    world.front = buf_str(&v->front);
    world.front_authorization = v->authorization.len > 0 ? buf_str(&v->authorization) : NULL;
    *v->wish->is_counted |= part_is_begun(order.path, order.sha256);
    e = obtain_run(&order, &world, report);
    tls_free(tls);
    return e;
}

static enum err get_checked(struct view *v)
{
    struct obtain_report report = {0};
    enum err e;

    buf_init(&v->front, API_PATH_MAX);
    buf_init(&v->authorization, API_PATH_MAX);
    e = run_checked(v, &report);
    buf_release(&v->front);
    buf_release(&v->authorization);
    if (v->begun)
        progress_end(&v->bar, e == ERR_OK);
    if (e)
        return fail(v, e);
    say_done(v, &report);
    return print_json(v, &report);
}

/* ---- a file whose hash nobody knows yet */

static enum err fetch_plain(struct view *v, const char *part, struct obtain_report *r)
{
    const struct found *f = v->wish->file;
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    struct api_call call = {
        .q = {.method = "GET", .out_is_file = 1, .out_fd = fd, .answer_max = 65536, .watch = progress_watch_receive, .ctx = &v->bar}};
    struct client_answer a;
    struct buf path;
    enum err e;

    if (fd < 0)
        return out_fail(&v->cli->out, errno == EACCES ? ERR_DENIED : ERR_IO, "%s: %s", part, strerror(errno));
    buf_init(&path, API_PATH_MAX);
    e = api_path(&path, "/peers/{}/files/{}", f->peer, f->file);
    call.path = buf_str(&path);
    progress_start(&v->bar, &v->cli->out, f->file, 0, f->size);
    if (e) {
        out_fail(&v->cli->out, e, "The name is too long.");
    } else {
        e = api_do(v->cli, &call, &a);
        r->size = r->fetched = a.received;
        client_answer_release(&a);
    }
    progress_end(&v->bar, e == ERR_OK);
    if (!e && fsync(fd))
        e = out_fail(&v->cli->out, ERR_IO, "%s: %s", part, strerror(errno));
    close(fd);
    buf_release(&path);
    return e;
}

static enum err get_plain(struct view *v)
{
    struct obtain_report report = {.n_sources = 1};
    uint64_t begun_ms = clock_boot_ms();
    char part[PATH_MAX];
    enum err e;

    if (snprintf(part, sizeof part, "%s.part", v->wish->path) >= (int)sizeof part)
        return out_fail(&v->cli->out, ERR_INVALID, "The path is too long.");
    e = fetch_plain(v, part, &report);
    report.ms = clock_boot_ms() - begun_ms;
    if (!e && rename(part, v->wish->path))
        e = out_fail(&v->cli->out, ERR_IO, "%s: %s", v->wish->path, strerror(errno));
    if (e) {
        unlink(part);
        return e;
    }
    snprintf(report.sources[0].name, sizeof report.sources[0].name, "%s", v->wish->file->peer_name);
    report.sources[0].blocks = 1;
    out_note(&v->cli->out, "Its SHA-256 is not known yet, so nobody could check these bytes.");
    say_done(v, &report);
    return print_json(v, &report);
}

enum err obtain_get(struct cli *c, const struct obtain_wish *w)
{
    struct view v = {.cli = c, .wish = w};

    return w->file->sha256[0] ? get_checked(&v) : get_plain(&v);
}
