/* obtain: a file of the peers' folders, from all who have it. */
#ifndef RB_CLI_OBTAIN_H
#define RB_CLI_OBTAIN_H

#include "cli/cli.h"

#define CMD_OBTAIN_USAGE "NAME [--from PEER] [-o FILE] [--limit-rate B] [--wait]"
#define CMD_OBTAIN_HELP                                                                                                                   \
    "  NAME                  a file's name as `ringbinder peers find` shows it, its last part, or its SHA-256\n"                          \
    "  --from PEER           from this one alone; \"ring\": from the ring's copies\n"                                                     \
    "  --exclude PEER        not from this one\n"                                                                                         \
    "  --output, -o FILE     where it goes; a folder: under its own name there\n"                                                         \
    "  --force, -f           write over a file of that name in this folder\n"                                                             \
    "  --limit-rate B        at most so many bytes a second; k, M and G are understood\n"                                                 \
    "  --wait                when nobody has it now, wait until somebody does\n"                                                          \
    "\nWhen several have it, it asks which; \"cancel\" ends it. In a script it comes from all of them at once, block by block. It comes " \
    "as\n"                                                                                                                                \
    "FILE.part and is checked against its SHA-256; an interrupted one is gone on with.\n"

/* As struct cli_command's run. */
int cmd_obtain(struct cli *c, int argc, char **argv);

#endif
