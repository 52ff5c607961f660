#include "node/node.h"

#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/base/log.h"
#include "node/blocks.h"
#include "node/collect.h"
#include "node/entropy.h"
#include "node/former.h"
#include "node/heartbeat.h"
#include "node/hints.h"
#include "node/identity.h"
#include "node/keys.h"
#include "node/obtain_port.h"
#include "node/place.h"
#include "node/repair.h"
#include "node/scrub.h"
#include "node/server.h"
#include "node/settle.h"
#include "node/share.h"
#include "node/share_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

int node_is_suspect(const struct node *n)
{
    return blobs_is_suspect(n->blobs) || db_is_suspect(n->db);
}

uint64_t node_deleted_before(const struct node *n)
{
    uint64_t now = clock_unix_ms();
    return now > n->keep_deleted_ms ? now - n->keep_deleted_ms : 0;
}

/* Says why the node cannot run. Returns the exit code. */
__attribute__((format(printf, 2, 3))) static int fail(int code, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    log_write(LOG_ERROR, "start", "%s", text);
    return code;
}

/* One process a folder: two would give the same promise twice. The lock goes with the process. */
static enum err lock_folder(const char *data, int *lock_fd)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof(path), "%s/lock", data);
    if (len < 0 || (size_t)len >= sizeof(path))
        return ERR_IO;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0)
        return ERR_IO;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        enum err e = errno == EWOULDBLOCK ? ERR_CONFLICT : ERR_IO;
        close(fd);
        return e;
    }
    *lock_fd = fd;
    return ERR_OK;
}

static int open_keys(struct node *n, const char *data)
{
    enum err e = keys_open(data, n->self.id, &n->keys);
    switch (e) {
    case ERR_OK: return 0;
    case ERR_NOT_FOUND:
        return fail(2,
            "%s holds no node.key: give it one with --join-token FILE --join-url URL, or where the cluster's key is at hand with "
            "ringbinder-node --init %s --name %s --key FILE",
            data, data, n->self.name);
    case ERR_DENIED: return fail(2, "%s/node.key can be read by others, or not by us: it must be for its owner only (chmod 600)", data);
    case ERR_INVALID: return fail(2, "the key in %s/node.key is one that anybody would try", data);
    case ERR_CORRUPT: return fail(2, "%s/node.key does not hold the keys of %s", data, n->self.id);
    default: return fail(1, "%s/node.key cannot be read: %s", data, err_text(e));
    }
}

/* How others find us, and how all speak with each other. */
static int open_tls(struct node *n, const struct node_settings *s)
{
    char why[TLS_WHY_SIZE];
    int is_tls = s->tls.ca && *s->tls.ca;
    int len = s->url ? snprintf(n->url, sizeof(n->url), "%s", s->url)
                     : snprintf(n->url, sizeof(n->url), "%s://%s", is_tls ? "https" : "http", s->listen);
    if (len < 0 || (size_t)len >= sizeof(n->url))
        return fail(2, "--url is too long");
    const struct tls_settings settings = {
        .files = s->tls, .private_network = s->private_network, .listen = s->listen, .url = n->url, .others = s->coordinators};
    return tls_open(&settings, (int64_t)(clock_unix_ms() / 1000), &n->tls, why) ? fail(2, "%s", why) : 0;
}

static int open_identity(struct node *n, const struct node_settings *s)
{
    enum err e = identity_read(s->data, &n->self);
    if (e == ERR_NOT_FOUND)
        return fail(2, "%s holds no node.json: make it a node's folder with ringbinder-node --init %s --name NAME", s->data, s->data);
    if (e)
        return fail(2, "%s/node.json cannot be read: %s", s->data, err_text(e));
    int code = open_tls(n, s);
    if (!code)
        code = open_keys(n, s->data);
    if (code)
        return code;
    e = lock_folder(s->data, &n->lock_fd);
    if (e == ERR_CONFLICT)
        return fail(2, "another process runs in %s", s->data);
    return e ? fail(1, "%s cannot be locked: %s", s->data, err_text(e)) : 0;
}

