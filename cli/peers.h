/* peers: who shares a folder, and what is in them. */
#ifndef RB_CLI_PEERS_H
#define RB_CLI_PEERS_H

#include "cli/cli.h"

#define CMD_PEERS_USAGE "[find NAME]"
#define CMD_PEERS_HELP                                                                       \
    "  find NAME             files whose names have words that begin so, and who has them\n" \
    "    --exclude PEER      leave out what only this one has\n"                             \
    "    --limit N           at most so many (1000)\n"                                       \
    "\nWithout `find`: who is here, and how many files each shares. `ringbinder obtain` downloads one.\n"

/* As struct cli_command's run. */
int cmd_peers(struct cli *c, int argc, char **argv);

#endif
