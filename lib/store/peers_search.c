/* A search goes through up to three ranges of the trees, one after the other; within each by key. Each row is given once: where it comes first.
 *   begin    names whose words run together begin with those of q
 *   first    names that begin with the leading word (when there are several), if all words fit
 *   middle   names that have the leading word at the beginning of a later word, if all words fit
 * The leading word is the one that the fewest names have. */
#include "lib/base/num.h"
#include "lib/store/peers_inside.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 16u /* words of one search; more are ignored */
#define PLACE_MAX 80u /* bytes of a member, or of a bound behind one */
#define KEY_ROOM (PEERS_FOLD_MAX + PEERS_MIDDLE_MAX)

enum range { BEGIN, FIRST, MIDDLE, RANGES };

struct query {
    struct peers_words words;
    size_t n;    /* words that count */
    size_t lead; /* which one leads */
    const char *exclude;
};

/* Where a name stands in a search. */
struct place {
    enum range range; /* RANGES: it does not fit */
    char key[KEY_ROOM];
    size_t len;
};

static int begins(const char *text, size_t len, const char *start, size_t start_len)
{
    return start_len <= len && memcmp(text, start, start_len) == 0;
}

static int compare_bytes(const char *a, size_t a_len, const char *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return order ? order : a_len < b_len ? -1 : a_len > b_len;
}

static int before(const struct place *a, const struct place *b)
{
    if (a->range != b->range)
        return a->range < b->range;
    return compare_bytes(a->key, a->len, b->key, b->len) < 0;
}

static size_t at_most(size_t n, size_t max)
{
    return n < max ? n : max;
}

static size_t key_max(enum range r)
{
    return r == MIDDLE ? PEERS_MIDDLE_MAX : PEERS_FOLD_MAX;
}

/* Keys below this length stand for names that fit alike: at the beginning, unless they are cut. Elsewhere names of one key may have other words before it, or other gaps. */
static size_t whole_below(enum range r)
{
    return r == BEGIN ? PEERS_FOLD_MAX : 0;
}

/* Every word of q is the beginning of a word of the name. */
static int all_words_fit(const struct query *q, const struct peers_words *name)
{
    for (size_t i = 0; i < q->n; i++) {
        size_t len, k = 0;
        const char *word = peers_word(&q->words, i, &len);
        for (; k < name->n; k++) {
            size_t name_len;
            const char *name_word = peers_word(name, k, &name_len);
            if (begins(name_word, name_len, word, len))
                break;
        }
        if (k == name->n)
            return 0;
    }
    return 1;
}

static void whole_key(const struct peers_words *name, struct place *out)
{
    out->len = at_most(name->fold.len, PEERS_FOLD_MAX);
    memcpy(out->key, buf_str(&name->fold), out->len);
}

/* The first of the keys that begin with the leading word at a later word of the name. */
static enum err middle_place(const char *lead, size_t lead_len, const struct peers_words *name, struct place *out)
{
    lead_len = at_most(lead_len, PEERS_MIDDLE_MAX);
    for (size_t i = 1; i < name->n && i < PEERS_WORDS_MAX; i++) {
        struct buf key;
        buf_init(&key, PEERS_MIDDLE_MAX + 1);
        enum err e = peers_words_middle(name, i, &key);
        if (!e && begins(key.data, key.len, lead, lead_len) &&
            (out->range != MIDDLE || compare_bytes(key.data, key.len, out->key, out->len) < 0)) {
            out->range = MIDDLE;
            out->len = key.len;
            memcpy(out->key, key.data, key.len);
        }
        buf_release(&key);
        if (e)
            return e;
    }
    return ERR_OK;
}

