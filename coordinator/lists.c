#include "coordinator/lists.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 16u

void lists_init(struct lists *l)
{
    *l = (struct lists){.n = 0};
}

void lists_release(struct lists *l)
{
    free(l->at);
    lists_init(l);
}

void lists_away(struct lists *l)
{
    l->is_known = 0;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct lists_reading *)a)->id, ((const struct lists_reading *)b)->id);
}

/* The place of this id, or where it would be. */
static size_t place_of(const struct lists *l, const char *id)
{
    size_t low = 0, high = l->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(l->at[middle].id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct lists_one *find(const struct lists *l, const char *id)
{
    size_t place = place_of(l, id);
    return place < l->n && strcmp(l->at[place].id, id) == 0 ? &l->at[place] : NULL;
}

/* How much silence this reading adds to whoever is silent in it. */
static uint64_t time_since(const struct lists *l, uint64_t now_ms, int is_deaf)
{
    uint64_t dt_ms = now_ms - l->read_ms;
    return is_deaf || !l->is_known || dt_ms > LISTS_GAP_MS ? 0 : dt_ms;
}

enum err lists_read(struct lists *l, struct lists_reading *read, size_t n, uint64_t now_ms, int is_deaf)
{
    uint64_t dt_ms = time_since(l, now_ms, is_deaf);
    struct lists_one *at = malloc((n + 1) * sizeof *at);
    if (!at) {
        lists_away(l);
        return ERR_NOMEM;
    }
    if (n > 0)
        qsort(read, n, sizeof *read, by_id);
    for (size_t i = 0; i < n; i++) {
        const struct lists_one *before = find(l, read[i].id);
        at[i] = (struct lists_one){.silent_ms = read[i].lives || !before ? 0 : before->silent_ms + dt_ms};
        memcpy(at[i].id, read[i].id, sizeof at[i].id);
        memcpy(at[i].digest, read[i].digest, sizeof at[i].digest);
    }
    free(l->at);
    l->at = at;
    l->n = n;
    l->cap = n + 1;
    l->is_known = 1;
    l->read_ms = now_ms;
    return ERR_OK;
}

/* Makes room for one more at this place. */
static struct lists_one *insert(struct lists *l, size_t place)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : FIRST_CAP;
        struct lists_one *at = realloc(l->at, cap * sizeof *at);
        if (!at)
            return NULL;
        l->at = at;
        l->cap = cap;
    }
    memmove(l->at + place + 1, l->at + place, (l->n - place) * sizeof *l->at);
    l->n++;
    return &l->at[place];
}

void lists_set(struct lists *l, const char *id, const char *digest)
{
    struct lists_one *one = find(l, id);
    if (!one) {
        one = insert(l, place_of(l, id));
        if (!one) {
            lists_away(l); /* better nothing than something wrong, until the next reading */
            return;
        }
        *one = (struct lists_one){.silent_ms = 0};
        strncpy(one->id, id, sizeof one->id - 1);
    }
    one->is_doubtful = digest == NULL;
    one->silent_ms = 0; /* somebody told it just now */
    if (digest)
        strncpy(one->digest, digest, sizeof one->digest - 1);
}

void lists_remove(struct lists *l, const char *id)
{
    struct lists_one *one = find(l, id);
    if (!one)
        return;
    size_t after = l->n - (size_t)(one - l->at) - 1;
    memmove(one, one + 1, after * sizeof *one);
    l->n--;
}

const char *lists_digest(const struct lists *l, const char *id)
{
    const struct lists_one *one = find(l, id);
    if (!l->is_known || (one && one->is_doubtful))
        return NULL;
    return one ? one->digest : "";
}

const struct lists_one *lists_silent(const struct lists *l)
{
    for (size_t i = 0; i < l->n; i++) {
        if (l->at[i].silent_ms >= LISTS_FORGET_MS)
            return &l->at[i];
    }
    return NULL;
}
