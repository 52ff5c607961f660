/* `--obtain-port N`: gives out the files of the shared folder by the line protocol (docs/plain.md), beside GET /files/{name}. The same opening function, limit and rule
 * against torn files count (share.h). */
#ifndef RB_NODE_OBTAIN_PORT_H
#define RB_NODE_OBTAIN_PORT_H

#include "lib/base/err.h"

#include <stdint.h>

#define OBTAIN_DOWNLOADS_MAX 64u /* at once; another one is told so */
#define OBTAIN_STALL_MS 30000u   /* a reader that takes nothing for so long is given up */

struct share;
struct obtain_port;

/* Listens at the address of `listen` ("ADDR:PORT") and the given port. share is borrowed until obtain_port_stop(). ERR_INVALID, ERR_IO, ERR_NOMEM as port_start(). */
enum err obtain_port_start(struct share *share, const char *listen, uint16_t number, struct obtain_port **out) MUST_CHECK;
/* Ends all connections, downloads too; share_stop() comes before, so that none of them waits for its turn. NULL is fine. */
void obtain_port_stop(struct obtain_port *o);

#endif
