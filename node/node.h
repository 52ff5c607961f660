/* One running node: the parts that its handlers and background threads share. Filled by main.c in the order below and taken down in the other one;
 * nothing in it changes while requests are served. Each part has its own locks (see README.md). */
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
    const char *listen;         /* ADDR:PORT */
    const char *url;            /* NULL: http:// and what listen says */
    const char *coordinators;
    const char *key_file;
    uint64_t capacity_bytes, reserve_bytes;
};

struct node {
    struct ring_member self;
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

/* True once a write or a flush failed for good: every write is refused from then on (guarantees.md G1). */
int node_is_suspect(const struct node *n);

#endif
