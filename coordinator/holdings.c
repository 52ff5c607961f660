#include "coordinator/holdings.h"

#include "lib/base/text.h"
#include "lib/wire/page.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_COURSES "500"
#define PAGE_BYTES_MAX (4u << 20)
#define PATH_MAX_BYTES 4096u

/* Where we are in what one node holds. */
struct cursor {
    const struct holdings_node *node;
    struct json *page;     /* owned; NULL: nothing was asked yet */
    const struct json *at; /* the course that comes next; NULL with is_over 0: the page is used up */
    char *after;           /* key after which the next page begins; owned, NULL: the first */
    int is_over;
};

/* One course of a page; the texts are borrowed from it. */
struct course {
    const char *key, *name;
    struct survey_holding holding;
};

static enum err print_path(const struct cursor *c, const char *with, struct buf *out)
{
    enum err e = buf_add_str(out, "/holdings?limit=" PAGE_COURSES);
    if (e == ERR_OK && with)
        e = buf_addf(out, "&with=%s", with);
    if (e == ERR_OK && c->after)
        e = buf_add_str(out, "&after=");
    if (e == ERR_OK && c->after)
        e = text_percent_encode(out, c->after, strlen(c->after));
    return e;
}

/* Takes {"ring", "courses", "next"} over as the present page. */
static enum err take_page(struct cursor *c, const char *text, size_t len)
{
    struct json *page;
    enum err e = json_parse(text, len, &page);
    if (e != ERR_OK)
        return e;
    json_free(c->page);
    c->page = page;
    const struct json *courses = json_get(page, "courses");
    const char *next = json_get_str(page, "next");
    if ((!next && !json_is_null(json_get(page, "next"))) || !page_is_in_order(courses, c->after, next))
        return ERR_SYNTAX;
    free(c->after);
    c->after = next ? strdup(next) : NULL;
    if (next && !c->after)
        return ERR_NOMEM;
    c->at = json_first(courses);
    c->is_over = !next && !c->at;
    return ERR_OK;
}

static enum err fetch_page(struct cursor *c, struct peer *peer, const char *with, uint64_t epoch)
{
    struct buf path;
    buf_init(&path, PATH_MAX_BYTES);
    enum err e = print_path(c, with, &path);
    struct peer_call call = {.base_url = c->node->url,
        .to = c->node->id,
        .method = "GET",
        .path = buf_str(&path),
        .epoch = epoch,
        .answer_max = PAGE_BYTES_MAX + 4096u};
    if (e == ERR_OK)
        e = peer_call(peer, &call, HOLDINGS_TIMEOUT_MS);
    if (e == ERR_OK && (call.error != ERR_OK || call.status != 200))
        e = ERR_UNAVAILABLE;
    if (e == ERR_OK)
        e = take_page(c, buf_str(&call.answer), call.answer.len);
    peer_calls_release(&call, 1);
    buf_release(&path);
    return e;
}

/* Goes on to the next course; a page may be empty and still not the last. */
static enum err advance(struct cursor *c, struct peer *peer, const char *with, uint64_t epoch)
{
    if (c->at)
        c->at = json_next(c->at);
    while (!c->at && !c->is_over) {
        if (c->page && !c->after) {
            c->is_over = 1;
            break;
        }
        enum err e = fetch_page(c, peer, with, epoch);
        if (e != ERR_OK)
            return e;
    }
    return ERR_OK;
}

static enum err read_course(const struct cursor *c, struct course *out)
{
    struct course course = {.key = json_get_str(c->at, "key"), .name = json_get_str(c->at, "course")};
    course.holding = (struct survey_holding){.id = c->node->id, .complete = json_get_bool(c->at, "complete", 0)};
    if (!course.key)
        return ERR_SYNTAX;
    if (!course.name)
        course.name = course.key;
    enum err e = json_get_u64(c->at, "bytes", JSON_EXACT_MAX, &course.holding.bytes);
    if (e == ERR_OK)
        *out = course;
    return e;
}

/* The cursors of one walk. */
struct walk {
    struct peer *peer;
    const char *with;
    uint64_t epoch;
    struct cursor *cursors;
    struct survey_holding *held; /* of the present course */
    unsigned char *is_there;     /* who told of it */
    size_t n;
};

/* The smallest key that any of them is at, or NULL: all is told. */
static enum err find_key(const struct walk *w, const char **key, size_t *which)
{
    *key = NULL;
    for (size_t i = 0; i < w->n; i++) {
        struct course course;
        if (w->cursors[i].is_over)
            continue;
        *which = i;
        enum err e = read_course(&w->cursors[i], &course);
        if (e != ERR_OK)
            return e;
        if (!*key || strcmp(course.key, *key) < 0)
            *key = course.key;
    }
    return ERR_OK;
}

/* Hands the course of this key over, as all told it, and goes on behind it. */
static enum err take_course(struct walk *w, const char *key, struct survey *survey, size_t *which)
{
    struct course course;
    const char *name = key;
    size_t n = 0;
    enum err e = ERR_OK;
    for (size_t i = 0; e == ERR_OK && i < w->n; i++) {
        w->is_there[i] = 0;
        if (w->cursors[i].is_over)
            continue;
        *which = i;
        e = read_course(&w->cursors[i], &course);
        if (e != ERR_OK || strcmp(course.key, key) != 0)
            continue;
        w->is_there[i] = 1;
        name = course.name;
        w->held[n++] = course.holding;
    }
    if (e == ERR_OK)
        e = survey_course(survey, key, name, w->held, n);
    for (size_t i = 0; e == ERR_OK && i < w->n; i++) {
        if (!w->is_there[i])
            continue;
        *which = i;
        e = advance(&w->cursors[i], w->peer, w->with, w->epoch);
    }
    return e;
}

static enum err walk_all(struct walk *w, struct survey *survey, size_t *which)
{
    enum err e = ERR_OK;
    for (size_t i = 0; e == ERR_OK && i < w->n; i++) {
        *which = i;
        e = advance(&w->cursors[i], w->peer, w->with, w->epoch);
    }
    while (e == ERR_OK) {
        const char *key;
        e = find_key(w, &key, which);
        if (e != ERR_OK || !key)
            break;
        e = take_course(w, key, survey, which);
    }
    return e == ERR_OK || e == ERR_NOMEM ? e : ERR_UNAVAILABLE;
}

enum err holdings_survey(
    struct peer *peer, const struct holdings_node *nodes, size_t n, uint64_t epoch, struct survey *survey, size_t *which)
{
    struct walk w = {.peer = peer, .with = survey->going, .epoch = epoch, .n = n};
    w.cursors = calloc(n + 1, sizeof *w.cursors);
    w.held = calloc(n + 1, sizeof *w.held);
    w.is_there = calloc(n + 1, 1);
    enum err e = w.cursors && w.held && w.is_there ? ERR_OK : ERR_NOMEM;
    for (size_t i = 0; e == ERR_OK && i < n; i++)
        w.cursors[i].node = &nodes[i];
    if (e == ERR_OK)
        e = walk_all(&w, survey, which);
    for (size_t i = 0; w.cursors && i < n; i++) {
        json_free(w.cursors[i].page);
        free(w.cursors[i].after);
    }
    free(w.cursors);
    free(w.held);
    free(w.is_there);
    return e;
}
