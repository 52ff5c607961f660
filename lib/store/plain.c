#include "lib/store/plain.h"

#include "lib/base/num.h"
#include "lib/store/call.h"

#include <stdio.h>
#include <string.h>

#define NUMBERS_KEY "rb:plain"
#define ALIVE_PREFIX "rb:alive:"
#define OWN_PREFIX "plain-"
#define OWN_END ".0"

static enum err send_for_number(struct store *s, struct call *c, int32_t *out)
{
    redisReply *r;
    enum err e = call_send(s, c, REDIS_REPLY_INTEGER, REDIS_REPLY_INTEGER, &r);
    if (e != ERR_OK)
        return e;
    if (r->integer < 0 || r->integer > INT32_MAX)
        e = ERR_FULL;
    else
        *out = (int32_t)r->integer;
    freeReplyObject(r);
    return e;
}

enum err plain_draw(struct store *s, int32_t wanted, int32_t least, int32_t *out)
{
    char text[16];
    struct call c;
    snprintf(text, sizeof text, "%d", (int)wanted);
    call_init_script(&c, SCRIPT_PLAIN_ID, 1);
    call_str(&c, NUMBERS_KEY);
    call_str(&c, ALIVE_PREFIX);
    call_str(&c, "draw");
    call_str(&c, text);
    call_u64(&c, least > 0 ? (uint64_t)least : 0);
    return send_for_number(s, &c, out);
}

/* The number in an id of the line protocol's own peers. */
static int own_number(const char *id, int32_t *out)
{
    char digits[16];
    uint64_t number;
    size_t prefix = strlen(OWN_PREFIX), len = strlen(id);
    if (strncmp(id, OWN_PREFIX, prefix) != 0 || len < prefix + strlen(OWN_END) || strcmp(id + len - strlen(OWN_END), OWN_END) != 0)
        return 0;
    len -= prefix + strlen(OWN_END);
    if (len >= sizeof digits)
        return 0;
    memcpy(digits, id + prefix, len);
    digits[len] = '\0';
    if (num_parse_u64(digits, INT32_MAX, &number) != ERR_OK)
        return 0;
    *out = (int32_t)number;
    return 1;
}

enum err plain_number(struct store *s, const char *id, int32_t *out)
{
    struct call c;
    if (own_number(id, out))
        return ERR_OK;
    call_init_script(&c, SCRIPT_PLAIN_ID, 1);
    call_str(&c, NUMBERS_KEY);
    call_str(&c, ALIVE_PREFIX);
    call_str(&c, "of");
    call_str(&c, id);
    return send_for_number(s, &c, out);
}

enum err plain_id(struct store *s, int32_t number, char out[RING_ID_MAX])
{
    char field[16];
    struct call c;
    redisReply *r;
    snprintf(field, sizeof field, "#%d", (int)number);
    call_init(&c, "HGET");
    call_str(&c, NUMBERS_KEY);
    call_str(&c, field);
    enum err e = call_send(s, &c, REDIS_REPLY_STRING, REDIS_REPLY_NIL, &r);
    if (e != ERR_OK)
        return e;
    if (r->type == REDIS_REPLY_STRING)
        e = call_copy(r, out, RING_ID_MAX);
    else
        snprintf(out, RING_ID_MAX, OWN_PREFIX "%d" OWN_END, (int)number);
    freeReplyObject(r);
    return e;
}
