/* Who is where: the coordinators from the settings, and the other nodes' addresses as the coordinators tell them (GET /ring). The addresses are kept in
 * DATA/nodes.json, so that neighbours find each other while no coordinator answers; with an address comes the key of messages there (keys.h). The ring itself lives in the
 * ledger. Thread-safe. */
#ifndef RB_NODE_CLUSTER_H
#define RB_NODE_CLUSTER_H

#include "lib/peer/peer.h"
#include "lib/wire/member.h"
#include "node/ledger.h"

struct cluster;

/* coordinators: "url,url". ledger and keys are borrowed. ERR_SYNTAX: not a list of 1 to 16 urls. ERR_IO, ERR_NOMEM. */
enum err cluster_open(
    const char *data, const char *coordinators, struct ledger *ledger, struct sign_keys *keys, struct cluster **out) MUST_CHECK;
void cluster_close(struct cluster *c);

size_t cluster_coordinators(const struct cluster *c);
const char *cluster_coordinator(const struct cluster *c, size_t i);

/* Where a node answers. ERR_NOT_FOUND: nobody told us. */
enum err cluster_url(struct cluster *c, const char *id, char out[MEMBERS_URL_MAX]) MUST_CHECK;

/* Whether the coordinators say that a node lives: 1, 0, or -1 when none of them was heard for CLUSTER_FRESH_MS, or none knows it. */
#define CLUSTER_FRESH_MS 3000u
int cluster_lives(struct cluster *c, const char *id);
/* A coordinator answered a heartbeat: what it said before still holds, or else its news are asked for. */
void cluster_heard(struct cluster *c);

/* Asks all coordinators for the ring and the addresses, at most once in CLUSTER_REFRESH_MS however many threads ask: one asks and the others wait for it. The newest
 * ring they show is in force afterwards, and the keys of messages to nodes that are new to us were asked for. ERR_UNAVAILABLE: none answered. */
#define CLUSTER_REFRESH_MS 100u
enum err cluster_refresh(struct cluster *c, struct peer *peer) MUST_CHECK;

/* Takes one answer to GET /ring. ERR_SYNTAX when it is none. */
enum err cluster_learn(struct cluster *c, const char *text, size_t len) MUST_CHECK;

#endif
