#include "lib/store/sentinel.h"

#include "lib/base/num.h"

#include <string.h>

/* "host", "port" */
static enum err read_place(const redisReply *r, struct address_place *out)
{
    struct address_place place;
    uint64_t port;
    if (r->type != REDIS_REPLY_ARRAY || r->elements != 2 || r->element[1]->type != REDIS_REPLY_STRING)
        return ERR_INTERNAL;
    enum err e = call_copy(r->element[0], place.host, sizeof place.host);
    if (e != ERR_OK || !place.host[0] || num_parse_u64(r->element[1]->str, UINT16_MAX, &port) != ERR_OK || port == 0)
        return ERR_INTERNAL;
    place.port = (uint16_t)port;
    *out = place;
    return ERR_OK;
}

enum err sentinel_ask(const struct store *s, redisContext *context, uint64_t deadline_ms, struct address_place *out)
{
    const char *question[] = {"SENTINEL", "get-master-addr-by-name", s->where.master};
    if (conn_append_auth(s, context) != REDIS_OK || redisAppendCommandArgv(context, 3, question, NULL) != REDIS_OK)
        return ERR_UNAVAILABLE;
    /* What it says to the password does not matter: without one of its own it finds fault, and answers what is asked. */
    redisReply *r = s->password ? conn_reply(context, deadline_ms) : NULL;
    freeReplyObject(r);
    r = conn_reply(context, deadline_ms);
    if (!r)
        return ERR_UNAVAILABLE;
    enum err e;
    if (r->type == REDIS_REPLY_NIL)
        e = ERR_NOT_FOUND;
    else if (r->type == REDIS_REPLY_ERROR)
        e = ERR_DENIED;
    else
        e = read_place(r, out);
    freeReplyObject(r);
    return e;
}
