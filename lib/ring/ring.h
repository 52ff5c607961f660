/* The hash ring: tokens, owners. Pure: no I/O, no clock. After Karger et al. (1997), with virtual nodes as in Dynamo (2007) §4.2. */
#ifndef RB_LIB_RING_RING_H
#define RB_LIB_RING_RING_H

#include "lib/base/err.h"

#include <stddef.h>
#include <stdint.h>

#define RING_TOKENS_PER_WEIGHT 512 /* docs/ring.md: no node above 1.10 of the mean up to 100 nodes */
#define RING_MEMBERS_MAX 1024
#define RING_K_MAX 16
#define RING_NAME_MAX 64 /* bytes with NUL; [a-z0-9-], starts with a letter */
#define RING_ID_MAX 96
#define RING_ZONE_MAX 64
#define RING_WEIGHT_MAX 16

struct ring_member {
    char id[RING_ID_MAX]; /* name.incarnation, see ring_id_ok() */
    char name[RING_NAME_MAX];
    char zone[RING_ZONE_MAX]; /* [A-Za-z0-9._-]; "" = no zone: every such node is its own */
    uint32_t weight;          /* 1 … RING_WEIGHT_MAX */
};

struct ring_token {
    uint64_t point;
    uint32_t member;
};

struct ring {
    uint64_t epoch;
    uint32_t k; /* copies as configured */
    size_t n_members;
    struct ring_member *members; /* sorted by id */
    uint32_t *zone_of;           /* member → number of its zone, below n_zones */
    uint32_t n_zones;
    size_t n_tokens;
    struct ring_token *tokens; /* sorted by (point, member) */
};

/* Builds a ring from a copy of the members. ERR_INVALID: none or too many, double id or name, weight or k out of bounds, bad characters. ERR_NOMEM. */
enum err ring_new(const struct ring_member *members, size_t n, uint32_t k, uint64_t epoch, struct ring **out) MUST_CHECK;
/* The same ring once more, under another epoch: no token is hashed again, which is nearly all that ring_new() costs. ERR_NOMEM. */
enum err ring_copy(const struct ring *from, uint64_t epoch, struct ring **out) MUST_CHECK;
void ring_free(struct ring *r);

/* The point of a token: first 8 bytes of SHA-256(name, i), the name and the decimal i joined by ":". */
uint64_t ring_token_point(const char *name, uint32_t i);
/* The point of a course: first 8 bytes of SHA-256 of its key. */
uint64_t ring_key_point(const char *key);

/* The owners of a point: the first min(k, members) distinct members clockwise from it; while there are enough zones, in distinct zones. owners[0] is the host.
 * Returns how many; owners holds at least RING_K_MAX indexes into members. */
size_t ring_owners(const struct ring *r, uint64_t point, uint32_t owners[RING_K_MAX]);

/* min(k, members), and the write quorum floor(k_effective / 2) + 1. */
uint32_t ring_k_effective(const struct ring *r);
uint32_t ring_quorum(const struct ring *r);

/* One step of the clockwise walk, for showing it: each token met until the owners are complete. */
enum ring_step_kind { RING_STEP_OWNER, RING_STEP_SAME_NODE, RING_STEP_SAME_ZONE };
struct ring_step {
    uint64_t point;
    uint32_t member;
    enum ring_step_kind kind;
};
/* Fills up to max steps and returns how many the walk has (at most n_tokens); a second round over the ring (zones exhausted) is not listed. */
size_t ring_walk(const struct ring *r, uint64_t point, struct ring_step *steps, size_t max);

/* Index of the member with this id / name, or -1. */
long ring_find(const struct ring *r, const char *id);
long ring_find_name(const struct ring *r, const char *name);
/* The share of the ring (0…1) whose first owner is this member. */
double ring_share(const struct ring *r, uint32_t member);

/* True for a valid node name: 1…63 of [a-z0-9-], starting with a letter. */
int ring_name_ok(const char *name);
/* True for a valid node id: a valid name, ".", and an incarnation of 1 to 31 of [a-z0-9]. */
int ring_id_ok(const char *id);

#endif
