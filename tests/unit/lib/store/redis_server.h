/* A private Redis for a test: started on a unix socket in a temporary directory, stopped by its pid. */
#ifndef RB_TESTS_UNIT_LIB_STORE_REDIS_SERVER_H
#define RB_TESTS_UNIT_LIB_STORE_REDIS_SERVER_H

#include "lib/base/clock.h"
#include "lib/store/conn.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct redis_server {
    pid_t pid;
    char dir[64], socket[96], address[112];
};

#define REDIS_WAIT_MS 10000u

/* Starts the process (again) and waits until it answers. */
static inline int redis_server_start(struct redis_server *r)
{
    pid_t parent = getpid();
    r->pid = fork();
    if (r->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        int null = open("/dev/null", O_WRONLY);
        dup2(null, STDOUT_FILENO);
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", r->socket, "--dir", r->dir, "--save", "", "--appendonly",
            "no", (char *)NULL);
        _exit(127);
    }
    struct store *s = store_new(&(struct store_config){.address = r->address});
    enum err e = ERR_UNAVAILABLE;
    for (uint64_t until = clock_boot_ms() + REDIS_WAIT_MS; e != ERR_OK && clock_boot_ms() < until; clock_sleep_ms(20))
        e = store_ping(s);
    store_free(s);
    return e == ERR_OK;
}

static inline void redis_server_kill(struct redis_server *r)
{
    if (r->pid <= 0)
        return;
    kill(r->pid, SIGCONT);
    kill(r->pid, SIGKILL);
    waitpid(r->pid, NULL, 0);
    r->pid = 0;
}

static inline int redis_server_init(struct redis_server *r)
{
    signal(SIGPIPE, SIG_IGN);
    snprintf(r->dir, sizeof r->dir, "/tmp/rb-redis-XXXXXX");
    if (!mkdtemp(r->dir))
        return 0;
    snprintf(r->socket, sizeof r->socket, "%s/redis.sock", r->dir);
    snprintf(r->address, sizeof r->address, "unix:%s", r->socket);
    return redis_server_start(r);
}

static inline void redis_server_release(struct redis_server *r)
{
    char dump[96];
    redis_server_kill(r);
    unlink(r->socket);
    snprintf(dump, sizeof dump, "%s/dump.rdb", r->dir);
    unlink(dump); /* of a test that let Redis write one */
    rmdir(r->dir);
}

#endif
