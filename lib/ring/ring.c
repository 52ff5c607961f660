#include "lib/ring/ring.h"

#include "lib/base/hash.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INCARNATION_MAX 31

static int is_lower_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* True when the first len bytes are a valid node name. */
static int name_ok(const char *name, size_t len)
{
    if (len == 0 || len >= RING_NAME_MAX || name[0] < 'a' || name[0] > 'z')
        return 0;
    for (size_t i = 0; i < len; i++) {
        if (!is_lower_or_digit(name[i]) && name[i] != '-')
            return 0;
    }
    return 1;
}

int ring_name_ok(const char *name)
{
    return name_ok(name, strlen(name));
}

int ring_id_ok(const char *id)
{
    const char *dot = strchr(id, '.');
    if (!dot || !name_ok(id, (size_t)(dot - id)))
        return 0;
    size_t n = strlen(dot + 1);
    if (n == 0 || n > INCARNATION_MAX)
        return 0;
    for (size_t i = 0; i < n; i++) {
        if (!is_lower_or_digit(dot[1 + i]))
            return 0;
    }
    return 1;
}

/* True when text fits into `size` bytes with its NUL. */
static int ends_within(const char *text, size_t size)
{
    return strnlen(text, size) < size;
}

static int zone_ok(const char *zone)
{
    for (; *zone; zone++) {
        char c = *zone;
        if (!is_lower_or_digit(c) && !(c >= 'A' && c <= 'Z') && c != '.' && c != '_' && c != '-')
            return 0;
    }
    return 1;
}

static int member_ok(const struct ring_member *m)
{
    if (!ends_within(m->id, sizeof(m->id)) || !ends_within(m->name, sizeof(m->name)) || !ends_within(m->zone, sizeof(m->zone)))
        return 0;
    size_t len = strlen(m->name);
    return ring_id_ok(m->id) && strncmp(m->id, m->name, len) == 0 && m->id[len] == '.' && zone_ok(m->zone) && m->weight >= 1 &&
           m->weight <= RING_WEIGHT_MAX;
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp(((const struct ring_member *)a)->id, ((const struct ring_member *)b)->id);
}

static int compare_tokens(const void *a, const void *b)
{
    const struct ring_token *x = a, *y = b;
    if (x->point != y->point)
        return x->point < y->point ? -1 : 1;
    return x->member < y->member ? -1 : x->member > y->member;
}

/* True when two members share a name, as they do when they share an id. Half a million comparisons for the largest ring: it is made seldom. */
static int has_doubles(const struct ring *r)
{
    for (size_t i = 0; i < r->n_members; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(r->members[i].name, r->members[j].name) == 0)
                return 1;
        }
    }
    return 0;
}

static void number_zones(struct ring *r)
{
    for (uint32_t i = 0; i < r->n_members; i++) {
        uint32_t same = 0;
        while (same < i && (r->members[i].zone[0] == '\0' || strcmp(r->members[i].zone, r->members[same].zone) != 0))
            same++;
        r->zone_of[i] = same < i ? r->zone_of[same] : r->n_zones++;
    }
}

static void fill_tokens(struct ring *r)
{
    size_t n = 0;
    for (uint32_t m = 0; m < r->n_members; m++) {
        for (uint32_t i = 0; i < r->members[m].weight * RING_TOKENS_PER_WEIGHT; i++)
            r->tokens[n++] = (struct ring_token){.point = ring_token_point(r->members[m].name, i), .member = m};
    }
    assert(n == r->n_tokens);
    qsort(r->tokens, n, sizeof(r->tokens[0]), compare_tokens);
}

/* A ring of so many members and tokens, with nothing in it. */
static enum err make_room(size_t n_members, size_t n_tokens, struct ring **out)
{
    struct ring *r = calloc(1, sizeof(*r));
    if (!r)
        return ERR_NOMEM;
    *r = (struct ring){.n_members = n_members, .n_tokens = n_tokens};
    r->members = malloc(n_members * sizeof(r->members[0]));
    r->zone_of = calloc(n_members, sizeof(r->zone_of[0]));
    r->tokens = malloc(n_tokens * sizeof(r->tokens[0]));
    if (!r->members || !r->zone_of || !r->tokens) {
        ring_free(r);
        return ERR_NOMEM;
    }
    *out = r;
    return ERR_OK;
}

enum err ring_copy(const struct ring *from, uint64_t epoch, struct ring **out)
{
    struct ring *r;
    enum err e = make_room(from->n_members, from->n_tokens, &r);
    if (e)
        return e;
    r->epoch = epoch;
    r->k = from->k;
    r->n_zones = from->n_zones;
    memcpy(r->members, from->members, from->n_members * sizeof(r->members[0]));
    memcpy(r->zone_of, from->zone_of, from->n_members * sizeof(r->zone_of[0]));
    memcpy(r->tokens, from->tokens, from->n_tokens * sizeof(r->tokens[0]));
    *out = r;
    return ERR_OK;
}

