#include "lib/auth/password.h"

#include "lib/auth/secret.h"
#include "lib/base/num.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#define COST_TIMES_MAX 4
#define MEMORY_KIB (PASSWORD_MEMORY_BYTES / 1024)
#define MEMORY_MIN_KIB (crypto_pwhash_argon2id_MEMLIMIT_MIN / 1024)
#define BASE64 sodium_base64_VARIANT_ORIGINAL_NO_PADDING
static_assert(PASSWORD_HASH_SIZE == crypto_pwhash_STRBYTES, "a hash is kept as libsodium writes it");

/* What the text of a hash says. It is taken apart here, because libsodium's own verifying cannot tell a wrong password from a want of memory. */
struct parts {
    uint64_t memory_kib, passes;
    unsigned char salt[crypto_pwhash_SALTBYTES], hash[32];
};

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

/* Reads a number from min to max behind a label, and steps over both. */
static int read_cost(const char **at, const char *label, uint64_t min, uint64_t max, uint64_t *out)
{
    char digits[12] = "";
    size_t n = strlen(label);
    if (strncmp(*at, label, n) != 0)
        return 0;
    size_t len = strspn(*at + n, "0123456789");
    if (len >= sizeof(digits))
        return 0;
    memcpy(digits, *at + n, len);
    *at += n + len;
    return num_parse_u64(digits, max, out) == ERR_OK && *out >= min;
}

/* Reads exactly n bytes of base64 behind a dollar, and steps over them. */
static int read_base64(const char **at, unsigned char *out, size_t n)
{
    size_t len = 0, text_len = **at == '$' ? strcspn(*at + 1, "$") : 0;
    const char *text = *at + 1;
    if (text_len == 0 || sodium_base642bin(out, n, text, text_len, NULL, &len, NULL, BASE64) != 0 || len != n)
        return 0;
    *at = text + text_len;
    return 1;
}

static int take_apart(const char *hash, struct parts *out)
{
    const char *at = hash;
    uint64_t lanes;
    return read_cost(&at, "$argon2id$v=19$m=", MEMORY_MIN_KIB, COST_TIMES_MAX * MEMORY_KIB, &out->memory_kib) &&
           read_cost(&at, ",t=", 1, COST_TIMES_MAX * PASSWORD_PASSES, &out->passes) && read_cost(&at, ",p=", 1, 1, &lanes) &&
           read_base64(&at, out->salt, sizeof(out->salt)) && read_base64(&at, out->hash, sizeof(out->hash)) && *at == '\0';
}

int password_hash_ok(const char *hash)
{
    struct parts parts;
    int ok = take_apart(hash, &parts);
    secret_wipe(&parts, sizeof(parts));
    return ok;
}

int password_stale(const char *hash)
{
    struct parts parts;
    int stale = !take_apart(hash, &parts) || parts.memory_kib != MEMORY_KIB || parts.passes != PASSWORD_PASSES;
    secret_wipe(&parts, sizeof(parts));
    return stale;
}

enum err password_verify(const char *hash, const char *password, size_t len)
{
    struct parts parts = {0};
    unsigned char computed[sizeof(parts.hash)];
    int real = hash && len <= PASSWORD_BYTES_MAX && take_apart(hash, &parts);
    if (!real)
        parts = (struct parts){.memory_kib = MEMORY_KIB, .passes = PASSWORD_PASSES};
    if (!is_ready() || crypto_pwhash(computed, sizeof(computed), password, len <= PASSWORD_BYTES_MAX ? len : PASSWORD_BYTES_MAX, parts.salt,
                           parts.passes, (size_t)parts.memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13) != 0)
        return ERR_NOMEM;
    int same = sodium_memcmp(computed, parts.hash, sizeof(computed)) == 0;
    secret_wipe(computed, sizeof(computed));
    secret_wipe(&parts, sizeof(parts));
    return real && same ? ERR_OK : ERR_AUTH;
}
