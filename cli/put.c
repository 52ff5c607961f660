/* put: one file, or with --from-csv many (import.c). */
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/courses.h"
#include "cli/import.h"
#include "cli/upload.h"

#include <fcntl.h>
#include <inttypes.h>

/* It is on disk, but no version of the course yet. */
static enum err report_waiting(const struct cli *c, const struct upload *u, const struct json *waiting)
{
    enum err e = out_json(&c->out, waiting);

    if (!e)
        out_say(&c->out, "%s waits for a maintainer, who looks at it first: nobody else sees it yet, and %s is as it was", u->filename,
            courses_text(json_get(waiting, "record"), "course"));
    return e;
}

static enum err report(const struct cli *c, const struct upload *u, const struct json *record, int same)
{
    struct buf copies;
    char id[STAMP_HEX_SIZE];
    enum err e = courses_id(c, record, id, sizeof id);

    if (e)
        return e;
    buf_init(&copies, 65536);
    e = courses_copies(record, &copies);
    if (!e)
        e = out_json(&c->out, record);
    if (!e && same)
        out_say(
            &c->out, "%s is unchanged: version %" PRIu64 " is the same already", courses_text(record, "course"), courses_number(record));
    else if (!e)
        out_say(&c->out, "%s has a new version %" PRIu64 ", %s, id %s; it is on disk on %s", courses_text(record, "course"),
            courses_number(record), u->filename, id, copies.len > 0 ? buf_str(&copies) : "a majority of its machines");
    buf_release(&copies);
    return e;
}

static int put_one(struct cli *c, struct upload *u, const char *path)
{
    char why[1024];
    const char *reason = NULL;
    struct progress bar;
    struct json *answer = NULL;
    enum upload_end end;
    enum err e = upload_open(u, AT_FDCWD, path, &reason);

    if (e)
        return cli_exit_code(out_fail(&c->out, e, "%s: %s.", path, reason));
    progress_start(&bar, &c->out, u->filename, 0, u->size);
    e = upload_send(c, u, &bar, &answer, &end, why, sizeof why);
    progress_end(&bar, !e);
    if (e)
        out_fail(&c->out, e, "%s", why);
    else
        e = end == UPLOAD_WAITS ? report_waiting(c, u, answer) : report(c, u, answer, end == UPLOAD_SAME);
    json_free(answer);
    upload_close(u);
    return cli_exit_code(e);
}

int cmd_put(struct cli *c, int argc, char **argv)
{
    struct upload u = {.fd = -1};
    const char *csv = NULL;
    int dry_run = 0;
    struct args words;
    const struct args_option options[] = {
        {.name = "course", .letter = 'c', .value = &u.course},
        {.name = "term", .letter = 't', .value = &u.term},
        {.name = "title", .value = &u.title},
        {.name = "instructor", .letter = 'i', .value = &u.instructor},
        {.name = "note", .letter = 'n', .value = &u.note},
        {.name = "if-match", .value = &u.if_match},
        {.name = "new", .flag = &u.only_new},
        {.name = "from-csv", .value = &csv},
        {.name = "dry-run", .flag = &dry_run},
    };

    if (args_read(c, options, sizeof options / sizeof options[0], argc, argv, 1, 1, &words))
        return CLI_USAGE;
    if (csv && (u.course || u.term || u.title || u.instructor || u.note || u.if_match || u.only_new))
        return cli_usage(c, "with --from-csv all is said in the table; only --dry-run goes with it");
    if (csv)
        return import_csv(c, csv, words.words[0], dry_run);
    if (!u.course || dry_run)
        return cli_usage(c, u.course ? "--dry-run goes with --from-csv only" : "--course is missing");
    if (u.if_match && u.only_new)
        return cli_usage(c, "--if-match and --new exclude each other");
    return put_one(c, &u, words.words[0]);
}
