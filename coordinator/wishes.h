/* What people wish of the ring and is not done yet: drain, undrain, remove, k. Pure. The leader keeps them in memory and in Redis, so that the next leader finds
 * them; whoever does not lead knows them from Redis alone. One wish a node: a later one takes the place of the earlier. */
#ifndef RB_COORDINATOR_WISHES_H
#define RB_COORDINATOR_WISHES_H

#include "lib/store/members.h"

struct wishes {
    struct members_wishes now;
    unsigned char saved[MEMBERS_WISHES_MAX]; /* Redis has it */
    int k_saved;
    struct members_wishes done; /* fulfilled, and to be taken out of Redis */
};

/* A node's wish. ERR_FULL: MEMBERS_WISHES_MAX others are pending. */
enum err wishes_set(struct wishes *w, const char *id, enum members_wish_kind kind) MUST_CHECK;
void wishes_set_k(struct wishes *w, uint32_t k);

/* What Redis says now. What is not saved yet stays; the rest is as Redis says, but a leader's that Redis lost is to be saved again. */
void wishes_read(struct wishes *w, const struct members_wishes *read, int leading);

/* Drops those that the document fulfils, and remembers in w->done to take them out of Redis. For the leader only. */
void wishes_settle(struct wishes *w, const struct ringdoc *ring);

/* What Redis does not have yet. */
void wishes_unsaved(const struct wishes *w, struct members_wishes *out);
/* Redis has these now / has forgotten these of w->done. */
void wishes_saved(struct wishes *w, const struct members_wishes *these);
void wishes_forgotten(struct wishes *w, const struct members_wishes *these);

#endif
