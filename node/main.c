/* ringbinder-node: one node of the cluster. Settings, then the parts in their order, then a wait for the signal. */
#include "lib/base/cfg.h"
#include "lib/base/fs.h"
#include "lib/base/log.h"
#include "lib/base/sig.h"
#include "lib/jail/jail.h"
#include "node/check.h"
#include "node/identity.h"
#include "node/run.h"

#include <stdio.h>
#include <string.h>

struct options {
    const char *init, *name, *zone, *list_blobs, *check, *log_level, *jail;
    uint64_t weight, store;
    struct node_settings node;
};

static enum err read_options(struct options *o, int argc, char **argv)
{
    const struct cfg_row rows[] = {
        {.name = "data",
            .env = "RB_NODE_DATA",
            .type = CFG_STR,
            .str = &o->node.data,
            .optional = 1,
            .help = "the node's folder, made by --init"},
        {.name = "listen",
            .env = "RB_NODE_LISTEN",
            .type = CFG_STR,
            .str = &o->node.listen,
            .optional = 1,
            .help = "where to serve: ADDR:PORT"},
        {.name = "url",
            .env = "RB_NODE_URL",
            .type = CFG_STR,
            .str = &o->node.url,
            .optional = 1,
            .help = "what others call; http:// and --listen when not given"},
        {.name = "coordinators",
            .env = "RB_NODE_COORDINATORS",
            .type = CFG_STR,
            .str = &o->node.coordinators,
            .optional = 1,
            .help = "their URLs, separated by commas"},
        {.name = "key",
            .env = "RB_NODE_KEY",
            .type = CFG_STR,
            .str = &o->node.key_file,
            .optional = 1,
            .help = "file with the cluster's key: 64 hex digits, mode 0600"},
        {.name = "capacity-bytes",
            .env = "RB_NODE_CAPACITY_BYTES",
            .type = CFG_U64,
            .u64 = &o->node.capacity_bytes,
            .def = "0",
            .max = INT64_MAX,
            .help = "bytes this node may store; 0: what the file system has"},
        {.name = "reserve-bytes",
            .env = "RB_NODE_RESERVE_BYTES",
            .type = CFG_U64,
            .u64 = &o->node.reserve_bytes,
            .def = "67108864",
            .max = INT64_MAX,
            .help = "bytes kept free on the file system"},
        {.name = "move-bytes-per-s",
            .env = "RB_NODE_MOVE_BYTES_PER_S",
            .type = CFG_U64,
            .u64 = &o->node.move_bytes_per_s,
            .def = "67108864",
            .min = 65536,
            .max = INT64_MAX,
            .help = "bytes a second that are copied here at most while the ring changes"},
        {.name = "purge-quiet-s",
            .env = "RB_NODE_PURGE_QUIET_S",
            .type = CFG_U64,
            .u64 = &o->node.purge_quiet_s,
            .def = "3600",
            .max = 31536000,
            .help = "seconds for which nothing may have happened to a deleted course before its tombstone may go"},
        {.name = "entropy-s",
            .env = "RB_NODE_ENTROPY_S",
            .type = CFG_U64,
            .u64 = &o->node.entropy_s,
            .def = "20",
            .min = 1,
            .max = 86400,
            .help = "seconds between two mendings of what differs from a neighbour"},
        {.name = "scrub-s",
            .env = "RB_NODE_SCRUB_S",
            .type = CFG_U64,
            .u64 = &o->node.scrub_s,
            .def = "604800",
            .min = 1,
            .max = 31536000,
            .help = "seconds in which every blob is read and hashed once"},
        {.name = "collect-s",
            .env = "RB_NODE_COLLECT_S",
            .type = CFG_U64,
            .u64 = &o->node.collect_s,
            .def = "86400",
            .min = 1,
            .max = 31536000,
            .help = "seconds for which a blob that no record names is kept"},
        {.name = "purge-after-h",
            .env = "RB_PURGE_AFTER_H",
            .type = CFG_U64,
            .u64 = &o->node.purge_after_h,
            .def = "720",
            .max = 876000,
            .help = "hours for which the bytes of deleted versions are kept"},
        {.name = "share",
            .env = "RB_NODE_SHARE",
            .type = CFG_STR,
            .str = &o->node.share,
            .optional = 1,
            .help = "a folder whose files everybody in the cluster may find and fetch from here"},
        {.name = "store",
            .env = "RB_NODE_STORE",
            .type = CFG_U64,
            .u64 = &o->store,
            .def = "1",
            .max = 1,
            .help = "0: keep no copies for the ring, only share"},
        {.name = "obtain-port",
            .env = "RB_NODE_OBTAIN_PORT",
            .type = CFG_U64,
            .u64 = &o->node.obtain_port,
            .def = "0",
            .max = 65535,
            .help = "a port, at the address of --listen, that gives the shared files out by the line protocol; 0: none"},
        {.name = "limit-rate",
            .env = "RB_NODE_LIMIT_RATE",
            .type = CFG_U64,
            .u64 = &o->node.limit_rate,
            .def = "0",
            .max = INT64_MAX,
            .help = "bytes a second of shared files that are given out at most, all downloads together; 0: no limit"},
        {.name = "log-level",
            .env = "RB_LOG_LEVEL",
            .type = CFG_STR,
            .str = &o->log_level,
            .def = "info",
            .help = "debug, info, warn or error"},
        {.name = "jail", .env = JAIL_ENV, .type = CFG_STR, .str = &o->jail, .def = "on", .help = JAIL_HELP},
        {.name = "init",
            .type = CFG_STR,
            .str = &o->init,
            .optional = 1,
            .help = "make this folder a node's, print its identity, and exit"},
        {.name = "name",
            .type = CFG_STR,
            .str = &o->name,
            .optional = 1,
            .help = "with --init: the node's name, 1 to 63 of a-z, 0-9 and -"},
        {.name = "zone",
            .type = CFG_STR,
            .str = &o->zone,
            .def = "",
            .help = "with --init: copies are kept in distinct zones where there are enough"},
        {.name = "weight",
            .type = CFG_U64,
            .u64 = &o->weight,
            .def = "1",
            .min = 1,
            .max = RING_WEIGHT_MAX,
            .help = "with --init: its share, beside others"},
        {.name = "list-blobs",
            .type = CFG_STR,
            .str = &o->list_blobs,
            .optional = 1,
            .help = "print \"sha256 path offset length\" of each blob in this folder, and exit"},
        {.name = "check",
            .type = CFG_STR,
            .str = &o->check,
            .optional = 1,
            .help = "read this folder, say whether all is well, and exit with 0 or 1"},
    };
    return cfg_read(rows, sizeof(rows) / sizeof(rows[0]), argc, argv,
        "a node of a Ringbinder cluster: keeps copies of files and their records", stderr);
}

