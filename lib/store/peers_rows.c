#include "lib/base/log.h"
#include "lib/base/num.h"
#include "lib/store/mark.h"
#include "lib/store/peers_inside.h"

#include <stdlib.h>
#include <string.h>

#define HEAD 4       /* parts of an answer before its rows: mark, last, effort, peers */
#define PEER_PARTS 4 /* number, id, alive, facts */

void peers_rows_call(struct call *c, const char *what, const char *exclude)
{
    call_init_script(c, SCRIPT_PEERS_ROWS, 2);
    call_str(c, MARK_KEY);
    call_str(c, PEERS_NODES_KEY);
    call_str(c, what);
    call_str(c, exclude ? exclude : "");
    call_u64(c, PEERS_HOLDERS_MAX);
}

/* The shape that the script gives, once it found a mark. */
static enum err check_answer(const struct store *s, const redisReply *r)
{
    if (r->elements == 0 || r->element[0]->type != REDIS_REPLY_STRING)
        return ERR_INTERNAL;
    if (r->element[0]->len == 0 || strcmp(r->element[0]->str, store_run_id(s)) != 0)
        return ERR_STALE_INDEX;
    if (r->elements < HEAD || r->element[1]->type != REDIS_REPLY_STRING || r->element[2]->type != REDIS_REPLY_INTEGER ||
        r->element[3]->type != REDIS_REPLY_ARRAY)
        return ERR_INTERNAL;
    for (size_t i = HEAD; i < r->elements; i++)
        if (r->element[i]->type != REDIS_REPLY_ARRAY || r->element[i]->elements % 2 != 1 ||
            r->element[i]->element[0]->type != REDIS_REPLY_STRING)
            return ERR_INTERNAL;
    return ERR_OK;
}

/* Who the rows' holders are, not yet read. */
static enum err take_peers(const redisReply *list, struct peers_answer *a)
{
    a->peers = calloc(list->elements / PEER_PARTS + 1, sizeof *a->peers);
    if (!a->peers)
        return ERR_NOMEM;
    for (size_t i = 0; i + PEER_PARTS <= list->elements; i += PEER_PARTS) {
        struct peers_told *p = &a->peers[a->n_peers++];
        p->parts = &list->element[i];
        enum err e = call_number(p->parts[0], &p->number);
        if (!e)
            e = call_copy(p->parts[1], p->holder.peer, sizeof p->holder.peer);
        if (e)
            return e;
    }
    return ERR_OK;
}

enum err peers_rows_send(struct store *s, struct call *c, struct peers_answer *out)
{
    redisReply *r;
    enum err e = call_send(s, c, REDIS_REPLY_ARRAY, REDIS_REPLY_ARRAY, &r);
    if (e)
        return e;
    struct peers_answer a = {.reply = r};
    e = check_answer(s, r);
    if (!e)
        e = take_peers(r->element[3], &a);
    if (e) {
        peers_answer_release(&a);
        return e;
    }
    a.last = r->element[1];
    a.effort = (size_t)r->element[2]->integer;
    a.n_rows = r->elements - HEAD;
    *out = a;
    return ERR_OK;
}

void peers_answer_release(struct peers_answer *a)
{
    freeReplyObject(a->reply);
    free(a->peers);
    *a = (struct peers_answer){0};
}

const redisReply *peers_answer_row(const struct peers_answer *a, size_t i)
{
    return a->reply->element[HEAD + i];
}

size_t peers_row_entries(const redisReply *row)
{
    return row->elements / 2;
}

/* Digits and the one byte behind them. */
static enum err take_number(const char **text, char behind, uint64_t *out)
{
    char digits[24];
    size_t n = strspn(*text, "0123456789");
    if (n == 0 || n >= sizeof digits || (*text)[n] != behind)
        return ERR_INTERNAL;
    memcpy(digits, *text, n);
    digits[n] = '\0';
    *text += n + 1;
    return num_parse_u64(digits, JSON_EXACT_MAX, out) ? ERR_INTERNAL : ERR_OK;
}

/* What is behind the name and the words of a record; NULL when it has no such parts. */
static const char *behind_words(const redisReply *record)
{
    const char *end = record->str + record->len, *nul = memchr(record->str, '\0', record->len);
    if (nul)
        nul = memchr(nul + 1, '\0', (size_t)(end - nul - 1));
    return nul ? nul + 1 : NULL;
}

enum err peers_row_entry(const redisReply *row, size_t i, struct peers_entry *out)
{
    const redisReply *number = row->element[1 + 2 * i], *record = row->element[2 + 2 * i];
    if (record->type != REDIS_REPLY_STRING || call_number(number, &out->number) != ERR_OK)
        return ERR_INTERNAL;
    const char *text = behind_words(record), *end = record->str + record->len;
    if (!text)
        return ERR_INTERNAL;
    out->name = record->str;
    out->sha256[0] = '\0';
    if (*text == 'h' && end - text > 1 + HASH_SIZE) {
        num_hex(text + 1, HASH_SIZE, out->sha256);
        text += HASH_SIZE;
    } else if (*text != '-') {
        return ERR_INTERNAL;
    }
    text++;
    enum err e = take_number(&text, ' ', &out->size);
    return e ? e : take_number(&text, '\0', &out->mtime_ms);
}

void peers_row_release(struct peers_row *r)
{
    for (size_t i = 0; i < r->n_holders; i++)
        free(r->holders[i].file);
    free(r->holders);
    free(r->name);
    *r = (struct peers_row){0};
}

