/* The commands of the ring: one function each, as a row of the table in commands.c calls it. Those of peers are in share.h, peers.h and obtain.h. */
#ifndef RB_CLI_COMMANDS_H
#define RB_CLI_COMMANDS_H

#include "cli/cli.h"

/* Each as struct cli_command's run. */
int cmd_put(struct cli *c, int argc, char **argv);
int cmd_get(struct cli *c, int argc, char **argv);
int cmd_find(struct cli *c, int argc, char **argv);
int cmd_log(struct cli *c, int argc, char **argv);
int cmd_rm(struct cli *c, int argc, char **argv);
int cmd_restore(struct cli *c, int argc, char **argv);
int cmd_status(struct cli *c, int argc, char **argv);
int cmd_ring(struct cli *c, int argc, char **argv);
int cmd_where(struct cli *c, int argc, char **argv);
int cmd_node(struct cli *c, int argc, char **argv);
int cmd_set(struct cli *c, int argc, char **argv);

#endif
