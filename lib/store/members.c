#include "lib/store/members.h"
#include "lib/store/members_inside.h"

#include "lib/base/log.h"
#include "lib/store/call.h"
#include "lib/store/lock.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODES_KEY "rb:nodes"
#define ALIVE_PREFIX "rb:alive:"
#define COORDINATORS_KEY "rb:coordinators"
#define COORDINATOR_PREFIX "rb:coordinator:"
#define RING_KEY "rb:ring"
#define FACTS_MAX 8192 /* bytes of one node's JSON */
#define KEY_MAX 128
#define RING_REFUSED 0

/* Facts and the alive key of one node or coordinator, by one script, on their way: the call borrows the texts. */
struct beat {
    struct call call;
    char alive[KEY_MAX + 32];
    struct buf facts;
};

/* Makes the call, to be sent or released; takes facts. beat_release() in every case. */
static enum err beat_make(struct beat *b, const char *hash, const char *alive_prefix, const char *id, struct json *facts, unsigned ttl_ms)
{
    snprintf(b->alive, sizeof b->alive, "%s%s", alive_prefix, id);
    buf_init(&b->facts, FACTS_MAX);
    call_init_script(&b->call, SCRIPT_HEARTBEAT, 2);
    call_str(&b->call, hash);
    call_str(&b->call, b->alive);
    call_str(&b->call, id);
    enum err e = json_print(facts, &b->facts);
    json_free(facts);
    if (e == ERR_OK) {
        call_bytes(&b->call, b->facts.data, b->facts.len);
        call_u64(&b->call, ttl_ms);
    }
    return e;
}

/* A call that was sent is released already. */
static void beat_release(struct beat *b, int was_sent)
{
    if (!was_sent)
        call_release(&b->call);
    buf_release(&b->facts);
}

/* One alone. Takes facts. */
static enum err send_heartbeat(
    struct store *s, const char *hash, const char *alive_prefix, const char *id, struct json *facts, unsigned ttl_ms)
{
    struct beat b;
    redisReply *r = NULL;
    enum err e = beat_make(&b, hash, alive_prefix, id, facts, ttl_ms);
    int was_sent = e == ERR_OK;
    if (e == ERR_OK)
        e = call_send(s, &b.call, REDIS_REPLY_INTEGER, REDIS_REPLY_INTEGER, &r);
    freeReplyObject(r);
    beat_release(&b, was_sent);
    return e;
}

enum err members_heartbeat(struct store *s, const struct member *m, uint64_t now_unix_ms)
{
    struct member stamped = *m;
    stamped.heartbeat_at_ms = now_unix_ms;
    return send_heartbeat(s, NODES_KEY, ALIVE_PREFIX, m->id, member_to_json(&stamped), MEMBERS_TTL_MS);
}

enum err members_heartbeats(struct store *s, const struct member *m, size_t n)
{
    redisReply *replies[MEMBERS_HEARTBEATS_MAX] = {0};
    struct call *calls[MEMBERS_HEARTBEATS_MAX] = {0};
    struct beat *beats = calloc(n + 1, sizeof *beats);
    size_t made = 0;
    enum err e = beats ? ERR_OK : ERR_NOMEM;
    assert(n <= MEMBERS_HEARTBEATS_MAX);
    for (; made < n && e == ERR_OK; made++) {
        calls[made] = &beats[made].call;
        e = beat_make(&beats[made], NODES_KEY, ALIVE_PREFIX, m[made].id, member_to_json(&m[made]), MEMBERS_TTL_MS);
    }
    int was_sent = e == ERR_OK;
    if (e == ERR_OK)
        e = call_send_all(s, calls, n, REDIS_REPLY_INTEGER, replies);
    for (size_t i = 0; i < made; i++) {
        freeReplyObject(replies[i]);
        beat_release(&beats[i], was_sent);
    }
    free(beats);
    return e;
}

