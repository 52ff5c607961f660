#include "lib/store/peers.h"

#include "lib/base/id.h"
#include "lib/base/num.h"
#include "lib/store/mark.h"
#include "lib/store/peers_inside.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DONE 1 /* answers of lua/peers_apply.lua */
#define TOO_MANY (-1)

/* One file as the script's five arguments; their memory lives until the call was sent. */
struct argument {
    struct peers_keys keys;
    char facts[48];
    uint8_t sha256[HASH_SIZE];
};

/* One step of lua/peers_apply.lua. */
struct step {
    const char *id, *what, *given, *digest;
    const struct shared_file *add;
    size_t n_add;
    const char *const *remove;
    size_t n_remove;
};

/* file NULL: it goes. */
static enum err put_file(struct call *c, struct argument *a, const char *name, const struct shared_file *file)
{
    enum err e = peers_keys_init(&a->keys, name);
    if (e)
        return e;
    int hashed = file && *file->sha256;
    if (hashed && num_unhex(file->sha256, a->sha256, HASH_SIZE) != ERR_OK)
        return ERR_INVALID;
    if (file)
        snprintf(a->facts, sizeof a->facts, "%" PRIu64 " %" PRIu64, file->size, file->mtime_ms);
    call_bytes(c, a->keys.name_hash, sizeof a->keys.name_hash);
    call_str(c, name);
    call_str(c, a->facts);
    call_bytes(c, a->sha256, hashed ? HASH_SIZE : 0);
    call_bytes(c, a->keys.keys.data, a->keys.keys.len);
    return ERR_OK;
}

/* What the script answered. ERR_CONFLICT: it found the list otherwise than it must be, and did nothing. */
static enum err read_step(const redisReply *r, char listed[SHARED_DIGEST_HEX_SIZE])
{
    if (r->elements != 2 || r->element[0]->type != REDIS_REPLY_INTEGER)
        return ERR_INTERNAL;
    enum err e = call_copy(r->element[1], listed, SHARED_DIGEST_HEX_SIZE);
    if (e)
        return e;
    if (r->element[0]->integer == TOO_MANY)
        return ERR_FULL;
    return r->element[0]->integer == DONE ? ERR_OK : ERR_CONFLICT;
}

/* run_id: NULL, or the Redis process that the step is for. */
static enum err send_step(struct store *s, const char *run_id, const struct step *step, char listed[SHARED_DIGEST_HEX_SIZE])
{
    size_t n = step->n_add + step->n_remove;
    struct argument *args = calloc(n + 1, sizeof *args);
    struct call c;
    redisReply *r;
    if (!args)
        return ERR_NOMEM;
    call_init_script(&c, SCRIPT_PEERS_APPLY, 0);
    c.run_id = run_id;
    call_str(&c, step->id);
    call_str(&c, step->what);
    call_str(&c, step->given);
    call_str(&c, step->digest);
    call_u64(&c, SHARED_FILES_MAX);
    enum err e = ERR_OK;
    size_t put = 0;
    for (size_t i = 0; !e && i < step->n_add; i++)
        e = put_file(&c, &args[put++], step->add[i].name, &step->add[i]);
    for (size_t i = 0; !e && i < step->n_remove; i++)
        e = put_file(&c, &args[put++], step->remove[i], NULL);
    if (e)
        call_release(&c);
    else
        e = call_send(s, &c, REDIS_REPLY_ARRAY, REDIS_REPLY_ARRAY, &r);
    if (!e) {
        e = read_step(r, listed);
        freeReplyObject(r);
    }
    for (size_t i = 0; i < put; i++)
        peers_keys_release(&args[i].keys);
    free(args);
    return e;
}

