#include "lib/store/index.h"

#include "lib/base/clock.h"
#include "lib/base/num.h"
#include "lib/name/reserved.h"
#include "lib/store/events.h"
#include "lib/store/index_inside.h"
#include "lib/store/mark.h"
#include "lib/store/peers_inside.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHA256_DIGITS 64
#define OWNER_MAX (RECORD_FIELD_MAX + 32)
#define FACT_MAX (96 + 65 * 3 * RECORD_FIELD_MAX) /* the words of three fields, each at most one byte long at worst */
#define PIPE_BYTES_MAX (8u << 20)                 /* of records on their way at once */
#define STEP_KEYS 1000u                           /* keys that one step of clearing looks at */

/* Whether this is the key of a file that the ring has adopted. */
static int is_adopted(const char *key)
{
    size_t n = strlen(PEERS_KEY_PREFIX);
    return strncmp(key, PEERS_KEY_PREFIX, n) == 0 && num_is_hex(key + n, SHA256_DIGITS);
}

static enum err append_hex(const void *bytes, size_t n, struct buf *out)
{
    enum err e = buf_reserve(out, 2 * n);
    if (e == ERR_OK) {
        num_hex(bytes, n, out->data + out->len);
        out->len += 2 * n;
    }
    return e;
}

/* An adopted file is called what it was called where it came from, or else by its hash. */
static const char *adopted_name(const struct record *r)
{
    return shared_name_check(r->filename, strlen(r->filename)) == ERR_OK ? r->filename : r->sha256;
}

/* What puts an adopted file into the index of peers (ring_change in lua/peers_entry.lua). */
static enum err append_adopted(const struct record *r, struct buf *out)
{
    struct peers_keys keys;
    const char *name = adopted_name(r);
    enum err e = peers_keys_init(&keys, name);
    if (e == ERR_OK)
        e = buf_addf(out, " ");
    if (e == ERR_OK)
        e = append_hex(keys.name_hash, sizeof keys.name_hash, out);
    if (e == ERR_OK)
        e = buf_addf(out, " ");
    if (e == ERR_OK)
        e = append_hex(name, strlen(name), out);
    if (e == ERR_OK)
        e = buf_addf(out, " %" PRIu64 " %" PRIu64 " ", r->size, hlc_to_unix_ms(r->id.clock));
    if (e == ERR_OK)
        e = append_hex(keys.keys.data, keys.keys.len, out);
    peers_keys_release(&keys);
    return e;
}

/* A document of the system: nothing of it is listed, and people hear nothing of its changes. */
static int is_sys(const char *key)
{
    return strncmp(key, RESERVED_SYS, strlen(RESERVED_SYS)) == 0;
}

/* Whose it is: "<bytes> <e|-> <uploader>" (lua/index_owner.lua). */
static enum err append_owner(const struct record *r, struct buf *out)
{
    return buf_addf(out, "%" PRIu64 " %c %s", r->size, r->erase ? 'e' : '-', r->uploader);
}

/* What lua/index_add.lua needs to know of a record: "<kind> <of> <upload> <words…>". */
static enum err append_fact(const struct record *r, struct buf *out)
{
    char of[STAMP_HEX_SIZE] = "-";
    char kind = 'v';
    if (record_is_tombstone(r)) {
        kind = stamp_is_zero(r->of) ? 'a' : 'o';
        if (kind == 'o')
            stamp_hex(r->of, of);
    }
    enum err e = buf_addf(out, "%c %s %s", kind, of, r->upload[0] ? r->upload : "-");
    if (e == ERR_OK && is_adopted(r->key))
        return kind == 'v' ? append_adopted(r, out) : ERR_OK;
    if (is_sys(r->key))
        return e;
    if (e == ERR_OK)
        e = index_words(r->course, out);
    if (e == ERR_OK)
        e = index_words(r->title, out);
    if (e == ERR_OK)
        e = index_words(r->instructor, out);
    if (e == ERR_OK)
        e = index_term(r->term, " ", out);
    return e;
}

/* A record as four arguments; their memory lives until the call was sent. */
struct argument {
    char id[STAMP_HEX_SIZE];
    struct buf json, fact, owner;
};

static enum err make_argument(const struct record *r, struct argument *a)
{
    stamp_hex(r->id, a->id);
    buf_init(&a->json, RECORD_JSON_MAX);
    buf_init(&a->fact, FACT_MAX);
    buf_init(&a->owner, OWNER_MAX);
    enum err e = record_print(r, &a->json);
    if (e == ERR_OK)
        e = append_fact(r, &a->fact);
    return e == ERR_OK ? append_owner(r, &a->owner) : e;
}

