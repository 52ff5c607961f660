#include "node/cluster.h"

#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/base/log.h"
#include "lib/base/url.h"
#include "node/keys.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX (4u << 20)
#define TIMEOUT_MS 400u
#define CONNECT_MS 200u
#define FILE_MODE 0640

struct address {
    char id[RING_ID_MAX];
    char url[MEMBERS_URL_MAX];
    int lives; /* as the coordinators said */
};

struct cluster {
    struct ledger *ledger;
    struct sign_keys *keys;
    char data[PATH_MAX], path[PATH_MAX];
    char coordinators[MEMBERS_COORDINATORS_MAX][MEMBERS_URL_MAX];
    size_t n_coordinators;
    pthread_mutex_t lock; /* guards the addresses */
    struct address *addresses;
    size_t n_addresses;
    uint64_t heard_ms;          /* boot clock: when a coordinator last answered; 0 = never */
    pthread_mutex_t refreshing; /* held while one thread asks; guards the two below */
    uint64_t asked_at_ms;       /* boot clock, when the last question began; 0 = never */
    enum err answer;
};

static enum err split_urls(struct cluster *c, const char *list)
{
    while (*list != '\0') {
        size_t len = strcspn(list, ",");
        if (c->n_coordinators == MEMBERS_COORDINATORS_MAX || len == 0 || len >= MEMBERS_URL_MAX)
            return ERR_SYNTAX;
        memcpy(c->coordinators[c->n_coordinators], list, len);
        c->coordinators[c->n_coordinators++][len] = '\0';
        list += len;
        if (*list == ',' && *++list == '\0')
            return ERR_SYNTAX;
    }
    return c->n_coordinators > 0 ? ERR_OK : ERR_SYNTAX;
}

/* The states of nodes that answer. A coordinator that tells no "alive" tells a state. */
static int is_living_state(const char *state)
{
    static const enum member_state dead[] = {MEMBER_SUSPECT, MEMBER_OUT, MEMBER_GONE};
    for (size_t i = 0; state && i < sizeof(dead) / sizeof(dead[0]); i++)
        if (strcmp(state, member_state_name(dead[i])) == 0)
            return 0;
    return 1;
}

/* Reads [{"id","url",…}…]; entries that are no addresses are left out. */
static enum err read_addresses(const struct json *list, struct address **out, size_t *n)
{
    if (!json_is_array(list) || json_count(list) > RING_MEMBERS_MAX)
        return ERR_SYNTAX;
    struct address *addresses = calloc(json_count(list) + 1, sizeof(*addresses));
    if (!addresses)
        return ERR_NOMEM;
    *n = 0;
    for (const struct json *item = json_first(list); item; item = json_next(item)) {
        const char *id = json_get_str(item, "id"), *url = json_get_str(item, "url");
        if (!id || !url || !ring_id_ok(id) || strlen(url) >= MEMBERS_URL_MAX || !url_ok(url))
            continue;
        snprintf(addresses[*n].id, RING_ID_MAX, "%s", id);
        snprintf(addresses[*n].url, MEMBERS_URL_MAX, "%s", url);
        addresses[*n].lives = json_get_bool(item, "alive", is_living_state(json_get_str(item, "state")));
        (*n)++;
    }
    *out = addresses;
    return ERR_OK;
}

static int same_addresses(const struct address *a, const struct address *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(a[i].id, b[i].id) != 0 || strcmp(a[i].url, b[i].url) != 0)
            return 0;
    return 1;
}

/* Puts addresses in place of the old ones; returns whether they differ (who lives is not kept on disk). Takes them. */
static int put_addresses(struct cluster *c, struct address *addresses, size_t n)
{
    pthread_mutex_lock(&c->lock);
    int same = n == c->n_addresses && same_addresses(addresses, c->addresses, n);
    struct address *old = c->addresses;
    c->addresses = addresses;
    c->n_addresses = n;
    pthread_mutex_unlock(&c->lock);
    free(old);
    return !same;
}

