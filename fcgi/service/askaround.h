/* The ring by the nodes' own word, for when an owner speaks of one that neither Redis nor a coordinator shows yet: between its installation and its publication, and for as
 * long as both are away. */
#ifndef RB_FCGI_SERVICE_ASKAROUND_H
#define RB_FCGI_SERVICE_ASKAROUND_H

#include "lib/peer/peer.h"
#include "lib/store/members.h"

/* What one node said. */
struct askaround_word {
    const char *id;             /* borrowed */
    const struct ringdoc *ring; /* borrowed; NULL: nothing */
};

/* The place of the newest document above `epoch` that a quorum of it (protocol.md P1) has on disk under one ballot, and so is committed; -1: there is none. One node's word is
 * not enough: its document may have been overtaken by another of the same number. Pure. */
long askaround_judge(const struct askaround_word *words, size_t n, uint64_t epoch);

/* Asks the storing nodes of a picture, at most PEER_CALLS_MAX. *out is the caller's. ERR_NOT_FOUND: no quorum shows a newer ring than the picture's; ERR_NOMEM. */
enum err askaround_ring(struct peer *p, const struct members *known, unsigned timeout_ms, struct ringdoc **out) MUST_CHECK;

#endif
