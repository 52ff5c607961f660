/* The Chord view of the ring: seats, predecessors, successors, finger tables, and lookups by them (lib/ring/fingers.h). For showing; data take one hop. */
#ifndef RB_FCGI_SERVICE_CHORD_H
#define RB_FCGI_SERVICE_CHORD_H

#include "fcgi/service/view.h"
#include "lib/ring/fingers.h"

struct chord {
    const struct view *view;
    const struct ring *ring; /* the owners now */
    struct fingers *fingers;
};

/* Seats the ring of the newest view. ERR_UNAVAILABLE: no ring known; ERR_NOMEM. */
enum err chord_open(struct worker *w, struct chord *out) MUST_CHECK;
void chord_close(struct worker *w, struct chord *c);

/* The member with this name or id; -1: none. */
long chord_find(const struct chord *c, const char *node);
/* The table of a member. */
void chord_table(const struct chord *c, uint32_t member, struct fingers_table *out);
/* The members that a lookup for the course reaches from a member on, the last is its host. Returns how many; 0: it is the host itself. */
size_t chord_route(const struct chord *c, uint32_t from, const char *key, uint32_t hops[FINGERS_HOPS_MAX]);

#endif