/* Where a name comes first in the search. */
static enum err place_of(const struct query *q, const char *name, struct place *out)
{
    struct peers_words words;
    size_t lead_len = 0;
    out->range = RANGES;
    enum err e = peers_words_init(&words, name);
    if (e)
        goto done;
    const char *lead = q->n ? peers_word(&q->words, q->lead, &lead_len) : "";
    whole_key(&words, out);
    if (begins(buf_str(&words.fold), words.fold.len, buf_str(&q->words.fold), q->words.fold.len))
        out->range = BEGIN;
    else if (!all_words_fit(q, &words))
        out->range = RANGES;
    else if (q->n > 1 && begins(out->key, out->len, lead, at_most(lead_len, PEERS_FOLD_MAX)))
        out->range = FIRST;
    else
        e = middle_place(lead, lead_len, &words, out);
done:
    peers_words_release(&words);
    return e;
}

/* Whether an entry of the same content takes the row from the one that was met at `here`: it stands before, or at the same key where each name is met. */
static int takes_it(const struct peers_entry *met, const struct place *here, const struct peers_entry *other, const struct place *place)
{
    if (before(place, here))
        return 1;
    if (here->len < whole_below(here->range) || before(here, place))
        return 0;
    int order = strcmp(other->name, met->name);
    return order < 0 || (order == 0 && other->number < met->number);
}

/* Whether a row that was met at `here` comes first there. */
static enum err comes_first(const struct query *q, const redisReply *row, const struct place *here, int *out)
{
    struct peers_entry met, other;
    struct place place;
    enum err e = peers_row_entry(row, 0, &met);
    if (!e)
        e = place_of(q, met.name, &place);
    *out = !e && place.range == here->range && compare_bytes(place.key, place.len, here->key, here->len) == 0;
    const char *placed = met.name;
    for (size_t i = 1; !e && *out && i < peers_row_entries(row); i++) {
        e = peers_row_entry(row, i, &other);
        if (!e && strcmp(other.name, placed) != 0) {
            e = place_of(q, other.name, &place);
            placed = other.name;
        }
        if (!e && takes_it(&met, here, &other, &place))
            *out = 0;
    }
    return e;
}

/* ---- walking */

struct walk {
    struct store *store;
    const struct query *query;
    struct peers_page *page;
    size_t limit;
    enum range range;
    char low[PLACE_MAX]; /* goes on after this, in its range; empty: from its beginning */
    size_t low_len;
    size_t effort; /* that may still be made: records read */
    int more;      /* a row more than the limit was found, or the page came to its bounds */
};

/* The bounds of a range, each with its sign: [ or (. */
static enum err add_bounds(const struct walk *w, struct buf *low, struct buf *high)
{
    const struct query *q = w->query;
    size_t len = 0;
    const char *start = buf_str(&q->words.fold);
    if (w->range == BEGIN)
        len = at_most(q->words.fold.len, PEERS_FOLD_MAX);
    else
        start = peers_word(&q->words, q->lead, &len);
    len = at_most(len, key_max(w->range));
    enum err e = buf_add(low, w->low_len ? "(" : "[", 1);
    if (!e)
        e = w->low_len ? buf_add(low, w->low, w->low_len) : buf_add(low, start, len);
    if (!e && len == 0)
        return buf_add(high, "+", 1);
    if (!e)
        e = buf_add(high, "[", 1);
    if (!e)
        e = buf_add(high, start, len);
    return e ? e : buf_add(high, "\xff", 1);
}

/* Where all words must fit, Redis passes over most names that lack one. What lies in the middle range has the leading word, unless that is longer than keys there. */
static void add_words(const struct walk *w, struct call *c)
{
    for (size_t i = 0; w->range != BEGIN && i < w->query->n; i++) {
        size_t len;
        const char *word = peers_word(&w->query->words, i, &len);
        if (w->range != MIDDLE || i != w->query->lead || len > PEERS_MIDDLE_MAX)
            call_bytes(c, word, len);
    }
}