static int open_database(struct node *n, const struct node_settings *s)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof(path), "%s/records.db", s->data);
    if (len < 0 || (size_t)len >= sizeof(path))
        return fail(2, "--data is too long");
    enum err e = db_open(path, &n->db);
    if (e == ERR_NOT_FOUND || e == ERR_CORRUPT)
        return fail(2,
            "%s %s: this node has forgotten what it promised and must be made new: move its node.json away and run --init (README of "
            "node/)",
            path, e == ERR_NOT_FOUND ? "is missing" : "is damaged");
    if (e)
        return fail(1, "%s cannot be opened: %s", path, err_text(e));
    e = identity_claim(s->data, &n->self, n->db);
    if (e == ERR_CORRUPT)
        return fail(2,
            "%s is not the database this node left: it must be made new: move its node.json away and run --init (README of node/)", path);
    return e ? fail(1, "%s cannot be written: %s", path, err_text(e)) : 0;
}

static int open_storage(struct node *n, const struct node_settings *s)
{
    struct blobs_config config = {s->data, s->capacity_bytes, s->reserve_bytes};
    enum err e = blobs_open(&config, &n->blobs);
    if (!e)
        e = verify_open(n->db, n->blobs, &n->verify);
    if (!e)
        e = staging_open(n->blobs, n->verify, &n->staging);
    if (!e)
        e = ledger_open(n->db, &n->ledger);
    if (!e)
        e = catalog_open(n->db, n->ledger, n->self.id, &n->catalog);
    if (e)
        return fail(1, "the folder %s cannot be used: %s", s->data, err_text(e));
    n->blocks = blocks_cache_new();
    if (!n->blocks)
        return fail(1, "out of memory");
    place_find(s->data, n->machine, n->volume);
    n->keep_deleted_ms = s->purge_after_h * 3600000u;
    n->purge_quiet_ms = s->purge_quiet_s * 1000u;
    records_init(&n->records, n->db, n->ledger, n->self.id);
    return 0;
}

/* A node of the ring has promised to keep copies: it must be drained before it may only share. */
static int check_stores(struct node *n)
{
    struct ledger_ring *held = n->stores ? NULL : ledger_hold(n->ledger);
    if (!held)
        return 0;
    const struct ringdoc *doc = held->doc;
    int named = ring_find(doc->ring, n->self.id) >= 0 || (doc->before && ring_find(doc->before, n->self.id) >= 0);
    ledger_drop(held);
    return named ? fail(2, "--store 0: this node keeps copies for the ring; drain it first (ringbinder node drain)") : 0;
}

/* The folder is listed while the rest starts; nobody is told before the heartbeat knows whom to tell. */
static int open_share(struct node *n, const struct node_settings *s)
{
    struct share_settings settings = {.folder = s->share, .limit_rate = s->limit_rate};
    if (!s->share)
        return n->stores ? 0 : fail(2, "--store 0 needs --share DIR: the node would do nothing");
    if (share_folder_covers(s->share, s->data) || share_folder_covers(s->data, s->share))
        return fail(2, "--share %s would give away the node's own folder, with its keys", s->share);
    enum err e = share_start(n, &settings, &n->share);
    int no_folder = e == ERR_NOT_FOUND || e == ERR_DENIED || e == ERR_INVALID;
    return !e ? 0 : no_folder ? 2 : fail(1, "the folder %s cannot be shared: %s", s->share, err_text(e));
}

static int open_obtain_port(struct node *n, const struct node_settings *s)
{
    if (!s->obtain_port)
        return 0;
    if (!n->share)
        return fail(2, "--obtain-port needs --share DIR: there would be nothing to give out");
    n->obtain_number = (uint16_t)s->obtain_port;
    enum err e = obtain_port_start(n->share, s->listen, n->obtain_number, &n->obtain_port);
    return e ? fail(e == ERR_INVALID ? 2 : 1, "cannot serve at port %u: %s", n->obtain_number,
                   e == ERR_IO ? "it is taken, or not ours to take" : err_text(e))
             : 0;
}

