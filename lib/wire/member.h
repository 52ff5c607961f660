/* A node as it tells itself: the body of its heartbeats, its facts in Redis, its line in the coordinators' list. JSON
 * {"id","name","url","zone","weight","stores","files","bytes","capacity_bytes","free_bytes","ring","heartbeat_at"?}. */
#ifndef RB_LIB_WIRE_MEMBER_H
#define RB_LIB_WIRE_MEMBER_H

#include "lib/ring/ring.h"
#include "lib/wire/json.h"

#define MEMBERS_URL_MAX 256 /* bytes of an address with NUL */
#define MEMBERS_COORDINATORS_MAX 16

enum member_state { MEMBER_JOINING, MEMBER_UP, MEMBER_SUSPECT, MEMBER_OUT, MEMBER_DRAINING, MEMBER_GONE };
/* The word of a state ("joining"). Never NULL. */
const char *member_state_name(enum member_state s);

struct member {
    char id[RING_ID_MAX], name[RING_NAME_MAX], url[MEMBERS_URL_MAX], zone[RING_ZONE_MAX];
    uint32_t weight;
    int stores; /* 0: only shares its own folder */
    uint64_t files, bytes, capacity_bytes, free_bytes;
    uint64_t ring_epoch;      /* the newest ring it has */
    uint64_t heartbeat_at_ms; /* unix ms of the last heartbeat, by the coordinator's clock */
    int alive;                /* its TTL key is there */
    enum member_state state;  /* from alive and the ring: members_state() */
};

/* The JSON, to be freed; NULL when out of memory. */
struct json *member_to_json(const struct member *m);
/* Reads and checks it: the id is the name, a dot and an incarnation. alive and state are not in it. ERR_SYNTAX. */
enum err member_from_json(const struct json *j, struct member *out) MUST_CHECK;

#endif
