/* The small numbers by which peers are called in the line protocol (lib/plain). A peer that came by that protocol has the id "plain-<number>.0"; each other one is given a
 * number when it is first named there, and keeps it (hash rb:plain) until Redis loses it. Errors as in conn.h. */
#ifndef RB_LIB_STORE_PLAIN_H
#define RB_LIB_STORE_PLAIN_H

#include "lib/ring/ring.h"
#include "lib/store/conn.h"

/* A number for a peer that comes by the line protocol: the wanted one (-1: any) when nobody who lives has it, else a new one, at least `least`. */
enum err plain_draw(struct store *s, int32_t wanted, int32_t least, int32_t *out) MUST_CHECK;
/* The number of a peer id. Asks Redis only for those that did not come by the line protocol. */
enum err plain_number(struct store *s, const char *id, int32_t *out) MUST_CHECK;
/* The peer id of a number, whether or not there is such a peer. */
enum err plain_id(struct store *s, int32_t number, char out[RING_ID_MAX]) MUST_CHECK;

#endif
