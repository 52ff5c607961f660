#include "lib/auth/password.h"

#include "lib/auth/secret.h"
#include "lib/base/num.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define COST_TIMES_MAX 4
#define SALT_CHARS 22 /* 16 bytes of base64 without padding */
#define HASH_CHARS 43 /* 32 bytes */
static_assert(PASSWORD_HASH_SIZE == crypto_pwhash_STRBYTES, "a hash is kept as libsodium writes it");

/* Chooses libsodium's implementations for this processor; done before, it returns at once. Thread-safe. */
static int is_ready(void)
{
    return sodium_init() >= 0;
}

enum err password_hash(const char *password, size_t len, char out[PASSWORD_HASH_SIZE])
{
    char hash[PASSWORD_HASH_SIZE];
    if (len > PASSWORD_BYTES_MAX)
        return ERR_INVALID;
    if (!is_ready() ||
        crypto_pwhash_str_alg(hash, password, len, PASSWORD_PASSES, PASSWORD_MEMORY_BYTES, crypto_pwhash_ALG_ARGON2ID13) != 0)
        return ERR_NOMEM;
    memcpy(out, hash, sizeof(hash));
    return ERR_OK;
}

/* A hash of today's cost that no password is known to have. Whatever it says of one is not believed. */
static void make_dummy(char out[PASSWORD_HASH_SIZE])
{
    char zeroes[HASH_CHARS + 1];
    memset(zeroes, 'A', HASH_CHARS);
    zeroes[HASH_CHARS] = '\0';
    int n = snprintf(out, PASSWORD_HASH_SIZE, "$argon2id$v=19$m=%u,t=%u,p=1$%.*s$%s", PASSWORD_MEMORY_BYTES / 1024, PASSWORD_PASSES,
        SALT_CHARS, zeroes, zeroes);
    assert(n > 0 && n < PASSWORD_HASH_SIZE);
}

/* Reads a number of at most max behind a label, and steps over both. */
static int read_cost(const char **at, const char *label, uint64_t max)
{
    char digits[12] = "";
    uint64_t value;
    size_t n = strlen(label);
    if (strncmp(*at, label, n) != 0)
        return 0;
    size_t len = strspn(*at + n, "0123456789");
    if (len >= sizeof(digits))
        return 0;
    memcpy(digits, *at + n, len);
    *at += n + len;
    return num_parse_u64(digits, max, &value) == ERR_OK && value > 0;
}

/* Reads exactly len characters of base64 behind a dollar, and steps over them. */
static int read_base64(const char **at, size_t len)
{
    if (**at != '$' || strspn(*at + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") != len)
        return 0;
    *at += 1 + len;
    return 1;
}

/* What libsodium thinks of a text: 0 made at today's cost, 1 at another, -1 no hash. */
static int judge(const char *hash)
{
    char text[PASSWORD_HASH_SIZE] = ""; /* all of it is read */
    memcpy(text, hash, strnlen(hash, sizeof(text) - 1));
    return crypto_pwhash_str_needs_rehash(text, PASSWORD_PASSES, PASSWORD_MEMORY_BYTES);
}

int password_hash_ok(const char *hash)
{
    const char *at = hash;
    return read_cost(&at, "$argon2id$v=19$m=", COST_TIMES_MAX * (PASSWORD_MEMORY_BYTES / 1024)) &&
           read_cost(&at, ",t=", COST_TIMES_MAX * PASSWORD_PASSES) && read_cost(&at, ",p=", 1) && read_base64(&at, SALT_CHARS) &&
           read_base64(&at, HASH_CHARS) && *at == '\0' && judge(hash) >= 0;
}

int password_stale(const char *hash)
{
    return !password_hash_ok(hash) || judge(hash) != 0;
}

enum err password_verify(const char *hash, const char *password, size_t len)
{
    char text[PASSWORD_HASH_SIZE] = ""; /* libsodium reads all of it */
    int real = hash && password_hash_ok(hash) && len <= PASSWORD_BYTES_MAX;
    if (real)
        memcpy(text, hash, strlen(hash));
    else
        make_dummy(text);
    if (!is_ready())
        return ERR_NOMEM;
    int fits = crypto_pwhash_str_verify(text, password, len <= PASSWORD_BYTES_MAX ? len : PASSWORD_BYTES_MAX) == 0;
    secret_wipe(text, sizeof(text));
    return real && fits ? ERR_OK : ERR_AUTH;
}
