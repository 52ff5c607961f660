#include "node/run.h"

#include "lib/base/limits.h"
#include "lib/base/sig.h"
#include "node/confine.h"
#include "node/identity.h"
#include "node/server.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define STACK_BYTES (512u << 10) /* of background threads; those of connections are lib/http's */
#define FEW_DESCRIPTORS 256      /* with fewer, only so many clients of others keep theirs while nobody needs them */
#define FEW_CLIENTS 2
#define STOP_S 2 /* an orderly stop that takes longer is cut: everything is safe against kill -9 anyway */

static void wait_for_signal(void)
{
    struct pollfd p = {.fd = sig_fd(), .events = POLLIN};
    while (!sig_stopping())
        (void)poll(&p, 1, -1);
}

static void cut_stop(int number)
{
    (void)number;
    _exit(0);
}

/* Each line of the log names the process by its node's name, where there is one. */
static void begin_log(const char *data, enum log_level level)
{
    struct ring_member self;
    log_init(identity_read(data, &self) == ERR_OK ? self.name : "node", level);
}

/* What it serves at once follows from what it may have. */
static void fit(struct node_settings *s)
{
    struct limits l;
    limits_read(&l);
    s->connections_max = server_connections(&l);
    s->clients_idle = l.descriptors < FEW_DESCRIPTORS ? FEW_CLIENTS : 0;
    if (s->connections_max < SERVER_CONNECTIONS_MAX)
        log_write(LOG_WARN, "start", "%u connections instead of %u: it may have %llu descriptors and %llu MiB of memory",
            s->connections_max, SERVER_CONNECTIONS_MAX, (unsigned long long)l.descriptors, (unsigned long long)(l.memory_bytes >> 20));
}

int run_node(const struct node_settings *s, enum log_level level, const char *jail_words)
{
    struct node_settings fitting = *s;
    limits_tame_memory(STACK_BYTES);
    begin_log(s->data, level);
    fit(&fitting);
    if (confine_node(s, jail_words) != ERR_OK)
        return 1;
    struct node *n = malloc(sizeof(*n));
    sig_init();
    if (!n || peer_global_init() != ERR_OK) {
        log_write(LOG_ERROR, "start", "out of memory");
        free(n);
        return 1;
    }
    int code = node_open(n, &fitting);
    if (!code) {
        log_write(LOG_INFO, "start", "%s serves at %s, ring %llu", n->self.id, n->url, (unsigned long long)ledger_epoch(n->ledger));
        wait_for_signal();
        log_write(LOG_INFO, "stop", "leaving");
    }
    signal(SIGALRM, cut_stop);
    alarm(STOP_S);
    node_close(n);
    free(n);
    return code;
}
