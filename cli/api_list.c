/* Lists that come in pages. */
#include "cli/api.h"

#include <stdio.h>

#define PAGE_ITEMS 200 /* the most that a page may have */

/* Adds a page's items to the text of a JSON array, at most *room of them. */
static enum err add_items(const struct json *page, struct buf *text, size_t *room)
{
    enum err e = ERR_OK;

    for (const struct json *item = json_first(json_get(page, "items")); !e && item && *room > 0; item = json_next(item), (*room)--) {
        if (text->data[text->len - 1] != '[')
            e = buf_add_str(text, ",");
        if (!e)
            e = json_print(item, text);
    }
    return e;
}

static enum err add_page(struct cli *c, const char *path, struct buf *cursor, struct buf *text, size_t *room)
{
    struct buf full;
    struct json *page = NULL;
    char limit[8];
    enum err e;

    snprintf(limit, sizeof limit, "%zu", *room < PAGE_ITEMS ? *room : (size_t)PAGE_ITEMS);
    buf_init(&full, API_PATH_MAX);
    e = buf_add_str(&full, path);
    if (!e)
        e = api_query(&full, "limit", limit);
    if (!e)
        e = api_query(&full, "cursor", cursor->len > 0 ? buf_str(cursor) : NULL);
    if (e)
        out_fail(&c->out, e, "What was asked for is too long.");
    else
        e = api_get(c, buf_str(&full), &page);
    buf_release(&full);
    if (e)
        return e;
    e = add_items(page, text, room);
    buf_reset(cursor);
    if (!e && json_get_str(page, "next"))
        e = buf_add_str(cursor, json_get_str(page, "next"));
    json_free(page);
    return e ? out_fail(&c->out, e, "The answer is too long.") : ERR_OK;
}

enum err api_list(struct cli *c, const char *path, size_t max, struct json **out, int *more)
{
    struct buf text, cursor;
    size_t room = max;
    enum err e;

    buf_init(&text, API_ANSWER_MAX);
    buf_init(&cursor, API_PATH_MAX);
    e = buf_add_str(&text, "{\"items\":[");
    if (!e)
        do
            e = add_page(c, path, &cursor, &text, &room);
        while (!e && cursor.len > 0 && room > 0);
    if (!e) {
        e = buf_add_str(&text, "]}");
        if (!e)
            e = json_parse(text.data, text.len, out);
        if (e)
            out_fail(&c->out, e, "The answer is too long.");
    }
    if (!e && more)
        *more = cursor.len > 0;
    buf_release(&text);
    buf_release(&cursor);
    return e;
}
