/* `ringbinder ca`: the certificates by which the processes of a cluster know each other (lib/tls/ca.h). It asks nobody. */
#ifndef RB_CLI_CA_H
#define RB_CLI_CA_H

#include "cli/cli.h"

#define CMD_CA_USAGE "init DIR | issue DIR NAME [--address ADDRESS[,ADDRESS]...] [--days N]"
#define CMD_CA_HELP                                                                                       \
    "  init DIR              make a CA in DIR: ca.crt, which every process is given, and ca.key, which\n" \
    "                        none is; keep it where no process runs\n"                                    \
    "  issue DIR NAME        make NAME.crt and NAME.key in DIR, signed by the CA there\n"                 \
    "    --address LIST      the numeric addresses at which the process is called, with commas\n"         \
    "                        between (127.0.0.1)\n"                                                       \
    "    --days N            for how long it is good (365), at most as long as the CA\n"                  \
    "\nNothing is ever overwritten: move an old certificate and its key away to issue the next one.\n"

/* struct cli_command's run. */
int cmd_ca(struct cli *c, int argc, char **argv);

#endif
