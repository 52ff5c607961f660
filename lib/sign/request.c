#include "lib/sign/internal.h"

#include "lib/base/num.h"

#include <string.h>

#define SCHEME "RB1 "

enum err sign_role_of(const char *sender, enum sign_role *role, const char **name)
{
    static const struct {
        const char *word;
        enum sign_role role;
    } roles[] = {{"node:", SIGN_NODE}, {"coordinator:", SIGN_COORDINATOR}, {"api:", SIGN_API}, {"tool:", SIGN_TOOL}};

    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        size_t n = strlen(roles[i].word);
        if (strncmp(sender, roles[i].word, n) != 0 || sender[n] == '\0')
            continue;
        *role = roles[i].role;
        if (name)
            *name = sender + n;
        return ERR_OK;
    }
    return ERR_AUTH;
}

const char *sign_claim_name(const struct sign_claim *claim)
{
    return strchr(claim->sender, ':') + 1; /* sign_parse saw the colon */
}

/* A sender is written between commas, so it is visible ASCII without what the header's own grammar uses. */
static int is_sender(const char *s)
{
    size_t n = strlen(s);
    enum sign_role role;

    if (n >= SIGN_SENDER_MAX || sign_role_of(s, &role, NULL))
        return 0;
    for (size_t i = 0; i < n; i++) {
        if (s[i] <= ' ' || s[i] > '~' || strchr(",=\"\\", s[i]))
            return 0;
    }
    return 1;
}

static int is_body_hash(const char *s)
{
    return strcmp(s, "stream") == 0 || num_is_hex(s, 2 * HASH_SIZE);
}

static enum err request_mac(const struct sign_key *key, const struct sign_input *in, uint8_t out[HASH_SIZE])
{
    struct mac_input m;

    mac_start(&m, "request");
    mac_add(&m, in->method);
    mac_add(&m, in->path);
    mac_add(&m, in->body_hash);
    mac_add_u64(&m, in->time_ms);
    mac_add(&m, in->nonce);
    mac_add(&m, in->sender);
    mac_add_u64(&m, in->epoch);
    return mac_end(&m, key, out);
}

enum err sign_make(const struct sign_key *key, const struct sign_input *in, struct buf *out)
{
    uint8_t mac[HASH_SIZE];
    char hex[HASH_HEX_SIZE];
    enum err e;

    if (!is_sender(in->sender) || !is_body_hash(in->body_hash) || !num_is_hex(in->nonce, SIGN_NONCE_HEX - 1))
        return ERR_INVALID;
    e = request_mac(key, in, mac);
    if (e)
        return e;
    num_hex(mac, sizeof mac, hex);
    return buf_addf(out, SCHEME "sender=%s, time=%llu, nonce=%s, epoch=%llu, body=%s, mac=%s", in->sender, (unsigned long long)in->time_ms,
        in->nonce, (unsigned long long)in->epoch, in->body_hash, hex);
}

enum err sign_parse(const char *header, struct sign_claim *out)
{
    struct sign_claim c = {0};
    const char *at = header;

    if (strnlen(header, SIGN_HEADER_MAX + 1) > SIGN_HEADER_MAX || strncmp(header, SCHEME, strlen(SCHEME)) != 0)
        return ERR_AUTH;
    at += strlen(SCHEME);
    if (field_read(&at, "sender", 0, c.sender, sizeof c.sender) || field_read_u64(&at, "time", 0, &c.time_ms) ||
        field_read(&at, "nonce", 0, c.nonce, sizeof c.nonce) || field_read_u64(&at, "epoch", 0, &c.epoch) ||
        field_read(&at, "body", 0, c.body, sizeof c.body) || field_read_mac(&at, "mac", 1, c.mac))
        return ERR_AUTH;
    if (!is_sender(c.sender) || !num_is_hex(c.nonce, SIGN_NONCE_HEX - 1) || !is_body_hash(c.body))
        return ERR_AUTH;
    if (sign_role_of(c.sender, &c.role, NULL))
        return ERR_AUTH;
    *out = c;
    return ERR_OK;
}

/* True when a and b are more than the window apart, whichever is ahead. */
static int outside_window(uint64_t a, uint64_t b)
{
    return (a > b ? a - b : b - a) > SIGN_WINDOW_MS;
}

enum err sign_check(const struct sign_key *key, const struct sign_claim *claim, const char *method, const char *path, const char *body_hash,
    uint64_t now_ms, struct sign_nonces *nonces)
{
    struct sign_input in = {.method = method,
        .path = path,
        .body_hash = claim->body,
        .sender = claim->sender,
        .time_ms = claim->time_ms,
        .epoch = claim->epoch};
    uint8_t mac[HASH_SIZE];

    memcpy(in.nonce, claim->nonce, sizeof in.nonce);
    if (request_mac(key, &in, mac) || !hash_equal(mac, claim->mac, sizeof mac))
        return ERR_AUTH;
    if (body_hash && strcmp(body_hash, claim->body) != 0)
        return ERR_AUTH;
    if (outside_window(claim->time_ms, now_ms))
        return ERR_CLOCK;
    return nonces_use(nonces, claim->nonce, claim->time_ms, now_ms);
}
