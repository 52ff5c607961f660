#include "node/fetch.h"

#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/wire/frame.h"
#include "lib/wire/owners.h"
#include "node/wanted.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STALL_MS 5000u
#define PULL_TIMEOUT_MS 10000u
#define PATH_BYTES_MAX 8192

/* Who may have a blob of a course. */
struct sources {
    char ids[OWNERS_MAX + 1][RING_ID_MAX];
    size_t n;
};

static void add_source(struct node *n, struct sources *s, const char *id)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->ids[i], id) == 0)
            return;
    if (strcmp(id, n->self.id) != 0)
        snprintf(s->ids[s->n++], RING_ID_MAX, "%s", id);
}

/* `first`, then the owners but this node, now and before: a blob is named by its hash, so it may come from anywhere. Those that are known to be silent come last:
 * each of them may cost a whole stall. */
static void find_sources(struct node *n, const char *key, const char *first, struct sources *out)
{
    struct owners o;
    out->n = 0;
    if (first)
        add_source(n, out, first);
    struct ledger_ring *ring = ledger_hold(n->ledger);
    if (!ring)
        return;
    owners_of_key(ring->doc, key, &o);
    for (size_t i = 0; i < o.n; i++)
        if (cluster_lives(n->cluster, o.at[i].member->id) != 0)
            add_source(n, out, o.at[i].member->id);
    for (size_t i = 0; i < o.n; i++)
        add_source(n, out, o.at[i].member->id);
    ledger_drop(ring);
}

static enum err fetch_from(struct node *n, struct peer *peer, const char *id, const char *sha256, uint64_t size, struct draft **out)
{
    char url[MEMBERS_URL_MAX];
    struct draft *d;
    struct stat st;
    enum err e = cluster_url(n->cluster, id, url);
    if (e)
        return ERR_UNAVAILABLE;
    e = draft_new(n->blobs, size, &d);
    if (e)
        return e;
    struct peer_blob blob = {.base_url = url, .to = id, .sha256 = sha256, .size = size};
    e = peer_fetch_blob(peer, &blob, ledger_epoch(n->ledger), draft_fd(d), STALL_MS);
    if (!e && fstat(draft_fd(d), &st) != 0)
        e = ERR_IO;
    /* Fewer bytes than the record says, with the right hash: the record is wrong about its blob, and nobody can do better. */
    if (!e && (uint64_t)st.st_size != size)
        e = ERR_CORRUPT;
    if (e)
        draft_free(d);
    else
        *out = d;
    return e;
}

enum err fetch_draft(
    struct node *n, struct peer *peer, const char *key, const char *sha256, uint64_t size, const char *first, struct draft **out)
{
    struct sources from;
    find_sources(n, key, first, &from);
    enum err result = from.n > 0 ? ERR_NOT_FOUND : ERR_UNAVAILABLE;
    for (size_t i = 0; i < from.n; i++) {
        enum err e = fetch_from(n, peer, from.ids[i], sha256, size, out);
        if (!e || e == ERR_FULL || e == ERR_IO || e == ERR_NOMEM)
            return e;
        /* One that the coordinators know to be dead cannot be waited for. */
        if (e != ERR_NOT_FOUND && e != ERR_CORRUPT && cluster_lives(n->cluster, from.ids[i]) != 0)
            result = ERR_UNAVAILABLE;
    }
    return result;
}

enum err fetch_blob(struct node *n, struct peer *peer, const char *key, const char *sha256, uint64_t size, const char *first)
{
    struct draft *d;
    char unused[HASH_HEX_SIZE];
    enum err e = fetch_draft(n, peer, key, sha256, size, first, &d);
    if (e)
        return e;
    e = draft_sync(d, unused);
    if (!e)
        e = verify_put(n->verify, d, sha256);
    draft_free(d);
    return e;
}

