/* get: a course's bytes into a file, or to standard output. */
#include "cli/api.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/courses.h"
#include "cli/download.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct wish {
    const char *course, *version, *out;
    int force;
};

/* Where it goes: what -o says, in a folder that it names, or a harmless form of the file's own name. */
static enum err choose_path(const struct wish *w, const struct json *record, struct buf *path)
{
    struct stat st;
    int is_folder = w->out && stat(w->out, &st) == 0 && S_ISDIR(st.st_mode);
    enum err e = ERR_OK;

    if (w->out && !is_folder)
        return buf_add_str(path, w->out);
    if (is_folder)
        e = buf_addf(path, "%s/", w->out);
    return e ? e : download_name(courses_text(record, "filename"), path);
}

static enum err report(const struct cli *c, const struct json *record, const char *path, const char *word)
{
    struct json *j;
    char size[OUT_SIZE_TEXT];
    uint64_t bytes = 0;
    enum err e;

    if (json_get_u64(record, "size", UINT64_MAX, &bytes))
        bytes = 0;
    out_size(bytes, size);
    out_say(&c->out, "%s: %s version %" PRIu64 ", %s, %s", path, courses_text(record, "course"), courses_number(record), size, word);
    if (!c->out.json)
        return ERR_OK;
    j = json_object();
    json_set_str(j, "file", path);
    json_set_str(j, "course", courses_text(record, "course"));
    json_set_u64(j, "version", courses_number(record));
    json_set_str(j, "id", courses_text(record, "id"));
    json_set_str(j, "sha256", courses_text(record, "sha256"));
    json_set_u64(j, "size", bytes);
    e = out_json(&c->out, j);
    json_free(j);
    return e;
}

static enum err save(struct cli *c, const struct wish *w, const struct json *record, const struct download *d)
{
    struct buf path;
    struct stat st;
    enum err e;

    buf_init(&path, 4096);
    e = choose_path(w, record, &path);
    if (e)
        e = out_fail(&c->out, ERR_TOO_LARGE, "The name of the file is too long.");
    else if (download_is_there(d, buf_str(&path)))
        e = report(c, record, buf_str(&path), "was there already");
    else if (!w->out && !w->force && lstat(buf_str(&path), &st) == 0)
        e = out_fail(
            &c->out, ERR_CONFLICT, "%s is there already and something else. Name another file by -o, or give --force.", buf_str(&path));
    else {
        e = download_file(c, d, buf_str(&path));
        if (!e)
            e = report(c, record, buf_str(&path), "checked");
    }
    buf_release(&path);
    return e;
}

static enum err fetch(struct cli *c, const struct wish *w, const struct json *record)
{
    struct download d = {.sha256 = courses_text(record, "sha256"), .label = courses_text(record, "filename")};
    char id[STAMP_HEX_SIZE];
    struct buf path;
    enum err e = courses_id(c, record, id, sizeof id);

    if (e)
        return e;
    if (json_get_bool(record, "deleted", 0))
        return out_fail(&c->out, ERR_GONE, "This version was taken down. `ringbinder restore` brings it back.");
    if (json_get_u64(record, "size", UINT64_MAX, &d.size))
        return out_fail(&c->out, ERR_INTERNAL, "%s gave a version without a size: is it a Ringbinder?", c->url);
    buf_init(&path, API_PATH_MAX);
    e = api_path(&path, "/courses/{}/syllabus?version={}", w->course, id);
    d.path = buf_str(&path);
    if (e)
        out_fail(&c->out, e, "The name of the course is too long.");
    else if (w->out && strcmp(w->out, "-") == 0)
        e = download_fd(c, &d, STDOUT_FILENO);
    else
        e = save(c, w, record, &d);
    buf_release(&path);
    return e;
}

int cmd_get(struct cli *c, int argc, char **argv)
{
    struct wish w = {0};
    struct args words;
    struct json *course = NULL;
    const struct json *record = NULL;
    enum err e;
    const struct args_option options[] = {
        {.name = "output", .letter = 'o', .value = &w.out},
        {.name = "version", .value = &w.version},
        {.name = "force", .letter = 'f', .flag = &w.force},
    };

    if (args_read(c, options, sizeof options / sizeof options[0], argc, argv, 1, 1, &words))
        return CLI_USAGE;
    w.course = words.words[0];
    e = courses_get(c, w.course, &course);
    if (!e)
        e = courses_version(c, course, w.version, &record);
    if (!e)
        e = fetch(c, &w, record);
    json_free(course);
    return cli_exit_code(e);
}
