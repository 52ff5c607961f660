/* Which key a message is signed with. Everything follows from the cluster's master key, which only coordinators, apis and an operator's tools have:
 *
 *   K(n)           HKDF-SHA-256(master, "ringbinder node key", node id)   what the node n has, and nobody else but the holders of the master
 *   K(coordinators) HKDF-SHA-256(master, "ringbinder coordinators' key")  of all coordinators, as receivers
 *   k(a, b)        HMAC-SHA-256(K(b), "pair", sender a)                   of all messages from a to b, and of b's clock answers to a
 *
 * So b checks whoever asks with nothing but its own key, and a has one key for each receiver, none of which lets it speak as anybody else. The master's
 * holders derive what they need; a node is given its k(a, b) by a coordinator, sealed under K(a). */
#ifndef RB_LIB_SIGN_KEYS_H
#define RB_LIB_SIGN_KEYS_H

#include "lib/sign/sign.h"

/* ---- derivation; pure */

void sign_node_key(const struct sign_key *master, const char *node, struct sign_key *out);
void sign_coordinators_key(const struct sign_key *master, struct sign_key *out);
/* receiver: K(b). sender: with its role; shorter than SIGN_SENDER_MAX. */
void sign_pair_key(const struct sign_key *receiver, const char *sender, struct sign_key *out);
/* What seals the pairs that a coordinator gives to a node, under K(node). */
void sign_pairs_seal(const struct sign_key *node_key, struct sign_key *out);
/* What a join token holds behind its id: whoever has the master can tell it again, so it need not be kept anywhere. */
void sign_join_secret(const struct sign_key *master, const char *id, struct sign_key *out);
/* Proves to the api that the joiner has the token of this id, for one claim; and what seals the answer to that claim. Both by the token's secret. */
void sign_join_proof(const struct sign_key *secret, const char *id, const char *claim, uint8_t out[HASH_SIZE]);
/* The id of the node that a claim makes of a token for this name: NAME.<16 hex digits of the claim's hash>. So a token that was used remembers, with that id alone, whose claim it was.
 * name: shorter than 64 bytes. */
void sign_join_node(const char *name, const char *claim, char out[SIGN_SENDER_MAX]);
void sign_join_seal(const struct sign_key *secret, const char *id, const char *claim, struct sign_key *out);
/* True for keys that somebody could have typed or a tool could have left: the same 1, 2, 4, 8 or 16 bytes over and over, or bytes that count up or down. */
int sign_key_is_known(const struct sign_key *key);
/* Reads a key file: 64 hex digits, for its owner only (mode & 077 is 0). ERR_DENIED: others can read it; ERR_INVALID: the key is one that is known;
 * ERR_SYNTAX: it is something else, or too short; ERR_NOT_FOUND, ERR_IO. */
enum err sign_key_read(const char *path, struct sign_key *out) MUST_CHECK;
/* The sentence for an error of sign_key_read, without the path. */
const char *sign_key_why(enum err e);

/* ---- what one process has */

struct sign_keys; /* thread-safe */

/* A coordinator's ("coordinator:NAME"), an api's or a tool's. NULL: out of memory, or self is no such sender. The master is copied. */
struct sign_keys *sign_keys_master(const struct sign_key *master, const char *self);
/* A node's: K(id), and its key of messages to coordinators. NULL: out of memory, or no id. */
struct sign_keys *sign_keys_node(const char *id, const struct sign_key *own, const struct sign_key *to_coordinators);
void sign_keys_free(struct sign_keys *k); /* NULL is fine; wipes them */

/* As whom this process signs, with its role. */
const char *sign_keys_self(const struct sign_keys *k);
/* The key of messages that come from a sender. ERR_AUTH: no sender. */
enum err sign_keys_from(const struct sign_keys *k, const char *sender, struct sign_key *out) MUST_CHECK;
/* The key of our messages to a node, by its id, or to any coordinator (NULL). ERR_NOT_FOUND: a node that was not given it yet. */
enum err sign_keys_to(struct sign_keys *k, const char *node, struct sign_key *out) MUST_CHECK;
/* K(node), for capabilities: by the master of any node, by a node its own. ERR_NOT_FOUND otherwise. */
enum err sign_keys_of(const struct sign_keys *k, const char *node, struct sign_key *out) MUST_CHECK;

/* One of a node's keys. */
struct sign_pair {
    char node[SIGN_SENDER_MAX]; /* the receiver's id */
    struct sign_key key;
};
#define SIGN_PAIRS_MAX 8192u
/* Takes n pairs in place of those that are there, in any order; copies. ERR_TOO_LARGE, ERR_NOMEM, ERR_INVALID (not a node's keys): then nothing changes. */
enum err sign_keys_learn(struct sign_keys *k, const struct sign_pair *pairs, size_t n) MUST_CHECK;
/* Whether it has the key of messages to this node. */
int sign_keys_knows(struct sign_keys *k, const char *node);

#endif
