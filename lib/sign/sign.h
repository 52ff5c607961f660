/* Signatures inside the cluster (guarantees.md G11): HMAC-SHA256 over method, path, body hash, time, nonce, sender and epoch, in one header:
 * Authorization: RB1 sender=ROLE:NAME, time=UNIX_MS, nonce=32HEX, epoch=N, body=64HEX|stream, mac=64HEX
 *
 * The functions here are pure and take the one key that a proof is made under: which one that is says keys.h. */
#ifndef RB_LIB_SIGN_SIGN_H
#define RB_LIB_SIGN_SIGN_H

#include "lib/base/buf.h"
#include "lib/base/hash.h"

#include <pthread.h>
#include <stdint.h>

#define SIGN_KEY_SIZE 32
#define SIGN_WINDOW_MS 30000u
#define SIGN_SENDER_MAX 112 /* bytes with NUL: a role and a node's id fit */
#define SIGN_NONCE_HEX 33
#define SIGN_HEADER_MAX 512
#define SIGN_CAPABILITY_MAX_S 60u

struct sign_key {
    uint8_t bytes[SIGN_KEY_SIZE];
};

/* Who sends: the word before the colon of a sender. Bits, so that a route can name several. */
enum sign_role {
    SIGN_NODE = 1,        /* "node:<node id>" */
    SIGN_COORDINATOR = 2, /* "coordinator:<name>" */
    SIGN_API = 4,         /* "api:<name>" */
    SIGN_TOOL = 8         /* "tool:<name>": a program of an operator who has the master key at hand */
};
/* ERR_AUTH: no role, or no name behind it. *name (may be NULL) points into sender. */
enum err sign_role_of(const char *sender, enum sign_role *role, const char **name) MUST_CHECK;

/* What is signed. path is the raw request path with its query. body_hash: 64 hex digits, or "stream". */
struct sign_input {
    const char *method, *path, *body_hash, *sender;
    uint64_t time_ms, epoch;
    char nonce[SIGN_NONCE_HEX];
};

/* Appends the value of the Authorization header. Draws no nonce and reads no clock: the caller fills them. */
enum err sign_make(const struct sign_key *key, const struct sign_input *in, struct buf *out) MUST_CHECK;

/* The parsed header. */
struct sign_claim {
    char sender[SIGN_SENDER_MAX]; /* with its role */
    enum sign_role role;
    char nonce[SIGN_NONCE_HEX];
    char body[HASH_HEX_SIZE]; /* 64 hex digits or "stream" */
    uint64_t time_ms, epoch;
    uint8_t mac[HASH_SIZE];
};
/* Reads a header value. ERR_AUTH for anything malformed. A parser of outside bytes: fuzzed. */
enum err sign_parse(const char *header, struct sign_claim *out) MUST_CHECK;

/* Nonces that were used within the window, bounded; a full table refuses (ERR_UNAVAILABLE) rather than forgets. Thread-safe. */
struct sign_nonces;
#define SIGN_NONCES_MAX 262144u
struct sign_nonces *sign_nonces_new(void);
void sign_nonces_free(struct sign_nonces *n);

/* The name in a claim's sender, behind the role: of a node its id. */
const char *sign_claim_name(const struct sign_claim *claim);

/* Checks a claim against a request at time now_ms: mac (constant time), then window (ERR_CLOCK), then nonce (ERR_AUTH when used). body_hash is what the receiver
 * computed from the body, or NULL to leave the hash for later (the caller compares claim.body itself). ERR_AUTH, ERR_CLOCK, ERR_UNAVAILABLE. */
enum err sign_check(const struct sign_key *key, const struct sign_claim *claim, const char *method, const char *path, const char *body_hash,
    uint64_t now_ms, struct sign_nonces *nonces) MUST_CHECK;

/* A signed 401 "clock" answer: MAC over ("clock", nonce, time). Value of the header RB-Clock: "time=UNIX_MS, mac=64HEX". */
enum err sign_clock_make(const struct sign_key *key, const char *nonce, uint64_t now_ms, struct buf *out) MUST_CHECK;
enum err sign_clock_check(const struct sign_key *key, const char *nonce, const char *header, uint64_t *time_ms) MUST_CHECK;

/* A capability to read one blob or shared file from one node: "RBC1 expiry=UNIX_S, mac=64HEX", MAC over (read, node id, what, expiry), where what is
 * "blob:<sha256>" or "file:<name>". Reusable until it expires. key: the node's own. */
enum err sign_capability_make(
    const struct sign_key *key, const char *node, const char *what, uint64_t expiry_s, struct buf *out) MUST_CHECK;
/* ERR_AUTH: malformed, expired, too far in the future (> SIGN_CAPABILITY_MAX_S + the 30 s of skew), or wrong. */
enum err sign_capability_check(
    const struct sign_key *key, const char *node, const char *what, const char *header, uint64_t now_s) MUST_CHECK;

#endif
