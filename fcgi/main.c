/* ringbinder-api: the REST API behind nginx, as a FastCGI responder. A settings table and a loop. */
#include "fcgi/confine.h"
#include "fcgi/first_admin.h"
#include "fcgi/listen.h"
#include "fcgi/metrics.h"
#include "fcgi/pool.h"
#include "fcgi/service/app.h"
#include "lib/auth/password.h"
#include "lib/base/cfg.h"
#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/log.h"
#include "lib/base/sig.h"
#include "lib/jail/jail.h"
#include "lib/peer/peer.h"
#include "lib/store/password_file.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define ABOUT "the REST API of Ringbinder, a FastCGI responder for nginx"
#define SMALL_MAX_BYTES (1u << 20) /* bodies up to this travel with their record, in one round trip */
#define QUORUM_TIMEOUT_MS 2000u
#define UPLOAD_MAX_MAX (UINT64_C(1) << 50)
#define STOP_GRACE_MS 2000u
#define ADOPT_AFTER_MAX 1000000u
#define STACK_BYTES (512u << 10) /* of threads that are no worker's; some of them upload, as workers do */

struct settings {
    const char *name, *data, *listen, *redis, *redis_user, *redis_password_file, *key, *coordinators, *zone, *log_level, *jail, *admin_file;
    uint64_t threads, upload_max_bytes, lock_skip_percent, adopt_after, private_network;
    struct tls_files tls;
};

static enum err read_settings(struct settings *s, int argc, char **argv)
{
    /* clang-format off */
    const struct cfg_row rows[] = {
        {.name = "name", .env = "RB_API_NAME", .type = CFG_STR, .str = &s->name, .min = 1, .max = 63,
            .help = "this api's name, as in logs and signatures"},
        {.name = "data", .env = "RB_API_DATA", .type = CFG_STR, .str = &s->data, .min = 1, .max = 4000,
            .help = "its folder: the last known ring, form uploads on their way"},
        {.name = "listen", .env = "RB_API_LISTEN", .type = CFG_STR, .str = &s->listen, .min = 1, .max = 200,
            .help = "where nginx finds it: unix:PATH or ADDRESS:PORT"},
        {.name = "redis", .env = "RB_API_REDIS", .type = CFG_STR, .str = &s->redis, .min = 1, .max = 2500,
            .help = STORE_ADDRESS_HELP},
        {.name = "redis-user", .env = "RB_API_REDIS_USER", .type = CFG_STR, .str = &s->redis_user, .optional = 1,
            .help = "the user there"},
        {.name = "redis-password-file", .env = "RB_API_REDIS_PASSWORD_FILE", .type = CFG_STR, .str = &s->redis_password_file, .optional = 1,
            .help = "file with that user's password in one line; the sentinels are told it too"},
        {.name = "key", .env = "RB_API_KEY", .type = CFG_STR, .str = &s->key, .min = 1, .max = 4000,
            .help = "file with the cluster's key: 64 hex digits, mode 0600"},
        {.name = "admin-file", .env = "RB_API_ADMIN_FILE", .type = CFG_STR, .str = &s->admin_file, .optional = 1, .max = 4000,
            .help = "file with the first admin's name, password and maybe token, a line each, mode 0600; removed when the account is there"},
        {.name = "coordinators", .env = "RB_API_COORDINATORS", .type = CFG_STR, .str = &s->coordinators, .min = 1, .max = 2000,
            .help = "their URLs, separated by commas"},
        {.name = "tls-ca", .env = TLS_CA_ENV, .type = CFG_STR, .str = &s->tls.ca, .optional = 1, .help = TLS_CA_HELP},
        {.name = "tls-cert", .env = TLS_CERT_ENV, .type = CFG_STR, .str = &s->tls.cert, .optional = 1, .help = TLS_CERT_HELP},
        {.name = "tls-key", .env = TLS_KEY_ENV, .type = CFG_STR, .str = &s->tls.key, .optional = 1, .help = TLS_KEY_HELP},
        {.name = "private-network", .env = TLS_PRIVATE_ENV, .type = CFG_BOOL, .u64 = &s->private_network, .def = "0",
            .help = TLS_PRIVATE_HELP},
        {.name = "zone", .env = "RB_ZONE", .type = CFG_STR, .str = &s->zone, .optional = 1, .max = 63,
            .help = "where its readers are: nodes of this zone are read from first"},
        {.name = "threads", .env = "RB_API_THREADS", .type = CFG_U64, .u64 = &s->threads, .def = "32", .min = 1, .max = POOL_THREADS_MAX,
            .help = "how many requests are served at once"},
        {.name = "upload-max-bytes", .env = "RB_UPLOAD_MAX_BYTES", .type = CFG_U64, .u64 = &s->upload_max_bytes, .def = "2147483648",
            .min = 1, .max = UPLOAD_MAX_MAX, .help = "the largest upload, in bytes"},
        {.name = "adopt-after", .env = "RB_ADOPT_AFTER", .type = CFG_U64, .u64 = &s->adopt_after, .def = "3", .max = ADOPT_AFTER_MAX,
            .help = "downloads after which a file that only peers hold is taken into the ring; 0: never"},
        {.name = "lock-skip-percent", .env = "RB_LOCK_SKIP_PERCENT", .type = CFG_U64, .u64 = &s->lock_skip_percent, .def = "0", .max = 100,
            .help = "for tests: how often the lock that spares rivals a chase is not taken, in percent"},
        {.name = "log-level", .env = "RB_LOG_LEVEL", .type = CFG_STR, .str = &s->log_level, .def = "info",
            .help = "debug, info, warn or error"},
        {.name = "jail", .env = JAIL_ENV, .type = CFG_STR, .str = &s->jail, .def = "on", .help = JAIL_HELP},
    };
    /* clang-format on */
    enum err e = cfg_read(rows, sizeof(rows) / sizeof(rows[0]), argc, argv, ABOUT, stderr);
    if (!e && log_level_parse(s->log_level) < 0) {
        fprintf(stderr, "--log-level: debug, info, warn or error\n");
        e = ERR_SYNTAX;
    }
    if (!e && jail_words_check(s->jail)) {
        fprintf(stderr, "--jail: " JAIL_HELP "\n");
        e = ERR_SYNTAX;
    }
    if (!e && store_address_check(s->redis)) {
        fprintf(stderr, "--redis is no address; " STORE_ADDRESS_HELP "\n");
        e = ERR_SYNTAX;
    }
    return e;
}

