#include "lib/store/conn.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/num.h"
#include "lib/store/internal.h"

#include <assert.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_TIMEOUT_MS 300u
#define TIMEOUT_MS 1000u
#define RETRY_MS 100u
#define HOST_MAX 256

static struct timeval timeval_ms(unsigned ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
}

/* strdup that takes NULL for NULL; *lost is set when memory is out. */
static char *copy_text(const char *text, int *lost)
{
    if (!text)
        return NULL;
    char *copy = strdup(text);
    if (!copy)
        *lost = 1;
    return copy;
}

struct store *store_new(const struct store_config *config)
{
    assert(config->address);
    struct store *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    int lost = 0;
    s->address = copy_text(config->address, &lost);
    s->user = copy_text(config->user, &lost);
    s->password = copy_text(config->password, &lost);
    s->connect_timeout_ms = config->connect_timeout_ms ? config->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    s->timeout_ms = config->timeout_ms ? config->timeout_ms : TIMEOUT_MS;
    if (lost) {
        store_free(s);
        return NULL;
    }
    return s;
}

void conn_drop(struct store *s)
{
    if (s->context)
        redisFree(s->context);
    s->context = NULL;
    s->up = 0;
}

void store_free(struct store *s)
{
    if (!s)
        return;
    conn_drop(s);
    if (s->password)
        explicit_bzero(s->password, strlen(s->password));
    free(s->address);
    free(s->user);
    free(s->password);
    free(s);
}

int store_is_up(const struct store *s)
{
    return s->up;
}

const char *store_run_id(const struct store *s)
{
    return s->run_id;
}

void conn_say_down(struct store *s, const char *why)
{
    if (!s->said_down)
        log_write(LOG_WARN, "redis", "%s: %s", s->address, why);
    s->said_down = 1;
}

static redisContext *open_context(const struct store *s)
{
    struct timeval timeout = timeval_ms(s->connect_timeout_ms);
    if (strncmp(s->address, "unix:", 5) == 0)
        return redisConnectUnixWithTimeout(s->address + 5, timeout);

    const char *colon = strrchr(s->address, ':');
    uint64_t port;
    size_t host_len = colon ? (size_t)(colon - s->address) : 0;
    if (host_len == 0 || host_len >= HOST_MAX || num_parse_u64(colon + 1, 65535, &port) != ERR_OK)
        return NULL;
    char host[HOST_MAX];
    const char *first = s->address;
    if (first[0] == '[' && first[host_len - 1] == ']' && host_len > 2) {
        first++;
        host_len -= 2;
    }
    memcpy(host, first, host_len);
    host[host_len] = '\0';
    return redisConnectWithTimeout(host, (int)port, timeout);
}

static int say_password(struct store *s)
{
    if (!s->password)
        return 1;
    const char *argv[] = {"AUTH", s->user ? s->user : s->password, s->password};
    redisReply *r = redisCommandArgv(s->context, s->user ? 3 : 2, argv, NULL);
    int ok = r && r->type == REDIS_REPLY_STATUS;
    freeReplyObject(r);
    return ok;
}

/* Asks which Redis process this is: a restart may have brought old data back (protocol.md P5). */
static int ask_run_id(struct store *s)
{
    redisReply *r = redisCommand(s->context, "INFO server");
    int ok = 0;
    const char *field = r && r->type == REDIS_REPLY_STRING ? strstr(r->str, "\nrun_id:") : NULL;
    if (field) {
        field += strlen("\nrun_id:");
        size_t len = strcspn(field, "\r\n");
        if (len > 0 && len < sizeof s->run_id) {
            memcpy(s->run_id, field, len);
            s->run_id[len] = '\0';
            ok = 1;
        }
    }
    freeReplyObject(r);
    return ok;
}

static enum err connect_now(struct store *s)
{
    s->context = open_context(s);
    if (!s->context || s->context->err) {
        conn_say_down(s, s->context ? s->context->errstr : "not an address of Redis, or out of memory");
        goto failed;
    }
    fcntl(s->context->fd, F_SETFD, FD_CLOEXEC);
    /* hiredis has no time-outs of its own: a stopped Redis would block for ever. */
    if (redisSetTimeout(s->context, timeval_ms(s->connect_timeout_ms)) != REDIS_OK)
        goto failed;
    if (!say_password(s)) {
        conn_say_down(s, "the password is refused, or no answer");
        goto failed;
    }
    if (!ask_run_id(s)) {
        conn_say_down(s, s->context->err ? s->context->errstr : "INFO does not tell the run_id");
        goto failed;
    }
    if (redisSetTimeout(s->context, timeval_ms(s->timeout_ms)) != REDIS_OK)
        goto failed;
    if (s->said_down)
        log_write(LOG_INFO, "redis", "%s: back", s->address);
    s->said_down = 0;
    return ERR_OK;
failed:
    conn_drop(s);
    return ERR_UNAVAILABLE;
}

/* True when the other end closed while nothing was asked: found out before a command is lost on it. */
static int is_stale(const redisContext *context)
{
    struct pollfd p = {.fd = context->fd, .events = POLLIN};
    return poll(&p, 1, 0) != 0;
}

enum err conn_ensure(struct store *s)
{
    if (s->context && is_stale(s->context))
        conn_drop(s);
    if (s->context)
        return ERR_OK;
    uint64_t now = clock_boot_ms();
    if (s->tried_at_ms && now - s->tried_at_ms < RETRY_MS)
        return ERR_UNAVAILABLE;
    enum err e = connect_now(s);
    s->tried_at_ms = clock_boot_ms();
    return e;
}

enum err store_ping(struct store *s)
{
    struct call c;
    call_init(&c, "PING");
    redisReply *r;
    enum err e = call_send(s, &c, REDIS_REPLY_STATUS, REDIS_REPLY_STATUS, &r);
    if (e == ERR_OK)
        freeReplyObject(r);
    return e;
}
