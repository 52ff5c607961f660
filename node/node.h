/* One running node: the parts that its handlers and background threads share. Filled by node_open() in the order below and taken down in the other one; nothing in it changes while requests are served. Each part has its own locks (see README.md). */
#ifndef RB_NODE_NODE_H
#define RB_NODE_NODE_H

#include "lib/http/http.h"
#include "node/cluster.h"
#include "node/ledger.h"
#include "node/peers.h"
#include "node/records.h"
#include "node/staging.h"
#include "node/verify.h"

struct hints;
struct repair;
struct heartbeat;

struct node_settings {
    const char *data;
    const char *listen; /* ADDR:PORT */
    const char *url;    /* NULL: http:// and what listen says */
    const char *coordinators;
    const char *key_file;
    uint64_t capacity_bytes, reserve_bytes;
};

struct node {
    struct ring_member self;
    int lock_fd;
    char url[MEMBERS_URL_MAX];
    struct sign_key key;
    struct db *db;
    struct blobs *blobs;
    struct verify *verify;
    struct staging *staging;
    struct ledger *ledger;
    struct records records;
    struct cluster *cluster;
    struct peers *peers;
    struct repair *repair;
    struct hints *hints;
    struct http_server *server;
    struct heartbeat *heartbeat;
};

/* Opens all parts in the order in which they need each other, and serves. Returns 0, or the exit code after saying why in the log: 1 when something it needs cannot be
 * had, 2 when the settings or the folder are wrong. node_close() is due in any case. *s is borrowed for the call. peer_global_init() comes before. */
int node_open(struct node *n, const struct node_settings *s);
/* Says goodbye to the coordinators, stops serving, ends the threads and closes all. */
void node_close(struct node *n);

/* True once a write or a flush failed for good: every write is refused from then on (guarantees.md G1). */
int node_is_suspect(const struct node *n);

#endif
