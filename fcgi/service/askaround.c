#include "fcgi/service/askaround.h"

#include "fcgi/service/picture.h"

#include <string.h>

#define ANSWER_MAX (RINGDOC_BYTES_MAX + 4096u)

struct agreement {
    const struct askaround_word *words;
    size_t n;
    const struct ringdoc *on;
};

static int agrees(void *ctx, const char *id)
{
    const struct agreement *a = ctx;
    for (size_t i = 0; i < a->n; i++) {
        const struct ringdoc *r = a->words[i].ring;
        if (strcmp(a->words[i].id, id) == 0)
            return r != NULL && r->text_len == a->on->text_len && memcmp(r->text, a->on->text, r->text_len) == 0;
    }
    return 0;
}

long askaround_judge(const struct askaround_word *words, size_t n, uint64_t epoch)
{
    long best = -1;
    for (size_t i = 0; i < n; i++) {
        struct agreement a = {words, n, words[i].ring};
        if (a.on == NULL || a.on->ring->epoch <= epoch || ringdoc_quorum_missing(a.on, agrees, &a) > 0)
            continue;
        best = (long)i;
        epoch = a.on->ring->epoch;
    }
    return best;
}

/* NULL when it has none, or none that can be read. */
static struct ringdoc *read_answer(const struct peer_call *call)
{
    struct ringdoc *ring = NULL;
    struct json *j;
    if (!call->done || call->error != ERR_OK || call->status != 200 || json_parse(buf_str(&call->answer), call->answer.len, &j) != ERR_OK)
        return NULL;
    const struct json *document = json_get(j, "ring");
    if (document == NULL || picture_read_ring(document, &ring) != ERR_OK)
        ring = NULL;
    json_free(j);
    return ring;
}

enum err askaround_ring(struct peer *p, const struct members *known, unsigned timeout_ms, struct ringdoc **out)
{
    struct peer_call calls[PEER_CALLS_MAX];
    struct askaround_word words[PEER_CALLS_MAX];
    struct ringdoc *rings[PEER_CALLS_MAX];
    struct peer_round round = {.timeout_ms = timeout_ms, .connect_timeout_ms = timeout_ms};
    uint64_t epoch = known->ring == NULL ? 0 : known->ring->ring->epoch;
    size_t n = 0;
    for (size_t i = 0; i < known->n_nodes && n < PEER_CALLS_MAX; i++) {
        if (!known->nodes[i].stores)
            continue;
        calls[n] = (struct peer_call){.base_url = known->nodes[i].url,
            .method = "GET",
            .path = "/ring",
            .to = known->nodes[i].id,
            .epoch = epoch,
            .answer_max = ANSWER_MAX};
        words[n++] = (struct askaround_word){.id = known->nodes[i].id};
    }
    enum err e = peer_round(p, &round, calls, n);
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < n; i++)
        words[i].ring = rings[i] = read_answer(&calls[i]);
    peer_calls_release(calls, n);
    long best = askaround_judge(words, n, epoch);
    for (size_t i = 0; i < n; i++) {
        if ((long)i == best)
            *out = rings[i];
        else
            ringdoc_free(rings[i]);
    }
    return best < 0 ? ERR_NOT_FOUND : ERR_OK;
}