static enum err send_walk(const struct walk *w, struct peers_answer *out)
{
    struct call c;
    struct buf low, high;
    buf_init(&low, PLACE_MAX + 2);
    buf_init(&high, PLACE_MAX + 2);
    enum err e = add_bounds(w, &low, &high);
    if (!e) {
        peers_rows_call(&c, "walk", w->query->exclude);
        call_str(&c, w->range == MIDDLE ? PEERS_MIDDLE_TREE : PEERS_NAMES_TREE);
        call_bytes(&c, low.data, low.len);
        call_bytes(&c, high.data, high.len);
        call_u64(&c, w->limit - w->page->n + 1);
        call_u64(&c, w->effort);
        call_u64(&c, whole_below(w->range));
        add_words(w, &c);
        e = peers_rows_send(w->store, &c, out);
    }
    buf_release(&low);
    buf_release(&high);
    return e;
}

static enum err go_after(struct walk *w, const char *place, size_t len)
{
    if (len > sizeof w->low)
        return ERR_INTERNAL;
    memcpy(w->low, place, len);
    w->low_len = len;
    return ERR_OK;
}

#define TAIL 13 /* bytes behind a member's key: NUL, 6 of the hash, 6 of the entry */
#define REF 6

/* After all entries of the same content where the key stands for one name; as the script does it. */
static enum err go_after_row(struct walk *w, const redisReply *row)
{
    char place[PLACE_MAX];
    const redisReply *member = row->element[0];
    struct peers_entry entry;
    size_t len = member->len;
    if (len < TAIL || len + 1 > sizeof place || peers_row_entries(row) == 0)
        return ERR_INTERNAL;
    enum err e = peers_row_entry(row, 0, &entry);
    if (e)
        return e;
    memcpy(place, member->str, len);
    if (*entry.sha256 && len - TAIL < whole_below(w->range)) {
        memset(place + len - REF, 0xff, REF + 1);
        len++;
    }
    return go_after(w, place, len);
}

/* Takes the rows of one answer that come first where they were met, until the page is full. */
static enum err take_rows(struct walk *w, const struct peers_answer *a)
{
    for (size_t i = 0; i < a->n_rows; i++) {
        const redisReply *row = peers_answer_row(a, i);
        struct place here = {.range = w->range};
        int first = 0;
        if (row->element[0]->len < TAIL || row->element[0]->len - TAIL > sizeof here.key)
            return ERR_INTERNAL;
        here.len = row->element[0]->len - TAIL;
        memcpy(here.key, row->element[0]->str, here.len);
        enum err e = comes_first(w->query, row, &here, &first);
        if (!e && first && w->page->n == w->limit) {
            w->more = 1;
            return ERR_OK;
        }
        if (!e && first)
            e = peers_answer_take(a, i, &w->page->rows[w->page->n], NULL);
        if (!e && first)
            w->page->n++;
        if (!e)
            e = go_after_row(w, row);
        if (e)
            return e;
    }
    return ERR_OK;
}

/* The range that comes after this one in this search. */
static enum range next_range(const struct query *q, enum range r)
{
    if (q->n == 0)
        return RANGES;
    return r == BEGIN && q->n == 1 ? MIDDLE : r + 1;
}

static enum err walk_all(struct walk *w)
{
    while (w->range != RANGES && !w->more) {
        struct peers_answer a;
        enum err e = send_walk(w, &a);
        if (e)
            return e;
        w->effort -= at_most(w->effort, a.effort);
        e = take_rows(w, &a);
        if (!e && !w->more && a.last->len > 0) {
            e = go_after(w, a.last->str, a.last->len);
            w->more = w->effort == 0;
        } else if (!e && !w->more) {
            w->range = next_range(w->query, w->range);
            w->low_len = 0;
            w->more = w->effort == 0 && w->range != RANGES;
        }
        peers_answer_release(&a);
        if (e)
            return e;
    }
    return ERR_OK;
}

/* ---- queries and cursors */