static const struct record *newest_of(const struct record *records, size_t n)
{
    const struct record *newest = &records[0];
    for (size_t i = 1; i < n; i++) {
        if (stamp_cmp(records[i].id, newest->id) > 0)
            newest = &records[i];
    }
    return newest;
}

/* Some records of one course on their way to the script; its memory lives until the call was sent. */
struct batch {
    struct buf keys[3];
    struct argument *args;
    size_t n;
    struct call call;
};

static void batch_release(struct batch *b)
{
    for (size_t i = 0; i < 3; i++)
        buf_release(&b->keys[i]);
    for (size_t i = 0; b->args && i < b->n; i++) {
        buf_release(&b->args[i].json);
        buf_release(&b->args[i].fact);
        buf_release(&b->args[i].owner);
    }
    free(b->args);
    b->args = NULL;
}

/* The course's three hashes, and the records as arguments. */
static enum err batch_make(struct batch *b, const struct record *records, size_t n)
{
    static const char *const prefixes[] = {RECORDS_PREFIX, COURSE_PREFIX, FACTS_PREFIX};
    enum err e = ERR_OK;
    memset(b, 0, sizeof *b);
    b->args = calloc(n, sizeof *b->args);
    if (!b->args)
        return ERR_NOMEM;
    b->n = n;
    for (size_t i = 0; i < 3 && e == ERR_OK; i++)
        e = index_key(&b->keys[i], prefixes[i], records[0].key);
    for (size_t i = 0; i < n && e == ERR_OK; i++)
        e = make_argument(&records[i], &b->args[i]);
    return e;
}

/* Puts the call together; whatever it borrows stays where it is until it was sent. hold: NULL, or the script adds nothing when it is not the present one. */
static void batch_call(struct batch *b, const struct record *newest, const char *event, const struct mark_hold *hold)
{
    struct call *c = &b->call;
    int adopts = event && is_adopted(newest->key) && !record_is_tombstone(newest);
    if (is_sys(newest->key))
        event = NULL;
    call_init_script(c, SCRIPT_INDEX_ADD, 7);
    c->run_id = hold ? hold->run_id : NULL;
    for (size_t i = 0; i < 3; i++)
        call_bytes(c, b->keys[i].data, b->keys[i].len);
    call_str(c, BYNAME_KEY);
    call_str(c, NEWEST_KEY);
    call_str(c, WORDS_KEY);
    call_str(c, EVENTS_KEY);
    call_str(c, newest->key);
    call_str(c, adopts ? "adopted" : event ? event : "");
    call_str(c, adopts ? adopted_name(newest) : newest->course);
    call_u64(c, hlc_to_unix_ms(newest->id.clock));
    call_u64(c, EVENTS_MAX);
    call_str(c, hold ? hold->token : "");
    for (size_t i = 0; i < b->n; i++) {
        call_str(c, b->args[i].id);
        call_bytes(c, b->args[i].json.data, b->args[i].json.len);
        call_bytes(c, b->args[i].fact.data, b->args[i].fact.len);
        call_bytes(c, b->args[i].owner.data, b->args[i].owner.len);
    }
}

static enum err add_batch(struct store *s, const struct record *records, size_t n, const char *event)
{
    struct batch b;
    redisReply *r = NULL;
    enum err e = batch_make(&b, records, n);
    if (e == ERR_OK) {
        batch_call(&b, newest_of(records, n), event, NULL);
        e = call_send(s, &b.call, REDIS_REPLY_INTEGER, REDIS_REPLY_INTEGER, &r);
    }
    if (e == ERR_OK)
        freeReplyObject(r);
    batch_release(&b);
    return e;
}

static int of_one_course(const struct record *records, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (strcmp(records[i].key, records[0].key) != 0)
            return 0;
    }
    return 1;
}

enum err index_add(struct store *s, const struct record *records, size_t n, const char *event)
{
    enum err e = of_one_course(records, n) ? ERR_OK : ERR_INVALID;
    for (size_t done = 0; done < n && e == ERR_OK; done += INDEX_BATCH) {
        size_t batch = n - done < INDEX_BATCH ? n - done : INDEX_BATCH;
        e = add_batch(s, records + done, batch, event);
    }
    return e;
}

