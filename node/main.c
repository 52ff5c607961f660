/* ringbinder-node: one node of the cluster. Settings, then the parts in their order, then a wait for the signal. */
#include "lib/base/cfg.h"
#include "lib/base/fs.h"
#include "lib/base/log.h"
#include "lib/base/sig.h"
#include "lib/jail/jail.h"
#include "node/check.h"
#include "node/identity.h"
#include "node/join.h"
#include "node/keys.h"
#include "node/run.h"

#include <stdio.h>
#include <string.h>

struct options {
    const char *init, *name, *zone, *key, *join_token, *join_url, *list_blobs, *check, *log_level, *jail;
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
            .help = "what others call; http:// (with TLS https://) and --listen when not given"},
        {.name = "coordinators",
            .env = "RB_NODE_COORDINATORS",
            .type = CFG_STR,
            .str = &o->node.coordinators,
            .optional = 1,
            .help = "their URLs, separated by commas"},
        {.name = "tls-ca", .env = TLS_CA_ENV, .type = CFG_STR, .str = &o->node.tls.ca, .optional = 1, .help = TLS_CA_HELP},
        {.name = "tls-cert", .env = TLS_CERT_ENV, .type = CFG_STR, .str = &o->node.tls.cert, .optional = 1, .help = TLS_CERT_HELP},
        {.name = "tls-key", .env = TLS_KEY_ENV, .type = CFG_STR, .str = &o->node.tls.key, .optional = 1, .help = TLS_KEY_HELP},
        {.name = "private-network",
            .env = TLS_PRIVATE_ENV,
            .type = CFG_BOOL,
            .u64 = &o->node.private_network,
            .def = "0",
            .help = TLS_PRIVATE_HELP},
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
        {.name = "key",
            .type = CFG_STR,
            .str = &o->key,
            .optional = 1,
            .help = "with --init: file with the cluster's key, 64 hex digits, mode 0600; from it the node's own is made, and a node that "
                    "runs never sees it"},
        {.name = "join-token",
            .env = "RB_NODE_JOIN_TOKEN",
            .type = CFG_STR,
            .str = &o->join_token,
            .optional = 1,
            .help =
                "file with a join token, mode 0600: the first time, gives --data (or --init) its id and keys; later it is not looked at"},
        {.name = "join-url",
            .env = "RB_NODE_JOIN_URL",
            .type = CFG_STR,
            .str = &o->join_url,
            .optional = 1,
            .help = "with --join-token: the portal that takes it, http://HOST:PORT"},
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

/* Gives the folder its keys where the cluster's key is at hand. 0, or 2 after saying why not. */
static int give_keys(const struct options *o)
{
    struct sign_key master;
    struct ring_member self;
    struct keys_given given;
    if (!o->key)
        return 0;
    enum err e = sign_key_read(o->key, &master);
    if (e) {
        fprintf(stderr, "the cluster's key in %s cannot be used: %s\n", o->key, sign_key_why(e));
        return 2;
    }
    e = identity_read(o->init, &self);
    if (!e) {
        keys_derive(&master, self.id, &given);
        e = keys_give(o->init, self.id, &given);
    }
    explicit_bzero(&master, sizeof(master));
    explicit_bzero(&given, sizeof(given));
    if (e)
        fprintf(stderr, "%s cannot be given its keys: %s\n", o->init, err_text(e));
    return e ? 2 : 0;
}

/* Makes data a node's folder by the token. Exit codes as init(). */
static int join(const struct options *o, const char *data, struct buf *line)
{
    char why[JOIN_WHY_SIZE];
    if (!o->join_url) {
        fprintf(stderr, "--join-token needs --join-url: the portal that takes it\n");
        return 2;
    }
    enum err e = join_folder(data, o->join_token, o->join_url, (unsigned)o->weight, line, why);
    if (e)
        fprintf(stderr, "%s does not become a node's folder: %s\n", data, why);
    return !e ? 0 : e == ERR_UNAVAILABLE || e == ERR_TIMEOUT || e == ERR_IO || e == ERR_FULL || e == ERR_NOMEM ? 1 : 2;
}

/* By --init with --join-token, or before the first start. */
static int join_first(const struct options *o, const char *data, int tell)
{
    struct buf line;
    buf_init(&line, 4096);
    int code = join(o, data, &line);
    if (!code && tell)
        puts(buf_str(&line));
    buf_release(&line);
    return code;
}

/* Exit codes: 0 done, 1 not well, 2 bad settings or no node there. */
static int init(const struct options *o)
{
    struct buf line;
    if (o->join_token)
        return join_first(o, o->init, 1);
    buf_init(&line, 4096);
    if (!o->name) {
        fprintf(stderr, "--init needs --name\n");
        return 2;
    }
    enum err e = identity_init(o->init, o->name, o->zone, o->weight, &line);
    if (e)
        fprintf(stderr, "%s cannot become the folder of a node named %s: %s\n", o->init, o->name,
            e == ERR_INVALID
                ? "a name is 1 to 63 of a-z, 0-9 and -, beginning with a letter; a zone at most 63 of letters, digits and . _ -"
                : err_text(e));
    int code = e ? 2 : give_keys(o);
    if (!code)
        puts(buf_str(&line));
    buf_release(&line);
    return code;
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
    static const char *const names[] = {"data", "listen", "coordinators"};
    const char *const values[] = {s->data, s->listen, s->coordinators};
    if (o->key) {
        fprintf(stderr, "--key goes with --init: a node runs with the keys in its own folder, never with the cluster's\n");
        return 2;
    }
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        if (values[i])
            continue;
        fprintf(stderr, "--%s is missing; --help tells what it is\n", names[i]);
        return 2;
    }
    int code = o->join_token ? join_first(o, s->data, 0) : 0;
    return code ? code : run_node(s, level, o->jail);
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