/* The word that the fewest names have leads, the first of them when several do. */
static enum err choose_lead(struct store *s, struct query *q)
{
    struct call c;
    redisReply *r;
    uint64_t fewest = UINT64_MAX;
    call_init_script(&c, SCRIPT_PEERS_COUNT, 0);
    for (size_t i = 0; i < q->n; i++) {
        size_t len;
        const char *word = peers_word(&q->words, i, &len);
        call_bytes(&c, word, at_most(len, PEERS_MIDDLE_MAX));
    }
    enum err e = call_send(s, &c, REDIS_REPLY_ARRAY, REDIS_REPLY_ARRAY, &r);
    if (e)
        return e;
    if (r->elements != q->n)
        e = ERR_INTERNAL;
    for (size_t i = 0; !e && i < q->n; i++) {
        uint64_t count;
        e = call_number(r->element[i], &count);
        if (!e && count < fewest) {
            fewest = count;
            q->lead = i;
        }
    }
    freeReplyObject(r);
    return e;
}

/* A cursor: the range's letter, the leading word's letter, and in hex the place after which to go on. */
static char *make_cursor(const struct walk *w)
{
    char *text = malloc(3 + 2 * w->low_len);
    if (!text)
        return NULL;
    text[0] = (char)('a' + w->range);
    text[1] = (char)('a' + w->query->lead);
    num_hex(w->low, w->low_len, text + 2);
    return text;
}

static enum err read_cursor(const char *text, struct query *q, struct walk *w)
{
    size_t len = strlen(text);
    if (len < 2 || len % 2 != 0 || (len - 2) / 2 > sizeof w->low)
        return ERR_SYNTAX;
    unsigned range = (unsigned)(unsigned char)text[0] - 'a', lead = (unsigned)(unsigned char)text[1] - 'a';
    if (range >= RANGES || (q->n == 0 && range != BEGIN) || (lead != 0 && lead >= q->n))
        return ERR_SYNTAX;
    if (num_unhex(text + 2, w->low, (len - 2) / 2) != ERR_OK)
        return ERR_SYNTAX;
    w->low_len = (len - 2) / 2;
    w->range = (enum range)range;
    q->lead = lead;
    return ERR_OK;
}

void peers_page_release(struct peers_page *p)
{
    for (size_t i = 0; i < p->n; i++)
        peers_row_release(&p->rows[i]);
    free(p->rows);
    free(p->next);
    *p = (struct peers_page){0};
}

static enum err search(struct walk *w, struct query *q, const char *cursor)
{
    enum err e = ERR_OK;
    if (cursor)
        e = read_cursor(cursor, q, w);
    else if (q->n > 1)
        e = choose_lead(w->store, q);
    if (!e)
        e = walk_all(w);
    if (!e && w->more) {
        w->page->next = make_cursor(w);
        e = w->page->next ? ERR_OK : ERR_NOMEM;
    }
    return e;
}

enum err peers_search(struct store *s, const char *q, const char *exclude, const char *cursor, unsigned limit, struct peers_page *out)
{
    assert(limit >= 1 && limit <= PEERS_LIMIT_MAX);
    if (q && strlen(q) > PEERS_QUERY_MAX)
        return ERR_SYNTAX;
    struct query query = {.exclude = exclude};
    struct peers_page page = {.rows = calloc(limit, sizeof *page.rows)};
    struct walk w = {.store = s, .query = &query, .page = &page, .limit = limit, .range = BEGIN, .effort = PEERS_CANDIDATES_MAX};
    enum err e = peers_words_init(&query.words, q ? q : "");
    query.n = at_most(query.words.n, WORDS_MAX);
    if (!e)
        e = page.rows ? search(&w, &query, cursor) : ERR_NOMEM;
    peers_words_release(&query.words);
    if (e)
        peers_page_release(&page);
    else
        *out = page;
    return e == ERR_INVALID ? ERR_SYNTAX : e;
}
