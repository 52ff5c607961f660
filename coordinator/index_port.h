/* `--index-port N`: the index of peers by the line protocol (docs/plain.md), for peers that know nothing of Ringbinder. Any coordinator may serve it; each keeps the lists of the
 * peers that are connected to it in memory, tells them to the index of peers (lib/store/peers.h), and lets them go with the last connection of that peer. */
#ifndef RB_COORDINATOR_INDEX_PORT_H
#define RB_COORDINATOR_INDEX_PORT_H

#include "coordinator/coordinator.h"

#define INDEX_PORT_FILES_MAX 100000u     /* of one peer */
#define INDEX_PORT_BYTES_MAX (64u << 20) /* of names of all peers that are connected here */

struct index_port;

/* Listens at the address of --listen and starts the port's thread, which has its own connection to Redis. Without a port in the settings: ERR_OK and NULL. ERR_INVALID, ERR_IO, ERR_NOMEM
 * as port_start(). */
enum err index_port_start(struct coordinator *c, struct index_port **out) MUST_CHECK;
/* Ends it: whoever came by it is gone from the index at once. NULL is fine. */
void index_port_stop(struct index_port *p);

#endif
