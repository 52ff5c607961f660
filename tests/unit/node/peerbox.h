/* A node that shares a folder, and a coordinator for it that keeps in memory what it is told: both over real connections, in one process. */
#ifndef RB_TESTS_UNIT_NODE_PEERBOX_H
#define RB_TESTS_UNIT_NODE_PEERBOX_H

#include "tests/unit/keyring.h"
#include "tests/unit/node/folder.h"

#include "lib/base/clock.h"
#include "lib/base/id.h"
#include "lib/base/num.h"
#include "node/identity.h"
#include "node/keys.h"
#include "node/node.h"
#include "node/share.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>

#define BOX_WAIT_MS 10000u
#define BOX_SOON_MS 1500u /* what takes a tenth of that when nothing else runs */

/* The index, as the coordinator has it. */
struct box_index {
    pthread_mutex_t lock;
    struct share_list *files; /* what it has; no more than its names, sizes and hashes count */
    struct shared_digest digest;
    atomic_int any; /* 0: no list */
};

struct box {
    struct folder folder;
    char data[256], share[256], listen[32], coordinator[64];
    struct sign_key key;                      /* the master */
    struct sign_keys *leader_keys, *api_keys; /* of the coordinator, and of who asks */
    char id[RING_ID_MAX];                     /* of the node */
    struct node_settings settings;
    struct node node;
    int running;
    struct peer *peer;
    struct http_server *leader;
    struct box_index index;
    atomic_int leads, known, wholes, deltas, lose_answers; /* whole lists and deltas that were taken */
    atomic_int largest;                                    /* names in one delta */
    const char *_Atomic refuses;                           /* names that begin with this are refused; NULL: none */
    atomic_int refused, hold, held, unhashed; /* deltas refused; whether answers are held back, and are; files told without a hash */
};

static inline void box_index_clear(struct box_index *i)
{
    pthread_mutex_lock(&i->lock);
    share_list_free(i->files);
    i->files = share_list_new();
    i->digest = (struct shared_digest){{0}};
    i->any = 0;
    pthread_mutex_unlock(&i->lock);
}

static inline void box_reply(struct http_request *r, int status, const char *text)
{
    http_reply(r, status, "application/json", text, strlen(text));
}

static inline const char *box_listed(struct box *b, char hex[SHARED_DIGEST_HEX_SIZE])
{
    hex[0] = '\0';
    if (b->index.any)
        shared_digest_hex(&b->index.digest, hex);
    return hex;
}

static inline void box_heartbeat(struct http_request *r, void *ctx)
{
    struct box *b = ctx;
    char hex[SHARED_DIGEST_HEX_SIZE];
    pthread_mutex_lock(&b->index.lock);
    box_listed(b, hex);
    pthread_mutex_unlock(&b->index.lock);
    char text[160];
    const char *quote = b->known ? "\"" : "", *listed = b->known ? hex : "null";
    if (b->leads)
        snprintf(text, sizeof(text), "{\"ring\":0,\"view\":1,\"leads\":true,\"listed\":%s%s%s}", quote, listed, quote);
    else
        snprintf(text, sizeof(text), "{\"ring\":0,\"view\":1,\"leads\":false}");
    box_reply(r, 200, text);
}

static inline void box_leave(struct http_request *r, void *ctx)
{
    (void)ctx;
    box_reply(r, 200, "{}");
}

static inline void box_take(struct box *b, const struct shared_delta *d)
{
    struct share_stat st;
    char sha256[HASH_HEX_SIZE];
    if (!*d->base)
        b->wholes++;
    for (size_t i = 0; i < d->n_add; i++) {
        uint8_t raw[HASH_SIZE];
        b->unhashed += d->add[i].sha256[0] == '\0';
        st = (struct share_stat){.size = d->add[i].size, .mtime_ns = d->add[i].mtime_ms * 1000000u};
        int hashed = d->add[i].sha256[0] != '\0';
        if (hashed)
            assert_ok(num_unhex(d->add[i].sha256, raw, HASH_SIZE));
        share_list_remove(b->index.files, d->add[i].name);
        assert_ok(share_list_put(b->index.files, d->add[i].name, &st, hashed ? raw : NULL));
    }
    for (size_t i = 0; i < d->n_remove; i++) {
        assert_ok(share_list_get(b->index.files, d->remove[i], &st, sha256));
        share_list_remove(b->index.files, d->remove[i]);
    }
    b->deltas++;
    if ((int)(d->n_add + d->n_remove) > b->largest)
        b->largest = (int)(d->n_add + d->n_remove);
    assert_ok(shared_digest_parse(d->digest, &b->index.digest));
    b->index.any = 1;
}

