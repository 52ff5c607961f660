/* ringbinder-coordinator: membership, the leader's lease, the ring. Settings, then the run. */
#include "coordinator/coordinator.h"
#include "coordinator/ringfile.h"

#include "lib/base/cfg.h"
#include "lib/base/log.h"

#include <stdio.h>

struct options {
    struct coordinator_settings run;
    const char *found, *members, *log_level;
    uint64_t k;
};

static enum err read_options(struct options *o, int argc, char **argv)
{
    const struct cfg_row rows[] = {
        {.name = "name", .env = "RB_COORDINATOR_NAME", .type = CFG_STR, .str = &o->run.name, .optional = 1, .help = "this coordinator's name, 1 to 63 of a-z, 0-9 and -; the smallest leads first"},
        {.name = "data", .env = "RB_COORDINATOR_DATA", .type = CFG_STR, .str = &o->run.data, .optional = 1, .help = "its folder: the last known ring"},
        {.name = "listen", .env = "RB_COORDINATOR_LISTEN", .type = CFG_STR, .str = &o->run.listen, .optional = 1, .help = "where to serve: ADDR:PORT"},
        {.name = "url", .env = "RB_COORDINATOR_URL", .type = CFG_STR, .str = &o->run.url, .optional = 1, .max = MEMBERS_URL_MAX - 1, .help = "what others call"},
        {.name = "redis", .env = "RB_COORDINATOR_REDIS", .type = CFG_STR, .str = &o->run.redis, .optional = 1, .help = "Redis: unix:PATH or HOST:PORT"},
        {.name = "redis-user", .env = "RB_COORDINATOR_REDIS_USER", .type = CFG_STR, .str = &o->run.redis_user, .optional = 1, .help = "the user there"},
        {.name = "redis-password-file", .env = "RB_COORDINATOR_REDIS_PASSWORD_FILE", .type = CFG_STR, .str = &o->run.redis_password_file, .optional = 1,
            .help = "file with that user's password in one line"},
        {.name = "key", .env = "RB_COORDINATOR_KEY", .type = CFG_STR, .str = &o->run.key, .optional = 1, .help = "file with the cluster's key: 64 hex digits, mode 0600"},
        {.name = "founding", .env = "RB_COORDINATOR_FOUNDING", .type = CFG_STR, .str = &o->run.founding, .optional = 1, .help = "the founding document, the same bytes for all"},
        {.name = "log-level", .env = "RB_LOG_LEVEL", .type = CFG_STR, .str = &o->log_level, .def = "info", .help = "debug, info, warn or error"},
        {.name = "found", .type = CFG_STR, .str = &o->found, .optional = 1, .help = "write the founding document, ring 1, to this file, and exit"},
        {.name = "k", .type = CFG_U64, .u64 = &o->k, .def = "3", .min = 1, .max = RING_K_MAX, .help = "with --found: copies of each file"},
        {.name = "members", .type = CFG_STR, .str = &o->members, .optional = 1, .help = "with --found: the first nodes' node.json files, with commas between them"},
    };
    return cfg_read(rows, sizeof rows / sizeof *rows, argc, argv, "a coordinator of a Ringbinder cluster: who is there, who leads, and the ring", stderr);
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
    if (!ring_name_ok(s->name)) {
        fprintf(stderr, "--name must be 1 to 63 of a-z, 0-9 and -, and start with a letter\n");
        return 0;
    }
    return 1;
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
    if (o.found) {
        if (o.members)
            return ringfile_found(o.found, o.k, o.members);
        fprintf(stderr, "--found needs --members\n");
        return 2;
    }
    if (!check_settings(&o.run))
        return 2;
    log_init(o.run.name, (enum log_level)level);
    return run_coordinator(&o.run);
}
