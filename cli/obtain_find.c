#include "cli/obtain_find.h"

#include "cli/api.h"
#include "cli/ask.h"
#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/wire/shared.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LINE_MAX_BYTES 128

static void release_found(struct found *f)
{
    free(f->peer);
    free(f->peer_name);
    free(f->file);
}

void found_release(struct found_list *f)
{
    for (size_t i = 0; i < f->n; i++)
        release_found(&f->items[i]);
    f->n = 0;
}

static int is_name(const char *file, const char *name)
{
    const char *slash = strrchr(file, '/');

    return strcmp(file, name) == 0 || (slash && strcmp(slash + 1, name) == 0);
}

struct row {
    const char *name, *sha256; /* sha256 NULL: not known yet */
    uint64_t size;
};

static enum err add_found(struct found_list *list, const struct row *row, const char *file, const char *peer, const char *peer_name)
{
    struct found f = {.size = row->size, .peer = strdup(peer), .peer_name = strdup(peer_name), .file = strdup(file)};

    if (!f.peer || !f.peer_name || !f.file) {
        release_found(&f);
        return ERR_NOMEM;
    }
    if (row->sha256)
        memcpy(f.sha256, row->sha256, HASH_HEX_SIZE);
    list->items[list->n++] = f;
    return ERR_OK;
}

static int is_wanted(const char *from, const char *peer, const char *peer_name)
{
    return !from || strcmp(from, peer) == 0 || strcmp(from, peer_name) == 0;
}

static enum err add_row(struct found_list *list, const struct json *item, const char *name, const char *from)
{
    struct row row = {.name = json_get_str(item, "name"), .sha256 = json_get_str(item, "sha256")};
    enum err e = ERR_OK;

    if (!row.name || json_get_u64(item, "size", JSON_EXACT_MAX, &row.size) || (row.sha256 && !num_is_hex(row.sha256, 2 * HASH_SIZE)))
        return ERR_SYNTAX;
    for (const struct json *h = json_first(json_get(item, "holders")); !e && h && list->n < FOUND_MAX; h = json_next(h)) {
        const char *peer = json_get_str(h, "peer"), *peer_name = json_get_str(h, "name"), *file = json_get_str(h, "file");
        if (!peer)
            return ERR_SYNTAX;
        peer_name = peer_name ? peer_name : peer;
        file = file ? file : row.name;
        if (is_name(file, name) && is_wanted(from, peer, peer_name) && shared_name_check(file, strlen(file)) == ERR_OK)
            e = add_found(list, &row, file, peer, peer_name);
    }
    if (!e && json_get_bool(item, "adopted", 0) && is_name(row.name, name) && is_wanted(from, "ring", "ring") && list->n < FOUND_MAX)
        e = add_found(list, &row, row.name, "ring", "the ring");
    return e;
}

enum err found_parse(const struct json *answer, const char *name, const char *from, struct found_list *out)
{
    const struct json *items = json_get(answer, "items");
    enum err e = json_is_array(items) ? ERR_OK : ERR_SYNTAX;

    out->n = 0;
    for (const struct json *item = json_first(items); !e && item; item = json_next(item))
        e = add_row(out, item, name, from);
    if (e)
        found_release(out);
    return e;
}

enum err found_search(struct cli *c, const char *name, const char *from, const char *exclude, struct found_list *out)
{
    struct json *answer = NULL;
    struct buf path;
    enum err e;

    buf_init(&path, API_PATH_MAX);
    e = api_path(&path, "/peers/files");
    if (!e)
        e = api_query(&path, "q", name);
    if (!e)
        e = api_query(&path, "exclude", exclude);
    if (e) {
        buf_release(&path);
        return out_fail(&c->out, e, "The name is too long.");
    }
    e = api_list(c, buf_str(&path), FOUND_ROWS, &answer, NULL);
    buf_release(&path);
    if (e)
        return e;
    e = found_parse(answer, name, from, out);
    json_free(answer);
    return e ? out_fail(&c->out, e, "%s gave a list that is none: %s.", c->url, err_text(e)) : ERR_OK;
}

int found_agree(const struct found_list *f)
{
    for (size_t i = 0; i < f->n; i++) {
        if (f->items[i].sha256[0] == '\0' || strcmp(f->items[i].sha256, f->items[0].sha256) != 0)
            return 0;
    }
    return f->n > 0;
}

enum err found_answer(const char *line, size_t n, int agree, size_t *pick)
{
    size_t len = strlen(line);
    const char *word = text_trim(line, &len);
    char text[LINE_MAX_BYTES];
    uint64_t number;

    if (len >= sizeof text)
        return ERR_SYNTAX;
    memcpy(text, word, len);
    text[len] = '\0';
    if (strcasecmp(text, "cancel") == 0)
        return ERR_GONE;
    if (agree && (len == 0 || strcasecmp(text, "all") == 0)) {
        *pick = SIZE_MAX;
        return ERR_OK;
    }
    if (num_parse_u64(text, n, &number) || number == 0)
        return ERR_SYNTAX;
    *pick = (size_t)number - 1;
    return ERR_OK;
}

static void print_choices(const struct cli *c, const struct found_list *f)
{
    for (size_t i = 0; i < f->n; i++) {
        const struct found *one = &f->items[i];
        char size[OUT_SIZE_TEXT];
        out_size(one->size, size);
        out_note(
            &c->out, "%3zu  %s at %s, %s, %.12s", i + 1, one->file, one->peer_name, size, one->sha256[0] ? one->sha256 : "not hashed yet");
    }
}

static enum err ask_which(const struct cli *c, const struct found_list *f, size_t *pick)
{
    int agree = found_agree(f);
    char line[LINE_MAX_BYTES];
    enum err e;

    print_choices(c, f);
    for (;;) {
        e = ask_line(c,
            agree ? "From which? A number, \"cancel\", or nothing for all of them at once:" : "Which? A number, or \"cancel\":", line,
            sizeof line);
        if (!e)
            e = found_answer(line, f->n, agree, pick);
        if (e != ERR_SYNTAX && e != ERR_TOO_LARGE)
            break;
        out_note(&c->out, "That is none of them.");
    }
    return e ? out_fail(&c->out, e, "Cancelled: nothing was fetched.") : ERR_OK;
}

enum err found_choose(const struct cli *c, const struct found_list *f, size_t *pick)
{
    if (f->n == 1) {
        *pick = 0;
        return ERR_OK;
    }
    if (ask_can() && !c->yes && !c->out.json)
        return ask_which(c, f, pick);
    *pick = SIZE_MAX;
    if (found_agree(f))
        return ERR_OK;
    print_choices(c, f);
    return out_fail(
        &c->out, ERR_CONFLICT, "There are different files of that name: --from says whose, or give a SHA-256 instead of the name.");
}
