#include "node/settle_inside.h"

#include "lib/wire/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_TIMEOUT_MS 5000u
#define PAGE 128
#define PAGE_MIN 16
#define PAGES_MAX 8192 /* courses of all sources in memory */

/* One owner before and where its list is. */
struct source {
    char id[RING_ID_MAX];
    enum { OPEN, ENDED, FAILED } state;
    struct json *page;
    const struct json *at; /* the next course of the page; NULL: used up */
    char after[NAME_KEY_BYTES_MAX + 1];
    int last_page;
};

struct settle_lists {
    struct settle_round *round;
    pthread_mutex_t lock; /* one thread at a time takes courses */
    struct source *sources;
    size_t n;
};

/* Whether the course of a point falls to this node. */
static int is_ours(struct settle_round *r, const struct owners *o)
{
    long mover = owners_are_moving(o) ? owners_mover(o, order_counts, &r->order) : -1;
    return mover >= 0 && strcmp(o->at[mover].member->id, r->node->self.id) == 0;
}

enum err settle_lists_new(struct settle_round *r, struct settle_lists **out)
{
    const struct ring *before = r->ring->doc->before;
    struct settle_lists *l = calloc(1, sizeof(*l));
    if (!l)
        return ERR_NOMEM;
    l->round = r;
    l->n = before->n_members;
    l->sources = calloc(l->n, sizeof(*l->sources));
    if (!l->sources) {
        free(l);
        return ERR_NOMEM;
    }
    pthread_mutex_init(&l->lock, NULL);
    for (size_t i = 0; i < l->n; i++) {
        struct source *s = &l->sources[i];
        snprintf(s->id, sizeof(s->id), "%s", before->members[i].id);
        if (!settle_may_live(r, s->id))
            s->state = FAILED;
    }
    *out = l;
    return ERR_OK;
}

void settle_lists_free(struct settle_lists *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->n; i++)
        json_free(l->sources[i].page);
    free(l->sources);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

static enum err order_json(const struct order *o, struct json **out)
{
    struct buf text;
    buf_init(&text, SETTLE_BODY_MAX);
    enum err e = order_print(o, &text);
    if (!e)
        e = json_parse(buf_str(&text), text.len, out);
    buf_release(&text);
    return e;
}

static enum err page_request(struct settle_lists *l, const struct source *s, struct settle_call *call)
{
    struct json *order;
    size_t page = PAGES_MAX / l->n;
    enum err e = order_json(&l->round->order, &order);
    if (e)
        return e;
    memset(call, 0, sizeof(*call));
    snprintf(call->id, sizeof(call->id), "%s", s->id);
    call->body = json_object();
    json_set(call->body, "order", order);
    json_set_str(call->body, "mover", l->round->node->self.id);
    json_set_str(call->body, "after", s->after);
    json_set_u64(call->body, "limit", page > PAGE ? PAGE : page < PAGE_MIN ? PAGE_MIN : page);
    return ERR_OK;
}

/* Takes a page, or gives the source up for this round. */
static void take_page(struct settle_lists *l, struct source *s, struct settle_call *call)
{
    json_free(s->page);
    s->page = call->answer;
    call->answer = NULL;
    const struct json *courses = json_get(s->page, "courses"), *next = json_get(s->page, "next");
    s->at = json_first(courses);
    s->last_page = json_is_null(next);
    int in_order = !call->error && page_is_in_order(courses, s->after, s->last_page ? NULL : json_as_str(next));
    if (!in_order || (!s->last_page && json_copy_str(s->page, "next", s->after, sizeof(s->after)))) {
        s->state = FAILED;
        s->at = NULL;
        if (call->error == ERR_TIMEOUT || call->error == ERR_UNAVAILABLE)
            settle_note_silent(l->round, s->id);
    } else if (!s->at && s->last_page) {
        s->state = ENDED;
    }
}

/* Which sources have nothing to show and may have more. */
static size_t hungry(struct settle_lists *l, struct source **out, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n && n < max; i++) {
        struct source *s = &l->sources[i];
        if (s->state == OPEN && !s->at && s->last_page)
            s->state = ENDED;
        else if (s->state == OPEN && !s->at)
            out[n++] = s;
    }
    return n;
}

/* Fills every open source that has nothing to show. */
static enum err fill(struct settle_lists *l, struct peer *peer)
{
    struct source *wanting[SETTLE_NODES_MAX];
    struct settle_call *calls = calloc(SETTLE_NODES_MAX, sizeof(*calls));
    enum err e = calls ? ERR_OK : ERR_NOMEM;
    for (size_t n = hungry(l, wanting, SETTLE_NODES_MAX); n > 0 && !e; n = hungry(l, wanting, SETTLE_NODES_MAX)) {
        size_t made = 0;
        while (made < n && !e) {
            e = page_request(l, wanting[made], &calls[made]);
            made += !e;
        }
        if (!e)
            settle_ask(l->round->node, l->round->ring, peer, SETTLE_LIST, calls, n, LIST_TIMEOUT_MS);
        for (size_t i = 0; i < n && !e; i++)
            take_page(l, wanting[i], &calls[i]);
        settle_calls_release(calls, made);
    }
    free(calls);
    return e;
}

