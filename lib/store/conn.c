#include "lib/store/conn.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/num.h"
#include "lib/store/call.h"

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

struct store {
    char *address, *user, *password;
    unsigned connect_timeout_ms, timeout_ms;
    redisContext *context;      /* NULL: not connected */
    int up;                     /* the last command got an answer */
    int said_down;              /* the log knows already */
    uint64_t tried_at_ms;       /* boot time of the last try to connect, 0 = never */
    char run_id[64];
    char sha[SCRIPT_COUNT][41]; /* "" until Redis told it; depends on the text alone, so it outlives connections */
};

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

/* The context is never used again after any error: a late answer would be taken for the next one's. */
static void drop_context(struct store *s)
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
    drop_context(s);
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

/* Says it once, however long Redis stays away. */
static void say_down(struct store *s, const char *why)
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
        say_down(s, s->context ? s->context->errstr : "not an address of Redis, or out of memory");
        goto failed;
    }
    fcntl(s->context->fd, F_SETFD, FD_CLOEXEC);
    /* hiredis has no time-outs of its own: a stopped Redis would block for ever. */
    if (redisSetTimeout(s->context, timeval_ms(s->connect_timeout_ms)) != REDIS_OK)
        goto failed;
    if (!say_password(s)) {
        say_down(s, "the password is refused, or no answer");
        goto failed;
    }
    if (!ask_run_id(s)) {
        say_down(s, s->context->err ? s->context->errstr : "INFO does not tell the run_id");
        goto failed;
    }
    if (redisSetTimeout(s->context, timeval_ms(s->timeout_ms)) != REDIS_OK)
        goto failed;
    if (s->said_down)
        log_write(LOG_INFO, "redis", "%s: back", s->address);
    s->said_down = 0;
    return ERR_OK;
failed:
    drop_context(s);
    return ERR_UNAVAILABLE;
}

/* True when the other end closed while nothing was asked: found out before a command is lost on it. */
static int is_stale(const redisContext *context)
{
    struct pollfd p = {.fd = context->fd, .events = POLLIN};
    return poll(&p, 1, 0) != 0;
}

static enum err ensure_connected(struct store *s)
{
    if (s->context && is_stale(s->context))
        drop_context(s);
    if (s->context)
        return ERR_OK;
    uint64_t now = clock_boot_ms();
    if (s->tried_at_ms && now - s->tried_at_ms < RETRY_MS)
        return ERR_UNAVAILABLE;
    enum err e = connect_now(s);
    s->tried_at_ms = clock_boot_ms();
    return e;
}

static int starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* What an error answer means; the connection itself is fine. */
static enum err error_of(const char *text)
{
    static const struct { const char *start; enum err e; } table[] = {
        {"OOM ", ERR_FULL}, {"READONLY ", ERR_FULL}, {"MISCONF ", ERR_FULL}, {"LOADING ", ERR_UNAVAILABLE},
        {"MASTERDOWN ", ERR_UNAVAILABLE}, {"BUSY ", ERR_UNAVAILABLE}, {"NOREPLICAS ", ERR_UNAVAILABLE}, {"NOAUTH ", ERR_UNAVAILABLE},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (starts_with(text, table[i].start))
            return table[i].e;
    }
    return ERR_INTERNAL;
}

void call_init(struct call *c, const char *command)
{
    c->argv = c->inline_argv;
    c->lens = c->inline_lens;
    c->n = 0;
    c->cap = CALL_INLINE;
    c->lost = 0;
    c->is_script = 0;
    c->n_numbers = 0;
    call_str(c, command);
}

void call_init_script(struct call *c, enum script script, unsigned n_keys)
{
    call_init(c, "EVALSHA");
    c->is_script = 1;
    c->script = script;
    call_str(c, ""); /* the digest or the text: call_send knows */
    call_u64(c, n_keys);
}

static int grow(struct call *c)
{
    size_t cap = c->cap * 2;
    if (cap > CALL_ARGS_MAX)
        return 0;
    int is_inline = c->argv == c->inline_argv;
    const char **argv = malloc(cap * sizeof *argv);
    size_t *lens = malloc(cap * sizeof *lens);
    if (!argv || !lens) {
        free(argv);
        free(lens);
        return 0;
    }
    memcpy(argv, c->argv, c->n * sizeof *argv);
    memcpy(lens, c->lens, c->n * sizeof *lens);
    if (!is_inline) {
        free(c->argv);
        free(c->lens);
    }
    c->argv = argv;
    c->lens = lens;
    c->cap = cap;
    return 1;
}

