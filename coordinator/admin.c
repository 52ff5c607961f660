#include "coordinator/admin.h"
#include "coordinator/holdings.h"
#include "coordinator/plan.h"
#include "coordinator/serve.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <stdlib.h>
#include <string.h>

#define SAVE_MS 500u /* how long an answer waits for Redis to have the wish */
#define ANSWER_MAX (1u << 20)

/* One request. */
struct ask {
    struct http_request *r;
    struct coordinator *c;
    enum { ASK_NODE, ASK_K } what;
    enum members_wish_kind kind; /* ASK_NODE */
    char node[RING_ID_MAX];      /* as it was asked */
    char id[RING_ID_MAX];
    uint32_t k; /* ASK_K */
    int dry_run, force;
    uint64_t term, epoch; /* under which it is answered; the ring's number */
};

/* ---- answers */

/* Sends j or a problem; frees j. */
static void reply(struct http_request *r, int status, struct json *j)
{
    struct buf text;
    buf_init(&text, ANSWER_MAX);
    enum err e = json_print(j, &text);
    json_free(j);
    if (e == ERR_OK)
        http_reply_json(r, status, &text);
    else
        http_reply_problem(r, e, NULL);
    buf_release(&text);
}

static struct json *names_json(const struct survey *s)
{
    struct json *list = json_array();
    for (size_t i = 0; s && i < s->n_at_risk; i++)
        json_append(list, json_string(s->at_risk[i]));
    return list;
}

/* 409: nothing will be done. s: what is at risk, or NULL. */
static void refuse(struct http_request *r, const char *detail, const struct survey *s)
{
    struct json *j = json_object();
    json_set_str(j, "error", err_code(ERR_CONFLICT));
    json_set_str(j, "detail", detail);
    json_set(j, "at_risk", names_json(s));
    json_set_u64(j, "at_risk_count", s ? s->at_risk_count : 0);
    reply(r, 409, j);
}

static void reply_survey(const struct ask *a, const struct survey *s, uint64_t seconds)
{
    struct json *j = json_object(), *to = json_array();
    for (size_t i = 0; i < s->sketch->ring->n_members; i++) {
        if (s->to[i] == 0)
            continue;
        struct json *one = json_object();
        json_set_str(one, "node", s->sketch->ring->members[i].name);
        json_set_u64(one, "copies", s->to[i]);
        json_append(to, one);
    }
    json_set_u64(j, "copies", s->copies);
    json_set_u64(j, "bytes", s->bytes);
    json_set_u64(j, "seconds", seconds);
    json_set(j, "to", to);
    json_set(j, "at_risk", names_json(s));
    json_set_u64(j, "at_risk_count", s->at_risk_count);
    reply(a->r, 200, j);
}

static void reply_accepted(const struct ask *a)
{
    struct json *j = json_object();
    json_set_u64(j, "ring", a->epoch);
    reply(a->r, 202, j);
}

/* ---- the question */

static int read_word(struct ask *a, const char *word)
{
    static const enum members_wish_kind kinds[] = {MEMBERS_WISH_DRAIN, MEMBERS_WISH_UNDRAIN, MEMBERS_WISH_REMOVE};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(word, members_wish_word(kinds[i])) == 0) {
            a->what = ASK_NODE;
            a->kind = kinds[i];
            return 1;
        }
    }
    a->what = ASK_K;
    return strcmp(word, "replication") == 0;
}

/* *why is set with ERR_SYNTAX. */
static enum err read_body(struct ask *a, const char **why)
{
    size_t len;
    struct json *j;
    uint64_t k = 0;
    const void *body = http_body(a->r, &len);
    *why = "The body is not JSON.";
    enum err e = json_parse(body, len, &j);
    if (e != ERR_OK)
        return e;
    a->dry_run = json_get_bool(j, "dry_run", 0);
    a->force = json_get_bool(j, "force", 0);
    if (a->what == ASK_NODE) {
        *why = "The body needs \"node\": the name or the id of a node.";
        e = json_copy_str(j, "node", a->node, sizeof a->node);
    } else {
        *why = "The body needs \"k\": a number of copies from 1 to 16.";
        e = json_get_u64(j, "k", RING_K_MAX, &k) != ERR_OK || k == 0 ? ERR_SYNTAX : ERR_OK;
        a->k = (uint32_t)k;
    }
    json_free(j);
    return e;
}

static int find_in_ring(const struct ring *ring, const char *node, char id[RING_ID_MAX])
{
    long place = ring ? ring_find(ring, node) : -1;
    if (place < 0)
        place = ring ? ring_find_name(ring, node) : -1;
    if (place >= 0)
        memcpy(id, ring->members[place].id, RING_ID_MAX);
    return place >= 0;
}

