#include "node/rings.h"

#include "lib/base/log.h"

#include <string.h>

#define NEIGHBOURS_MAX 16 /* asked at once; the rest is not asked */
#define TIMEOUT_MS 400u
#define CONNECT_MS 200u

struct neighbours {
    char urls[NEIGHBOURS_MAX][MEMBERS_URL_MAX], ids[NEIGHBOURS_MAX][RING_ID_MAX];
    size_t n;
};

static void add_members(struct node *n, const struct ring *ring, struct neighbours *out)
{
    for (size_t i = 0; ring && i < ring->n_members && out->n < NEIGHBOURS_MAX; i++) {
        if (strcmp(ring->members[i].id, n->self.id) == 0 || cluster_lives(n->cluster, ring->members[i].id) == 0)
            continue;
        if (cluster_url(n->cluster, ring->members[i].id, out->urls[out->n]) == ERR_OK)
            memcpy(out->ids[out->n++], ring->members[i].id, RING_ID_MAX);
    }
}

/* Takes an answer to GET /ring of a node, if that node knows its ring to be committed. */
static void learn(struct node *n, const struct peer_call *call)
{
    struct json *j;
    struct buf text;
    struct ringdoc *doc;
    if (call->error || call->status != 200 || json_parse(buf_str(&call->answer), call->answer.len, &j))
        return;
    buf_init(&text, RINGDOC_BYTES_MAX);
    enum err e = ERR_NOT_FOUND;
    if (json_get_bool(j, "committed", 0))
        e = json_print(json_get(j, "ring"), &text);
    if (!e)
        e = ringdoc_parse(buf_str(&text), text.len, &doc);
    if (!e) {
        e = ledger_adopt(n->ledger, doc);
        ringdoc_free(doc);
        if (e)
            log_write(LOG_WARN, "ring", "a neighbour's ring cannot be taken: %s", err_text(e));
    }
    buf_release(&text);
    json_free(j);
}

static void ask_neighbours(struct node *n, struct peer *peer)
{
    struct neighbours at = {.n = 0};
    struct peer_call calls[NEIGHBOURS_MAX];
    struct peer_round round = {.timeout_ms = TIMEOUT_MS, .connect_timeout_ms = CONNECT_MS};
    struct ledger_ring *ring = ledger_hold(n->ledger);
    if (!ring)
        return;
    add_members(n, ring->doc->before, &at);
    add_members(n, ring->doc->ring, &at);
    uint64_t epoch = ring->doc->ring->epoch;
    ledger_drop(ring);
    memset(calls, 0, sizeof(calls));
    for (size_t i = 0; i < at.n; i++)
        calls[i] = (struct peer_call){.base_url = at.urls[i],
            .to = at.ids[i],
            .method = "GET",
            .path = "/ring",
            .epoch = epoch,
            .answer_max = RINGDOC_BYTES_MAX + 64};
    if (at.n > 0 && peer_round(peer, &round, calls, at.n) == ERR_OK) {
        for (size_t i = 0; i < at.n; i++)
            learn(n, &calls[i]);
        peer_calls_release(calls, at.n);
    }
}

void rings_catch_up(struct node *n, uint64_t epoch)
{
    if (epoch <= ledger_epoch(n->ledger) && ledger_epoch(n->ledger) > 0)
        return;
    struct peer *peer = peers_take(n->peers);
    if (!peer)
        return;
    enum err e = cluster_refresh(n->cluster, peer);
    if (epoch > ledger_epoch(n->ledger))
        ask_neighbours(n, peer);
    peers_give(n->peers, peer);
    if (epoch > ledger_epoch(n->ledger))
        log_write(LOG_WARN, "ring", "somebody names ring %llu; %s", (unsigned long long)epoch,
            e ? "no coordinator answers, and no neighbour knows it" : "the coordinators do not show it yet");
}

int rings_are_committed(struct node *n)
{
    if (ledger_is_committed(n->ledger))
        return 1;
    struct peer *peer = peers_take(n->peers);
    if (peer && cluster_refresh(n->cluster, peer) != ERR_OK)
        ask_neighbours(n, peer);
    peers_give(n->peers, peer);
    return ledger_is_committed(n->ledger);
}
