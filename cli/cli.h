/* What each command is given, and the words in which it ends. */
#ifndef RB_CLI_CLI_H
#define RB_CLI_CLI_H

#include "cli/out.h"
#include "lib/peer/client.h"

/* Exit codes, as the man page lists them. */
enum cli_exit {
    CLI_OK = 0,
    CLI_FAILED = 1,      /* anything that has no number of its own; also: cancelled */
    CLI_USAGE = 2,       /* the command line was not understood: nothing was done */
    CLI_NOT_FOUND = 3,   /* no such course, version, node, peer or file; it was taken down; nothing matches */
    CLI_UNREACHABLE = 4, /* nobody there, or too few machines answer; trying again may help */
    CLI_CONFLICT = 5,    /* somebody was faster, or it would lose data */
    CLI_DENIED = 6,      /* not signed in, not allowed, or the answer to a question was no */
};

/* The exit code for an error. */
int cli_exit_code(enum err e);

struct cli_command;

/* One run of the program. */
struct cli {
    const char *url;   /* http://host:port, without a slash at its end (--url, RB_URL) */
    const char *token; /* RB_TOKEN, NULL when there is none */
    struct out out;    /* how to print: --json, terminal or pipe */
    int yes;           /* --yes: do not ask */
    struct client *client;
    const struct cli_command *command; /* the one that runs: for its usage */
};

/* A row of the table of commands (cli/commands.c). */
struct cli_command {
    const char *name;
    /* argv[0] is the command's name; options and words follow, without those that every command knows. Returns an exit code; has said why when it is not 0. */
    int (*run)(struct cli *c, int argc, char **argv);
    const char *usage;   /* what follows the name: "COURSE [-o FILE]" */
    const char *summary; /* one line for the list of commands */
    const char *help;    /* its options and what one should know, whole lines */
};

/* The commands, in the order of the help. */
extern const struct cli_command cli_commands[];
extern const unsigned cli_n_commands;

/* Says on standard error what was wrong with the command line and how it should look. Returns CLI_USAGE. */
int cli_usage(const struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