/* Clears up to SHARED_DELTA_FILES files of a list for whoever has begun. *left: whether there were any. */
static enum err clear_some(struct store *s, const char *run_id, const char *id, const char *token, int *left)
{
    struct call c;
    redisReply *r;
    char listed[SHARED_DIGEST_HEX_SIZE];
    call_init_script(&c, SCRIPT_PEERS_NAMES, 0);
    c.run_id = run_id;
    call_str(&c, id);
    call_u64(&c, SHARED_DELTA_FILES);
    enum err e = call_send(s, &c, REDIS_REPLY_ARRAY, REDIS_REPLY_ARRAY, &r);
    if (e)
        return e;
    const char *names[SHARED_DELTA_FILES];
    size_t n = 0;
    for (; n < r->elements && n < SHARED_DELTA_FILES; n++)
        names[n] = r->element[n]->str;
    *left = n > 0;
    if (n > 0) {
        const struct step clear = {.id = id, .what = "clear", .given = token, .digest = "", .remove = names, .n_remove = n};
        e = send_step(s, run_id, &clear, listed);
    }
    freeReplyObject(r);
    return e;
}

/* Draws a token and takes the list's digest away in its name. run_id gets the process in which that was. */
static enum err begin(struct store *s, const char *id, char token[24], char run_id[MARK_RUN_ID_SIZE])
{
    char listed[SHARED_DIGEST_HEX_SIZE];
    uint64_t drawn;
    id_random(&drawn, sizeof drawn);
    snprintf(token, 24, "%" PRIu64, drawn | 1); /* never 0 */
    const struct step step = {.id = id, .what = "begin", .given = token, .digest = ""};
    enum err e = send_step(s, NULL, &step, listed);
    if (!e)
        snprintf(run_id, MARK_RUN_ID_SIZE, "%s", store_run_id(s));
    return e;
}

enum err peers_apply(struct store *s, const char *id, const struct shared_delta *delta, char listed[SHARED_DIGEST_HEX_SIZE])
{
    struct step step = {.id = id,
        .what = "delta",
        .given = delta->base,
        .digest = delta->digest,
        .add = delta->add,
        .n_add = delta->n_add,
        .remove = (const char *const *)delta->remove,
        .n_remove = delta->n_remove};
    if (*delta->base)
        return send_step(s, NULL, &step, listed);
    char token[24], run_id[MARK_RUN_ID_SIZE];
    int left = 1;
    *listed = '\0';
    enum err e = begin(s, id, token, run_id);
    while (!e && left)
        e = clear_some(s, run_id, id, token, &left);
    if (e)
        return e;
    step.what = "anew";
    step.given = token;
    return send_step(s, run_id, &step, listed);
}

enum err peers_forget(struct store *s, const char *id, uint64_t *begun, int *more)
{
    char token[24], run_id[MARK_RUN_ID_SIZE], listed[SHARED_DIGEST_HEX_SIZE];
    int left = 0;
    enum err e = ERR_OK;
    *more = 1;
    if (*begun == 0) {
        e = begin(s, id, token, run_id);
        if (!e)
            e = num_parse_u64(token, UINT64_MAX, begun);
        if (e)
            return e;
    }
    snprintf(token, sizeof token, "%" PRIu64, *begun);
    e = clear_some(s, NULL, id, token, &left);
    if (e || left)
        return e;
    const struct step drop = {.id = id, .what = "drop", .given = token, .digest = ""};
    e = send_step(s, NULL, &drop, listed);
    if (!e)
        *more = 0;
    return e;
}

/* ---- who is there */

static enum err send_lists(struct store *s, const char *facts, redisReply **out)
{
    struct call c;
    redisReply *r;
    call_init_script(&c, SCRIPT_PEERS_LISTS, 3);
    call_str(&c, PEERS_NUMBERS_KEY);
    call_str(&c, PEERS_NODES_KEY);
    call_str(&c, MARK_KEY);
    call_str(&c, facts);
    enum err e = call_send(s, &c, REDIS_REPLY_ARRAY, REDIS_REPLY_ARRAY, &r);
    if (e)
        return e;
    if (r->elements != 3 || r->element[1]->type != REDIS_REPLY_ARRAY || r->element[2]->type != REDIS_REPLY_ARRAY) {
        freeReplyObject(r);
        return ERR_INTERNAL;
    }
    *out = r;
    return ERR_OK;
}

#define LIST_PARTS 5 /* id, digest, files, since, alive */

