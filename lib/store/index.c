#include "lib/store/index.h"

#include "lib/base/log.h"
#include "lib/base/num.h"
#include "lib/store/index_inside.h"
#include "lib/store/mark.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define NEWEST_PREFIX_LEN 33                                /* 32 hex digits and the colon */
#define CURSOR_MAX (NEWEST_PREFIX_LEN + NAME_KEY_BYTES_MAX) /* bytes of a member before it becomes hex */
#define QUERY_MAX INDEX_TEXT_MAX                            /* bytes of q or term */

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

enum err index_check_mark(const struct store *s, const redisReply *mark)
{
    if (mark->type != REDIS_REPLY_STRING)
        return ERR_INTERNAL;
    return mark->len > 0 && strcmp(mark->str, store_run_id(s)) == 0 ? ERR_OK : ERR_STALE_INDEX;
}

/* Sends a reading command and looks at the mark in the same step. *out is to be freed, *found is its part that the command itself answered. */
static enum err send_read(struct store *s, const char *command, const struct buf *key, const char *const fields[], size_t n,
    redisReply **out, const redisReply **found)
{
    struct call c;
    call_init_script(&c, SCRIPT_INDEX_READ, 2);
    call_str(&c, MARK_KEY);
    call_bytes(&c, key->data, key->len);
    call_str(&c, command);
    for (size_t i = 0; i < n; i++)
        call_str(&c, fields[i]);
    redisReply *r;
    enum err e = call_send(s, &c, REDIS_REPLY_ARRAY, REDIS_REPLY_ARRAY, &r);
    if (e != ERR_OK)
        return e;
    e = r->elements == 2 ? index_check_mark(s, r->element[0]) : ERR_INTERNAL;
    if (e != ERR_OK) {
        freeReplyObject(r);
        return e;
    }
    *out = r;
    *found = r->element[1];
    return ERR_OK;
}

/* The same for a command whose only key is a course's and whose answer is an array. */
static enum err send_course(struct store *s, const char *command, const char *prefix, const char *key, const char *const fields[], size_t n,
    redisReply **out, const redisReply **found)
{
    struct buf name;
    enum err e = index_key(&name, prefix, key);
    if (e == ERR_OK)
        e = send_read(s, command, &name, fields, n, out, found);
    buf_release(&name);
    if (e != ERR_OK || (*found)->type == REDIS_REPLY_ARRAY)
        return e;
    freeReplyObject(*out);
    return ERR_INTERNAL;
}

enum err index_history(struct store *s, const char *key, struct history *out)
{
    redisReply *answer;
    const redisReply *r;
    enum err e = send_course(s, "HVALS", RECORDS_PREFIX, key, NULL, 0, &answer, &r);
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
    freeReplyObject(answer);
    if (e != ERR_OK) { /* no part of a course is taken for the whole */
        history_release(out);
        history_init(out);
    }
    return e;
}

enum err index_current(struct store *s, const char *key, struct record *out, uint64_t *versions)
{
    static const char *const fields[] = {"cur", "n"};
    redisReply *answer;
    const redisReply *r;
    enum err e = send_course(s, "HMGET", COURSE_PREFIX, key, fields, 2, &answer, &r);
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
    freeReplyObject(answer);
    return e;
}

enum err index_version(struct store *s, const char *key, struct stamp id, uint64_t *version)
{
    static const char *const fields[] = {"id", "version"};
    char hex[STAMP_HEX_SIZE];
    redisReply *answer;
    const redisReply *r;
    enum err e = send_course(s, "HMGET", COURSE_PREFIX, key, fields, 2, &answer, &r);
    if (e != ERR_OK)
        return e;
    stamp_hex(id, hex);
    if (r->elements != 2)
        e = ERR_INTERNAL;
    else if (r->element[0]->type != REDIS_REPLY_STRING || strcmp(r->element[0]->str, hex) != 0)
        e = ERR_NOT_FOUND;
    else
        e = call_number(r->element[1], version);
    freeReplyObject(answer);
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
        e = index_words(q, &out->words);
    if (e == ERR_OK && term)
        e = index_term(term, "", &out->term);
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
    call_init_script(&c, SCRIPT_INDEX_LIST, 4);
    call_str(&c, BYNAME_KEY);
    call_str(&c, NEWEST_KEY);
    call_str(&c, WORDS_KEY);
    call_str(&c, MARK_KEY);
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

static enum err read_page(const struct store *s, const redisReply *r, char order, struct index_page *page)
{
    enum err marked = r->elements == 0 ? ERR_INTERNAL : index_check_mark(s, r->element[0]);
    if (marked != ERR_OK)
        return marked;
    if (r->elements % 3 != 2 || r->element[1]->type != REDIS_REPLY_STRING)
        return ERR_INTERNAL;
    page->items = calloc(r->elements / 3 + 1, sizeof *page->items);
    if (!page->items)
        return ERR_NOMEM;
    for (size_t i = 2; i < r->elements; i += 3) {
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
    if (r->element[1]->len == 0)
        return ERR_OK;
    page->next = make_cursor(order, r->element[1]->str, r->element[1]->len);
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
        e = read_page(s, r, order, &page);
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
    struct buf name;
    redisReply *answer;
    const redisReply *r;
    enum err e = index_key(&name, BYNAME_KEY, "");
    if (e == ERR_OK)
        e = send_read(s, "ZCARD", &name, NULL, 0, &answer, &r);
    buf_release(&name);
    if (e != ERR_OK)
        return e;
    e = call_number(r, out);
    freeReplyObject(answer);
    return e;
}
