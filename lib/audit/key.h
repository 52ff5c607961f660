/* The keys of an audit chain: from the master key to one line. Nothing here reads a clock, a file or the kernel's random bytes.
 *
 *   seed of a process   HKDF-SHA-256(master key, "ringbinder audit seed" + process)       RFC 5869
 *   after each start    SHA-256(seed || "evolve")
 *   first key of chain  HKDF-SHA-256(seed, "ringbinder audit chain" + chain id)
 *   each hour           SHA-256(key || "evolve")
 *
 * So what a process keeps does not lead back to what it used before. */
#ifndef RB_LIB_AUDIT_KEY_H
#define RB_LIB_AUDIT_KEY_H

#include "lib/base/hash.h"

#include <stddef.h>
#include <stdint.h>

#define AUDIT_KEY_SIZE 32
#define AUDIT_STEPS_MAX 1000000u /* steps that a verifier follows a key: a century of hours */
#define AUDIT_STARTS_MAX 100000u /* starts of one process */

struct audit_key {
    uint8_t bytes[AUDIT_KEY_SIZE];
    uint64_t k; /* how many steps it has gone */
};

/* The seed that a process is given when it is made. process: its name with its role, "api:api-1". */
void audit_seed_first(const uint8_t master[AUDIT_KEY_SIZE], const char *process, uint8_t out[AUDIT_KEY_SIZE]);
/* The seed of the next start, in place. */
void audit_seed_next(uint8_t seed[AUDIT_KEY_SIZE]);

/* The key of a chain's first line. chain: its id. */
void audit_key_first(const uint8_t seed[AUDIT_KEY_SIZE], const char *chain, struct audit_key *out);
/* One step forward, in place. */
void audit_key_next(struct audit_key *key);
/* Steps forward to k. ERR_INVALID, and nothing changed: it would be backwards, or above AUDIT_STEPS_MAX. */
enum err audit_key_reach(struct audit_key *key, uint64_t k) MUST_CHECK;

#define AUDIT_TEXT_MAX 4096u /* bytes under one MAC besides the hash before it */
/* h of a line: its text without h, after the line with `before`. len ≤ AUDIT_TEXT_MAX. */
void audit_key_line(const struct audit_key *key, const uint8_t before[HASH_SIZE], const char *text, size_t len, uint8_t out[HASH_SIZE]);
/* The MAC of a head's text: another purpose, which no line's bytes can stand for. len ≤ AUDIT_TEXT_MAX. */
void audit_key_head(const struct audit_key *key, const char *text, size_t len, uint8_t out[HASH_SIZE]);

#endif