static enum err send_and_forget(struct store *s, const char *command, const char *key, const char *field)
{
    struct call c;
    call_init(&c, command);
    call_str(&c, key);
    if (field)
        call_str(&c, field);
    redisReply *r;
    enum err e = call_send(s, &c, REDIS_REPLY_INTEGER, REDIS_REPLY_INTEGER, &r);
    if (e == ERR_OK)
        freeReplyObject(r);
    return e;
}

enum err members_leave(struct store *s, const char *id, int forget)
{
    char alive[KEY_MAX + 32];
    snprintf(alive, sizeof alive, ALIVE_PREFIX "%s", id);
    enum err e = send_and_forget(s, "DEL", alive, NULL);
    if (e == ERR_OK && forget)
        e = send_and_forget(s, "HDEL", NODES_KEY, id);
    return e;
}

static struct json *coordinator_to_json(const struct coordinator_alive *c)
{
    struct json *j = json_object();
    json_set_str(j, "name", c->name);
    json_set_str(j, "url", c->url);
    json_set_str(j, "token", c->token);
    return j;
}

static enum err coordinator_parse(const char *text, size_t len, struct coordinator_alive *out)
{
    struct json *j;
    enum err e = json_parse(text, len, &j);
    if (e != ERR_OK)
        return e;
    e = json_copy_str(j, "name", out->name, sizeof out->name);
    if (e == ERR_OK)
        e = json_copy_str(j, "url", out->url, sizeof out->url);
    if (e == ERR_OK)
        e = json_copy_str(j, "token", out->token, sizeof out->token);
    json_free(j);
    return e;
}

enum err members_coordinator_alive(struct store *s, const struct coordinator_alive *c, unsigned ttl_ms)
{
    return send_heartbeat(s, COORDINATORS_KEY, COORDINATOR_PREFIX, c->name, coordinator_to_json(c), ttl_ms);
}

enum err members_coordinator_leave(struct store *s, const char *name)
{
    char alive[KEY_MAX + 32];
    snprintf(alive, sizeof alive, COORDINATOR_PREFIX "%s", name);
    return send_and_forget(s, "DEL", alive, NULL);
}

enum err members_publish_ring(struct store *s, const struct ringdoc *d)
{
    struct call c;
    call_init_script(&c, SCRIPT_RING_PUBLISH, 1);
    call_str(&c, RING_KEY);
    call_u64(&c, d->ring->epoch);
    call_bytes(&c, d->text, d->text_len);
    redisReply *r;
    enum err e = call_send(s, &c, REDIS_REPLY_INTEGER, REDIS_REPLY_INTEGER, &r);
    if (e != ERR_OK)
        return e;
    e = r->integer == RING_REFUSED ? ERR_CONFLICT : ERR_OK;
    freeReplyObject(r);
    return e;
}

static int by_name(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : strcmp(x->id, y->id);
}

static int coordinator_by_name(const void *a, const void *b)
{
    return strcmp(((const struct coordinator_alive *)a)->name, ((const struct coordinator_alive *)b)->name);
}

/* Facts that cannot be read are left out: a foreign entry must not hide everybody else. */
static enum err read_nodes(const redisReply *list, struct members *m)
{
    m->nodes = calloc(list->elements / 2 + 1, sizeof *m->nodes);
    if (!m->nodes)
        return ERR_NOMEM;
    for (size_t i = 0; i + 1 < list->elements; i += 2) {
        const redisReply *text = list->element[i], *alive = list->element[i + 1];
        struct json *j;
        if (text->type != REDIS_REPLY_STRING || json_parse(text->str, text->len, &j) != ERR_OK) {
            log_write(LOG_WARN, "members", "a node's facts in Redis cannot be read");
            continue;
        }
        struct member *node = &m->nodes[m->n_nodes];
        if (member_from_json(j, node) == ERR_OK) {
            node->alive = alive->type == REDIS_REPLY_INTEGER && alive->integer == 1;
            m->n_nodes++;
        }
        json_free(j);
    }
    qsort(m->nodes, m->n_nodes, sizeof *m->nodes, by_name);
    return ERR_OK;
}