static void save_addresses(struct cluster *c)
{
    struct buf text;
    struct json *list = json_array();
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < c->n_addresses; i++) {
        struct json *item = json_object();
        json_set_str(item, "id", c->addresses[i].id);
        json_set_str(item, "url", c->addresses[i].url);
        json_append(list, item);
    }
    pthread_mutex_unlock(&c->lock);
    buf_init(&text, ANSWER_MAX);
    enum err e = json_print(list, &text);
    json_free(list);
    if (!e)
        e = fs_replace_file(c->path, buf_str(&text), text.len, FILE_MODE);
    if (e)
        log_write(LOG_WARN, "cluster", "the other nodes' addresses were not kept: %s", err_text(e));
    buf_release(&text);
}

static enum err load_addresses(struct cluster *c)
{
    struct buf text;
    struct json *list = NULL;
    struct address *addresses;
    size_t n;
    buf_init(&text, ANSWER_MAX);
    enum err e = fs_read_file(c->path, &text);
    if (!e)
        e = json_parse(buf_str(&text), text.len, &list);
    if (!e)
        e = read_addresses(list, &addresses, &n);
    if (!e)
        put_addresses(c, addresses, n);
    json_free(list);
    buf_release(&text);
    if (e == ERR_SYNTAX)
        log_write(LOG_WARN, "cluster", "%s is not readable; the coordinators will tell", c->path);
    return e == ERR_NOT_FOUND || e == ERR_SYNTAX ? ERR_OK : e;
}

enum err cluster_open(const char *data, const char *coordinators, struct ledger *ledger, struct sign_keys *keys, struct cluster **out)
{
    struct cluster *c = calloc(1, sizeof(*c));
    if (!c)
        return ERR_NOMEM;
    c->ledger = ledger;
    c->keys = keys;
    snprintf(c->data, sizeof(c->data), "%s", data);
    pthread_mutex_init(&c->lock, NULL);
    pthread_mutex_init(&c->refreshing, NULL);
    int len = snprintf(c->path, sizeof(c->path), "%s/nodes.json", data);
    enum err e = len < 0 || (size_t)len >= sizeof(c->path) ? ERR_IO : split_urls(c, coordinators);
    if (!e)
        e = load_addresses(c);
    if (e)
        cluster_close(c);
    else
        *out = c;
    return e;
}

void cluster_close(struct cluster *c)
{
    if (!c)
        return;
    pthread_mutex_destroy(&c->lock);
    pthread_mutex_destroy(&c->refreshing);
    free(c->addresses);
    free(c);
}

size_t cluster_coordinators(const struct cluster *c)
{
    return c->n_coordinators;
}

const char *cluster_coordinator(const struct cluster *c, size_t i)
{
    return c->coordinators[i];
}

enum err cluster_url(struct cluster *c, const char *id, char out[MEMBERS_URL_MAX])
{
    enum err e = ERR_NOT_FOUND;
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < c->n_addresses && e; i++) {
        if (strcmp(c->addresses[i].id, id) != 0)
            continue;
        memcpy(out, c->addresses[i].url, MEMBERS_URL_MAX);
        e = ERR_OK;
    }
    pthread_mutex_unlock(&c->lock);
    return e;
}

void cluster_heard(struct cluster *c)
{
    pthread_mutex_lock(&c->lock);
    c->heard_ms = clock_boot_ms();
    pthread_mutex_unlock(&c->lock);
}

int cluster_lives(struct cluster *c, const char *id)
{
    int lives = -1;
    pthread_mutex_lock(&c->lock);
    int is_fresh = c->heard_ms > 0 && clock_boot_ms() - c->heard_ms < CLUSTER_FRESH_MS;
    for (size_t i = 0; i < c->n_addresses && is_fresh && lives < 0; i++)
        if (strcmp(c->addresses[i].id, id) == 0)
            lives = c->addresses[i].lives;
    pthread_mutex_unlock(&c->lock);
    return lives;
}

/* The ring of an answer, which is committed, when it tells us something. */
static enum err learn_ring(struct cluster *c, const struct json *ring)
{
    struct buf text;
    struct ringdoc *doc;
    uint64_t epoch;
    if (json_is_null(ring))
        return ERR_OK;
    if (json_get_u64(ring, "epoch", UINT64_MAX, &epoch))
        return ERR_SYNTAX;
    /* Our own number is news too, until we know that ring to be committed. */
    if (epoch < ledger_epoch(c->ledger) || (epoch == ledger_epoch(c->ledger) && ledger_is_committed(c->ledger)))
        return ERR_OK;
    buf_init(&text, RINGDOC_BYTES_MAX);
    enum err e = json_print(ring, &text);
    if (!e)
        e = ringdoc_parse(buf_str(&text), text.len, &doc);
    buf_release(&text);
    if (e)
        return e;
    e = ledger_adopt(c->ledger, doc);
    ringdoc_free(doc);
    return e;
}

