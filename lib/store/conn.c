#include "lib/store/conn.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/store/internal.h"
#include "lib/store/resolve.h"
#include "lib/store/sentinel.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_TIMEOUT_MS 300u
#define TIMEOUT_MS 1000u
#define RETRY_MS 100u
#define SAY_AGAIN_MS 10000u

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

enum err store_address_check(const char *address)
{
    struct address parsed;
    return address_parse(address, &parsed);
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
    s->names = resolve_new();
    s->where_ok = address_parse(config->address, &s->where) == ERR_OK;
    s->connect_timeout_ms = config->connect_timeout_ms ? config->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    s->timeout_ms = config->timeout_ms ? config->timeout_ms : TIMEOUT_MS;
    if (lost || !s->names) {
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

void store_rest(struct store *s)
{
    if (!s->context)
        return;
    redisFree(s->context);
    s->context = NULL;
    s->tried_at_ms = 0; /* nothing was wrong with it */
}

void store_free(struct store *s)
{
    if (!s)
        return;
    conn_drop(s);
    if (s->password)
        explicit_bzero(s->password, strlen(s->password));
    resolve_free(s->names);
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

void conn_say_refused(struct store *s, const char *why)
{
    uint64_t now_ms = clock_boot_ms();
    if (s->refused_at_ms && now_ms - s->refused_at_ms < SAY_AGAIN_MS)
        return;
    log_write(LOG_WARN, "redis", "%s: %s", s->address, why);
    s->refused_at_ms = now_ms;
}

/* Notes what a try to connect failed for. The last of several reasons is the one that is told. */
static void note(struct store *s, const struct address_place *at, const char *why)
{
    if (at)
        snprintf(s->why, sizeof s->why, "%s:%u: %s", at->host, (unsigned)at->port, why);
    else
        snprintf(s->why, sizeof s->why, "%s", why);
}

/* What is left until then; never 0, which would mean "for ever" to the kernel. */
static struct timeval time_left(uint64_t deadline_ms)
{
    uint64_t now_ms = clock_boot_ms();
    return timeval_ms(deadline_ms > now_ms ? (unsigned)(deadline_ms - now_ms) : 1);
}

int conn_append_auth(const struct store *s, redisContext *context)
{
    if (!s->password)
        return REDIS_OK;
    const char *argv[] = {"AUTH", s->user ? s->user : s->password, s->password};
    return redisAppendCommandArgv(context, s->user ? 3 : 2, argv, NULL);
}

const char *conn_error(const redisContext *context)
{
    /* The kernel's word for a time that ran out is "try again", which says nothing. */
    int late = context->err == REDIS_ERR_IO && errno == EAGAIN;
    return late ? "no answer in time" : context->errstr;
}

redisReply *conn_reply(redisContext *context, uint64_t deadline_ms)
{
    void *r = NULL;
    /* hiredis has no time-outs of its own: a stopped Redis would block for ever. */
    if (redisSetTimeout(context, time_left(deadline_ms)) != REDIS_OK || redisGetReply(context, &r) != REDIS_OK)
        return NULL;
    return r;
}

/* Opens a connection to a place, or to the unix socket when that is NULL. NULL: the reason is noted. */
static redisContext *open_context(struct store *s, const struct address_place *at, uint64_t deadline_ms)
{
    char host[RESOLVE_TEXT_MAX];
    enum err e = at ? resolve_host(s->names, at->host, deadline_ms, host) : ERR_OK;
    if (e != ERR_OK) {
        note(s, at, e == ERR_NOT_FOUND ? "there is no such name" : "the name was not found in time");
        return NULL;
    }
    redisContext *context = at ? redisConnectWithTimeout(host, at->port, time_left(deadline_ms))
                               : redisConnectUnixWithTimeout(s->where.path, time_left(deadline_ms));
    if (context && !context->err) {
        fcntl(context->fd, F_SETFD, FD_CLOEXEC);
        return context;
    }
    note(s, at, context ? conn_error(context) : "out of memory");
    if (context)
        redisFree(context);
    return NULL;
}

/* The value of a line of INFO into out. */
static int info_field(const redisReply *r, const char *line_start, char *out, size_t size)
{
    const char *field = r->type == REDIS_REPLY_STRING ? strstr(r->str, line_start) : NULL;
    if (!field)
        return 0;
    field += strlen(line_start);
    size_t len = strcspn(field, "\r\n");
    if (len == 0 || len >= size)
        return 0;
    memcpy(out, field, len);
    out[len] = '\0';
    return 1;
}

/* What INFO says that speaks against this Redis, or NULL: then its run_id is kept, for a restart may have brought old data back (protocol.md P5). */
static const char *read_info(struct store *s, const redisReply *r)
{
    char run_id[sizeof s->run_id], loading[4], role[16];
    if (!info_field(r, "\nrun_id:", run_id, sizeof run_id) || !info_field(r, "\nloading:", loading, sizeof loading) ||
        !info_field(r, "\nrole:", role, sizeof role))
        return "INFO does not tell run_id, loading and role";
    if (strcmp(role, "master") != 0)
        return "it is a replica";
    if (strcmp(loading, "0") != 0)
        return "it is loading its data";
    memcpy(s->run_id, run_id, sizeof run_id);
    return NULL;
}

/* Says the password and asks which Redis process this is and whether it serves as a master, in one round trip. INFO tells the role to users who may not ask
 * ROLE. Returns NULL or what is wrong. */
static const char *greet(struct store *s, uint64_t deadline_ms)
{
    const char *wrong = NULL;
    if (conn_append_auth(s, s->context) != REDIS_OK || redisAppendCommand(s->context, "INFO") != REDIS_OK)
        return "out of memory";
    redisReply *r = s->password ? conn_reply(s->context, deadline_ms) : NULL;
    if (s->password && (!r || r->type != REDIS_REPLY_STATUS))
        wrong = r ? "the password is refused" : conn_error(s->context);
    freeReplyObject(r);
    if (wrong)
        return wrong;
    r = conn_reply(s->context, deadline_ms);
    wrong = r ? read_info(s, r) : conn_error(s->context);
    freeReplyObject(r);
    return wrong;
}

/* A connection to one Redis, ready for commands. */
static enum err connect_to(struct store *s, const struct address_place *at, uint64_t deadline_ms)
{
    s->context = open_context(s, at, deadline_ms);
    if (!s->context)
        return ERR_UNAVAILABLE;
    const char *wrong = greet(s, deadline_ms);
    if (!wrong && redisSetTimeout(s->context, timeval_ms(s->timeout_ms)) != REDIS_OK)
        wrong = conn_error(s->context);
    if (!wrong)
        return ERR_OK;
    note(s, at, wrong);
    conn_drop(s);
    return ERR_UNAVAILABLE;
}

static enum err ask_sentinel(struct store *s, const struct address_place *sentinel, uint64_t deadline_ms, struct address_place *master)
{
    redisContext *context = open_context(s, sentinel, deadline_ms);
    if (!context)
        return ERR_UNAVAILABLE;
    enum err e = sentinel_ask(s, context, deadline_ms, master);
    if (e == ERR_NOT_FOUND)
        note(s, sentinel, "this sentinel knows no master of that name");
    else if (e == ERR_DENIED)
        note(s, sentinel, "this sentinel refuses to answer: another password?");
    else if (e != ERR_OK)
        note(s, sentinel, context->err ? conn_error(context) : "no answer that makes sense");
    redisFree(context);
    return e;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Goes from sentinel to sentinel until one names a Redis that is a master indeed; one that is behind the times may name a dead or demoted one. A sentinel has
 * half the time that Redis has, so that one or two dead ones leave time for the next; when all of that was not enough, the next try begins with another. */
static enum err connect_by_sentinels(struct store *s)
{
    struct address_place master, tried = {.port = 0};
    uint64_t deadline_ms = clock_boot_ms() + 2 * (uint64_t)s->connect_timeout_ms;
    assert(s->where.n_places > 0); /* address_parse() takes no empty list */
    for (size_t i = 0; i < s->where.n_places && clock_boot_ms() < deadline_ms; i++) {
        size_t at = (s->sentinel + i) % s->where.n_places;
        enum err e = ask_sentinel(s, &s->where.places[at], sooner(deadline_ms, clock_boot_ms() + s->connect_timeout_ms / 2), &master);
        if (e != ERR_OK || address_place_equal(&master, &tried))
            continue;
        tried = master;
        e = connect_to(s, &master, sooner(deadline_ms, clock_boot_ms() + s->connect_timeout_ms));
        if (e == ERR_OK) {
            s->sentinel = at;
            s->master = master;
            return ERR_OK;
        }
    }
    s->sentinel = (s->sentinel + 1) % s->where.n_places;
    return ERR_UNAVAILABLE;
}

/* Only who told of the loss tells of the end of it: an api has dozens of handles. */
static void say_up(struct store *s)
{
    if (s->said_down && s->where.kind == ADDRESS_SENTINEL)
        log_write(LOG_INFO, "redis", "%s: back, the master is %s:%u", s->address, s->master.host, (unsigned)s->master.port);
    else if (s->said_down)
        log_write(LOG_INFO, "redis", "%s: back", s->address);
    s->said_down = 0;
}

static enum err connect_now(struct store *s)
{
    enum err e = ERR_UNAVAILABLE;
    if (!s->where_ok)
        note(s, NULL, "not an address of Redis");
    else if (s->where.kind == ADDRESS_SENTINEL)
        e = connect_by_sentinels(s);
    else
        e = connect_to(s, s->where.kind == ADDRESS_UNIX ? NULL : &s->where.places[0], clock_boot_ms() + s->connect_timeout_ms);
    if (e != ERR_OK) {
        conn_say_down(s, s->why);
        return e;
    }
    say_up(s);
    return ERR_OK;
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
