#include "lib/store/rate.h"

#include "lib/base/clock.h"
#include "lib/store/call.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MORE_MAX 31u /* tries beyond the free ones that are told apart: MORE in lua/rate.lua */
#define NAME_SIZE 32 /* of a rule */
#define KEY_SIZE (NAME_SIZE + RATE_SUBJECT_MAX + 2)

/* ---- the rule */

static void forgive_old(const struct rate_rule *rule, struct rate_state *state, uint64_t now_ms)
{
    if (now_ms <= state->at_ms || state->n == 0)
        return;
    uint64_t forgiven = (now_ms - state->at_ms) / rule->per_ms;
    if (forgiven > state->n)
        forgiven = state->n;
    state->n -= forgiven;
    state->at_ms += forgiven * rule->per_ms;
}

static uint64_t next_wait(const struct rate_rule *rule, uint64_t n)
{
    uint64_t wait_ms = (uint64_t)rule->wait_ms << (n - rule->free - 1);
    return wait_ms < rule->wait_max_ms ? wait_ms : rule->wait_max_ms;
}

int rate_decide(const struct rate_rule *rule, struct rate_state *state, uint64_t now_ms, unsigned *wait_ms)
{
    assert(rule->per_ms > 0);
    forgive_old(rule, state, now_ms);
    if (now_ms < state->until_ms) {
        *wait_ms = (unsigned)(state->until_ms - now_ms);
        return 0;
    }
    if (state->n == 0)
        state->at_ms = now_ms;
    if (state->n < rule->free + MORE_MAX)
        state->n++;
    if (state->n > rule->free) {
        /* Nothing is forgiven while it waits: who comes back as soon as it may waits longer each time. */
        state->until_ms = now_ms + next_wait(rule, state->n);
        state->at_ms = state->until_ms;
    }
    return 1;
}

static void take_back(const struct rate_rule *rule, struct rate_state *state, uint64_t now_ms)
{
    forgive_old(rule, state, now_ms);
    if (state->n > 0)
        state->n--;
    if (state->n <= rule->free)
        state->until_ms = 0;
}

/* ---- the table of this process */

struct row {
    char key[KEY_SIZE];
    struct rate_state state;
    uint64_t seen; /* by the table's count */
    struct row *next;
};

struct rate_table {
    pthread_mutex_t lock;
    uint64_t count;
    size_t n;
    struct row *chains[RATE_TABLE_MAX];
    struct row rows[RATE_TABLE_MAX];
};

struct rate_table *rate_table_new(void)
{
    struct rate_table *t = calloc(1, sizeof *t);
    if (t)
        pthread_mutex_init(&t->lock, NULL);
    return t;
}

void rate_table_free(struct rate_table *t)
{
    if (!t)
        return;
    pthread_mutex_destroy(&t->lock);
    free(t);
}

static size_t chain_of(const char *key)
{
    uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a */
    for (; *key; key++)
        h = (h ^ (unsigned char)*key) * UINT64_C(1099511628211);
    return (size_t)(h % RATE_TABLE_MAX);
}

static struct row *find_row(struct rate_table *t, const char *key)
{
    struct row *r = t->chains[chain_of(key)];
    while (r && strcmp(r->key, key) != 0)
        r = r->next;
    return r;
}

/* The row that was seen the longest ago, out of its chain. A full table is walked once for each new subject: 4,096 rows, some microseconds. */
static struct row *oldest_row(struct rate_table *t)
{
    struct row *oldest = &t->rows[0];
    for (size_t i = 1; i < t->n; i++) {
        if (t->rows[i].seen < oldest->seen)
            oldest = &t->rows[i];
    }
    struct row **link = &t->chains[chain_of(oldest->key)];
    while (*link != oldest)
        link = &(*link)->next;
    *link = oldest->next;
    return oldest;
}

static struct row *make_row(struct rate_table *t, const char *key)
{
    struct row *r = t->n < RATE_TABLE_MAX ? &t->rows[t->n++] : oldest_row(t);
    size_t chain = chain_of(key);
    memset(r, 0, sizeof *r);
    snprintf(r->key, sizeof r->key, "%s", key);
    r->next = t->chains[chain];
    t->chains[chain] = r;
    return r;
}