/* The smallest key that a source shows; NULL when none shows any. */
static const char *smallest(const struct settle_lists *l)
{
    const char *key = NULL;
    for (size_t i = 0; i < l->n; i++) {
        const char *shown = l->sources[i].at ? json_get_str(l->sources[i].at, "key") : NULL;
        if (shown && (!key || strcmp(shown, key) < 0))
            key = shown;
    }
    return key;
}

static int has_blob(const struct settle_course *c, const char *sha256)
{
    for (size_t i = 0; i < c->n_blobs; i++)
        if (strcmp(c->blobs[i].sha256, sha256) == 0)
            return 1;
    return 0;
}

/* Adds what one source shows of a course. */
static enum err add(struct settle_course *c, const struct json *shown)
{
    uint64_t records;
    const struct json *blobs = json_get(shown, "blobs");
    if (!json_is_array(blobs) || json_get_u64(shown, "records", JSON_EXACT_MAX, &records))
        return ERR_SYNTAX;
    c->records = records > c->records ? records : c->records;
    struct settle_blob *grown = realloc(c->blobs, (c->n_blobs + json_count(blobs) + 1) * sizeof(*grown));
    if (!grown)
        return ERR_NOMEM;
    c->blobs = grown;
    for (const struct json *item = json_first(blobs); item; item = json_next(item)) {
        struct settle_blob b;
        if (json_copy_str(item, "sha256", b.sha256, sizeof(b.sha256)) || json_get_u64(item, "size", JSON_EXACT_MAX, &b.size))
            return ERR_SYNTAX;
        if (!has_blob(c, b.sha256))
            c->blobs[c->n_blobs++] = b;
    }
    return ERR_OK;
}

/* Takes the smallest course from all sources that show it. A source that shows rubbish is given up. */
static enum err take_course(struct settle_lists *l, const char *key, struct settle_course *out)
{
    struct settle_course c = {.key = strdup(key)};
    enum err e = c.key ? ERR_OK : ERR_NOMEM;
    for (size_t i = 0; i < l->n && !e; i++) {
        struct source *s = &l->sources[i];
        const char *shown = s->at ? json_get_str(s->at, "key") : NULL;
        if (!s->at || (shown && strcmp(shown, c.key) != 0))
            continue;
        e = shown ? add(&c, s->at) : ERR_SYNTAX;
        s->at = json_next(s->at);
        if (e == ERR_SYNTAX) {
            s->state = FAILED;
            s->at = NULL;
            e = ERR_OK;
        }
    }
    if (e)
        settle_course_release(&c);
    else
        *out = c;
    return e;
}

static uint64_t bytes_of(const struct settle_course *c)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < c->n_blobs; i++)
        bytes += c->blobs[i].size;
    return bytes;
}

static enum err next_locked(struct settle_lists *l, struct peer *peer, struct settle_course *out, size_t max, size_t *n)
{
    uint64_t bytes = 0, records = 0;
    while (*n < max && bytes < SETTLE_BATCH_BYTES && records < SETTLE_BATCH_RECORDS) {
        enum err e = fill(l, peer);
        const char *key = e ? NULL : smallest(l);
        if (e || !key)
            return e;
        e = take_course(l, key, &out[*n]);
        if (e)
            return e;
        bytes += bytes_of(&out[*n]);
        records += out[*n].records;
        (*n)++;
    }
    return ERR_OK;
}

enum err settle_lists_next(struct settle_lists *l, struct peer *peer, struct settle_course *out, size_t max, size_t *n)
{
    *n = 0;
    pthread_mutex_lock(&l->lock);
    enum err e = next_locked(l, peer, out, max, n);
    pthread_mutex_unlock(&l->lock);
    for (size_t i = 0; e && i < *n; i++)
        settle_course_release(&out[i]);
    if (e)
        *n = 0;
    return e;
}

static int has_ended(const struct settle_lists *l, const char *id)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->sources[i].id, id) == 0)
            return l->sources[i].state == ENDED;
    return 0;
}

/* One arc: all points between two neighbouring tokens of either ring have the owners of the later one. */
static int covers_arc(struct settle_lists *l, uint64_t point)
{
    struct owners o;
    uint32_t lists = 0;
    owners_find(l->round->ring->doc, point, &o);
    if (!is_ours(l->round, &o))
        return 1;
    for (size_t i = 0; i < o.n; i++)
        lists += o.at[i].before && has_ended(l, o.at[i].member->id);
    return lists >= o.w_before;
}

static int covers_tokens(struct settle_lists *l, const struct ring *ring)
{
    for (size_t i = 0; i < ring->n_tokens; i++)
        if (!covers_arc(l, ring->tokens[i].point))
            return 0;
    return 1;
}

int settle_lists_cover(struct settle_lists *l)
{
    return covers_tokens(l, l->round->ring->doc->ring) && covers_tokens(l, l->round->ring->doc->before);
}