enum err cluster_learn(struct cluster *c, const char *text, size_t len)
{
    struct json *j;
    struct address *addresses;
    size_t n;
    enum err e = json_parse(text, len, &j);
    if (e)
        return e;
    e = learn_ring(c, json_get(j, "ring"));
    if (!e)
        e = read_addresses(json_get(j, "nodes"), &addresses, &n);
    /* A coordinator that has just started, or lost Redis, may know of no nodes: better old addresses than none. */
    if (!e && n > 0 && put_addresses(c, addresses, n))
        save_addresses(c);
    else if (!e && n == 0)
        free(addresses);
    json_free(j);
    return e;
}

static enum err ask_all(struct cluster *c, struct peer *peer)
{
    struct peer_call calls[MEMBERS_COORDINATORS_MAX];
    struct peer_round round = {.timeout_ms = TIMEOUT_MS, .connect_timeout_ms = CONNECT_MS};
    memset(calls, 0, sizeof(calls));
    for (size_t i = 0; i < c->n_coordinators; i++) {
        calls[i].base_url = c->coordinators[i];
        calls[i].method = "GET";
        calls[i].path = "/ring";
        calls[i].epoch = ledger_epoch(c->ledger);
        calls[i].answer_max = ANSWER_MAX;
    }
    enum err result = ERR_UNAVAILABLE;
    enum err e = peer_round(peer, &round, calls, c->n_coordinators);
    if (e)
        return e;
    for (size_t i = 0; i < c->n_coordinators; i++) {
        if (calls[i].error || calls[i].status != 200)
            continue;
        e = cluster_learn(c, buf_str(&calls[i].answer), calls[i].answer.len);
        if (!e)
            result = ERR_OK;
        else
            log_write(LOG_WARN, "cluster", "%s shows a ring that cannot be taken: %s", c->coordinators[i], err_text(e));
    }
    peer_calls_release(calls, c->n_coordinators);
    return result;
}

/* Whether we know the address of a node for which we have no key. */
static int lacks_keys(struct cluster *c)
{
    int lacks = 0;
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < c->n_addresses && !lacks; i++)
        lacks = !sign_keys_knows(c->keys, c->addresses[i].id);
    pthread_mutex_unlock(&c->lock);
    return lacks;
}

/* Asks one coordinator after the other for the keys of messages to all nodes, until one tells them. */
static void ask_keys(struct cluster *c, struct peer *peer)
{
    enum err e = ERR_UNAVAILABLE;
    for (size_t i = 0; i < c->n_coordinators && e; i++) {
        struct peer_call call = {.base_url = c->coordinators[i], .method = "GET", .path = "/pairs", .answer_max = KEYS_PAIRS_MAX};
        e = peer_call(peer, &call, TIMEOUT_MS);
        if (!e)
            e = call.error ? call.error : call.status == 200 ? ERR_OK : ERR_UNAVAILABLE;
        if (!e)
            e = keys_take(c->data, c->keys, buf_str(&call.answer), call.answer.len);
        peer_calls_release(&call, 1);
    }
    if (e)
        log_write(LOG_WARN, "keys", "no coordinator tells the keys of messages to new nodes: %s", err_text(e));
}

enum err cluster_refresh(struct cluster *c, struct peer *peer)
{
    uint64_t wanted_ms = clock_boot_ms();
    pthread_mutex_lock(&c->refreshing);
    /* What another thread asked after we came is as good as our own question. */
    if (c->asked_at_ms == 0 || c->asked_at_ms < wanted_ms) {
        uint64_t since_ms = clock_boot_ms() - c->asked_at_ms;
        if (c->asked_at_ms > 0 && since_ms < CLUSTER_REFRESH_MS)
            clock_sleep_ms(CLUSTER_REFRESH_MS - since_ms);
        c->asked_at_ms = clock_boot_ms();
        c->answer = ask_all(c, peer);
        if (!c->answer && lacks_keys(c))
            ask_keys(c, peer);
    }
    enum err e = c->answer;
    pthread_mutex_unlock(&c->refreshing);
    return e;
}
