#include "lib/auth/link.h"

#include "lib/auth/secret.h"
#include "lib/base/id.h"
#include "lib/base/num.h"
#include "lib/name/name.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define VERSION "l1"
#define KEY_ID_LEN (LINK_KEY_ID_SIZE - 1)
#define ID_LEN (AUTH_ID_SIZE - 1)
#define EXPIRY_DIGITS_MAX 12
#define METHOD_MAX 16
#define RECORD_MAX 32
#define FIELDS 7
#define INPUT_MAX (8 * FIELDS + sizeof(VERSION) + METHOD_MAX + NAME_KEY_BYTES_MAX + RECORD_MAX + EXPIRY_DIGITS_MAX + KEY_ID_LEN + ID_LEN)
static_assert(HASH_SIZE == SECRET_BYTES, "a MAC is written as a secret is");

void link_key_new(struct link_key *out)
{
    id_random_hex(out->id, KEY_ID_LEN / 2);
    id_random(out->bytes, sizeof(out->bytes));
}

static const struct link_key *find_key(const struct link_keys *keys, const char *id)
{
    for (size_t i = 0; i < keys->n; i++)
        if (strcmp(keys->key[i].id, id) == 0)
            return &keys->key[i];
    return NULL;
}

/* The MAC of a link. False when the claim is longer than any that is true. */
static int make_mac(const struct link_key *key, const struct link_claim *claim, const char *id, uint64_t expiry_s, uint8_t out[HASH_SIZE])
{
    char expiry[24];
    uint8_t input[INPUT_MAX];
    size_t at = 0;
    snprintf(expiry, sizeof(expiry), "%" PRIu64, expiry_s);
    const char *const fields[FIELDS] = {VERSION, claim->method, claim->course, claim->record, expiry, key->id, id};
    for (size_t i = 0; i < FIELDS; i++) {
        size_t len = strlen(fields[i]);
        if (len > sizeof(input) - at - 8 * (FIELDS - i))
            return 0;
        num_store_be64(input + at, len);
        memcpy(input + at + 8, fields[i], len);
        at += 8 + len;
    }
    hash_hmac(key->bytes, sizeof(key->bytes), input, at, out);
    return 1;
}

enum err link_make(const struct link_keys *keys, const struct link_claim *claim, const char *id, uint64_t expiry_s, uint64_t now_s,
    char out[LINK_TEXT_SIZE])
{
    uint8_t mac[HASH_SIZE];
    char mac_text[SECRET_SIZE];
    if (keys->n == 0 || !num_is_hex(id, ID_LEN) || expiry_s <= now_s || expiry_s - now_s > LINK_LIFE_MAX_S ||
        expiry_s > LINK_EXPIRY_MAX_S || !make_mac(&keys->key[0], claim, id, expiry_s, mac))
        return ERR_INVALID;
    secret_text(mac, mac_text);
    int n = snprintf(out, LINK_TEXT_SIZE, VERSION ".%s.%s.%" PRIu64 ".%s", keys->key[0].id, id, expiry_s, mac_text);
    assert(n > 0 && n < LINK_TEXT_SIZE);
    return ERR_OK;
}

/* The fields of a text, cut at its dots. */
struct cut {
    const char *at, *end;
};

/* Copies the next field, which has min to max bytes and is followed by a dot, as a string. */
static int next_field(struct cut *c, size_t min, size_t max, char *out)
{
    const char *dot = memchr(c->at, '.', (size_t)(c->end - c->at));
    size_t len = dot ? (size_t)(dot - c->at) : 0;
    if (!dot || len < min || len > max)
        return 0;
    memcpy(out, c->at, len);
    out[len] = '\0';
    c->at = dot + 1;
    return 1;
}

enum err link_parse(const char *text, size_t len, struct link_text *out)
{
    struct link_text t;
    struct cut c = {text, text + len};
    char version[sizeof(VERSION)], expiry[EXPIRY_DIGITS_MAX + 1];
    if (!next_field(&c, sizeof(VERSION) - 1, sizeof(VERSION) - 1, version) || strcmp(version, VERSION) != 0 ||
        !next_field(&c, KEY_ID_LEN, KEY_ID_LEN, t.key_id) || !num_is_hex(t.key_id, KEY_ID_LEN) || !next_field(&c, ID_LEN, ID_LEN, t.id) ||
        !num_is_hex(t.id, ID_LEN) || !next_field(&c, 1, EXPIRY_DIGITS_MAX, expiry) ||
        num_parse_u64(expiry, LINK_EXPIRY_MAX_S, &t.expiry_s) != ERR_OK || secret_bytes(c.at, (size_t)(c.end - c.at), t.mac) != ERR_OK)
        return ERR_DENIED;
    *out = t;
    return ERR_OK;
}

enum err link_check(const struct link_keys *keys, const struct link_text *text, const struct link_claim *claim, uint64_t now_s)
{
    uint8_t mac[HASH_SIZE];
    const struct link_key *key = find_key(keys, text->key_id);
    if (!key || !make_mac(key, claim, text->id, text->expiry_s, mac))
        return ERR_DENIED;
    int same = hash_equal(mac, text->mac, sizeof(mac));
    secret_wipe(mac, sizeof(mac));
    return same && now_s < text->expiry_s ? ERR_OK : ERR_DENIED;
}
