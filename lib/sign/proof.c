/* The two smaller proofs: "this is my clock" and "whoever holds this may read that". */
#include "lib/sign/internal.h"

#include "lib/base/num.h"

#include <string.h>

static enum err clock_mac(const struct sign_key *key, const char *nonce, uint64_t time_ms, uint8_t out[HASH_SIZE])
{
    struct mac_input m;

    mac_start(&m, "clock");
    mac_add(&m, nonce);
    mac_add_u64(&m, time_ms);
    return mac_end(&m, key, out);
}

enum err sign_clock_make(const struct sign_key *key, const char *nonce, uint64_t now_ms, struct buf *out)
{
    uint8_t mac[HASH_SIZE];
    char hex[HASH_HEX_SIZE];
    enum err e = clock_mac(key, nonce, now_ms, mac);

    if (e)
        return e;
    num_hex(mac, sizeof mac, hex);
    return buf_addf(out, "time=%llu, mac=%s", (unsigned long long)now_ms, hex);
}

enum err sign_clock_check(const struct sign_key *key, const char *nonce, const char *header, uint64_t *time_ms)
{
    uint8_t claimed[HASH_SIZE], mac[HASH_SIZE];
    const char *at = header;
    uint64_t t;

    if (field_read_u64(&at, "time", 0, &t) || field_read_mac(&at, "mac", 1, claimed))
        return ERR_AUTH;
    if (clock_mac(key, nonce, t, mac) || !hash_equal(mac, claimed, sizeof mac))
        return ERR_AUTH;
    *time_ms = t;
    return ERR_OK;
}

static enum err capability_mac(const struct sign_key *key, const char *node, const char *what, uint64_t expiry_s, uint8_t out[HASH_SIZE])
{
    struct mac_input m;

    mac_start(&m, "capability");
    mac_add(&m, "read");
    mac_add(&m, node);
    mac_add(&m, what);
    mac_add_u64(&m, expiry_s);
    return mac_end(&m, key, out);
}

enum err sign_capability_make(const struct sign_key *key, const char *node, const char *what, uint64_t expiry_s, struct buf *out)
{
    uint8_t mac[HASH_SIZE];
    char hex[HASH_HEX_SIZE];
    enum err e = capability_mac(key, node, what, expiry_s, mac);

    if (e)
        return e;
    num_hex(mac, sizeof mac, hex);
    return buf_addf(out, "RBC1 expiry=%llu, mac=%s", (unsigned long long)expiry_s, hex);
}

enum err sign_capability_check(const struct sign_key *key, const char *node, const char *what, const char *header, uint64_t now_s)
{
    uint8_t claimed[HASH_SIZE], mac[HASH_SIZE];
    const char *at = header;
    uint64_t expiry_s;

    if (strncmp(at, "RBC1 ", 5) != 0)
        return ERR_AUTH;
    at += 5;
    if (field_read_u64(&at, "expiry", 0, &expiry_s) || field_read_mac(&at, "mac", 1, claimed))
        return ERR_AUTH;
    if (capability_mac(key, node, what, expiry_s, mac) || !hash_equal(mac, claimed, sizeof mac))
        return ERR_AUTH;
    if (expiry_s < now_s || expiry_s - now_s > SIGN_CAPABILITY_MAX_S + SIGN_WINDOW_MS / 1000)
        return ERR_AUTH;
    return ERR_OK;
}
