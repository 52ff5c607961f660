/* Ring documents and members made up for the coordinator's tests. */
#ifndef RB_TESTS_UNIT_COORDINATOR_RINGS_H
#define RB_TESTS_UNIT_COORDINATOR_RINGS_H

#include "lib/store/members.h"
#include "tests/unit/unit.h"

#include <stdio.h>

/* node-<first> to node-<last>, k = 3, installed under ballot (counter, coordinator). */
static inline struct ringdoc *make_doc(uint64_t epoch, unsigned first, unsigned last, uint64_t counter, const char *coordinator)
{
    struct ring_member members[16] = {0};
    struct ballot b = {.counter = counter, .start = counter ? 5 : 0};
    struct ringdoc *d;
    size_t n = 0;
    for (unsigned i = first; i <= last; i++, n++) {
        snprintf(members[n].id, sizeof members[n].id, "node-%u.%016x", i, i);
        snprintf(members[n].name, sizeof members[n].name, "node-%u", i);
        members[n].weight = 1;
    }
    snprintf(b.coordinator, sizeof b.coordinator, "%s", coordinator);
    assert_ok(ringdoc_new(members, n, 3, epoch, &b, &d));
    return d;
}

static inline struct member make_member(unsigned i)
{
    struct member m = {.weight = 1, .stores = 1};
    snprintf(m.id, sizeof m.id, "node-%u.%016x", i, i);
    snprintf(m.name, sizeof m.name, "node-%u", i);
    snprintf(m.url, sizeof m.url, "http://127.0.0.1:%u", 4000 + i);
    return m;
}

#endif
