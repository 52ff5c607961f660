/* A head: the newest line of a chain, told to nodes that keep it. {"process","chain","start","k","n","h","at": unix ms,"mac"} */
#ifndef RB_LIB_AUDIT_HEAD_H
#define RB_LIB_AUDIT_HEAD_H

#include "lib/audit/chain.h"
#include "lib/wire/json.h"

struct audit_head {
    char process[AUDIT_PROCESS_SIZE];
    char chain[AUDIT_CHAIN_SIZE];
    uint64_t start, k, n, at_ms;
    uint8_t h[HASH_SIZE];
    uint8_t mac[HASH_SIZE]; /* under the key of step k, over all the above */
};

/* The head of a chain that has a line. */
void audit_head_make(const struct audit_chain *c, uint64_t at_ms, struct audit_head *out);
/* Whether its MAC is of this key, which must be the chain's at step head->k. */
int audit_head_ok(const struct audit_head *head, const struct audit_key *key);

/* NULL when out of memory. */
struct json *audit_head_to_json(const struct audit_head *head);
/* ERR_SYNTAX when it is none; unknown members are passed over. */
enum err audit_head_from_json(const struct json *j, struct audit_head *out) MUST_CHECK;

#endif
