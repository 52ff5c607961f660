/* SHA-256 and HMAC-SHA256 (OpenSSL EVP). */
#ifndef RB_LIB_BASE_HASH_H
#define RB_LIB_BASE_HASH_H

#include "lib/base/err.h"

#include <stddef.h>
#include <stdint.h>

#define HASH_SIZE 32
#define HASH_HEX_SIZE 65 /* 64 digits and NUL */

struct hash_ctx; /* one running SHA-256 */

/* A running hash (heap). NULL when out of memory. hash_free(NULL) is fine. */
struct hash_ctx *hash_new(void);
void hash_free(struct hash_ctx *h);
void hash_reset(struct hash_ctx *h);
void hash_add(struct hash_ctx *h, const void *data, size_t n);
/* Ends it; call hash_reset() before the next use. */
void hash_end(struct hash_ctx *h, uint8_t out[HASH_SIZE]);

/* One-shot. */
void hash_sha256(const void *data, size_t n, uint8_t out[HASH_SIZE]);
void hash_sha256_hex(const void *data, size_t n, char out[HASH_HEX_SIZE]);
void hash_hmac(const void *key, size_t key_len, const void *data, size_t n, uint8_t out[HASH_SIZE]);

/* The first 8 bytes of SHA-256, big-endian: a place on the ring. */
uint64_t hash_ring_point(const void *data, size_t n);

/* Constant-time equality. */
int hash_equal(const void *a, const void *b, size_t n);

/* Hashes what is left in fd from its current offset, up to the end. *size (may be NULL) gets the bytes read. ERR_IO. */
enum err hash_fd(int fd, uint8_t out[HASH_SIZE], uint64_t *size) MUST_CHECK;

#endif
