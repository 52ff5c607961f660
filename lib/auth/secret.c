#include "lib/auth/secret.h"

#include "lib/base/id.h"
#include "lib/base/num.h"

#include <stdio.h>
#include <string.h>

#define TEXT_LEN (SECRET_SIZE - 1)
#define ID_LEN (AUTH_ID_SIZE - 1)

void secret_wipe(void *p, size_t n)
{
    explicit_bzero(p, n);
}

/* ---- base64url: the standard alphabet but for two characters, and no padding */

static char exchange(char c, const char *from, const char *to)
{
    if (c == from[0])
        return to[0];
    if (c == from[1])
        return to[1];
    return c;
}

void secret_text(const unsigned char bytes[SECRET_BYTES], char out[SECRET_SIZE])
{
    char padded[SECRET_SIZE + 1];
    num_base64(bytes, SECRET_BYTES, padded);
    for (size_t i = 0; i < TEXT_LEN; i++)
        out[i] = exchange(padded[i], "+/", "-_");
    out[TEXT_LEN] = '\0';
    secret_wipe(padded, sizeof(padded));
}

enum err secret_bytes(const char *text, size_t len, unsigned char out[SECRET_BYTES])
{
    char padded[SECRET_SIZE + 1];
    if (len != TEXT_LEN || memchr(text, '+', len) || memchr(text, '/', len))
        return ERR_SYNTAX;
    for (size_t i = 0; i < len; i++)
        padded[i] = exchange(text[i], "-_", "+/");
    padded[len] = '=';
    unsigned char bytes[SECRET_BYTES];
    enum err e = num_unbase64(padded, len + 1, bytes, sizeof(bytes));
    if (!e)
        memcpy(out, bytes, sizeof(bytes));
    secret_wipe(padded, sizeof(padded));
    secret_wipe(bytes, sizeof(bytes));
    return e;
}

/* ---- bare secrets */

void secret_new(char out[SECRET_SIZE])
{
    unsigned char bytes[SECRET_BYTES];
    id_random(bytes, sizeof(bytes));
    secret_text(bytes, out);
    secret_wipe(bytes, sizeof(bytes));
}

int secret_ok(const char *text)
{
    unsigned char bytes[SECRET_BYTES];
    enum err e = secret_bytes(text, strnlen(text, SECRET_SIZE), bytes);
    secret_wipe(bytes, sizeof(bytes));
    return e == ERR_OK;
}

void secret_digest(const char *text, char out[HASH_HEX_SIZE])
{
    hash_sha256_hex(text, strlen(text), out);
}

int secret_matches(const char *text, const char *digest)
{
    char ours[HASH_HEX_SIZE];
    if (!num_is_hex(digest, HASH_HEX_SIZE - 1))
        return 0;
    secret_digest(text, ours);
    int same = hash_equal(ours, digest, HASH_HEX_SIZE - 1);
    secret_wipe(ours, sizeof(ours));
    return same;
}

/* ---- tokens */

static const char *const prefixes[] = {[SECRET_API] = "rb_", [SECRET_JOIN] = "rbj_"};

void secret_token_new(enum secret_kind kind, char id[AUTH_ID_SIZE], char text[SECRET_TOKEN_SIZE])
{
    char secret[SECRET_SIZE];
    id_random_hex(id, ID_LEN / 2);
    secret_new(secret);
    snprintf(text, SECRET_TOKEN_SIZE, "%s%s_%s", prefixes[kind], id, secret);
    secret_wipe(secret, sizeof(secret));
}

enum err secret_token_parse(enum secret_kind kind, const char *text, size_t len, char id[AUTH_ID_SIZE])
{
    size_t prefix = strlen(prefixes[kind]);
    unsigned char bytes[SECRET_BYTES];
    char found[AUTH_ID_SIZE] = "";
    if (len != prefix + ID_LEN + 1 + TEXT_LEN || memcmp(text, prefixes[kind], prefix) != 0 || text[prefix + ID_LEN] != '_')
        return ERR_AUTH;
    memcpy(found, text + prefix, ID_LEN);
    if (!num_is_hex(found, ID_LEN))
        return ERR_AUTH;
    enum err e = secret_bytes(text + prefix + ID_LEN + 1, TEXT_LEN, bytes);
    secret_wipe(bytes, sizeof(bytes));
    if (e)
        return ERR_AUTH;
    memcpy(id, found, sizeof(found));
    return ERR_OK;
}