static void read_told(struct peers_told *p)
{
    struct member m;
    struct peers_holder *h = &p->holder;
    p->is_read = 1;
    if (peers_read_facts(p->parts[3], &m)) {
        memcpy(h->name, m.name, sizeof h->name);
        memcpy(h->url, m.url, sizeof h->url);
        h->obtain_port = m.obtain_port;
        p->state = p->parts[2]->integer == 1 ? PEERS_HERE : PEERS_QUIET;
    } else {
        size_t n = strcspn(h->peer, ".");
        memcpy(h->name, h->peer, n < sizeof h->name ? n : sizeof h->name - 1);
        p->state = PEERS_GONE;
    }
}

static enum err take_holder(
    const struct peers_answer *a, const struct peers_entry *entry, struct peers_holder *out, enum peers_state *state)
{
    struct peers_told *p = NULL;
    for (size_t i = 0; i < a->n_peers && !p; i++)
        if (a->peers[i].number == entry->number)
            p = &a->peers[i];
    if (!p)
        return ERR_INTERNAL;
    if (!p->is_read)
        read_told(p);
    *state = p->state;
    *out = p->holder;
    out->file = strdup(entry->name);
    return out->file ? ERR_OK : ERR_NOMEM;
}

/* The entries of a row in the order of their numbers; the first one is where it was found. */
static int by_number(const void *a, const void *b)
{
    uint64_t x = ((const struct peers_entry *)a)->number, y = ((const struct peers_entry *)b)->number;
    return x < y ? -1 : x > y;
}

static enum err take_entries(
    const struct peers_answer *a, struct peers_entry *entries, size_t n, struct peers_row *row, enum peers_state *state)
{
    const struct peers_entry *first = &entries[0];
    row->size = first->size;
    row->mtime_ms = first->mtime_ms;
    memcpy(row->sha256, first->sha256, sizeof row->sha256);
    row->name = strdup(first->name);
    row->holders = calloc(n, sizeof *row->holders);
    if (!row->name || !row->holders)
        return ERR_NOMEM;
    qsort(entries, n, sizeof *entries, by_number);
    for (size_t i = 0; i < n; i++) {
        enum peers_state one;
        if (entries[i].number == 0) {
            row->adopted = 1;
            continue;
        }
        enum err e = take_holder(a, &entries[i], &row->holders[row->n_holders], &one);
        if (e)
            return e;
        if (row->n_holders++ == 0 && state)
            *state = one;
    }
    return ERR_OK;
}

enum err peers_answer_take(const struct peers_answer *a, size_t i, struct peers_row *out, enum peers_state *state)
{
    struct peers_entry entries[PEERS_HOLDERS_MAX + 1];
    struct peers_row row = {0};
    const redisReply *from = peers_answer_row(a, i);
    size_t n = peers_row_entries(from);
    if (n == 0)
        return ERR_NOT_FOUND;
    enum err e = n <= sizeof entries / sizeof *entries ? ERR_OK : ERR_INTERNAL;
    for (size_t k = 0; !e && k < n; k++)
        e = peers_row_entry(from, k, &entries[k]);
    if (!e)
        e = take_entries(a, entries, n, &row, state);
    if (e == ERR_INTERNAL)
        log_write(LOG_ERROR, "peers", "a row of the index of peers cannot be read");
    if (e)
        peers_row_release(&row);
    else
        *out = row;
    return e;
}

/* The one row that was asked for. */
static enum err send_one(struct store *s, struct call *c, struct peers_row *out, enum peers_state *state)
{
    struct peers_answer a;
    enum err e = peers_rows_send(s, c, &a);
    if (e)
        return e;
    e = a.n_rows == 1 ? peers_answer_take(&a, 0, out, state) : ERR_INTERNAL;
    peers_answer_release(&a);
    return e;
}

enum err peers_by_hash(struct store *s, const char sha256[HASH_HEX_SIZE], struct peers_row *out)
{
    struct call c;
    uint8_t hash[HASH_SIZE];
    if (num_unhex(sha256, hash, sizeof hash) != ERR_OK)
        return ERR_NOT_FOUND;
    peers_rows_call(&c, "hash", NULL);
    call_bytes(&c, hash, sizeof hash);
    return send_one(s, &c, out, NULL);
}

enum err peers_find(struct store *s, const char *id, const char *name, struct peers_row *out, enum peers_state *state)
{
    struct call c;
    uint8_t hash[PEERS_NAME_HASH_SIZE];
    peers_name_hash(name, hash);
    peers_rows_call(&c, "one", NULL);
    call_str(&c, id);
    call_bytes(&c, hash, sizeof hash);
    call_str(&c, name);
    return send_one(s, &c, out, state);
}

enum err peers_named(struct store *s, const char *name, const char *exclude, struct peers_row *out)
{
    struct call c;
    struct peers_keys keys;
    struct buf low, high;
    buf_init(&low, PEERS_FOLD_MAX + 4);
    buf_init(&high, PEERS_FOLD_MAX + 4);
    enum err e = peers_keys_init(&keys, name);
    if (!e)
        e = buf_addf(&low, "[%s", keys.keys.data); /* up to the first NUL: the whole name's key */
    if (!e)
        e = buf_add(&low, "", 1);
    if (!e)
        e = buf_addf(&high, "(%s\x01", keys.keys.data);
    if (!e) {
        peers_rows_call(&c, "name", exclude);
        call_bytes(&c, low.data, low.len);
        call_bytes(&c, high.data, high.len);
        call_str(&c, name);
        e = send_one(s, &c, out, NULL);
    }
    peers_keys_release(&keys);
    buf_release(&low);
    buf_release(&high);
    return e == ERR_INVALID ? ERR_NOT_FOUND : e;
}
