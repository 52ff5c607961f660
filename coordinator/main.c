/* ringbinder-coordinator: membership, the leader's lease, the ring. Settings, then the run. */
#include "coordinator/confine.h"
#include "coordinator/coordinator.h"
#include "coordinator/ringfile.h"
#include "coordinator/serve.h"

#include "lib/base/cfg.h"
#include "lib/base/limits.h"
#include "lib/base/log.h"
#include "lib/jail/jail.h"
#include "lib/store/conn.h"

#include <stdio.h>
#include <string.h>

#define STACK_BYTES \
    (1u << 20) /* of its own threads, two of which have a whole picture of the cluster on it; those of connections are lib/http's */
#define PURGE_BY_HOURS "4294967295" /* of --purge-after-s: not given */
#define PURGE_BY_HOURS_NUMBER 4294967295u

struct options {
    struct coordinator_settings run;
    const char *found, *members, *log_level, *jail;
    uint64_t k, purge_after_h, purge_after_s;
};

/* A text that may be missing: which ones are needed depends on what is asked for. */
static struct cfg_row text(const char *name, const char *env, const char **to, const char *help)
{
    return (struct cfg_row){.name = name, .env = env, .type = CFG_STR, .str = to, .optional = 1, .help = help};
}

static enum err read_options(struct options *o, int argc, char **argv)
{
    const struct cfg_row rows[] = {
        text("name", "RB_COORDINATOR_NAME", &o->run.name, "this coordinator's name, 1 to 63 of a-z, 0-9 and -; the smallest leads first"),
        text("data", "RB_COORDINATOR_DATA", &o->run.data, "its folder: the last known ring"),
        text("listen", "RB_COORDINATOR_LISTEN", &o->run.listen, "where to serve: ADDR:PORT"),
        text("url", "RB_COORDINATOR_URL", &o->run.url, "what others call"),
        text("redis", "RB_COORDINATOR_REDIS", &o->run.redis, STORE_ADDRESS_HELP),
        text("redis-user", "RB_COORDINATOR_REDIS_USER", &o->run.redis_user, "the user there"),
        text("redis-password-file", "RB_COORDINATOR_REDIS_PASSWORD_FILE", &o->run.redis_password_file,
            "file with that user's password in one line; the sentinels are told it too"),
        text("key", "RB_COORDINATOR_KEY", &o->run.key, "file with the cluster's key: 64 hex digits, mode 0600"),
        text("founding", "RB_COORDINATOR_FOUNDING", &o->run.founding, "the founding document, the same bytes for all"),
        text("tls-ca", TLS_CA_ENV, &o->run.tls.ca, TLS_CA_HELP),
        text("tls-cert", TLS_CERT_ENV, &o->run.tls.cert, TLS_CERT_HELP),
        text("tls-key", TLS_KEY_ENV, &o->run.tls.key, TLS_KEY_HELP),
        {.name = "private-network",
            .env = TLS_PRIVATE_ENV,
            .type = CFG_BOOL,
            .u64 = &o->run.private_network,
            .def = "0",
            .help = TLS_PRIVATE_HELP},
        text("found", NULL, &o->found, "write the founding document, ring 1, to this file, and exit"),
        text("members", NULL, &o->members, "with --found: the first nodes' node.json files, with commas between them"),
        {.name = "k", .type = CFG_U64, .u64 = &o->k, .def = "3", .min = 1, .max = RING_K_MAX, .help = "with --found: copies of each file"},
        {.name = "out-after-s",
            .env = "RB_OUT_AFTER_S",
            .type = CFG_U64,
            .u64 = &o->run.out_after_s,
            .def = "300",
            .min = 1,
            .max = 604800,
            .help = "seconds of silence after which a node is taken out of the ring, and its copies are made anew"},
        {.name = "move-bytes-per-s",
            .env = "RB_NODE_MOVE_BYTES_PER_S",
            .type = CFG_U64,
            .u64 = &o->run.move_bytes_per_s,
            .def = "67108864",
            .min = 1,
            .max = 1ull << 40,
            .help = "bytes a second that a node copies for ring changes: what a dry run reckons with until it was measured"},
        {.name = "index-port",
            .env = "RB_INDEX_PORT",
            .type = CFG_U64,
            .u64 = &o->run.index_port,
            .def = "0",
            .max = 65535,
            .help = "a port, at the address of --listen, that serves the index of peers by the line protocol; 0: none"},
        {.name = "sweep-s",
            .env = "RB_SWEEP_S",
            .type = CFG_U64,
            .u64 = &o->run.sweep_s,
            .def = "600",
            .min = 1,
            .max = 86400,
            .help = "seconds between two comparisons of the index with the nodes"},
        {.name = "purge-after-h",
            .env = "RB_PURGE_AFTER_H",
            .type = CFG_U64,
            .u64 = &o->purge_after_h,
            .def = "720",
            .max = 876000,
            .help = "hours after which a deleted file is forgotten altogether"},
        {.name = "purge-after-s",
            .env = "RB_PURGE_AFTER_S",
            .type = CFG_U64,
            .u64 = &o->purge_after_s,
            .def = PURGE_BY_HOURS,
            .max = PURGE_BY_HOURS_NUMBER,
            .help = "the same in seconds, for tests; counts when it is less than 4294967295"},
        {.name = "log-level",
            .env = "RB_LOG_LEVEL",
            .type = CFG_STR,
            .str = &o->log_level,
            .def = "info",
            .help = "debug, info, warn or error"},
        {.name = "jail", .env = JAIL_ENV, .type = CFG_STR, .str = &o->jail, .def = "on", .help = JAIL_HELP},
    };
    return cfg_read(rows, sizeof rows / sizeof *rows, argc, argv,
        "a coordinator of a Ringbinder cluster: who is there, who leads, and the ring", stderr);
}

