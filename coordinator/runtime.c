#include "coordinator/coordinator.h"
#include "coordinator/index_port.h"
#include "coordinator/ringfile.h"
#include "coordinator/serve.h"
#include "coordinator/tend.h"

#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/base/id.h"
#include "lib/base/log.h"
#include "lib/base/num.h"
#include "lib/base/sig.h"
#include "lib/peer/peer.h"

#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <unistd.h>

#define LEASE_TIMEOUT_MS 300u /* of a command on the lease's own connection: several fit into one TTL */
#define VIEW_START_BITS 40    /* leaves room to count within 2^53, the largest exact number in JSON */

/* What the main thread alone uses. */
struct runtime {
    struct coordinator *c;
    struct lease_state lease;
    struct store *store; /* for the lease, and for nothing that could hold it up */
    struct effects fx;   /* of the lease */
    int was_leading;
};

static __attribute__((format(printf, 2, 3))) int fail(int code, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    log_write(LOG_ERROR, "start", "%s", text);
    return code;
}

/* ---- the lease's effects */

static enum err fx_read(void *ctx, struct lease *out)
{
    return lease_read(((struct runtime *)ctx)->store, out);
}

static enum err fx_take(void *ctx, const struct lease *mine, unsigned ttl_ms)
{
    return lease_take(((struct runtime *)ctx)->store, mine, ttl_ms);
}

static enum err fx_renew(void *ctx, const struct lease *mine, unsigned ttl_ms)
{
    return lease_renew(((struct runtime *)ctx)->store, mine, ttl_ms);
}

static enum err fx_release(void *ctx, const struct lease *mine)
{
    return lease_release(((struct runtime *)ctx)->store, mine);
}

static struct effects lease_effects(struct runtime *r)
{
    struct effects fx = coordinator_effects(r->c);
    fx.ctx = r;
    fx.lease_read = fx_read;
    fx.lease_take = fx_take;
    fx.lease_renew = fx_renew;
    fx.lease_release = fx_release;
    fx.event = NULL; /* the lease tells no events: a leader is one when its promise round is through */
    return fx;
}

/* ---- the tick */

/* Copies the names, so that the lock is not held while Redis is asked. */
static size_t copy_living(struct coordinator *c, char (*names)[RING_NAME_MAX], uint64_t *led_term, uint64_t *led_epoch)
{
    pthread_mutex_lock(&c->lock);
    size_t n = c->n_living;
    memcpy(names, c->living, n * sizeof names[0]);
    *led_term = c->led_term;
    *led_epoch = c->led_epoch;
    pthread_mutex_unlock(&c->lock);
    return n;
}

/* Shows the other threads where the lease stands. */
static void share_lease(struct runtime *r)
{
    struct coordinator *c = r->c;
    pthread_mutex_lock(&c->lock);
    const struct lease *leader = lease_leader(&r->lease, clock_boot_ms());
    c->leading = r->lease.leading;
    c->term = r->lease.term;
    c->valid_until_ms = r->lease.valid_until_ms;
    c->leader_known = leader != NULL;
    if (leader)
        c->leader = *leader;
    if (c->leading && !r->was_leading)
        pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    if (r->lease.leading != r->was_leading)
        log_write(LOG_INFO, "lease", r->lease.leading ? "taken" : "lost or let go");
    r->was_leading = r->lease.leading;
}

static void tick(struct runtime *r)
{
    char names[MEMBERS_COORDINATORS_MAX][RING_NAME_MAX];
    const char *living[MEMBERS_COORDINATORS_MAX];
    uint64_t led_term, led_epoch;
    size_t n = copy_living(r->c, names, &led_term, &led_epoch);
    for (size_t i = 0; i < n; i++)
        living[i] = names[i];
    lease_set_epoch(&r->lease, led_term, led_epoch);
    lease_tick(&r->lease, &r->fx, living, n);
    share_lease(r);

    struct effects fx = coordinator_effects(r->c);
    pthread_mutex_lock(&r->c->lock);
    membership_tick(&r->c->membership, &fx, r->c->ring);
    pthread_mutex_unlock(&r->c->lock);
}

