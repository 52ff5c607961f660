/* Peers with lists, made up for tests of the index of peers. */
#ifndef RB_TESTS_UNIT_LIB_STORE_PEERS_LISTS_H
#define RB_TESTS_UNIT_LIB_STORE_PEERS_LISTS_H

#include "lib/base/log.h"
#include "lib/store/call.h"
#include "lib/store/members.h"
#include "lib/store/peers.h"
#include "tests/unit/lib/store/records.h"
#include "tests/unit/lib/store/redis_server.h"
#include "tests/unit/unit.h"

struct world {
    struct redis_server redis;
    struct store *store;
};

static inline int set_up(void **state)
{
    static struct world w;
    log_init("test", LOG_ERROR);
    if (!redis_server_init(&w.redis))
        return -1;
    w.store = store_new(&(struct store_config){.address = w.redis.address, .timeout_ms = 20000});
    *state = &w;
    return w.store ? 0 : -1;
}

static inline int tear_down(void **state)
{
    struct world *w = *state;
    store_free(w->store);
    redis_server_release(&w->redis);
    return 0;
}

/* An empty Redis with an index that is believed. */
static inline struct store *fresh(void **state)
{
    struct store *s = ((struct world *)*state)->store;
    struct call c;
    redisReply *r;
    call_init(&c, "FLUSHALL");
    assert_ok(call_send(s, &c, REDIS_REPLY_STATUS, REDIS_REPLY_STATUS, &r));
    freeReplyObject(r);
    begin_index(s);
    return s;
}

static inline void peer_id(const char *name, char id[RING_ID_MAX])
{
    snprintf(id, RING_ID_MAX, "%s.0123456789abcdef", name);
}

/* A heartbeat of a peer that shares: it is here for MEMBERS_TTL_MS. */
static inline void beat(struct store *s, const char *name)
{
    struct member m = {.weight = 1, .shares = 1, .obtain_port = 9000};
    peer_id(name, m.id);
    snprintf(m.name, sizeof m.name, "%s", name);
    snprintf(m.url, sizeof m.url, "http://%s", name);
    memset(m.share_digest, '0', sizeof m.share_digest - 1);
    assert_ok(members_heartbeat(s, &m, 1795269723004));
}

/* The peer falls silent; forget: its facts go too. */
static inline void leave(struct store *s, const char *name, int forget)
{
    char id[RING_ID_MAX];
    peer_id(name, id);
    assert_ok(members_leave(s, id, forget));
}

/* A list as its peer has it, and what of it is told. */
struct list {
    char id[RING_ID_MAX];
    struct shared_digest digest;
    char listed[SHARED_DIGEST_HEX_SIZE];
    struct shared_delta delta; /* what comes next */
    struct shared_file files[2000];
    size_t n;
};

static inline void list_init(struct list *l, const char *name)
{
    memset(l, 0, sizeof *l);
    peer_id(name, l->id);
    shared_delta_init(&l->delta);
}

static inline void list_release(struct list *l)
{
    for (size_t i = 0; i < l->n; i++)
        shared_file_release(&l->files[i]);
    shared_delta_release(&l->delta);
}

static inline struct shared_file *list_find(struct list *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->files[i].name, name) == 0)
            return &l->files[i];
    return NULL;
}

/* Adds a file or takes the place of the one of that name; content NULL: its hash is not known. */
static inline void list_put(struct list *l, const char *name, const char *content)
{
    struct shared_file f = {.name = (char *)(uintptr_t)name, .size = content ? strlen(content) : 7, .mtime_ms = 1700000000000};
    struct shared_file *was = list_find(l, name);
    if (content)
        hash_sha256_hex(content, strlen(content), f.sha256);
    if (was) {
        shared_digest_toggle(&l->digest, was);
        shared_file_release(was);
    } else {
        assert_true(l->n < sizeof l->files / sizeof *l->files);
        was = &l->files[l->n++];
    }
    assert_ok(shared_file_copy(was, &f));
    shared_digest_toggle(&l->digest, &f);
    assert_ok(shared_delta_add(&l->delta, &f));
}

static inline void list_drop(struct list *l, const char *name)
{
    struct shared_file *f = list_find(l, name);
    shared_digest_toggle(&l->digest, f);
    assert_ok(shared_delta_remove(&l->delta, name));
    shared_file_release(f);
    *f = l->files[--l->n];
}

/* Sends the delta, from what was listed; anew: from nothing. */
static inline enum err list_tell(struct store *s, struct list *l, int anew)
{
    if (!anew)
        memcpy(l->delta.base, l->listed, sizeof l->delta.base);
    shared_digest_hex(&l->digest, l->delta.digest);
    enum err e = peers_apply(s, l->id, &l->delta, l->listed);
    shared_delta_release(&l->delta);
    return e;
}

/* A peer that is here and shares these names, whose contents are the names. */
static inline void share(struct store *s, struct list *l, const char *peer, const char *const *names, size_t n)
{
    list_init(l, peer);
    beat(s, peer);
    for (size_t i = 0; i < n; i++)
        list_put(l, names[i], names[i]);
    assert_ok(list_tell(s, l, 1));
}

#endif
