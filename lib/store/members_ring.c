/* What people wish of the ring, what the leader says of it, and the states that follow. */
#include "lib/store/members_inside.h"

#include "lib/base/log.h"
#include "lib/base/num.h"
#include "lib/store/call.h"

#include <stdio.h>
#include <string.h>

#define K_FIELD "k"
#define NEWS_BYTES_MAX (512u << 10)
#define NUMBER_MAX 16

/* ---- wishes */

static const char *const words[] = {
    [MEMBERS_WISH_DRAIN] = "drain",
    [MEMBERS_WISH_UNDRAIN] = "undrain",
    [MEMBERS_WISH_REMOVE] = "remove",
};
#define N_WORDS (sizeof words / sizeof *words)

const char *members_wish_word(enum members_wish_kind kind)
{
    return (size_t)kind < N_WORDS ? words[kind] : "unknown";
}

const struct members_wish *members_wish_find(const struct members_wishes *w, const char *id)
{
    for (size_t i = 0; i < w->n; i++) {
        if (strcmp(w->at[i].id, id) == 0)
            return &w->at[i];
    }
    return NULL;
}

struct json *members_wishes_json(const struct members_wishes *w)
{
    struct json *j = json_object();
    for (size_t i = 0; i < w->n; i++)
        json_set_str(j, w->at[i].id, members_wish_word(w->at[i].kind));
    if (w->k)
        json_set_u64(j, K_FIELD, w->k);
    return j;
}

/* Field and value of each wish; number is where k stands until the call is sent. */
static void add_wishes(struct call *c, const struct members_wishes *w, char number[NUMBER_MAX])
{
    for (size_t i = 0; i < w->n; i++) {
        call_str(c, w->at[i].id);
        call_str(c, members_wish_word(w->at[i].kind));
    }
    if (!w->k)
        return;
    snprintf(number, NUMBER_MAX, "%u", w->k);
    call_str(c, K_FIELD);
    call_str(c, number);
}

static enum err send_wishes(struct store *s, struct call *c)
{
    redisReply *r;
    enum err e = call_send(s, c, REDIS_REPLY_INTEGER, REDIS_REPLY_INTEGER, &r);
    if (e == ERR_OK)
        freeReplyObject(r);
    return e;
}

enum err members_wishes_add(struct store *s, const struct members_wishes *w)
{
    struct call c;
    char number[NUMBER_MAX];
    if (w->n == 0 && w->k == 0)
        return ERR_OK;
    call_init(&c, "HSET");
    call_str(&c, MEMBERS_WISHES_KEY);
    add_wishes(&c, w, number);
    return send_wishes(s, &c);
}

enum err members_wishes_remove(struct store *s, const struct members_wishes *w)
{
    struct call c;
    char number[NUMBER_MAX];
    if (w->n == 0 && w->k == 0)
        return ERR_OK;
    call_init_script(&c, SCRIPT_WISHES_REMOVE, 1);
    call_str(&c, MEMBERS_WISHES_KEY);
    add_wishes(&c, w, number);
    return send_wishes(s, &c);
}

static int read_kind(const redisReply *text, enum members_wish_kind *out)
{
    for (size_t i = 0; i < N_WORDS; i++) {
        if (text->len == strlen(words[i]) && memcmp(text->str, words[i], text->len) == 0) {
            *out = (enum members_wish_kind)i;
            return 1;
        }
    }
    return 0;
}

/* Whether it was one. */
static int read_wish(const redisReply *field, const redisReply *value, struct members_wishes *out)
{
    struct members_wish *wish = &out->at[out->n];
    uint64_t k;
    if (field->type != REDIS_REPLY_STRING || value->type != REDIS_REPLY_STRING)
        return 0;
    if (strcmp(field->str, K_FIELD) == 0) {
        if (num_parse_u64(value->str, RING_K_MAX, &k) != ERR_OK || k == 0)
            return 0;
        out->k = (uint32_t)k;
        return 1;
    }
    if (out->n == MEMBERS_WISHES_MAX || field->len >= RING_ID_MAX || !ring_id_ok(field->str) || !read_kind(value, &wish->kind))
        return 0;
    memcpy(wish->id, field->str, field->len + 1);
    out->n++;
    return 1;
}

void members_read_wishes(const redisReply *list, struct members_wishes *out)
{
    for (size_t i = 0; i + 1 < list->elements; i += 2) {
        if (!read_wish(list->element[i], list->element[i + 1], out))
            log_write(LOG_WARN, "members", "a wish in Redis cannot be read");
    }
}

/* ---- the leader's news */