static void loop(struct runtime *r)
{
    struct pollfd fds[] = {{.fd = sig_fd(), .events = POLLIN}, {.fd = r->c->wake_fd, .events = POLLIN}};
    uint64_t count;
    while (!sig_stopping()) {
        tick(r);
        if (poll(fds, 2, (int)COORDINATOR_TICK_MS) > 0 && (fds[1].revents & POLLIN)) {
            ssize_t n = read(r->c->wake_fd, &count, sizeof count);
            (void)n; /* emptied or empty: both fine */
        }
    }
}

/* ---- start and stop */

static int read_password(struct coordinator *c)
{
    enum err e = password_file_read(c->settings->redis_password_file, c->password);
    return e == ERR_OK ? 0 : fail(2, "Redis's password in %s cannot be used: %s", c->settings->redis_password_file, password_file_why(e));
}

static int read_key(struct coordinator *c)
{
    char self[SIGN_SENDER_MAX];
    enum err e = sign_key_read(c->settings->key, &c->key);
    if (e != ERR_OK)
        return fail(2, "the cluster's key in %s cannot be used: %s", c->settings->key, sign_key_why(e));
    snprintf(self, sizeof self, "coordinator:%s", c->settings->name);
    c->keys = sign_keys_master(&c->key, self);
    return c->keys ? 0 : fail(1, "out of memory");
}

static int open_tls(struct coordinator *c)
{
    const struct coordinator_settings *s = c->settings;
    const struct tls_settings settings = {.files = s->tls, .private_network = s->private_network, .listen = s->listen, .url = s->url};
    char why[TLS_WHY_SIZE];
    return tls_open(&settings, (int64_t)(clock_unix_ms() / 1000), &c->tls, why) ? fail(2, "%s", why) : 0;
}

/* One process a folder. The lock goes with the process. */
static int lock_folder(const char *data)
{
    char path[4096];
    enum err e = fs_mkdirs(data, COORDINATOR_DATA_MODE);
    if (e != ERR_OK)
        return fail(2, "%s cannot be made: %s", data, err_text(e));
    int n = snprintf(path, sizeof path, "%s/lock", data);
    int fd = n > 0 && (size_t)n < sizeof path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd < 0)
        return fail(2, "%s cannot be used", data);
    return flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : fail(2, "%s belongs to a coordinator that runs", data);
}

/* The founding document, or what became of it since. */
static int load_ring(struct coordinator *c)
{
    struct ringdoc *last = NULL;
    enum err e = ringfile_read(c->settings->founding, &c->ring);
    if (e != ERR_OK)
        return fail(2, "%s is no founding document: %s (ringbinder-coordinator --found writes one)", c->settings->founding, err_text(e));
    membership_new_ring(&c->membership, c->ring);
    e = ringfile_load(c->settings->data, &last);
    if (e == ERR_OK)
        coordinator_adopt(c, last);
    else if (e != ERR_NOT_FOUND)
        log_write(LOG_WARN, "ring", "the last ring in %s cannot be read (%s); the others will tell", c->settings->data, err_text(e));
    return 0;
}

static int open_all(struct coordinator *c, const struct coordinator_settings *s)
{
    uint8_t random[16];
    pthread_condattr_t attributes;
    c->settings = s;
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&c->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    files_init(&c->files);
    id_random(random, sizeof random);
    num_hex(random, sizeof random, c->token);
    c->start = num_load_be64(random) >> 11; /* 53 bits: exact in JSON */
    membership_init(&c->membership, id_random_below(1ull << VIEW_START_BITS), clock_boot_ms(), &c->wishes.now);
    c->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (c->wake_fd < 0)
        return fail(1, "no eventfd");
    int code = read_key(c);
    if (!code)
        code = open_tls(c);
    if (!code)
        code = read_password(c);
    if (!code)
        code = lock_folder(s->data);
    if (!code)
        code = load_ring(c);
    if (code)
        return code;
    enum err e = note_open(c);
    return e == ERR_OK ? 0 : fail(1, "the audit log in %s/audit cannot be begun: %s", s->data, err_text(e));
}