enum err ring_new(const struct ring_member *members, size_t n, uint32_t k, uint64_t epoch, struct ring **out)
{
    if (n == 0 || n > RING_MEMBERS_MAX || k == 0 || k > RING_K_MAX)
        return ERR_INVALID;
    size_t weight = 0;
    for (size_t i = 0; i < n; i++) {
        if (!member_ok(&members[i]))
            return ERR_INVALID;
        weight += members[i].weight;
    }
    struct ring *r;
    enum err e = make_room(n, weight * RING_TOKENS_PER_WEIGHT, &r);
    if (e)
        return e;
    r->epoch = epoch;
    r->k = k;
    memcpy(r->members, members, n * sizeof(r->members[0]));
    qsort(r->members, n, sizeof(r->members[0]), compare_ids);
    if (has_doubles(r)) {
        ring_free(r);
        return ERR_INVALID;
    }
    number_zones(r);
    fill_tokens(r);
    *out = r;
    return ERR_OK;
}

void ring_free(struct ring *r)
{
    if (!r)
        return;
    free(r->members);
    free(r->zone_of);
    free(r->tokens);
    free(r);
}

uint64_t ring_token_point(const char *name, uint32_t i)
{
    char text[RING_NAME_MAX + 12];
    int n = snprintf(text, sizeof(text), "%s:%u", name, (unsigned)i);
    assert(n > 0 && (size_t)n < sizeof(text));
    return hash_ring_point(text, (size_t)n);
}

uint64_t ring_key_point(const char *key)
{
    return hash_ring_point(key, strlen(key));
}

/* Index of the first token at or after the point, clockwise: past the last one the ring begins again. */
static size_t first_token(const struct ring *r, uint64_t point)
{
    size_t low = 0, high = r->n_tokens;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (r->tokens[middle].point < point)
            low = middle + 1;
        else
            high = middle;
    }
    return low < r->n_tokens ? low : 0;
}

/* What the walk does with a member, given the owners so far. */
static enum ring_step_kind judge(const struct ring *r, const uint32_t *owners, size_t n, uint32_t member)
{
    enum ring_step_kind kind = RING_STEP_OWNER;
    for (size_t i = 0; i < n; i++) {
        if (owners[i] == member)
            return RING_STEP_SAME_NODE;
        if (r->zone_of[owners[i]] == r->zone_of[member])
            kind = RING_STEP_SAME_ZONE;
    }
    return kind;
}

/* Owners that the first round can find: one a zone. */
static size_t first_round_size(const struct ring *r)
{
    uint32_t k = ring_k_effective(r);
    return k < r->n_zones ? k : r->n_zones;
}

/* One round over the ring from the point: takes members of new zones (or, when any_zone, any new member) until there are `want` owners. */
static size_t walk_round(const struct ring *r, size_t start, int any_zone, uint32_t *owners, size_t n, size_t want)
{
    for (size_t i = 0; i < r->n_tokens && n < want; i++) {
        uint32_t member = r->tokens[(start + i) % r->n_tokens].member;
        enum ring_step_kind kind = judge(r, owners, n, member);
        if (kind == RING_STEP_OWNER || (any_zone && kind == RING_STEP_SAME_ZONE))
            owners[n++] = member;
    }
    assert(n == want); /* every member has tokens */
    return n;
}

size_t ring_owners(const struct ring *r, uint64_t point, uint32_t owners[RING_K_MAX])
{
    size_t start = first_token(r, point);
    size_t n = walk_round(r, start, 0, owners, 0, first_round_size(r));
    return walk_round(r, start, 1, owners, n, ring_k_effective(r));
}

uint32_t ring_k_effective(const struct ring *r)
{
    return r->n_members < r->k ? (uint32_t)r->n_members : r->k;
}

uint32_t ring_quorum(const struct ring *r)
{
    return ring_k_effective(r) / 2 + 1;
}

size_t ring_walk(const struct ring *r, uint64_t point, struct ring_step *steps, size_t max)
{
    uint32_t owners[RING_K_MAX];
    size_t start = first_token(r, point), want = first_round_size(r), n_owners = 0, n = 0;
    for (; n < r->n_tokens && n_owners < want; n++) {
        const struct ring_token *t = &r->tokens[(start + n) % r->n_tokens];
        enum ring_step_kind kind = judge(r, owners, n_owners, t->member);
        if (kind == RING_STEP_OWNER)
            owners[n_owners++] = t->member;
        if (n < max)
            steps[n] = (struct ring_step){.point = t->point, .member = t->member, .kind = kind};
    }
    return n;
}

long ring_find(const struct ring *r, const char *id)
{
    size_t low = 0, high = r->n_members;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(r->members[middle].id, id);
        if (order == 0)
            return (long)middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

long ring_find_name(const struct ring *r, const char *name)
{
    for (size_t i = 0; i < r->n_members; i++) {
        if (strcmp(r->members[i].name, name) == 0)
            return (long)i;
    }
    return -1;
}

double ring_share(const struct ring *r, uint32_t member)
{
    double share = 0;
    uint64_t before = r->tokens[r->n_tokens - 1].point;
    for (size_t i = 0; i < r->n_tokens; i++) {
        uint64_t arc = r->tokens[i].point - before; /* the first one wraps around, as unsigned numbers do */
        if (r->tokens[i].member == member)
            share += (double)arc / 18446744073709551616.0;
        before = r->tokens[i].point;
    }
    return share;
}
