/* The node's keys on disk (lib/sign/keys.h), all for its owner only:
 *
 * DATA/node.key     {"id", "key": hex, "coordinators": hex}: K(id) and the key of its messages to coordinators. Written once, by --init or by a join token.
 * DATA/pairs.json   {"pairs": [{"id", "key": hex}]}: those of its messages to other nodes, as a coordinator last gave them. Kept so that nodes go on talking
 *                   to each other while no coordinator answers.
 * DATA/audit/seed   what its audit log begins with (lib/audit/key.h). */
#ifndef RB_NODE_KEYS_H
#define RB_NODE_KEYS_H

#include "lib/audit/key.h"
#include "lib/sign/keys.h"

/* What a node is given when it is made. */
struct keys_given {
    struct sign_key own, to_coordinators;
    uint8_t seed[AUDIT_KEY_SIZE];
};

/* Of a node with this id, by the master. */
void keys_derive(const struct sign_key *master, const char *id, struct keys_given *out);
/* Writes node.key and the seed, unless DATA has this id's already; in place of another id's, whose life is over. ERR_IO, ERR_FULL; ERR_DENIED, ERR_CORRUPT, ERR_INVALID: there is a
 * node.key that others can read, or that is none. */
enum err keys_give(const char *data, const char *id, const struct keys_given *given) MUST_CHECK;
/* Whether DATA has a node.key. */
int keys_are_there(const char *data);

/* Reads node.key, which must be this id's, and the pairs. ERR_NOT_FOUND: no node.key; ERR_DENIED: others can read it; ERR_CORRUPT: it is none, or another node's; ERR_INVALID: a
 * known key; ERR_IO, ERR_NOMEM. Pairs that cannot be read are forgotten, said in the log: a coordinator will tell them. */
enum err keys_open(const char *data, const char *id, struct sign_keys **out) MUST_CHECK;

/* Takes a coordinator's answer to GET /pairs, and keeps it. ERR_AUTH: it is not meant for us, or not from a coordinator; ERR_SYNTAX; ERR_NOMEM. That it could not be kept is only
 * said in the log. */
#define KEYS_PAIRS_MAX (2u << 20) /* bytes of such an answer */
enum err keys_take(const char *data, struct sign_keys *keys, const void *sealed, size_t len) MUST_CHECK;

#endif
