/* A node's life as a process. */
#ifndef RB_NODE_RUN_H
#define RB_NODE_RUN_H

#include "lib/base/log.h"
#include "node/node.h"

/* Shuts the process in as `jail_words` (of --jail) say, and runs until SIGTERM or SIGINT. Returns the exit code: 0 after an orderly stop, 1 when something it needs cannot be had, 2 when the settings or the folder are wrong. */
int run_node(const struct node_settings *s, enum log_level level, const char *jail_words);

#endif
