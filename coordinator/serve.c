#include "coordinator/serve.h"
#include "coordinator/admin.h"
#include "coordinator/files.h"
#include "coordinator/pairs.h"

#include "lib/base/clock.h"
#include "lib/base/url.h"

#include <string.h>

#define MEMBER_MAX 8192u                                            /* bytes of a heartbeat */
#define RING_ANSWER_MAX (RINGDOC_BYTES_MAX + MEMBERSHIP_MAX * 768u) /* document, and every node */
#define CONNECTIONS_MIN 8u
/* What it has open whoever asks: Redis, the audit log, and its own connections to the nodes. */
#define BASE             \
    (struct limits_cost) \
    {                    \
        32, 16u << 20    \
    }
/* Of a connection: its socket; a stack, its buffer, and an answer. */
#define EACH             \
    (struct limits_cost) \
    {                    \
        1, 640u << 10    \
    }
#define IDLE_S 30u

static const char not_yourself[] = "A node speaks only for itself: the sender is not the member.";

/* Sends j or a problem; frees j. */
static void reply(struct http_request *r, int status, struct json *j)
{
    struct buf text;
    buf_init(&text, 4096);
    enum err e = json_print(j, &text);
    json_free(j);
    if (e == ERR_OK)
        http_reply_json(r, status, &text);
    else
        http_reply_problem(r, e, NULL);
    buf_release(&text);
}

/* As lib/ring wants it: one odd zone would spoil the document of all. */
static int zone_ok(const char *zone)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    return zone[strspn(zone, allowed)] == '\0';
}

/* Whether everybody may call that address because a node says so (security-tests.md S21). */
static enum err check_url(const struct coordinator *c, const char *text, const char **why)
{
    struct url url, own;
    *why = "The url is not http:// or https:// with a numeric address of one machine and a port.";
    if (!url_ok(text) || url_read(text, &url) != ERR_OK)
        return ERR_INVALID;
    *why = c->tls ? "The url does not begin with https://: the processes of this cluster speak TLS with each other."
                  : "The url begins with https://: the processes of this cluster do not speak TLS with each other.";
    if (!tls_url_ok(c->tls, text))
        return ERR_INVALID;
    /* To others it would be themselves. */
    *why = "The url is of the loopback, which only who is on the same machine can call.";
    int is_far = url_read(c->settings->url, &own) == ERR_OK && !url_is_loopback(&own.at.any);
    return is_far && url_is_loopback(&url.at.any) ? ERR_INVALID : ERR_OK;
}

/* A member as the sender describes itself. *why is set with ERR_SYNTAX, ERR_DENIED and ERR_INVALID. */
static enum err read_member(struct http_request *r, const struct coordinator *c, struct member *out, const char **why)
{
    size_t len;
    const void *body = http_body(r, &len);
    struct json *j;
    *why = "The body is not a member.";
    enum err e = json_parse(body, len, &j);
    if (e != ERR_OK)
        return e;
    e = member_from_json(j, out);
    json_free(j);
    if (e != ERR_OK)
        return e;
    *why = not_yourself;
    if (strcmp(sign_claim_name(http_claim(r)), out->id) != 0)
        return ERR_DENIED;
    *why = "The zone is not made of letters, digits, dots, underscores and dashes.";
    if (!zone_ok(out->zone))
        return ERR_INVALID;
    return check_url(c, out->url, why);
}

static const char *why_not_heard(enum err e)
{
    if (e == ERR_CONFLICT)
        return "Another node has this name: it is in the ring, or alive.";
    return e == ERR_DENIED ? "It is in the ring, which counts on it to store: drain it before it only shares." : NULL;
}

static void hear(struct http_request *r, struct coordinator *c, int joining)
{
    struct member told;
    const char *why;
    enum err e = read_member(r, c, &told, &why);
    if (e != ERR_OK) {
        http_reply_problem(r, e, why);
        return;
    }
    struct json *j = json_object();
    struct effects fx = coordinator_effects(c);
    pthread_mutex_lock(&c->lock);
    e = membership_hear(&c->membership, &fx, c->ring, &told, joining);
    json_set_u64(j, "ring", c->ring->ring->epoch);
    json_set_u64(j, "view", c->membership.view);
    files_tell(c, &told, j);
    pthread_mutex_unlock(&c->lock);
    if (e == ERR_OK) {
        reply(r, 200, j);
        return;
    }
    json_free(j);
    http_reply_problem(r, e, why_not_heard(e));
}

