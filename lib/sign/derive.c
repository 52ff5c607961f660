/* Keys from keys: HKDF where a key has many uses, HMAC over named fields below that. */
#include "lib/sign/internal.h"
#include "lib/sign/keys.h"

#include "lib/base/fs.h"
#include "lib/base/num.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* HKDF with an empty salt and one block of output (RFC 5869 §2); info is the fields of m. */
static void expand(const struct sign_key *secret, const struct mac_input *m, uint8_t out[HASH_SIZE])
{
    static const uint8_t salt[HASH_SIZE];
    uint8_t info[sizeof m->bytes + 1];
    struct sign_key prk;

    assert(!m->overflow); /* ids and names are short */
    memcpy(info, m->bytes, m->len);
    info[m->len] = 1; /* the number of the block */
    hash_hmac(salt, sizeof salt, secret->bytes, sizeof secret->bytes, prk.bytes);
    hash_hmac(prk.bytes, sizeof prk.bytes, info, m->len + 1, out);
    explicit_bzero(&prk, sizeof prk);
}

/* A key for a purpose and up to two names. */
static void derive(const struct sign_key *secret, const char *purpose, const char *name, const char *more, struct sign_key *out)
{
    struct mac_input m;

    mac_start(&m, purpose);
    if (name)
        mac_add(&m, name);
    if (more)
        mac_add(&m, more);
    expand(secret, &m, out->bytes);
}

void sign_node_key(const struct sign_key *master, const char *node, struct sign_key *out)
{
    derive(master, "ringbinder node key", node, NULL, out);
}

void sign_coordinators_key(const struct sign_key *master, struct sign_key *out)
{
    derive(master, "ringbinder coordinators' key", NULL, NULL, out);
}

void sign_pair_key(const struct sign_key *receiver, const char *sender, struct sign_key *out)
{
    struct mac_input m;

    mac_start(&m, "pair");
    mac_add(&m, sender);
    assert(!m.overflow);
    hash_hmac(receiver->bytes, sizeof receiver->bytes, m.bytes, m.len, out->bytes);
}

void sign_pairs_seal(const struct sign_key *node_key, struct sign_key *out)
{
    derive(node_key, "ringbinder pairs", NULL, NULL, out);
}

void sign_join_secret(const struct sign_key *master, const char *id, struct sign_key *out)
{
    derive(master, "ringbinder join token", id, NULL, out);
}

void sign_join_proof(const struct sign_key *secret, const char *id, const char *claim, uint8_t out[HASH_SIZE])
{
    struct sign_key proof;

    derive(secret, "ringbinder join proof", id, claim, &proof);
    memcpy(out, proof.bytes, sizeof proof.bytes);
    explicit_bzero(&proof, sizeof proof);
}

void sign_join_node(const char *name, const char *claim, char out[SIGN_SENDER_MAX])
{
    struct mac_input m;
    uint8_t hash[HASH_SIZE];
    char hex[17];

    mac_start(&m, "join node");
    mac_add(&m, claim);
    assert(!m.overflow && strlen(name) < 64);
    hash_sha256(m.bytes, m.len, hash);
    num_hex(hash, 8, hex);
    snprintf(out, SIGN_SENDER_MAX, "%s.%s", name, hex);
}

void sign_join_seal(const struct sign_key *secret, const char *id, const char *claim, struct sign_key *out)
{
    derive(secret, "ringbinder join answer", id, claim, out);
}

int sign_key_is_known(const struct sign_key *key)
{
    const uint8_t *b = key->bytes;
    uint8_t step = (uint8_t)(b[1] - b[0]);
    size_t counted = 1;

    while (counted < SIGN_KEY_SIZE && (uint8_t)(b[counted] - b[counted - 1]) == step)
        counted++;
    if (counted == SIGN_KEY_SIZE)
        return 1;
    for (size_t period = 1; period <= SIGN_KEY_SIZE / 2; period *= 2) {
        if (memcmp(b, b + period, SIGN_KEY_SIZE - period) == 0)
            return 1;
    }
    return 0;
}

enum err sign_key_read(const char *path, struct sign_key *out)
{
    struct sign_key key;
    enum err e = fs_read_secret(path, key.bytes, sizeof key.bytes);

    if (!e && sign_key_is_known(&key))
        e = ERR_INVALID;
    if (!e)
        *out = key;
    explicit_bzero(&key, sizeof key);
    return e;
}

const char *sign_key_why(enum err e)
{
    switch (e) {
    case ERR_DENIED: return "it is not a file of this user that nobody else can read (chown, chmod 600), or it is all zero";
    case ERR_INVALID: return "the key in it is one that anybody would try: draw one at random";
    case ERR_SYNTAX: return "it does not hold 64 hex digits in lower case";
    default: return err_text(e);
    }
}
