#include "lib/wire/history.h"

#include "lib/base/num.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 8

struct fact {
    uint64_t version; /* 0: not shown */
    int superseded;   /* a newer attempt of the same upload is there */
    int removed;      /* a version that a tombstone of one version names */
    int live;
};

/* What follows from the set. Memory for it is taken when records are added, so that working it out cannot fail. */
struct history_view {
    int fresh; /* agrees with the entries */
    uint64_t live_count;
    size_t current;     /* index */
    struct fact *facts; /* one for each entry */
    uint32_t *order;    /* scratch: entry indexes, sorted by attempts */
};

void history_init(struct history *h)
{
    *h = (struct history){0};
}

void history_release(struct history *h)
{
    for (size_t i = 0; i < h->n; i++)
        record_release(&h->entries[i].record);
    if (h->view) {
        free(h->view->facts);
        free(h->view->order);
    }
    free(h->view);
    free(h->entries);
    history_init(h);
}

/* ---- the set */

/* Index of the first entry whose stamp is at least id. */
static size_t place_of(const struct history *h, struct stamp id)
{
    /* Records mostly come oldest first. */
    if (h->n == 0 || stamp_cmp(h->entries[h->n - 1].record.id, id) < 0)
        return h->n;
    size_t low = 0, high = h->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (stamp_cmp(h->entries[middle].record.id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int is_at(const struct history *h, size_t i, struct stamp id)
{
    return i < h->n && stamp_cmp(h->entries[i].record.id, id) == 0;
}

/* Room for one more entry and for all that follows from it. */
static enum err make_room(struct history *h)
{
    if (h->n >= HISTORY_RECORDS_MAX)
        return ERR_TOO_LARGE;
    if (h->n < h->cap)
        return ERR_OK;
    size_t cap = h->cap ? h->cap * 2 : FIRST_CAP;
    if (!h->view)
        h->view = calloc(1, sizeof(*h->view));
    if (!h->view)
        return ERR_NOMEM;
    struct fact *facts = reallocarray(h->view->facts, cap, sizeof(facts[0]));
    if (!facts)
        return ERR_NOMEM;
    h->view->facts = facts;
    uint32_t *order = reallocarray(h->view->order, cap, sizeof(order[0]));
    if (!order)
        return ERR_NOMEM;
    h->view->order = order;
    struct history_entry *entries = reallocarray(h->entries, cap, sizeof(entries[0]));
    if (!entries)
        return ERR_NOMEM;
    h->entries = entries;
    h->cap = cap; /* last: what grew before a failure is only larger than it need be */
    return ERR_OK;
}

/* Adds a record that `seen` owners showed, `direct_seen` of them as taken by STORE. */
static enum err add(struct history *h, const struct record *r, int direct, unsigned seen, unsigned direct_seen)
{
    size_t i = place_of(h, r->id);
    if (is_at(h, i, r->id)) {
        h->entries[i].seen += seen;
        h->entries[i].direct_seen += direct_seen;
        return ERR_OK;
    }
    struct history_entry entry = {.direct = direct != 0, .seen = seen, .direct_seen = direct_seen};
    enum err e = make_room(h);
    if (!e)
        e = record_copy(&entry.record, r);
    if (e)
        return e;
    memmove(&h->entries[i + 1], &h->entries[i], (h->n - i) * sizeof(h->entries[0]));
    h->entries[i] = entry;
    h->n++;
    h->view->fresh = 0;
    return ERR_OK;
}

enum err history_add(struct history *h, const struct record *r, int direct)
{
    return add(h, r, direct, 1, direct != 0);
}

enum err history_merge(struct history *into, const struct history *from)
{
    for (size_t i = 0; i < from->n; i++) {
        const struct history_entry *entry = &from->entries[i];
        enum err e = add(into, &entry->record, entry->direct, entry->seen, entry->direct_seen);
        if (e)
            return e;
    }
    return ERR_OK;
}

const struct history_entry *history_find(const struct history *h, struct stamp id)
{
    size_t i = place_of(h, id);
    return is_at(h, i, id) ? &h->entries[i] : NULL;
}

const struct history_entry *history_find_upload(const struct history *h, const char *upload)
{
    for (size_t i = h->n; i > 0; i--) {
        if (strcmp(h->entries[i - 1].record.upload, upload) == 0)
            return &h->entries[i - 1];
    }
    return NULL;
}

void history_digest(const struct history *h, char out[HASH_HEX_SIZE])
{
    struct hash_ctx *hash = hash_new();
    if (!hash)
        abort(); /* as all of hash.h does without memory */
    for (size_t i = 0; i < h->n; i++) {
        uint8_t id[STAMP_BYTES];
        stamp_bytes(h->entries[i].record.id, id);
        hash_add(hash, id, sizeof(id));
    }
    uint8_t digest[HASH_SIZE];
    hash_end(hash, digest);
    hash_free(hash);
    num_hex(digest, sizeof(digest), out);
}

/* ---- what follows from the set */

static const struct record *record_at(const struct history *h, size_t i)
{
    return &h->entries[i].record;
}

static int removes_one(const struct record *r)
{
    return r->kind == RECORD_DELETE && !stamp_is_zero(r->of);
}

static int removes_all(const struct record *r)
{
    return r->kind == RECORD_DELETE && stamp_is_zero(r->of);
}

/* Orders records so that attempts of one thing stand side by side: versions of one upload, or deletes of one upload and one target. */
static int compare_attempts(const struct record *a, const struct record *b)
{
    int order = strcmp(a->upload, b->upload);
    if (order == 0)
        order = record_is_tombstone(a) - record_is_tombstone(b);
    if (order == 0 && record_is_tombstone(a))
        order = stamp_cmp(a->of, b->of);
    return order;
}

static int compare_attempts_then_age(const void *a, const void *b, void *ctx)
{
    const struct history *h = *(const struct history *const *)ctx;
    const struct record *x = record_at(h, *(const uint32_t *)a), *y = record_at(h, *(const uint32_t *)b);
    int order = compare_attempts(x, y);
    return order ? order : stamp_cmp(x->id, y->id);
}

static void mark_superseded(const struct history *h)
{
    uint32_t *order = h->view->order;
    for (size_t i = 0; i < h->n; i++)
        order[i] = (uint32_t)i;
    qsort_r(order, h->n, sizeof(order[0]), compare_attempts_then_age, &h);
    for (size_t i = 0; i + 1 < h->n; i++) {
        if (compare_attempts(record_at(h, order[i]), record_at(h, order[i + 1])) == 0)
            h->view->facts[order[i]].superseded = 1;
    }
}

/* A delete keeps its effect when a newer attempt of it supersedes it: what was deleted stays deleted. */
static void mark_removed(const struct history *h)
{
    for (size_t i = 0; i < h->n; i++) {
        const struct record *r = record_at(h, i);
        size_t of = removes_one(r) ? place_of(h, r->of) : h->n;
        if (of < h->n && is_at(h, of, r->of) && !record_is_tombstone(record_at(h, of)))
            h->view->facts[of].removed = 1;
    }
}

/* True when record i may be the current one: a delete of everything, or a version that nothing took out of the choice. */
static int is_candidate(const struct history *h, size_t i)
{
    const struct record *r = record_at(h, i);
    const struct fact *f = &h->view->facts[i];
    return removes_all(r) || (!record_is_tombstone(r) && !f->removed && !f->superseded);
}

/* The newest candidate. Without one, all versions were removed one by one: the newest of those deletes, so that the course reads as deleted. */
static size_t find_current(const struct history *h)
{
    for (size_t i = h->n; i > 0; i--) {
        if (is_candidate(h, i - 1))
            return i - 1;
    }
    for (size_t i = h->n; i > 0; i--) {
        if (record_is_tombstone(record_at(h, i - 1)))
            return i - 1;
    }
    return h->n - 1; /* not reached: a version is only out of the choice by a tombstone, or by a newer attempt for which the same holds */
}

static const struct history_view *view_of(const struct history *h)
{
    struct history_view *view = h->view;
    if (view->fresh)
        return view;
    memset(view->facts, 0, h->n * sizeof(view->facts[0]));
    mark_superseded(h);
    mark_removed(h);
    size_t covered = 0; /* entries before this index are covered by a delete of everything */
    for (size_t i = 0; i < h->n; i++) {
        if (removes_all(record_at(h, i)))
            covered = i;
    }
    uint64_t version = 0;
    view->live_count = 0;
    for (size_t i = 0; i < h->n; i++) {
        struct fact *f = &view->facts[i];
        f->version = f->superseded ? 0 : ++version;
        f->live = i >= covered && !record_is_tombstone(record_at(h, i)) && is_candidate(h, i);
        view->live_count += (uint64_t)f->live;
    }
    view->current = find_current(h);
    view->fresh = 1;
    return view;
}

const struct record *history_current(const struct history *h)
{
    return h->n ? record_at(h, view_of(h)->current) : NULL;
}

int history_is_live(const struct history *h, size_t i)
{
    assert(i < h->n);
    return view_of(h)->facts[i].live;
}

int history_is_erased(const struct history *h, size_t i)
{
    assert(i < h->n);
    struct stamp id = h->entries[i].record.id;
    for (size_t j = 0; j < h->n; j++) {
        const struct record *t = &h->entries[j].record;
        if (t->erase && (stamp_is_zero(t->of) ? stamp_cmp(t->id, id) > 0 : stamp_cmp(t->of, id) == 0))
            return 1;
    }
    return 0;
}

int history_is_shown(const struct history *h, size_t i)
{
    return history_version(h, i) != 0;
}

uint64_t history_version(const struct history *h, size_t i)
{
    assert(i < h->n);
    return view_of(h)->facts[i].version;
}

uint64_t history_live_count(const struct history *h)
{
    return h->n ? view_of(h)->live_count : 0;
}

enum err history_find_version(const struct history *h, const char *version, size_t *at)
{
    struct stamp id;
    uint64_t number = 0;
    int by_id = stamp_parse(version, &id) == ERR_OK;
    if (!by_id && num_parse_u64(version, HISTORY_RECORDS_MAX, &number) != ERR_OK)
        return ERR_NOT_FOUND;
    for (size_t i = 0; i < h->n; i++) {
        int same = by_id ? stamp_cmp(h->entries[i].record.id, id) == 0 : number > 0 && history_version(h, i) == number;
        if (same && history_is_shown(h, i)) {
            *at = i;
            return ERR_OK;
        }
    }
    return ERR_NOT_FOUND;
}
