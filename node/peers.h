/* Clients of other nodes and of coordinators: a struct peer belongs to one thread at a time, and requests come on threads that come and go. */
#ifndef RB_NODE_PEERS_H
#define RB_NODE_PEERS_H

#include "lib/peer/peer.h"

struct peers;

#define PEERS_IDLE_MAX 8u
/* All sign with these keys, and speak TLS with tls (NULL: plain http); both are borrowed. idle_max: clients that are kept with their connections while nobody needs them, PEERS_IDLE_MAX at most and
 * by 0. NULL when out of memory. */
struct peers *peers_new(struct sign_keys *keys, const struct tls *tls, unsigned idle_max);
/* All clients must have been given back. */
void peers_free(struct peers *p);
/* A client for this thread until peers_give(). NULL when out of memory. */
struct peer *peers_take(struct peers *p);
void peers_give(struct peers *p, struct peer *peer);

#endif