/* Sends what was made in one go and adds up how many records were new. Releases the batches. */
static enum err send_pipe(struct store *s, struct batch *batches, size_t n, uint64_t *added)
{
    redisReply *replies[INDEX_PIPE] = {0};
    struct call *calls[INDEX_PIPE] = {0};
    for (size_t i = 0; i < n; i++)
        calls[i] = &batches[i].call;
    enum err e = call_send_all(s, calls, n, REDIS_REPLY_INTEGER, replies);
    for (size_t i = 0; i < n && e == ERR_OK; i++) {
        if (replies[i]->integer < 0)
            e = ERR_STALE_INDEX;
        else
            *added += (uint64_t)replies[i]->integer;
    }
    for (size_t i = 0; i < n; i++) {
        freeReplyObject(replies[i]);
        batch_release(&batches[i]);
    }
    return e;
}

/* A course's records as one batch after the other, sent whenever the pipe is full. */
struct pipe {
    struct store *store;
    const struct mark_hold *hold;
    struct batch *batches; /* INDEX_PIPE of them */
    size_t n, bytes;
    uint64_t added;
};

static enum err pipe_flush(struct pipe *p)
{
    enum err e = p->n == 0 ? ERR_OK : send_pipe(p->store, p->batches, p->n, &p->added);
    p->n = p->bytes = 0;
    return e;
}

static enum err pipe_put(struct pipe *p, const struct record *records, size_t n)
{
    struct batch *b = &p->batches[p->n++];
    enum err e = batch_make(b, records, n);
    if (e != ERR_OK) {
        batch_release(b);
        p->n--;
        return e;
    }
    batch_call(b, newest_of(records, n), NULL, p->hold);
    for (size_t i = 0; i < n; i++)
        p->bytes += b->args[i].json.len + b->args[i].fact.len;
    return p->n == INDEX_PIPE || p->bytes >= PIPE_BYTES_MAX ? pipe_flush(p) : ERR_OK;
}

enum err index_fill(struct store *s, const struct mark_hold *hold, const struct index_set *sets, size_t n, uint64_t *added)
{
    struct pipe p = {.store = s, .hold = hold, .batches = calloc(INDEX_PIPE, sizeof *p.batches)};
    enum err e = p.batches ? ERR_OK : ERR_NOMEM;
    for (size_t i = 0; i < n && e == ERR_OK; i++) {
        e = of_one_course(sets[i].records, sets[i].n) ? ERR_OK : ERR_INVALID;
        for (size_t done = 0; done < sets[i].n && e == ERR_OK; done += INDEX_BATCH) {
            size_t batch = sets[i].n - done < INDEX_BATCH ? sets[i].n - done : INDEX_BATCH;
            e = pipe_put(&p, sets[i].records + done, batch);
        }
    }
    if (e == ERR_OK)
        e = pipe_flush(&p);
    for (size_t i = 0; i < p.n; i++) {
        call_release(&p.batches[i].call);
        batch_release(&p.batches[i]);
    }
    free(p.batches);
    *added += p.added;
    return e;
}

/* One step of lua/index_remove.lua; its answer is a number, or a text of digits when it is a place to go on from. */
static enum err send_remove(
    struct store *s, const struct mark_hold *hold, const char *what, const char *key, const char *more, uint64_t *answer)
{
    struct call c;
    redisReply *r;
    call_init_script(&c, SCRIPT_INDEX_REMOVE, 4);
    c.run_id = hold->run_id;
    call_str(&c, MARK_KEY);
    call_str(&c, BYNAME_KEY);
    call_str(&c, NEWEST_KEY);
    call_str(&c, WORDS_KEY);
    call_str(&c, hold->token);
    call_str(&c, what);
    call_str(&c, key);
    call_str(&c, more);
    call_u64(&c, STEP_KEYS);
    enum err e = call_send(s, &c, REDIS_REPLY_INTEGER, REDIS_REPLY_STRING, &r);
    if (e != ERR_OK)
        return e;
    if (r->type == REDIS_REPLY_INTEGER && r->integer < 0)
        e = ERR_STALE_INDEX;
    else
        e = call_number(r, answer);
    freeReplyObject(r);
    return e;
}

enum err index_clear(struct store *s, const struct mark_hold *hold)
{
    char cursor[21] = "0";
    uint64_t next = 0;
    enum err e = ERR_OK;
    do {
        e = send_remove(s, hold, "all", "", cursor, &next);
        snprintf(cursor, sizeof cursor, "%llu", (unsigned long long)next);
    } while (e == ERR_OK && next != 0);
    return e;
}

enum err index_forget(struct store *s, const struct mark_hold *hold, const char *key, struct stamp tombstone)
{
    char id[STAMP_HEX_SIZE];
    uint64_t removed = 0;
    stamp_hex(tombstone, id);
    enum err e = send_remove(s, hold, "one", key, id, &removed);
    return e == ERR_OK && removed == 0 ? ERR_NOT_FOUND : e;
}