enum err peers_lists(struct store *s, struct peers_list **out, size_t *n)
{
    redisReply *r;
    enum err e = send_lists(s, "", &r);
    if (e)
        return e;
    const redisReply *found = r->element[1];
    struct peers_list *lists = calloc(found->elements / LIST_PARTS + 1, sizeof *lists);
    size_t count = 0;
    e = lists ? ERR_OK : ERR_NOMEM;
    for (size_t i = 0; !e && i + LIST_PARTS <= found->elements; i += LIST_PARTS) {
        struct peers_list *l = &lists[count++];
        e = call_copy(found->element[i], l->id, sizeof l->id);
        if (!e)
            e = call_copy(found->element[i + 1], l->digest, sizeof l->digest);
        if (!e)
            e = call_number(found->element[i + 2], &l->files);
        l->alive = found->element[i + 4]->integer == 1;
    }
    freeReplyObject(r);
    if (e) {
        free(lists);
        return e;
    }
    *out = lists;
    *n = count;
    return ERR_OK;
}

const char *peers_state_name(enum peers_state state)
{
    return state == PEERS_HERE ? "here" : state == PEERS_QUIET ? "quiet" : "gone";
}

int peers_read_facts(const redisReply *text, struct member *out)
{
    struct json *j = NULL;
    int ok = text->type == REDIS_REPLY_STRING && json_parse(text->str, text->len, &j) == ERR_OK && member_from_json(j, out) == ERR_OK;
    json_free(j);
    return ok;
}

/* A peer as its node tells itself. */
static void take_facts(const struct member *m, int alive, struct peers_peer *out)
{
    memcpy(out->id, m->id, sizeof out->id);
    memcpy(out->name, m->name, sizeof out->name);
    memcpy(out->url, m->url, sizeof out->url);
    out->heard_at_ms = m->heartbeat_at_ms;
    out->state = alive ? PEERS_HERE : PEERS_QUIET;
    out->stores = m->stores;
    out->obtain_port = m->obtain_port;
}

static struct peers_peer *find_peer(struct peers_peer *peers, size_t n, const char *id)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(peers[i].id, id) == 0)
            return &peers[i];
    return NULL;
}

/* A list whose peer tells nothing of itself any more is named by its id. */
static enum err take_list(const redisReply *const *parts, struct peers_peer *peers, size_t *n)
{
    char id[RING_ID_MAX];
    enum err e = call_copy(parts[0], id, sizeof id);
    if (e)
        return e;
    struct peers_peer *p = find_peer(peers, *n, id);
    if (!p) {
        p = &peers[(*n)++];
        memcpy(p->id, id, sizeof p->id);
        snprintf(p->name, sizeof p->name, "%.*s", (int)strcspn(id, "."), id);
        p->state = PEERS_GONE;
    }
    e = call_number(parts[2], &p->files);
    return e ? e : call_number(parts[3], &p->since_ms);
}

static int by_name(const void *a, const void *b)
{
    const struct peers_peer *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : strcmp(x->id, y->id);
}

enum err peers_all(struct store *s, struct peers_peer **out, size_t *n)
{
    redisReply *r;
    struct member m;
    enum err e = send_lists(s, "facts", &r);
    if (e)
        return e;
    const redisReply *mark = r->element[0], *lists = r->element[1], *nodes = r->element[2];
    struct peers_peer *peers = calloc(lists->elements / LIST_PARTS + nodes->elements / 2 + 1, sizeof *peers);
    size_t count = 0;
    if (!peers)
        e = ERR_NOMEM;
    else if (mark->type != REDIS_REPLY_STRING || mark->len == 0 || strcmp(mark->str, store_run_id(s)) != 0)
        e = ERR_STALE_INDEX;
    for (size_t i = 0; !e && i + 1 < nodes->elements; i += 2)
        if (peers_read_facts(nodes->element[i], &m) && m.shares)
            take_facts(&m, nodes->element[i + 1]->integer == 1, &peers[count++]);
    for (size_t i = 0; !e && i + LIST_PARTS <= lists->elements; i += LIST_PARTS)
        e = take_list((const redisReply *const *)&lists->element[i], peers, &count);
    freeReplyObject(r);
    if (e) {
        free(peers);
        return e;
    }
    qsort(peers, count, sizeof *peers, by_name);
    *out = peers;
    *n = count;
    return ERR_OK;
}
