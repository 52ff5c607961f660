#include "lib/base/hash.h"

#include "lib/base/num.h"

#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <unistd.h>

#define READ_SIZE 65536

/* SHA-256 over memory cannot fail but for want of a few hundred bytes of memory; a wrong or missing hash would be worse than an end. */
static void must(int ok)
{
    if (!ok)
        abort();
}

struct hash_ctx {
    EVP_MD_CTX *evp;
};

struct hash_ctx *hash_new(void)
{
    struct hash_ctx *h = malloc(sizeof(*h));
    if (!h)
        return NULL;
    h->evp = EVP_MD_CTX_new();
    if (!h->evp || EVP_DigestInit_ex(h->evp, EVP_sha256(), NULL) != 1) {
        hash_free(h);
        return NULL;
    }
    return h;
}

void hash_free(struct hash_ctx *h)
{
    if (!h)
        return;
    EVP_MD_CTX_free(h->evp);
    free(h);
}

void hash_reset(struct hash_ctx *h)
{
    must(EVP_DigestInit_ex(h->evp, NULL, NULL) == 1);
}

void hash_add(struct hash_ctx *h, const void *data, size_t n)
{
    must(EVP_DigestUpdate(h->evp, data, n) == 1);
}

void hash_end(struct hash_ctx *h, uint8_t out[HASH_SIZE])
{
    must(EVP_DigestFinal_ex(h->evp, out, NULL) == 1);
}

void hash_sha256(const void *data, size_t n, uint8_t out[HASH_SIZE])
{
    must(EVP_Digest(data, n, out, NULL, EVP_sha256(), NULL) == 1);
}

void hash_sha256_hex(const void *data, size_t n, char out[HASH_HEX_SIZE])
{
    uint8_t digest[HASH_SIZE];
    hash_sha256(data, n, digest);
    num_hex(digest, sizeof(digest), out);
}

void hash_hmac(const void *key, size_t key_len, const void *data, size_t n, uint8_t out[HASH_SIZE])
{
    must(key_len <= INT_MAX);
    must(HMAC(EVP_sha256(), key, (int)key_len, data, n, out, NULL) != NULL);
}

uint64_t hash_ring_point(const void *data, size_t n)
{
    uint8_t digest[HASH_SIZE];
    hash_sha256(data, n, digest);
    return num_load_be64(digest);
}

int hash_equal(const void *a, const void *b, size_t n)
{
    return CRYPTO_memcmp(a, b, n) == 0;
}

enum err hash_fd(int fd, uint8_t out[HASH_SIZE], uint64_t *size)
{
    struct hash_ctx *h = hash_new();
    uint8_t *piece = malloc(READ_SIZE);
    uint64_t total = 0;
    enum err e = h && piece ? ERR_OK : ERR_NOMEM;
    while (!e) {
        ssize_t got = read(fd, piece, READ_SIZE);
        if (got == 0)
            break;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            e = ERR_IO;
            break;
        }
        hash_add(h, piece, (size_t)got);
        total += (uint64_t)got;
    }
    if (!e) {
        hash_end(h, out);
        if (size)
            *size = total;
    }
    free(piece);
    hash_free(h);
    return e;
}
