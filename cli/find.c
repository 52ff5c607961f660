/* find and log: what there is, and what was. */
#include "cli/api.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/courses.h"
#include "lib/base/num.h"

#include <inttypes.h>
#include <string.h>

#define HITS_DEFAULT 1000
#define HITS_MAX 100000

/* ---- find */

static enum err print_hits(const struct cli *c, const struct json *list)
{
    static const char *const columns[] = {"COURSE", "TERM", "TITLE", "INSTRUCTOR", ">VERSIONS", "SHARED"};
    struct out_table *t = out_table_new(columns, sizeof columns / sizeof columns[0]);
    enum err e;

    for (const struct json *item = json_first(json_get(list, "items")); item; item = json_next(item)) {
        const struct json *record = json_get(item, "current");
        uint64_t versions = 0;
        char when[OUT_TIME_TEXT];
        if (json_get_u64(item, "versions", UINT64_MAX, &versions))
            versions = 0;
        out_time(&c->out, json_get_str(record, "uploaded_at"), when);
        out_cell(t, courses_text(item, "course"));
        out_cell(t, courses_text(record, "term"));
        out_cell(t, courses_text(record, "title"));
        out_cell(t, courses_text(record, "instructor"));
        out_cellf(t, "%" PRIu64, versions);
        out_cell(t, when);
    }
    e = out_table_print(&c->out, t);
    out_table_free(t);
    return e;
}

static enum err find(struct cli *c, const char *path, size_t max)
{
    struct json *list = NULL;
    int more = 0;
    enum err e = api_list(c, path, max, &list, &more);

    if (!e)
        e = out_json(&c->out, list);
    if (!e && json_count(json_get(list, "items")) == 0) {
        out_note(&c->out, "Nothing matches.");
        e = ERR_NOT_FOUND;
    } else if (!e) {
        e = print_hits(c, list);
        if (more)
            out_note(&c->out, "There are more than these %zu; --limit shows them.", max);
    }
    json_free(list);
    return e;
}

/* The words as one query: "csen 317". */
static enum err join(const struct args *words, struct buf *q)
{
    enum err e = ERR_OK;

    for (size_t i = 0; !e && i < words->n_words; i++)
        e = buf_addf(q, "%s%s", i > 0 ? " " : "", words->words[i]);
    return e;
}

int cmd_find(struct cli *c, int argc, char **argv)
{
    const char *term = NULL, *limit = NULL;
    uint64_t max = HITS_DEFAULT;
    int newest = 0;
    struct args words;
    struct buf path, q;
    enum err e;
    const struct args_option options[] = {
        {.name = "term", .letter = 't', .value = &term},
        {.name = "newest", .flag = &newest},
        {.name = "limit", .value = &limit},
    };

    if (args_read(c, options, sizeof options / sizeof options[0], argc, argv, 0, ARGS_WORDS_MAX, &words))
        return CLI_USAGE;
    if (limit && (num_parse_u64(limit, HITS_MAX, &max) || max == 0))
        return cli_usage(c, "--limit: a number from 1 to %d", HITS_MAX);
    buf_init(&path, API_PATH_MAX);
    buf_init(&q, API_PATH_MAX);
    e = join(&words, &q);
    if (!e)
        e = api_path(&path, "/courses");
    if (!e)
        e = api_query(&path, "q", q.len > 0 ? buf_str(&q) : NULL);
    if (!e)
        e = api_query(&path, "term", term);
    if (!e)
        e = api_query(&path, "sort", newest ? "newest" : NULL);
    if (e)
        out_fail(&c->out, e, "The words are too long.");
    else
        e = find(c, buf_str(&path), (size_t)max);
    buf_release(&q);
    buf_release(&path);
    return cli_exit_code(e);
}

/* ---- log */

static const char *state_word(const struct json *v)
{
    const char *kind = courses_text(v, "kind");

    if (strcmp(kind, "delete") == 0)
        return "removal";
    if (json_get_bool(v, "deleted", 0))
        return "taken down";
    return strcmp(kind, "restore") == 0 ? "restored" : "shared";
}

static void add_version(const struct cli *c, struct out_table *t, const struct json *v)
{
    char when[OUT_TIME_TEXT], size[OUT_SIZE_TEXT];
    uint64_t bytes = 0;

    out_time(&c->out, json_get_str(v, "uploaded_at"), when);
    if (json_get_u64(v, "size", UINT64_MAX, &bytes))
        bytes = 0;
    if (c->out.terminal)
        out_size(bytes, size);
    else
        snprintf(size, sizeof size, "%" PRIu64, bytes);
    out_cellf(t, "%" PRIu64, courses_number(v));
    out_cell(t, when);
    out_cell(t, state_word(v));
    out_cell(t, courses_text(v, "term"));
    out_cell(t, courses_text(v, "filename"));
    out_cell(t, size);
    out_cellf(t, "%zu", json_count(json_get(v, "copies")));
    out_cell(t, courses_text(v, "note"));
    out_cell(t, courses_text(v, "id"));
}

static enum err print_versions(const struct cli *c, const struct json *course)
{
    static const char *const columns[] = {">VERSION", "WHEN", "STATE", "TERM", "FILE", ">SIZE", ">COPIES", "NOTE", "ID"};
    struct out_table *t = out_table_new(columns, sizeof columns / sizeof columns[0]);
    enum err e;

    for (const struct json *v = json_first(json_get(course, "versions")); v; v = json_next(v))
        add_version(c, t, v);
    e = out_table_print(&c->out, t);
    out_table_free(t);
    return e;
}

int cmd_log(struct cli *c, int argc, char **argv)
{
    struct args words;
    struct json *course = NULL;
    enum err e;

    if (args_read(c, NULL, 0, argc, argv, 1, 1, &words))
        return CLI_USAGE;
    e = courses_get(c, words.words[0], &course);
    if (!e)
        e = out_json(&c->out, course);
    if (!e)
        e = print_versions(c, course);
    if (!e && json_get_bool(json_get(course, "current"), "deleted", 0))
        out_note(&c->out, "%s was taken down; `ringbinder restore` brings it back.", courses_text(course, "course"));
    json_free(course);
    return cli_exit_code(e);
}
