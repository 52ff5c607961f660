/* POST /join: a machine that has a join token becomes a node. */
#include "fcgi/handler/handlers.h"
#include "fcgi/request.h"
#include "fcgi/service/joins.h"
#include "lib/base/num.h"

#include <string.h>

#define BODY_MAX 1024u

/* The whole body as JSON. */
static enum err read_body(struct request *r, struct json **out)
{
    char text[BODY_MAX];
    size_t len = 0;
    uint64_t size;
    enum err e = request_content_length(r, sizeof(text), &size);
    while (!e && len < size) {
        long got = request_read(r, text + len, (size_t)size - len);
        if (got <= 0)
            return ERR_SYNTAX;
        len += (size_t)got;
    }
    return e ? e : json_parse(text, len, out);
}

static void send(struct request *r, const struct buf *sealed, const char *node)
{
    char hex[2 * JOINS_SEALED_MAX + 1];
    struct json *j = json_object();
    num_hex(sealed->data, sealed->len, hex);
    json_set_str(j, "sealed", hex);
    request_note_detail(r, node);
    response_header(r, "Cache-Control", "no-store");
    response_json(r, 200, j);
}

void join_post(struct request *r)
{
    struct json *body;
    struct buf sealed;
    char node[RING_ID_MAX];
    const char *detail = NULL;
    enum err e = read_body(r, &body);
    if (e) {
        response_problem(r, e, e == ERR_SYNTAX ? "The body is {\"id\", \"claim\", \"proof\"}, at most 1,024 bytes." : NULL);
        return;
    }
    struct joins_claim in = {.id = json_get_str(body, "id"), .claim = json_get_str(body, "claim"), .proof = json_get_str(body, "proof")};
    buf_init(&sealed, JOINS_SEALED_MAX);
    if (!in.id || !in.claim || !in.proof) {
        e = ERR_SYNTAX;
        detail = "The body needs id, claim and proof.";
    } else {
        e = joins_use(request_worker(r), &in, &sealed, node, &detail);
    }
    if (e)
        response_problem(r, e, detail);
    else
        send(r, &sealed, node);
    buf_release(&sealed);
    json_free(body);
}
