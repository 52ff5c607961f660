/* peers: who shares a folder, and files by their names. */
#include "cli/peers.h"

#include "cli/api.h"
#include "cli/args.h"
#include "cli/courses.h"
#include "lib/base/hash.h"
#include "lib/base/num.h"

#include <inttypes.h>
#include <string.h>

#define PEERS_MAX 100000
#define FILES_DEFAULT 1000
#define FILES_MAX 100000
#define HOLDERS_TEXT_MAX 4096 /* bytes of a row's holders */

static void add_number(struct out_table *t, const struct json *item, const char *name)
{
    uint64_t n;

    if (json_get_u64(item, name, UINT64_MAX, &n))
        out_cell(t, "");
    else
        out_cellf(t, "%" PRIu64, n);
}

static enum err print_peers(const struct cli *c, const struct json *list)
{
    static const char *const columns[] = {"PEER", "STATE", ">FILES", "STORES", "SINCE", "HEARD", "ADDRESS"};
    struct out_table *t = out_table_new(columns, sizeof columns / sizeof columns[0]);
    enum err e;

    for (const struct json *p = json_first(json_get(list, "items")); p; p = json_next(p)) {
        char since[OUT_TIME_TEXT], heard[OUT_TIME_TEXT];
        out_time(&c->out, json_get_str(p, "since"), since);
        out_time(&c->out, json_get_str(p, "heard_at"), heard);
        out_cell(t, courses_text(p, "name"));
        out_cell(t, courses_text(p, "state"));
        add_number(t, p, "files");
        out_cell(t, json_get_bool(p, "stores", 0) ? "yes" : "no");
        out_cell(t, since);
        out_cell(t, heard);
        out_cell(t, courses_text(p, "url"));
    }
    e = out_table_print(&c->out, t);
    out_table_free(t);
    return e;
}

static enum err list_peers(struct cli *c)
{
    struct json *list = NULL;
    enum err e = api_list(c, "/peers", PEERS_MAX, &list, NULL);

    if (!e)
        e = out_json(&c->out, list);
    if (!e && json_count(json_get(list, "items")) == 0)
        out_note(&c->out, "Nobody shares a folder now. `ringbinder share DIR` shares one of yours.");
    else if (!e)
        e = print_peers(c, list);
    json_free(list);
    return e;
}

/* "peer-1, peer-2, the ring" */
static void add_holders(struct out_table *t, const struct json *item)
{
    struct buf b;
    enum err e = ERR_OK; /* more holders than fit into a cell are more than anybody reads */

    buf_init(&b, HOLDERS_TEXT_MAX);
    for (const struct json *h = json_first(json_get(item, "holders")); !e && h; h = json_next(h))
        e = buf_addf(&b, "%s%s", b.len > 0 ? ", " : "", *courses_text(h, "name") ? courses_text(h, "name") : courses_text(h, "peer"));
    if (!e && json_get_bool(item, "adopted", 0))
        e = buf_addf(&b, "%sthe ring", b.len > 0 ? ", " : "");
    (void)e;
    out_cell(t, buf_str(&b));
    buf_release(&b);
}

static enum err print_files(const struct cli *c, const struct json *list)
{
    static const char *const columns[] = {"NAME", ">SIZE", "PEERS", "SHA-256"};
    struct out_table *t = out_table_new(columns, sizeof columns / sizeof columns[0]);
    enum err e;

    for (const struct json *item = json_first(json_get(list, "items")); item; item = json_next(item)) {
        char size[OUT_SIZE_TEXT];
        uint64_t bytes = 0;
        if (json_get_u64(item, "size", UINT64_MAX, &bytes))
            bytes = 0;
        out_size(bytes, size);
        out_cell(t, courses_text(item, "name"));
        if (c->out.terminal)
            out_cell(t, size);
        else
            out_cellf(t, "%" PRIu64, bytes);
        add_holders(t, item);
        out_cellf(t, "%.*s", c->out.terminal ? 12 : HASH_HEX_SIZE, courses_text(item, "sha256"));
    }
    e = out_table_print(&c->out, t);
    out_table_free(t);
    return e;
}

static enum err find_files(struct cli *c, const char *path, size_t max)
{
    struct json *list = NULL;
    int more = 0;
    enum err e = api_list(c, path, max, &list, &more);

    if (!e)
        e = out_json(&c->out, list);
    if (!e && json_count(json_get(list, "items")) == 0) {
        out_note(&c->out, "Nobody who is here has such a file.");
        e = ERR_NOT_FOUND;
    } else if (!e) {
        e = print_files(c, list);
        if (more)
            out_note(&c->out, "There are more than these %zu; --limit shows them.", max);
    }
    json_free(list);
    return e;
}

static int find(struct cli *c, const struct args *words, const char *exclude, const char *limit)
{
    uint64_t max = FILES_DEFAULT;
    struct buf path, q;
    enum err e = ERR_OK;

    if (limit && (num_parse_u64(limit, FILES_MAX, &max) || max == 0))
        return cli_usage(c, "--limit: a number from 1 to %d", FILES_MAX);
    buf_init(&path, API_PATH_MAX);
    buf_init(&q, API_PATH_MAX);
    for (size_t i = 1; !e && i < words->n_words; i++)
        e = buf_addf(&q, "%s%s", i > 1 ? " " : "", words->words[i]);
    if (!e)
        e = api_path(&path, "/peers/files");
    if (!e)
        e = api_query(&path, "q", buf_str(&q));
    if (!e)
        e = api_query(&path, "exclude", exclude);
    if (e)
        out_fail(&c->out, e, "The name is too long.");
    else
        e = find_files(c, buf_str(&path), (size_t)max);
    buf_release(&q);
    buf_release(&path);
    return cli_exit_code(e);
}

int cmd_peers(struct cli *c, int argc, char **argv)
{
    const char *exclude = NULL, *limit = NULL;
    struct args words;
    const struct args_option options[] = {
        {.name = "exclude", .value = &exclude},
        {.name = "limit", .value = &limit},
    };

    if (args_read(c, options, sizeof options / sizeof options[0], argc, argv, 0, ARGS_WORDS_MAX, &words))
        return CLI_USAGE;
    if (words.n_words == 0 && !exclude && !limit)
        return cli_exit_code(list_peers(c));
    if (words.n_words < 2 || strcmp(words.words[0], "find") != 0)
        return cli_usage(c, "`peers` stands alone, or before `find NAME`");
    return find(c, &words, exclude, limit);
}
