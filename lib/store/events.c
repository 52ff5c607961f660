#include "lib/store/events.h"

#include "lib/store/call.h"

static void add_field(struct call *c, const char *name, const char *value)
{
    if (!value)
        return;
    call_str(c, name);
    call_str(c, value);
}

enum err events_add(struct store *s, const char *kind, const char *course, const char *key, const char *node, uint64_t at_unix_ms)
{
    struct call c;
    call_init(&c, "XADD");
    call_str(&c, EVENTS_KEY);
    call_str(&c, "MAXLEN");
    call_str(&c, "~");
    call_u64(&c, EVENTS_MAX);
    call_str(&c, "*");
    add_field(&c, "kind", kind);
    add_field(&c, "course", course);
    add_field(&c, "key", key);
    add_field(&c, "node", node);
    call_str(&c, "at");
    call_u64(&c, at_unix_ms);
    redisReply *r;
    enum err e = call_send(s, &c, REDIS_REPLY_STRING, REDIS_REPLY_STRING, &r);
    if (e == ERR_OK)
        freeReplyObject(r);
    return e;
}
