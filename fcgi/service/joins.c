#include "fcgi/service/joins.h"

#include "lib/audit/key.h"
#include "lib/base/clock.h"
#include "lib/base/id.h"
#include "lib/base/num.h"
#include "lib/base/seal.h"

#include <stdio.h>
#include <string.h>

#define KEY_SIZE (sizeof(DOCS_JOIN_PREFIX) + AUTH_ID_SIZE - 1)
#define ID_DIGITS (AUTH_ID_SIZE - 1)
#define REFUSED "This join token is not taken: it is wrong, was taken back, or has expired."

static void make_key(const char *id, char out[KEY_SIZE])
{
    snprintf(out, KEY_SIZE, DOCS_JOIN_PREFIX "%s", id);
}

/* "rbj_<id>_<secret>" */
static void make_text(const struct sign_key *secret, const char *id, char out[SECRET_TOKEN_SIZE])
{
    char bare[SECRET_SIZE];
    secret_text(secret->bytes, bare);
    snprintf(out, SECRET_TOKEN_SIZE, "rbj_%s_%s", id, bare);
    secret_wipe(bare, sizeof(bare));
}

enum err joins_make(
    struct worker *w, const struct joins_new *in, const char *by, struct docs_join *out, char text[SECRET_TOKEN_SIZE], const char **detail)
{
    char key[KEY_SIZE];
    struct sign_key secret;
    struct docs_join made = {.created_at_ms = clock_unix_ms(), .expires_at_ms = in->expires_at_ms};
    id_random_hex(made.id, ID_DIGITS / 2);
    sign_join_secret(&w->app->key, made.id, &secret);
    make_text(&secret, made.id, text);
    secret_wipe(&secret, sizeof(secret));
    secret_digest(text, made.digest);
    snprintf(made.node, sizeof(made.node), "%s", in->node);
    snprintf(made.zone, sizeof(made.zone), "%s", in->zone);
    snprintf(made.by, sizeof(made.by), "%s", by);
    make_key(made.id, key);
    struct json *doc = docs_join_to_json(&made);
    enum err e = doc != NULL ? docs_join_from_json(doc, out) : ERR_NOMEM; /* what cannot be read again is not written */
    if (e == ERR_SYNTAX || e == ERR_INVALID) {
        *detail =
            "A machine's name has 1 to 63 of a–z, 0–9 and -, beginning with a letter; a zone at most 63 of letters, digits and . _ -.";
        e = ERR_INVALID;
    } else if (e == ERR_OK) {
        e = sysdoc_write(w, key, doc, NULL, by, NULL);
    }
    if (e != ERR_OK)
        secret_wipe(text, SECRET_TOKEN_SIZE);
    json_free(doc);
    return e;
}

/* ---- using one */

struct use {
    const struct joins_claim *in;
    const char *text;      /* the token's, as only the master's holders and the joiner know it */
    struct docs_join join; /* as it is then */
    char node[SIGN_SENDER_MAX];
};

/* Marks the document, unless this very claim did so before. */
static enum err mark(const struct sysdoc *old, void *ctx, struct json **out)
{
    struct use *u = ctx;
    uint64_t now_ms = clock_unix_ms();
    if (old == NULL)
        return ERR_AUTH;
    enum err e = docs_join_from_json(old->doc, &u->join);
    if (e != ERR_OK)
        return e == ERR_NOMEM ? e : ERR_CORRUPT;
    if (!secret_matches(u->text, u->join.digest) || u->join.expires_at_ms <= now_ms)
        return ERR_AUTH;
    sign_join_node(u->join.node, u->in->claim, u->node);
    if (u->join.used_by[0] != '\0')
        return strcmp(u->join.used_by, u->node) == 0 ? ERR_OK : ERR_CONFLICT;
    u->join.used_at_ms = now_ms;
    snprintf(u->join.used_by, sizeof(u->join.used_by), "%.95s", u->node);
    *out = docs_join_to_json(&u->join);
    return *out ? ERR_OK : ERR_NOMEM;
}

