/* Keys of anybody, for tests that have the master key. */
#ifndef RB_TESTS_UNIT_KEYRING_H
#define RB_TESTS_UNIT_KEYRING_H

#include "lib/sign/keys.h"

#include <assert.h>
#include <string.h>

/* What the process `self` has: "node:ID" only its own, the others the master. To be freed. */
static inline struct sign_keys *keyring_of(const struct sign_key *master, const char *self)
{
    struct sign_key own, coordinators, pair;
    if (strncmp(self, "node:", 5) != 0)
        return sign_keys_master(master, self);
    sign_node_key(master, self + 5, &own);
    sign_coordinators_key(master, &coordinators);
    sign_pair_key(&coordinators, self, &pair);
    return sign_keys_node(self + 5, &own, &pair);
}

/* The key of messages from one node to another. */
static inline struct sign_pair keyring_pair(const struct sign_key *master, const char *from_node, const char *to_node)
{
    char sender[SIGN_SENDER_MAX] = "node:";
    struct sign_key receiver;
    struct sign_pair pair = {.node = ""};
    assert(strlen(from_node) < sizeof(sender) - 5 && strlen(to_node) < sizeof(pair.node));
    strcat(sender, from_node);
    strcpy(pair.node, to_node);
    sign_node_key(master, to_node, &receiver);
    sign_pair_key(&receiver, sender, &pair.key);
    return pair;
}

#endif
