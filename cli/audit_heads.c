/* Heads of audit logs, from the nodes that keep them or from a file. */
#include "cli/audit.h"

#include "cli/inside.h"

#include "lib/peer/peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SENDER "tool:audit"
#define TIMEOUT_MS 10000u
#define ANSWER_MAX (16u << 20)
#define PAGE 1000u
#define URL_MAX 256u

enum err audit_heads_add(struct audit_heads *h, const struct audit_head *head, const char *node)
{
    if (h->n == AUDIT_HEADS_MAX)
        return ERR_TOO_LARGE;
    if (h->n == h->room) {
        size_t room = h->room ? 2 * h->room : 256;
        struct audit_kept *at = reallocarray(h->at, room, sizeof *at);
        if (!at)
            return ERR_NOMEM;
        h->at = at;
        h->room = room;
    }
    struct audit_kept *k = &h->at[h->n++];
    k->head = *head;
    snprintf(k->node, sizeof k->node, "%s", node);
    return ERR_OK;
}

void audit_heads_release(struct audit_heads *h)
{
    free(h->at);
    *h = (struct audit_heads){NULL, 0, 0, 0, 0, 0};
}

/* GET of a node, or of a coordinator (to NULL); *out is the caller's. */
static enum err get(struct peer *p, const char *url, const char *to, const char *path, struct json **out)
{
    struct peer_call call = {.base_url = url, .to = to, .method = "GET", .path = path, .answer_max = ANSWER_MAX};
    enum err e = peer_call(p, &call, TIMEOUT_MS);
    if (!e)
        e = call.error;
    if (!e && call.status != 200)
        e = call.status == 401 || call.status == 403 ? ERR_DENIED : call.status == 404 ? ERR_NOT_FOUND : ERR_UNAVAILABLE;
    if (!e)
        e = json_parse(buf_str(&call.answer), call.answer.len, out);
    peer_calls_release(&call, 1);
    return e;
}

/* What the first coordinator that answers says of the ring. */
static enum err ask_ring(struct peer *p, const char *coordinators, struct json **out)
{
    enum err e = ERR_SYNTAX;
    for (const char *at = coordinators; *at;) {
        char url[URL_MAX];
        size_t len = strcspn(at, ",");
        if (len == 0 || len >= sizeof url)
            return ERR_SYNTAX;
        memcpy(url, at, len);
        url[len] = '\0';
        e = get(p, url, NULL, "/ring", out);
        if (!e)
            return ERR_OK;
        at += len + (at[len] == ',');
    }
    return e;
}

static enum err take_page(const struct json *page, struct audit_heads *out, uint64_t *next)
{
    const char *node = json_get_str(page, "node");
    enum err e = ERR_OK;
    for (const struct json *item = json_first(json_get(page, "heads")); item && !e; item = json_next(item)) {
        struct audit_head head;
        e = audit_head_from_json(item, &head);
        if (!e)
            e = audit_heads_add(out, &head, node ? node : "a node");
    }
    if (json_is_null(json_get(page, "next")))
        *next = 0;
    else if (!e)
        e = json_get_u64(page, "next", INT64_MAX, next);
    return e;
}

/* All that one node keeps. */
static enum err ask_node(struct peer *p, const char *url, const char *id, struct audit_heads *out)
{
    uint64_t after = 0, next = 0;
    enum err e = ERR_OK;
    do {
        char path[96];
        struct json *page;
        after = next;
        snprintf(path, sizeof path, "/audit/heads?after=%llu&limit=%u", (unsigned long long)after, PAGE);
        e = get(p, url, id, path, &page);
        if (e)
            return e;
        e = take_page(page, out, &next);
        json_free(page);
    } while (!e && next > after);
    return e;
}

/* Each node of the ring, also those that are leaving it. */
static enum err ask_nodes(const struct cli *c, struct peer *p, const struct json *ring, struct audit_heads *out)
{
    uint64_t k = 1;
    for (const struct json *node = json_first(json_get(ring, "nodes")); node; node = json_next(node)) {
        const char *url = json_get_str(node, "url"), *name = json_get_str(node, "name"), *id = json_get_str(node, "id");
        out->asked++;
        enum err e = url && *url && id ? ask_node(p, url, id, out) : ERR_UNAVAILABLE;
        if (e == ERR_NOMEM || e == ERR_TOO_LARGE)
            return e;
        if (e) {
            out->silent++;
            out_note(&c->out, "%s does not tell its heads: %s.", name ? name : "A node", err_text(e));
        }
    }
    if (json_get_u64(json_get(ring, "ring"), "k", 1000, &k))
        k = 1;
    uint64_t need = k / 2 + 1; /* so many took each head */
    if (need > out->asked)
        need = out->asked;
    out->is_whole = out->asked > 0 && out->silent < need;
    return ERR_OK;
}

enum err audit_heads_fetch(const struct cli *c, const struct sign_key *key, const char *coordinators, struct audit_heads *out)
{
    struct json *ring = NULL;
    struct tls *tls;
    enum err e = inside_tls(c, &tls);
    if (e)
        return e;
    struct sign_keys *keys = sign_keys_master(key, SENDER);
    struct peer *p = keys ? peer_new(keys, tls) : NULL;
    if (!p) {
        sign_keys_free(keys);
        tls_free(tls);
        return out_fail(&c->out, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
    }
    e = ask_ring(p, coordinators, &ring);
    if (e)
        (void)out_fail(&c->out, e, "No coordinator tells where the nodes are: %s.", err_text(e));
    else {
        e = ask_nodes(c, p, ring, out);
        if (e)
            (void)out_fail(&c->out, e, "The heads cannot be kept: %s.", err_text(e));
    }
    json_free(ring);
    peer_free(p);
    sign_keys_free(keys);
    tls_free(tls);
    return e;
}

static enum err take_line(const char *text, size_t len, struct audit_heads *out)
{
    struct json *j;
    struct audit_head head;
    enum err e = json_parse(text, len, &j);
    if (e)
        return e;
    const char *node = json_get_str(j, "node");
    e = audit_head_from_json(j, &head);
    if (!e)
        e = audit_heads_add(out, &head, node ? node : "a node");
    json_free(j);
    return e;
}

enum err audit_heads_load(const struct cli *c, const char *path, struct audit_heads *out)
{
    char *text = NULL;
    size_t room = 0, line = 0;
    enum err e = ERR_OK;
    FILE *f = fopen(path, "re");
    if (!f)
        return out_fail(&c->out, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %s", path, strerror(errno));
    for (ssize_t len = getline(&text, &room, f); len > 0 && !e; len = e ? 0 : getline(&text, &room, f)) {
        line++;
        e = take_line(text, (size_t)len, out);
    }
    if (e)
        (void)out_fail(&c->out, e, "%s, line %zu is not a head.", path, line);
    else if (ferror(f))
        e = out_fail(&c->out, ERR_IO, "%s: %s", path, err_text(ERR_IO));
    free(text);
    fclose(f);
    return e;
}