void call_bytes(struct call *c, const void *data, size_t len)
{
    if (c->n == c->cap && !grow(c)) {
        c->lost = 1;
        return;
    }
    c->argv[c->n] = data;
    c->lens[c->n] = len;
    c->n++;
}

void call_str(struct call *c, const char *text)
{
    call_bytes(c, text, strlen(text));
}

void call_u64(struct call *c, uint64_t number)
{
    assert(c->n_numbers < CALL_NUMBERS);
    char *text = c->numbers[c->n_numbers++];
    snprintf(text, sizeof c->numbers[0], "%llu", (unsigned long long)number);
    call_str(c, text);
}

/* Sends argv as it is. An answer that is an error is mapped; NOSCRIPT comes as ERR_NOT_FOUND, which means that nothing was done. */
static enum err send_once(struct store *s, struct call *c, redisReply **out)
{
    redisReply *r = redisCommandArgv(s->context, (int)c->n, c->argv, c->lens);
    if (!r) {
        int no_memory = s->context->err == REDIS_ERR_OOM;
        say_down(s, s->context->errstr);
        drop_context(s);
        return no_memory ? ERR_NOMEM : ERR_TIMEOUT;
    }
    s->up = 1;
    if (r->type != REDIS_REPLY_ERROR) {
        *out = r;
        return ERR_OK;
    }
    enum err e = starts_with(r->str, "NOSCRIPT") ? ERR_NOT_FOUND : error_of(r->str);
    if (e != ERR_NOT_FOUND)
        log_write(e == ERR_INTERNAL ? LOG_ERROR : LOG_WARN, "redis", "%s refused: %s", c->is_script ? "a script" : c->argv[0], r->str);
    freeReplyObject(r);
    return e;
}

/* Hands the script's text to Redis once and keeps the digest it tells. Nothing is executed: a lost answer is "unavailable", not "unknown". */
static enum err load_script(struct store *s, enum script script)
{
    struct call load;
    call_init(&load, "SCRIPT");
    call_str(&load, "LOAD");
    call_str(&load, script_text(script));
    redisReply *r;
    enum err e = send_once(s, &load, &r);
    if (e != ERR_OK)
        return e == ERR_TIMEOUT ? ERR_UNAVAILABLE : e;
    e = call_copy(r, s->sha[script], sizeof s->sha[script]);
    freeReplyObject(r);
    return e;
}

static enum err send_script(struct store *s, struct call *c, redisReply **out)
{
    char *sha = s->sha[c->script];
    if (!sha[0]) {
        enum err e = load_script(s, c->script);
        if (e != ERR_OK)
            return e;
    }
    c->argv[1] = sha;
    c->lens[1] = strlen(sha);
    enum err e = send_once(s, c, out);
    if (e != ERR_NOT_FOUND)
        return e;
    /* Another Redis process, or somebody flushed its scripts. EVAL also keeps the text for the next EVALSHA. */
    c->argv[0] = "EVAL";
    c->lens[0] = 4;
    c->argv[1] = script_text(c->script);
    c->lens[1] = strlen(c->argv[1]);
    return send_once(s, c, out);
}

static void release_call(struct call *c)
{
    if (c->argv != c->inline_argv) {
        free(c->argv);
        free(c->lens);
    }
}

enum err call_send(struct store *s, struct call *c, int type, int other, redisReply **out)
{
    enum err e = c->lost ? ERR_NOMEM : ensure_connected(s);
    redisReply *r = NULL;
    if (e == ERR_OK)
        e = c->is_script ? send_script(s, c, &r) : send_once(s, c, &r);
    assert(e != ERR_OK || r != NULL); /* hiredis gives an answer or an error */
    if (e == ERR_OK && r->type != type && r->type != other) {
        log_write(LOG_ERROR, "redis", "%s: an answer of type %d", c->is_script ? "a script" : c->argv[0], r->type);
        freeReplyObject(r);
        e = ERR_INTERNAL;
    }
    release_call(c);
    if (e == ERR_OK)
        *out = r;
    return e == ERR_NOT_FOUND ? ERR_INTERNAL : e;
}

enum err call_copy(const redisReply *r, char *out, size_t size)
{
    if (r->type != REDIS_REPLY_STRING || r->len >= size)
        return ERR_INTERNAL;
    memcpy(out, r->str, r->len + 1);
    return ERR_OK;
}

enum err call_number(const redisReply *r, uint64_t *out)
{
    if (r->type == REDIS_REPLY_INTEGER && r->integer >= 0) {
        *out = (uint64_t)r->integer;
        return ERR_OK;
    }
    if (r->type == REDIS_REPLY_STRING && num_parse_u64(r->str, UINT64_MAX, out) == ERR_OK)
        return ERR_OK;
    return ERR_INTERNAL;
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