static enum err read_password(const char *path, char password[PASSWORD_FILE_SIZE])
{
    enum err e = password_file_read(path, password);
    if (e)
        log_write(LOG_ERROR, "settings", "Redis's password in %s cannot be used: %s", path, password_file_why(e));
    return e;
}

/* The passwords that too many people have. Without the list what is built in goes on working. */
static struct password_list *read_password_list(void)
{
    struct password_list *list = NULL;
    struct buf text;
    buf_init(&text, PASSWORD_LIST_BYTES_MAX);
    enum err e = fs_read_file(PASSWORD_LIST_FILE, &text);
    if (!e)
        e = password_list_new(buf_str(&text), text.len, &list);
    if (e)
        log_write(LOG_WARN, "settings", "no list of frequent passwords (%s): %s", PASSWORD_LIST_FILE, err_text(e));
    buf_release(&text);
    return list;
}

/* FastCGI itself is never encrypted, whatever the api speaks with nodes: nginx is on the same machine, or on a network of their own. */
static enum err read_tls(const struct settings *s, struct tls **out)
{
    const struct tls_settings near = {.private_network = s->private_network, .listen = s->listen},
                              inside = {.files = s->tls, .others = s->coordinators};
    char why[TLS_WHY_SIZE];
    int64_t now_s = (int64_t)(clock_unix_ms() / 1000);
    enum err e = tls_open(&near, now_s, out, why);
    if (!e)
        e = tls_open(&inside, now_s, out, why);
    if (e)
        log_write(LOG_ERROR, "settings", "%s", why);
    return e;
}

static enum err read_key(const char *path, struct sign_key *key)
{
    enum err e = sign_key_read(path, key);
    if (e)
        log_write(LOG_ERROR, "settings", "the cluster's key in %s cannot be used: %s", path, sign_key_why(e));
    return e;
}

/* Only the main thread takes SIGTERM: elsewhere it would cut short a read of a request that is to be finished. */
static void mask_stops(int how)
{
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    pthread_sigmask(how, &stops, NULL);
}

/* Serves until a stop is asked for. */
static enum err serve(struct app *app, struct metrics *m, const struct settings *s, int listen_fd)
{
    struct pool *pool;
    unsigned threads = app->settings.budget.threads;
    enum err e = pool_start(app, m, listen_fd, threads, &pool);
    if (e) {
        log_write(LOG_ERROR, "start", "%u threads cannot be started: %s", threads, err_text(e));
        return e;
    }
    mask_stops(SIG_UNBLOCK);
    log_write(LOG_INFO, "start", "serving on %s with %u threads", s->listen, threads);
    struct pollfd stop = {.fd = sig_fd(), .events = POLLIN};
    while (!sig_stopping() && (poll(&stop, 1, -1) >= 0 || errno == EINTR))
        continue;
    log_write(LOG_INFO, "stop", "stopping");
    if (!pool_stop(pool, STOP_GRACE_MS)) {
        log_write(LOG_WARN, "stop", "a request was still under way after %u ms; leaving it", STOP_GRACE_MS);
        listen_close(s->listen, listen_fd);
        _exit(0); /* its thread still uses what a clean end would free */
    }
    return ERR_OK;
}

