/* node add: a node on this machine. */
#ifndef RB_CLI_NODE_ADD_H
#define RB_CLI_NODE_ADD_H

#include "cli/cli.h"

/* argv[0] is "add". Makes a folder a node's when it is none yet, runs ringbinder-node on it in the foreground, says when the ring counts it, and ends when it ends (Ctrl-C ends
 * both in order). Returns an exit code. */
int node_add(struct cli *c, int argc, char **argv);

#endif