/* Says the first setting that is missing or makes no sense. */
static int check_settings(const struct coordinator_settings *s)
{
    static const char *const names[] = {"name", "data", "listen", "url", "redis", "key", "founding"};
    const char *const values[] = {s->name, s->data, s->listen, s->url, s->redis, s->key, s->founding};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        if (values[i])
            continue;
        fprintf(stderr, "--%s is missing; --help tells what it is\n", names[i]);
        return 0;
    }
    if (store_address_check(s->redis) != ERR_OK) {
        fprintf(stderr, "--redis is no address; " STORE_ADDRESS_HELP "\n");
        return 0;
    }
    if (!ring_name_ok(s->name)) {
        fprintf(stderr, "--name must be 1 to 63 of a-z, 0-9 and -, and start with a letter\n");
        return 0;
    }
    if (strlen(s->url) >= MEMBERS_URL_MAX) {
        fprintf(stderr, "--url is longer than %d bytes\n", MEMBERS_URL_MAX - 1);
        return 0;
    }
    return 1;
}

/* What it serves at once follows from what it may have. */
static void fit(struct coordinator_settings *s)
{
    struct limits l;
    limits_tame_memory(STACK_BYTES);
    limits_read(&l);
    s->connections_max = serve_connections(&l);
}

int main(int argc, char **argv)
{
    struct options o = {0};
    enum err e = read_options(&o, argc, argv);
    if (e != ERR_OK)
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
    if (o.found) {
        if (o.members)
            return ringfile_found(o.found, o.k, o.members);
        fprintf(stderr, "--found needs --members\n");
        return 2;
    }
    if (!check_settings(&o.run))
        return 2;
    o.run.purge_after_s = o.purge_after_s == PURGE_BY_HOURS_NUMBER ? o.purge_after_h * 3600 : o.purge_after_s;
    log_init(o.run.name, (enum log_level)level);
    fit(&o.run);
    return confine_coordinator(&o.run, o.jail) == ERR_OK ? run_coordinator(&o.run) : 1;
}
