/* rm and restore: what is taken down is never gone before its time, so both are records like any other. */
#include "cli/api.h"
#include "cli/args.h"
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/courses.h"
#include "lib/base/id.h"

#include <inttypes.h>
#include <string.h>

/* One request that the server can be asked twice. *out as api_json. match: the record that must be current, NULL: any. */
static enum err ask(struct cli *c, const char *method, const char *path, const char *match, struct json **out)
{
    char key[64], condition[STAMP_HEX_SIZE + 16], hex[33];
    const char *headers[2] = {key, condition};
    struct client_answer a;
    struct api_call call = {.q = {.method = method, .headers = headers, .n_headers = match ? 2 : 1}, .path = path, .again = 1};
    enum err e;

    id_random_hex(hex, 16);
    snprintf(key, sizeof key, "Idempotency-Key: %s", hex);
    snprintf(condition, sizeof condition, "If-Match: \"%s\"", match ? match : "");
    e = api_do(c, &call, &a);
    *out = NULL;
    if (!e && a.body.len > 0 && json_parse(a.body.data, a.body.len, out))
        e = out_fail(&c->out, ERR_INTERNAL, "%s answered with something that is no JSON: is it a Ringbinder?", c->url);
    client_answer_release(&a);
    return e;
}

/* ---- rm */

static enum err report_removed(const struct cli *c, const struct json *record, int whole)
{
    struct json *j;
    enum err e;

    if (whole)
        out_say(&c->out, "%s was taken down. `ringbinder restore` brings it back.", courses_text(record, "course"));
    else
        out_say(&c->out, "%s version %" PRIu64 " was taken down. `ringbinder restore --version %s` brings it back.",
            courses_text(record, "course"), courses_number(record), courses_text(record, "id"));
    if (!c->out.json)
        return ERR_OK;
    j = json_object();
    json_set_str(j, "course", courses_text(record, "course"));
    json_set_str(j, "removed", whole ? NULL : courses_text(record, "id"));
    json_set_bool(j, "whole", whole);
    e = out_json(&c->out, j);
    json_free(j);
    return e;
}

/* The id goes along, never the number, which a late record can shift. A whole course is taken down only as it was seen: an upload in between makes a conflict. */
static enum err take_down(struct cli *c, const char *course, const struct json *record, int whole)
{
    char id[STAMP_HEX_SIZE];
    struct json *answer = NULL;
    struct buf path;
    enum err e = courses_id(c, record, id, sizeof id);

    if (e)
        return e;
    buf_init(&path, API_PATH_MAX);
    e = api_path(&path, "/courses/{}/syllabus", course);
    if (!e)
        e = api_query(&path, "version", whole ? NULL : id);
    if (e)
        out_fail(&c->out, e, "The name of the course is too long.");
    else
        e = ask(c, "DELETE", buf_str(&path), whole ? id : NULL, &answer);
    json_free(answer);
    buf_release(&path);
    return e;
}

static enum err ask_first(const struct cli *c, const struct json *course, const struct json *record, int whole)
{
    if (!ask_can()) /* it can be undone: a script need not say --yes */
        return ERR_OK;
    if (whole)
        return ask_yes(
            c, "Take down %s with its %zu versions? [y/N]", courses_text(course, "course"), json_count(json_get(course, "versions")));
    return ask_yes(c, "Take down version %" PRIu64 " of %s (%s)? [y/N]", courses_number(record), courses_text(course, "course"),
        courses_text(record, "filename"));
}

int cmd_rm(struct cli *c, int argc, char **argv)
{
    const char *version = NULL;
    struct args words;
    struct json *course = NULL;
    const struct json *record = NULL;
    enum err e;
    const struct args_option options[] = {{.name = "version", .value = &version}};

    if (args_read(c, options, 1, argc, argv, 1, 1, &words))
        return CLI_USAGE;
    e = courses_get(c, words.words[0], &course);
    if (!e)
        e = courses_version(c, course, version, &record);
    if (!e)
        e = ask_first(c, course, record, !version);
    if (!e)
        e = take_down(c, words.words[0], record, !version);
    if (!e)
        e = report_removed(c, record, !version);
    json_free(course);
    return cli_exit_code(e);
}

/* ---- restore */

/* The newest version that can be brought back: with the course taken down the newest that there is, else the newest but the current one. */
static enum err newest_to_restore(const struct cli *c, const struct json *course, const struct json **out)
{
    const char *current = courses_text(json_get(course, "current"), "id");

    for (const struct json *v = json_first(json_get(course, "versions")); v; v = json_next(v)) {
        if (strcmp(courses_text(v, "kind"), "delete") != 0 && strcmp(courses_text(v, "id"), current) != 0) {
            *out = v;
            return ERR_OK;
        }
    }
    return out_fail(&c->out, ERR_NOT_FOUND, "%s has no other version that could be brought back.", courses_text(course, "course"));
}

static enum err bring_back(struct cli *c, const char *course, const struct json *version)
{
    char id[STAMP_HEX_SIZE];
    struct json *record = NULL;
    struct buf path;
    enum err e = courses_id(c, version, id, sizeof id);

    if (e)
        return e;
    buf_init(&path, API_PATH_MAX);
    e = api_path(&path, "/courses/{}/restore?version={}", course, id);
    if (e)
        out_fail(&c->out, e, "The name of the course is too long.");
    else
        e = ask(c, "POST", buf_str(&path), NULL, &record);
    if (!e)
        e = out_json(&c->out, record);
    if (!e)
        out_say(&c->out, "%s has a new version %" PRIu64 ", %s as in version %" PRIu64, courses_text(record, "course"),
            courses_number(record), courses_text(record, "filename"), courses_number(version));
    json_free(record);
    buf_release(&path);
    return e;
}

int cmd_restore(struct cli *c, int argc, char **argv)
{
    const char *version = NULL;
    struct args words;
    struct json *course = NULL;
    const struct json *record = NULL;
    enum err e;
    const struct args_option options[] = {{.name = "version", .value = &version}};

    if (args_read(c, options, 1, argc, argv, 1, 1, &words))
        return CLI_USAGE;
    e = courses_get(c, words.words[0], &course);
    if (!e)
        e = version ? courses_version(c, course, version, &record) : newest_to_restore(c, course, &record);
    if (!e)
        e = bring_back(c, words.words[0], record);
    json_free(course);
    return cli_exit_code(e);
}
