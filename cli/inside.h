/* How the command line speaks with nodes and coordinators themselves, past the front. */
#ifndef RB_CLI_INSIDE_H
#define RB_CLI_INSIDE_H

#include "cli/cli.h"
#include "lib/tls/tls.h"

/* The certificates that RB_TLS_PEER_CA, RB_TLS_PEER_CERT and RB_TLS_PEER_KEY name, checked; *out is NULL when they name none: then the cluster's processes speak plain http. Ours:
 * tls_free. An error was said. */
enum err inside_tls(const struct cli *c, struct tls **out) MUST_CHECK;

#endif