enum err fetch_if_missing(struct node *n, struct peer *peer, const char *key, const char *sha256, uint64_t size, const char *first)
{
    enum err e = verify_check(n->verify, sha256);
    if (e != ERR_NOT_FOUND && e != ERR_CORRUPT)
        return e;
    return fetch_blob(n, peer, key, sha256, size, first);
}

enum err fetch_set(struct node *n, struct peer *peer, const char *from, uint64_t ring, const char *key, struct message_answer *answer)
{
    char url[MEMBERS_URL_MAX];
    struct buf path, body;
    struct message_request m;
    if (cluster_url(n->cluster, from, url))
        return ERR_UNAVAILABLE;
    message_request_init(&m, MESSAGE_PULL);
    buf_init(&path, PATH_BYTES_MAX);
    buf_init(&body, FRAME_HEAD_MAX);
    m.ring = ring;
    m.key = strdup(key);
    memcpy(m.target, n->self.id, sizeof(n->self.id));
    enum err e = m.key ? buf_add_str(&path, "/records/") : ERR_NOMEM;
    if (!e)
        e = text_percent_encode(&path, key, strlen(key));
    if (!e)
        e = buf_add_str(&path, "/pull");
    if (!e)
        e = message_request_print(&m, &body);
    struct peer_call call = {.base_url = url,
        .to = from,
        .method = "POST",
        .path = buf_str(&path),
        .epoch = ring,
        .body = body.data,
        .body_len = body.len,
        .answer_max = MESSAGE_BODY_MAX};
    if (!e)
        e = peer_call(peer, &call, PULL_TIMEOUT_MS);
    if (!e)
        e = call.error;
    if (!e && call.status != 200 && call.status != 409)
        e = ERR_UNAVAILABLE;
    if (!e)
        e = message_answer_parse(buf_str(&call.answer), call.answer.len, answer);
    peer_calls_release(&call, 1);
    message_request_release(&m);
    buf_release(&path);
    buf_release(&body);
    return e;
}

/* Fetches what is wanted and missing; missing[i] is set for blobs that no owner has. */
static enum err fetch_blobs(
    struct node *n, struct peer *peer, const char *key, const char *from, const struct history *set, unsigned char *missing)
{
    wanted_versions(set, node_deleted_before(n), missing);
    for (size_t i = 0; i < set->n; i++) {
        const struct record *r = &set->entries[i].record;
        if (!missing[i])
            continue;
        enum err e = fetch_if_missing(n, peer, key, r->sha256, r->size, from);
        missing[i] = e == ERR_NOT_FOUND;
        if (e && e != ERR_NOT_FOUND)
            return e;
    }
    return ERR_OK;
}

enum err fetch_course(struct node *n, struct peer *peer, const char *key, const char *from)
{
    struct message_answer answer;
    uint64_t ring = ledger_epoch(n->ledger);
    struct records_copied copied = {.key = key, .ring = ring, .drops = records_drops(&n->records, key), .set = &answer.history};
    message_answer_init(&answer);
    enum err e = fetch_set(n, peer, from, ring, key, &answer);
    if (!e && !answer.ok)
        e = answer.error;
    if (!e && (!answer.has_history || (answer.history.n > 0 && strcmp(answer.history.entries[0].record.key, key) != 0)))
        e = ERR_CORRUPT;
    unsigned char *missing = NULL;
    for (size_t i = 0; i < answer.history.n; i++)
        verify_hold(n->verify, answer.history.entries[i].record.sha256);
    if (!e) {
        missing = calloc(answer.history.n + 1, 1);
        e = missing ? fetch_blobs(n, peer, key, from, &answer.history, missing) : ERR_NOMEM;
    }
    copied.missing = missing;
    if (!e && answer.history.n > 0)
        e = records_copy(&n->records, &copied);
    for (size_t i = 0; i < answer.history.n; i++)
        verify_release(n->verify, answer.history.entries[i].record.sha256);
    free(missing);
    message_answer_release(&answer);
    return e;
}
