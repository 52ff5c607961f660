/* node token: a join token for one new machine. */
#ifndef RB_CLI_NODE_TOKEN_H
#define RB_CLI_NODE_TOKEN_H

#include "cli/cli.h"

/* argv[0] is "token". Has the front make a token and writes it into a new file that only its owner can read, or prints it. Returns an exit code. */
int node_token(struct cli *c, int argc, char **argv);

#endif