/* What had to be read before the process was confined. */
struct given {
    struct limits limits;
    struct password_list *passwords;
    struct accounts_admin admin;
    int has_admin;
};

static enum err read_given(const struct settings *s, struct given *out)
{
    *out = (struct given){.passwords = read_password_list()};
    limits_read(&out->limits);
    if (!s->admin_file || !*s->admin_file)
        return ERR_OK;
    enum err e = first_admin_read(s->admin_file, &out->admin);
    out->has_admin = !e;
    if (!e || e == ERR_NOT_FOUND)
        return ERR_OK;
    log_write(LOG_ERROR, "settings", "the admin file %s: %s (name, password and maybe token, a line each, mode 0600)", s->admin_file,
        err_text(e));
    return e;
}

/* Serves with what needs the whole app. */
static enum err serve_all(struct app *app, struct metrics *m, const struct settings *s, struct given *given, int listen_fd)
{
    struct first_admin *first = NULL;
    app->passwords = given->passwords;
    given->passwords = NULL; /* the app's own from here on */
    enum err e = given->has_admin ? first_admin_start(app, s->admin_file, &given->admin, &first) : ERR_OK;
    secret_wipe(&given->admin, sizeof(given->admin));
    if (!e)
        e = serve(app, m, s, listen_fd);
    first_admin_stop(first);
    return e;
}

/* What it may do at once; says so where its limits are below what was set. */
static struct budget make_budget(const struct settings *s, const struct limits *l)
{
    struct budget b = budget_make(l, (unsigned)s->threads, SMALL_MAX_BYTES);
    if (b.threads < s->threads)
        log_write(LOG_WARN, "start", "%u threads instead of %u: it may have %llu descriptors and %llu MiB of memory", b.threads,
            (unsigned)s->threads, (unsigned long long)l->descriptors, (unsigned long long)(l->memory_bytes >> 20));
    return b;
}

static enum err run(const struct settings *s, struct metrics *m, struct given *given)
{
    struct app app;
    struct sign_key key;
    struct tls *tls = NULL;
    char password[PASSWORD_FILE_SIZE] = "";
    int listen_fd;
    enum err e = read_key(s->key, &key);
    if (!e)
        e = read_tls(s, &tls);
    if (!e)
        e = read_password(s->redis_password_file, password);
    struct app_settings settings = {
        .name = s->name,
        .data = s->data,
        .coordinators = s->coordinators,
        .zone = s->zone,
        .budget = make_budget(s, &given->limits),
        .redis = {.address = s->redis, .user = s->redis_user, .password = *password ? password : NULL},
        .upload_max_bytes = s->upload_max_bytes,
        .small_max_bytes = SMALL_MAX_BYTES,
        .quorum_timeout_ms = QUORUM_TIMEOUT_MS,
        .lock_skip_percent = (unsigned)s->lock_skip_percent,
        .adopt_after = s->adopt_after,
        .tls = tls,
    };
    if (!e)
        e = app_init(&app, &settings, &key);
    if (e)
        goto out;
    e = listen_open(s->listen, &listen_fd);
    if (!e) {
        e = serve_all(&app, m, s, given, listen_fd);
        listen_close(s->listen, listen_fd);
    }
    app_release(&app);
out:
    tls_free(tls);
    explicit_bzero(&key, sizeof(key));
    explicit_bzero(password, sizeof(password));
    return e;
}

static enum err confine(const struct settings *s)
{
    return confine_api(&(struct confine_settings){
        .words = s->jail,
        .data = s->data,
        .listen = s->listen,
        .key = s->key,
        .redis_password_file = s->redis_password_file,
        .tls = s->tls,
    });
}

int main(int argc, char **argv)
{
    static struct metrics metrics; /* too large for comfort on a stack */
    struct settings s = {0};
    struct given given;
    enum err e = read_settings(&s, argc, argv);
    if (e)
        return e == ERR_GONE ? 0 : 2;
    log_init(s.name, (enum log_level)log_level_parse(s.log_level));
    if (read_given(&s, &given))
        return 2;
    if (confine(&s))
        return 1;
    limits_tame_memory(STACK_BYTES);
    metrics_init(&metrics);
    if (pool_global_init() || peer_global_init()) {
        log_write(LOG_ERROR, "start", "a library cannot be started");
        return 1;
    }
    sig_init();
    mask_stops(SIG_BLOCK); /* also in every thread that is started from here on */
    e = run(&s, &metrics, &given);
    password_list_free(given.passwords);
    if (e == ERR_SYNTAX || e == ERR_INVALID || e == ERR_DENIED || e == ERR_NOT_FOUND)
        return 2; /* settings that name what is not there or not fit */
    return e ? 1 : 0;
}
