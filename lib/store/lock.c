#include "lib/store/lock.h"

#include "lib/base/clock.h"
#include "lib/base/id.h"
#include "lib/base/log.h"
#include "lib/store/call.h"
#include "lib/wire/json.h"

#include <stdio.h>
#include <string.h>

#define LOCK_PREFIX "rb:lock:"
#define LOCK_NAME_MAX (sizeof LOCK_PREFIX + 2304)
#define LEASE_TEXT_MAX 512
#define WAIT_MIN_MS 2u
#define WAIT_SPREAD_MS 9u /* 2 to 10 ms */

static enum err set_if_free(struct store *s, const char *name, const char *value, size_t len, unsigned ttl_ms)
{
    struct call c;
    call_init(&c, "SET");
    call_str(&c, name);
    call_bytes(&c, value, len);
    call_str(&c, "NX");
    call_str(&c, "PX");
    call_u64(&c, ttl_ms);
    redisReply *r;
    enum err e = call_send(s, &c, REDIS_REPLY_STATUS, REDIS_REPLY_NIL, &r);
    if (e != ERR_OK)
        return e;
    e = r->type == REDIS_REPLY_NIL ? ERR_CONFLICT : ERR_OK;
    freeReplyObject(r);
    return e;
}

/* For scripts that answer 1 for done and 0 for "it is not yours". */
static enum err send_compare(struct store *s, struct call *c)
{
    redisReply *r;
    enum err e = call_send(s, c, REDIS_REPLY_INTEGER, REDIS_REPLY_INTEGER, &r);
    if (e != ERR_OK)
        return e;
    e = r->integer == 1 ? ERR_OK : ERR_CONFLICT;
    freeReplyObject(r);
    return e;
}

enum err lock_take(struct store *s, const char *name, const char *token, unsigned ttl_ms)
{
    return set_if_free(s, name, token, strlen(token), ttl_ms);
}

enum err lock_release(struct store *s, const char *name, const char *token)
{
    struct call c;
    call_init_script(&c, SCRIPT_LOCK_RELEASE, 1);
    call_str(&c, name);
    call_str(&c, token);
    return send_compare(s, &c);
}

static enum err course_lock_name(const char *course_key, char *out, size_t size)
{
    int n = snprintf(out, size, "%s%s", LOCK_PREFIX, course_key);
    return n < 0 || (size_t)n >= size ? ERR_INVALID : ERR_OK;
}

enum err lock_course_take(struct store *s, const char *course_key, const char *token, unsigned ttl_ms, unsigned wait_ms)
{
    char name[LOCK_NAME_MAX];
    enum err e = course_lock_name(course_key, name, sizeof name);
    if (e != ERR_OK)
        return e;
    uint64_t until = clock_boot_ms() + wait_ms;
    for (;;) {
        e = lock_take(s, name, token, ttl_ms);
        if (e != ERR_CONFLICT || clock_boot_ms() >= until)
            return e;
        clock_sleep_ms(WAIT_MIN_MS + id_random_below(WAIT_SPREAD_MS));
    }
}

enum err lock_course_release(struct store *s, const char *course_key, const char *token)
{
    char name[LOCK_NAME_MAX];
    enum err e = course_lock_name(course_key, name, sizeof name);
    return e != ERR_OK ? e : lock_release(s, name, token);
}

static enum err lease_print(const struct lease *l, struct buf *out)
{
    struct json *j = json_object();
    json_set_str(j, "name", l->name);
    json_set_str(j, "token", l->token);
    json_set_u64(j, "epoch", l->epoch);
    json_set_u64(j, "since", l->since_ms);
    enum err e = json_print(j, out);
    json_free(j);
    return e;
}

static enum err copy_field(const struct json *j, const char *key, char *out, size_t size)
{
    const char *text = json_get_str(j, key);
    if (!text || strlen(text) >= size)
        return ERR_SYNTAX;
    memcpy(out, text, strlen(text) + 1);
    return ERR_OK;
}

enum err lease_parse(const char *text, size_t len, struct lease *out)
{
    struct lease l = {0};
    struct json *j;
    enum err e = json_parse(text, len, &j);
    if (e != ERR_OK)
        return e;
    e = copy_field(j, "name", l.name, sizeof l.name);
    if (e == ERR_OK && !l.name[0])
        e = ERR_SYNTAX; /* that would mean a free one */
    if (e == ERR_OK)
        e = copy_field(j, "token", l.token, sizeof l.token);
    if (e == ERR_OK)
        e = json_get_u64(j, "epoch", JSON_EXACT_MAX, &l.epoch);
    if (e == ERR_OK)
        e = json_get_u64(j, "since", JSON_EXACT_MAX, &l.since_ms);
    json_free(j);
    if (e == ERR_OK)
        *out = l;
    return e;
}

enum err lease_read(struct store *s, struct lease *out)
{
    struct call c;
    call_init(&c, "GET");
    call_str(&c, LEASE_KEY);
    redisReply *r;
    enum err e = call_send(s, &c, REDIS_REPLY_STRING, REDIS_REPLY_NIL, &r);
    if (e != ERR_OK)
        return e;
    struct lease l = {0};
    if (r->type == REDIS_REPLY_STRING && lease_parse(r->str, r->len, &l) != ERR_OK) {
        log_write(LOG_ERROR, "redis", "%s holds something that is no lease", LEASE_KEY);
        e = ERR_INTERNAL;
    }
    freeReplyObject(r);
    if (e == ERR_OK)
        *out = l;
    return e;
}

enum err lease_take(struct store *s, const struct lease *mine, unsigned ttl_ms)
{
    struct buf text;
    buf_init(&text, LEASE_TEXT_MAX);
    enum err e = lease_print(mine, &text);
    if (e == ERR_OK)
        e = set_if_free(s, LEASE_KEY, text.data, text.len, ttl_ms);
    buf_release(&text);
    return e;
}

enum err lease_renew(struct store *s, const struct lease *mine, unsigned ttl_ms)
{
    struct buf text;
    buf_init(&text, LEASE_TEXT_MAX);
    enum err e = lease_print(mine, &text);
    if (e == ERR_OK) {
        struct call c;
        call_init_script(&c, SCRIPT_LEASE_RENEW, 1);
        call_str(&c, LEASE_KEY);
        call_str(&c, mine->token);
        call_bytes(&c, text.data, text.len);
        call_u64(&c, ttl_ms);
        e = send_compare(s, &c);
    }
    buf_release(&text);
    return e;
}

enum err lease_release(struct store *s, const struct lease *mine)
{
    struct call c;
    call_init_script(&c, SCRIPT_LEASE_RELEASE, 1);
    call_str(&c, LEASE_KEY);
    call_str(&c, mine->token);
    return send_compare(s, &c);
}
