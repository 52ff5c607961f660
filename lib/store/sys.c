#include "lib/store/sys.h"

#include "lib/base/clock.h"
#include "lib/base/num.h"
#include "lib/store/index_inside.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SYS_KEY "rb:sys"
#define BY_PREFIX "rb:u:"
#define BYTES_KEY "rb:bytes"
#define GONE_KEY "rb:gone"
#define FLIGHT_KEY "rb:flight"
#define USE_PREFIX "rb:use:"
#define NAME_MAX_BYTES 256 /* of a key of Redis with a user or a use in it */
#define PLACE_MAX (NAME_KEY_BYTES_MAX + 1 + STAMP_HEX_SIZE)

/* ---- lists */

/* One range of a sorted set whose members all have score 0: those that begin with prefix, behind `after` (empty: from the first), and the mark with them. *out is to be freed;
 * *found is the array. */
static enum err read_range(struct store *s, const char *set, const struct buf *prefix, const struct buf *after, unsigned limit,
    redisReply **out, const redisReply **found)
{
    struct call c;
    struct buf low, high;
    redisReply *r = NULL;
    int goes_on = after->len > 0;
    buf_init(&low, PLACE_MAX + 2);
    buf_init(&high, PLACE_MAX + 2);
    enum err e = buf_add(&low, goes_on ? "(" : "[", 1);
    if (e == ERR_OK)
        e = goes_on ? buf_add(&low, after->data, after->len) : buf_add(&low, prefix->data, prefix->len);
    if (e == ERR_OK)
        e = buf_add(&high, "[", 1);
    if (e == ERR_OK)
        e = buf_add(&high, prefix->data, prefix->len);
    if (e == ERR_OK)
        e = buf_add(&high, "\xff", 1);
    if (e == ERR_OK) {
        call_init_script(&c, SCRIPT_INDEX_READ, 2);
        call_str(&c, MARK_KEY);
        call_str(&c, set);
        call_str(&c, "ZRANGEBYLEX");
        call_bytes(&c, low.data, low.len);
        call_bytes(&c, high.data, high.len);
        call_str(&c, "LIMIT");
        call_u64(&c, 0);
        call_u64(&c, (uint64_t)limit + 1);
        e = call_send(s, &c, REDIS_REPLY_ARRAY, REDIS_REPLY_ARRAY, &r);
    }
    if (e == ERR_OK)
        e = r->elements == 2 ? index_check_mark(s, r->element[0]) : ERR_INTERNAL;
    if (e == ERR_OK && r->element[1]->type != REDIS_REPLY_ARRAY)
        e = ERR_INTERNAL;
    buf_release(&low);
    buf_release(&high);
    if (e != ERR_OK) {
        freeReplyObject(r);
        return e;
    }
    *out = r;
    *found = r->element[1];
    return ERR_OK;
}

/* A text as a buffer that only borrows it. */
static struct buf borrowed(const char *text)
{
    union {
        const char *in;
        char *out;
    } cast = {.in = text};
    return (struct buf){.data = cast.out, .len = strlen(text)};
}

void sys_page_release(struct sys_page *p)
{
    for (size_t i = 0; i < p->n; i++)
        free(p->items[i]);
    free(p->items);
    *p = (struct sys_page){0};
}

enum err sys_list(struct store *s, const char *prefix, const char *after, unsigned limit, struct sys_page *out)
{
    const struct buf first = borrowed(prefix), place = borrowed(after);
    struct sys_page page = {0};
    redisReply *answer;
    const redisReply *r;
    assert(limit >= 1 && limit <= SYS_KEYS_MAX);
    enum err e = read_range(s, SYS_KEY, &first, &place, limit, &answer, &r);
    if (e != ERR_OK)
        return e;
    page.more = r->elements > limit;
    page.items = calloc(limit, sizeof *page.items);
    e = page.items ? ERR_OK : ERR_NOMEM;
    for (size_t i = 0; i < r->elements && i < limit && e == ERR_OK; i++) {
        page.items[i] = strdup(r->element[i]->str ? r->element[i]->str : "");
        e = page.items[i] ? ERR_OK : ERR_NOMEM;
        page.n += e == ERR_OK;
    }
    freeReplyObject(answer);
    if (e == ERR_OK)
        *out = page;
    else
        sys_page_release(&page);
    return e;
}

void sys_places_release(struct sys_places *p)
{
    for (size_t i = 0; i < p->n; i++)
        free(p->items[i].key);
    free(p->items);
    *p = (struct sys_places){0};
}