static void set_key(struct json *j, const char *name, const uint8_t bytes[SIGN_KEY_SIZE])
{
    char hex[2 * SIGN_KEY_SIZE + 1];
    num_hex(bytes, SIGN_KEY_SIZE, hex);
    json_set_str(j, name, hex);
    secret_wipe(hex, sizeof(hex));
}

/* What the new node is told, in clear. */
static struct json *answer(const struct sign_key *master, const struct use *u)
{
    char sender[SIGN_SENDER_MAX + 8];
    struct sign_key own, coordinators, pair;
    uint8_t seed[AUDIT_KEY_SIZE];
    struct json *j = json_object();
    snprintf(sender, sizeof(sender), "node:%s", u->node);
    sign_node_key(master, u->node, &own);
    sign_coordinators_key(master, &coordinators);
    sign_pair_key(&coordinators, sender, &pair);
    audit_seed_first(master->bytes, sender, seed);
    json_set_str(j, "id", u->node);
    json_set_str(j, "name", u->join.node);
    json_set_str(j, "zone", u->join.zone);
    set_key(j, "key", own.bytes);
    set_key(j, "coordinators", pair.bytes);
    set_key(j, "seed", seed);
    secret_wipe(&own, sizeof(own));
    secret_wipe(&coordinators, sizeof(coordinators));
    secret_wipe(&pair, sizeof(pair));
    secret_wipe(seed, sizeof(seed));
    return j;
}

static enum err seal(const struct sign_key *master, const struct sign_key *secret, const struct use *u, struct buf *sealed)
{
    struct sign_key key;
    struct buf text;
    struct json *j = answer(master, u);
    buf_init(&text, JOINS_SEALED_MAX - SEAL_EXTRA);
    enum err e = json_print(j, &text);
    json_free(j);
    if (e == ERR_OK) {
        sign_join_seal(secret, u->in->id, u->in->claim, &key);
        e = seal_close(key.bytes, "join", text.data, text.len, sealed);
        secret_wipe(&key, sizeof(key));
    }
    if (text.data)
        secret_wipe(text.data, text.cap);
    buf_release(&text);
    return e;
}

/* Before anything is looked up: so who has no token learns nothing, and no owner is asked for them. */
static enum err check(const struct joins_claim *in, const struct sign_key *secret)
{
    uint8_t proof[HASH_SIZE], claimed[HASH_SIZE];
    if (num_unhex(in->proof, claimed, sizeof(claimed)))
        return ERR_SYNTAX;
    sign_join_proof(secret, in->id, in->claim, proof);
    return hash_equal(proof, claimed, sizeof(proof)) ? ERR_OK : ERR_AUTH;
}

enum err joins_use(struct worker *w, const struct joins_claim *in, struct buf *sealed, char node[RING_ID_MAX], const char **detail)
{
    char key[KEY_SIZE], text[SECRET_TOKEN_SIZE];
    struct sign_key secret;
    struct use u = {.in = in, .text = text};
    *detail = NULL;
    if (!num_is_hex(in->id, ID_DIGITS) || !num_is_hex(in->claim, JOINS_CLAIM_DIGITS)) {
        *detail = "id has 16 and claim and proof have 64 hexadecimal digits in lower case.";
        return ERR_SYNTAX;
    }
    sign_join_secret(&w->app->key, in->id, &secret);
    enum err e = check(in, &secret);
    if (e == ERR_OK) {
        make_key(in->id, key);
        make_text(&secret, in->id, text);
        e = sysdoc_alter(w, key, "", mark, &u, NULL);
    }
    if (e == ERR_OK)
        e = seal(&w->app->key, &secret, &u, sealed);
    if (e == ERR_OK)
        snprintf(node, RING_ID_MAX, "%.95s", u.node);
    if (e == ERR_AUTH)
        *detail = REFUSED;
    else if (e == ERR_CONFLICT)
        *detail = "This join token was used before: each is good for one machine.";
    secret_wipe(&secret, sizeof(secret));
    secret_wipe(text, sizeof(text));
    return e;
}
