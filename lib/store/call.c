#include "lib/store/call.h"

#include "lib/base/log.h"
#include "lib/base/num.h"
#include "lib/store/internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* What an error answer means. Whoever must `leave` talks to a Redis that does not serve now: another may be the master, so the next command asks anew. All of
 * those come before anything is done. */
static enum err error_of(const char *text, int *leave)
{
    static const struct {
        const char *start;
        enum err e;
        int leave;
    } table[] = {
        {"OOM ", ERR_FULL, 0},
        {"MISCONF ", ERR_FULL, 0},
        {"BUSY ", ERR_UNAVAILABLE, 0},
        {"READONLY ", ERR_UNAVAILABLE, 1},
        {"LOADING ", ERR_UNAVAILABLE, 1},
        {"MASTERDOWN ", ERR_UNAVAILABLE, 1},
        {"NOREPLICAS ", ERR_UNAVAILABLE, 1},
        {"NOAUTH ", ERR_UNAVAILABLE, 1},
    };
    *leave = 0;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (!starts_with(text, table[i].start))
            continue;
        *leave = table[i].leave;
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
    c->run_id = NULL;
    c->n_numbers = 0;
    call_str(c, command);
}

void call_init_script(struct call *c, enum script script, unsigned n_keys)
{
    call_init(c, script_only_reads(script) ? "EVALSHA_RO" : "EVALSHA");
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

/* The connection failed under a call. */
static enum err lost_answer(struct store *s)
{
    int no_memory = s->context->err == REDIS_ERR_OOM;
    conn_say_down(s, conn_error(s->context));
    conn_drop(s);
    return no_memory ? ERR_NOMEM : ERR_TIMEOUT;
}

/* Takes r: hands it on, or maps an answer that is an error. NOSCRIPT comes as ERR_NOT_FOUND, which means that nothing was done. */
static enum err take_answer(struct store *s, const struct call *c, redisReply *r, redisReply **out)
{
    s->up = 1;
    if (r->type != REDIS_REPLY_ERROR) {
        *out = r;
        return ERR_OK;
    }
    int leave = 0;
    enum err e = starts_with(r->str, "NOSCRIPT") ? ERR_NOT_FOUND : error_of(r->str, &leave);
    assert(e != ERR_OK); /* an error answer is never taken for a success */
    if (leave) {
        conn_say_refused(s, r->str);
        conn_drop(s);
    } else if (e != ERR_NOT_FOUND) {
        log_write(e == ERR_INTERNAL ? LOG_ERROR : LOG_WARN, "redis", "%s refused: %s", c->is_script ? "a script" : c->argv[0], r->str);
    }
    freeReplyObject(r);
    return e;
}

/* Sends argv as it is. */
static enum err send_once(struct store *s, struct call *c, redisReply **out)
{
    redisReply *r = redisCommandArgv(s->context, (int)c->n, c->argv, c->lens);
    return r ? take_answer(s, c, r, out) : lost_answer(s);
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

/* By the digest: nobody here may EVAL (acl/redis.acl). */
static enum err send_script(struct store *s, struct call *c, redisReply **out)
{
    char *sha = s->sha[c->script];
    enum err e = ERR_NOT_FOUND;
    /* The second time it is another Redis process, or somebody flushed its scripts: nothing was done. */
    for (int tries = 0; tries < 2 && e == ERR_NOT_FOUND; tries++) {
        e = tries == 0 && sha[0] ? ERR_OK : load_script(s, c->script);
        c->argv[1] = sha;
        c->lens[1] = strlen(sha);
        if (e == ERR_OK)
            e = send_once(s, c, out);
    }
    return e == ERR_NOT_FOUND ? ERR_UNAVAILABLE : e;
}

void call_release(struct call *c)
{
    if (c->argv != c->inline_argv) {
        free(c->argv);
        free(c->lens);
    }
}

/* A connection, to the Redis process that the call is for: what was found out about one process is never done to another. */
static enum err ready_for(struct store *s, const struct call *c)
{
    enum err e = c->lost ? ERR_NOMEM : conn_ensure(s);
    if (e != ERR_OK)
        return e;
    return !c->run_id || strcmp(c->run_id, s->run_id) == 0 ? ERR_OK : ERR_STALE_INDEX;
}

enum err call_send(struct store *s, struct call *c, int type, int other, redisReply **out)
{
    enum err e = ready_for(s, c);
    redisReply *r = NULL;
    if (e == ERR_OK)
        e = c->is_script ? send_script(s, c, &r) : send_once(s, c, &r);
    assert(e != ERR_OK || r != NULL); /* hiredis gives an answer or an error */
    if (e == ERR_OK && r->type != type && r->type != other) {
        log_write(LOG_ERROR, "redis", "%s: an answer of type %d", c->is_script ? "a script" : c->argv[0], r->type);
        freeReplyObject(r);
        e = ERR_INTERNAL;
    }
    call_release(c);
    if (e == ERR_OK)
        *out = r;
    return e == ERR_NOT_FOUND ? ERR_INTERNAL : e;
}

/* Puts the calls into the connection's buffer. The script is handed over each time: a pipe cannot go back for it. */
static enum err append_all(struct store *s, struct call *const *calls, size_t n)
{
    enum script script = calls[0]->script;
    enum err e = load_script(s, script);
    for (size_t i = 0; i < n && e == ERR_OK; i++) {
        struct call *c = calls[i];
        c->argv[1] = s->sha[script];
        c->lens[1] = strlen(s->sha[script]);
        if (redisAppendCommandArgv(s->context, (int)c->n, c->argv, c->lens) != REDIS_OK)
            e = lost_answer(s);
    }
    return e;
}

/* Every answer is read, whatever became of those before it: the next command must not meet one of them. */
static enum err read_all(struct store *s, struct call *const *calls, size_t n, int type, redisReply **out)
{
    enum err first = ERR_OK;
    for (size_t i = 0; i < n && s->context; i++) {
        void *r = NULL;
        enum err e = redisGetReply(s->context, &r) == REDIS_OK && r ? take_answer(s, calls[i], r, &out[i]) : lost_answer(s);
        if (e == ERR_OK && out[i]->type != type)
            e = ERR_INTERNAL;
        if (first == ERR_OK)
            first = e;
    }
    return first;
}

enum err call_send_all(struct store *s, struct call *const *calls, size_t n, int type, redisReply **out)
{
    enum err e = ERR_OK;
    for (size_t i = 0; i < n; i++) {
        assert(calls[i]->is_script && calls[i]->script == calls[0]->script);
        out[i] = NULL;
        if (e == ERR_OK)
            e = ready_for(s, calls[i]);
    }
    if (e == ERR_OK && n > 0)
        e = append_all(s, calls, n);
    if (e == ERR_OK)
        e = read_all(s, calls, n, type, out);
    for (size_t i = 0; i < n; i++) {
        call_release(calls[i]);
        if (e != ERR_OK) {
            freeReplyObject(out[i]);
            out[i] = NULL;
        }
    }
    return e == ERR_NOT_FOUND ? ERR_UNAVAILABLE : e;
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