/* "<key>\0<record id>" */
static enum err read_place(const redisReply *r, struct sys_place *out)
{
    if (r->type != REDIS_REPLY_STRING || r->len < STAMP_HEX_SIZE)
        return ERR_INTERNAL;
    size_t key_len = strlen(r->str);
    if (key_len + STAMP_HEX_SIZE != r->len || stamp_parse(r->str + key_len + 1, &out->record) != ERR_OK)
        return ERR_INTERNAL;
    out->key = strdup(r->str);
    return out->key ? ERR_OK : ERR_NOMEM;
}

enum err sys_by(struct store *s, const char *user, const char *prefix, const char *after_key, struct stamp after, unsigned limit,
    struct sys_places *out)
{
    char set[NAME_MAX_BYTES], hex[STAMP_HEX_SIZE];
    const struct buf first = borrowed(prefix);
    struct buf place;
    struct sys_places places = {0};
    redisReply *answer = NULL;
    const redisReply *r = NULL;
    assert(limit >= 1 && limit <= SYS_KEYS_MAX);
    buf_init(&place, PLACE_MAX);
    stamp_hex(after, hex);
    enum err e = (size_t)snprintf(set, sizeof set, BY_PREFIX "%s", user) < sizeof set ? ERR_OK : ERR_INVALID;
    if (e == ERR_OK && *after_key)
        e = buf_add(&place, after_key, strlen(after_key) + 1);
    if (e == ERR_OK && *after_key)
        e = buf_add_str(&place, hex);
    if (e == ERR_OK)
        e = read_range(s, set, &first, &place, limit, &answer, &r);
    buf_release(&place);
    if (e != ERR_OK)
        return e;
    places.more = r->elements > limit;
    places.items = calloc(limit, sizeof *places.items);
    e = places.items ? ERR_OK : ERR_NOMEM;
    for (size_t i = 0; i < r->elements && i < limit && e == ERR_OK; i++) {
        e = read_place(r->element[i], &places.items[i]);
        places.n += e == ERR_OK;
    }
    freeReplyObject(answer);
    if (e == ERR_OK)
        *out = places;
    else
        sys_places_release(&places);
    return e;
}

/* ---- bytes */

struct hold {
    const char *id, *user;
    uint64_t bytes, user_limit, all_limit;
    unsigned hold_s;
};

static void call_limit(struct call *c, uint64_t limit)
{
    if (limit == UINT64_MAX)
        call_str(c, "");
    else
        call_u64(c, limit);
}

static enum err read_bytes_answer(const redisReply *r, struct sys_bytes *out, char *whose)
{
    struct sys_bytes b;
    if (r->elements == 1)
        return ERR_STALE_INDEX;
    if (r->elements != 6 || r->element[1]->type != REDIS_REPLY_STRING)
        return ERR_INTERNAL;
    enum err e = call_number(r->element[2], &b.user);
    if (e == ERR_OK)
        e = call_number(r->element[3], &b.all);
    if (e == ERR_OK)
        e = call_number(r->element[4], &b.user_flight);
    if (e == ERR_OK)
        e = call_number(r->element[5], &b.all_flight);
    if (e != ERR_OK)
        return e;
    *out = b;
    *whose = r->element[1]->str[0];
    return ERR_OK;
}

/* lua/bytes_hold.lua. It needs to know the process, and so a connection. */
static enum err send_hold(struct store *s, const struct hold *h, struct sys_bytes *out, char *whose)
{
    struct call c;
    redisReply *r;
    enum err e = *store_run_id(s) ? ERR_OK : store_ping(s);
    if (e != ERR_OK)
        return e;
    call_init_script(&c, SCRIPT_BYTES_HOLD, 3);
    call_str(&c, BYTES_KEY);
    call_str(&c, GONE_KEY);
    call_str(&c, FLIGHT_KEY);
    call_str(&c, store_run_id(s));
    call_str(&c, h->user);
    call_u64(&c, SYS_GONE_MS);
    call_str(&c, h->id);
    call_u64(&c, h->bytes);
    call_limit(&c, h->user_limit);
    call_limit(&c, h->all_limit);
    call_u64(&c, (uint64_t)h->hold_s * 1000u);
    e = call_send(s, &c, REDIS_REPLY_ARRAY, REDIS_REPLY_ARRAY, &r);
    if (e != ERR_OK)
        return e;
    e = read_bytes_answer(r, out, whose);
    freeReplyObject(r);
    return e;
}

enum err sys_bytes(struct store *s, const char *user, struct sys_bytes *out)
{
    char whose;
    return send_hold(s, &(struct hold){.id = "", .user = user, .user_limit = UINT64_MAX, .all_limit = UINT64_MAX}, out, &whose);
}