static void handle_join(struct http_request *r, void *ctx)
{
    hear(r, ctx, 1);
}

static void handle_heartbeat(struct http_request *r, void *ctx)
{
    hear(r, ctx, 0);
}

/* The sender's own id out of {"id"}. *why is set on failure. */
static enum err read_goodbye(struct http_request *r, char id[RING_ID_MAX], const char **why)
{
    size_t len;
    const void *body = http_body(r, &len);
    struct json *j;
    *why = "The body needs the id of a node.";
    enum err e = json_parse(body, len, &j);
    if (e != ERR_OK)
        return e;
    const char *text = json_get_str(j, "id");
    if (!text || !ring_id_ok(text)) {
        e = ERR_SYNTAX;
    } else if (strcmp(sign_claim_name(http_claim(r)), text) != 0) {
        *why = not_yourself;
        e = ERR_DENIED;
    } else {
        memcpy(id, text, strlen(text) + 1); /* ring_id_ok: it fits */
    }
    json_free(j);
    return e;
}

static void handle_leave(struct http_request *r, void *ctx)
{
    struct coordinator *c = ctx;
    char id[RING_ID_MAX];
    const char *why;
    enum err e = read_goodbye(r, id, &why);
    if (e != ERR_OK) {
        http_reply_problem(r, e, why);
        return;
    }
    struct effects fx = coordinator_effects(c);
    pthread_mutex_lock(&c->lock);
    membership_leave(&c->membership, &fx, c->ring, id);
    pthread_mutex_unlock(&c->lock);
    http_reply(r, 200, "application/json", "{}", 2);
}

/* (locked) The nodes as a JSON array: those whose address is known, without those that only share. */
static struct json *nodes_json(const struct coordinator *c)
{
    struct json *list = json_array();
    for (size_t i = 0; i < c->membership.n; i++) {
        const struct member *node = &c->membership.nodes[i].member;
        uint64_t out_at_ms = coordinator_out_at_ms(c, &c->membership.nodes[i]);
        if (node->url[0] == '\0' || (!node->stores && !ringdoc_names(c->ring, node->id)))
            continue;
        struct json *j = json_object();
        json_set_str(j, "id", node->id);
        json_set_str(j, "name", node->name);
        json_set_str(j, "url", node->url);
        json_set_str(j, "zone", node->zone);
        json_set_str(j, "state", member_state_name(node->state));
        json_set_bool(j, "alive", node->alive);
        if (out_at_ms)
            json_set_u64(j, "out_at", out_at_ms);
        else
            json_set_null(j, "out_at");
        json_append(list, j);
    }
    return list;
}

struct json *serve_leader_json(const struct coordinator *c)
{
    if (!c->leader_known || (c->leading && !coordinator_leads(c)))
        return NULL;
    struct json *j = json_object();
    const char *url = strcmp(c->leader.name, c->settings->name) == 0 ? c->settings->url : NULL;
    for (size_t i = 0; i < c->n_living && !url; i++) {
        if (strcmp(c->living[i], c->leader.name) == 0)
            url = c->living_urls[i];
    }
    json_set_str(j, "name", c->leader.name);
    json_set_str(j, "url", url);
    json_set_u64(j, "epoch", c->leader.epoch);
    return j;
}

static void set_or_null(struct json *object, const char *key, struct json *value)
{
    if (value)
        json_set(object, key, value);
    else
        json_set_null(object, key);
}

void serve_reply_leader(struct http_request *r, struct coordinator *c)
{
    struct json *j = json_object();
    pthread_mutex_lock(&c->lock);
    set_or_null(j, "leader", serve_leader_json(c));
    pthread_mutex_unlock(&c->lock);
    reply(r, 409, j);
}

