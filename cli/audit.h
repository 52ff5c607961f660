/* `ringbinder audit`: whether audit logs are what their processes wrote. For somebody who has the cluster's master key at hand. */
#ifndef RB_CLI_AUDIT_H
#define RB_CLI_AUDIT_H

#include "cli/cli.h"
#include "lib/audit/verify.h"
#include "lib/sign/keys.h"

#define CMD_AUDIT_USAGE "verify | heads [OPTION]... [DIR | FILE]..."
#define CMD_AUDIT_HELP                                                                               \
    "  verify DIR|FILE...    read these logs and name each line that is wrong. DIR is a process's\n" \
    "                        folder or the audit folder in it; single files are part of a log\n"     \
    "  heads                 print the heads that nodes keep, one JSON object a line\n"              \
    "    --key FILE          the cluster's key: 64 hex digits, mode 0600\n"                          \
    "    --coordinators URLS separated by commas: fetch the nodes' heads through them\n"             \
    "    --heads FILE        with verify: heads that `ringbinder audit heads` printed\n"             \
    "\nWithout heads a log that was cut at its end, removed, or written anew with the key looks whole.\n"

/* struct cli_command's run. */
int cmd_audit(struct cli *c, int argc, char **argv);

#define AUDIT_HEADS_MAX 1000000u

struct audit_heads {
    struct audit_kept *at;
    size_t n, room;
    size_t asked, silent; /* nodes */
    int is_whole;         /* so few were silent that every head that enough nodes took is here */
};

/* Appends. ERR_NOMEM; ERR_TOO_LARGE past AUDIT_HEADS_MAX. */
enum err audit_heads_add(struct audit_heads *h, const struct audit_head *head, const char *node) MUST_CHECK;
/* Asks the nodes that the coordinators name, as many as answer. An error was said. */
enum err audit_heads_fetch(const struct cli *c, const struct sign_key *key, const char *coordinators, struct audit_heads *out) MUST_CHECK;
/* Reads what `ringbinder audit heads` printed. An error was said. */
enum err audit_heads_load(const struct cli *c, const char *path, struct audit_heads *out) MUST_CHECK;
void audit_heads_release(struct audit_heads *h);

#endif
