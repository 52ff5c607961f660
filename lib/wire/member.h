/* A node as it tells itself: the body of its heartbeats, its facts in Redis, its line in the coordinators' list. JSON
 * {"id","name","url","zone","weight","stores","files","bytes","capacity_bytes","free_bytes","ring","load","quarantined","machine","volume","heartbeat_at"?,
 *  "move"?: {"epoch","order","complete","copies_done","copies_total","bytes_done","bytes_total","pairs": [{"from","to","done","total"}]},
 *  "census"?: {"courses","missing","below_k","unreadable"}, "share"?: {"digest","files","obtain_port"}} */
#ifndef RB_LIB_WIRE_MEMBER_H
#define RB_LIB_WIRE_MEMBER_H

#include "lib/ring/ring.h"
#include "lib/wire/json.h"

#define MEMBERS_URL_MAX 256 /* bytes of an address with NUL */
#define MEMBERS_COORDINATORS_MAX 16

enum member_state { MEMBER_JOINING, MEMBER_UP, MEMBER_SUSPECT, MEMBER_OUT, MEMBER_DRAINING, MEMBER_GONE };
/* The word of a state ("joining"). Never NULL. */
const char *member_state_name(enum member_state s);

/* How far a node is with what it settles and copies for a ring change, or was with its last one. */
#define MEMBER_PAIRS_MAX 16
#define MEMBER_PLACE_MAX 65 /* a hash of 64 hex digits and NUL */
struct member_move {
    uint64_t epoch; /* of the joint ring; 0: it never moved anything */
    uint64_t order; /* the number of the leader's order that it follows */
    int complete;   /* everything that falls to it under that order is settled */
    uint64_t copies_done, copies_total, bytes_done, bytes_total;
    size_t n_pairs; /* where copies go; what does not fit is left out */
    struct {
        char from[RING_NAME_MAX], to[RING_NAME_MAX]; /* from "": a copy more than before (k rose) */
        uint64_t done, total;
    } pairs[MEMBER_PAIRS_MAX];
};

/* What a node says of the courses of which it is the first living owner. */
struct member_census {
    int known;           /* 0: not counted yet */
    uint64_t courses;    /* that it judged, deleted ones among them */
    uint64_t missing;    /* copies of their live versions that living or dead owners lack, as far as it knows */
    uint64_t below_k;    /* courses with at least one of those */
    uint64_t unreadable; /* courses whose current version no living owner has */
};

#define MEMBER_DIGEST_SIZE 33      /* 32 hex digits and NUL: struct shared_digest, printed */
#define MEMBER_SHARED_MAX 1000000u /* files that one peer may share */

struct member {
    char id[RING_ID_MAX], name[RING_NAME_MAX], url[MEMBERS_URL_MAX], zone[RING_ZONE_MAX];
    uint32_t weight;
    int stores; /* 0: only shares its own folder */
    uint64_t files, bytes, capacity_bytes, free_bytes;
    uint64_t ring_epoch;                                      /* the newest ring it has on disk */
    uint64_t load;                                            /* requests it was serving */
    uint64_t quarantined;                                     /* bad copies that it set aside */
    char machine[MEMBER_PLACE_MAX], volume[MEMBER_PLACE_MAX]; /* equal texts: the same machine, the same file system; "" = not told */
    struct member_move move;
    struct member_census census;
    int shares;                            /* it shares a folder of its own; 0: the three below mean nothing and are not told */
    uint64_t shared_files;                 /* how many files its list has */
    char share_digest[MEMBER_DIGEST_SIZE]; /* of its list; 32 lower case hex digits when it shares, else "" */
    uint16_t obtain_port;                  /* where it serves plain OBTAIN, 0: nowhere */
    uint64_t heartbeat_at_ms;              /* unix ms of the last heartbeat, by the coordinator's clock */
    int alive;                             /* its TTL key is there */
    enum member_state state;               /* from alive and the ring: members_state() */
    uint64_t out_at_ms; /* unix ms when a silent member will be taken out of the ring, by the leader's word; 0: not, or not known */
};

/* What a census counted, whether it is known or not; to be freed. */
struct json *member_census_to_json(const struct member_census *c);
/* The JSON, to be freed; NULL when out of memory. */
struct json *member_to_json(const struct member *m);
/* Whether this is the id of a node of this name: NAME.INCARNATION. */
int member_id_fits(const char *id, const char *name);
/* Reads and checks it: the id is the name, a dot and an incarnation. alive, state and out_at_ms are not in it. ERR_SYNTAX. */
enum err member_from_json(const struct json *j, struct member *out) MUST_CHECK;

#endif
