#include "lib/audit/key.h"

#include <assert.h>
#include <string.h>

#define INFO_MAX 160u

static const char evolve[] = "evolve";
static const char head_purpose[] = "ringbinder audit head\n"; /* shorter than a hash, and no text of a line begins within it */

/* HKDF with an empty salt and one block of output (RFC 5869 §2): info is a purpose and a name behind it. */
static void derive(const uint8_t secret[AUDIT_KEY_SIZE], const char *purpose, const char *name, uint8_t out[AUDIT_KEY_SIZE])
{
    static const uint8_t salt[HASH_SIZE];
    uint8_t prk[HASH_SIZE], info[INFO_MAX];
    size_t purpose_len = strlen(purpose), name_len = strlen(name), len = purpose_len + 1 + name_len;
    assert(len < sizeof info);
    memcpy(info, purpose, purpose_len);
    info[purpose_len] = '\0';
    memcpy(info + purpose_len + 1, name, name_len);
    info[len++] = 1; /* the number of the block */
    hash_hmac(salt, sizeof salt, secret, AUDIT_KEY_SIZE, prk);
    hash_hmac(prk, sizeof prk, info, len, out);
    explicit_bzero(prk, sizeof prk);
}

/* SHA-256(key || "evolve"), over the old one. */
static void step(uint8_t key[AUDIT_KEY_SIZE])
{
    uint8_t text[AUDIT_KEY_SIZE + sizeof evolve - 1];
    memcpy(text, key, AUDIT_KEY_SIZE);
    memcpy(text + AUDIT_KEY_SIZE, evolve, sizeof evolve - 1);
    hash_sha256(text, sizeof text, key);
    explicit_bzero(text, sizeof text);
}

void audit_seed_first(const uint8_t master[AUDIT_KEY_SIZE], const char *process, uint8_t out[AUDIT_KEY_SIZE])
{
    derive(master, "ringbinder audit seed", process, out);
}

void audit_seed_next(uint8_t seed[AUDIT_KEY_SIZE])
{
    step(seed);
}

void audit_key_first(const uint8_t seed[AUDIT_KEY_SIZE], const char *chain, struct audit_key *out)
{
    derive(seed, "ringbinder audit chain", chain, out->bytes);
    out->k = 0;
}

void audit_key_next(struct audit_key *key)
{
    step(key->bytes);
    key->k++;
}

enum err audit_key_reach(struct audit_key *key, uint64_t k)
{
    if (k < key->k || k > AUDIT_STEPS_MAX)
        return ERR_INVALID;
    while (key->k < k)
        audit_key_next(key);
    return ERR_OK;
}

void audit_key_line(const struct audit_key *key, const uint8_t before[HASH_SIZE], const char *text, size_t len, uint8_t out[HASH_SIZE])
{
    uint8_t bytes[HASH_SIZE + AUDIT_TEXT_MAX];
    assert(len <= AUDIT_TEXT_MAX);
    memcpy(bytes, before, HASH_SIZE);
    memcpy(bytes + HASH_SIZE, text, len);
    hash_hmac(key->bytes, sizeof key->bytes, bytes, HASH_SIZE + len, out);
}

void audit_key_head(const struct audit_key *key, const char *text, size_t len, uint8_t out[HASH_SIZE])
{
    uint8_t bytes[sizeof head_purpose + AUDIT_TEXT_MAX];
    assert(len <= AUDIT_TEXT_MAX);
    memcpy(bytes, head_purpose, sizeof head_purpose - 1);
    memcpy(bytes + sizeof head_purpose - 1, text, len);
    hash_hmac(key->bytes, sizeof key->bytes, bytes, sizeof head_purpose - 1 + len, out);
}