enum err sys_flight_begin(struct store *s, const char *id, const char *user, uint64_t bytes, uint64_t user_limit, uint64_t all_limit,
    unsigned hold_s, char *whose)
{
    struct hold h = {.id = id, .user = user, .bytes = bytes, .user_limit = user_limit, .all_limit = all_limit, .hold_s = hold_s};
    struct sys_bytes ignored;
    char refused;
    assert(*id);
    enum err e = send_hold(s, &h, &ignored, &refused);
    if (e == ERR_FULL) /* Redis itself: nobody's limit is reached */
        return ERR_UNAVAILABLE;
    if (e != ERR_OK || !refused)
        return e;
    *whose = refused;
    return ERR_FULL;
}

enum err sys_flight_end(struct store *s, const char *id)
{
    struct call c;
    redisReply *r;
    call_init(&c, "HDEL");
    call_str(&c, FLIGHT_KEY);
    call_str(&c, id);
    enum err e = call_send(s, &c, REDIS_REPLY_INTEGER, REDIS_REPLY_INTEGER, &r);
    if (e == ERR_OK)
        freeReplyObject(r);
    return e;
}

/* ---- counts and last uses */

static enum err use_key(const char *what, const char *tail, char out[NAME_MAX_BYTES])
{
    return (size_t)snprintf(out, NAME_MAX_BYTES, USE_PREFIX "%s%s", what, tail) < NAME_MAX_BYTES ? ERR_OK : ERR_INVALID;
}

/* SET key value EX seconds, with `only` (NX) or without. *set: whether it was done. */
static enum err send_set(struct store *s, const char *key, uint64_t value, unsigned seconds, int only_new, int *set)
{
    struct call c;
    redisReply *r;
    call_init(&c, "SET");
    call_str(&c, key);
    call_u64(&c, value);
    call_str(&c, "EX");
    call_u64(&c, seconds);
    if (only_new)
        call_str(&c, "NX");
    enum err e = call_send(s, &c, REDIS_REPLY_STATUS, REDIS_REPLY_NIL, &r);
    if (e != ERR_OK)
        return e;
    *set = r->type == REDIS_REPLY_STATUS;
    freeReplyObject(r);
    return ERR_OK;
}

enum err sys_use(struct store *s, const char *what, unsigned every_s, unsigned kept_s)
{
    char key[NAME_MAX_BYTES], lately[NAME_MAX_BYTES];
    int first = 0, set;
    enum err e = use_key(what, "", key);
    if (e == ERR_OK)
        e = use_key(what, ":lately", lately);
    if (e == ERR_OK)
        e = send_set(s, lately, 1, every_s, 1, &first);
    return e == ERR_OK && first ? send_set(s, key, clock_unix_ms(), kept_s, 0, &set) : e;
}

/* A number that may not be there: 0 then. */
static enum err get_number(struct store *s, const char *what, uint64_t *out)
{
    char key[NAME_MAX_BYTES];
    struct call c;
    redisReply *r;
    uint64_t n = 0;
    enum err e = use_key(what, "", key);
    if (e != ERR_OK)
        return e;
    call_init(&c, "GET");
    call_str(&c, key);
    e = call_send(s, &c, REDIS_REPLY_STRING, REDIS_REPLY_NIL, &r);
    if (e != ERR_OK)
        return e;
    if (r->type == REDIS_REPLY_STRING)
        e = call_number(r, &n);
    freeReplyObject(r);
    if (e == ERR_OK)
        *out = n;
    return e;
}

enum err sys_used(struct store *s, const char *what, uint64_t *at_ms)
{
    return get_number(s, what, at_ms);
}

enum err sys_counted(struct store *s, const char *what, uint64_t *count)
{
    return get_number(s, what, count);
}

enum err sys_count(struct store *s, const char *what, uint64_t limit, unsigned kept_s, uint64_t *count)
{
    char key[NAME_MAX_BYTES];
    struct call c;
    redisReply *r;
    enum err e = use_key(what, "", key);
    if (e != ERR_OK)
        return e;
    call_init_script(&c, SCRIPT_COUNT_UP, 1);
    call_str(&c, key);
    call_u64(&c, limit);
    call_u64(&c, kept_s);
    e = call_send(s, &c, REDIS_REPLY_INTEGER, REDIS_REPLY_INTEGER, &r);
    if (e != ERR_OK)
        return e;
    if (r->integer < 0)
        e = ERR_FULL;
    else
        *count = (uint64_t)r->integer;
    freeReplyObject(r);
    return e;
}