static int open_network(struct node *n, const struct node_settings *s)
{
    enum err e = cluster_open(s->data, s->coordinators, n->ledger, n->keys, &n->cluster);
    if (e == ERR_SYNTAX)
        return fail(2, "--coordinators is not a list of 1 to %d URLs", MEMBERS_COORDINATORS_MAX);
    heads_init(&n->heads, n->db);
    enum err noted = e ? ERR_OK : note_open(n, s->data);
    if (noted)
        return fail(1, "the audit log in %s/audit cannot be begun: %s", s->data, err_text(noted));
    n->peers = e ? NULL : peers_new(n->keys, n->tls, s->clients_idle);
    if (!e && !n->peers)
        e = ERR_NOMEM;
    if (!e)
        e = repair_start(n, &n->repair);
    if (!e)
        e = hints_start(n, &n->hints);
    if (!e)
        e = settle_start(n, &n->settle);
    if (!e)
        e = former_start(n, &n->former);
    if (!e)
        e = entropy_start(n, s->entropy_s, &n->entropy);
    if (!e)
        e = scrub_start(n, s->scrub_s, &n->scrub);
    if (!e)
        e = collect_start(n, s->collect_s, &n->collect);
    if (e)
        return fail(1, "the node cannot start: %s", err_text(e));
    int code = open_share(n, s);
    if (!code)
        code = open_obtain_port(n, s);
    if (code)
        return code;
    e = server_start(n, s->listen, s->connections_max, &n->server);
    if (e)
        return fail(e == ERR_INVALID ? 2 : 1, "cannot serve at %s: %s", s->listen,
            e == ERR_IO ? "the port is taken, or not ours to take" : err_text(e));
    e = heartbeat_start(n, &n->heartbeat);
    return e ? fail(1, "the heartbeat cannot start: %s", err_text(e)) : 0;
}

int node_open(struct node *n, const struct node_settings *s)
{
    memset(n, 0, sizeof(*n));
    n->lock_fd = -1;
    n->stores = !s->share_only;
    pace_init(&n->pace, s->move_bytes_per_s);
    int code = open_identity(n, s);
    if (!code)
        code = open_database(n, s);
    if (!code)
        code = open_storage(n, s);
    if (!code)
        code = check_stores(n);
    return code ? code : open_network(n, s);
}

void node_close(struct node *n)
{
    /* After the goodbye nothing of the folder is told any more, or it would be listed again. */
    share_stop(n->share);
    /* Goodbye before the rest, so that nobody counts on us while that ends. */
    heartbeat_free(n->heartbeat);
    hints_stop(n->hints);
    settle_stop(n->settle);
    former_stop(n->former);
    entropy_stop(n->entropy);
    scrub_stop(n->scrub);
    collect_stop(n->collect);
    repair_stop(n->repair);
    http_stop(n->server);
    note_close(n);
    obtain_port_stop(n->obtain_port);
    share_free(n->share);
    hints_free(n->hints);
    settle_free(n->settle);
    former_free(n->former);
    entropy_free(n->entropy);
    scrub_free(n->scrub);
    collect_free(n->collect);
    repair_free(n->repair);
    peers_free(n->peers);
    cluster_close(n->cluster);
    staging_close(n->staging);
    verify_close(n->verify);
    blocks_cache_free(n->blocks);
    catalog_close(n->catalog);
    ledger_close(n->ledger);
    blobs_close(n->blobs);
    db_close(n->db);
    sign_keys_free(n->keys);
    tls_free(n->tls);
    pace_release(&n->pace);
    if (n->lock_fd >= 0)
        close(n->lock_fd);
}
