/* share: this machine's folder for everybody. */
#ifndef RB_CLI_SHARE_H
#define RB_CLI_SHARE_H

#include "cli/cli.h"

#define CMD_SHARE_USAGE "DIR --coordinators URLS [--join-token FILE | --key FILE] [OPTION]..."
#define CMD_SHARE_HELP                                                                                                                    \
    "  --coordinators URLS   separated by commas (RB_NODE_COORDINATORS)\n"                                                                \
    "  --join-token FILE     the first time: the token that an operator made for this machine (RB_NODE_JOIN_TOKEN)\n"                     \
    "  --key FILE            the first time, where it is at hand: the cluster's key (RB_NODE_KEY)\n"                                      \
    "  --name NAME           what this peer is called, the first time: 1 to 63 of a-z, 0-9 and -; else the machine's name\n"              \
    "  --listen ADDR:PORT    where it serves; else this machine's address toward the coordinator, and a free port\n"                      \
    "  --data DIR            where it remembers who it is and what it hashed; else ringbinder/peer in XDG_DATA_HOME (~/.local/share)\n"   \
    "  --limit-rate B        give at most so many bytes a second; k, M and G are understood\n"                                            \
    "  --obtain-port N       serve OBTAIN of the plain line protocol on this port, too\n"                                                 \
    "\nThe files stay where they are; what is added, changed or deleted in DIR is known to all at once. Hidden and unfinished files are " \
    "left\n"                                                                                                                              \
    "out. It runs until Ctrl-C.\n"

/* As struct cli_command's run. */
int cmd_share(struct cli *c, int argc, char **argv);

#endif
