#include "lib/store/index.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/num.h"
#include "lib/name/name.h"
#include "lib/store/call.h"
#include "lib/store/events.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define BYNAME_KEY "rb:byname"
#define NEWEST_KEY "rb:newest"
#define WORDS_KEY "rb:words"
#define RECORDS_PREFIX "rb:v:"
#define COURSE_PREFIX "rb:c:"
#define FACTS_PREFIX "rb:x:"
#define NEWEST_PREFIX_LEN 33                                /* 32 hex digits and the colon */
#define CURSOR_MAX (NEWEST_PREFIX_LEN + NAME_KEY_BYTES_MAX) /* bytes of a member before it becomes hex */
#define FACT_MAX (96 + 65 * 3 * RECORD_FIELD_MAX)           /* the words of three fields, each at most one byte long at worst */
#define QUERY_MAX 4096                                      /* bytes of q or term */

/* The names of a course's keys. */
static enum err key_name(struct buf *b, const char *prefix, const char *course_key)
{
    buf_init(b, sizeof RECORDS_PREFIX + NAME_KEY_BYTES_MAX);
    return buf_addf(b, "%s%s", prefix, course_key);
}

static int append_word(const char *word, size_t len, void *ctx)
{
    struct buf *b = ctx;
    return buf_add_str(b, " ") != ERR_OK || buf_add(b, word, len) != ERR_OK;
}

static enum err append_words(const char *text, struct buf *out)
{
    int end = name_words(text, strlen(text), append_word, out);
    if (end < 0)
        return ERR_INVALID;
    return end > 0 ? ERR_NOMEM : ERR_OK;
}

/* "=" and the key of a term; nothing for a term without a key. White space ends a word in the facts, so whatever the key leaves of it goes. */
static enum err append_term(const char *term, const char *before, struct buf *out)
{
    struct buf key;
    buf_init(&key, QUERY_MAX * 4);
    enum err e = name_key(term, strlen(term), &key);
    size_t n = 0;
    for (size_t i = 0; e == ERR_OK && i < key.len; i++) {
        if ((unsigned char)key.data[i] > ' ')
            key.data[n++] = key.data[i];
    }
    if (e == ERR_OK && n > 0) {
        e = buf_addf(out, "%s=", before);
        if (e == ERR_OK)
            e = buf_add(out, key.data, n);
    }
    buf_release(&key);
    return e;
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
    if (e == ERR_OK)
        e = append_words(r->course, out);
    if (e == ERR_OK)
        e = append_words(r->title, out);
    if (e == ERR_OK)
        e = append_words(r->instructor, out);
    if (e == ERR_OK)
        e = append_term(r->term, " ", out);
    return e;
}

/* A record as three arguments; their memory lives until the call was sent. */
struct argument {
    char id[STAMP_HEX_SIZE];
    struct buf json, fact;
};