static void close_all(struct coordinator *c)
{
    note_close(c);
    membership_release(&c->membership);
    files_release(&c->files);
    ringdoc_free(c->ring);
    close(c->wake_fd);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    sign_keys_free(c->keys);
    tls_free(c->tls);
    explicit_bzero(&c->key, sizeof c->key);
    explicit_bzero(c->password, sizeof c->password);
}

/* The lease first: from then on another one can lead. */
static void leave(struct runtime *r)
{
    lease_stop(&r->lease, &r->fx);
    share_lease(r);
    pthread_mutex_lock(&r->c->lock);
    r->c->stopping = 1;
    pthread_cond_broadcast(&r->c->changed);
    pthread_cond_broadcast(&r->c->files.work);
    pthread_mutex_unlock(&r->c->lock);
}

static int start_index_port(struct coordinator *c, struct index_port **out)
{
    enum err e = index_port_start(c, out);
    return e == ERR_OK ? 0
                       : fail(e == ERR_INVALID ? 2 : 1, "cannot serve at port %llu: %s", (unsigned long long)c->settings->index_port,
                             e == ERR_IO ? "it is taken, or not ours to take" : err_text(e));
}

/* Runs the threads around the loop. */
static int serve(struct runtime *r)
{
    struct coordinator *c = r->c;
    struct http_server *server;
    struct index_port *index_port;
    pthread_t meet, lead, tend, files;
    enum err e = serve_start(c, &server);
    if (e != ERR_OK)
        return fail(e == ERR_INVALID ? 2 : 1, "cannot serve at %s: %s", c->settings->listen,
            e == ERR_IO ? "the port is taken, or not ours to take" : err_text(e));
    int code = start_index_port(c, &index_port);
    if (code) {
        http_stop(server);
        return code;
    }
    int has_meet = pthread_create(&meet, NULL, meet_run, c) == 0;
    int has_lead = has_meet && pthread_create(&lead, NULL, lead_run, c) == 0;
    int has_tend = has_lead && pthread_create(&tend, NULL, tend_run, c) == 0;
    int has_all = has_tend && pthread_create(&files, NULL, files_run, c) == 0;
    if (has_all) {
        log_write(
            LOG_INFO, "start", "%s serves at %s, ring %llu", c->settings->name, c->settings->url, (unsigned long long)c->ring->ring->epoch);
        loop(r);
        log_write(LOG_INFO, "stop", "leaving");
    }
    leave(r);
    if (has_meet)
        pthread_join(meet, NULL);
    /* After meet, which would write it again. */
    e = has_all ? members_coordinator_leave(r->store, c->settings->name) : ERR_OK;
    if (e != ERR_OK)
        log_write(LOG_WARN, "stop", "the alive key stays until its time: %s", err_text(e));
    if (has_lead)
        pthread_join(lead, NULL);
    if (has_tend)
        pthread_join(tend, NULL);
    if (has_all)
        pthread_join(files, NULL);
    index_port_stop(index_port);
    http_stop(server);
    return has_all ? 0 : fail(1, "no threads");
}

int run_coordinator(const struct coordinator_settings *settings)
{
    struct runtime r = {.c = calloc(1, sizeof *r.c)};
    sig_init();
    if (!r.c || peer_global_init() != ERR_OK) {
        free(r.c);
        return fail(1, "out of memory");
    }
    int code = open_all(r.c, settings);
    if (!code) {
        r.store = coordinator_store(r.c, LEASE_TIMEOUT_MS);
        r.fx = lease_effects(&r);
        lease_init(&r.lease, settings->name, r.c->token);
        code = r.store ? serve(&r) : fail(1, "out of memory");
        store_free(r.store);
    }
    close_all(r.c);
    free(r.c);
    return code;
}