static int find_living(const struct membership *m, const char *node, char id[RING_ID_MAX])
{
    for (size_t i = 0; i < m->n; i++) {
        const struct member *one = &m->nodes[i].member;
        if (!one->stores || (strcmp(one->id, node) != 0 && (strcmp(one->name, node) != 0 || !one->alive)))
            continue;
        memcpy(id, one->id, RING_ID_MAX);
        return 1;
    }
    return 0;
}

static int find_away(const struct ringdoc *doc, const char *node, char id[RING_ID_MAX])
{
    size_t len = strlen(node);
    for (size_t i = 0; i < doc->n_away; i++) {
        const char *away = doc->away[i];
        if (strcmp(away, node) != 0 && (strncmp(away, node, len) != 0 || away[len] != '.'))
            continue;
        memcpy(id, away, RING_ID_MAX);
        return 1;
    }
    return 0;
}

enum err admin_find(const struct coordinator *c, const char *node, char id[RING_ID_MAX])
{
    const struct ringdoc *doc = c->ring;
    int found = find_in_ring(doc->ring, node, id) || find_in_ring(doc->before, node, id) || find_living(&c->membership, node, id) ||
                find_away(doc, node, id);
    return found ? ERR_OK : ERR_NOT_FOUND;
}

/* ---- what it would mean */

/* What the survey looks at, copied so that no lock is held while nodes are asked. */
struct scene {
    struct ringdoc *sketch;
    struct holdings_node *nodes;
    size_t n;
    uint64_t bytes_per_s; /* of one node */
};

static void scene_release(struct scene *s)
{
    ringdoc_free(s->sketch);
    free(s->nodes);
}

/* (locked) Everyone in the ring who lives. */
static enum err list_nodes(const struct coordinator *c, struct scene *s)
{
    s->nodes = calloc(c->membership.n + 1, sizeof *s->nodes);
    if (!s->nodes)
        return ERR_NOMEM;
    for (size_t i = 0; i < c->membership.n; i++) {
        const struct member *m = &c->membership.nodes[i].member;
        if (!m->alive || !m->url[0] || !ringdoc_names(c->ring, m->id))
            continue;
        memcpy(s->nodes[s->n].id, m->id, sizeof m->id);
        memcpy(s->nodes[s->n++].url, m->url, sizeof m->url);
    }
    return ERR_OK;
}

/* (locked) The ring without this node and those whose leave is asked for already; or with another k. */
static enum err sketch(const struct ask *a, struct scene *s)
{
    const struct members_wishes *w = &a->c->wishes.now;
    const char *ids[MEMBERS_WISHES_MAX + 1];
    size_t n = 0;
    for (size_t i = 0; i < w->n; i++) {
        if (w->at[i].kind != MEMBERS_WISH_UNDRAIN && strcmp(w->at[i].id, a->id) != 0)
            ids[n++] = w->at[i].id;
    }
    if (a->what == ASK_NODE)
        ids[n++] = a->id;
    uint32_t k = a->what == ASK_K ? a->k : w->k ? w->k : a->c->ring->ring->k;
    return plan_sketch(a->c->ring, ids, n, k, &s->sketch);
}

static enum err set_scene(const struct ask *a, struct scene *s)
{
    struct coordinator *c = a->c;
    pthread_mutex_lock(&c->lock);
    s->bytes_per_s = c->bytes_per_s ? c->bytes_per_s : c->settings->move_bytes_per_s;
    enum err e = sketch(a, s);
    if (e == ERR_OK)
        e = list_nodes(c, s);
    pthread_mutex_unlock(&c->lock);
    return e;
}

static int has_told(void *ctx, const char *id)
{
    const struct scene *s = ctx;
    for (size_t i = 0; i < s->n; i++) {
        if (strcmp(s->nodes[i].id, id) == 0)
            return 1;
    }
    return 0;
}

/* Asks all who live. Answers the request itself when that goes wrong: then it is no ERR_OK. */
static enum err survey(const struct ask *a, struct scene *scene, struct survey *s)
{
    struct peer *peer = peer_new(a->c->keys, a->c->tls);
    size_t which = 0;
    enum err e = peer ? survey_init(s, scene->sketch, a->what == ASK_NODE ? a->id : NULL) : ERR_NOMEM;
    if (e == ERR_OK)
        e = holdings_survey(peer, scene->nodes, scene->n, a->epoch, s, &which);
    peer_free(peer);
    if (e == ERR_UNAVAILABLE)
        log_write(LOG_WARN, "admin", "%s does not tell what it holds", scene->nodes[which].id);
    if (e != ERR_OK)
        http_reply_problem(a->r, e, e == ERR_UNAVAILABLE ? "A node that lives does not tell what it holds; try again." : NULL);
    return e;
}

