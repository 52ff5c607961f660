#include "fcgi/service/survey.h"

#include "fcgi/service/picture.h"
#include "fcgi/service/tally.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Above this many tokens the arcs are not looked at one by one: with so many nodes the question is answered for the worst case. */
#define EXACT_TOKENS_MAX 65536u
#define NAMED_MAX 6 /* nodes a sentence names */
#define SKEW_TOLD_MS 5000

const char *survey_index_name(enum survey_index i)
{
    switch (i) {
    case SURVEY_INDEX_AWAY: return "away";
    case SURVEY_INDEX_REBUILDING: return "rebuilding";
    case SURVEY_INDEX_READY: return "ready";
    }
    return "away";
}

void survey_shares(const struct ring *r, double *out)
{
    uint64_t before = r->tokens[r->n_tokens - 1].point;
    memset(out, 0, r->n_members * sizeof(*out));
    for (size_t i = 0; i < r->n_tokens; i++) {
        out[r->tokens[i].member] += (double)(r->tokens[i].point - before) * 0x1p-64;
        before = r->tokens[i].point;
    }
}

/* ---- arcs */

static int is_up(const struct members *m, const char *id)
{
    const struct member *node = picture_node(m, id);
    return node != NULL && node->alive;
}

static size_t count_away(const struct members *m, const struct ring *r)
{
    size_t away = 0;
    for (size_t i = 0; i < r->n_members; i++)
        away += !is_up(m, r->members[i].id);
    return away;
}

/* What some arc of the document comes to when the living nodes are all that answer. */
struct arcs {
    int writable; /* each has a write quorum */
    int heard;    /* each has somebody */
};

/* Looks at every place where a token of this ring begins. */
static void look_at(const struct members *m, const struct ring *r, struct arcs *out)
{
    struct owners o;
    for (size_t i = 0; i < r->n_tokens && (out->writable || out->heard); i++) {
        struct tally up = {.has = {0}};
        owners_find(m->ring, r->tokens[i].point, &o);
        for (size_t j = 0; j < o.n; j++)
            up.has[j] = (unsigned char)is_up(m, o.at[j].member->id);
        out->writable &= tally_writes(&o, &up);
        out->heard &= tally_count(&up) > 0;
    }
}

/* Conservative first: when no more nodes are away than any course can spare, no arc has to be looked at. */
static struct arcs look(const struct members *m)
{
    const struct ring *now = m->ring->ring, *before = m->ring->before;
    size_t away = count_away(m, now), away_before = before == NULL ? 0 : count_away(m, before);
    struct arcs all = {1, 1};
    if (away <= ring_k_effective(now) - ring_quorum(now) &&
        (before == NULL || away_before <= ring_k_effective(before) - ring_quorum(before)))
        return all;
    if (now->n_tokens + (before == NULL ? 0 : before->n_tokens) > EXACT_TOKENS_MAX)
        return (struct arcs){0, away < ring_k_effective(now)};
    look_at(m, now, &all);
    if (before != NULL)
        look_at(m, before, &all);
    return all;
}

/* ---- copies and moves */

static void count_copies(const struct members *m, struct survey *out)
{
    for (size_t i = 0; i < m->n_nodes; i++) {
        const struct member *n = &m->nodes[i];
        if (!n->alive || !n->stores || !ringdoc_names(m->ring, n->id))
            continue;
        out->counted &= n->census.known;
        out->copies_missing += n->census.missing;
        out->courses_below_k += n->census.below_k;
        out->courses_unreadable += n->census.unreadable;
    }
}

static void add_move(struct survey *out, const char *from, const char *to, uint64_t done, uint64_t total)
{
    struct survey_move *move = NULL;
    for (size_t i = 0; i < out->n_moves; i++)
        if (strcmp(out->moves[i].from, from) == 0 && strcmp(out->moves[i].to, to) == 0)
            move = &out->moves[i];
    if (move == NULL && out->n_moves == SURVEY_MOVES_MAX)
        return;
    if (move == NULL) {
        move = &out->moves[out->n_moves++];
        snprintf(move->from, sizeof(move->from), "%s", from);
        snprintf(move->to, sizeof(move->to), "%s", to);
    }
    move->done += done;
    move->total += total;
}

static int most_to_do(const void *a, const void *b)
{
    const struct survey_move *x = a, *y = b;
    uint64_t left_x = x->total - x->done, left_y = y->total - y->done;
    return left_x != left_y ? (left_x > left_y ? -1 : 1) : strcmp(x->to, y->to);
}

/* Only what belongs to the change under way. */
static void add_moves(const struct members *m, struct survey *out)
{
    if (!ringdoc_is_joint(m->ring))
        return;
    for (size_t i = 0; i < m->n_nodes; i++) {
        const struct member_move *move = &m->nodes[i].move;
        if (move->epoch != m->ring->ring->epoch)
            continue;
        out->bytes_to_move += move->bytes_total > move->bytes_done ? move->bytes_total - move->bytes_done : 0;
        for (size_t j = 0; j < move->n_pairs; j++) {
            uint64_t total = move->pairs[j].total, done = move->pairs[j].done;
            add_move(out, move->pairs[j].from, move->pairs[j].to, done < total ? done : total, total);
        }
    }
    if (out->n_moves > 0)
        qsort(out->moves, out->n_moves, sizeof(*out->moves), most_to_do);
}

/* ---- what people should know */

__attribute__((format(printf, 2, 3))) static void warn(struct survey *out, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    if (out->n_warnings < SURVEY_WARNINGS_MAX)
        vsnprintf(out->warnings[out->n_warnings++], SURVEY_SENTENCE_MAX, format, ap);
    va_end(ap);
}