static enum err make_argument(const struct record *r, struct argument *a)
{
    stamp_hex(r->id, a->id);
    buf_init(&a->json, RECORD_JSON_MAX);
    buf_init(&a->fact, FACT_MAX);
    enum err e = record_print(r, &a->json);
    return e == ERR_OK ? append_fact(r, &a->fact) : e;
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

/* Sends one batch; keys are the names of the three hashes of the course. */
static enum err send_batch(
    struct store *s, const struct buf keys[3], const struct record *newest, const char *event, const struct argument *args, size_t n)
{
    struct call c;
    call_init_script(&c, SCRIPT_INDEX_ADD, 7);
    for (size_t i = 0; i < 3; i++)
        call_bytes(&c, keys[i].data, keys[i].len);
    call_str(&c, BYNAME_KEY);
    call_str(&c, NEWEST_KEY);
    call_str(&c, WORDS_KEY);
    call_str(&c, EVENTS_KEY);
    call_str(&c, newest->key);
    call_str(&c, event ? event : "");
    call_str(&c, newest->course);
    call_u64(&c, hlc_to_unix_ms(newest->id.clock));
    call_u64(&c, EVENTS_MAX);
    for (size_t i = 0; i < n; i++) {
        call_str(&c, args[i].id);
        call_bytes(&c, args[i].json.data, args[i].json.len);
        call_bytes(&c, args[i].fact.data, args[i].fact.len);
    }
    redisReply *r;
    enum err e = call_send(s, &c, REDIS_REPLY_INTEGER, REDIS_REPLY_INTEGER, &r);
    if (e == ERR_OK)
        freeReplyObject(r);
    return e;
}

static enum err add_batch(struct store *s, const struct buf keys[3], const struct record *records, size_t n, const char *event)
{
    struct argument *args = calloc(n, sizeof *args);
    if (!args)
        return ERR_NOMEM;
    enum err e = ERR_OK;
    for (size_t i = 0; i < n && e == ERR_OK; i++)
        e = make_argument(&records[i], &args[i]);
    if (e == ERR_OK)
        e = send_batch(s, keys, newest_of(records, n), event, args, n);
    for (size_t i = 0; i < n; i++) {
        buf_release(&args[i].json);
        buf_release(&args[i].fact);
    }
    free(args);
    return e;
}

enum err index_add(struct store *s, const struct record *records, size_t n, const char *event)
{
    for (size_t i = 1; i < n; i++) {
        if (strcmp(records[i].key, records[0].key) != 0)
            return ERR_INVALID;
    }
    if (n == 0)
        return ERR_OK;
    struct buf keys[3] = {0};
    enum err e = key_name(&keys[0], RECORDS_PREFIX, records[0].key);
    if (e == ERR_OK)
        e = key_name(&keys[1], COURSE_PREFIX, records[0].key);
    if (e == ERR_OK)
        e = key_name(&keys[2], FACTS_PREFIX, records[0].key);
    for (size_t done = 0; done < n && e == ERR_OK; done += INDEX_BATCH) {
        size_t batch = n - done < INDEX_BATCH ? n - done : INDEX_BATCH;
        e = add_batch(s, keys, records + done, batch, event);
    }
    for (size_t i = 0; i < 3; i++)
        buf_release(&keys[i]);
    return e;
}

/* A record as the index has it; anything else there is our own mistake. */
static enum err parse_record(const redisReply *r, struct record *out)
{
    if (r->type != REDIS_REPLY_STRING)
        return ERR_INTERNAL;
    enum err e = record_parse(r->str, r->len, out);
    if (e == ERR_OK || e == ERR_NOMEM)
        return e;
    log_write(LOG_ERROR, "index", "a record in the index cannot be read (%s)", err_text(e));
    return ERR_INTERNAL;
}

/* Sends a command whose only key is a course's. */
static enum err send_course(
    struct store *s, const char *command, const char *prefix, const char *key, const char *const fields[], size_t n, redisReply **out)
{
    struct buf name;
    enum err e = key_name(&name, prefix, key);
    if (e == ERR_OK) {
        struct call c;
        call_init(&c, command);
        call_bytes(&c, name.data, name.len);
        for (size_t i = 0; i < n; i++)
            call_str(&c, fields[i]);
        e = call_send(s, &c, REDIS_REPLY_ARRAY, REDIS_REPLY_ARRAY, out);
    }
    buf_release(&name);
    return e;
}

enum err index_history(struct store *s, const char *key, struct history *out)
{
    redisReply *r;
    enum err e = send_course(s, "HVALS", RECORDS_PREFIX, key, NULL, 0, &r);
    if (e != ERR_OK)
        return e;
    if (r->elements == 0)
        e = ERR_NOT_FOUND;
    for (size_t i = 0; i < r->elements && e == ERR_OK; i++) {
        struct record record;
        e = parse_record(r->element[i], &record);
        if (e == ERR_OK) {
            e = history_add(out, &record, 0);
            record_release(&record);
        }
    }
    freeReplyObject(r);
    return e;
}

enum err index_current(struct store *s, const char *key, struct record *out, uint64_t *versions)
{
    static const char *const fields[] = {"cur", "n"};
    redisReply *r;
    enum err e = send_course(s, "HMGET", COURSE_PREFIX, key, fields, 2, &r);
    if (e != ERR_OK)
        return e;
    if (r->elements != 2)
        e = ERR_INTERNAL;
    else if (r->element[0]->type == REDIS_REPLY_NIL)
        e = ERR_NOT_FOUND;
    uint64_t n = 0;
    if (e == ERR_OK)
        e = call_number(r->element[1], &n);
    if (e == ERR_OK)
        e = parse_record(r->element[0], out);
    if (e == ERR_OK)
        *versions = n;
    freeReplyObject(r);
    return e;
}

enum err index_version(struct store *s, const char *key, struct stamp id, uint64_t *version)
{
    static const char *const fields[] = {"id", "version"};
    char hex[STAMP_HEX_SIZE];
    redisReply *r;
    enum err e = send_course(s, "HMGET", COURSE_PREFIX, key, fields, 2, &r);
    if (e != ERR_OK)
        return e;
    stamp_hex(id, hex);
    if (r->elements != 2)
        e = ERR_INTERNAL;
    else if (r->element[0]->type != REDIS_REPLY_STRING || strcmp(r->element[0]->str, hex) != 0)
        e = ERR_NOT_FOUND;
    else
        e = call_number(r->element[1], version);
    freeReplyObject(r);
    return e;
}

void index_page_release(struct index_page *p)
{
    for (size_t i = 0; i < p->n; i++)
        record_release(&p->items[i].current);
    free(p->items);
    free(p->next);
    *p = (struct index_page){0};
}

/* The cursor is the order's letter and the last member, in hex. */
static char *make_cursor(char order, const char *member, size_t len)
{
    char *text = malloc(2 + 2 * len);
    if (!text)
        return NULL;
    text[0] = order;
    num_hex(member, len, text + 1);
    return text;
}

static enum err read_cursor(const char *cursor, char order, struct buf *member)
{
    size_t digits = cursor[0] ? strlen(cursor + 1) : 0;
    if (cursor[0] != order || digits == 0 || digits % 2 != 0 || digits / 2 > CURSOR_MAX)
        return ERR_SYNTAX;
    enum err e = buf_reserve(member, digits / 2);
    if (e != ERR_OK)
        return e;
    e = num_unhex(cursor + 1, member->data, digits / 2);
    if (e != ERR_OK)
        return e;
    member->len = digits / 2;
    if (order == 'n')
        return ERR_OK;
    int is_member = member->len > NEWEST_PREFIX_LEN && member->data[NEWEST_PREFIX_LEN - 1] == ':';
    for (size_t i = 0; is_member && i < NEWEST_PREFIX_LEN - 1; i++)
        is_member = (member->data[i] >= '0' && member->data[i] <= '9') || (member->data[i] >= 'a' && member->data[i] <= 'f');
    return is_member ? ERR_OK : ERR_SYNTAX;
}

/* What is asked for, as the script wants it. */
struct query {
    struct buf after, prefix, term, words;
};

static enum err make_query(const char *q, const char *term, const char *cursor, char order, struct query *out)
{
    buf_init(&out->after, CURSOR_MAX + 1);
    buf_init(&out->prefix, QUERY_MAX * 4);
    buf_init(&out->term, QUERY_MAX * 4);
    buf_init(&out->words, QUERY_MAX * 4);
    if ((q && strlen(q) > QUERY_MAX) || (term && strlen(term) > QUERY_MAX))
        return ERR_SYNTAX;
    enum err e = cursor ? read_cursor(cursor, order, &out->after) : ERR_OK;
    if (e == ERR_OK && q)
        e = name_key(q, strlen(q), &out->prefix);
    if (e == ERR_OK && q)
        e = append_words(q, &out->words);
    if (e == ERR_OK && term)
        e = append_term(term, "", &out->term);
    return e == ERR_INVALID ? ERR_SYNTAX : e;
}

static void release_query(struct query *q)
{
    buf_release(&q->after);
    buf_release(&q->prefix);
    buf_release(&q->term);
    buf_release(&q->words);
}

static enum err send_query(struct store *s, const struct query *q, char order, unsigned limit, redisReply **out)
{
    struct call c;
    call_init_script(&c, SCRIPT_INDEX_LIST, 3);
    call_str(&c, BYNAME_KEY);
    call_str(&c, NEWEST_KEY);
    call_str(&c, WORDS_KEY);
    call_bytes(&c, &order, 1);
    call_bytes(&c, buf_str(&q->after), q->after.len);
    call_u64(&c, limit);
    call_u64(&c, INDEX_CANDIDATES_MAX);
    call_bytes(&c, buf_str(&q->prefix), q->prefix.len);
    call_bytes(&c, buf_str(&q->term), q->term.len);
    const char *word = buf_str(&q->words);
    for (unsigned n = 0; n < INDEX_WORDS_MAX && *word; n++) {
        word++; /* each word has one space before it */
        size_t len = strcspn(word, " ");
        call_bytes(&c, word, len);
        word += len;
    }
    return call_send(s, &c, REDIS_REPLY_ARRAY, REDIS_REPLY_ARRAY, out);
}

static enum err read_page(const redisReply *r, char order, struct index_page *page)
{
    if (r->elements % 3 != 1 || r->element[0]->type != REDIS_REPLY_STRING)
        return ERR_INTERNAL;
    page->items = calloc(r->elements / 3 + 1, sizeof *page->items);
    if (!page->items)
        return ERR_NOMEM;
    for (size_t i = 1; i < r->elements; i += 3) {
        struct index_item *item = &page->items[page->n];
        enum err e = call_number(r->element[i + 1], &item->versions);
        if (e == ERR_OK)
            e = call_number(r->element[i + 2], &item->version);
        if (e == ERR_OK)
            e = parse_record(r->element[i], &item->current);
        if (e != ERR_OK)
            return e;
        page->n++;
    }
    if (r->element[0]->len == 0)
        return ERR_OK;
    page->next = make_cursor(order, r->element[0]->str, r->element[0]->len);
    return page->next ? ERR_OK : ERR_NOMEM;
}

enum err index_list(
    struct store *s, const char *q, const char *term, enum index_sort sort, const char *cursor, unsigned limit, struct index_page *out)
{
    assert(limit >= 1 && limit <= INDEX_LIMIT_MAX);
    char order = sort == INDEX_BY_NAME ? 'n' : 'w';
    struct query query;
    redisReply *r = NULL;
    struct index_page page = {0};
    enum err e = make_query(q, term, cursor, order, &query);
    if (e == ERR_OK)
        e = send_query(s, &query, order, limit, &r);
    if (e == ERR_OK)
        e = read_page(r, order, &page);
    freeReplyObject(r);
    release_query(&query);
    if (e == ERR_OK)
        *out = page;
    else
        index_page_release(&page);
    return e;
}

enum err index_count(struct store *s, uint64_t *out)
{
    struct call c;
    call_init(&c, "ZCARD");
    call_str(&c, BYNAME_KEY);
    redisReply *r;
    enum err e = call_send(s, &c, REDIS_REPLY_INTEGER, REDIS_REPLY_INTEGER, &r);
    if (e != ERR_OK)
        return e;
    e = call_number(r, out);
    freeReplyObject(r);
    return e;
}
