/* POST /join: a machine that has a join token becomes a node. Nobody signs in for that: the token's proof is all there is to show. */
#include "fcgi/handler/handlers.h"
#include "fcgi/handler/posted.h"
#include "fcgi/service/joins.h"
#include "lib/base/num.h"

static void send(struct request *r, const struct buf *sealed, const char *node)
{
    char hex[2 * JOINS_SEALED_MAX + 1];
    struct json *j = json_object();
    num_hex(sealed->data, sealed->len, hex);
    json_set_str(j, "sealed", hex);
    request_note_detail(r, node);
    response_json(r, 200, j);
}

static void use(struct request *r, const struct joins_claim *in)
{
    struct buf sealed;
    char node[RING_ID_MAX];
    const char *detail = NULL;
    buf_init(&sealed, JOINS_SEALED_MAX);
    enum err e = joins_use(request_worker(r), in, &sealed, node, &detail);
    if (e)
        response_problem(r, e, detail);
    else
        send(r, &sealed, node);
    buf_release(&sealed);
}

void join_post(struct request *r)
{
    struct posted p;
    if (posted_open(&p, r, "id claim proof"))
        return;
    struct joins_claim in = {.id = posted_text(&p, "id", POSTED_MUST, AUTH_ID_SIZE - 1),
        .claim = posted_text(&p, "claim", POSTED_MUST, JOINS_CLAIM_DIGITS),
        .proof = posted_text(&p, "proof", POSTED_MUST, HASH_HEX_SIZE - 1)};
    if (!posted_check(&p)) {
        if (num_is_hex(in.id, AUTH_ID_SIZE - 1))
            request_note_who(r, arena_printf(request_arena(r), "join:%s", in.id));
        use(r, &in);
    }
    posted_close(&p);
}
