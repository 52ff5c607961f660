/* A chain as it grows: what the next line stands on. Pure; the caller gives time, ids and seeds, and writes what comes out. */
#ifndef RB_LIB_AUDIT_CHAIN_H
#define RB_LIB_AUDIT_CHAIN_H

#include "lib/audit/line.h"

struct audit_chain {
    char process[AUDIT_PROCESS_SIZE];
    char id[AUDIT_CHAIN_SIZE];
    uint64_t start;       /* number of the seed */
    uint64_t file;        /* number of the present file, from 1 */
    uint64_t n;           /* of the last line, 0: none yet */
    uint8_t h[HASH_SIZE]; /* of the last line */
    struct audit_key key;
};

/* A chain without lines. process: 1 to 96 printable ASCII characters without quotes and backslashes; id: 32 hex digits. */
void audit_chain_init(struct audit_chain *c, const uint8_t seed[AUDIT_KEY_SIZE], uint64_t start, const char *process, const char *id);
/* Overwrites the key. */
void audit_chain_release(struct audit_chain *c);

/* True for a name that may be a process's. */
int audit_process_ok(const char *process);

/* Appends the next line to out. ERR_NOMEM (out is full), ERR_TOO_LARGE: neither chain nor out has changed. */
enum err audit_chain_add(
    struct audit_chain *c, uint64_t at_ms, enum audit_kind kind, const char *members, size_t len, struct buf *out) MUST_CHECK;
/* The same for the first line of the chain, after "chain:n:h" or "", in file 1. */
enum err audit_chain_add_start(struct audit_chain *c, uint64_t at_ms, const char *after, struct buf *out) MUST_CHECK;
/* The first line of the next file. */
enum err audit_chain_add_file(struct audit_chain *c, uint64_t at_ms, struct buf *out) MUST_CHECK;
/* The last line under this key; then the key goes one step forward. */
enum err audit_chain_add_key(struct audit_chain *c, uint64_t at_ms, struct buf *out) MUST_CHECK;

#endif