/* Exit codes: 0 done, 1 not well, 2 bad settings or no node there. */
static int init(const struct options *o)
{
    struct buf line;
    buf_init(&line, 4096);
    if (!o->name) {
        fprintf(stderr, "--init needs --name\n");
        return 2;
    }
    enum err e = identity_init(o->init, o->name, o->zone, o->weight, &line);
    if (e)
        fprintf(stderr, "%s cannot become the folder of a node named %s: %s\n", o->init, o->name, err_text(e));
    else
        puts(buf_str(&line));
    buf_release(&line);
    return e ? 2 : 0;
}

static int check(const struct options *o)
{
    unsigned long wrong = 0;
    enum err e = check_folder(o->check, &wrong);
    if (e)
        fprintf(stderr, "%s cannot be checked: %s\n", o->check, err_text(e));
    return e || wrong > 0;
}

static int list_blobs(const struct options *o)
{
    enum err e = check_list_blobs(o->list_blobs);
    if (e)
        fprintf(stderr, "%s cannot be listed: %s\n", o->list_blobs, err_text(e));
    return e != ERR_OK;
}

static int serve(struct options *o, enum log_level level)
{
    struct node_settings *s = &o->node;
    s->share_only = !o->store;
    static const char *const names[] = {"data", "listen", "coordinators", "key"};
    const char *const values[] = {s->data, s->listen, s->coordinators, s->key_file};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        if (values[i])
            continue;
        fprintf(stderr, "--%s is missing; --help tells what it is\n", names[i]);
        return 2;
    }
    return run_node(s, level, o->jail);
}

int main(int argc, char **argv)
{
    struct options o;
    memset(&o, 0, sizeof(o));
    enum err e = read_options(&o, argc, argv);
    if (e)
        return e == ERR_GONE ? 0 : 2;
    int level = log_level_parse(o.log_level);
    if (level < 0) {
        fprintf(stderr, "--log-level must be debug, info, warn or error\n");
        return 2;
    }
    if (jail_words_check(o.jail) != ERR_OK) {
        fprintf(stderr, "--jail must be " JAIL_HELP "\n");
        return 2;
    }
    if (o.init)
        return init(&o);
    if (o.check)
        return check(&o);
    if (o.list_blobs)
        return list_blobs(&o);
    return serve(&o, (enum log_level)level);
}
