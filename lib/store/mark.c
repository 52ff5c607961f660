#include "lib/store/mark.h"

#include "lib/base/id.h"
#include "lib/store/index_inside.h"

#include <string.h>

#define TOKEN_BYTES ((MARK_TOKEN_SIZE - 1) / 2)
#define ANSWER_FIELDS 6

static enum err read_answer(const redisReply *r, struct mark *out)
{
    struct mark m;
    if (r->elements != ANSWER_FIELDS)
        return ERR_INTERNAL;
    enum err e = call_copy(r->element[0], m.incarnation, sizeof m.incarnation);
    if (e == ERR_OK)
        e = call_copy(r->element[1], m.holder, sizeof m.holder);
    if (e == ERR_OK)
        e = call_copy(r->element[2], m.process, sizeof m.process);
    if (e == ERR_OK)
        e = call_copy(r->element[3], m.run_id, sizeof m.run_id);
    if (e == ERR_OK)
        e = call_number(r->element[4], &m.courses);
    if (e == ERR_OK)
        e = call_number(r->element[5], &m.age_ms);
    if (e == ERR_OK)
        *out = m;
    return e;
}

enum err mark_read(struct store *s, struct mark *out)
{
    struct call c;
    redisReply *r;
    call_init_script(&c, SCRIPT_MARK_READ, 1);
    call_str(&c, MARK_KEY);
    enum err e = call_send(s, &c, REDIS_REPLY_ARRAY, REDIS_REPLY_ARRAY, &r);
    if (e != ERR_OK)
        return e;
    e = read_answer(r, out);
    freeReplyObject(r);
    return e;
}

int mark_is_ready(const struct store *s, const struct mark *m)
{
    return m->run_id[0] != '\0' && strcmp(m->run_id, store_run_id(s)) == 0;
}

int mark_is_settled(const struct store *s, const struct mark *m, unsigned ttl_ms)
{
    return m->process[0] != '\0' && strcmp(m->process, store_run_id(s)) == 0 && m->age_ms >= ttl_ms;
}

/* Connects when needed, so that it is known which process the hold is for. */
static enum err draw(struct store *s, struct mark_hold *out)
{
    enum err e = *store_run_id(s) ? ERR_OK : store_ping(s);
    if (e != ERR_OK)
        return e;
    memset(out, 0, sizeof *out);
    strncpy(out->run_id, store_run_id(s), sizeof out->run_id - 1);
    id_random_hex(out->token, TOKEN_BYTES);
    return ERR_OK;
}

/* Sends a script that answers 1 or -1, to the process of the hold only. */
static enum err send_step(struct store *s, struct call *c, const struct mark_hold *hold)
{
    redisReply *r;
    c->run_id = hold->run_id;
    enum err e = call_send(s, c, REDIS_REPLY_INTEGER, REDIS_REPLY_INTEGER, &r);
    if (e != ERR_OK)
        return e;
    if (r->integer < 0)
        e = ERR_STALE_INDEX;
    freeReplyObject(r);
    return e;
}

enum err mark_begin(struct store *s, struct mark_hold *out)
{
    struct mark_hold hold;
    struct call c;
    enum err e = draw(s, &hold);
    if (e != ERR_OK)
        return e;
    call_init_script(&c, SCRIPT_MARK_BEGIN, 4);
    call_str(&c, MARK_KEY);
    call_str(&c, BYNAME_KEY);
    call_str(&c, NEWEST_KEY);
    call_str(&c, WORDS_KEY);
    call_str(&c, hold.token);
    call_str(&c, hold.run_id);
    e = send_step(s, &c, &hold);
    if (e == ERR_OK)
        *out = hold;
    return e;
}

/* Starts a call of mark_set: if `field` has `value`. Pairs to set follow. */
static void init_set(struct call *c, const char *field, const char *value)
{
    call_init_script(c, SCRIPT_MARK_SET, 1);
    call_str(c, MARK_KEY);
    call_str(c, field);
    call_str(c, value);
}

enum err mark_join(struct store *s, struct mark_hold *out)
{
    struct mark_hold hold;
    struct call c;
    enum err e = draw(s, &hold);
    if (e != ERR_OK)
        return e;
    init_set(&c, "run_id", hold.run_id);
    call_str(&c, "holder");
    call_str(&c, hold.token);
    call_str(&c, "courses");
    call_u64(&c, 0);
    e = send_step(s, &c, &hold);
    if (e == ERR_OK)
        *out = hold;
    return e;
}

enum err mark_progress(struct store *s, const struct mark_hold *hold, uint64_t courses)
{
    struct call c;
    init_set(&c, "holder", hold->token);
    call_str(&c, "courses");
    call_u64(&c, courses);
    return send_step(s, &c, hold);
}

enum err mark_finish(struct store *s, const struct mark_hold *hold, uint64_t courses)
{
    struct call c;
    init_set(&c, "holder", hold->token);
    call_str(&c, "run_id");
    call_str(&c, hold->run_id);
    call_str(&c, "courses");
    call_u64(&c, courses);
    return send_step(s, &c, hold);
}
