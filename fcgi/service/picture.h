/* How the view's picture is made from what Redis, a coordinator or the disk say, and from the picture before. No threads, no network. */
#ifndef RB_FCGI_SERVICE_PICTURE_H
#define RB_FCGI_SERVICE_PICTURE_H

#include "lib/base/hash.h"
#include "lib/store/members.h"

/* A deep copy. ERR_NOMEM. */
enum err picture_copy(const struct members *from, struct members *out) MUST_CHECK;

/* Completes what Redis said by what was known before: a newer ring stays (a wiped Redis has none), and so do the ring's nodes that Redis has forgotten, as not alive. ERR_NOMEM. */
enum err picture_complete(struct members *fresh, const struct members *known) MUST_CHECK;

/* Reads a coordinator's answer to GET /ring. What it does not tell is taken from `known`. Who lives is the coordinator's word, unless it
 * hears nobody, as one that has just begun: then it stays as it was, and new nodes count as alive. *out uninitialised before. ERR_SYNTAX, ERR_NOMEM. */
enum err picture_from_coordinator(const char *text, size_t len, const struct members *known, struct members *out) MUST_CHECK;

/* Whoever lived in the picture before keeps living: Redis was wiped or restarted a moment ago, so that a missing heartbeat says nothing. */
void picture_keep_living(struct members *fresh, const struct members *known);

/* A newer ring, taken over into the picture; the states of its nodes follow. */
void picture_take_ring(struct members *m, struct ringdoc *ring);

/* Reads a ring document that is part of a larger text; JSON null stays *out as it is. As ringdoc_parse(). */
enum err picture_read_ring(const struct json *j, struct ringdoc **out) MUST_CHECK;

/* A picture on disk: {"ring": document or null, "nodes": [member…]}; nodes that only share are left out: without Redis nothing is asked of them. After reading, every node counts as alive. ERR_SYNTAX, ERR_NOMEM, and those of lib/base/fs. */
enum err picture_load(const char *path, struct members *out) MUST_CHECK;
enum err picture_save(const char *path, const struct members *m) MUST_CHECK;
/* Changes whenever the ring or the address of a node that stores does: when to save. Peers that come and go change nothing on disk. */
void picture_digest(const struct members *m, uint8_t out[HASH_SIZE]);

/* The node with this id, or NULL. */
const struct member *picture_node(const struct members *m, const char *id);

#endif
