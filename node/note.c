#include "node/note.h"

#include "node/node.h"

#include <stdio.h>
#include <string.h>

/* Members of the ring but for ourselves, that are not known to be dead. */
static size_t find_targets(void *ctx, struct audit_target *out, size_t max, size_t *need)
{
    struct node *n = ctx;
    char url[MEMBERS_URL_MAX];
    size_t found = 0, others = 0;
    struct ledger_ring *held = ledger_hold(n->ledger);
    *need = 0;
    if (!held)
        return 0;
    const struct ring *ring = held->doc->ring;
    for (size_t i = 0; i < ring->n_members; i++) {
        const char *id = ring->members[i].id;
        if (strcmp(id, n->self.id) == 0)
            continue;
        others++;
        if (found == max || cluster_lives(n->cluster, id) == 0 || cluster_url(n->cluster, id, url) != ERR_OK)
            continue;
        snprintf(out[found].url, sizeof out[found].url, "%s", url);
        snprintf(out[found].id, sizeof out[found].id, "%s", id);
        found++;
    }
    *need = ring->k / 2 + 1 < others ? ring->k / 2 + 1 : others;
    ledger_drop(held);
    return found;
}

enum err note_open(struct node *n, const char *data)
{
    struct note *note = &n->note;
    snprintf(note->process, sizeof note->process, "node:%s", n->self.id);
    struct audit_ship_settings ship = {.keys = n->keys, .tls = n->tls, .targets = find_targets, .ctx = n};
    enum err e = audit_ship_open(&ship, &note->ship);
    if (e)
        return e;
    struct audit_settings s = {.data = data, .process = note->process, .head = audit_ship_head, .ctx = note->ship};
    return audit_open(&s, &note->audit);
}

void note_close(struct node *n)
{
    audit_close(n->note.audit);
    audit_ship_close(n->note.ship);
    n->note.audit = NULL;
    n->note.ship = NULL;
}

/* A leader's word, and what people set going. What travels between owners is noted by the api that began it. */
static int is_change(const struct http_route *route)
{
    static const char *const patterns[] = {"/leader/promise", "/leader/install", "/leader/command", "/scrub"};
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        if (strcmp(route->pattern, patterns[i]) == 0)
            return 1;
    }
    return 0;
}

void note_answered(void *ctx, const struct http_request *r, int status)
{
    const struct node *n = ctx;
    const struct http_route *route = http_found_route(r);
    int matters = route && is_change(route), refused = status == 401 || status == 403 || (matters && status >= 400);
    char from[HTTP_PEER_SIZE], result[16], what[128];
    const char *sender = http_claimed_sender(r);
    if (!matters && !refused)
        return;
    http_peer(r, from);
    snprintf(result, sizeof result, "%d", status);
    snprintf(what, sizeof what, "%s %s", http_method(r), route ? route->pattern : "-");
    /* A name that no signature proves is shown as what it is. */
    audit_note(n->note.audit, &(struct audit_event){.who = *sender ? sender : NULL,
                                  .what = what,
                                  .on = http_path(r),
                                  .from = from,
                                  .result = result,
                                  .detail = *sender && !http_claim(r) ? "the sender is not proven" : NULL,
                                  .is_refusal = refused});
}