struct json *members_progress_json(const struct members_progress *p)
{
    struct json *j = json_object();
    json_set_u64(j, "epoch", p->epoch);
    json_set_u64(j, "copies_done", p->copies_done);
    json_set_u64(j, "copies_total", p->copies_total);
    json_set_u64(j, "bytes_done", p->bytes_done);
    json_set_u64(j, "bytes_total", p->bytes_total);
    json_set_u64(j, "bytes_per_s", p->bytes_per_s);
    if (p->ends_at_ms)
        json_set_u64(j, "ends_at", p->ends_at_ms);
    else
        json_set_null(j, "ends_at");
    return j;
}

static struct json *news_json(const struct members_news *n)
{
    struct json *j = json_object(), *outs = json_object();
    if (n->progress.epoch)
        json_set(j, "progress", members_progress_json(&n->progress));
    json_set_str(j, "waiting", n->waiting);
    for (size_t i = 0; i < n->n_outs; i++)
        json_set_u64(outs, n->outs[i].id, n->outs[i].out_at_ms);
    json_set(j, "out_at", outs);
    return j;
}

enum err members_news_write(struct store *s, const struct members_news *n)
{
    struct buf text;
    struct call c;
    redisReply *r;
    struct json *j = news_json(n);
    buf_init(&text, NEWS_BYTES_MAX);
    enum err e = json_print(j, &text);
    json_free(j);
    if (e == ERR_OK) {
        call_init(&c, "SET");
        call_str(&c, MEMBERS_NEWS_KEY);
        call_bytes(&c, text.data, text.len);
        call_str(&c, "PX");
        call_u64(&c, MEMBERS_NEWS_TTL_MS);
        e = call_send(s, &c, REDIS_REPLY_STATUS, REDIS_REPLY_STATUS, &r);
    }
    if (e == ERR_OK)
        freeReplyObject(r);
    buf_release(&text);
    return e;
}

static enum err read_progress(const struct json *j, struct members_progress *out)
{
    struct members_progress p = {0};
    const struct {
        const char *name;
        uint64_t *to;
    } fields[] = {{"epoch", &p.epoch}, {"copies_done", &p.copies_done}, {"copies_total", &p.copies_total}, {"bytes_done", &p.bytes_done},
        {"bytes_total", &p.bytes_total}, {"bytes_per_s", &p.bytes_per_s}};
    if (json_is_null(j))
        return ERR_OK;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        enum err e = json_get_u64(j, fields[i].name, UINT64_MAX, fields[i].to);
        if (e != ERR_OK)
            return e;
    }
    enum err e = json_is_null(json_get(j, "ends_at")) ? ERR_OK : json_get_u64(j, "ends_at", JSON_EXACT_MAX, &p.ends_at_ms);
    if (e == ERR_OK)
        *out = p;
    return e;
}

void members_read_news(const char *text, size_t len, struct members *m)
{
    struct json *j;
    enum err e = json_parse(text, len, &j);
    if (e != ERR_OK) {
        log_write(LOG_WARN, "members", "the leader's news in Redis cannot be read");
        return;
    }
    const struct json *outs = json_get(j, "out_at");
    e = read_progress(json_get(j, "progress"), &m->progress);
    if (e == ERR_OK)
        e = json_copy_str(j, "waiting", m->waiting, sizeof m->waiting);
    for (size_t i = 0; e == ERR_OK && i < m->n_nodes; i++) {
        if (!m->nodes[i].alive && json_get(outs, m->nodes[i].id))
            e = json_get_u64(outs, m->nodes[i].id, JSON_EXACT_MAX, &m->nodes[i].out_at_ms);
    }
    if (e != ERR_OK)
        log_write(LOG_WARN, "members", "the leader's news in Redis make no sense: %s", err_text(e));
    json_free(j);
}

/* ---- states */

enum member_state members_state(const struct ringdoc *doc, const struct members_wishes *wishes, const struct member *m)
{
    if (doc && ring_find(doc->ring, m->id) >= 0) {
        const struct members_wish *wish = wishes ? members_wish_find(wishes, m->id) : NULL;
        if (wish && wish->kind != MEMBERS_WISH_UNDRAIN)
            return MEMBER_DRAINING;
        return m->alive ? MEMBER_UP : MEMBER_SUSPECT;
    }
    int is_away = doc && ringdoc_is_away(doc, m->id);
    if (doc && ringdoc_names(doc, m->id))
        return is_away ? MEMBER_DRAINING : MEMBER_OUT;
    if (is_away)
        return MEMBER_GONE;
    return m->alive ? MEMBER_JOINING : MEMBER_OUT;
}
