#include "coordinator/note.h"

#include "coordinator/coordinator.h"

#include <stdio.h>
#include <string.h>

/* (locked) Members of the ring that live. */
static size_t list_targets(const struct coordinator *c, struct audit_target *out, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < c->membership.n && n < max; i++) {
        const struct member *m = &c->membership.nodes[i].member;
        if (!m->alive || !m->url[0] || ring_find(c->ring->ring, m->id) < 0)
            continue;
        snprintf(out[n].url, sizeof out[n].url, "%s", m->url);
        snprintf(out[n].id, sizeof out[n].id, "%s", m->id);
        n++;
    }
    return n;
}

static size_t find_targets(void *ctx, struct audit_target *out, size_t max, size_t *need)
{
    struct coordinator *c = ctx;
    pthread_mutex_lock(&c->lock);
    const struct ring *ring = c->ring->ring;
    size_t n = list_targets(c, out, max);
    *need = ring->k / 2 + 1 < ring->n_members ? ring->k / 2 + 1 : ring->n_members;
    pthread_mutex_unlock(&c->lock);
    return n;
}

enum err note_open(struct coordinator *c)
{
    struct note *note = &c->note;
    snprintf(note->process, sizeof note->process, "coordinator:%s", c->settings->name);
    struct audit_ship_settings ship = {.keys = c->keys, .tls = c->tls, .targets = find_targets, .ctx = c};
    enum err e = audit_ship_open(&ship, &note->ship);
    if (e != ERR_OK)
        return e;
    struct audit_settings s = {
        .data = c->settings->data, .process = note->process, .master = c->key.bytes, .head = audit_ship_head, .ctx = note->ship};
    return audit_open(&s, &note->audit);
}

void note_close(struct coordinator *c)
{
    audit_close(c->note.audit);
    audit_ship_close(c->note.ship);
    c->note.audit = NULL;
    c->note.ship = NULL;
}

void note_event(struct coordinator *c, const char *kind, const char *node)
{
    audit_note(c->note.audit, &(struct audit_event){.who = c->note.process, .what = kind, .on = *node ? node : NULL, .result = "done"});
}

/* What /admin/… was asked about: a node, or k. */
static void read_subject(const struct http_request *r, char *out, size_t size)
{
    size_t len;
    uint64_t k;
    struct json *j;
    const char *body = http_body(r, &len);
    if (len == 0 || json_parse(body, len, &j) != ERR_OK)
        return;
    const char *node = json_get_str(j, "node");
    if (node)
        snprintf(out, size, "%s", node);
    else if (json_get_u64(j, "k", RING_K_MAX, &k) == ERR_OK)
        snprintf(out, size, "k = %llu", (unsigned long long)k);
    if (json_get_bool(j, "force", 0))
        snprintf(out + strlen(out), size - strlen(out), " by force");
    json_free(j);
}

void note_answered(void *ctx, const struct http_request *r, int status)
{
    const struct coordinator *c = ctx;
    const struct http_route *route = http_found_route(r);
    const char *pattern = route ? route->pattern : "-", *sender = http_claimed_sender(r);
    int is_admin = strcmp(pattern, "/admin/{}") == 0, refused = status >= 400;
    int matters = status == 401 || status == 403 || (is_admin && status != 200) || (strcmp(pattern, "/leave") == 0 && !refused);
    char from[HTTP_PEER_SIZE], result[16], what[128], on[RING_ID_MAX + 32] = "";
    if (!matters)
        return;
    http_peer(r, from);
    snprintf(result, sizeof result, "%d", status);
    snprintf(what, sizeof what, "%s %s", http_method(r), is_admin ? http_capture(r, 0) : pattern);
    /* A body counts for something once its signature was good. */
    if (is_admin && http_claim(r))
        read_subject(r, on, sizeof on);
    audit_note(c->note.audit, &(struct audit_event){.who = *sender ? sender : NULL,
                                  .what = what,
                                  .on = *on ? on : http_path(r),
                                  .from = from,
                                  .result = result,
                                  .detail = *sender && !http_claim(r) ? "the sender is not proven" : NULL,
                                  .is_refusal = refused});
}
