/* The census (lib/wire/member.h): what each node counts of the courses of which it is the first living owner, from the catalog and from what its neighbours told at the
 * last look. A dead owner's copies count as missing; so do those of a living one whose records are not ours, as far as it says what it has. */
#include "node/entropy_inside.h"

#include "lib/base/clock.h"

#include <string.h>

struct count {
    const struct entropy *e;
    uint64_t now_ms;
    struct member_census census;
};

/* How many of a course's live versions an owner lacks. *has_current: it has the bytes of the current one. A difference that a look saw for the first time is mostly an
 * upload on its way. */
static uint64_t lacks(const struct count *c, const struct catalog_course *course, long owner, int *has_current)
{
    const struct entropy *e = c->e;
    if (owner == e->self) {
        *has_current = course->current_here;
        return course->live - course->here;
    }
    const struct entropy_neighbour *n = &e->neighbours[owner];
    const struct entropy_fact *fact = n->lives ? entropy_fact_find(&n->facts, course->key) : NULL;
    *has_current = n->lives && (!fact || fact->current);
    if (!n->lives)
        return course->live;
    int counts = fact && (fact->looks >= ENTROPY_LASTING_LOOKS || c->now_ms < n->fresh_ms);
    return !counts || fact->here >= course->live ? 0 : course->live - fact->here;
}

static int is_first_living(const struct entropy *e, const struct catalog_course *course)
{
    for (uint32_t i = 0; i < course->n_owners; i++) {
        if (course->owners[i] == e->self)
            return 1;
        if (e->neighbours[course->owners[i]].lives)
            return 0;
    }
    return 0;
}

static void count_course(void *ctx, const struct catalog_ring *ring, const struct catalog_course *course)
{
    struct count *c = ctx;
    if (ring->serial != c->e->serial || course->digest == 0 || !is_first_living(c->e, course))
        return;
    uint64_t missing = 0;
    int readable = !course->is_live;
    for (uint32_t i = 0; i < course->n_owners; i++) {
        int has_current;
        missing += lacks(c, course, course->owners[i], &has_current);
        readable |= has_current;
    }
    c->census.courses++;
    c->census.missing += missing;
    c->census.below_k += missing > 0;
    c->census.unreadable += !readable;
}

/* Nothing is told before each living neighbour was looked at: what it lacks is not known. */
static int is_ready(const struct entropy *e)
{
    for (size_t i = 0; i < e->n; i++)
        if ((long)i != e->self && e->neighbours[i].lives && e->neighbours[i].courses > 0 && !e->neighbours[i].known)
            return 0;
    return e->serial != 0;
}

void census_count(struct entropy *e)
{
    struct count c = {.e = e, .now_ms = clock_boot_ms()};
    if (!is_ready(e)) {
        /* What was counted before stands a little longer: better an old number than none. */
        return;
    }
    catalog_each(e->catalog, CATALOG_BUCKETS, count_course, &c);
    c.census.known = 1;
    e->census = c.census;
}