static struct row *row_of(struct rate_table *t, const char *key)
{
    struct row *r = find_row(t, key);
    if (!r)
        r = make_row(t, key);
    r->seen = ++t->count;
    return r;
}

static int table_try(
    struct rate_table *t, const struct rate_claim *claims, char keys[RATE_CLAIMS_MAX][KEY_SIZE], size_t n, unsigned *wait_ms)
{
    struct rate_state next[RATE_CLAIMS_MAX];
    unsigned longest = 0, wait = 0;
    uint64_t now_ms = clock_boot_ms();
    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < n; i++) {
        next[i] = row_of(t, keys[i])->state;
        if (!rate_decide(claims[i].rule, &next[i], now_ms, &wait) && wait > longest)
            longest = wait;
    }
    for (size_t i = 0; i < n && longest == 0; i++)
        row_of(t, keys[i])->state = next[i];
    pthread_mutex_unlock(&t->lock);
    if (longest > 0)
        *wait_ms = longest;
    return longest == 0;
}

static void table_forgive(struct rate_table *t, const struct rate_claim *claim, const char *key)
{
    pthread_mutex_lock(&t->lock);
    struct row *r = find_row(t, key);
    if (r && claim->all)
        r->state = (struct rate_state){0};
    else if (r)
        take_back(claim->rule, &r->state, clock_boot_ms());
    pthread_mutex_unlock(&t->lock);
}

/* ---- Redis */

static void make_key(const struct rate_claim *claim, char out[KEY_SIZE])
{
    snprintf(out, KEY_SIZE, "%.*s:%.*s", NAME_SIZE - 1, claim->rule->name, (int)RATE_SUBJECT_MAX, claim->subject);
}

static void make_keys(const struct rate_claim *claims, size_t n, char keys[RATE_CLAIMS_MAX][KEY_SIZE])
{
    assert(n > 0 && n <= RATE_CLAIMS_MAX);
    for (size_t i = 0; i < n; i++)
        make_key(&claims[i], keys[i]);
}

static enum err send(
    struct store *s, const struct rate_claim *claims, char keys[RATE_CLAIMS_MAX][KEY_SIZE], size_t n, int is_try, uint64_t *wait_ms)
{
    char names[RATE_CLAIMS_MAX][KEY_SIZE + 8];
    struct call c;
    redisReply *r;
    call_init_script(&c, SCRIPT_RATE, (unsigned)n);
    for (size_t i = 0; i < n; i++) {
        snprintf(names[i], sizeof names[i], "rb:rate:%s", keys[i]);
        call_str(&c, names[i]);
    }
    for (size_t i = 0; i < n; i++) {
        const struct rate_rule *rule = claims[i].rule;
        call_u64(&c, rule->free);
        call_u64(&c, rule->per_ms);
        call_u64(&c, rule->wait_ms);
        call_u64(&c, rule->wait_max_ms);
        call_str(&c, is_try ? "try" : claims[i].all ? "all" : "one");
    }
    enum err e = call_send(s, &c, REDIS_REPLY_INTEGER, REDIS_REPLY_INTEGER, &r);
    if (e != ERR_OK)
        return e;
    e = call_number(r, wait_ms);
    freeReplyObject(r);
    return e;
}

enum err rate_try(struct store *s, struct rate_table *t, const struct rate_claim *claims, size_t n, unsigned *wait_ms)
{
    char keys[RATE_CLAIMS_MAX][KEY_SIZE];
    uint64_t wait = 0;
    make_keys(claims, n, keys);
    if (s && send(s, claims, keys, n, 1, &wait) == ERR_OK) {
        if (wait == 0)
            return ERR_OK;
        *wait_ms = (unsigned)wait;
        return ERR_RATE;
    }
    return table_try(t, claims, keys, n, wait_ms) ? ERR_OK : ERR_RATE;
}

void rate_forgive(struct store *s, struct rate_table *t, const struct rate_claim *claims, size_t n)
{
    char keys[RATE_CLAIMS_MAX][KEY_SIZE];
    uint64_t ignored;
    make_keys(claims, n, keys);
    if (s && send(s, claims, keys, n, 0, &ignored) == ERR_OK)
        return;
    for (size_t i = 0; i < n; i++)
        table_forgive(t, &claims[i], keys[i]);
}