/* Looks at it, and answers a dry run or a refusal. Whether it may be done: then nothing is answered yet. */
static int weigh(const struct ask *a)
{
    static const char blind[] = "No other owner of some of its files answers: it is not known whether it has the last copies.";
    struct scene scene = {.n = 0};
    struct survey s = {.n_at_risk = 0};
    int may = 0;
    enum err e = set_scene(a, &scene);
    if (e == ERR_INVALID)
        refuse(a->r, "Nobody would be left.", NULL);
    else if (e != ERR_OK)
        http_reply_problem(a->r, e, NULL);
    else if (survey(a, &scene, &s) == ERR_OK) {
        if (a->dry_run)
            reply_survey(a, &s, survey_seconds(&s, scene.bytes_per_s));
        else if (s.at_risk_count > 0 && !a->force)
            refuse(a->r, "It would drop the last copy of some files. Repair them first, or force it.", &s);
        else if (!a->force && survey_is_blind(&s, has_told, &scene))
            refuse(a->r, blind, &s);
        else
            may = 1;
    }
    survey_release(&s);
    scene_release(&scene);
    return may;
}

/* ---- the wish */

/* Keeps it, and gives Redis a moment to have it too, so that it outlives us. */
static enum err wish(const struct ask *a)
{
    struct coordinator *c = a->c;
    struct members_wishes unsaved = {.n = 1};
    uint64_t until_ms = clock_boot_ms() + SAVE_MS, now_ms;
    enum err e = ERR_OK;
    pthread_mutex_lock(&c->lock);
    if (a->what == ASK_NODE)
        e = wishes_set(&c->wishes, a->id, a->kind);
    else
        wishes_set_k(&c->wishes, a->k);
    c->publish_now = 1;
    pthread_cond_broadcast(&c->changed);
    while (e == ERR_OK && !c->stopping && (unsaved.n || unsaved.k) && (now_ms = clock_boot_ms()) < until_ms) {
        coordinator_wait(c, (unsigned)(until_ms - now_ms));
        wishes_unsaved(&c->wishes, &unsaved);
    }
    pthread_mutex_unlock(&c->lock);
    return e;
}

static void carry_out(const struct ask *a)
{
    enum err e = wish(a);
    if (e != ERR_OK) {
        http_reply_problem(a->r, e, "Too many nodes are to leave at once; wait until some are gone.");
        return;
    }
    log_write(
        LOG_INFO, "admin", "%s %s", a->what == ASK_K ? "replication" : members_wish_word(a->kind), a->what == ASK_K ? "changes" : a->id);
    reply_accepted(a);
}

/* Whether we lead, and with which ring; the id that is meant. */
static enum err begin(struct ask *a, const char **why)
{
    struct coordinator *c = a->c;
    pthread_mutex_lock(&c->lock);
    a->term = c->term;
    a->epoch = c->ring->ring->epoch;
    *why = NULL;
    enum err e = a->what == ASK_NODE ? admin_find(c, a->node, a->id) : ERR_OK;
    if (e == ERR_OK && a->what == ASK_NODE && a->kind != MEMBERS_WISH_UNDRAIN)
        *why = plan_refusal(c->ring, a->id);
    pthread_mutex_unlock(&c->lock);
    return e;
}

static void answer(struct ask *a)
{
    const char *why;
    enum err e = read_body(a, &why);
    if (e != ERR_OK) {
        http_reply_problem(a->r, e, why);
        return;
    }
    e = begin(a, &why);
    if (!coordinator_governs(a->c, a->term)) {
        serve_reply_leader(a->r, a->c);
        return;
    }
    if (e != ERR_OK)
        http_reply_problem(a->r, e, "There is no such node.");
    else if (why)
        refuse(a->r, why, NULL);
    else if ((a->what == ASK_NODE && a->kind != MEMBERS_WISH_UNDRAIN) || a->dry_run ? weigh(a) : 1)
        carry_out(a);
}

void admin_handle(struct http_request *r, void *ctx)
{
    struct ask a = {.r = r, .c = ctx};
    if (read_word(&a, http_capture(r, 0)))
        answer(&a);
    else
        http_reply_problem(r, ERR_NOT_FOUND, NULL);
}
