/* Redis found through real Sentinels: dead ones, ones that know nothing, ones behind the times, and a failover. */
#include "lib/store/conn.h"

#include "lib/base/log.h"
#include "lib/store/call.h"
#include "lib/store/lock.h"
#include "tests/unit/lib/store/redis_server.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define CONNECT_MS 400u
#define TIMEOUT_MS 400u
#define PASSWORD "open sesame"
#define FAILOVER_MS 20000u

/* A process that was started on a port of 127.0.0.1. */
struct process {
    pid_t pid;
    int port;
};

/* A master and its replica, watched by three sentinels. `lone` watches, under the same name, a socket that takes connections and says nothing; alone it cannot
 * elect another, so it goes on naming that one. */
static struct {
    char dir[32];
    struct process redis[2], sentinels[3], lone;
    int silent, silent_port;
} w;

/* A socket on a free port, listening. */
static int listen_anywhere(int *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    assert_int_equal(listen(fd, 64), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

static int free_port(void)
{
    int port;
    close(listen_anywhere(&port));
    return port;
}

static void path_of(char *out, size_t size, int port, const char *end)
{
    snprintf(out, size, "%s/%d%s", w.dir, port, end);
}

/* Writes a process's settings: `more` after what all have in common. */
static void write_settings(const struct process *p, const char *more)
{
    char path[64];
    path_of(path, sizeof path, p->port, ".conf");
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(
        f, "bind 127.0.0.1\nport %d\ndir %s\nsave \"\"\ndbfilename %d.rdb\nrepl-diskless-sync-delay 0\n%s", p->port, w.dir, p->port, more);
    assert_int_equal(fclose(f), 0);
}

static void start(struct process *p, int sentinel)
{
    char path[64];
    pid_t parent = getpid();
    path_of(path, sizeof path, p->port, ".conf");
    p->pid = fork();
    if (p->pid != 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    int null = open("/dev/null", O_WRONLY);
    dup2(null, STDOUT_FILENO);
    execlp("redis-server", "redis-server", path, sentinel ? "--sentinel" : NULL, (char *)NULL);
    _exit(127);
}

static void end(struct process *p)
{
    if (p->pid > 0) {
        kill(p->pid, SIGCONT);
        kill(p->pid, SIGKILL);
        waitpid(p->pid, NULL, 0);
    }
    p->pid = 0;
}

/* Settings, data, and what a process that was killed had just begun to write. */
static int remove_folder(void)
{
    DIR *d = opendir(w.dir);
    if (!d)
        return -1;
    for (struct dirent *e = readdir(d); e; e = readdir(d))
        unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
    return rmdir(w.dir);
}

static struct store *connect_to(const char *address)
{
    struct store *s = store_new(
        &(struct store_config){.address = address, .password = PASSWORD, .connect_timeout_ms = CONNECT_MS, .timeout_ms = TIMEOUT_MS});
    assert_non_null(s);
    return s;
}

/* "sentinel:127.0.0.1:a,127.0.0.1:b/rb"; port b = 0: only one. The text lasts until the call after the next. */
static const char *by_sentinels(int a, int b, const char *master)
{
    static char texts[2][128];
    static int next;
    char *text = texts[next++ % 2];
    if (b)
        snprintf(text, sizeof texts[0], "sentinel:127.0.0.1:%d,localhost:%d/%s", a, b, master);
    else
        snprintf(text, sizeof texts[0], "sentinel:127.0.0.1:%d/%s", a, master);
    return text;
}

/* Pings until it gets an answer; how long that took, or the test fails. No single call may take longer than a connection and a command. */
static uint64_t ping_until_ok(struct store *s, unsigned at_most_ms)
{
    uint64_t began_ms = clock_boot_ms(), now_ms = began_ms, was_ms;
    enum err e;
    do {
        was_ms = now_ms;
        e = store_ping(s);
        now_ms = clock_boot_ms();
        assert_true(now_ms - was_ms < 2 * CONNECT_MS + TIMEOUT_MS + 500);
        if (e != ERR_OK)
            clock_sleep_ms(20);
    } while (e != ERR_OK && now_ms - began_ms < at_most_ms);
    assert_ok(e);
    return now_ms - began_ms;
}

/* Closes all connections to the master but the one that says so. */
static void kill_clients(void)
{
    struct store *s = connect_to(by_sentinels(w.sentinels[0].port, 0, "rb"));
    struct call call;
    redisReply *r;
    call_init(&call, "CLIENT");
    call_str(&call, "KILL");
    call_str(&call, "TYPE");
    call_str(&call, "normal");
    assert_ok(call_send(s, &call, REDIS_REPLY_INTEGER, REDIS_REPLY_INTEGER, &r));
    freeReplyObject(r);
    store_free(s);
}

/* How many replicas the master has that are up to date. */
static uint64_t replicas(struct store *s)
{
    struct call c;
    redisReply *r;
    uint64_t n = 0;
    call_init(&c, "WAIT");
    call_u64(&c, 1);
    call_u64(&c, 100);
    enum err e = call_send(s, &c, REDIS_REPLY_INTEGER, REDIS_REPLY_INTEGER, &r);
    if (e == ERR_OK) {
        e = call_number(r, &n);
        freeReplyObject(r);
    }
    return e == ERR_OK ? n : 0;
}

static void write_sentinel(const struct process *p, int master_port, const char *more)
{
    char text[600];
    snprintf(text, sizeof text,
        "sentinel monitor rb 127.0.0.1 %d 2\nsentinel auth-pass rb \"" PASSWORD "\"\nsentinel down-after-milliseconds rb 1000\n"
        "sentinel failover-timeout rb 4000\n%s",
        master_port, more);
    write_settings(p, text);
}

static void await_replica(void)
{
    char address[64];
    snprintf(address, sizeof address, "127.0.0.1:%d", w.redis[0].port);
    struct store *s = connect_to(address);
    ping_until_ok(s, REDIS_WAIT_MS);
    for (uint64_t until = clock_boot_ms() + REDIS_WAIT_MS; replicas(s) == 0 && clock_boot_ms() < until; clock_sleep_ms(20))
        continue;
    assert_int_equal(replicas(s), 1);
    store_free(s);
}

/* The number or word in a sentinel's answer about the master, "" when there is none. */
static const char *fact(const redisReply *r, const char *name)
{
    for (size_t i = 0; r && r->type == REDIS_REPLY_ARRAY && i + 1 < r->elements; i += 2) {
        if (strcmp(r->element[i]->str, name) == 0)
            return r->element[i + 1]->str;
    }
    return "";
}

/* Waits until a sentinel knows the two others and the replica: before that none can elect another master. */
static void await_sentinel(const struct process *p)
{
    int knows = 0;
    for (uint64_t until = clock_boot_ms() + FAILOVER_MS; !knows && clock_boot_ms() < until; clock_sleep_ms(50)) {
        redisContext *c = redisConnect("127.0.0.1", p->port);
        assert_non_null(c);
        freeReplyObject(redisCommand(c, "AUTH %s", PASSWORD));
        redisReply *r = redisCommand(c, "SENTINEL master rb");
        knows = strcmp(fact(r, "num-other-sentinels"), "2") == 0 && strcmp(fact(r, "num-slaves"), "1") == 0 &&
                strcmp(fact(r, "flags"), "master") == 0;
        freeReplyObject(r);
        redisFree(c);
    }
    assert_true(knows);
}

static int set_up(void **state)
{
    (void)state;
    struct process *const all[] = {&w.redis[0], &w.redis[1], &w.sentinels[0], &w.sentinels[1], &w.sentinels[2], &w.lone};
    char text[160];
    signal(SIGPIPE, SIG_IGN);
    log_init("test", LOG_ERROR);
    snprintf(w.dir, sizeof w.dir, "/tmp/rb-sentinel-XXXXXX");
    if (!mkdtemp(w.dir))
        return -1;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        all[i]->port = free_port();
    write_settings(&w.redis[0], "requirepass \"" PASSWORD "\"\nmasterauth \"" PASSWORD "\"\n");
    snprintf(text, sizeof text, "requirepass \"" PASSWORD "\"\nmasterauth \"" PASSWORD "\"\nreplicaof 127.0.0.1 %d\n", w.redis[0].port);
    write_settings(&w.redis[1], text);
    for (size_t i = 0; i < 3; i++)
        write_sentinel(&w.sentinels[i], w.redis[0].port, "requirepass \"" PASSWORD "\"\nsentinel sentinel-pass \"" PASSWORD "\"\n");
    w.silent = listen_anywhere(&w.silent_port);
    write_sentinel(&w.lone, w.silent_port, "");
    start(&w.redis[0], 0);
    start(&w.redis[1], 0);
    await_replica(); /* a sentinel that looks before it is there looks again only after 10 s */
    for (size_t i = 2; i < sizeof all / sizeof *all; i++)
        start(all[i], 1);
    for (size_t i = 0; i < 3; i++)
        await_sentinel(&w.sentinels[i]);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    struct process *const all[] = {&w.sentinels[0], &w.sentinels[1], &w.sentinels[2], &w.lone, &w.redis[0], &w.redis[1]};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        end(all[i]);
    close(w.silent);
    return remove_folder();
}

static void test_each_sentinel_leads_to_the_master(void **state)
{
    (void)state;
    char address[64], run_id[64];
    snprintf(address, sizeof address, "127.0.0.1:%d", w.redis[0].port);
    struct store *direct = connect_to(address);
    ping_until_ok(direct, REDIS_WAIT_MS);
    snprintf(run_id, sizeof run_id, "%s", store_run_id(direct));
    for (size_t i = 0; i < 3; i++) {
        struct store *s = connect_to(by_sentinels(w.sentinels[i].port, 0, "rb"));
        ping_until_ok(s, REDIS_WAIT_MS);
        assert_string_equal(store_run_id(s), run_id);
        store_free(s);
    }
    store_free(direct);
}

static void test_a_sentinel_that_is_not_there_is_passed_over(void **state)
{
    (void)state;
    struct store *s = connect_to(by_sentinels(1, w.sentinels[0].port, "rb"));
    assert_ok(store_ping(s));
    store_free(s);
}

/* A stopped one takes connections and says nothing. It costs its time once: the next connection begins with the one that answered. */
static void test_a_sentinel_that_hangs_is_passed_over_and_remembered(void **state)
{
    (void)state;
    const char *address = by_sentinels(w.sentinels[1].port, w.sentinels[0].port, "rb");
    struct store *s = connect_to(address);
    kill(w.sentinels[1].pid, SIGSTOP);
    uint64_t began_ms = clock_boot_ms();
    assert_ok(store_ping(s));
    uint64_t took_ms = clock_boot_ms() - began_ms;
    assert_true(took_ms >= CONNECT_MS / 2 - 10 && took_ms < 2 * CONNECT_MS + 200);
    kill_clients();
    /* On a busy machine a new connection may be given up in the middle: the next one must come without asking the stopped one, too. */
    enum err e = ERR_UNAVAILABLE;
    for (int tries = 0; tries < 5 && e != ERR_OK; tries++) {
        clock_sleep_ms(120); /* not more often than that */
        began_ms = clock_boot_ms();
        e = store_ping(s);
    }
    assert_ok(e);
    assert_true(clock_boot_ms() - began_ms < CONNECT_MS / 2);
    store_free(s);
    kill(w.sentinels[1].pid, SIGCONT);
}

static void test_an_unknown_master(void **state)
{
    (void)state;
    struct store *s = connect_to(by_sentinels(w.sentinels[0].port, w.sentinels[2].port, "nobody"));
    assert_err(ERR_UNAVAILABLE, store_ping(s));
    assert_false(store_is_up(s));
    store_free(s);
}

/* The one behind the times names a Redis that is dead (the hard way: it takes connections and says nothing). */
static void test_a_sentinel_that_names_a_dead_master_is_not_believed(void **state)
{
    (void)state;
    struct store *s = connect_to(by_sentinels(w.lone.port, w.sentinels[2].port, "rb")); /* it wants no password, and is told one */
    uint64_t began_ms = clock_boot_ms();
    assert_ok(store_ping(s));
    assert_true(clock_boot_ms() - began_ms >= CONNECT_MS - 10);
    store_free(s);
    s = connect_to(by_sentinels(w.lone.port, 0, "rb"));
    began_ms = clock_boot_ms();
    assert_err(ERR_UNAVAILABLE, store_ping(s));
    assert_true(clock_boot_ms() - began_ms < 2 * CONNECT_MS + 200);
    store_free(s);
}

static void test_a_replica_is_no_redis_for_us(void **state)
{
    (void)state;
    char address[64];
    snprintf(address, sizeof address, "127.0.0.1:%d", w.redis[1].port);
    struct store *s = connect_to(address);
    assert_err(ERR_UNAVAILABLE, store_ping(s));
    assert_string_equal(store_run_id(s), "");
    store_free(s);
}

/* ---- answers that a real Sentinel or Redis does not give, or not when we want */

struct actor {
    int fd;
    const char *line;
};

/* Takes one connection and answers whatever comes with the same line. */
static void *act(void *arg)
{
    const struct actor *a = arg;
    char heard[1024];
    int client = accept(a->fd, NULL, NULL);
    while (client >= 0 && read(client, heard, sizeof heard) > 0) {
        if (write(client, a->line, strlen(a->line)) < 0)
            break;
    }
    if (client >= 0)
        close(client);
    return NULL;
}

/* What a ping comes to whose first partner, a sentinel or a Redis, says `line` to the question and to nothing else. */
static enum err ping_to(const char *line, int is_sentinel)
{
    struct actor a = {.line = line};
    int port;
    pthread_t thread;
    char address[64];
    a.fd = listen_anywhere(&port);
    assert_int_equal(pthread_create(&thread, NULL, act, &a), 0);
    snprintf(address, sizeof address, is_sentinel ? "sentinel:127.0.0.1:%d/rb" : "127.0.0.1:%d", port);
    struct store *s = store_new(&(struct store_config){.address = address, .connect_timeout_ms = CONNECT_MS, .timeout_ms = TIMEOUT_MS});
    assert_non_null(s);
    enum err e = store_ping(s);
    assert_int_equal(store_run_id(s)[0], '\0');
    store_free(s);
    pthread_join(thread, NULL);
    close(a.fd);
    return e;
}

static void test_odd_answers(void **state)
{
    (void)state;
    static const char *const sentinel[] = {"*-1\r\n", "-NOAUTH Authentication required.\r\n", "+OK\r\n", ":1\r\n", "*1\r\n$1\r\nh\r\n",
        "*2\r\n$1\r\nh\r\n:6379\r\n", "*2\r\n$0\r\n\r\n$4\r\n6379\r\n", "*2\r\n$1\r\nh\r\n$1\r\n0\r\n", "*2\r\n$1\r\nh\r\n$5\r\n65536\r\n",
        "*2\r\n$1\r\nh\r\n$2\r\n-1\r\n", "*2\r\n*0\r\n*0\r\n", "?\r\n", "*2\r\n$9999999999999\r\n"};
    static const char *const redis[] = {"-LOADING x\r\n", "$-1\r\n", "*0\r\n", "$0\r\n\r\n", "$24\r\n\nrun_id:a\r\nrole:master\r\n\r\n",
        "$33\r\n\nrun_id:a\nrole:master\nloading:1\n\n\r\n", "$32\r\n\nrun_id:a\nrole:slave\nloading:0\n\n\r\n"};
    for (size_t i = 0; i < sizeof sentinel / sizeof *sentinel; i++)
        assert_err(ERR_UNAVAILABLE, ping_to(sentinel[i], 1));
    for (size_t i = 0; i < sizeof redis / sizeof *redis; i++)
        assert_err(ERR_UNAVAILABLE, ping_to(redis[i], 0));
}

/* ---- the last one: it changes who is the master */

/* The master dies. One handle goes on to the next without being told anything, and no call of it waits for long. */
static void test_failover(void **state)
{
    (void)state;
    static const char token[] = "0123456789abcdef0123456789abcdef";
    char before[64], address[128];
    snprintf(address, sizeof address, "sentinel:127.0.0.1:%d,127.0.0.1:%d,127.0.0.1:%d/rb", w.sentinels[0].port, w.sentinels[1].port,
        w.sentinels[2].port);
    struct store *s = connect_to(address);
    assert_ok(lock_take(s, "kept", token, 60000));
    snprintf(before, sizeof before, "%s", store_run_id(s));
    assert_int_equal(replicas(s), 1);
    end(&w.redis[0]);
    assert_err(ERR_UNAVAILABLE, store_ping(s)); /* noticed before anything was sent */
    uint64_t took_ms = ping_until_ok(s, FAILOVER_MS);
    print_message("the next master answers after %llu ms\n", (unsigned long long)took_ms);
    assert_string_not_equal(before, store_run_id(s));
    assert_err(ERR_CONFLICT, lock_take(s, "kept", "other", 1000)); /* it had been replicated */
    store_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_sentinel_leads_to_the_master),
        cmocka_unit_test(test_a_sentinel_that_is_not_there_is_passed_over),
        cmocka_unit_test(test_a_sentinel_that_hangs_is_passed_over_and_remembered),
        cmocka_unit_test(test_an_unknown_master),
        cmocka_unit_test(test_a_sentinel_that_names_a_dead_master_is_not_believed),
        cmocka_unit_test(test_a_replica_is_no_redis_for_us),
        cmocka_unit_test(test_odd_answers),
        cmocka_unit_test(test_failover),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
