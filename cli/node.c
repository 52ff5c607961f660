/* node drain | undrain | remove | add | token, and set k: changes of the ring, shown before they are done. */
#include "cli/api.h"
#include "cli/args.h"
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/courses.h"
#include "cli/node_add.h"
#include "cli/node_token.h"
#include "lib/base/num.h"

#include <inttypes.h>
#include <string.h>

#define K_MAX 16
#define QUESTION_MAX 512

/* A change of the ring that can be asked about first. */
struct change {
    const char *method, *path;
    const struct json *body; /* NULL: none */
    const char *question;    /* "Drain node-3?" */
    const char *done;        /* what is said when it has been taken up */
    int has_dry_run, dry_run_only, force;
};

static uint64_t number(const struct json *j, const char *name)
{
    uint64_t n;

    return json_get_u64(j, name, UINT64_MAX, &n) ? 0 : n;
}

static enum err ask(struct cli *c, const struct change *change, int dry_run, struct json **out)
{
    struct buf path;
    enum err e;

    buf_init(&path, API_PATH_MAX);
    e = buf_add_str(&path, change->path);
    if (!e && dry_run)
        e = api_query(&path, "dry_run", "1");
    if (!e && change->force)
        e = api_query(&path, "force", "1");
    if (e)
        out_fail(&c->out, e, "The name of the node is too long.");
    else
        e = api_json(c, change->method, buf_str(&path), change->body, out);
    buf_release(&path);
    return e;
}

static void say_dry_run(const struct cli *c, const struct json *plan)
{
    char size[OUT_SIZE_TEXT], time[OUT_SIZE_TEXT];

    out_size(number(plan, "bytes"), size);
    out_duration(number(plan, "seconds"), time);
    out_say(&c->out, "%" PRIu64 " copies, %s, would be made anew elsewhere, in about %s", number(plan, "copies"), size, time);
    for (const struct json *to = json_first(json_get(plan, "to")); to; to = json_next(to))
        out_say(&c->out, "  %" PRIu64 " on %s", number(to, "copies"), courses_text(to, "node"));
    if (number(plan, "at_risk_count") > 0)
        out_say(&c->out, "%" PRIu64 " courses would lose their last copy:", number(plan, "at_risk_count"));
    for (const struct json *course = json_first(json_get(plan, "at_risk")); course; course = json_next(course))
        out_say(&c->out, "  %s", json_as_str(course) ? json_as_str(course) : "");
}

static enum err show_dry_run(struct cli *c, const struct change *change)
{
    struct json *plan = NULL;
    enum err e = ask(c, change, 1, &plan);

    if (!e)
        say_dry_run(c, plan);
    if (!e && change->dry_run_only)
        e = out_json(&c->out, plan);
    json_free(plan);
    return e;
}

static enum err carry_out(struct cli *c, const struct change *change)
{
    struct json *answer = NULL;
    enum err e = change->has_dry_run ? show_dry_run(c, change) : ERR_OK;

    if (e || change->dry_run_only)
        return e;
    e = ask_yes(c, "%s [y/N]", change->question);
    if (!e)
        e = ask(c, change, 0, &answer);
    if (!e)
        e = out_json(&c->out, answer);
    if (!e)
        out_say(&c->out, "%s `ringbinder status` shows how far it is.", change->done);
    json_free(answer);
    return e;
}

/* A question that nobody could be asked is the command line's fault, not the server's. */
static int exit_of(enum err e)
{
    return e == ERR_SYNTAX ? CLI_USAGE : cli_exit_code(e);
}

/* ---- node */

struct verb {
    const char *name, *question, *done;
    int has_dry_run, has_force;
};

static const struct verb verbs[] = {
    {"drain", "Have %s give its files to others and leave the ring?", "It leaves the ring once its files are elsewhere.", 1, 1},
    {"undrain", "Take %s back into the ring?", "It comes back into the ring.", 0, 0},
    {"remove", "Take %s out of the ring for good, without waiting for it?", "It is being taken out; its copies are made anew.", 1, 1},
};

static int change_node(struct cli *c, const struct verb *v, const char *node, int dry_run, int force)
{
    struct change change = {.method = "POST", .done = v->done, .has_dry_run = v->has_dry_run, .dry_run_only = dry_run, .force = force};
    struct buf path, question;
    enum err e;

    buf_init(&path, API_PATH_MAX);
    buf_init(&question, QUESTION_MAX);
    e = api_path(&path, "/cluster/nodes/{}/", node);
    if (!e)
        e = buf_add_str(&path, v->name);
    if (!e) {
        const char *hole = strstr(v->question, "%s");
        e = buf_add(&question, v->question, (size_t)(hole - v->question));
        if (!e)
            e = buf_addf(&question, "%s%s", node, hole + 2);
    }
    change.path = buf_str(&path);
    change.question = buf_str(&question);
    if (e)
        out_fail(&c->out, e, "The name of the node is too long.");
    else
        e = carry_out(c, &change);
    buf_release(&question);
    buf_release(&path);
    return exit_of(e);
}

int cmd_node(struct cli *c, int argc, char **argv)
{
    int dry_run = 0, force = 0;
    struct args words;
    const struct args_option options[] = {{.name = "dry-run", .flag = &dry_run}, {.name = "force", .letter = 'f', .flag = &force}};

    if (argc > 1 && strcmp(argv[1], "add") == 0)
        return node_add(c, argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "token") == 0)
        return node_token(c, argc - 1, argv + 1);
    if (args_read(c, options, sizeof options / sizeof options[0], argc, argv, 2, 2, &words))
        return CLI_USAGE;
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        const struct verb *v = &verbs[i];
        if (strcmp(v->name, words.words[0]) != 0)
            continue;
        if ((dry_run && !v->has_dry_run) || (force && !v->has_force))
            return cli_usage(c, "%s takes neither --dry-run nor --force", v->name);
        return change_node(c, v, words.words[1], dry_run, force);
    }
    return cli_usage(c, "%s: a node is drained, undrained, removed or added, or gets a token", words.words[0]);
}

/* ---- set */

int cmd_set(struct cli *c, int argc, char **argv)
{
    int dry_run = 0;
    struct args words;
    uint64_t k;
    char question[64];
    struct json *body;
    enum err e;
    const struct args_option options[] = {{.name = "dry-run", .flag = &dry_run}};

    if (args_read(c, options, 1, argc, argv, 2, 2, &words))
        return CLI_USAGE;
    if (strcmp(words.words[0], "k") != 0)
        return cli_usage(c, "%s: only k can be set, the number of copies of each file", words.words[0]);
    if (num_parse_u64(words.words[1], K_MAX, &k) || k == 0)
        return cli_usage(c, "%s: k is a number from 1 to %d", words.words[1], K_MAX);
    snprintf(question, sizeof question, "Keep %" PRIu64 " copies of each file?", k);
    body = json_object();
    json_set_u64(body, "k", k);
    struct change change = {.method = "PUT",
        .path = "/cluster/replication",
        .body = body,
        .question = question,
        .done = "Copies follow by themselves.",
        .has_dry_run = 1,
        .dry_run_only = dry_run};
    e = body ? carry_out(c, &change) : out_fail(&c->out, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
    json_free(body);
    return exit_of(e);
}