/* Two members may keep copies of one file unless zones keep them apart. */
static int can_share(const struct ring *r, uint32_t a, uint32_t b)
{
    return r->zone_of[a] != r->zone_of[b] || r->n_zones < ring_k_effective(r);
}

/* "node-1, node-2 and node-3", at most NAMED_MAX of them. */
static void name_nodes(const struct ring *r, const uint32_t *at, size_t n, char *out, size_t size)
{
    size_t shown = n <= NAMED_MAX ? n : NAMED_MAX, len = 0;
    for (size_t i = 0; i < shown && len < size; i++)
        len += (size_t)snprintf(out + len, size - len, "%s%s", i == 0 ? "" : i + 1 == n ? " and " : ", ", r->members[at[i]].name);
    if (shown < n && len < size)
        snprintf(out + len, size - len, " and %zu more", n - shown);
}

/* Where a node says it is; "" when it does not. */
static const char *place_of(const struct members *m, uint32_t member, int volume)
{
    const struct member *node = picture_node(m, m->ring->ring->members[member].id);
    return node == NULL ? "" : volume ? node->volume : node->machine;
}

/* Tells of the first group of members that are at one place and can keep copies of one file. Returns whether there was one. */
static int warn_of_places(const struct members *m, int volume, struct survey *out)
{
    const struct ring *r = m->ring->ring;
    char names[256];
    for (uint32_t i = 0; i < r->n_members && ring_k_effective(r) > 1; i++) {
        const char *place = place_of(m, i, volume);
        uint32_t group[NAMED_MAX + 1];
        size_t n = 0, shares = 0;
        for (uint32_t j = i; j < r->n_members && *place != '\0'; j++) {
            if (strcmp(place_of(m, j, volume), place) != 0)
                continue;
            shares += j != i && can_share(r, i, j);
            if (n < NAMED_MAX + 1)
                group[n++] = j;
        }
        if (shares == 0)
            continue;
        name_nodes(r, group, n, names, sizeof(names));
        warn(out,
            volume ? "Copies of one file can lie on one file system: that of %s." : "Copies of one file can be on one machine: that of %s.",
            names);
        return 1;
    }
    return 0;
}

static void warn_of_zones(const struct members *m, struct survey *out)
{
    const struct ring *r = m->ring->ring;
    int named = 0;
    for (size_t i = 0; i < r->n_members; i++)
        named |= r->members[i].zone[0] != '\0';
    if (named && r->n_zones < ring_k_effective(r))
        warn(out, "There %s %" PRIu32 " zone%s for %" PRIu32 " copies: some files have two copies in one zone.",
            r->n_zones == 1 ? "is" : "are", r->n_zones, r->n_zones == 1 ? "" : "s", ring_k_effective(r));
}

static void warn_of_clock(struct survey *out, const char *whose, int64_t ahead_ms)
{
    uint64_t s = (uint64_t)(ahead_ms < 0 ? -ahead_ms : ahead_ms) / 1000;
    warn(out, "The clock of %s is %" PRIu64 " s %s.", whose, s, ahead_ms < 0 ? "behind" : "ahead");
}

static int is_told(int64_t ms)
{
    return ms > SKEW_TOLD_MS || ms < -SKEW_TOLD_MS;
}

/* What nodes that live were heard of last is half a second old at most. */
static int64_t date_heartbeats(const struct members *m, const struct survey_clocks *clocks)
{
    uint64_t newest = 0;
    for (size_t i = 0; i < m->n_nodes; i++)
        if (m->nodes[i].alive && m->nodes[i].heartbeat_at_ms > newest)
            newest = m->nodes[i].heartbeat_at_ms;
    int64_t ahead = newest == 0 || clocks->heard_at_ms == 0 ? 0 : (int64_t)(newest - clocks->heard_at_ms);
    return is_told(ahead) ? ahead : 0;
}

/* When most nodes differ from us, and alike, it is our clock that is wrong. */
static void judge_clocks(const struct members *m, const struct survey_clocks *clocks, struct survey *out)
{
    size_t nodes = 0, off = 0;
    int64_t some = 0;
    for (size_t i = 0; i < m->n_nodes; i++) {
        if (!m->nodes[i].alive || !m->nodes[i].stores)
            continue;
        int64_t ahead = clocks->ahead_ms(clocks->ctx, m->nodes[i].id);
        nodes++;
        if (is_told(ahead) && (off == 0 || !is_told(ahead - some))) {
            some = off == 0 ? ahead : some;
            off++;
        }
    }
    if (off * 2 > nodes)
        out->skew_ms = some;
    if (is_told(out->skew_ms))
        warn_of_clock(out, "this api", -out->skew_ms);
    else if (clocks->rebased)
        warn(out, "The clock of this api is too far ahead: it stamps versions by the owners' time.");
    for (size_t i = 0; i < m->n_nodes; i++) {
        int64_t ahead = m->nodes[i].alive && m->nodes[i].stores ? clocks->ahead_ms(clocks->ctx, m->nodes[i].id) - out->skew_ms : 0;
        if (is_told(ahead) && clocks->ahead_ms(clocks->ctx, m->nodes[i].id) != 0)
            warn_of_clock(out, m->nodes[i].name, ahead);
    }
}

void survey_make(const struct members *m, const struct survey_clocks *clocks, struct survey *out)
{
    memset(out, 0, sizeof(*out));
    if (m->ring == NULL)
        return;
    struct arcs arcs = look(m);
    out->ready = arcs.writable;
    out->counted = arcs.heard;
    count_copies(m, out);
    add_moves(m, out);
    /* Who shares a file system shares the machine too. */
    if (!warn_of_places(m, 1, out))
        warn_of_places(m, 0, out);
    warn_of_zones(m, out);
    out->heartbeats_ahead_ms = date_heartbeats(m, clocks);
    judge_clocks(m, clocks, out);
}
