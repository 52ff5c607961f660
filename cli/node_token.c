#include "cli/node_token.h"

#include "cli/api.h"
#include "cli/args.h"
#include "cli/courses.h"
#include "cli/new_file.h"
#include "lib/base/num.h"

#include <stdio.h>
#include <string.h>

#define HOURS_MAX 168u /* a week: what the front makes at most */
#define HOURS_DEFAULT 24u
#define NO_FILE (-1)

struct wish {
    const char *name, *zone, *path; /* path: NULL: it is printed */
    uint64_t hours;
};

static enum err make(struct cli *c, const struct wish *w, struct json **out)
{
    struct json *body = json_object();
    enum err e;

    json_set_str(body, "name", w->name);
    json_set_str(body, "zone", w->zone ? w->zone : "");
    json_set_u64(body, "expires_s", w->hours * 3600);
    e = api_json(c, "POST", "/join-tokens", body, out);
    json_free(body);
    return e;
}

/* Into the file, or to whoever reads along. The token itself is in the JSON only when there is no file for it. */
static enum err hand_over(const struct cli *c, const struct wish *w, int fd, const struct json *made)
{
    char line[128];
    const char *token = json_get_str(made, "token");
    int n = snprintf(line, sizeof line, "%s\n", token ? token : "");
    enum err e = ERR_OK;

    if ((!token || n >= (int)sizeof line) && w->path)
        new_file_drop(w->path, fd);
    if (!token || n >= (int)sizeof line)
        e = out_fail(&c->out, ERR_INTERNAL, "%s gave an answer that is none.", c->url);
    else if (w->path)
        e = new_file_write(c, w->path, fd, line, (size_t)n);
    else if (!c->out.json)
        fputs(line, c->out.file);
    explicit_bzero(line, sizeof line);
    if (e)
        return e;
    out_note(&c->out, "It lets one machine in, once, as %s, until %s.", courses_text(made, "name"), courses_text(made, "expires_at"));
    return w->path ? ERR_OK : out_json(&c->out, made);
}

static enum err run(struct cli *c, const struct wish *w)
{
    struct json *made = NULL;
    int fd = NO_FILE;
    /* Before the front is asked: a token that cannot be kept is not made. */
    enum err e = w->path ? new_file_open(c, w->path, 0600, &fd) : ERR_OK;

    if (e)
        return e;
    e = make(c, w, &made);
    if (e && w->path)
        new_file_drop(w->path, fd);
    if (!e)
        e = hand_over(c, w, fd, made);
    json_free(made);
    return e;
}

int node_token(struct cli *c, int argc, char **argv)
{
    const char *hours = NULL;
    struct wish w = {.hours = HOURS_DEFAULT};
    struct args words;
    const struct args_option options[] = {
        {.name = "zone", .value = &w.zone}, {.name = "hours", .value = &hours}, {.name = "output", .letter = 'o', .value = &w.path}};

    if (args_read(c, options, sizeof options / sizeof options[0], argc, argv, 1, 1, &words))
        return CLI_USAGE;
    w.name = words.words[0];
    if (hours && (num_parse_u64(hours, HOURS_MAX, &w.hours) || w.hours == 0))
        return cli_usage(c, "--hours is 1 to %u", HOURS_MAX);
    return cli_exit_code(run(c, &w));
}