/* Whether the delta has a name that is not to be taken. */
static inline int box_refuses(struct box *b, const struct shared_delta *d)
{
    const char *prefix = b->refuses;
    int found = 0;
    for (size_t i = 0; prefix && i < d->n_add; i++)
        found |= strncmp(d->add[i].name, prefix, strlen(prefix)) == 0;
    for (size_t i = 0; prefix && i < d->n_remove; i++)
        found |= strncmp(d->remove[i], prefix, strlen(prefix)) == 0;
    b->refused += found;
    return found;
}

static inline void box_files(struct http_request *r, void *ctx)
{
    struct box *b = ctx;
    struct shared_delta d;
    size_t len;
    char hex[SHARED_DIGEST_HEX_SIZE], now[SHARED_DIGEST_HEX_SIZE];
    uint64_t files;
    const void *body = http_body(r, &len);
    assert_ok(shared_delta_parse(body, len, &d));
    if (box_refuses(b, &d)) {
        shared_delta_release(&d);
        box_reply(r, 400, "{\"error\":\"syntax\"}");
        return;
    }
    if (!*d.base)
        box_index_clear(&b->index);
    pthread_mutex_lock(&b->index.lock);
    int leads = b->leads, fits = strcmp(d.base, box_listed(b, hex)) == 0;
    if (leads && fits) {
        box_take(b, &d);
        /* The digest that was told is the one of the files that were told. */
        share_list_sum(b->index.files, &files, now);
        assert_string_equal(now, d.digest);
    }
    box_listed(b, hex);
    pthread_mutex_unlock(&b->index.lock);
    shared_delta_release(&d);
    char text[128];
    snprintf(text, sizeof(text), "{\"error\":\"conflict\",\"listed\":\"%s\"}", hex);
    b->held = 1;
    for (int i = 0; b->hold && i < 2000; i++)
        clock_sleep_ms(5);
    if (leads && fits && b->lose_answers > 0 && b->lose_answers--)
        http_reply(r, 502, NULL, "", 0);
    else
        box_reply(r, leads && fits ? 200 : 409, leads ? text : "{\"leader\":null}");
}

static const struct http_route box_routes[] = {
    {"POST", "/join", HTTP_AUTH_SIGNED, SIGN_NODE, 65536, box_heartbeat, NULL, NULL, NULL},
    {"POST", "/heartbeat", HTTP_AUTH_SIGNED, SIGN_NODE, 65536, box_heartbeat, NULL, NULL, NULL},
    {"POST", "/leave", HTTP_AUTH_SIGNED, SIGN_NODE, 65536, box_leave, NULL, NULL, NULL},
    {"POST", "/files", HTTP_AUTH_SIGNED, SIGN_NODE, SHARED_DELTA_BYTES, box_files, NULL, NULL, NULL},
};

static inline void box_start(struct box *b)
{
    assert_int_equal(node_open(&b->node, &b->settings), 0);
    snprintf(b->listen, sizeof(b->listen), "127.0.0.1:%u", http_port(b->node.server));
    b->running = 1;
}

static inline void box_stop(struct box *b)
{
    node_close(&b->node);
    b->running = 0;
}

static inline void box_make_keys(struct box *b)
{
    struct ring_member self;
    struct keys_given given;
    id_random(b->key.bytes, sizeof(b->key.bytes));
    assert_ok(identity_read(b->data, &self));
    snprintf(b->id, sizeof(b->id), "%s", self.id);
    keys_derive(&b->key, b->id, &given);
    assert_ok(keys_give(b->data, b->id, &given));
    b->leader_keys = keyring_of(&b->key, "coordinator:box");
    b->api_keys = keyring_of(&b->key, "api:test");
}

/* The key that only the node has, and who has the master. */
static inline const struct sign_key *box_node_key(const struct box *b)
{
    static struct sign_key key;
    sign_node_key(&b->key, b->id, &key);
    return &key;
}

/* Everything but the node, which the test starts. */
static inline int box_setup(void **state)
{
    struct box *b = calloc(1, sizeof(*b));
    struct buf line;
    folder_make(&b->folder);
    snprintf(b->data, sizeof(b->data), "%s", folder_at(&b->folder, "data"));
    snprintf(b->share, sizeof(b->share), "%s", folder_at(&b->folder, "share"));
    snprintf(b->listen, sizeof(b->listen), "127.0.0.1:0");
    assert_int_equal(mkdir(b->share, 0755), 0);
    buf_init(&line, 4096);
    assert_ok(identity_init(b->data, "peer-1", "", 1, &line));
    buf_release(&line);
    box_make_keys(b);
    pthread_mutex_init(&b->index.lock, NULL);
    box_index_clear(&b->index);
    b->leads = b->known = 1;
    struct http_config config = {.address = "127.0.0.1",
        .routes = box_routes,
        .n_routes = sizeof(box_routes) / sizeof(box_routes[0]),
        .keys = b->leader_keys,
        .ctx = b};
    assert_ok(http_start(&config, &b->leader));
    snprintf(b->coordinator, sizeof(b->coordinator), "http://127.0.0.1:%u", http_port(b->leader));
    b->settings = (struct node_settings){.data = b->data,
        .listen = b->listen,
        .coordinators = b->coordinator,
        .purge_after_h = 720,
        .entropy_s = 20,
        .scrub_s = 604800,
        .collect_s = 86400,
        .share = b->share,
        .share_only = 1};
    b->peer = peer_new(b->api_keys, NULL);
    assert_non_null(b->peer);
    *state = b;
    return 0;
}

