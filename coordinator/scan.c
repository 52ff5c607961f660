#include "coordinator/scan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- pages */

static void course_release(struct scan_course *c)
{
    for (size_t i = 0; i < c->n; i++)
        record_release(&c->records[i]);
    free(c->records);
    free(c->key);
    if (c->has_slot)
        record_release(&c->slot);
}

void scan_page_release(struct scan_page *p)
{
    for (size_t i = 0; i < p->n; i++)
        course_release(&p->courses[i]);
    free(p->courses);
    free(p->next);
    *p = (struct scan_page){0};
}

static enum err read_records(const struct json *list, struct scan_course *c)
{
    if (!json_is_array(list))
        return ERR_SYNTAX;
    c->records = calloc(json_count(list) + 1, sizeof *c->records);
    if (!c->records)
        return ERR_NOMEM;
    for (const struct json *item = json_first(list); item; item = json_next(item)) {
        enum err e = record_from_json(item, &c->records[c->n]);
        if (e != ERR_OK)
            return e;
        if (strcmp(c->records[c->n++].key, c->key) != 0)
            return ERR_SYNTAX;
    }
    return ERR_OK;
}

/* A slot that holds NONE says nothing about any record. */
static enum err read_slot(const struct json *slot, struct scan_course *c)
{
    const struct json *record = json_get(slot, "record");
    if (json_is_null(slot) || json_is_null(record))
        return ERR_OK;
    enum err e = json_get_stamp(slot, "ballot", &c->ballot);
    if (e == ERR_OK)
        e = record_from_json(record, &c->slot);
    c->has_slot = e == ERR_OK;
    return e;
}

static enum err read_course(const struct json *j, struct scan_course *c)
{
    const char *key = json_get_str(j, "key");
    if (!key)
        return ERR_SYNTAX;
    c->key = strdup(key);
    if (!c->key)
        return ERR_NOMEM;
    enum err e = read_records(json_get(j, "records"), c);
    return e == ERR_OK ? read_slot(json_get(j, "slot"), c) : e;
}

static enum err read_page(const struct json *j, struct scan_page *p)
{
    const struct json *list = json_get(j, "courses"), *next = json_get(j, "next");
    enum err e = json_is_array(list) ? json_get_u64(j, "ring", JSON_EXACT_MAX, &p->ring) : ERR_SYNTAX;
    if (e == ERR_OK && !json_is_null(next)) {
        e = json_as_str(next) ? ERR_OK : ERR_SYNTAX;
        if (e == ERR_OK && !(p->next = strdup(json_as_str(next))))
            e = ERR_NOMEM;
    }
    if (e != ERR_OK)
        return e;
    p->courses = calloc(json_count(list) + 1, sizeof *p->courses);
    if (!p->courses)
        return ERR_NOMEM;
    for (const struct json *item = json_first(list); item && e == ERR_OK; item = json_next(item))
        e = read_course(item, &p->courses[p->n++]);
    return e;
}

enum err scan_page_parse(const char *text, size_t len, struct scan_page *out)
{
    struct json *j;
    struct scan_page page = {0};
    enum err e = json_parse(text, len, &j);
    if (e != ERR_OK)
        return e;
    e = read_page(j, &page);
    json_free(j);
    if (e == ERR_OK)
        *out = page;
    else
        scan_page_release(&page);
    return e;
}

/* ---- sources */

enum err scan_init(struct scan *s, const struct ringdoc *doc, const char *const *ids, size_t n)
{
    *s = (struct scan){.doc = doc, .sources = calloc(n + 1, sizeof *s->sources), .n = n};
    if (!s->sources)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++)
        s->sources[i].id = ids[i];
    return ERR_OK;
}

void scan_release(struct scan *s)
{
    for (size_t i = 0; s->sources && i < s->n; i++) {
        scan_page_release(&s->sources[i].page);
        free(s->sources[i].after);
    }
    free(s->sources);
    *s = (struct scan){0};
}

int scan_wants(const struct scan *s, size_t i)
{
    const struct scan_source *source = &s->sources[i];
    return source->state == SCAN_READING && source->at == source->page.n;
}

void scan_fail(struct scan *s, size_t i)
{
    s->sources[i].state = SCAN_FAILED;
    scan_page_release(&s->sources[i].page);
    s->sources[i].at = 0;
}

/* Keys rise strictly, from the place asked for up to the place to go on from: the merge relies on it, and an endless row of pages cannot be. */
static int is_in_order(const struct scan_source *source, const struct scan_page *p)
{
    const char *last = source->after;
    for (size_t i = 0; i < p->n; i++) {
        if (last && strcmp(p->courses[i].key, last) <= 0)
            return 0;
        last = p->courses[i].key;
    }
    return !p->next || (p->n > 0 ? strcmp(p->next, last) >= 0 : !last || strcmp(p->next, last) > 0);
}

enum err scan_give(struct scan *s, size_t i, struct scan_page *page)
{
    struct scan_source *source = &s->sources[i];
    assert(scan_wants(s, i));
    scan_page_release(&source->page);
    source->at = 0;
    if (page->ring != s->doc->ring->epoch || !is_in_order(source, page)) {
        scan_page_release(page);
        scan_fail(s, i);
        return ERR_OK;
    }
    free(source->after);
    source->after = page->next;
    page->next = NULL;
    source->page = *page;
    *page = (struct scan_page){0};
    source->asked = 1;
    if (source->page.n == 0 && !source->after)
        source->state = SCAN_ENDED;
    return ERR_OK;
}

/* ---- courses */

