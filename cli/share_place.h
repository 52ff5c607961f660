/* Where a peer of this machine stands: its folder, its name, its address. */
#ifndef RB_CLI_SHARE_PLACE_H
#define RB_CLI_SHARE_PLACE_H

#include "lib/base/err.h"

#include <stddef.h>

#define PLACE_NAME_SIZE 64   /* bytes of a name with NUL */
#define PLACE_LISTEN_SIZE 64 /* bytes of "[ADDR]:PORT" with NUL */

/* The folder in which a peer keeps its identity: $XDG_DATA_HOME/ringbinder/peer, or $HOME/.local/share/ringbinder/peer. A relative XDG_DATA_HOME does not count, as its
 * specification says. ERR_NOT_FOUND: neither is set. ERR_TOO_LARGE. */
enum err place_data(const char *xdg_data_home, const char *home, char *out, size_t size) MUST_CHECK;
/* A name for this machine, from its host name: lower case, a-z, 0-9 and "-"; "peer" when nothing is left. */
void place_name(const char *host, char out[PLACE_NAME_SIZE]);
/* This machine's address on the way to a coordinator ("http://ADDR:PORT", the first of a list) and a port that is free now, as ADDR:PORT. ERR_INVALID: no such URL with
 * a numeric address; ERR_UNAVAILABLE: no way there. Nothing is sent. */
enum err place_listen(const char *coordinators, char out[PLACE_LISTEN_SIZE]) MUST_CHECK;

#endif
