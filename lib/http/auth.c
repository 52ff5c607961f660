#include "lib/http/internal.h"

#include "lib/base/clock.h"
#include "lib/base/num.h"

#include <string.h>

int auth_is_stream(const struct http_request *r)
{
    return r->has_claim && strcmp(r->claim.body, "stream") == 0;
}

enum err auth_check_header(struct http_request *r)
{
    const struct http_server *s = r->server;
    const char *header = http_header(r, "Authorization");
    enum err e;

    if (!header || sign_parse(header, &r->claim) || sign_keys_from(s->config.keys, r->claim.sender, &r->key))
        return ERR_AUTH;
    e = sign_check(&r->key, &r->claim, r->method, r->target, NULL, clock_unix_ms(), s->nonces);
    /* What was signed before this server started may have been used before: its nonces died with the process. */
    if (!e && r->claim.time_ms < s->started_ms)
        e = ERR_CLOCK;
    r->clock_refused = e == ERR_CLOCK;
    if (e)
        return e;
    r->has_claim = 1;
    if (!(r->route->from & (unsigned)r->claim.role))
        return ERR_DENIED;
    /* Without begin the whole body is here before anybody acts, and then its hash must have been signed. */
    if (auth_is_stream(r) && !r->route->begin)
        return ERR_AUTH;
    if (s->config.epoch && r->claim.epoch < s->config.epoch(s->config.ctx))
        return ERR_STALE_RING;
    return ERR_OK;
}

enum err auth_check_body(struct http_request *r)
{
    if (!r->has_claim || auth_is_stream(r))
        return ERR_OK;
    if (r->body_hash[0] == '\0') {
        uint8_t hash[HASH_SIZE];
        if (r->hash)
            hash_end(r->hash, hash);
        else
            hash_sha256("", 0, hash);
        num_hex(hash, sizeof hash, r->body_hash);
    }
    return hash_equal(r->body_hash, r->claim.body, sizeof r->body_hash) ? ERR_OK : ERR_AUTH;
}

enum err http_check_signature(struct http_request *r)
{
    /* A nonce is used up by the first look, so what came of it is kept. */
    if (!r->was_checked) {
        r->check_error = auth_check_header(r);
        r->was_checked = 1;
    }
    if (r->check_error)
        return r->check_error;
    /* While the body is still to come (in begin), request_end compares it. */
    return r->whole ? auth_check_body(r) : ERR_OK;
}

const struct sign_claim *http_claim(const struct http_request *r)
{
    return r->has_claim ? &r->claim : NULL;
}