/* (locked) The ring's text goes out as it is: it is large, and already JSON. */
static enum err print_ring(const struct coordinator *c, struct buf *out)
{
    struct json *rest = json_object();
    json_set_u64(rest, "view", c->membership.view);
    json_set(rest, "nodes", nodes_json(c));
    set_or_null(rest, "leader", serve_leader_json(c));
    set_or_null(rest, "progress", c->progress.epoch ? members_progress_json(&c->progress) : NULL);
    json_set_str(rest, "waiting", c->waiting[0] ? c->waiting : NULL);
    json_set(rest, "wishes", members_wishes_json(&c->wishes.now));
    struct buf tail;
    buf_init(&tail, RING_ANSWER_MAX);
    enum err e = json_print(rest, &tail);
    if (e == ERR_OK)
        e = buf_addf(out, "{\"ring\":%s,", c->ring->text);
    if (e == ERR_OK)
        e = buf_add(out, tail.data + 1, tail.len - 1); /* without its opening brace */
    buf_release(&tail);
    json_free(rest);
    return e;
}

static void handle_ring(struct http_request *r, void *ctx)
{
    struct coordinator *c = ctx;
    struct buf text;
    buf_init(&text, RING_ANSWER_MAX);
    pthread_mutex_lock(&c->lock);
    enum err e = print_ring(c, &text);
    pthread_mutex_unlock(&c->lock);
    if (e == ERR_OK)
        http_reply_json(r, 200, &text);
    else
        http_reply_problem(r, e, NULL);
    buf_release(&text);
}

static void handle_healthz(struct http_request *r, void *ctx)
{
    struct coordinator *c = ctx;
    pthread_mutex_lock(&c->lock);
    int leads = coordinator_leads(c);
    pthread_mutex_unlock(&c->lock);
    struct json *j = json_object();
    json_set_str(j, "name", c->settings->name);
    json_set_bool(j, "leads", leads);
    reply(r, 200, j);
}

#define ANYBODY (SIGN_NODE | SIGN_COORDINATOR | SIGN_API | SIGN_TOOL)

/* Who may ask for what is said here and nowhere else. A node only ever speaks for itself: its handlers compare what it says with who it is. */
static const struct http_route routes[] = {
    {"POST", "/join", HTTP_AUTH_SIGNED, SIGN_NODE, MEMBER_MAX, handle_join, NULL, NULL, NULL},
    {"POST", "/heartbeat", HTTP_AUTH_SIGNED, SIGN_NODE, MEMBER_MAX, handle_heartbeat, NULL, NULL, NULL},
    {"POST", "/leave", HTTP_AUTH_SIGNED, SIGN_NODE, MEMBER_MAX, handle_leave, NULL, NULL, NULL},
    {"POST", "/files", HTTP_AUTH_SIGNED, SIGN_NODE, FILES_BODY_MAX, files_handle, NULL, NULL, NULL},
    {"GET", "/pairs", HTTP_AUTH_SIGNED, SIGN_NODE, 0, pairs_handle, NULL, NULL, NULL},
    {"POST", "/admin/{}", HTTP_AUTH_SIGNED, SIGN_API | SIGN_TOOL, ADMIN_BODY_MAX, admin_handle, NULL, NULL, NULL},
    {"GET", "/ring", HTTP_AUTH_SIGNED, ANYBODY, 0, handle_ring, NULL, NULL, NULL},
    {"GET", "/healthz", HTTP_AUTH_NONE, 0, 0, handle_healthz, NULL, NULL, NULL},
};

unsigned serve_connections(const struct limits *l)
{
    unsigned n = (unsigned)limits_fit(l, BASE, EACH, SERVE_CONNECTIONS_MAX);
    return n < CONNECTIONS_MIN ? CONNECTIONS_MIN : n;
}

enum err serve_start(struct coordinator *c, struct http_server **out)
{
    char address[URL_HOST_SIZE];
    union url_at at;
    if (url_read_listen(c->settings->listen, &at))
        return ERR_INVALID;
    url_host(&at, address);
    struct http_config config = {
        .address = address,
        .port = url_port(&at),
        .connections_max = c->settings->connections_max ? c->settings->connections_max : SERVE_CONNECTIONS_MAX,
        .timeout_s = IDLE_S,
        .routes = routes,
        .n_routes = sizeof routes / sizeof *routes,
        .keys = c->keys,
        .tls = c->tls,
        .ctx = c,
        .answered = note_answered,
    };
    return http_start(&config, out);
}
