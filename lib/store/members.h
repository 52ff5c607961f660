/* Who is there: nodes' heartbeats (keys with a TTL), coordinators' alive keys, the published ring document.
 *
 * rb:nodes          hash   node id → facts (JSON)           rb:alive:<id>           there while its heartbeats come
 * rb:coordinators   hash   name → {"name","url","token"}    rb:coordinator:<name>   the same
 * rb:ring           hash   epoch, document
 */
#ifndef RB_LIB_STORE_MEMBERS_H
#define RB_LIB_STORE_MEMBERS_H

#include "lib/ring/ring.h"
#include "lib/store/conn.h"
#include "lib/wire/member.h"
#include "lib/wire/ringdoc.h"

#define MEMBERS_TTL_MS 1500u

/* Writes a heartbeat: the node's facts and its alive key with TTL, in one round trip. */
enum err members_heartbeat(struct store *s, const struct member *m, uint64_t now_unix_ms) MUST_CHECK;
/* A node says goodbye: its alive key goes at once; forget also removes its facts (nodes outside the ring). */
enum err members_leave(struct store *s, const char *id, int forget) MUST_CHECK;

struct coordinator_alive {
    char name[RING_NAME_MAX];
    char url[MEMBERS_URL_MAX];
    char token[33];
};
enum err members_coordinator_alive(struct store *s, const struct coordinator_alive *c, unsigned ttl_ms) MUST_CHECK;
enum err members_coordinator_leave(struct store *s, const char *name) MUST_CHECK;

/* The ring document as the leader publishes it: written only when its epoch is larger than what is there, or the same epoch (one Lua script). */
enum err members_publish_ring(struct store *s, const struct ringdoc *d) MUST_CHECK;

/* All of it in one round trip, sorted by name. */
struct members {
    struct member *nodes;
    size_t n_nodes;
    struct coordinator_alive coordinators[MEMBERS_COORDINATORS_MAX];
    size_t n_coordinators; /* the living, and those that were: see alive */
    int coordinator_is_alive[MEMBERS_COORDINATORS_MAX];
    char leader_name[64];
    char leader_token[33];
    uint64_t leader_epoch, leader_since_ms; /* "" and 0: no leader */
    struct ringdoc *ring;                   /* NULL: none published */
};
enum err members_read(struct store *s, struct members *out) MUST_CHECK;
void members_release(struct members *m);

/* The state of a node by the ring and its heartbeat: outside the ring = joining; inside: up or suspect. Pure. */
enum member_state members_state(const struct ring *ring, const struct member *m);

#endif
