#include "coordinator/pairs.h"
#include "coordinator/coordinator.h"

#include "lib/base/num.h"
#include "lib/base/seal.h"

#include <string.h>

#define PAIR_MAX 192u /* bytes of one in JSON */
#define TEXT_MAX (3u * RING_MEMBERS_MAX * PAIR_MAX + 64u)

static void add(const struct coordinator *c, const char *sender, const char *node, struct json *list)
{
    struct sign_key receiver, pair;
    char hex[2 * SIGN_KEY_SIZE + 1];
    sign_node_key(&c->key, node, &receiver);
    sign_pair_key(&receiver, sender, &pair);
    num_hex(pair.bytes, sizeof pair.bytes, hex);
    struct json *j = json_object();
    json_set_str(j, "id", node);
    json_set_str(j, "key", hex);
    json_append(list, j);
    explicit_bzero(&receiver, sizeof receiver);
    explicit_bzero(&pair, sizeof pair);
    explicit_bzero(hex, sizeof hex);
}

/* (locked) Those that the ring names are all in the table, and who is only about to join as well. What merely shares is called by no node. */
static struct json *list_pairs(const struct coordinator *c, const char *sender)
{
    struct json *list = json_array();
    for (size_t i = 0; i < c->membership.n; i++) {
        const struct member *m = &c->membership.nodes[i].member;
        if (m->stores || ringdoc_names(c->ring, m->id))
            add(c, sender, m->id, list);
    }
    return list;
}

static enum err seal(const struct coordinator *c, const char *node, const struct buf *text, struct buf *out)
{
    struct sign_key own, key;
    sign_node_key(&c->key, node, &own);
    sign_pairs_seal(&own, &key);
    enum err e = seal_close(key.bytes, "pairs", text->data, text->len, out);
    explicit_bzero(&own, sizeof own);
    explicit_bzero(&key, sizeof key);
    return e;
}

void pairs_handle(struct http_request *r, void *ctx)
{
    struct coordinator *c = ctx;
    const struct sign_claim *claim = http_claim(r);
    struct json *j = json_object();
    struct buf text, sealed;
    buf_init(&text, TEXT_MAX);
    buf_init(&sealed, TEXT_MAX + SEAL_EXTRA);
    pthread_mutex_lock(&c->lock);
    json_set(j, "pairs", list_pairs(c, claim->sender));
    pthread_mutex_unlock(&c->lock);
    enum err e = json_print(j, &text);
    json_free(j);
    if (e == ERR_OK)
        e = seal(c, sign_claim_name(claim), &text, &sealed);
    if (e == ERR_OK)
        http_reply(r, 200, "application/octet-stream", sealed.data, sealed.len);
    else
        http_reply_problem(r, e, NULL);
    if (text.data)
        explicit_bzero(text.data, text.cap);
    buf_release(&text);
    buf_release(&sealed);
}
