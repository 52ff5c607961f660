#include "lib/store/sessions.h"

#include "lib/store/call.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define SESSION_PREFIX "rb:ses:"
#define USER_PREFIX "rb:ses:u:"
#define KEY_MAX 128
#define FACTS 5 /* user, since, seen, end, endings */

static void session_key(const char *digest, char out[KEY_MAX])
{
    snprintf(out, KEY_MAX, SESSION_PREFIX "%s", digest);
}

static void user_key(const char *user, char out[KEY_MAX])
{
    snprintf(out, KEY_MAX, USER_PREFIX "%s", user);
}

/* Begins a call of lua/session.lua. */
static void start(struct call *c, const char *key, const char *what)
{
    call_init_script(c, SCRIPT_SESSION, 1);
    call_str(c, key);
    call_str(c, what);
}

static enum err read_facts(redisReply *const *facts, struct session *out)
{
    enum err e = call_copy(facts[0], out->user, sizeof out->user);
    if (e == ERR_OK)
        e = call_number(facts[1], &out->since_ms);
    if (e == ERR_OK)
        e = call_number(facts[2], &out->seen_ms);
    if (e == ERR_OK)
        e = call_number(facts[3], &out->ends_at_ms);
    if (e == ERR_OK)
        e = call_number(facts[4], &out->endings);
    return e;
}

/* Sends a call that answers one session, or nothing. */
static enum err send_one(struct store *s, struct call *c, const char *digest, struct session *out)
{
    struct session one;
    redisReply *r;
    enum err e = call_send(s, c, REDIS_REPLY_ARRAY, REDIS_REPLY_ARRAY, &r);
    if (e != ERR_OK)
        return e;
    e = r->elements == 0 ? ERR_NOT_FOUND : r->elements == FACTS ? read_facts(r->element, &one) : ERR_INTERNAL;
    freeReplyObject(r);
    if (e != ERR_OK)
        return e;
    snprintf(one.digest, sizeof one.digest, "%s", digest);
    *out = one;
    return ERR_OK;
}

enum err sessions_begin(
    struct store *s, const char *digest, const char *user, uint64_t endings, uint64_t idle_s, uint64_t end_s, struct session *out)
{
    char key[KEY_MAX];
    struct call c;
    assert(strlen(digest) == HASH_HEX_SIZE - 1 && strlen(user) < SESSIONS_USER_SIZE && idle_s <= end_s);
    session_key(digest, key);
    start(&c, key, "begin");
    call_str(&c, digest);
    call_str(&c, user);
    call_u64(&c, idle_s * 1000u);
    call_u64(&c, end_s * 1000u);
    call_u64(&c, SESSIONS_PER_USER_MAX);
    call_u64(&c, endings);
    return send_one(s, &c, digest, out);
}

enum err sessions_look(struct store *s, const char *digest, struct session *out)
{
    char key[KEY_MAX];
    struct call c;
    assert(strlen(digest) == HASH_HEX_SIZE - 1);
    session_key(digest, key);
    start(&c, key, "look");
    call_u64(&c, SESSIONS_TOUCH_MS);
    return send_one(s, &c, digest, out);
}

enum err sessions_end(struct store *s, const char *digest)
{
    char key[KEY_MAX];
    struct call c;
    redisReply *r;
    assert(strlen(digest) == HASH_HEX_SIZE - 1);
    session_key(digest, key);
    start(&c, key, "end");
    call_str(&c, digest);
    enum err e = call_send(s, &c, REDIS_REPLY_ARRAY, REDIS_REPLY_ARRAY, &r);
    if (e == ERR_OK)
        freeReplyObject(r);
    return e;
}

enum err sessions_end_all(struct store *s, const char *user, const char *keep, uint64_t endings, uint64_t *ended)
{
    char key[KEY_MAX];
    struct call c;
    redisReply *r;
    uint64_t n = 0;
    assert(strlen(user) < SESSIONS_USER_SIZE);
    user_key(user, key);
    start(&c, key, "all");
    call_str(&c, keep ? keep : "");
    call_u64(&c, endings);
    enum err e = call_send(s, &c, REDIS_REPLY_ARRAY, REDIS_REPLY_ARRAY, &r);
    if (e != ERR_OK)
        return e;
    e = r->elements == 1 ? call_number(r->element[0], &n) : ERR_INTERNAL;
    freeReplyObject(r);
    if (e == ERR_OK && ended)
        *ended = n;
    return e;
}

enum err sessions_list(struct store *s, const char *user, struct session *out, size_t max, size_t *n)
{
    char key[KEY_MAX];
    struct call c;
    redisReply *r;
    assert(strlen(user) < SESSIONS_USER_SIZE);
    user_key(user, key);
    start(&c, key, "list");
    call_u64(&c, max);
    enum err e = call_send(s, &c, REDIS_REPLY_ARRAY, REDIS_REPLY_ARRAY, &r);
    if (e != ERR_OK)
        return e;
    size_t found = r->elements / (1 + FACTS);
    e = r->elements % (1 + FACTS) == 0 && found <= max ? ERR_OK : ERR_INTERNAL;
    for (size_t i = 0; i < found && e == ERR_OK; i++) {
        redisReply *const *facts = r->element + i * (1 + FACTS);
        e = call_copy(facts[0], out[i].digest, sizeof out[i].digest);
        if (e == ERR_OK)
            e = read_facts(facts + 1, &out[i]);
    }
    freeReplyObject(r);
    if (e == ERR_OK)
        *n = found;
    return e;
}