/* The living first: only what does not fit any more may be left out, and that is the dead. */
static void read_coordinators(const redisReply *list, struct members *m)
{
    for (int living = 1; living >= 0; living--) {
        size_t first = m->n_coordinators;
        for (size_t i = 0; i + 1 < list->elements && m->n_coordinators < MEMBERS_COORDINATORS_MAX; i += 2) {
            const redisReply *text = list->element[i], *alive = list->element[i + 1];
            if ((alive->integer == 1) != living || text->type != REDIS_REPLY_STRING)
                continue;
            if (coordinator_parse(text->str, text->len, &m->coordinators[m->n_coordinators]) != ERR_OK)
                continue;
            m->coordinator_is_alive[m->n_coordinators++] = living;
        }
        qsort(m->coordinators + first, m->n_coordinators - first, sizeof m->coordinators[0], coordinator_by_name);
    }
}

static enum err read_answer(const redisReply *r, struct members *m)
{
    static const int types[] = {
        REDIS_REPLY_STRING, REDIS_REPLY_STRING, REDIS_REPLY_ARRAY, REDIS_REPLY_ARRAY, REDIS_REPLY_ARRAY, REDIS_REPLY_STRING};
    if (r->elements != sizeof types / sizeof *types)
        return ERR_INTERNAL;
    for (size_t i = 0; i < r->elements; i++) {
        if (r->element[i]->type != types[i])
            return ERR_INTERNAL;
    }
    const redisReply *lease_text = r->element[0], *ring = r->element[1];
    struct lease lease = {0};
    if (lease_text->len > 0 && lease_parse(lease_text->str, lease_text->len, &lease) == ERR_OK) {
        memcpy(m->leader_name, lease.name, sizeof m->leader_name);
        memcpy(m->leader_token, lease.token, sizeof m->leader_token);
        m->leader_epoch = lease.epoch;
        m->leader_since_ms = lease.since_ms;
    }
    if (ring->len > 0) {
        enum err e = ringdoc_parse(ring->str, ring->len, &m->ring);
        if (e == ERR_NOMEM)
            return e;
        if (e != ERR_OK)
            log_write(LOG_ERROR, "members", "the ring document in Redis cannot be read");
    }
    read_coordinators(r->element[3], m);
    members_read_wishes(r->element[4], &m->wishes);
    enum err e = read_nodes(r->element[2], m);
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < m->n_nodes; i++)
        m->nodes[i].state = members_state(m->ring, &m->wishes, &m->nodes[i]);
    if (r->element[5]->len > 0)
        members_read_news(r->element[5]->str, r->element[5]->len, m);
    return ERR_OK;
}

enum err members_read(struct store *s, struct members *out)
{
    struct call c;
    call_init_script(&c, SCRIPT_MEMBERS, 6);
    call_str(&c, NODES_KEY);
    call_str(&c, COORDINATORS_KEY);
    call_str(&c, LEASE_KEY);
    call_str(&c, RING_KEY);
    call_str(&c, MEMBERS_WISHES_KEY);
    call_str(&c, MEMBERS_NEWS_KEY);
    call_str(&c, ALIVE_PREFIX);
    call_str(&c, COORDINATOR_PREFIX);
    redisReply *r;
    enum err e = call_send(s, &c, REDIS_REPLY_ARRAY, REDIS_REPLY_ARRAY, &r);
    if (e != ERR_OK)
        return e;
    struct members m = {0};
    e = read_answer(r, &m);
    freeReplyObject(r);
    if (e == ERR_OK)
        *out = m;
    else
        members_release(&m);
    return e;
}

void members_release(struct members *m)
{
    free(m->nodes);
    ringdoc_free(m->ring);
    *m = (struct members){0};
}
