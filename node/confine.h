/* What a running node may do: its table of places, ports and system calls (lib/jail). */
#ifndef RB_NODE_CONFINE_H
#define RB_NODE_CONFINE_H

#include "node/node.h"

/* Shuts this process in for good, before its first thread. `words` are those of --jail. ERR_DENIED: `strict` and the kernel lacks something. */
enum err confine_node(const struct node_settings *s, const char *words) MUST_CHECK;

#endif