/* The course at which a source stands, or NULL. */
static struct scan_course *head(const struct scan_source *source)
{
    return source->state == SCAN_READING && source->at < source->page.n ? &source->page.courses[source->at] : NULL;
}

static void step(struct scan_source *source)
{
    source->at++;
    if (source->at == source->page.n && !source->after)
        source->state = SCAN_ENDED;
}

static const char *smallest_key(const struct scan *s)
{
    const char *key = NULL;
    for (size_t i = 0; i < s->n; i++) {
        const struct scan_course *c = head(&s->sources[i]);
        if (c && (!key || strcmp(c->key, key) < 0))
            key = c->key;
    }
    return key;
}

/* The head of source i when it is this course. */
static const struct scan_course *of_key(const struct scan *s, size_t i, const char *key)
{
    const struct scan_course *c = head(&s->sources[i]);
    return c && strcmp(c->key, key) == 0 ? c : NULL;
}

/* Protocol.md P5.3: a slot's record is chosen when it is in R anywhere, or when a write quorum shows the same slot. */
static enum err judge_slots(const struct scan *s, struct scan_found *f)
{
    struct owners owners;
    owners_of_key(s->doc, f->key, &owners);
    for (size_t i = 0; i < s->n; i++) {
        const struct scan_course *mine = of_key(s, i, f->key);
        if (!mine || !mine->has_slot || history_find(&f->history, mine->slot.id))
            continue;
        unsigned char same[OWNERS_MAX] = {0};
        for (size_t j = 0; j < s->n; j++) {
            const struct scan_course *other = of_key(s, j, f->key);
            long place = owners_place(&owners, s->sources[j].id);
            if (other && place >= 0)
                same[place] =
                    other->has_slot && stamp_cmp(other->ballot, mine->ballot) == 0 && stamp_cmp(other->slot.id, mine->slot.id) == 0;
        }
        if (owners_write_missing(&owners, same) > 0) {
            f->unjudged = 1;
            continue;
        }
        enum err e = history_add(&f->history, &mine->slot, 0);
        if (e != ERR_OK)
            return e;
    }
    return ERR_OK;
}

static enum err collect(const struct scan *s, struct scan_found *f)
{
    enum err e = ERR_OK;
    for (size_t i = 0; i < s->n; i++) {
        const struct scan_course *c = of_key(s, i, f->key);
        for (size_t r = 0; c && r < c->n && e == ERR_OK; r++)
            e = history_add(&f->history, &c->records[r], 0);
    }
    return e == ERR_OK ? judge_slots(s, f) : e;
}

enum err scan_next(struct scan *s, struct scan_found *out)
{
    for (size_t i = 0; i < s->n; i++)
        assert(!scan_wants(s, i));
    const char *key = smallest_key(s);
    if (!key)
        return ERR_NOT_FOUND;
    struct scan_found f = {.key = strdup(key)};
    if (!f.key)
        return ERR_NOMEM;
    history_init(&f.history);
    enum err e = collect(s, &f);
    if (e != ERR_OK) {
        scan_found_release(&f);
        return e;
    }
    for (size_t i = 0; i < s->n; i++) {
        if (of_key(s, i, f.key))
            step(&s->sources[i]);
    }
    *out = f;
    return ERR_OK;
}

void scan_found_release(struct scan_found *f)
{
    free(f->key);
    history_release(&f->history);
    *f = (struct scan_found){0};
}

/* ---- the end */

static int has_ended(const struct scan *s, const char *id)
{
    for (size_t i = 0; i < s->n; i++) {
        if (strcmp(s->sources[i].id, id) == 0)
            return s->sources[i].state == SCAN_ENDED;
    }
    return 0;
}

/* For each member of a ring whether it told everything; returns how many did not. */
static size_t note_ended(const struct scan *s, const struct ring *ring, unsigned char ended[RING_MEMBERS_MAX])
{
    size_t missing = 0;
    for (size_t i = 0; i < ring->n_members; i++) {
        ended[i] = (unsigned char)has_ended(s, ring->members[i].id);
        missing += !ended[i];
    }
    return missing;
}

struct ended {
    unsigned char now[RING_MEMBERS_MAX], before[RING_MEMBERS_MAX];
};

static int arc_is_proven(const struct ringdoc *doc, uint64_t point, const struct ended *ended)
{
    struct owners owners;
    unsigned char answered[OWNERS_MAX] = {0};
    owners_find(doc, point, &owners);
    for (size_t i = 0; i < owners.n; i++) {
        const struct ring_member *m = owners.at[i].member;
        assert(owners.at[i].now || doc->before); /* whoever is no owner now was one before */
        answered[i] = owners.at[i].now ? ended->now[m - doc->ring->members] : ended->before[m - doc->before->members];
    }
    return owners_prove_absence(&owners, answered);
}

/* Owners change at tokens only, so that looking at each of a ring's tokens looks at every arc. */
static int arcs_are_proven(const struct ringdoc *doc, const struct ring *ring, const struct ended *ended)
{
    for (size_t t = 0; t < ring->n_tokens; t++) {
        if (!arc_is_proven(doc, ring->tokens[t].point, ended))
            return 0;
    }
    return 1;
}

int scan_is_complete(const struct scan *s)
{
    struct ended ended;
    const struct ringdoc *doc = s->doc;
    size_t missing = note_ended(s, doc->ring, ended.now);
    if (doc->before)
        missing += note_ended(s, doc->before, ended.before);
    if (missing == 0)
        return 1;
    return arcs_are_proven(doc, doc->ring, &ended) && (!doc->before || arcs_are_proven(doc, doc->before, &ended));
}
