#include "lib/store/downloads.h"

#include "lib/base/hash.h"
#include "lib/store/call.h"

#include <stdio.h>

#define KEY_PREFIX "rb:pd:"

/* One command with the key and maybe a number; its answer is a number too. */
static enum err send(struct store *s, const char *command, const char *key, uint64_t argument, uint64_t *answer)
{
    struct call c;
    redisReply *r;
    call_init(&c, command);
    call_str(&c, key);
    if (argument > 0)
        call_u64(&c, argument);
    enum err e = call_send(s, &c, REDIS_REPLY_INTEGER, REDIS_REPLY_INTEGER, &r);
    if (e != ERR_OK)
        return e;
    e = call_number(r, answer);
    freeReplyObject(r);
    return e;
}

/* The time to live is said anew each time: a count that lost it between the two commands gets it with the next download. */
enum err downloads_count(struct store *s, const char *sha256, uint64_t *count)
{
    char key[sizeof(KEY_PREFIX) + HASH_HEX_SIZE];
    uint64_t n, set;
    snprintf(key, sizeof key, KEY_PREFIX "%s", sha256);
    enum err e = send(s, "INCR", key, 0, &n);
    if (e == ERR_OK)
        e = send(s, "EXPIRE", key, DOWNLOADS_KEPT_S, &set);
    if (e == ERR_OK)
        *count = n;
    return e;
}