static inline int box_teardown(void **state)
{
    struct box *b = *state;
    if (b->running)
        box_stop(b);
    http_stop(b->leader);
    sign_keys_free(b->leader_keys);
    peer_free(b->peer);
    sign_keys_free(b->api_keys);
    share_list_free(b->index.files);
    pthread_mutex_destroy(&b->index.lock);
    folder_remove(&b->folder);
    free(b);
    return 0;
}

/* ---- the folder */

static inline const char *box_path(struct box *b, const char *name)
{
    static char path[4][2048];
    static unsigned turn;
    char *out = path[turn++ % 4];
    snprintf(out, sizeof(path[0]), "%s/%s", b->share, name);
    return out;
}

static inline void box_write(struct box *b, const char *name, const char *text)
{
    int fd = open(box_path(b, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_ok(fs_write_all(fd, text, strlen(text)));
    assert_int_equal(close(fd), 0);
}

static inline void box_mkdir(struct box *b, const char *name)
{
    assert_int_equal(mkdir(box_path(b, name), 0755), 0);
}

/* ---- waiting */

static inline enum err box_add_name(void *ctx, const struct shared_file *f)
{
    size_t len = strlen(ctx);
    snprintf((char *)ctx + len, 8192 - len, "%s%s", len ? " " : "", f->name);
    return ERR_OK;
}

/* The names that a list has, in their order. */
static inline const char *box_names(struct share_list *l)
{
    static char text[8192];
    text[0] = '\0';
    assert_ok(share_list_page(l, "", 1000, box_add_name, text));
    return text;
}

static inline const char *box_list(struct box *b)
{
    return box_names(share_files(b->node.share));
}

/* Waits until the node lists just these names; how long it took, in ms. */
static inline uint64_t box_await(struct box *b, const char *names)
{
    uint64_t began = clock_boot_ms();
    while (strcmp(box_list(b), names) != 0 && clock_boot_ms() - began < BOX_WAIT_MS)
        clock_sleep_ms(10);
    assert_string_equal(box_list(b), names);
    return clock_boot_ms() - began;
}

/* Waits until a file is listed with its hash. */
static inline void box_await_hash(struct box *b, const char *name, const char *text)
{
    char want[HASH_HEX_SIZE], got[HASH_HEX_SIZE] = "";
    struct share_stat st;
    hash_sha256_hex(text, strlen(text), want);
    for (uint64_t end = clock_boot_ms() + BOX_WAIT_MS; strcmp(got, want) != 0 && clock_boot_ms() < end; clock_sleep_ms(10)) {
        if (share_list_get(share_files(b->node.share), name, &st, got) != ERR_OK)
            got[0] = '\0';
    }
    assert_string_equal(got, want);
}

static inline enum err box_is_hashed(void *ctx, const struct shared_file *f)
{
    (void)ctx;
    return f->sha256[0] ? ERR_OK : ERR_NOT_FOUND;
}

/* Waits until every file that is listed has its hash. */
static inline void box_await_hashes(struct box *b)
{
    uint64_t end = clock_boot_ms() + 12 * BOX_WAIT_MS;
    enum err e = ERR_NOT_FOUND;
    for (; e && clock_boot_ms() < end; clock_sleep_ms(5))
        e = share_list_page(share_files(b->node.share), "", SIZE_MAX, box_is_hashed, NULL);
    assert_ok(e);
}

/* Waits until the coordinator has what the node lists. */
static inline void box_await_told(struct box *b)
{
    char hex[SHARED_DIGEST_HEX_SIZE] = "", now[SHARED_DIGEST_HEX_SIZE] = "?";
    uint64_t files;
    for (uint64_t end = clock_boot_ms() + BOX_WAIT_MS; strcmp(hex, now) != 0 && clock_boot_ms() < end; clock_sleep_ms(5)) {
        pthread_mutex_lock(&b->index.lock);
        box_listed(b, hex);
        pthread_mutex_unlock(&b->index.lock);
        if (share_is_read(b->node.share))
            share_list_sum(share_files(b->node.share), &files, now);
    }
    assert_string_equal(hex, now);
}

#endif
