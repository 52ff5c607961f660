/* One running node: the parts that its handlers and background threads share. Filled by node_open() in the order below and taken down in the other one; nothing in it changes while requests are served. Each part has its own locks (see README.md). */
#ifndef RB_NODE_NODE_H
#define RB_NODE_NODE_H

#include "lib/http/http.h"
#include "node/catalog.h"
#include "node/cluster.h"
#include "node/heads.h"
#include "node/ledger.h"
#include "node/note.h"
#include "node/pace.h"
#include "node/peers.h"
#include "node/records.h"
#include "node/staging.h"
#include "node/verify.h"

struct hints;
struct repair;
struct entropy;
struct scrub;
struct collect;
struct settle;
struct former;
struct heartbeat;
struct share;
struct obtain_port;
struct blocks_cache;

struct node_settings {
    const char *data;
    const char *listen; /* ADDR:PORT */
    const char *url;    /* NULL: http:// (with TLS https://) and what listen says */
    const char *coordinators;
    uint64_t capacity_bytes, reserve_bytes;
    uint64_t move_bytes_per_s, purge_quiet_s;
    uint64_t entropy_s, scrub_s, collect_s, purge_after_h; /* README.md, "Keeping well" */
    const char *share;                                     /* NULL: no folder of its own */
    uint64_t share_only;                                   /* --store 0: it keeps no copies for the ring */
    uint64_t obtain_port;                                  /* where shared files are given out by the line protocol; 0: nowhere */
    uint64_t limit_rate;                                   /* bytes a second of shared files, all downloads together; 0: no limit */
    struct tls_files tls;                                  /* none: plain http */
    uint64_t private_network;                              /* plain http also where other machines are */
    unsigned clients_idle;                                 /* clients of others kept for later; 0: as many as there may be (peers.h) */
    unsigned connections_max;                              /* of its server; 0: as many as there may be (server.h) */
};

struct node {
    struct ring_member self;
    int lock_fd;
    char url[MEMBERS_URL_MAX];
    char machine[MEMBER_PLACE_MAX], volume[MEMBER_PLACE_MAX]; /* where it is, for who wants copies apart (place.h) */
    struct sign_keys *keys;
    struct tls *tls; /* NULL: plain http */
    struct db *db;
    struct blobs *blobs;
    struct verify *verify;
    struct staging *staging;
    struct ledger *ledger;
    struct records records;
    struct cluster *cluster;
    struct peers *peers;
    struct pace pace;
    int stores;                      /* 0: it only shares; whatever would be written for the ring is refused */
    struct share *share;             /* NULL: no folder of its own */
    struct obtain_port *obtain_port; /* NULL: not served */
    uint16_t obtain_number;          /* its port; 0: none */
    struct blocks_cache *blocks;     /* of ring copies */
    uint64_t purge_quiet_ms;         /* a deleted course is shown to the leader only when nobody touched it for so long (P6.5) */
    uint64_t keep_deleted_ms;        /* the bytes of deleted versions are kept for so long (wanted.h) */
    struct catalog *catalog;
    struct repair *repair;
    struct entropy *entropy;
    struct scrub *scrub;
    struct collect *collect;
    struct hints *hints;
    struct settle *settle;
    struct former *former;
    struct heads heads; /* of others' audit logs */
    struct note note;   /* its own */
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

/* Versions deleted before this unix time are given up: their bytes need not be here (wanted.h). */
uint64_t node_deleted_before(const struct node *n);

#endif
